--- ResourceSyncs: resources declared in TOML files.

local S = require("komodo.schema.dsl")
local F = require("komodo.schema.fields")
local resources = require("komodo.schema.resources")

local function resources_toml()
  local fields = {}
  for _, resource in ipairs({ "Swarm", "Server", "Stack", "Deployment", "Build", "Repo", "Procedure", "Action", "Alerter", "Builder",
    "ResourceSync" }) do
    local known = resources[resource]
    fields[#fields + 1] = S.list(known.list, resource .. "Toml", known.called .. "s.",
      { aliases = { (known.list:gsub("s$", "")) }, skip_empty = true })
  end
  fields[#fields + 1] = S.list("user_groups", "UserGroupToml", "User groups.", { aliases = { "user_group" }, skip_empty = true })
  fields[#fields + 1] = S.list("variables", "Variable", "Variables.", { aliases = { "variable" }, skip_empty = true })
  return fields
end

return {
  S.struct("ResourceSyncConfig", "Where the files of a Resource Sync are, and what they govern.", {
    F.linked_repo(),
    F.git_provider(),
    F.git_https(),
    F.repo(),
    F.branch(),
    F.commit(),
    F.git_account(),
    F.webhook_enabled(),
    F.webhook_secret(),
    F.files_on_host(),
    S.strlist("resource_path", "Files or folders to read, relative to the files' root."),
    S.flag("managed", false, "May write to the files (CommitSync); deletes what they do not name."),
    S.flag("delete", false, "Delete resources that the files do not name."),
    S.flag("include_resources", true, "Govern resources."),
    S.strlist("match_tags", "Govern only resources that have all of these tags."),
    S.flag("include_variables", false, "Govern variables."),
    S.flag("include_user_groups", false, "Govern user groups."),
    S.flag("pending_alert", true, "Alert when the files differ from what is there."),
    S.file("file_contents", "The file itself, when it comes from neither host nor git."),
  }),
  S.union("DiffData", "How the files differ from what is there.", { "type", "data" }, {
    { "Create", S.struct("DiffDataCreate", "Will be created.", {
      S.text("name", "", "Name, where the target has no id yet."),
      S.must("proposed", "string", "TOML of the files."),
    }) },
    { "Update", S.struct("DiffDataUpdate", "Will be changed.", {
      S.must("proposed", "string", "TOML of the files."),
      S.must("current", "string", "TOML of what is there."),
    }) },
    { "Delete", S.struct("DiffDataDelete", "Will be deleted.", {
      S.must("current", "string", "TOML of what is there."),
    }) },
  }),
  S.struct("ResourceDiff", "How one resource differs.", {
    S.must("target", "ResourceTarget", "The resource; its id is empty when it does not exist."),
    S.must("data", "DiffData", "How it differs."),
  }),
  S.struct("SyncDeployTarget", "A Stack or Deployment that a run will deploy.", {
    S.must("target", "ResourceTarget", "Which one."),
    S.must("reason", "string", "Why."),
    S.must("after", { "list", "ResourceTarget" }, "What is deployed before it."),
  }),
  S.struct("SyncFileContents", "A file of a Resource Sync.", {
    S.text("resource_path", "", "Entry of `resource_path` it was found under."),
    S.must("path", "string", "Path under that entry."),
    S.must("contents", "string", "What it holds, or the error met when reading it."),
  }),
  S.struct("ResourceSyncInfo", "Last run, and what the next one would do.", {
    S.int("last_sync_ts", 0, "When it last ran, in milliseconds."),
    S.opt("last_sync_hash", "string", "Commit of the last run."),
    S.opt("last_sync_message", "string", "Message of that commit."),
    S.list("resource_updates", "ResourceDiff", "Resources that differ."),
    S.list("variable_updates", "DiffData", "Variables that differ."),
    S.list("user_group_updates", "DiffData", "User groups that differ."),
    S.list("pending_deploys", "SyncDeployTarget", "What would be deployed."),
    S.opt("pending_error", "string", "Why the differences could not be found."),
    S.opt("pending_deploy_error", "string", "Why the deploys could not be found."),
    S.opt("pending_hash", "string", "Commit the differences were found at."),
    S.opt("pending_message", "string", "Message of that commit."),
    S.list("remote_contents", "SyncFileContents", "Files read."),
    S.list("remote_errors", "SyncFileContents", "Files that could not be read, with the error."),
  }),
  S.enum("ResourceSyncState", "Whether anything is left to do.", { "Syncing", "Pending", "Ok", "Failed", "Unknown" }),
  S.struct("ResourceSyncListItemInfo", "State of a Resource Sync and what lists show of it.", {
    S.must("last_sync_ts", "int", "When it last ran, in milliseconds."),
    S.must("files_on_host", "bool", "Its files are on the host."),
    S.must("file_contents", "bool", "Its config holds the file."),
    S.must("managed", "bool", "It may write to the files."),
    S.must("resource_path", { "list", "string" }, "Files or folders it reads."),
    S.must("linked_repo", "string", "Its Repo."),
    S.opt("linked_repo_name", "string", "Name of that Repo."),
    S.must("git_provider", "string", "Domain of its git provider."),
    S.must("repo", "string", "Its repository."),
    S.must("branch", "string", "Its branch."),
    S.must("repo_link", "string", "Web address of the repository."),
    S.opt("last_sync_hash", "string", "Commit of the last run."),
    S.opt("last_sync_message", "string", "Message of that commit."),
    S.must("state", "ResourceSyncState", "Whether anything is left to do."),
  }),
  S.struct("ResourceSyncQuerySpecifics", "Filters of Resource Syncs.", {
    S.list("repos", "string", "Only from these repositories."),
    S.list("linked_repos", "string", "Only from these Repos (ids)."),
  }),
  S.enum("ResourceSyncSortBy", "What a list of Resource Syncs is sorted by.", { "Name", "Source", "Branch", "State" }),
  S.struct("ResourceSyncActionState", "What is being done with a Resource Sync right now.", {
    S.flag("syncing", false, "Running."),
  }),
  S.struct("GetResourceSyncsSummaryResponse", "Counts of Resource Syncs.", {
    S.must("total", "uint", "All that the caller can read."),
    S.must("ok", "uint", "Nothing left to do."),
    S.must("syncing", "uint", "Running now."),
    S.must("pending", "uint", "Something left to do."),
    S.must("failed", "uint", "The files could not be read or compared."),
    S.must("unknown", "uint", "State not known."),
  }),
  S.struct("PermissionToml", "A permission of a user group in a resource file.", {
    S.must("target", "ResourceTarget", "On what, by name; `\\…\\` is a regular expression over names."),
    S.with("level", "PermissionLevel", "None", "How much."),
    S.list("specific", "SpecificPermission", "What besides the level.", { skip_empty = true }),
  }),
  S.struct("UserGroupToml", "A user group in a resource file.", {
    S.must("name", "string", "Name."),
    S.flag("everyone", false, "Every user is in it.", { skip_empty = true }),
    S.list("users", "string", "Names of its users."),
    S.map("all", "permission", "Permission on all resources of a type, by type.", { skip_empty = true }),
    S.list("permissions", "PermissionToml", "Permissions on single resources.", { aliases = { "permission" }, skip_empty = true }),
  }),
  S.struct("ResourcesToml", "The contents of a resource file.", resources_toml()),
  S.struct("TomlResponse", "A resource file.", {
    S.must("toml", "string", "The TOML text."),
  }),
  S.enum("SyncWebhookAction", "What a webhook does with a Resource Sync.", { "Refresh", "Sync" }),
}
