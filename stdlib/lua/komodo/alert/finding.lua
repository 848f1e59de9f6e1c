--- What an alert rule said of one target, and what follows from it (spec lua.md 2). Pure.
---
---   nil   fine      { level = "WARNING"|"CRITICAL", message, details?, key?, for_seconds?, resolve_after? }, or a list of such
local fail = require("komodo.fail")
local finding = {}

local COUNT_MAX, SECONDS_MAX = 100, 31 * 86400
local levels = { WARNING = 1, CRITICAL = 2 }

---@class Finding
---@field level "WARNING"|"CRITICAL"
---@field message string
---@field details string
---@field key string "" for the only one of its target.
---@field for_seconds number It must hold so long before the alert opens.
---@field resolve_after number It must be fine so long before the alert resolves.

local function text(max, may_be_empty)
  return function(value, at)
    if type(value) ~= "string" or (value == "" and not may_be_empty) then
      fail.raise("invalid", "%s must be %stext, not %s", at, may_be_empty and "" or "non-empty ", type(value))
    end
    if #value > max then fail.raise("invalid", "%s is longer than %d bytes", at, max) end
  end
end

local function seconds(value, at)
  if type(value) ~= "number" or not (value >= 0 and value <= SECONDS_MAX) then
    fail.raise("invalid", "%s must be seconds, 0 to %d", at, SECONDS_MAX)
  end
end

local checks = {
  level = function(value, at)
    if not levels[value] then fail.raise("invalid", '%s must be "WARNING" or "CRITICAL", not %s', at, tostring(value)) end
  end,
  message = text(2000), details = text(12000, true), key = text(200, true), for_seconds = seconds, resolve_after = seconds,
}

local function read_one(value, where)
  if type(value) ~= "table" then fail.raise("invalid", "%s must be a table with level and message, not %s", where, type(value)) end
  local out = { details = "", key = "", for_seconds = 0, resolve_after = 0 }
  for name, field in pairs(value) do
    local check = checks[name]
    if not check then fail.raise("invalid", "%s.%s is unknown; fields are level, message, details, key, for_seconds, resolve_after", where, tostring(name)) end
    if type(field) ~= "userdata" then   -- null is as absent
      check(field, where .. "." .. name)
      out[name] = field
    end
  end
  for _, name in ipairs({ "level", "message" }) do
    if out[name] == nil then fail.raise("invalid", "%s.%s is missing", where, name) end
  end
  return out
end

--- The findings of one evaluation, by key; raises for a wrong shape, naming the field.
---@param value any What the script returned; null and nil are fine.
---@return table<string, Finding>
function finding.read(value)
  local out = {}
  if value == nil or type(value) == "userdata" then return out end
  if type(value) ~= "table" then read_one(value, "the returned value") end
  local list, is_list = value, value[1] ~= nil or next(value) == nil
  if not is_list then list = { value } end
  if #list > COUNT_MAX then fail.raise("invalid", "the returned list has more than %d entries", COUNT_MAX) end
  for i, entry in ipairs(list) do
    local one = read_one(entry, is_list and ("the returned value[%d]"):format(i) or "the returned value")
    if out[one.key] then fail.raise("invalid", "the returned value[%d].key: '%s' stands twice in the list", i, one.key) end
    out[one.key] = one
  end
  return out
end

---@class Watch What is remembered of one key of one target.
---@field bad_since? integer
---@field good_since? integer

--- What to do about one key now.
---@param watch Watch Changed in place.
---@param open? { level: string, message: string, details: string, resolve_after: number } The alert that is open.
---@param found? Finding nil: it is fine.
---@param now integer In milliseconds.
---@return "open"|"change"|"resolve"|nil
function finding.step(watch, open, found, now)
  if not found then
    watch.bad_since = nil
    watch.good_since = watch.good_since or now
    return open and now - watch.good_since >= open.resolve_after * 1000 and "resolve" or nil
  end
  watch.good_since = nil
  watch.bad_since = watch.bad_since or now
  if open then
    local same = open.level == found.level and open.message == found.message and open.details == found.details
      and open.resolve_after == found.resolve_after
    return not same and "change" or nil
  end
  return now - watch.bad_since >= found.for_seconds * 1000 and "open" or nil
end

return finding
