--- Requests of /auth/manage: what users change about their own login.

local S = require("komodo.schema.dsl")
local manage, requests = require("komodo.schema.requests.common").group("manage")

local expires = S.uint("expires", 0, "When it ends, in milliseconds; 0 never.")

manage("GetUserId", "GetUserIdResponse", "any", "Id of the caller.")
manage("UpdateUsername", "NoData", "any", "Changes the caller's name.", S.must("username", "string", "New name."))
manage("UpdatePassword", "NoData", "any", "Changes the caller's password, or adds a login by password.",
  S.must("password", "string", "New password."))
manage("BeginExternalLoginLink", "NoData", "any", "Prepares the session for linking a login at `/auth/{provider}/link`.")
manage("UnlinkLogin", "NoData", "any", "Removes a linked login.", S.must("provider", "LoginProvider", "Which one."))
manage("BeginPasskeyEnrollment", "any", "any", "Starts to set up a passkey; answers with the challenge for the browser.")
manage("ConfirmPasskeyEnrollment", "NoData", "any", "Ends setting up a passkey.",
  S.must("credential", "any", "What the browser made of the challenge."))
manage("UnenrollPasskey", "NoData", "any", "Removes the passkey.")
manage("BeginTotpEnrollment", "BeginTotpEnrollmentResponse", "any", "Starts to set up one-time codes.")
manage("ConfirmTotpEnrollment", "ConfirmTotpEnrollmentResponse", "any", "Ends setting up one-time codes; answers with recovery codes.",
  S.must("code", "string", "A code from the authenticator."))
manage("UnenrollTotp", "NoData", "any", "Removes one-time codes.")
manage("UpdateExternalSkip2fa", "NoData", "any", "Sets whether a login through a provider needs no second factor.",
  S.must("external_skip_2fa", "bool", "No second factor then."))
manage("CreateApiKey", "CreateApiKeyResponse", "any", "Creates an API key for the caller.",
  S.must("name", "string", "Name shown to people."), expires)
manage("DeleteApiKey", "NoData", "any", "Deletes an API key of the caller.", S.must("key", "string", "The key."))
manage("CreateApiKeyV2", "CreateApiKeyV2Response", "any", "Creates a signing key for the caller. Not offered by 2.3.2.",
  S.must("name", "string", "Name shown to people."), expires,
  S.opt("public_key", "string", "Public half to use; a pair is made when absent."))
manage("DeleteApiKeyV2", "NoData", "any", "Deletes a signing key of the caller. Not offered by 2.3.2.",
  S.must("name", "string", "Name of the key."), expires, S.opt("public_key", "string", "Its public half."))

return requests
