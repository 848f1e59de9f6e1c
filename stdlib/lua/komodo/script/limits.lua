--- The limits of an Action as its config gives them (spec lua.md 5). Pure.
local fail = require("komodo.fail")
local limits = {}

--- Key to its greatest value.
local maximum = {
  cpu_seconds = 3600, wall_seconds = 604800, memory_mb = 1024, log_kb = 16384, tasks = 10000, api_calls = 1000000,
  result_kb = 16384, http_kb = 262144,
}
local fraction = { cpu_seconds = true, wall_seconds = true }

--- Raises for what is unknown, of another type, or too large; the message names the key.
function limits.check(given)
  for key, value in pairs(given) do
    local max = maximum[key]
    if not max then fail.raise("invalid", "config.limits.%s is unknown", tostring(key)) end
    if type(value) ~= "number" or not (value > 0) then fail.raise("invalid", "config.limits.%s must be a number above 0", key) end
    if value > max then fail.raise("invalid", "config.limits.%s must not be above %d", key, max) end
    if not fraction[key] and value ~= math.floor(value) then fail.raise("invalid", "config.limits.%s must be a whole number", key) end
  end
end

--- Those of the script workers.
function limits.of_run(given)
  local out = {}
  for key, value in pairs(given or {}) do
    if key ~= "http_kb" then out[key] = value end
  end
  return out
end

return limits
