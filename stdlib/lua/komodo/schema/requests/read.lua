--- Requests of /read: what can be known. They change nothing.

local S = require("komodo.schema.dsl")
local F = require("komodo.schema.fields")
local resources = require("komodo.schema.resources")
local common = require("komodo.schema.requests.common")

local on = common.on
local read, requests = common.group("read")

-- The parameter naming a resource, and Read on it: the usual case.
local function of(type_name)
  return common.named_any(type_name)
end

local function list(item)
  return { "list", item }
end

local function log_tail()
  return {
    S.uint("tail", 50, "Lines from the end."),
    S.flag("timestamps", false, "Start each line with its time."),
  }
end

local function log_search()
  return {
    S.must("terms", list("string"), "What to look for."),
    S.with("combinator", "SearchCombinator", "Or", "Whether a line must hold one of the terms, or all."),
    S.flag("invert", false, "Return the lines that do not match."),
    S.flag("timestamps", false, "Start each line with its time."),
  }
end

local function service_log_options()
  return {
    S.flag("no_task_ids", false, "Leave out task ids."),
    S.flag("no_resolve", false, "Show ids instead of names."),
    S.flag("details", false, "Show further details of each line."),
  }
end

-- ---- the engine ----

read("GetVersion", "GetVersionResponse", "any", "Version of the engine.")
read("GetCoreInfo", "GetCoreInfoResponse", "any", "Settings of the engine that clients need.")
read("ListSecrets", list("string"), "any",
  "Names of the secrets in config files: the engine's, and with a target those of that Server's or Builder's agent. Sorted.",
  S.opt("target", "ResourceTarget", "A Server or Builder."))
read("ListGitProvidersFromConfig", list("GitProvider"), "any",
  "Git providers of the config files and of readable Builds, Repos and Syncs, without tokens.",
  S.opt("target", "ResourceTarget", "A Server or Builder whose own are added."))
read("ListImageRegistriesFromConfig", list("ImageRegistry"), "any", "Image registries of the config files, without tokens.",
  S.opt("target", "ResourceTarget", "A Server or Builder whose own are added.")).aliases = { "ListDockerRegistriesFromConfig" }

-- ---- what every resource type has ----

for _, resource in ipairs(resources) do
  local name, plural, called = resource.name, resource.plural, resource.called
  read("Get" .. name, name, on(name, "Read"), "One " .. called .. " with its config.", of(name))
  read("List" .. plural, list(name .. "ListItem"), "any", "The " .. called .. "s that the caller can read, with their state.",
    S.with("query", name .. "Query", S.defaults, "Filters."), F.paging(), F.sorting(name .. "SortBy"))
  read("ListFull" .. plural, list(name), "any", "The " .. called .. "s that the caller can read, with their config, by name.",
    S.with("query", name .. "Query", S.defaults, "Filters."), F.paging())
  read("Get" .. plural .. "Summary", "Get" .. plural .. "SummaryResponse", "any",
    "Counts of the " .. called .. "s that the caller can read.")
  if name ~= "Builder" and name ~= "Alerter" then
    read("Get" .. name .. "ActionState", name .. "ActionState", on(name, "Read"),
      "What is being done with a " .. called .. " right now.", of(name))
  end
end

-- ---- Swarm ----

read("InspectSwarm", "SwarmInspectInfo", on("Swarm", "Read", "Inspect"), "Docker's description of a Swarm, from the last poll.",
  of("Swarm"))
for _, kind in ipairs({ "Node", "Service", "Task", "Secret", "Config", "Stack" }) do
  local param = kind:lower()
  read("ListSwarm" .. kind .. "s", list("Swarm" .. kind .. "ListItem"), on("Swarm", "Read"),
    "The " .. param .. "s of a Swarm, from the last poll.", of("Swarm"))
  read("InspectSwarm" .. kind, kind == "Config" and "SwarmConfigDetails" or "Swarm" .. kind, on("Swarm", "Read", "Inspect"),
    "Docker's description of a " .. param .. " of a Swarm, asked now.", of("Swarm"),
    S.must(param, "string", "Name or id of the " .. param .. "."))
