--- The engine's errors as Lua raises them: a table { code, message, trace, status? } that keeps its code on the way to the
--- client (base/err.def lists the codes).
local fail = {}

local mt = { __tostring = function(e) return e.message end, __name = "error" }

---@class Err
---@field code string
---@field message string
---@field trace string[]
---@field status? integer HTTP status, when it is not the one of the code.

---@param code string
---@param message string
---@param trace? string[]
---@return Err
function fail.new(code, message, trace)
  return setmetatable({ code = code, message = message, trace = trace or {} }, mt)
end

--- Raises an error that a client is meant to read.
---@param code string
---@param fmt string
function fail.raise(code, fmt, ...)
  error(fail.new(code, select("#", ...) > 0 and fmt:format(...) or fmt), 0)
end

--- Any caught value as an error table. A plain string is a mistake of ours: its text is for the log, not for clients.
---@param e any
---@return Err
function fail.from(e)
  if type(e) == "table" and e.code then return e end
  return fail.new("internal", tostring(e))
end

--- The same error below an outer message.
---@param message string
---@param e any
---@return Err
function fail.context(message, e)
  e = fail.from(e)
  local trace = { e.message }
  for _, line in ipairs(e.trace or {}) do trace[#trace + 1] = line end
  local out = fail.new(e.code, message, trace)
  out.status = e.status
  return out
end

--- Returns what a waiting call returned, or raises its error below `message`.
function fail.unless(message, value, err)
  if value == nil then error(message and fail.context(message, err) or fail.from(err), 0) end
  return value
end

return fail
