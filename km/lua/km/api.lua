--- The API over HTTP (spec cli.md 1, 6).

local json = require("komodo.testing.json")
local native = require("km.native")

local M = {}

local reasons = {
  [400] = "Bad Request", [401] = "Unauthorized", [403] = "Forbidden", [404] = "Not Found", [405] = "Method Not Allowed", [409] = "Conflict",
  [413] = "Payload Too Large", [415] = "Unsupported Media Type", [422] = "Unprocessable Entity", [429] = "Too Many Requests",
  [500] = "Internal Server Error", [501] = "Not Implemented", [502] = "Bad Gateway", [503] = "Service Unavailable",
  [504] = "Gateway Timeout", [507] = "Insufficient Storage",
}

---@class Api
---@field host string
---@field headers string[]
local Api = {}
Api.__index = Api

-- The words of a refusal: the status, then what the engine says of it.
local function refusal(status, text)
  local answer = json.decode(text)
  local said = type(answer) == "table" and type(answer.error) == "string" and answer.error or ""
  local parts = { ("%d %s"):format(status, reasons[status] or ""):match("^(.-)%s*$") }
  if said ~= "" then parts[#parts + 1] = said end
  for _, line in ipairs(type(answer) == "table" and type(answer.trace) == "table" and answer.trace or {}) do parts[#parts + 1] = tostring(line) end
  return table.concat(parts, ": ")
end

--- Sends a request; its answer, or nil and why there is none.
---@param group string "read", "write", "execute"
---@param name string
---@param params? table
---@return any?
---@return string? message
function Api:call(group, name, params)
  local body = json.encode({ type = name, params = params or {} })
  local status, text = native.post(self.host .. "/" .. group, self.headers, body)
  if not status then return nil, "failed to reach Komodo API: " .. text end
  if status ~= 200 then return nil, refusal(status, text) end
  local value, problem = json.decode(text)
  if value == nil then return nil, ("%s does not answer as the Komodo API does: %s"):format(self.host, tostring(problem)) end
  return value
end

--- A client for the configured engine; asks for its version first.
---@param over? { host?: string, key?: string, secret?: string } What the command line says.
---@return Api?
---@return string? message
function M.open(over)
  over = over or {}
  local given = {}
  for option, key in pairs({ host = "host", key = "cli_key", secret = "cli_secret" }) do
    local value, problem = over[option], nil
    if not value then value, problem = native.config(key) end
    if not value then return nil, problem end
    if value:find("[%c]") then return nil, ("%s must not have control characters"):format(key) end
    given[option] = value
  end
  if given.host == "" then return nil, "host is missing: set it in komodo.cli.toml, as KOMODO_CLI_HOST, or with --host" end
  if given.key == "" or given.secret == "" then return nil, "Must provide both cli_key and cli_secret" end
  local api = setmetatable({ host = given.host,
    headers = { "x-api-key: " .. given.key, "x-api-secret: " .. given.secret, "content-type: application/json" } }, Api)
  local _, problem = api:call("read", "GetVersion")
  if problem then return nil, problem end
  return api
end

return M
