--- Live reads of deployments (spec api.md 17.7).
local deployment = require("komodo.resource.deployment")
local engine = require("engine")
local fail = require("komodo.fail")
local log = require("komodo.read.log")
local resource = require("komodo.resource")
local target = require("komodo.target")

local json = engine.json

engine.handle("read/GetDeploymentContainer", function(params, ctx)
  local res = resource.require(ctx, "Deployment", params.deployment)
  local state, container = deployment.cached(res)
  return { state = state, container = container or json.null }
end)

engine.handle("read/GetDeploymentLog", function(params, ctx)
  local res = resource.require(ctx, "Deployment", params.deployment, "Read", { "Logs" })
  return log.tail(target.require(res), deployment.deployed_name(res), params)
end)

engine.handle("read/SearchDeploymentLog", function(params, ctx)
  local res = resource.require(ctx, "Deployment", params.deployment, "Read", { "Logs" })
  return log.search(target.require(res), deployment.deployed_name(res), params)
end)

engine.handle("read/GetDeploymentStats", function(params, ctx)
  local res = resource.require(ctx, "Deployment", params.deployment)
  if res.config.server_id == "" then fail.raise("invalid", "Deployment has no Server attached") end
  return fail.unless("Failed to get container stats",
    engine.hub.request(res.config.server_id, "GetContainerStats", { name = deployment.deployed_name(res) }))
end)

engine.handle("read/InspectDeploymentContainer", function(params, ctx)
  local res = resource.require(ctx, "Deployment", params.deployment, "Read", { "Inspect" })
  local server = target.require(res, { request = "InspectDeploymentContainer", kind = "Deployment" })
  return fail.unless("Failed to inspect container",
    engine.hub.request(server, "InspectContainer", { name = deployment.deployed_name(res) }))
end)

engine.handle("read/ListCommonDeploymentExtraArgs", function(params, ctx)
  local seen, out = {}, json.array({})
  for _, res in ipairs(engine.model.select(ctx.user, "Deployment", params.query, "Read")) do
    for _, arg in ipairs(res.config.extra_args) do
      if not seen[arg] then
        seen[arg] = true
        out[#out + 1] = arg
      end
    end
  end
  table.sort(out)
  return out
end)
