--- The eleven resource types: what differs between them in the generic workflow (spec resources.md 1). Pure.
local kinds = {}

---@class Kind
---@field type string "Deployment"
---@field param string Field that names one in requests.
---@field config string Type of its config.
---@field info string|nil Type of its info, "object": an empty one; nil: `null`.
---@field name_rule "general"|"path"|"container"|"docker"
---@field create "anyone"|"flag"|"admin" Who besides admins may create one; "flag": users with `create_flag`.
---@field create_flag string|nil
---@field grants string[] Specific permissions its creator gets beside Write.
---@field copy_level string Level on the source of a copy.

local function kind(t, param, rule, create, grants, copy_level, info, create_flag)
  kinds[#kinds + 1] = {
    type = t, param = param, config = t .. "Config", info = info, name_rule = rule, create = create,
    create_flag = create_flag, grants = grants, copy_level = copy_level,
  }
  kinds[t] = kinds[#kinds]
end

local live = { "Inspect", "Logs", "Terminal" }
kind("Swarm", "swarm", "general", "anyone", {}, "Read", "SwarmInfo")
kind("Server", "server", "general", "flag", { "Terminal", "Inspect", "Attach", "Logs", "Processes" }, "Read", "ServerInfo",
  "create_server_permissions")
kind("Stack", "stack", "docker", "anyone", live, "Read", "StackInfo")
kind("Deployment", "deployment", "container", "anyone", live, "Read", "DeploymentInfo")
kind("Build", "build", "docker", "flag", {}, "Read", "BuildInfo", "create_build_permissions")
kind("Repo", "repo", "path", "anyone", {}, "Read", "RepoInfo")
kind("Procedure", "procedure", "general", "anyone", {}, "Write")
kind("Action", "action", "general", "admin", {}, "Write", "object")
kind("Builder", "builder", "general", "admin", { "Attach" }, "Write")
kind("Alerter", "alerter", "general", "admin", {}, "Write")
kind("ResourceSync", "sync", "general", "admin", {}, "Write", "ResourceSyncInfo")

return kinds
