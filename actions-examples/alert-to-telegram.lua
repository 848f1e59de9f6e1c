--- Sends alerts to a Telegram chat.
--
-- What: one message an alert, HTML escaped. Variable TELEGRAM_SEND_URL holds https://api.telegram.org/bot<token>/sendMessage.
-- Args: chat = "-100123456"
-- Trigger: event, on = { "alert:*" }
-- capabilities: read:GetVariable, http:api.telegram.org

local alert = komodo.event.alert
local chat = assert(komodo.args.chat, "args.chat: to whom?")

local function escape(text)
  return (tostring(text):gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }))
end

local signs = { OK = "✅", WARNING = "⚠️", CRITICAL = "🚨" }
local data = type(alert.data.data) == "table" and alert.data.data or {}
local lines = { ("%s <b>%s</b>"):format(alert.resolved and signs.OK or signs[alert.level] or "", escape(data.message or alert.data.type)) }

local names = {}
for name, value in pairs(data) do
  if name ~= "message" and type(value) ~= "table" and value ~= "" then table.insert(names, name) end
end
table.sort(names)
for _, name in ipairs(names) do table.insert(lines, ("%s: <code>%s</code>"):format(escape(name), escape(data[name]))) end

local message = { chat_id = chat, parse_mode = "HTML", text = table.concat(lines, "\n"), disable_web_page_preview = true }
local function send()
  return assert(komodo.http.post(assert(komodo.var("TELEGRAM_SEND_URL")), { json = message, timeout = 10 }))
end
local response = send()
if response.status == 429 then   -- too many messages: wait and try once more
  komodo.sleep(30)
  response = send()
end
if response.status ~= 200 then error("Telegram answered " .. response.status, 0) end
