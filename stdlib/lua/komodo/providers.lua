--- Git providers, image registries and secret names: the engine's own and those of an agent (spec api.md 17.1).
local engine = require("engine")
local fail = require("komodo.fail")

local json, store = engine.json, engine.store
local providers = {}

-- The server whose agent is asked for a target; nil: none.
local function server_of(target)
  if not target then return nil end
  if target.type == "Server" then return store.resolve("Server", target.id) end
  if target.type == "Builder" then
    local builder = store.resolve("Builder", target.id)
    if builder and builder.config.type == "Server" then return store.row("Server", builder.config.params.server_ids[1] or "") end
    return nil
  end
  fail.raise("invalid", "target must be `Server` or `Builder`")
end

local function unite(into, list)
  for _, provider in ipairs(list) do
    local known
    for _, p in ipairs(into) do
      if p.domain == provider.domain then known = p end
    end
    if not known then
      known = { domain = provider.domain, accounts = json.array({}), https = provider.https, organizations = provider.organizations }
      into[#into + 1] = known
    end
    for _, account in ipairs(provider.accounts or {}) do
      local seen = false
      for _, a in ipairs(known.accounts) do seen = seen or a.username == account.username end
      if not seen then known.accounts[#known.accounts + 1] = { username = account.username } end   -- never the token
    end
  end
end

--- Configured providers of the engine and of the target's agent, by domain.
---@async
function providers.merge(config_key, target)
  local out, server = json.array({}), server_of(target)
  unite(out, engine.conf(config_key) or {})
  if server then
    local request = config_key == "git_providers" and "ListGitProviders" or "ListImageRegistries"
    local list = engine.hub.request(server._id["$oid"], request, {})
    if list then unite(out, list) end
  end
  table.sort(out, function(a, b) return a.domain < b.domain end)
  return out
end

--- Adds domains that readable builds, repos and syncs use.
function providers.add_used(list, user)
  local known = {}
  for _, p in ipairs(list) do known[p.domain] = true end
  for _, kind in ipairs({ "Build", "Repo", "ResourceSync" }) do
    for _, res in ipairs(engine.model.select(user, kind, {}, "Read")) do
      local domain = res.config.git_provider
      if domain and domain ~= "" and not known[domain] then
        known[domain] = true
        list[#list + 1] = { domain = domain, https = res.config.git_https, accounts = json.array({}) }
      end
    end
  end
  table.sort(list, function(a, b) return a.domain < b.domain end)
end

--- Names of the secrets an agent (or an AWS builder) knows.
---@async
function providers.secrets_of(target)
  if target and target.type == "Builder" then
    local builder = store.resolve("Builder", target.id)
    if builder and builder.config.type == "Aws" then return builder.config.params.secrets end
  end
  local server = server_of(target)
  return server and engine.hub.request(server._id["$oid"], "ListSecrets", {}) or {}
end

return providers