end
read("GetSwarmServiceLog", "Log", on("Swarm", "Read", "Logs"), "End of the log of a service.", of("Swarm"),
  S.must("service", "string", "Name or id of the service."), log_tail(), service_log_options())
read("SearchSwarmServiceLog", "Log", on("Swarm", "Read", "Logs"), "Lines of the log of a service that match.", of("Swarm"),
  S.must("service", "string", "Name or id of the service."), log_search(), service_log_options())
read("ListSwarmNetworks", list("NetworkListItem"), on("Swarm", "Read"), "The overlay networks of a Swarm, from the last poll.",
  of("Swarm"))

-- ---- Server ----

read("GetServerState", "GetServerStateResponse", on("Server", "Read"), "Whether the last poll reached a Server.", of("Server"))
read("GetPeripheryInformation", "PeripheryInformation", on("Server", "Read"), "What the agent of a Server says about itself.",
  of("Server"))
read("GetSystemInformation", "SystemInformation", on("Server", "Read"), "Hardware and system of a Server.", of("Server"))
read("GetSystemStats", "SystemStats", on("Server", "Read"), "Newest stats of a Server.", of("Server"))
read("ListSystemProcesses", list("SystemProcess"), on("Server", "Read", "Processes"), "Processes of a Server, asked now.", of("Server"))
read("GetHistoricalServerStats", "GetHistoricalServerStatsResponse", on("Server", "Read"),
  "Stored stats of a Server, newest first, 200 to a page.", of("Server"),
  S.must("granularity", "Timelength", "Time between two records."), S.uint("page", 0, "Page to return, counted from 0."))

-- ---- terminals ----

read("ListTerminals", list("Terminal"), "handler",
  "Open terminals: of the target (Read and Terminal on it), else of all Servers, Stacks and Deployments where the caller has that.",
  S.opt("target", "TerminalTarget", "What they run on."), S.flag("use_names", false, "Name targets by name instead of id."),
  S.list("terms", "string", "The name must hold every one of these, in any case."), F.paging(), F.sorting("TerminalSortBy"))

-- ---- containers and what else docker has on a Server ----

read("GetContainersSummary", "GetContainersSummaryResponse", "any", "Counts of the containers on readable Servers.").aliases =
  { "GetDockerContainersSummary" }
read("ListAllContainers", list("ContainerListItem"), "any", "Containers on readable Servers, from the last poll.",
  S.list("servers", "string", "Only on these Servers (ids or names)."),
  S.list("tags", "string", "Only on Servers with all of these tags."),
  S.list("terms", "string", "The name must hold every one of these, in any case."),
  S.list("state", "ContainerStateStatusEnum", "Only these states."), F.paging(), F.sorting("ContainerSortBy")).aliases =
  { "ListAllDockerContainers" }
read("ListContainers", list("ContainerListItem"), on("Server", "Read"), "Containers of a Server, from the last poll.",
  of("Server")).aliases = { "ListDockerContainers" }
read("ListComposeProjects", list("ComposeProject"), on("Server", "Read"), "Compose projects of a Server, from the last poll.",
  of("Server"))
read("ListNetworks", list("NetworkListItem"), on("Server", "Read"), "Networks of a Server, from the last poll.",
  of("Server")).aliases = { "ListDockerNetworks" }
read("ListImages", list("ImageListItem"), on("Server", "Read"), "Images of a Server, from the last poll.",
  of("Server")).aliases = { "ListDockerImages" }
read("ListVolumes", list("VolumeListItem"), on("Server", "Read"), "Volumes of a Server, from the last poll.",
  of("Server")).aliases = { "ListDockerVolumes" }
read("InspectContainer", "Container", on("Server", "Read", "Inspect"), "Docker's description of a container, asked now.",
  of("Server"), S.must("container", "string", "Name or id of the container.")).aliases = { "InspectDockerContainer" }
read("InspectNetwork", "Network", on("Server", "Read"), "Docker's description of a network, asked now.",
  of("Server"), S.must("network", "string", "Name or id of the network.")).aliases = { "InspectDockerNetwork" }
