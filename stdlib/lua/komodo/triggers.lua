--- What may start an Action besides people, schedules and git (spec lua.md 2): checked when it is saved.
local engine = require("engine")
local fail = require("komodo.fail")
local match = require("komodo.match")
local targets = require("komodo.alert.targets")

local triggers = {}
local COUNT_MAX, ENTRIES_MAX, FILTER_MAX = 50, 100, 4096

--- By type: check(trigger, where), which raises and names the field. Other files add theirs here.
triggers.checks = {}

local function is_set(value) return value ~= nil and type(value) ~= "userdata" end

--- The matcher of an entry of `on`, and what it follows: "update" or "alert".
---@param entry string "update:DeployStack", "alert:*"
---@return "update"|"alert"|nil
---@return fun(name: string): boolean
function triggers.event_of(entry)
  local what, pattern = entry:match("^(%l+):([%w*?]+)$")
  if what ~= "update" and what ~= "alert" then return nil end
  return what, match.predicate(pattern)
end

--- The script that evaluates a filter; nil and why it is no expression.
---@param filter string
function triggers.filter_source(filter)
  local source = "local update, alert = komodo.event.update, komodo.event.alert\nreturn (" .. filter .. "\n) and true or false"
  local ok, problem = load(source, "=filter", "t", {})
  if not ok then return nil, (problem:gsub("^filter:%d+: ", "")) end
  return source
end

function triggers.checks.poll(trigger, where)
  targets.parse(trigger.targets, where .. ".targets", engine.regex)
  if is_set(trigger.every) and not pcall(engine.timelength_ms, trigger.every) then
    fail.raise("invalid", "%s.every must be a time such as 1-min or 6-hr", where)
  end
end

local function check_name(what, name, where)
  if name:find("[*?]") then return end
  local known
  if what == "update" then
    known = engine.schema.normalise("Update", { operation = name }, "partial")
  else
    known = engine.schema.normalise("AlerterConfig", { alert_types = engine.json.array({ name }) }, "partial")
  end
  if not known then fail.raise("invalid", "%s: there is no %s called '%s'", where, what == "update" and "operation" or "kind of alert", name) end
end

function triggers.checks.event(trigger, where)
  local list = trigger.on
  if type(list) ~= "table" or #list == 0 or #list > ENTRIES_MAX then
    fail.raise("invalid", "%s.on must be a list of 1 to %d events such as update:DeployStack or alert:*", where, ENTRIES_MAX)
  end
  for i, entry in ipairs(list) do
    local at = ("%s.on[%d]"):format(where, i - 1)
    local what = type(entry) == "string" and triggers.event_of(entry)
    if not what then fail.raise("invalid", "%s must look like update:DeployStack, update:* or alert:ServerCpu", at) end
    check_name(what, entry:match(":(.*)"), at)
  end
  if is_set(trigger.filter) and trigger.filter ~= "" then
    if type(trigger.filter) ~= "string" or #trigger.filter > FILTER_MAX then
      fail.raise("invalid", "%s.filter must be a Lua expression of at most %d bytes", where, FILTER_MAX)
    end
    local ok, problem = triggers.filter_source(trigger.filter)
    if not ok then fail.raise("invalid", "%s.filter is no Lua expression: %s", where, problem) end
  end
end

--- Checks the `triggers` of a config.
---@param list table[]
function triggers.check(list)
  if #list > COUNT_MAX then fail.raise("invalid", "config.triggers has more than %d entries", COUNT_MAX) end
  for i, trigger in ipairs(list) do
    local where = ("config.triggers[%d]"):format(i - 1)
    local check = type(trigger) == "table" and triggers.checks[trigger.type]
    if check then check(trigger, where) end
  end
end

return triggers
