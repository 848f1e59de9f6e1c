--- Updates: the record of everything that was done.

local S = require("komodo.schema.dsl")
local resources = require("komodo.schema.resources")

-- In the published order: sorted by type, and within it as the types define them.
local operations = {
  "None",
  "CreateSwarm", "UpdateSwarm", "RenameSwarm", "DeleteSwarm", "RemoveSwarmNodes", "UpdateSwarmNode", "RemoveSwarmStacks",
  "RemoveSwarmServices", "CreateSwarmConfig", "RotateSwarmConfig", "RemoveSwarmConfigs", "CreateSwarmSecret", "RotateSwarmSecret",
  "RemoveSwarmSecrets",
  "CreateServer", "UpdateServer", "UpdateServerKey", "DeleteServer", "RenameServer",
  "StartContainer", "RestartContainer", "PauseContainer", "UnpauseContainer", "StopContainer", "DestroyContainer",
  "StartAllContainers", "RestartAllContainers", "PauseAllContainers", "UnpauseAllContainers", "StopAllContainers", "PruneContainers",
  "CreateNetwork", "DeleteNetwork", "PruneNetworks", "DeleteImage", "PruneImages", "DeleteVolume", "PruneVolumes",
  "PruneDockerBuilders", "PruneBuildx", "PruneSystem",
  "CreateStack", "UpdateStack", "RenameStack", "DeleteStack", "WriteStackContents", "RefreshStackCache", "PullStack", "DeployStack",
  "StartStack", "RestartStack", "PauseStack", "UnpauseStack", "StopStack", "DestroyStack", "RunStackService", "CheckStackForUpdate",
  "DeployStackService", "PullStackService", "StartStackService", "RestartStackService", "PauseStackService", "UnpauseStackService",
  "StopStackService", "DestroyStackService",
  "CreateDeployment", "UpdateDeployment", "RenameDeployment", "DeleteDeployment", "Deploy", "PullDeployment", "StartDeployment",
  "RestartDeployment", "PauseDeployment", "UnpauseDeployment", "StopDeployment", "DestroyDeployment", "CheckDeploymentForUpdate",
  "CreateBuild", "UpdateBuild", "RenameBuild", "DeleteBuild", "RunBuild", "CancelBuild", "WriteDockerfile",
  "CreateRepo", "UpdateRepo", "RenameRepo", "DeleteRepo", "CloneRepo", "PullRepo", "BuildRepo", "CancelRepoBuild",
  "CreateProcedure", "UpdateProcedure", "RenameProcedure", "DeleteProcedure", "RunProcedure", "CancelProcedure",
  "CreateAction", "UpdateAction", "RenameAction", "DeleteAction", "RunAction", "CancelAction",
  "CreateResourceSync", "UpdateResourceSync", "RenameResourceSync", "DeleteResourceSync", "WriteSyncContents", "CommitSync", "RunSync",
  "CreateBuilder", "UpdateBuilder", "RenameBuilder", "DeleteBuilder",
  "CreateAlerter", "UpdateAlerter", "RenameAlerter", "DeleteAlerter", "TestAlerter", "SendAlert",
  "ClearRepoCache", "BackupCoreDatabase", "GlobalAutoUpdate", "RotateAllServerKeys", "RotateCoreKeys",
  "CreateVariable", "UpdateVariableValue", "DeleteVariable",
  "CreateGitProviderAccount", "UpdateGitProviderAccount", "DeleteGitProviderAccount",
  "CreateDockerRegistryAccount", "UpdateDockerRegistryAccount", "DeleteDockerRegistryAccount",
}

-- A type whose operations were forgotten would fail only when somebody deletes one; say it here.
do
  local known = {}
  for _, operation in ipairs(operations) do
    known[operation] = true
  end
  for _, resource in ipairs(resources) do
    for _, verb in ipairs({ "Create", "Update", "Rename", "Delete" }) do
      assert(known[verb .. resource.name], verb .. resource.name .. ": no such operation")
    end
  end
end

