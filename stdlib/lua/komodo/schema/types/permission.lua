--- Who may do what.

local S = require("komodo.schema.dsl")

return {
  S.enum("PermissionLevel", "How much a user may do with a resource; each level includes the ones before.",
    { "None", "Read", "Execute", "Write" }),
  S.enum("SpecificPermission", "Rights that no level includes.", { "Terminal", "Attach", "Inspect", "Logs", "Processes" }),
  S.struct("PermissionLevelAndSpecifics", "A level with further rights. Written as the level alone when there are none.", {
    S.with("level", "PermissionLevel", "None", "The level."),
    S.list("specific", "SpecificPermission", "Rights besides it."),
  }),
  S.union("UserTarget", "A user or a group.", { "type", "id" }, { { "User", "string" }, { "UserGroup", "string" } }),
  S.struct("Permission", "What one user or group may do with one resource.", {
    S.skip("_id", "MongoId", "Id."),
    S.must("user_target", "UserTarget", "Who."),
    S.must("resource_target", "ResourceTarget", "On what."),
    S.with("level", "PermissionLevel", "None", "How much."),
    S.list("specific", "SpecificPermission", "What besides the level."),
  }),
}
