--- Accounts of git providers and image registries (spec api.md 18.11): the same life, two collections.
local engine = require("engine")
local fail = require("komodo.fail")
local update = require("komodo.update")

local store = engine.store

-- `operation`: how the audit log calls them, which for registries is an older name.
local function account_requests(kind, operation)
  local collection = kind .. "Account"

  local function check(account)
    for _, field in ipairs({ "domain", "username" }) do
      if account[field] == "" then fail.raise("invalid", "account.%s: must not be empty", field) end
    end
    for _, other in ipairs(store.list(collection)) do
      if other.domain == account.domain and other.username == account.username and other._id["$oid"] ~= account._id["$oid"] then
        fail.raise("conflict", "An account '%s' for %s already exists", account.username, account.domain)
      end
    end
  end

  local function commit(ctx, verb, account, fill)
    local u = update.new(ctx.user, verb .. operation .. "Account", { type = "System", id = "system" })
    update.log(u, verb:lower() .. " account", ("%s account %s for %s"):format(verb, account.username, account.domain))
    update.finalize(u)
    local change = store.change()
    fill(change, account._id["$oid"])
    update.save(u, change)
    fail.unless(nil, change:commit())
    update.broadcast(u)
    return account
  end

  local function latest(id)
    local account = store.latest(collection, id)
    if not account then fail.raise("not_found", "No account found with given id") end
    return account
  end

  engine.handle("write/Create" .. collection, function(params, ctx)
    local account = fail.unless(nil, engine.schema.normalise(collection, params.account, "full"))
    account._id = { ["$oid"] = engine.crypto.object_id() }
    check(account)
    return commit(ctx, "Create", account, function(change, id) change:insert(collection, id, account) end)
  end)

  engine.handle("write/Update" .. collection, function(params, ctx)
    local account = latest(params.id)
    for field, value in pairs(params.account) do
      if field ~= "_id" then account[field] = value end
    end
    check(account)
    return commit(ctx, "Update", account, function(change, id) change:put(collection, id, account) end)
  end)

  engine.handle("write/Delete" .. collection, function(params, ctx)
    local account = latest(params.id)
    return commit(ctx, "Delete", account, function(change, id) change:delete(collection, id) end)
  end)
end

account_requests("GitProvider", "GitProvider")
account_requests("ImageRegistry", "DockerRegistry")
