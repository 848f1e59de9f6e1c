--- Requests of /execute: each answers at once with an Update, or with one for each resource of a batch, and goes on in the background.
--
-- Permission and state are checked in the background as well, so a refusal is an error in the Update (spec api.md 12.1). Batch requests
-- take the matching resources on which the caller has Execute.

local S = require("komodo.schema.dsl")
local common = require("komodo.schema.requests.common")

local named = common.named
local request, requests = common.group("execute")

local function list(item)
  return { "list", item }
end

-- One execution on the resource of this type.
local function execute(type_name, name, doc, ...)
  return request(name, "Update", common.on(type_name, "Execute"), doc, named(type_name), ...)
end

local function batch(name, what)
  return request(name, "BatchExecutionResponse", "any",
    name:gsub("^Batch", "") .. " for all matching " .. what .. " on which the caller has Execute.", common.batch(what))
end

local function on_server(name, doc, ...)
  return execute("Server", name, doc, ...)
end

-- ---- Stack ----

local services = S.list("services", "string", "Only these services; empty for all.")
local stop_time = S.opt("stop_time", "int", "Seconds until containers are killed.")

execute("Stack", "DeployStack", "Deploys a Stack.", services, stop_time)
batch("BatchDeployStack", "Stacks")
execute("Stack", "DeployStackIfChanged", "Deploys or restarts what changed since the last deploy; nothing if nothing did.", stop_time)
batch("BatchDeployStackIfChanged", "Stacks")
execute("Stack", "PullStack", "Pulls the images of a Stack. Not on a Swarm.", services)
batch("BatchPullStack", "Stacks")
execute("Stack", "StartStack", "Starts the containers of a Stack. Not on a Swarm.", services)
execute("Stack", "RestartStack", "Restarts the containers of a Stack. Not on a Swarm.", services)
execute("Stack", "StopStack", "Stops the containers of a Stack. Not on a Swarm.", stop_time, services)
execute("Stack", "PauseStack", "Pauses the containers of a Stack. Not on a Swarm.", services)
execute("Stack", "UnpauseStack", "Unpauses the containers of a Stack. Not on a Swarm.", services)
execute("Stack", "DestroyStack", "Removes the containers of a Stack.", services,
  S.flag("remove_orphans", false, "Also remove containers of services that the files no longer have."), stop_time)
batch("BatchDestroyStack", "Stacks")
execute("Stack", "RunStackService", "Runs a one-off container of a service. Not on a Swarm.",
  S.must("service", "string", "The service."),
  S.opt("command", list("string"), "Command and arguments; those of the service when absent."),
  S.opt("no_tty", "bool", "Give it no terminal."),
  S.opt("no_deps", "bool", "Do not start the services it depends on."),
  S.opt("detach", "bool", "Do not wait for it to end."),
  S.opt("service_ports", "bool", "Publish the ports of the service."),
  S.opt("env", { "map", "string" }, "Environment to set."),
  S.opt("workdir", "string", "Working directory."),
  S.opt("user", "string", "User to run as."),
  S.opt("entrypoint", "string", "Entry point instead of the image's."),
  S.opt("pull", "bool", "Pull the image first."))

-- ---- Deployment ----

local signal = S.opt("signal", "TerminationSignal", "Signal to send; the configured one when absent.")
local time = S.opt("time", "int", "Seconds until it is killed; as configured when absent.")

execute("Deployment", "Deploy", "Deploys a Deployment, in place of the container it has.",
  S.opt("stop_signal", "TerminationSignal", "Signal for the old container; the configured one when absent."),
  S.opt("stop_time", "int", "Seconds until the old container is killed; as configured when absent."))