return {
  S.enum("Operation", "What an update records.", operations),
  S.struct("Log", "One step of an update.", {
    S.must("stage", "string", "Name of the step."),
    S.must("command", "string", "Command that was run; empty for none."),
    S.must("stdout", "string", "Its output, or a message."),
    S.must("stderr", "string", "Its errors, or an error message."),
    S.must("success", "bool", "Whether it succeeded."),
    S.must("start_ts", "int", "When it started, in milliseconds."),
    S.must("end_ts", "int", "When it ended, in milliseconds."),
  }),
  S.enum("UpdateStatus", "How far an update is.", { "Queued", "InProgress", "Complete" }),
  S.ours(S.enum("ProcedureStepState", "How far an execution of a Procedure is.", { "Running", "Ok", "Failed", "Skipped" })),
  S.ours(S.struct("ProcedureStep", "How an execution in a stage of a Procedure goes, or went.", {
    S.must("stage", "uint", "Number of its stage, counted from 0."),
    S.must("execution", "uint", "Number of it in the stage, counted from 0."),
    S.must("type", "string", "What it executes."),
    S.must("state", "ProcedureStepState", "How far it is."),
    S.must("start_ts", "int", "When it began, in milliseconds."),
    S.opt("end_ts", "int", "When it ended, in milliseconds."),
    S.uint("total", 1, "What it starts: the resources of a batch, one otherwise."),
    S.uint("done", 0, "What of that has ended."),
    S.list("updates", "string", "Ids of the updates of what it started, at most 100."),
  })),
  S.struct("Update", "Something that was done, or is being done.", {
    S.skip("_id", "MongoId", "Id; absent when it is not stored."),
    S.must("operation", "Operation", "What was done."),
    S.must("start_ts", "int", "When it started, in milliseconds."),
    S.must("success", "bool", "All steps so far succeeded."),
    S.must("operator", "string", "Id of the user who did it; built-in users have ids of zeros and a digit."),
    S.must("target", "ResourceTarget", "What it was done to."),
    S.must("logs", { "list", "Log" }, "Its steps."),
    S.opt("end_ts", "int", "When it ended, in milliseconds."),
    S.must("status", "UpdateStatus", "How far it is."),
    S.with("version", "Version", S.defaults, "Version built or deployed; left out when 0.0.0.", { skip_empty = true, normal = "version" }),
    S.text("commit_hash", "", "Commit built or pulled.", { skip_empty = true }),
    S.text("other_data", "", "Anything an operation wants to add.", { skip_empty = true }),
    S.text("prev_toml", "", "The resource before a config change, as TOML.", { skip_empty = true }),
    S.text("current_toml", "", "The resource after a config change, as TOML.", { skip_empty = true }),
    S.ours(S.skip("steps", { "list", "ProcedureStep" }, "Of a run of a Procedure: its executions that began or were skipped, in that order.")),
  }),
  S.struct("UpdateListItem", "An update in a list: without its steps.", {
    S.must("id", "string", "Id."),
    S.must("operation", "Operation", "What was done."),
    S.must("start_ts", "int", "When it started, in milliseconds."),
    S.must("success", "bool", "All steps so far succeeded."),
    S.must("username", "string", "Name of the user who did it; for built-in users their id."),
    S.must("operator", "string", "Id of the user who did it."),
    S.must("target", "ResourceTarget", "What it was done to."),
    S.must("status", "UpdateStatus", "How far it is."),
    S.with("version", "Version", S.defaults, "Version built or deployed; left out when 0.0.0.", { skip_empty = true, normal = "version" }),
    S.text("other_data", "", "Anything an operation wants to add.", { skip_empty = true }),
  }),
  S.struct("ListUpdatesResponse", "A page of updates.", {
    S.must("updates", { "list", "UpdateListItem" }, "Newest first."),
    S.opt("next_page", "uint", "Page after this one; null for the last."),
  }),
  S.struct("BatchExecutionResponseItemErr", "An execution that could not be started.", {
    S.must("name", "string", "Name of the resource."),
    S.must("error", "Serror", "Why."),
  }),
  S.union("BatchExecutionResponseItem", "One execution of a batch.", { "status", "data" }, {
    { "Ok", "Update" },
    { "Err", "BatchExecutionResponseItemErr" },
  }),
  S.alias("BatchExecutionResponse", "The executions of a batch, by name.", { "list", "BatchExecutionResponseItem" }),
}
