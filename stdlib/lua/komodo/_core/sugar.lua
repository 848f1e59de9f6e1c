--- komodo.stacks.deploy("web"): the requests of each resource type by short names. tests/lua/script_sugar_spec.lua holds
--- the names against the schema.

local komodo, core = ...
local type, error, pairs, setmetatable = type, error, pairs, setmetatable
local public = core.public

-- Of each type: its name, the field that names one, and verbs whose request is not Verb .. Type.
local kinds = {
  swarms = { type = "Swarm", param = "swarm" },
  servers = { type = "Server", param = "server" },
  stacks = { type = "Stack", param = "stack", deploy_if_changed = "DeployStackIfChanged", run_service = "RunStackService" },
  deployments = { type = "Deployment", param = "deployment", deploy = "Deploy" },
  builds = { type = "Build", param = "build" },
  repos = { type = "Repo", param = "repo", cancel_build = "CancelRepoBuild" },
  procedures = { type = "Procedure", param = "procedure" },
  actions = { type = "Action", param = "action" },
  builders = { type = "Builder", param = "builder" },
  alerters = { type = "Alerter", param = "alerter" },
  syncs = { type = "ResourceSync", param = "sync", run = "RunSync" },
}

local function camel(verb)
  return (verb:gsub("^%l", function(c) return c:upper() end):gsub("_(%l)", function(c) return c:upper() end))
end

-- "start_container" of a server is StartContainer, "remove_nodes" of a swarm RemoveSwarmNodes, "pull" of a stack PullStack.
local function request_of(kind, verb)
  if kind[verb] and verb ~= "type" and verb ~= "param" then return kind[verb] end
  local name = camel(verb)
  if kind.type == "Server" then return name end
  if kind.type == "Swarm" then return (name:gsub("^(%u%l+)", "%1Swarm", 1)) end
  return name .. kind.type
end

local function one(what, x)
  if type(x) ~= "string" then error(what .. ": the first argument is a name or an id", 3) end
  return x
end

local function methods_of(plural, kind)
  local t, own = kind.type, {}
  function own.list(query) return public.read("List" .. t .. "s", { query = query }) end
  function own.get(x) return public.read("Get" .. t, { [kind.param] = one(plural .. ".get", x) }) end
  function own.create(params) return public.write("Create" .. t, params) end
  function own.update(x, config) return public.write("Update" .. t, { id = one(plural .. ".update", x), config = config }) end
  function own.delete(x) return public.write("Delete" .. t, { id = one(plural .. ".delete", x) }) end
  return own
end

for plural, kind in pairs(kinds) do
  local own = methods_of("komodo." .. plural, kind)
  komodo[plural] = core.freeze(setmetatable(own, {
    __index = function(_, verb)
      if type(verb) ~= "string" then return nil end
      return function(x, params, opts)
        local request = { [kind.param] = one("komodo." .. plural .. "." .. verb, x) }
        for name, value in pairs(params or {}) do request[name] = value end
        return public.execute(request_of(kind, verb), request, opts)
      end
    end,
  }))
end