batch("BatchDeploy", "Deployments")
execute("Deployment", "PullDeployment", "Pulls the image of a Deployment. Not on a Swarm.")
execute("Deployment", "StartDeployment", "Starts the container of a Deployment. Not on a Swarm.")
execute("Deployment", "RestartDeployment", "Restarts the container of a Deployment. Not on a Swarm.")
execute("Deployment", "PauseDeployment", "Pauses the container of a Deployment. Not on a Swarm.")
execute("Deployment", "UnpauseDeployment", "Unpauses the container of a Deployment. Not on a Swarm.")
execute("Deployment", "StopDeployment", "Stops the container of a Deployment. Not on a Swarm.", signal, time)
execute("Deployment", "DestroyDeployment", "Stops and removes the container or service of a Deployment.", signal, time)
batch("BatchDestroyDeployment", "Deployments")

-- ---- Build, Repo ----

execute("Build", "RunBuild", "Builds and pushes an image.")
batch("BatchRunBuild", "Builds")
execute("Build", "CancelBuild", "Cancels the build that is running; refused when there is none.")
execute("Repo", "CloneRepo", "Clones a Repo on its Server.")
batch("BatchCloneRepo", "Repos")
execute("Repo", "PullRepo", "Pulls a Repo on its Server.")
batch("BatchPullRepo", "Repos")
execute("Repo", "BuildRepo", "Clones a Repo on its Builder and runs its commands there.")
batch("BatchBuildRepo", "Repos")
execute("Repo", "CancelRepoBuild", "Cancels the Repo build that is running; refused when there is none.")

-- ---- Procedure, Action, ResourceSync ----

local update_id = S.opt("update_id", "string", "Update of the run to cancel; any when absent.")

execute("Procedure", "RunProcedure", "Runs the stages of a Procedure.")
batch("BatchRunProcedure", "Procedures")
execute("Procedure", "CancelProcedure", "Ends a run of a Procedure before its next stage.", update_id)
execute("Action", "RunAction", "Runs the script of an Action.",
  S.opt("args", "object", "Arguments, merged over the configured ones."),
  S.ours(S.flag("dry_run", false, "Record what would be changed instead of changing it.", { skip_empty = true })),
  S.ours(S.flag("record", false, "Keep a recording of the run, which `km script replay` runs again offline; see GetActionRecording.", { skip_empty = true })),
  S.ours(S.skip("event", "object", "Event the script is told of, made up to try an event trigger: `{ update }` or `{ alert }`. The run may no more than the caller then.")),
  S.ours(S.text("file_contents", "", "Script of a step of a Procedure that has no Action: `action` is empty then. Refused anywhere else.",
    { normal = "filetext", skip_empty = true })),
  S.ours(S.skip("capabilities", list("string"), "What that script may call; `*` when absent.")))
batch("BatchRunAction", "Actions")
execute("Action", "CancelAction", "Stops a run of an Action.", update_id)
execute("ResourceSync", "RunSync", "Makes what is there agree with the files of a Resource Sync.",
  S.opt("resource_type", "ResourceTargetVariant", "Only resources of this type."),
  S.opt("resources", list("string"), "Only these resources (ids or names)."))

-- ---- alerts ----

execute("Alerter", "TestAlerter", "Sends a test alert through an Alerter.")
request("SendAlert", "Update", "handler", "Sends an alert of the caller's own. Needs Execute on the Alerters it goes through.",
  S.with("level", "SeverityLevel", "OK", "How bad it is."), S.must("message", "string", "What happened."),
  S.text("details", "", "More about it."), S.list("alerters", "string", "Alerters to use (ids or names); empty for all that may be used."))

-- ---- containers and what else docker has on a Server ----

local container = S.must("container", "string", "Name or id of the container.")
for _, verb in ipairs({ "Start", "Restart", "Pause", "Unpause" }) do
  on_server(verb .. "Container", verb .. "s a container.", container)
end
on_server("StopContainer", "Stops a container.", container, signal, time)
on_server("DestroyContainer", "Stops and removes a container.", container, signal, time)
for _, verb in ipairs({ "Start", "Restart", "Pause", "Unpause", "Stop" }) do
  on_server(verb .. "AllContainers", verb .. "s all containers of a Server but those labelled `komodo.skip`.")
