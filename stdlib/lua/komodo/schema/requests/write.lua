--- Requests of /write: changes that are done when the answer comes.

local S = require("komodo.schema.dsl")
local resources = require("komodo.schema.resources")
local common = require("komodo.schema.requests.common")

local on, named, named_any = common.on, common.named, common.named_any
local write, requests = common.group("write")

local function list(item)
  return { "list", item }
end

-- ---- what every resource type has ----

for _, resource in ipairs(resources) do
  local name, called = resource.name, resource.called
  local config = S.partial(name .. "Config")
  local id = S.must("id", "string", called .. " id or name.")
  local public_key = name == "Server" and S.opt("public_key", "string", "Key its agent must have.") or {}

  write("Create" .. name, name, S.creates(name), "Creates a " .. called .. "; what `config` does not give has its default.",
    S.must("name", "string", "Name of the new " .. called .. "."),
    S.with("config", config, name == "Builder" and { type = "Url", params = {} } or {}, "Config fields to set."), public_key)
  write("Copy" .. name, name, "handler",
    "Creates a " .. called .. " with the config of another. Needs " .. resource.copy_level
      .. " on that one, and the right to create " .. called .. "s.",
    S.must("name", "string", "Name of the copy."), id, public_key)
  write("Update" .. name, name, S.on(name, "id", "Write"),
    "Changes the given config fields of a " .. called .. "; the others stay.", id, S.must("config", config, "Config fields to change."))
  write("Rename" .. name, "Update", S.on(name, "id", "Write"), "Renames a " .. called .. ".", id, S.must("name", "string", "New name."))
  write("Delete" .. name, name, S.on(name, "id", "Write"), "Deletes a " .. called .. " and answers with it.", id)
end
write("UpdateResourceMeta", "NoData", "handler", "Changes description, template flag or tags of a resource. Needs Write on it.",
  S.must("target", "ResourceTarget", "The resource, by id or name."), S.opt("description", "string", "New description."),
  S.opt("template", "bool", "Meant to be copied rather than run."),
  S.opt("tags", list("string"), "All its tags from now on (ids or names); unknown ones are created."))

-- ---- Server, terminals ----

write("CreateNetwork", "Update", on("Server", "Write"), "Creates a docker network on a Server.", named("Server"),
  S.must("name", "string", "Name of the network."))
write("UpdateServerPublicKey", "Update", on("Server", "Write"), "Sets the key that the agent of a Server must have.", named("Server"),
  S.must("public_key", "string", "The key."))
write("RotateServerKeys", "Update", on("Server", "Write"), "Has the agent of a Server make a new key, and keeps it.", named("Server"))
write("CreateTerminal", "Terminal", "handler", "Opens a terminal. Needs Read and Terminal on the target.",
  S.opt("name", "string", "Its name; the agent picks one when absent."), S.must("target", "TerminalTarget", "What it runs on."),
  S.opt("command", "string", "Command to start; absent starts a shell."),
  S.opt("mode", "ContainerTerminalMode", "Run a command in the container, or attach; exec when absent."),
  S.with("recreate", "TerminalRecreateMode", "Never", "Whether one of that name is replaced."))
write("DeleteTerminal", "NoData", "handler", "Closes a terminal. Needs Read and Terminal on the target.",
  S.must("target", "TerminalTarget", "What it runs on."), S.must("terminal", "string", "Its name."))
write("DeleteAllTerminals", "NoData", on("Server", "Read", "Terminal"), "Closes all terminals of a Server.", named("Server"))
write("BatchDeleteAllTerminals", "NoData", "any", "Closes all terminals of the Servers where the caller has Read and Terminal.",
  S.with("query", "ServerQuery", S.defaults, "Which Servers."))

-- ---- Stack, Deployment ----

local function update_check()
  return {
    S.flag("skip_auto_update", false, "Do not redeploy, even if the config says so."),
    S.flag("wait_for_auto_update", false, "Answer when a redeploy is done, not when it is started."),
  }
end
local skip_cache_refresh = S.flag("skip_cache_refresh", false, "Do not read the Stack's files again first.")

write("WriteStackFileContents", "Update", on("Stack", "Write"), "Writes a file of a Stack on its host or into its repository.",
  named_any("Stack"), S.must("file_path", "string", "Path, relative to the run directory."),
  S.must("contents", "string", "What to write."))
write("RefreshStackCache", "NoData", on("Stack", "Execute"), "Reads the files of a Stack again.", named_any("Stack"))
write("CheckStackForUpdate", "CheckStackForUpdateResponse", on("Stack", "Execute"),
  "Looks for newer images of a Stack's services, and redeploys or alerts as its config says.", named("Stack"), update_check(),
  skip_cache_refresh)
write("BatchCheckStackForUpdate", "BatchCheckStackForUpdateResponse", "any",
  "CheckStackForUpdate on every matching Stack where the caller has Execute.", common.batch("Stacks"), update_check(),
  skip_cache_refresh)
