--- What the engine says of itself, of tags, variables, accounts and users (spec api.md 17.1, 17.11, 17.12).
local engine = require("engine")
local fail = require("komodo.fail")
local providers = require("komodo.providers")
local resource = require("komodo.resource")
local toml = require("komodo.resource.toml")
local users = require("komodo.users")

local json, store, conf = engine.json, engine.store, engine.conf

engine.handle("read/GetCoreInfo", function()
  local base = conf("webhook_base_url")
  return {
    title = conf("title"),
    monitoring_interval = conf("monitoring_interval"),
    webhook_base_url = base ~= "" and base or conf("host"),
    transparent_mode = conf("transparent_mode"),
    ui_write_disabled = conf("ui_write_disabled"),
    disable_confirm_dialog = conf("disable_confirm_dialog"),
    disable_non_admin_create = conf("disable_non_admin_create"),
    disable_websocket_reconnect = conf("disable_websocket_reconnect"),
    enable_fancy_toml = conf("enable_fancy_toml"),
    timezone = conf("timezone"),
    public_key = engine.hub.public_key(),
    default_pagination_limit = conf("default_pagination_limit"),
  }
end)

local function row_or_fail(collection, key, message)
  local row = store.resolve(collection, key)
  if not row then fail.raise("not_found", message, key) end
  return row
end

engine.handle("read/GetTag", function(params) return row_or_fail("Tag", params.tag, "No tag found matching name or id: %s") end)
engine.handle("read/ListTags", function(params)
  local found = fail.unless(nil, store.find("Tag", params.query or json.object({}), { sort = "name" }))
  return found
end)

local function shown_variable(v, ctx)
  if v.is_secret and not ctx.user.admin then v.value = ("#"):rep(#v.value) end
  return v
end
engine.handle("read/GetVariable", function(params, ctx)
  local v = store.row("Variable", params.name)
  if not v then fail.raise("not_found", "No variable found with name '%s'", params.name) end
  return shown_variable(v, ctx)
end)
engine.handle("read/ListVariables", function(_, ctx)
  local list = store.list("Variable")
  for i, v in ipairs(list) do list[i] = shown_variable(v, ctx) end
  return list
end)

-- Accounts of git providers and image registries differ in their collection and config key alone.
for kind, config_key in pairs({ GitProvider = "git_providers", ImageRegistry = "image_registries" }) do
  local collection = kind .. "Account"
  engine.handle("read/Get" .. kind .. "Account", function(params)
    local account = store.row(collection, params.id)
    if not account then fail.raise("not_found", "No account found with the given id") end
    return account
  end)
  engine.handle("read/List" .. kind .. "Accounts", function(params)
    local out = json.array({})
    for _, a in ipairs(store.list(collection)) do
      if (not params.domain or a.domain == params.domain) and (not params.username or a.username == params.username) then
        out[#out + 1] = a
      end
    end
    table.sort(out, function(a, b)
      if a.domain ~= b.domain then return a.domain < b.domain end
      return a.username < b.username
    end)
    return out
  end)
  local list = kind == "GitProvider" and "ListGitProvidersFromConfig" or "ListImageRegistriesFromConfig"
  engine.handle("read/" .. list, function(params, ctx)
    local merged = providers.merge(config_key, params.target)
    if kind == "GitProvider" then providers.add_used(merged, ctx.user) end
    return merged
  end)
end

engine.handle("read/ListSecrets", function(params)
  local seen, names = {}, json.array({})
  local function add(name)
    if not seen[name] then
      seen[name] = true
      names[#names + 1] = name
    end
  end
  for name in pairs(conf("secrets") or {}) do add(name) end
  for _, name in ipairs(providers.secrets_of(params.target)) do add(name) end
  table.sort(names)
  return names
end)

engine.handle("read/GetPermission", function(params, ctx)
  if params.target.type == "System" then return "None" end
  return engine.model.perm(ctx.user, params.target.type, params.target.id)
end)

engine.handle("read/GetUsername", function(params)
  local builtin = users.find_builtin(params.user_id)
  if builtin then return { username = builtin.username, avatar = json.null } end
  local user = store.row("User", params.user_id)
  if not user then fail.raise("not_found", "no user found with id %s", params.user_id) end
  local avatar = type(user.config.data) == "table" and user.config.data.avatar
  return { username = user.username, avatar = type(avatar) == "string" and avatar or json.null }
end)

engine.handle("read/FindUser", function(params)
  return users.sanitise(row_or_fail("User", params.user, "No user found matching '%s'"))
end)

engine.handle("read/ListUsers", function(params)
  local out = json.array({})
  for _, user in ipairs(store.list("User")) do
    local service = user.config.type == "Service"
    if params.service_users == "Include" or (params.service_users == "Only") == service then out[#out + 1] = users.sanitise(user) end
  end
  return out
end)

engine.handle("read/ListApiKeys", function(_, ctx)
  local out = json.array({})
  for _, key in ipairs(store.list("ApiKey")) do
    if key.user_id == ctx.user.id then
      key.secret, key._id = "", nil
      out[#out + 1] = key
    end
  end
  table.sort(out, function(a, b) return a.name < b.name end)
  return out
end)

-- ---- TOML export (spec api.md 17.10) ----

local function document(targets, include_variables, ctx)
  return { toml = toml.document(targets, include_variables and store.list("Variable") or {}, ctx.user.admin) }
end

engine.handle("read/ExportResourcesToToml", function(params, ctx)
  local targets = {}
  for _, target in ipairs(params.targets) do
    if target.type ~= "System" then
      targets[#targets + 1] = { kind = target.type, resource = resource.require(ctx, target.type, target.id) }
    end
  end
  return document(targets, params.include_variables, ctx)
end)

engine.handle("read/ExportAllResourcesToToml", function(params, ctx)
  local targets = {}
  if params.include_resources then
    for _, kind in ipairs(require("komodo.kinds")) do
      for _, res in ipairs(engine.model.select(ctx.user, kind.type, { tags = params.tags }, "Read")) do
        targets[#targets + 1] = { kind = kind.type, resource = res }
      end
    end
  end
  return document(targets, params.include_variables, ctx)
end)
