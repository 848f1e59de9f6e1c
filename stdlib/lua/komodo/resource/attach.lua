--- References from one resource's config to another: checked, and written as ids (spec resources.md, validation of each type).
local fail = require("komodo.fail")
local attach = {}

--- Replaces the name or id in `config[field]` by the id, when the caller may attach that resource.
---@param ctx table
---@param config table A partial config; an absent or empty field is left alone.
---@param field string
---@param kind string
---@param message string What is said when it may not.
function attach.one(ctx, config, field, kind, message)
  local given = config[field]
  if type(given) ~= "string" or given == "" then return end
  local resource = require("komodo.resource")
  local ok, res = pcall(resource.require, ctx, kind, given, "Read", { "Attach" })
  if not ok then error(fail.context(message, res), 0) end
  config[field] = resource.id(res)
end

--- The same for every element of a list.
function attach.each(ctx, config, field, kind, message)
  local list = config[field]
  if type(list) ~= "table" then return end
  for i, given in ipairs(list) do
    local holder = { id = given }
    attach.one(ctx, holder, "id", kind, message:format(given))
    list[i] = holder.id
  end
end

return attach