read("InspectImage", "Image", on("Server", "Read"), "Docker's description of an image, asked now.",
  of("Server"), S.must("image", "string", "Name or id of the image.")).aliases = { "InspectDockerImage" }
read("ListImageHistory", list("ImageHistoryResponseItem"), on("Server", "Read"), "How an image was made, asked now.",
  of("Server"), S.must("image", "string", "Name or id of the image.")).aliases = { "ListDockerImageHistory" }
read("InspectVolume", "Volume", on("Server", "Read"), "Docker's description of a volume, asked now.",
  of("Server"), S.must("volume", "string", "Name of the volume.")).aliases = { "InspectDockerVolume" }
read("GetContainerLog", "Log", on("Server", "Read", "Logs"), "End of the log of a container, at most 5000 lines.", of("Server"),
  S.must("container", "string", "Name or id of the container."), log_tail())
read("SearchContainerLog", "Log", on("Server", "Read", "Logs"), "Lines of the log of a container that match.", of("Server"),
  S.must("container", "string", "Name or id of the container."), log_search())
read("GetResourceMatchingContainer", "GetResourceMatchingContainerResponse", on("Server", "Read"),
  "The Deployment or Stack that a container belongs to.", of("Server"), S.must("container", "string", "Name of the container."))

-- ---- Stack ----

read("ListStackServices", list("StackService"), on("Stack", "Read"), "Services of a Stack, from the last poll.", of("Stack"))
read("ListAllStackServices", list("StackService"), "any", "Services of readable Stacks, from the last poll.",
  S.list("stacks", "string", "Only of these Stacks (ids or names)."),
  S.list("tags", "string", "Only of Stacks with all of these tags."),
  S.list("terms", "string", "The service must hold every one of these, in any case."),
  S.list("state", "StackServiceState", "Only these states."), F.paging())
read("GetStackLog", "Log", on("Stack", "Read", "Logs"), "End of the log of a Stack. On a Swarm exactly one service is given.",
  of("Stack"), S.must("services", list("string"), "Services; empty for all."), log_tail())
read("SearchStackLog", "Log", on("Stack", "Read", "Logs"), "Lines of the log of a Stack that match.",
  of("Stack"), S.must("services", list("string"), "Services; empty for all."), log_search())
read("InspectStackContainer", "Container", on("Stack", "Read", "Inspect"), "Docker's description of a service's container.",
  of("Stack"), S.must("service", "string", "The service."))
read("InspectStackSwarmService", "SwarmService", on("Stack", "Read", "Inspect"), "Docker's description of a service on a Swarm.",
  of("Stack"), S.must("service", "string", "The service."))
S.ours(read("InspectStackSwarmInfo", "SwarmStack", on("Stack", "Read", "Inspect"),
  "Docker's description of a Stack on a Swarm. Published by 2.3.2 as a type, but not served there.", of("Stack")))
read("ListCommonStackExtraArgs", list("string"), "any", "Extra arguments that readable Stacks use; sorted.",
  S.with("query", "StackQuery", S.defaults, "Filters."))
read("ListCommonStackBuildExtraArgs", list("string"), "any", "Extra build arguments that readable Stacks use; sorted.",
  S.with("query", "StackQuery", S.defaults, "Filters."))

-- ---- Action ----

S.ours(read("ListActionRuns", "ListActionRunsResponse", "any", "How runs of readable Actions went, newest first.",
  S.opt("action", "string", "Only runs of this Action (id or name)."), S.uint("page", 0, "Page to return, counted from 0."),
  S.opt("limit", "uint", "Runs per page: 100 when absent, at most 1,000.")))
S.ours(read("GetActionRecording", "ActionRecording", "handler", "The recording of a run of an Action, of the newest 20. Needs Execute on the Action.",
  S.must("id", "string", "Id of the Update of the run.")))
S.ours(read("GetActionRun", "ActionRun", "handler", "How one run of an Action went. Needs Read on the Action.",
  S.must("id", "string", "Id of its Update.")))

-- ---- Deployment ----

