--- Executions on deployments (spec resources.md 8.7): which agent request each one sends, and what its log stages are called.
local deployment = require("komodo.resource.deployment")
local engine = require("engine")
local execute = require("komodo.execute")
local fail = require("komodo.fail")
local interpolate = require("komodo.interpolate")
local resource = require("komodo.resource")
local secrets = require("komodo.secrets")
local target = require("komodo.target")
local update = require("komodo.update")

local null = engine.json.null

local fields = { "environment", "ports", "volumes", "labels", "command", "extra_args[]" }

-- The image as the agent is to run it, and the token of its registry. Build images come with builds.
local function resolve_image(res)
  local image, account = res.config.image, res.config.image_registry_account
  if image.type ~= "Image" then fail.raise("unsupported", "This engine does not deploy images of Builds") end
  local name = image.params.image
  local domain = name:match("^([^/]*)/")
  if not domain or not domain:find(".", 1, true) then domain = "docker.io" end
  return name, account ~= "" and secrets.registry_token(domain, account) or nil
end

execute.define("Deploy", "Deployment", function(job)
  local res, u = job.target, job.update
  local server = target.require(res)
  execute.exclusive(job, "deploying", function()
    local _, token = resolve_image(res)
    local it = secrets.interpolator()
    if not res.config.skip_secret_interp then
      interpolate.fields(it, res.config, fields)
      secrets.push_logs(it, u)
    end
    update.broadcast(u)
    local ok = execute.agent(job, server, "RunContainer", {
      deployment = res,
      stop_signal = job.params.stop_signal or null,
      stop_time = job.params.stop_time or null,
      registry_token = token or null,
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
    local image, token = resolve_image(res)
    local account = res.config.image_registry_account
    execute.agent(job, server, "PullImage", { name = image, account = account ~= "" and account or null, token = token or null },
      "Pull image")
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
