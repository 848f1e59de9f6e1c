--- What is special about the life of the types that need little (spec api.md 10.6, resources.md). Deployments have their own file.
local engine = require("engine")
local attach = require("komodo.resource.attach")
local capability = require("komodo.script.capability")
local fail = require("komodo.fail")
local git = require("komodo.script.git")
local http_trigger = require("komodo.script.http_trigger")
local kv = require("komodo.script.kv")
local limits = require("komodo.script.limits")
local recording = require("komodo.script.recording")
local records = require("komodo.script.records")
local resource = require("komodo.resource")
local rights = require("komodo.script.rights")
local schedules = require("komodo.schedules")
local source = require("komodo.script.source")
local text = require("komodo.text")
local triggers = require("komodo.triggers")

local hooks, store = resource.hooks, engine.store

local function parseable(config, field)
  if type(config[field]) ~= "string" then return end
  local ok, err = text.pairs(config[field])
  if not ok then error(fail.context("Invalid " .. field, fail.new("invalid", ("config.%s: %s"):format(field, err))), 0) end
end

local function drop_blank(config, field)
  local list = config[field]
  if type(list) ~= "table" then return end
  for i = #list, 1, -1 do
    if text.trim(list[i]) == "" then table.remove(list, i) end
  end
end

--- Shared with the deployment hooks.
local checks = { parseable = parseable, drop_blank = drop_blank }

hooks.Swarm = {
  validate = function(config, ctx) attach.each(ctx, config, "server_ids", "Server", "Cannot attach Server %s to this Swarm") end,
}

-- The agent may have to be dialled anew; the list item shows the result at once.
local function refresh(res) engine.monitor.refresh(resource.id(res)) end

hooks.Server = {
  created = refresh,
  before_delete = function(res)
    local id, change = resource.id(res), store.change()
    for _, kind in ipairs({ "Deployment", "Stack", "Repo" }) do
      for _, other in ipairs(store.list(kind)) do
        if other.config.server_id == id then
          other = store.latest(kind, resource.id(other))
          other.config.server_id = ""
          change:put(kind, resource.id(other), other)
        end
      end
    end
    for _, key in ipairs(store.list("OnboardingKey")) do
      local touched = key.copy_server == id
      if touched then key.copy_server = "" end
      for i = #key.onboarded, 1, -1 do
        if key.onboarded[i] == id then
          table.remove(key.onboarded, i)
          touched = true
        end
      end
      if touched then change:put("OnboardingKey", key.public_key, key) end
    end
    fail.unless(nil, change:commit())
  end,
}

hooks.Stack = {
  validate = function(config, ctx)
    attach.one(ctx, config, "swarm_id", "Swarm", "Cannot attach Stack to this Swarm")
    attach.one(ctx, config, "server_id", "Server", "Cannot attach Stack to this Server")
    attach.one(ctx, config, "linked_repo", "Repo", "Cannot attach Repo to this Stack")
  end,
}

hooks.Build = {
  validate = function(config, ctx)
    attach.one(ctx, config, "builder_id", "Builder", "Cannot attach Build to this Builder")
    attach.one(ctx, config, "linked_repo", "Repo", "Cannot attach Repo to this Build")
    parseable(config, "build_args")
    parseable(config, "secret_args")
    drop_blank(config, "extra_args")
  end,
}

hooks.Repo = {
  validate = function(config, ctx)
    attach.one(ctx, config, "server_id", "Server", "Cannot attach Repo to this Server")
    attach.one(ctx, config, "builder_id", "Builder", "Cannot attach Repo to this Builder")
  end,
}

hooks.ResourceSync = {
  validate = function(config, ctx) attach.one(ctx, config, "linked_repo", "Repo", "Cannot attach Repo to this Resource Sync") end,
}

hooks.Builder = {
  validate = function(config, ctx)
    if config.type == "Server" and type(config.params) == "table" then
      attach.each(ctx, config.params, "server_ids", "Server", "Cannot attach Server %s to this Builder")
    end
  end,
  deleted = function(res)
    local id, change = resource.id(res), store.change()
    for _, kind in ipairs({ "Build", "Repo" }) do
      for _, other in ipairs(store.list(kind)) do
        if other.config.builder_id == id then
          other = store.latest(kind, resource.id(other))
          other.config.builder_id = ""
          change:put(kind, resource.id(other), other)
        end
      end
    end
    fail.unless(nil, change:commit())
  end,
}

-- A new Action starts with something that runs.
local sample = [[
-- The `komodo` module is ready to use; every request of the API is one call away.
local version = assert(komodo.read("GetVersion", {}))
print("Komodo version:", version.version)

-- Arguments of the run, merged over the defaults below.
for name, value in pairs(komodo.args) do print(name, value) end
]]

hooks.Action = {
  validate = function(config, ctx, existing)
    if not existing and (config.file_contents == nil or config.file_contents == "") then config.file_contents = sample end
    if type(config.limits) == "table" then limits.check(config.limits, engine.conf("script_limits_max")) end
    if type(config.capabilities) == "table" then capability.list(config.capabilities) end
    if type(config.triggers) == "table" then http_trigger.check(config.triggers, engine.json.null) end
    attach.one(ctx, config, "linked_repo", "Repo", "Cannot attach Repo to this Action")
    git.check(config)
    if type(config.triggers) == "table" then triggers.check(config.triggers) end
  end,
  admit = rights.admit_action,
}

hooks.Procedure = { admit = rights.admit_procedure }

for _, kind in ipairs({ "Procedure", "Action" }) do
  local own = hooks[kind]
  own.stored, own.removed = rights.store, rights.forget
  own.created = function(res) schedules.follow(kind, res) end
  own.deleted = function(res)
    schedules.forget(kind, resource.id(res))
    kv.forget(resource.id(res))
    records.forget(resource.id(res))
    if kind == "Action" then
      recording.forget(resource.id(res))
      source.sweep()
    end
  end
end

return checks
