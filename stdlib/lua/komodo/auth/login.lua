--- Local login and registration (spec auth.md 1.9, 1.13). Other providers and second factors come with their own requests.
local engine = require("engine")
local fail = require("komodo.fail")

local auth, conf, json, store = engine.auth, engine.conf, engine.json, engine.store
local login = {}

local function registration_disabled()
  local specific = conf("disable_local_user_registration")
  if specific ~= nil and specific ~= json.null then return specific end
  return conf("disable_user_registration")
end

local function require_local()
  if not conf("local_auth") then fail.raise("unauthorized", "Local auth is not enabled") end
end

engine.handle("login/GetLoginOptions", function()
  return {
    ["local"] = conf("local_auth"),
    oidc = false,
    github = false,
    google = false,
    registration_disabled = registration_disabled(),
    oidc_auto_redirect = false,
    first_user = store.count("User") == 0,
  }
end)

local function document(id, username, hash, rights)
  return {
    _id = { ["$oid"] = id },
    username = username,
    enabled = rights.enabled,
    super_admin = rights.admin,
    admin = rights.admin,
    create_server_permissions = rights.admin,
    create_build_permissions = rights.admin,
    config = { type = "Local", data = { password = hash } },
    linked_logins = json.object({}),
    totp = { secret = "", confirmed_at = 0, recovery_codes = json.array({}) },
    passkey = { passkey = json.null, created_at = 0 },
    external_skip_2fa = true,
    last_update_view = 0,
    recents = json.object({}),
    all = json.object({}),
    updated_at = engine.now(),
  }
end

-- Only one sign-up at a time decides who is first.
local first_pending = false

--- Creates a local user; the very first is the super admin. Returns its id.
---@async
function login.sign_up(username, password)
  auth.validate("username", username)
  auth.validate("password", password)
  local first = store.count("User") == 0
  if first then
    if first_pending then fail.raise("busy", "The first user is being created") end
    first_pending = true
  end
  local guard <close> = setmetatable({}, { __close = function() if first then first_pending = false end end })
  local hash = fail.unless(nil, auth.hash(password))
  local id = engine.crypto.object_id()
  local change = store.change()
  change:insert("User", id, document(id, username, hash, { admin = first, enabled = first or conf("enable_new_users") }))
  local ok, err = change:commit()
  if not ok then
    if err.code == "conflict" then fail.raise("conflict", "Failed to create user on database", { "Username already taken." }) end
    error(err, 0)
  end
  return id
end

engine.handle("login/SignUpLocalUser", function(params)
  require_local()
  -- The setup path, as in Komodo: while there is nobody yet, whoever signs up first becomes the super admin, unless
  -- init_admin_username made one at start (komodo.startup). `make run` does, and listens on loopback.
  if registration_disabled() and store.count("User") > 0 then fail.raise("unauthorized", "User registration is disabled") end
  return { jwt = auth.jwt(login.sign_up(params.username, params.password)) }
end)

-- The password hash of a user's primary or linked local login; nil without one.
local function hash_of(user)
  for _, entry in ipairs({ user.config, type(user.linked_logins) == "table" and user.linked_logins.Local or nil }) do
    if type(entry) == "table" and entry.type == "Local" then return entry.data.password end
  end
end

engine.handle("login/LoginLocalUser", function(params)
  require_local()
  auth.validate("username", params.username)
  local user = store.resolve("User", params.username)
  -- An unknown user costs as much time as a wrong password.
  local ok = auth.verify(params.password, user and hash_of(user) or nil)
  if not ok then fail.raise("unauthorized", "Invalid login credentials") end
  return { type = "Jwt", data = { jwt = auth.jwt(user._id["$oid"]) } }
end)

return login
