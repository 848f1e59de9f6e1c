--- Executions on deployments (spec resources.md 8.7): which agent request each one sends, and what its log stages are called.
local deployment = require("komodo.resource.deployment")
local engine = require("engine")
local execute = require("komodo.execute")
local fail = require("komodo.fail")
local images = require("komodo.images")
local interpolate = require("komodo.interpolate")
local resource = require("komodo.resource")
local secrets = require("komodo.secrets")
local target = require("komodo.target")
local update = require("komodo.update")

local null = engine.json.null

local fields = { "environment", "ports", "volumes", "labels", "command", "extra_args[]" }

-- What a deployment runs: the name of the image, the account of its registry and that account's token (nil: none). An image of
-- a Build has the Build's registry, and a version.
local function resolve_image(res, name_of)
  local image, account = res.config.image, res.config.image_registry_account
  if image.type == "Image" then
    local name = image.params.image
    return { name = name, account = account, token = secrets.registry_token(images.domain(name), account) }
  end
  local build = engine.store.row("Build", image.params.build_id)
  if not build then fail.raise("not_found", "Did not find any Build matching %s", image.params.build_id) end
  local wanted = image.params.version
  local version = images.version_text(wanted) ~= "0.0.0" and wanted or build.config.version
  local registry = build.config.image_registry[1]
  local domain = registry and registry.domain or ""
  if account == "" and domain ~= "" then account = registry.account end
  return { name = name_of(build, version), account = account, token = secrets.registry_token(domain, account), version = version }
end

execute.define("Deploy", "Deployment", function(job)
  local res, u = job.target, job.update
  local server = target.require(res)
  execute.exclusive(job, "deploying", function()
    local image = resolve_image(res, images.deployed)
    local sent = res.config
    sent.image, sent.image_registry_account = { type = "Image", params = { image = image.name } }, image.account
    local it = secrets.interpolator()
    if not sent.skip_secret_interp then
      interpolate.fields(it, sent, fields)
      secrets.push_logs(it, u)
    end
    u.version = image.version
    update.broadcast(u)
    local ok = execute.agent(job, server, "RunContainer", {
      deployment = res,
      stop_signal = job.params.stop_signal or null,
      stop_time = job.params.stop_time or null,
      registry_token = image.token or null,
      replacers = engine.json.array(interpolate.replacers(it)),
    }, "Deploy Container")
    target.refresh(res)
    resource.set_info("Deployment", job.id, {
      latest_image_digest = "",
      deployed_name = ok and deployment.custom_name(res) or nil,
    })
  end)
end)

execute.define("PullDeployment", "Deployment", function(job)
  local res = job.target
  local server = target.require(res, { request = "PullDeployment", kind = "Deployment" })
  execute.exclusive(job, "pulling", function()
    local image = resolve_image(res, images.pulled)
    execute.agent(job, server, "PullImage", {
      name = image.name,
      account = image.account ~= "" and image.account or null,
      token = image.token or null,
    }, "Pull image")
    target.refresh(res)
  end)
end)

-- Executions that are one agent request on the container by its name.
local function on_container(name, flag, request, stage)
  execute.define(name, "Deployment", function(job)
    local server = target.require(job.target, { request = name, kind = "Deployment" })
    execute.exclusive(job, flag, function()
      execute.agent(job, server, request, { name = deployment.deployed_name(job.target) }, stage)
      target.refresh(job.target)
    end)
  end)
end
on_container("StartDeployment", "starting", "StartContainer", "start container")
on_container("RestartDeployment", "restarting", "RestartContainer", "restart container")
on_container("PauseDeployment", "pausing", "PauseContainer", "pause container")
on_container("UnpauseDeployment", "unpausing", "UnpauseContainer", "unpause container")

-- The same with a stop signal and time: the request's, else the configured ones.
local function stop(job, request, stage)
  local config = job.target.config
  return execute.agent(job, config.server_id, request, {
    name = deployment.deployed_name(job.target),
    signal = job.params.signal or config.termination_signal,
    time = job.params.time or config.termination_timeout,
  }, stage)
end

execute.define("StopDeployment", "Deployment", function(job)
  target.require(job.target, { request = "StopDeployment", kind = "Deployment" })
  execute.exclusive(job, "stopping", function()
    stop(job, "StopContainer", "stop container")
    target.refresh(job.target)
  end)
end)

execute.define("DestroyDeployment", "Deployment", function(job)
  target.require(job.target)
  execute.exclusive(job, "destroying", function()
    local ok = stop(job, "RemoveContainer", "Destroy Container")
    if ok then resource.set_info("Deployment", job.id, { deployed_name = "" }) end
    target.refresh(job.target)
  end)
end)

execute.define_batch("BatchDeploy", "Deploy", "Deployment")
execute.define_batch("BatchDestroyDeployment", "DestroyDeployment", "Deployment")
