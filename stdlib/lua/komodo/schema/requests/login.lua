--- Requests of /auth/login: how to get a token. They need no credentials.

local S = require("komodo.schema.dsl")
local login, requests = require("komodo.schema.requests.common").group("login")

login("GetLoginOptions", "GetLoginOptionsResponse", "none", "Ways to log in.")
login("SignUpLocalUser", "JwtResponse", "none", "Registers a user with a password. The first user of all becomes super admin.",
  S.must("username", "string", "Name."), S.must("password", "string", "Password."))
login("LoginLocalUser", "JwtOrTwoFactor", "none", "Logs in by password; answers with a token or with the second factor needed.",
  S.must("username", "string", "Name."), S.must("password", "string", "Password."))
login("ExchangeForJwt", "JwtResponse", "none", "Gets the token after a login through a provider; once, in the session of that login.")
login("CompletePasskeyLogin", "JwtResponse", "none", "Gives the passkey that a login asked for, in the session of that login.",
  S.must("credential", "any", "What the browser made of the challenge."))
login("CompleteTotpLogin", "JwtResponse", "none", "Gives the code that a login asked for, in the session of that login.",
  S.must("code", "string", "The code."))

return requests
