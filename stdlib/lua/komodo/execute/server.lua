--- Executions on servers: containers, prunes, deletes (spec resources.md 7.5).
local engine = require("engine")
local execute = require("komodo.execute")
local fail = require("komodo.fail")
local state = require("komodo.state")
local update = require("komodo.update")

local null = engine.json.null

-- An execution whose work starts once the server is known to be in use.
local function define(name, work)
  execute.define(name, "Server", function(job)
    if not job.target.config.enabled then fail.raise("invalid", "server not enabled") end
    work(job)
  end)
end

-- Sends the request and polls the server before the record is complete.
local function ask(job, request, params, stage)
  execute.agent(job, job.id, request, params, stage)
  engine.monitor.refresh(job.id)
end

-- { request, counter, agent request, error stage, with stop options }
local on_container = {
  { "StartContainer", "starting_containers", "StartContainer", "Start Container" },
  { "RestartContainer", "restarting_containers", "RestartContainer", "Restart Container" },
  { "PauseContainer", "pausing_containers", "PauseContainer", "Pause Container" },
  { "UnpauseContainer", "unpausing_containers", "UnpauseContainer", "Unpause Container" },
  { "StopContainer", "stopping_containers", "StopContainer", "Stop Container", true },
  { "DestroyContainer", "destroying_containers", "RemoveContainer", "Remove Container", true },
}
for _, row in ipairs(on_container) do
  local name, counter, request, stage, stops = table.unpack(row)
  define(name, function(job)
    state.counted("Server", job.id, counter, function()
      update.broadcast(job.update)
      local params = { name = job.params.container }
      if stops then params.signal, params.time = job.params.signal or null, job.params.time or null end
      ask(job, request, params, stage)
    end)
  end)
end

-- { request, counter, title of the closing log }
local on_all = {
  { "StartAllContainers", "starting_containers", "Start All Containers" },
  { "RestartAllContainers", "restarting_containers", "Restart All Containers" },
  { "PauseAllContainers", "pausing_containers", "Pause All Containers" },
  { "UnpauseAllContainers", "unpausing_containers", "Unpause All Containers" },
  { "StopAllContainers", "stopping_containers", "Stop All Containers" },
}
for _, row in ipairs(on_all) do
  local name, counter, title = table.unpack(row)
  define(name, function(job)
    state.counted("Server", job.id, counter, function()
      update.broadcast(job.update)
      local logs, err = engine.hub.request(job.id, name, {})
      if not logs then error(err, 0) end
      local ok = true
      for _, log in ipairs(logs) do
        update.push(job.update, log)
        ok = ok and log.success
      end
      if ok then update.log(job.update, title, title .. " completed.") end
      engine.monitor.refresh(job.id)
    end)
  end)
end

-- { request, flag, agent request, error stage }
local prunes = {
  { "PruneContainers", "pruning_containers", "PruneContainers", "Prune Containers" },
  { "PruneNetworks", "pruning_networks", "PruneNetworks", "Prune Networks" },
  { "PruneImages", "pruning_images", "PruneImages", "Prune Images" },
  { "PruneVolumes", "pruning_volumes", "PruneVolumes", "Prune Volumes" },
  { "PruneDockerBuilders", "pruning_builders", "PruneBuilders", "Prune Builders" },
  { "PruneBuildx", "pruning_buildx", "PruneBuildx", "Prune Buildx" },
  { "PruneSystem", "pruning_system", "PruneSystem", "Prune System" },
}
for _, row in ipairs(prunes) do
  local name, flag, request, stage = table.unpack(row)
  define(name, function(job)
    execute.exclusive(job, flag, function() ask(job, request, {}, stage) end)
  end)
end

for name, stage in pairs({ DeleteNetwork = "Delete Network", DeleteImage = "delete image", DeleteVolume = "delete volume" }) do
  define(name, function(job)
    update.broadcast(job.update)
    ask(job, name, { name = job.params.name }, stage)
  end)
end
