--- Variables (spec api.md 18.9). A secret's value never reaches the audit log.
local engine = require("engine")
local fail = require("komodo.fail")
local update = require("komodo.update")

local store = engine.store
local SYSTEM = { type = "System", id = "system" }

local function shown(v, value) return v.is_secret and ("#"):rep(#value) or value end

-- The description is left out when it is empty, as existing data has it.
local function document(v)
  return { name = v.name, description = v.description ~= "" and v.description or nil, value = v.value, is_secret = v.is_secret }
end

local function save(v, record)
  local change = store.change()
  change:put("Variable", v.name, document(v))
  if record then
    update.finalize(record)
    update.save(record, change)
  end
  fail.unless(nil, change:commit())
  if record then update.broadcast(record) end
  return document(v)
end

local function latest(name)
  local v = store.latest("Variable", name)
  if not v then fail.raise("not_found", "No variable found with name '%s'", name) end
  v.description = v.description or ""
  return v
end

local function record(ctx, operation, stage, message)
  local u = update.new(ctx.user, operation, SYSTEM)
  update.log(u, stage, message)
  return u
end

engine.handle("write/CreateVariable", function(params, ctx)
  engine.auth.validate("variable_name", params.name)
  engine.auth.validate("variable_value", params.value)
  if store.latest("Variable", params.name) then fail.raise("conflict", "Variable with name '%s' already exists", params.name) end
  local v = { name = params.name, value = params.value, description = params.description, is_secret = params.is_secret }
  return save(v, record(ctx, "CreateVariable", "Create Variable", ("name: %s\nvalue: %s"):format(v.name, shown(v, v.value))))
end)

engine.handle("write/UpdateVariableValue", function(params, ctx)
  engine.auth.validate("variable_value", params.value)
  local v = latest(params.name)
  if v.value == params.value then return document(v) end
  local message = ("name: %s\nfrom: %s\nto: %s"):format(v.name, shown(v, v.value), shown(v, params.value))
  v.value = params.value
  return save(v, record(ctx, "UpdateVariableValue", "Update Variable Value", message))
end)

engine.handle("write/UpdateVariableDescription", function(params)
  local v = latest(params.name)
  v.description = params.description
  return save(v)
end)

engine.handle("write/UpdateVariableIsSecret", function(params)
  local v = latest(params.name)
  v.is_secret = params.is_secret
  return save(v)
end)

engine.handle("write/DeleteVariable", function(params, ctx)
  local v = latest(params.name)
  local u = record(ctx, "DeleteVariable", "Delete Variable", ("name: %s\nvalue: %s"):format(v.name, shown(v, v.value)))
  local change = store.change()
  change:delete("Variable", v.name)
  update.finalize(u)
  update.save(u, change)
  fail.unless(nil, change:commit())
  update.broadcast(u)
  return document(v)
end)
