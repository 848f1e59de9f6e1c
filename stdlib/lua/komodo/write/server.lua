--- Writes on servers besides their generic life (spec api.md 18.2).
local engine = require("engine")
local fail = require("komodo.fail")
local names = require("komodo.names")
local resource = require("komodo.resource")
local server_keys = require("komodo.server_keys")
local update = require("komodo.update")

local json = engine.json

engine.handle("write/CreateNetwork", function(params, ctx)
  local res = resource.require(ctx, "Server", params.server, "Write")
  local id = resource.id(res)
  if not res.config.enabled then fail.raise("invalid", "server not enabled") end
  local u = update.new(ctx.user, "CreateNetwork", { type = "Server", id = id })
  update.publish(u)
  local log, err = engine.hub.request(id, "CreateNetwork", { name = names.normalise("docker", params.name), driver = json.null })
  update.push(u, log or update.error_log("create network", err))
  update.finalize(u)
  update.publish(u)
  return u
end)

local function set_public_key(ctx, id, key)
  local u = update.new(ctx.user, "UpdateServerKey", { type = "Server", id = id })
  resource.set_info("Server", id, { public_key = key })
  update.log(u, "Update Server Public Key", "The Server's public key is now " .. key)
  update.finalize(u)
  update.publish(u)
  return u
end

engine.handle("write/UpdateServerPublicKey", function(params, ctx)
  return set_public_key(ctx, resource.id(resource.require(ctx, "Server", params.server, "Write")), params.public_key)
end)

engine.handle("write/RotateServerKeys", function(params, ctx)
  local id = resource.id(resource.require(ctx, "Server", params.server, "Write"))
  return set_public_key(ctx, id, server_keys.rotate(id))
end)
