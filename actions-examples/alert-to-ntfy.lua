--- Sends alerts to ntfy, with priority and tags that fit.
--
-- What: formats an alert that opened or resolved. Secret NTFY_TOKEN holds the access token.
-- Args: url = "https://ntfy.example.com/ops", only = "CRITICAL" (leave the rest out; absent: everything)
-- Trigger: event, on = { "alert:*" }
-- capabilities: secret:NTFY_TOKEN, http:*

local alert = komodo.event.alert
if komodo.args.only and alert.level ~= komodo.args.only then return nil end

local looks = {
  OK = { priority = "2", tags = "white_check_mark" },
  WARNING = { priority = "4", tags = "warning" },
  CRITICAL = { priority = "5", tags = "rotating_light" },
}
local look = alert.resolved and looks.OK or looks[alert.level] or looks.WARNING

-- "ServerCpu" reads "server cpu".
local kind = alert.data.type:gsub("(%l)(%u)", "%1 %2"):lower()
local data = type(alert.data.data) == "table" and alert.data.data or {}
local lines = { data.message or (data.name and data.name .. ": " .. kind) or kind }
if data.details and data.details ~= "" then table.insert(lines, data.details) end
if data.err and type(data.err) == "table" then table.insert(lines, tostring(data.err.error)) end

local response = assert(komodo.http {
  url = assert(komodo.args.url, "args.url: which topic?"),
  method = "POST",
  headers = { Title = (alert.resolved and "Resolved: " or "") .. kind, Priority = look.priority, Tags = look.tags,
    Authorization = "Bearer " .. assert(komodo.secret("NTFY_TOKEN")) },
  body = table.concat(lines, "\n"),
  timeout = 10,
})
if response.status >= 300 then error("ntfy answered " .. response.status, 0) end
return nil