write("CreateDeploymentFromContainer", "Deployment", "handler",
  "Creates a Deployment with the settings of a container. Needs Read, Inspect and Attach on the Server, and the right to create.",
  S.must("name", "string", "Name of the container and of the Deployment."), named("Server"))
write("CheckDeploymentForUpdate", "CheckDeploymentForUpdateResponse", on("Deployment", "Execute"),
  "Looks for a newer image of a Deployment, and redeploys or alerts as its config says.", named("Deployment"), update_check())
write("BatchCheckDeploymentForUpdate", "BatchCheckDeploymentForUpdateResponse", "any",
  "CheckDeploymentForUpdate on every matching Deployment where the caller has Execute.", common.batch("Deployments"), update_check())

-- ---- Build, Repo, ResourceSync ----

write("WriteBuildFileContents", "Update", on("Build", "Write"), "Writes the Dockerfile of a Build on its host or into its repository.",
  named_any("Build"), S.must("contents", "string", "What to write."))
write("RefreshBuildCache", "NoData", on("Build", "Execute"), "Reads the Dockerfile of a Build again.", named_any("Build"))
write("RefreshRepoCache", "NoData", on("Repo", "Execute"), "Looks up the newest commit of a Repo.", named_any("Repo"))
write("WriteSyncFileContents", "Update", on("ResourceSync", "Write"),
  "Writes a file of a Resource Sync on the engine's host or into its repository.", named_any("ResourceSync"),
  S.must("resource_path", "string", "Entry of the config's `resource_path`."), S.must("file_path", "string", "Path under that entry."),
  S.must("contents", "string", "What to write."))
write("CommitSync", "Update", on("ResourceSync", "Write"), "Writes what is there into the file of a managed Resource Sync.",
  named_any("ResourceSync"))
write("RefreshResourceSyncPending", "ResourceSync", on("ResourceSync", "Execute"),
  "Reads the files of a Resource Sync again and finds the differences.", named_any("ResourceSync"))

-- ---- the caller ----

write("PushRecentlyViewed", "NoData", "any", "Notes that the caller looked at a resource.",
  S.must("resource", "ResourceTarget", "The resource."))
write("SetLastSeenUpdate", "NoData", "any", "Notes that the caller looked at the updates.")

-- ---- users and service users ----

write("CreateLocalUser", "User", "admin", "Creates a user with a password; enabled.",
  S.must("username", "string", "Name."), S.must("password", "string", "Password."))
write("DeleteUser", "User", "admin", "Deletes a user. Admins are deleted by super admins only, super admins by nobody.",
  S.must("user", "string", "User id or name.", { aliases = { "username", "id" } }))
write("CreateServiceUser", "User", "admin", "Creates a user that has API keys only; enabled.",
  S.must("username", "string", "Name."), S.must("description", "string", "What it is for."))
write("UpdateServiceUserDescription", "User", "admin", "Changes what a service user is for.",
  S.must("username", "string", "Its name."), S.must("description", "string", "What it is for."))
write("CreateApiKeyForServiceUser", "CreateApiKeyResponse", "admin", "Creates an API key for a service user.",
  S.must("user_id", "string", "User id."), S.must("name", "string", "Name of the key."),
  S.int("expires", 0, "When it ends, in milliseconds; 0 never."))
write("DeleteApiKeyForServiceUser", "NoData", "admin", "Deletes an API key of a service user.", S.must("key", "string", "The key."))

-- ---- user groups ----

local group = S.must("user_group", "string", "Group id or name.")
write("CreateUserGroup", "UserGroup", "admin", "Creates a user group.", S.must("name", "string", "Name."))
write("RenameUserGroup", "UserGroup", "admin", "Renames a user group.", S.must("id", "string", "Group id."),
  S.must("name", "string", "New name."))
write("DeleteUserGroup", "UserGroup", "admin", "Deletes a user group and its permissions.", S.must("id", "string", "Group id."))
write("AddUserToUserGroup", "UserGroup", "admin", "Adds a user to a group.", group, S.must("user", "string", "User id or name."))
write("RemoveUserFromUserGroup", "UserGroup", "admin", "Takes a user out of a group.", group, S.must("user", "string", "User id or name."))
write("SetUsersInUserGroup", "UserGroup", "admin", "Sets who is in a group.", group,
  S.must("users", list("string"), "User ids or names; unknown names are dropped."))
write("SetEveryoneUserGroup", "UserGroup", "admin", "Sets whether everybody is in a group.", group,
  S.must("everyone", "bool", "Every user is in it."))

-- ---- permissions ----

local permission = S.must("permission", "PermissionLevelAndSpecifics", "What they may do.", { normal = "permission" })
write("UpdateUserAdmin", "NoData", "handler", "Makes a user an admin, or no longer. Super admins only; not on super admins.",
  S.must("user_id", "string", "User id."), S.must("admin", "bool", "Whether the user is an admin."))
