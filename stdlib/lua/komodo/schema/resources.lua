--- The eleven resource types, in the order of Komodo's target variants, and what differs between them.
--
-- `param` is how requests name one; `plural` makes the names of list requests; `called` is how texts name it; `list` is its key in
-- resource TOML. `create`, `copy_level`: spec api.md 10.1 and 10.3. `info` is what the engine keeps beside the config: a struct
-- "<Name>Info", "NoData" (always {}) or nil (always null).

local resources = {
  { name = "Swarm", param = "swarm", plural = "Swarms", called = "Swarm", list = "swarms", copy_level = "Read", info = "SwarmInfo" },
  { name = "Server", param = "server", plural = "Servers", called = "Server", list = "servers", copy_level = "Read", info = "ServerInfo" },
  { name = "Stack", param = "stack", plural = "Stacks", called = "Stack", list = "stacks", copy_level = "Read", info = "StackInfo" },
  { name = "Deployment", param = "deployment", plural = "Deployments", called = "Deployment", list = "deployments",
    copy_level = "Read", info = "DeploymentInfo" },
  { name = "Build", param = "build", plural = "Builds", called = "Build", list = "builds", copy_level = "Read", info = "BuildInfo" },
  { name = "Repo", param = "repo", plural = "Repos", called = "Repo", list = "repos", copy_level = "Read", info = "RepoInfo" },
  { name = "Procedure", param = "procedure", plural = "Procedures", called = "Procedure", list = "procedures", copy_level = "Write" },
  { name = "Action", param = "action", plural = "Actions", called = "Action", list = "actions", copy_level = "Write", info = "NoData" },
  { name = "Builder", param = "builder", plural = "Builders", called = "Builder", list = "builders", copy_level = "Write" },
  { name = "Alerter", param = "alerter", plural = "Alerters", called = "Alerter", list = "alerters", copy_level = "Write" },
  { name = "ResourceSync", param = "sync", plural = "ResourceSyncs", called = "Resource Sync", list = "resource_syncs",
    copy_level = "Write", info = "ResourceSyncInfo" },
}

for _, resource in ipairs(resources) do
  resources[resource.name] = resource
end

return resources
