--- Where variables, secrets and account tokens come from (spec resources.md 3.1, 4).
local engine = require("engine")
local interpolate = require("komodo.interpolate")
local update = require("komodo.update")
local secrets = {}

--- An interpolator over all stored variables and configured secrets; stored secrets win.
---@return Interpolator
function secrets.interpolator()
  local plain, hidden = {}, {}
  for name, value in pairs(engine.conf("secrets") or {}) do hidden[name] = value end
  for _, v in ipairs(engine.store.list("Variable")) do
    if v.is_secret then hidden[v.name] = v.value else plain[v.name] = v.value end
  end
  return interpolate.new(plain, hidden)
end

--- Pushes the logs of what an interpolator replaced.
function secrets.push_logs(it, u)
  local variables, hidden = interpolate.log_lines(it)
  if variables then update.log(u, "Interpolate Variables", variables) end
  if hidden then update.log(u, "Interpolate Secrets", hidden) end
end

local function stored_account(collection, domain, username)
  for _, account in ipairs(engine.store.list(collection)) do
    if account.domain == domain and account.username == username then return account end
  end
end

local function configured_account(key, domain, username)
  for _, provider in ipairs(engine.conf(key) or {}) do
    if provider.domain == domain then
      for _, account in ipairs(provider.accounts or {}) do
        if account.username == username then return account.token end
      end
    end
  end
end

--- The token of a git account, or nil; and whether the domain is reached by https, when the account or the provider says so.
---@return string? token
---@return boolean? https
function secrets.git_token(domain, username)
  if domain == "" or username == "" then return nil end
  local account = stored_account("GitProviderAccount", domain, username)
  if account then return account.token, account.https end
  for _, provider in ipairs(engine.conf("git_providers") or {}) do
    if provider.domain == domain then return configured_account("git_providers", domain, username), provider.https end
  end
end

--- The token of a registry account, or nil.
function secrets.registry_token(domain, username)
  if domain == "" or username == "" then return nil end
  local account = stored_account("ImageRegistryAccount", domain, username)
  if account then return account.token end
  return configured_account("image_registries", domain, username)
end

return secrets
