--- Sends alerts as e-mail through a mail service with an HTTP API.
--
-- What: subject and text of an alert as JSON { from, to, subject, text }, as most services take it.
--       Secret MAIL_AUTH is the value of the Authorization header.
-- Args: url = "https://mail.example.com/send", from = "komodo@example.com", to = { "ops@example.com" }
-- Trigger: event, on = { "alert:*" }
-- capabilities: secret:MAIL_AUTH, http:*

local alert = komodo.event.alert
local to = assert(komodo.args.to, "args.to: to whom?")
local data = type(alert.data.data) == "table" and alert.data.data or {}

local what = data.message or (data.name and data.name .. ": " .. alert.data.type) or alert.data.type
local subject = ("[Komodo] %s %s"):format(alert.resolved and "RESOLVED" or alert.level, what):gsub("[\r\n]", " ")

local lines = { what, "", "When: " .. os.date("!%Y-%m-%d %H:%M:%S UTC", alert.ts // 1000) }
local names = {}
for name in pairs(data) do table.insert(names, name) end
table.sort(names)
for _, name in ipairs(names) do
  local value = data[name]
  if name ~= "message" then table.insert(lines, ("%s: %s"):format(name, type(value) == "table" and komodo.json.encode(value) or value)) end
end

local response = assert(komodo.http {
  url = assert(komodo.args.url, "args.url: which service?"),
  method = "POST",
  headers = { Authorization = assert(komodo.secret("MAIL_AUTH")) },
  json = { from = komodo.args.from or "komodo@localhost", to = to, subject = subject, text = table.concat(lines, "\n") },
  timeout = 20,
})
if response.status >= 300 then error(("the mail service answered %d: %s"):format(response.status, response.body:sub(1, 200)), 0) end