write("UpdateUserBasePermissions", "NoData", "admin",
  "Enables a user, and says what they may create. Not on super admins; on admins by super admins only.",
  S.must("user_id", "string", "User id."), S.opt("enabled", "bool", "May use the engine."),
  S.opt("create_servers", "bool", "May create Servers."), S.opt("create_builds", "bool", "May create Builds."))
write("UpdatePermissionOnResourceType", "NoData", "admin", "Sets what a user or group may do with all resources of a type.",
  S.must("user_target", "UserTarget", "User or group, by id or name."),
  S.must("resource_type", "ResourceTargetVariant", "The resource type."), permission)
write("UpdatePermissionOnTarget", "NoData", "admin", "Sets what a user or group may do with one resource.",
  S.must("user_target", "UserTarget", "User or group, by id or name."),
  S.must("resource_target", "ResourceTarget", "The resource, by id or name."), permission)

-- ---- variables, tags ----

write("CreateVariable", "Variable", "admin", "Creates a variable.",
  S.must("name", "string", "Name: letters, digits, `_`; no digit first; at most 500."),
  S.text("value", "", "Value: one line, at most 10000 bytes."), S.text("description", "", "What it is for."),
  S.flag("is_secret", false, "Mask it in logs and for non-admins."))
write("UpdateVariableValue", "Variable", "admin", "Changes the value of a variable.", S.must("name", "string", "Name."),
  S.must("value", "string", "Value: one line, at most 10000 bytes."))
write("UpdateVariableDescription", "Variable", "admin", "Changes what a variable is for.", S.must("name", "string", "Name."),
  S.must("description", "string", "What it is for."))
write("UpdateVariableIsSecret", "Variable", "admin", "Changes whether a variable is secret.", S.must("name", "string", "Name."),
  S.must("is_secret", "bool", "Mask it in logs and for non-admins."))
write("DeleteVariable", "Variable", "admin", "Deletes a variable.", S.must("name", "string", "Name."))

write("CreateTag", "Tag", "handler", "Creates a tag, owned by the caller. Anyone may, unless the engine leaves creating to admins.",
  S.must("name", "string", "Name."), S.opt("color", "TagColor", "Color; Slate when absent."))
write("RenameTag", "Tag", "handler", "Renames a tag. For its owner and admins.", S.must("id", "string", "Tag id."),
  S.must("name", "string", "New name."))
write("UpdateTagColor", "Tag", "handler", "Changes the color of a tag. For its owner and admins.",
  S.must("tag", "string", "Tag id or name."), S.must("color", "TagColor", "Color."))
write("DeleteTag", "Tag", "handler", "Deletes a tag and takes it off all resources. For its owner and admins.",
  S.must("id", "string", "Tag id."))

-- ---- accounts, onboarding keys, alerts ----

for _, kind in ipairs({
  { name = "GitProviderAccount", called = "git account", old = nil },
  { name = "ImageRegistryAccount", called = "registry account", old = "DockerRegistryAccount" },
}) do
  local function account(verb, doc, ...)
    write(verb .. kind.name, kind.name, "admin", doc .. " " .. kind.called .. ".", ...).aliases = kind.old and { verb .. kind.old }
  end
  local id = S.must("id", "string", "Account id.")
  account("Create", "Creates a", S.must("account", S.partial(kind.name), "Its fields; domain and username may not be empty."))
  account("Update", "Changes the given fields of a", id, S.must("account", S.partial(kind.name), "Fields to change."))
  account("Delete", "Deletes a", id)
end

write("CreateOnboardingKey", "CreateOnboardingKeyResponse", "admin", "Creates a key with which new servers add themselves.",
  S.must("name", "string", "Name shown to people."), S.int("expires", 0, "When it ends, in milliseconds; 0 never."),
  S.opt("private_key", "string", "Private half to use; made when absent."),
  S.list("tags", "string", "Tags that new Servers get (ids or names); unknown ones are dropped."),
  S.flag("privileged", false, "May also take over Servers that exist already."),
  S.text("copy_server", "", "Server whose config new ones start with."),
  S.flag("create_builder", false, "Also make a Builder of each new Server."))
write("UpdateOnboardingKey", "OnboardingKey", "admin", "Changes the given fields of an onboarding key.",
  S.must("public_key", "string", "Public half of the key."), S.opt("enabled", "bool", "Whether it may be used."),
  S.opt("name", "string", "Name shown to people."), S.opt("expires", "int", "When it ends, in milliseconds; 0 never."),
  S.opt("tags", list("string"), "Tags that new Servers get."),
  S.opt("privileged", "bool", "May also take over Servers that exist already."),
  S.opt("copy_server", "string", "Server whose config new ones start with."),
  S.opt("create_builder", "bool", "Also make a Builder of each new Server."))
write("DeleteOnboardingKey", "OnboardingKey", "admin", "Deletes an onboarding key.",
  S.must("public_key", "string", "Public half of the key."))

write("CloseAlert", "NoData", "admin", "Marks an alert as over.", S.must("id", "string", "Alert id."))

return requests