read("GetDeploymentContainer", "GetDeploymentContainerResponse", on("Deployment", "Read"),
  "State and container of a Deployment, from the last poll.", of("Deployment"))
read("InspectDeploymentContainer", "Container", on("Deployment", "Read", "Inspect"),
  "Docker's description of a Deployment's container.", of("Deployment"))
read("InspectDeploymentSwarmService", "SwarmService", on("Deployment", "Read", "Inspect"),
  "Docker's description of a Deployment's service on a Swarm.", of("Deployment"))
read("GetDeploymentLog", "Log", on("Deployment", "Read", "Logs"), "End of the log of a Deployment.", of("Deployment"), log_tail())
read("SearchDeploymentLog", "Log", on("Deployment", "Read", "Logs"), "Lines of the log of a Deployment that match.",
  of("Deployment"), log_search())
read("GetDeploymentStats", "ContainerStats", on("Deployment", "Read"), "What a Deployment's container uses, asked now.",
  of("Deployment"))
read("ListCommonDeploymentExtraArgs", list("string"), "any", "Extra arguments that readable Deployments use; sorted.",
  S.with("query", "DeploymentQuery", S.defaults, "Filters."))

-- ---- Build ----

read("GetBuildMonthlyStats", "GetBuildMonthlyStatsResponse", "any", "Builds of all users over thirty days, in UTC days.",
  S.uint("page", 0, "Page to return, counted from 0; page 0 ends at the next midnight."))
read("ListBuildVersions", list("BuildVersionResponseItem"), on("Build", "Read"), "Versions that were built, newest first.", of("Build"),
  S.opt("major", "int", "Only this first number."), S.opt("minor", "int", "Only this second number."),
  S.opt("patch", "int", "Only this third number."), S.opt("limit", "int", "At most so many."))
read("ListCommonBuildExtraArgs", list("string"), "any", "Extra arguments that readable Builds use; sorted.",
  S.with("query", "BuildQuery", S.defaults, "Filters."))

-- ---- schedules, TOML ----

read("ListSchedules", list("Schedule"), "any", "Readable Procedures and Actions with a schedule.",
  S.strlist("tags", "Ids or names of tags."), S.with("tag_behavior", "TagQueryBehavior", "All", "Whether all tags must match, or one."),
  S.list("terms", "string", "The name must hold every one of these, in any case."), F.paging(), F.sorting("ScheduleSortBy"))
S.ours(read("GetActionTriggers", list("ActionTriggerInfo"), on("Action", "Read"),
  "What starts an Action besides people: its schedule with the next runs, its webhook and its triggers with their addresses.", of("Action")))
read("ExportAllResourcesToToml", "TomlResponse", "any", "Everything the caller can read, as a resource file.",
  S.flag("include_resources", true, "Export resources."), S.list("tags", "string", "Only resources with all of these tags."),
  S.flag("include_variables", false, "Export variables."), S.flag("include_user_groups", false, "Export user groups."),
  S.opt("existing", "ResourcesToml", "Files whose `deploy` and `after` are kept."))
read("ExportResourcesToToml", "TomlResponse", "handler", "Given resources as a resource file. Needs Read on each of them.",
  S.list("targets", "ResourceTarget", "Resources to export."), S.list("user_groups", "string", "User groups to export (ids or names)."),
  S.flag("include_variables", false, "Export variables."),
  S.opt("existing", "ResourcesToml", "Files whose `deploy` and `after` are kept."))

-- ---- tags, users, permissions ----

read("GetTag", "Tag", "any", "One tag.", S.must("tag", "string", "Tag id or name.", { aliases = { "id", "name" } }))
read("ListTags", list("Tag"), "any", "All tags, by name.", S.opt("query", "object", "MongoDB filter document."))
read("GetUsername", "GetUsernameResponse", "any", "Name and picture of a user.", S.must("user_id", "string", "User id."))
read("GetPermission", "permission", "any", "What the caller may do with a resource.",
  S.must("target", "ResourceTarget", "The resource."))
