--- Users, groups, keys, and the answers of the login and manage requests.

local S = require("komodo.schema.dsl")

local user_config = S.union("UserConfig", "How a user logs in.", { "type", "data" }, {
  { "Local", S.struct("UserConfigLocal", "By password.", { S.must("password", "string", "Hash; masked in answers.") }) },
  { "Google", S.struct("UserConfigGoogle", "Through Google.", {
    S.must("google_id", "string", "Id there."), S.must("avatar", "string", "Picture.") }) },
  { "Github", S.struct("UserConfigGithub", "Through GitHub.", {
    S.must("github_id", "string", "Id there."), S.must("avatar", "string", "Picture.") }) },
  { "Oidc", S.struct("UserConfigOidc", "Through an OpenID provider.", {
    S.must("provider", "string", "Address of the provider."), S.must("user_id", "string", "Id there.") }) },
  { "Service", S.struct("UserConfigService", "Not at all: a service user has API keys only.", {
    S.must("description", "string", "What it is for.") }) },
})

return {
  user_config,
  S.variants_of("UserConfigVariant", "Name of a way to log in.", user_config),
  S.alias("LinkedLoginsMap", "Further ways to log in, by their name.", { "map", "UserConfig" }),
  S.struct("UserTotpConfig", "One-time codes as second factor.", {
    S.must("secret", "string", "Secret; empty in answers."),
    S.must("confirmed_at", "int", "When it was set up, in milliseconds; 0 when it is not."),
    S.must("recovery_codes", { "list", "string" }, "Hashes of the recovery codes; empty in answers."),
  }),
  S.struct("UserPasskeyConfig", "A passkey as second factor.", {
    S.opt("passkey", "any", "The credential; null in answers."),
    S.must("created_at", "int", "When it was set up, in milliseconds; 0 when it is not."),
  }),
  S.struct("User", "A user.", {
    S.skip("_id", "MongoId", "Id."),
    S.must("username", "string", "Name, unique."),
    S.flag("enabled", false, "May use the engine."),
    S.flag("super_admin", false, "May also manage admins."),
    S.flag("admin", false, "May do everything else."),
    S.flag("create_server_permissions", false, "May create Servers."),
    S.flag("create_build_permissions", false, "May create Builds."),
    S.must("config", "UserConfig", "How the user logs in."),
    S.with("linked_logins", "LinkedLoginsMap", {}, "Further ways to log in."),
    S.with("totp", "UserTotpConfig", { secret = "", confirmed_at = 0, recovery_codes = S.list_of({}) }, "One-time codes."),
    S.with("passkey", "UserPasskeyConfig", { passkey = S.null, created_at = 0 }, "Passkey."),
    S.flag("external_skip_2fa", true, "No second factor after a login through a provider."),
    S.int("last_update_view", 0, "When updates were last looked at, in milliseconds."),
    S.map("recents", { "list", "string" }, "Ids last looked at, by resource type."),
    S.map("all", "permission", "Permission on all resources of a type, by type."),
    S.int("updated_at", 0, "Last change, in milliseconds."),
  }),
  S.struct("UserGroup", "Users who share permissions.", {
    S.skip("_id", "MongoId", "Id."),
    S.must("name", "string", "Name, unique."),
    S.flag("everyone", false, "Every user is in it."),
    S.list("users", "string", "Ids of its users."),
    S.map("all", "permission", "Permission on all resources of a type, by type."),
    S.int("updated_at", 0, "Last change, in milliseconds."),
  }),
  S.enum("ServiceUserQueryBehavior", "Whether service users are returned.", { "Include", "Exclude", "Only" }),
  S.struct("GetUsernameResponse", "Name and picture of a user.", {
    S.must("username", "string", "Name."),
    S.opt("avatar", "string", "Address of the picture."),
  }),
  S.struct("ApiKey", "An API key.", {
    S.must("key", "string", "The key."),
    S.must("secret", "string", "Hash of the secret; empty in answers."),
    S.must("user_id", "string", "Whose it is."),
    S.must("name", "string", "Name shown to people."),
    S.must("created_at", "int", "When it was made, in milliseconds."),
    S.must("expires", "int", "When it ends, in milliseconds; 0 never."),
  }),
  S.struct("CreateApiKeyResponse", "A new API key.", {
    S.must("key", "string", "For the header X-API-KEY."),
    S.must("secret", "string", "For the header X-API-SECRET; shown only here."),
  }),
  S.struct("CreateApiKeyV2Response", "A new signing key.", {
    S.opt("private_key", "string", "Private half, unless the caller brought a public key."),
  }),

  S.enum("LoginProvider", "A way to log in.", { "Local", "Oidc", "Github", "Google" }),
  S.enum("ExternalLoginProvider", "A way to log in elsewhere.", { "Oidc", "Github", "Google" }),
  S.struct("JwtResponse", "A login.", {
    S.must("jwt", "string", "Token for the header Authorization."),
  }),
  S.union("JwtOrTwoFactor", "A login, or the second factor it needs.", { "type", "data" }, {
    { "Jwt", "JwtResponse" },
    { "Passkey", "any" },
    { "Totp", "NoData" },
  }),
  S.struct("GetLoginOptionsResponse", "Ways to log in.", {
    S.must("local", "bool", "By password."),
    S.must("oidc", "bool", "Through an OpenID provider."),
    S.must("github", "bool", "Through GitHub."),
    S.must("google", "bool", "Through Google."),
    S.must("registration_disabled", "bool", "New users cannot sign up."),
    S.must("oidc_auto_redirect", "bool", "Go to the OpenID provider without asking."),
    S.ours(S.must("first_user", "bool", "Nobody has signed up yet: who does so first becomes super admin.")),
  }),
  S.struct("GetUserIdResponse", "Who is calling.", {
    S.must("id", "string", "Id of the user."),
  }),
  S.struct("BeginTotpEnrollmentResponse", "What an authenticator needs.", {
    S.must("uri", "string", "The otpauth address."),
    S.must("png", "string", "The same as a picture, base64."),
  }),
  S.struct("ConfirmTotpEnrollmentResponse", "Codes for when the authenticator is lost.", {
    S.must("recovery_codes", { "list", "string" }, "Each works once; shown only here."),
  }),
  S.union("WsLoginMessage", "First message on a websocket.", { "type", "params" }, {
    { "Jwt", S.struct("WsLoginMessageJwt", "A token.", { S.must("jwt", "string", "The token.") }) },
    { "ApiKeys", S.struct("WsLoginMessageApiKeys", "An API key.", {
      S.must("key", "string", "The key."), S.must("secret", "string", "Its secret.") }) },
  }),
}
