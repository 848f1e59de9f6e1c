--- Events that somebody made up to try an Action with an event trigger: they look like real ones, but for `sample_by`.
local engine = require("engine")
local fail = require("komodo.fail")
local sample = {}

--- Raises when it is none, naming the field.
---@param given table `{ update }` or `{ alert }`.
---@return string name Such as "update:DeployStack".
function sample.check(given)
  local update, alert = given.update, given.alert
  if (update == nil) == (alert == nil) then fail.raise("invalid", "event must have either update or alert") end
  local name = update and "update" or "alert"
  given[name] = fail.unless(("event.%s is not as Get%s has it"):format(name, update and "Update" or "Alert"),
    engine.schema.normalise(update and "Update" or "Alert", given[name], "full"))
  return update and "update:" .. given.update.operation or "alert:" .. given.alert.data.type
end

--- What the script gets as komodo.event.
---@param given table
---@param user User Who made it up.
function sample.event(given, user)
  local name = sample.check(given)
  return { type = "event", name = name, update = given.update, alert = given.alert, sample_by = user.username }
end

return sample
