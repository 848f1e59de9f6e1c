--- Deployments: names of their containers, validation, rename, delete (spec resources.md 8).
local engine = require("engine")
local attach = require("komodo.resource.attach")
local checks = require("komodo.resource.hooks")
local fail = require("komodo.fail")
local monitor = require("komodo.monitor")
local names = require("komodo.names")
local resource = require("komodo.resource")
local state = require("komodo.state")
local target = require("komodo.target")
local update = require("komodo.update")

local deployment = {}

--- What the next deploy calls the container.
function deployment.custom_name(res)
  local custom = names.trim(res.config.custom_name)
  return custom ~= "" and custom or names.trim(res.name)
end

--- What the container that exists is called.
function deployment.deployed_name(res)
  local deployed = names.trim(type(res.info) == "table" and res.info.deployed_name or "")
  return deployed ~= "" and deployed or deployment.custom_name(res)
end

-- Containers renamed since their server was polled: server id -> { name -> name in the poll }.
local renamed = {}
monitor.on_refresh(function(server_id) renamed[server_id] = nil end)

--- State without the override of a running deploy, and the container or nil (spec resources.md 8.3).
---@return string state
---@return table? container
function deployment.cached(res)
  local server, name = res.config.server_id, deployment.deployed_name(res)
  if res.config.swarm_id ~= "" or server == "" then return "unknown" end
  if engine.status.state(server) ~= "Ok" then return "unknown" end
  local container = engine.status.container(server, renamed[server] and renamed[server][name] or name)
  if not container then return "not_deployed" end
  return container.state ~= "" and container.state or "unknown", container
end

--- The agent request of a server, waited for: result, or nil and the error.
local function agent(res, name, params) return engine.hub.request(res.config.server_id, name, params) end

-- A container that exists follows its deployment's new name, or the change is refused.
local function rename_container(res, new_name)
  local server, current = res.config.server_id, deployment.deployed_name(res)
  if current == new_name then return end
  local log, err = agent(res, "RenameContainer", { curr_name = current, new_name = new_name })
  if not log then error(fail.context("Failed to rename container on server", err), 0) end
  if log.success then
    local known = renamed[server] or {}
    known[new_name], known[current] = known[current] or current, nil
    renamed[server] = known
  end
  return log
end

resource.hooks.Deployment = {
  validate = function(config, ctx)
    attach.one(ctx, config, "swarm_id", "Swarm", "Cannot attach Deployment to this Swarm")
    attach.one(ctx, config, "server_id", "Server", "Cannot attach Deployment to this Server")
    if type(config.image) == "table" and config.image.type == "Build" then
      attach.one(ctx, config.image.params, "build_id", "Build", "Cannot update deployment with this build attached.")
    end
    for _, field in ipairs({ "volumes", "ports", "environment" }) do checks.parseable(config, field) end
    if type(config.custom_name) == "string" and names.trim(config.custom_name) ~= "" then
      config.custom_name = names.normalise("container", config.custom_name)
    end
    checks.drop_blank(config, "extra_args")
  end,

  before_update = function(res, config)
    local after = { name = res.name, info = res.info, config = config }
    local new_name = deployment.custom_name(after)
    if deployment.custom_name(res) == new_name or res.config.swarm_id ~= "" or res.config.server_id == "" then return end
    local now = deployment.cached(res)
    if now == "not_deployed" then return end
    if now == "unknown" then
      fail.raise("busy", "Cannot change custom container name when container status is unknown")
    end
    local ok, err = pcall(rename_container, res, new_name)
    if not ok then error(fail.context("Failed to rename container to the new custom name", err), 0) end
    res.info.deployed_name = new_name
  end,

  created = function(res)
    if target.answers(res) then target.refresh(res) end
  end,

  rename = function(res, name, u)
    local id, server = resource.id(res), res.config.server_id
    local said = ("Renamed Deployment from %s to %s"):format(res.name, name)
    state.exclusive("Deployment", id, "renaming", function()
      local follows = names.trim(res.config.custom_name) == ""
      local now = deployment.cached(res)
      if not follows or now == "not_deployed" or server == "" then
        update.log(u, "Rename Deployment", said)
        resource.set_name("Deployment", res, name, u)
        return
      end
      if now == "unknown" then fail.raise("busy", "Cannot rename Deployment when container status is unknown") end
      local changed = resource.set_name("Deployment", res, name, u)
      local ok, log = pcall(rename_container, res, name)
      if not ok then
        -- The name is changed already: the record has to say that the container kept its own.
        update.push(u, update.error_log("Rename Deployment", log))
        resource.settle(u)
        error(log, 0)
      end
      changed.info.deployed_name = name
      resource.save("Deployment", changed)
      if log then update.push(u, log) end
      update.log(u, "Rename Deployment", said)
    end)
  end,

  before_delete = function(res, u)
    local now = deployment.cached(res)
    if now == "not_deployed" or now == "unknown" then return end
    local there, why = target.answers(res)
    if not there then
      update.push(u, update.error_log("Remove Container / Service", why))
      return
    end
    local log, err = agent(res, "RemoveContainer", {
      name = deployment.deployed_name(res),
      signal = res.config.termination_signal,
      time = res.config.termination_timeout,
    })
    update.push(u, log or update.error_log("Remove Container", err))
  end,
}

return deployment
