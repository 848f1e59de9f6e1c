--- Which request komodo.stacks.deploy and the like are: for the module, the checker and komodo.testing. Pure;
--- tests/lua/script_sugar_spec.lua holds it against the schema.

local M = {}

--- Of each plural: its type, the field that names one, and verbs whose request is not Verb .. Type.
M.kinds = {
  swarms = { type = "Swarm", param = "swarm" },
  servers = { type = "Server", param = "server" },
  stacks = { type = "Stack", param = "stack", verbs = { deploy_if_changed = "DeployStackIfChanged", run_service = "RunStackService" } },
  deployments = { type = "Deployment", param = "deployment", verbs = { deploy = "Deploy" } },
  builds = { type = "Build", param = "build" },
  repos = { type = "Repo", param = "repo", verbs = { cancel_build = "CancelRepoBuild" } },
  procedures = { type = "Procedure", param = "procedure" },
  actions = { type = "Action", param = "action" },
  builders = { type = "Builder", param = "builder" },
  alerters = { type = "Alerter", param = "alerter" },
  syncs = { type = "ResourceSync", param = "sync", verbs = { run = "RunSync" } },
}

--- list(query), get(x), create(params), update(x, config), delete(x): group and request.
M.plain = {
  list = function(kind) return "read", "List" .. kind.type .. "s" end,
  get = function(kind) return "read", "Get" .. kind.type end,
  create = function(kind) return "write", "Create" .. kind.type end,
  update = function(kind) return "write", "Update" .. kind.type end,
  delete = function(kind) return "write", "Delete" .. kind.type end,
}

local function camel(verb)
  return (verb:gsub("^%l", function(c) return c:upper() end):gsub("_(%l)", function(c) return c:upper() end))
end

--- The execution of a verb: "start_container" of a server is StartContainer, "remove_nodes" of a swarm RemoveSwarmNodes, "pull" of a
--- stack PullStack.
function M.execution(kind, verb)
  if kind.verbs and kind.verbs[verb] then return kind.verbs[verb] end
  local name = camel(verb)
  if kind.type == "Server" then return name end
  if kind.type == "Swarm" then return (name:gsub("^(%u%l+)", "%1Swarm", 1)) end
  return name .. kind.type
end

--- The verb of an execution of the schema on one resource of this kind, or nil.
function M.verb(kind, request)
  local first = request.params[1]
  if request.group ~= "execute" or not first or first.name ~= kind.param or request.name:find("^Batch") then return nil end
  local short = kind.type == "ResourceSync" and "Sync" or kind.type
  local name = kind.type == "Server" and request.name or request.name:gsub(short, "", 1)
  local verb = name:gsub("(%l)(%u)", "%1_%2"):lower()
  return M.execution(kind, verb) == request.name and verb or nil
end

return M
