--- New keys for the agents and for the engine (spec resources.md 20, agent.md 3.7).
local engine = require("engine")
local execute = require("komodo.execute")
local fail = require("komodo.fail")
local resource = require("komodo.resource")
local server_keys = require("komodo.server_keys")
local update = require("komodo.update")

local conf_path, hub, status, store = engine.conf_path, engine.hub, engine.status, engine.store
local FAILED = "Key Rotation Failure"
local rotating = false

-- One rotation at a time, of either kind.
local function alone(fn)
  if rotating then fail.raise("busy", "Key rotation already in progress...") end
  rotating = true
  local guard <close> = setmetatable({}, { __close = function() rotating = false end })
  fn()
end

local function state_of(server) return server.config.enabled and (status.state(resource.id(server)) or "NotOk") or "Disabled" end

execute.define_system("RotateAllServerKeys", function(job)
  alone(function()
    update.broadcast(job.update)
    local lines = {}
    local function line(...) lines[#lines + 1] = string.format(...) end
    for _, server in ipairs(store.list("Server")) do
      local state, id = state_of(server), resource.id(server)
      if not server.config.auto_rotate_keys then
        line("Skipped %s: its keys are not rotated automatically", server.name)
      elseif state ~= "Ok" then
        line("Skipped %s: it is %s", server.name, state)
      else
        local ok, result = pcall(server_keys.rotate, id)
        if ok then
          resource.set_info("Server", id, { public_key = result })
          line("Rotated the key of %s", server.name)
        else
          update.push(job.update, update.error_log(FAILED, fail.context(server.name, result)))
        end
      end
    end
    update.log(job.update, "Rotate Server Keys", #lines > 0 and table.concat(lines, "\n") or "No key was rotated")
  end)
end)

-- The new key is on disk before any agent trusts it, and every agent trusts it before the engine logs in with it.
execute.define_system("RotateCoreKeys", function(job)
  alone(function()
    local path = conf_path("private_key"):match("^file:(.+)$")
    if not path then fail.raise("invalid", "private_key: only a key in a file (file:/path) can be rotated") end
    local reachable = {}
    for _, server in ipairs(store.list("Server")) do
      local state = state_of(server)
      if state == "NotOk" and not job.params.force then
        fail.raise("remote", "Server %s is NotOk, stopping key rotation. Pass `force: true` to continue anyways.", server.name)
      end
      if state == "Ok" then reachable[#reachable + 1] = server end
    end
    update.broadcast(job.update)
    local key = fail.unless("Failed to make a new key", hub.draft_key(path))
    local tells = {}
    for i, server in ipairs(reachable) do
      tells[i] = function()
        local answer, err = hub.request(resource.id(server), "RotateCorePublicKey", { public_key = tostring(key) })
        if not answer then update.push(job.update, update.error_log(FAILED, fail.context(server.name, err))) end
      end
    end
    engine.all(tells)
    local ok, err = hub.adopt_key(key, path)
    if not ok then update.push(job.update, update.error_log(FAILED, err)) end
    update.log(job.update, "Rotate Core Keys", "The engine's public key is now " .. tostring(key))
  end)
end)