end
on_server("PruneContainers", "Removes stopped containers.")
on_server("DeleteNetwork", "Removes a network.", S.must("name", "string", "Name of the network."))
on_server("PruneNetworks", "Removes unused networks.")
on_server("DeleteImage", "Removes an image.", S.must("name", "string", "Name or id of the image."))
on_server("PruneImages", "Removes unused images.")
on_server("DeleteVolume", "Removes a volume.", S.must("name", "string", "Name of the volume."))
on_server("PruneVolumes", "Removes unused volumes.")
on_server("PruneDockerBuilders", "Empties the build cache.")
on_server("PruneBuildx", "Empties the buildx cache.")
on_server("PruneSystem", "Removes everything unused: containers, networks, images, volumes, build cache.")

-- ---- Swarm ----

local labels = S.list("labels", "string", "Labels, `key=value`.")
local template_driver = S.opt("template_driver", "string", "Template driver.")
local function swarm(name, doc, ...)
  return execute("Swarm", name, doc, ...)
end

swarm("RemoveSwarmNodes", "Removes nodes from a Swarm.", S.must("nodes", list("string"), "Names or ids of the nodes."),
  S.flag("force", false, "Also when a node is still part of the Swarm."))
swarm("UpdateSwarmNode", "Changes a node of a Swarm.", S.must("node", "string", "Name or id of the node."),
  S.opt("availability", "NodeSpecAvailabilityEnum", "Whether it takes tasks."),
  S.opt("label_add", list("string"), "Labels to add, `key=value`."),
  S.opt("label_rm", list("string"), "Labels to remove."), S.opt("role", "NodeSpecRoleEnum", "Worker or manager."))
swarm("RemoveSwarmStacks", "Removes stacks from a Swarm.", S.must("stacks", list("string"), "Names of the stacks."),
  S.flag("detach", true, "Do not wait for their tasks to end."))
swarm("RemoveSwarmServices", "Removes services from a Swarm.", S.must("services", list("string"), "Names or ids of the services."))
swarm("CreateSwarmConfig", "Creates a config in a Swarm.", S.must("name", "string", "Name."), S.must("data", "string", "What it holds."),
  labels, template_driver)
swarm("RotateSwarmConfig", "Replaces the data of a config, and points its services to it.",
  S.must("config", "string", "Name of the config."), S.must("data", "string", "What it holds from now on."))
swarm("RemoveSwarmConfigs", "Removes configs from a Swarm.", S.must("configs", list("string"), "Names or ids of the configs."))
swarm("CreateSwarmSecret", "Creates a secret in a Swarm.", S.must("name", "string", "Name."), S.must("data", "string", "What it holds."),
  S.opt("driver", "string", "Secret driver."), labels, template_driver)
swarm("RotateSwarmSecret", "Replaces the data of a secret, and points its services to it.",
  S.must("secret", "string", "Name of the secret."), S.must("data", "string", "What it holds from now on."))
swarm("RemoveSwarmSecrets", "Removes secrets from a Swarm.", S.must("secrets", list("string"), "Names or ids of the secrets."))

-- ---- the engine ----

request("ClearRepoCache", "Update", "admin", "Deletes the engine's own clones of repositories.")
request("BackupCoreDatabase", "Update", "admin", "Backs up the engine's database.")
request("GlobalAutoUpdate", "Update", "admin", "Looks for newer images of all Stacks and Deployments that ask for it.",
  S.flag("skip_auto_update", false, "Do not redeploy, even if a config says so."))
request("RotateAllServerKeys", "Update", "admin", "Has the agents of all Servers make new keys.")
request("RotateCoreKeys", "Update", "admin", "Makes a new key for the engine and tells all agents.",
  S.flag("force", false, "Also when a Server cannot be reached."))

return requests
