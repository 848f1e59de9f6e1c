--- What users do with their own account (spec auth.md 1.12).
local engine = require("engine")
local fail = require("komodo.fail")

local auth, json, store = engine.auth, engine.json, engine.store

local function refuse_locked(user)
  for _, name in ipairs(engine.conf("lock_login_credentials_for")) do
    if name == user.username or name == "__ALL__" then
      fail.raise("unauthorized", "Login credentials are locked for this user")
    end
  end
end

local function save_user(user)
  user.updated_at = engine.now()
  local change = store.change()
  change:put("User", user._id["$oid"], user)
  return change:commit()
end

engine.handle("manage/GetUserId", function(_, ctx) return { id = ctx.user.id } end)

engine.handle("manage/UpdateUsername", function(params, ctx)
  refuse_locked(ctx.user)
  auth.validate("username", params.username)
  local user = store.latest("User", ctx.user.id)
  user.username = params.username
  local ok, err = save_user(user)
  if not ok then
    if err.code == "conflict" then fail.raise("conflict", "Failed to update user username on database.", { "Username already taken." }) end
    error(err, 0)
  end
  return json.object({})
end)

engine.handle("manage/UpdatePassword", function(params, ctx)
  refuse_locked(ctx.user)
  auth.validate("password", params.password)
  local hash = fail.unless(nil, auth.hash(params.password))
  local user = store.latest("User", ctx.user.id)
  if user.config.type == "Service" then fail.raise("invalid", "Service Users cannot add additional login methods") end
  local login = { type = "Local", data = { password = hash } }
  if user.config.type == "Local" then user.config = login else user.linked_logins.Local = login end
  fail.unless(nil, save_user(user))
  return json.object({})
end)

engine.handle("manage/UnlinkLogin", function(params, ctx)
  refuse_locked(ctx.user)
  local user = store.latest("User", ctx.user.id)
  user.linked_logins[params.provider] = nil
  fail.unless(nil, save_user(user))
  return json.object({})
end)

engine.handle("manage/UpdateExternalSkip2fa", function(params, ctx)
  refuse_locked(ctx.user)
  local user = store.latest("User", ctx.user.id)
  user.external_skip_2fa = params.external_skip_2fa
  fail.unless(nil, save_user(user))
  return json.object({})
end)

engine.handle("manage/CreateApiKey", function(params, ctx)
  auth.validate("api_key_name", params.name)
  local key, secret = auth.new_api_key()
  local change = store.change()
  change:insert("ApiKey", key, {
    _id = { ["$oid"] = engine.crypto.object_id() },
    key = key,
    secret = fail.unless(nil, auth.hash(secret)),
    user_id = ctx.user.id,
    name = params.name,
    created_at = engine.now(),
    expires = params.expires,
  })
  fail.unless(nil, change:commit())
  return { key = key, secret = secret }
end)

engine.handle("manage/DeleteApiKey", function(params, ctx)
  local key = store.row("ApiKey", params.key)
  if not key then fail.raise("not_found", "No api key with key found") end
  if key.user_id ~= ctx.user.id then fail.raise("forbidden", "Api key does not belong to user") end
  local change = store.change()
  change:delete("ApiKey", params.key)
  fail.unless(nil, change:commit())
  return json.object({})
end)