read("FindUser", "User", "admin", "One user.", S.must("user", "string", "User id or name.", { aliases = { "id", "username" } }))
read("ListUsers", list("User"), "admin", "All users, by name.",
  S.with("service_users", "ServiceUserQueryBehavior", "Include", "Whether service users are returned."))
read("ListApiKeys", list("ApiKey"), "any", "API keys of the caller, by name.")
read("ListApiKeysForServiceUser", list("ApiKey"), "admin", "API keys of a service user.",
  S.must("user", "string", "User id or name.", { aliases = { "id", "username" } }))
read("ListPermissions", list("Permission"), "any", "Permissions given to the caller, without those of groups.")
read("ListUserTargetPermissions", list("Permission"), "admin", "Permissions given to a user or group.",
  S.must("user_target", "UserTarget", "User or group, by id."))
read("GetUserGroup", "UserGroup", "handler", "One user group. Admins read all, others those they are in.",
  S.must("user_group", "string", "Group id or name.", { aliases = { "id", "name" } }))
read("ListUserGroups", list("UserGroup"), "any", "User groups by name: all for admins, else those the caller is in.")

-- ---- updates, alerts, variables, accounts, keys ----

read("GetUpdate", "Update", "handler", "One update. Needs Read on its target; updates of the engine itself are for admins.",
  S.must("id", "string", "Update id."))
read("ListUpdates", "ListUpdatesResponse", "any", "Updates of readable targets, newest first, 100 to a page.",
  S.opt("query", "object", "MongoDB filter document."), S.uint("page", 0, "Page to return, counted from 0."))
read("GetAlert", "Alert", "handler", "One alert. Needs Read on its target; alerts of the engine itself are for admins.",
  S.must("id", "string", "Alert id."))
read("ListAlerts", "ListAlertsResponse", "any", "Alerts of readable targets, newest first, 100 to a page.",
  S.opt("query", "object", "MongoDB filter document."), S.uint("page", 0, "Page to return, counted from 0."))
S.ours(read("GetAlertRule", "GetAlertRuleResponse", on("Action", "Read"), "How an alert rule fares: an Action with a poll trigger.",
  of("Action")))
S.ours(read("TestEventTrigger", "TestEventTriggerResponse", on("Action", "Execute"),
  "Whether an event would start an Action, and why not.", of("Action"),
  S.opt("trigger", "ActionTrigger", "Trigger to try in place of the stored ones."),
  S.must("event", "object", "The event: `{ update }` or `{ alert }`, as GetUpdate and GetAlert have them.")))
S.ours(read("TestAlertRule", "TestAlertRuleResponse", "handler",
  "Evaluates an alert rule once, as a dry run, without opening alerts. Needs Write on the Action, or without one the right to create one.",
  S.opt("action", "string", "Action id or name."), S.opt("file_contents", "string", "Script to evaluate in place of the stored one."),
  S.must("target", "ResourceTarget", "Server, Stack or Deployment to evaluate it for.")))
read("GetVariable", "Variable", "any", "One variable; a secret value is masked for non-admins.",
  S.must("name", "string", "Name of the variable."))
read("ListVariables", list("Variable"), "any", "All variables, by name; secret values are masked for non-admins.")
read("GetGitProviderAccount", "GitProviderAccount", "admin", "One git account, with its token.", S.must("id", "string", "Account id."))
read("ListGitProviderAccounts", list("GitProviderAccount"), "admin", "Git accounts, with their tokens.",
  S.opt("domain", "string", "Only of this domain."), S.opt("username", "string", "Only of this name."))
read("GetImageRegistryAccount", "ImageRegistryAccount", "admin", "One registry account, with its token.",
  S.must("id", "string", "Account id.")).aliases = { "GetDockerRegistryAccount" }
read("ListImageRegistryAccounts", list("ImageRegistryAccount"), "admin", "Registry accounts, with their tokens.",
  S.opt("domain", "string", "Only of this domain."), S.opt("username", "string", "Only of this name.")).aliases =
  { "ListDockerRegistryAccounts" }
read("ListOnboardingKeys", list("OnboardingKey"), "admin", "Onboarding keys: those without end first, then by end, latest first.")

return requests
