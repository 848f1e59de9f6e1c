--- What an Action may make of an alert before it goes out (spec lua.md 2). Pure.
local fail = require("komodo.fail")
local route = {}

local levels = { OK = true, WARNING = true, CRITICAL = true }

local function text(value, name)
  if type(value) ~= "string" then fail.raise("invalid", "the returned value.%s must be text, not %s", name, type(value)) end
  return value
end

local fields = {
  level = function(value)
    if not levels[value] then fail.raise("invalid", 'the returned value.level must be "OK", "WARNING" or "CRITICAL"') end
    return value
  end,
  message = text, details = text,
  alerters = function(value)
    if type(value) ~= "table" then fail.raise("invalid", "the returned value.alerters must be a list of names or ids") end
    for i, name in ipairs(value) do text(name, ("alerters[%d]"):format(i)) end
    return value
  end,
}

local function copy(t, with)
  local out = {}
  for key, value in pairs(t) do out[key] = value end
  for key, value in pairs(with) do out[key] = value end
  return out
end

--- The alert as it goes out after an Action looked at it; nil: not at all. Another message makes it a Custom one.
---@param doc Alert
---@param said any What the Action returned: nil leaves it as it is, false stops it, a table changes it.
---@return Alert?
---@return string[]? alerters Only through these.
function route.apply(doc, said)
  if said == false then return nil end
  if said == nil or type(said) == "userdata" then return doc end
  if type(said) ~= "table" then
    fail.raise("invalid", "the returned value must be nil, false or a table with level, message, details, alerters, not %s", type(said))
  end
  local got = {}
  for name, value in pairs(said) do
    local read = fields[name]
    if not read then fail.raise("invalid", "the returned value.%s is unknown; fields are level, message, details, alerters", tostring(name)) end
    if type(value) ~= "userdata" then got[name] = read(value, name) end
  end
  local changes = { level = got.level }
  if got.message or got.details then
    local old = doc.data.type == "Custom" and doc.data.data or {}
    changes.data = { type = "Custom", data = {
      message = got.message or old.message or doc.data.type, details = got.details or (got.message and "" or old.details) or "" } }
  end
  return copy(doc, changes), got.alerters
end

return route
