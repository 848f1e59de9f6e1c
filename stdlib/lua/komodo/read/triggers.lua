--- What starts an Action, for the page that shows it (spec lua.md 2).
local engine = require("engine")
local http_trigger = require("komodo.script.http_trigger")
local resource = require("komodo.resource")
local sender = require("komodo.sender")

local json = engine.json
local RUNS = 5

local function escaped(s)
  return (s:gsub("[^%w%-._~]", function(c) return ("%%%02X"):format(c:byte()) end))
end

-- The next runs of a schedule, and why there are none.
local function next_runs(config)
  local zone = config.schedule_timezone ~= "" and config.schedule_timezone or engine.conf("timezone")
  local list, at = json.array({}), engine.now()
  for i = 1, RUNS do
    local err
    at, err = engine.schedule.next(config.schedule_format, config.schedule, zone, at)
    if not at then return list, i == 1 and err.message or nil end
    list[i] = at
  end
  return list
end

local function schedule_of(config)
  local runs, problem = next_runs(config)
  return { type = "schedule", enabled = config.schedule_enabled and not problem, schedule = config.schedule, next_runs = runs, problem = problem }
end

local function http_of(res, trigger, base, i)
  local path = http_trigger.path(trigger.path)
  local url = ("%s/hook/%s"):format(base, escaped(res.name))
  for part in path:gmatch("[^/]+") do url = url .. "/" .. escaped(part) end
  local problem
  if trigger.auth ~= "none" and not sender.secret(res) then problem = "There is no secret: set webhook_secret, or that of the engine" end
  return { type = "http", enabled = res.config.webhook_enabled and not problem, index = i - 1, url = url, method = trigger.method or "POST",
    auth = trigger.auth, problem = problem }
end

engine.handle("read/GetActionTriggers", function(params, ctx)
  local res = resource.require(ctx, "Action", params.action)
  local config, out = res.config, json.array({})
  local base = engine.conf("webhook_base_url")
  if base == nil or base == "" then base = engine.conf("host") end
  if config.schedule ~= "" then out[#out + 1] = schedule_of(config) end
  if config.run_at_startup then out[#out + 1] = { type = "startup", enabled = true } end
  out[#out + 1] = { type = "webhook", enabled = config.webhook_enabled and sender.secret(res) ~= nil, method = "POST",
    url = ("%s/listener/github/action/%s/__ANY__"):format(base, resource.id(res)) }
  for i, trigger in ipairs(config.triggers) do
    out[#out + 1] = trigger.type == "http" and http_of(res, trigger, base, i)
      or { type = trigger.type, enabled = true, index = i - 1, trigger = trigger }
  end
  return out
end)
