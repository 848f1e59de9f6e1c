--- The limits of an Action as its config gives them (spec lua.md 5); defaults and maxima are `script_limits` and
--- `script_limits_max` of the engine. Pure.
local fail = require("komodo.fail")
local limits = {}

local fraction = { cpu_seconds = true, wall_seconds = true }

--- Raises for what is unknown, of another type, or too large; the message names the key.
---@param given table<string, number>
---@param maximum table<string, number> All keys there are, with their greatest values.
function limits.check(given, maximum)
  for key, value in pairs(given) do
    local max = maximum[key]
    if not max then fail.raise("invalid", "config.limits.%s is unknown", tostring(key)) end
    if type(value) ~= "number" or not (value > 0) then fail.raise("invalid", "config.limits.%s must be a number above 0", key) end
    if value > max then fail.raise("invalid", "config.limits.%s must not be above %s", key, ("%.10g"):format(max)) end
    if not fraction[key] and value ~= math.floor(value) then fail.raise("invalid", "config.limits.%s must be a whole number", key) end
  end
end

--- Those that hold for a run: what is given, or the default; no more than the maximum, which may have been lowered since.
---@return table<string, number>
function limits.effective(given, defaults, maximum)
  local out = {}
  for key, default in pairs(defaults) do out[key] = math.min(given and given[key] or default, maximum[key] or math.huge) end
  return out
end

--- Those of the script workers.
function limits.of_run(effective)
  local out = {}
  for key, value in pairs(effective) do
    if key ~= "http_kb" then out[key] = value end
  end
  return out
end

return limits
