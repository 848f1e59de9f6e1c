--- Which server (or swarm) an execution on a stack or deployment goes to (spec resources.md 6).
local engine = require("engine")
local fail = require("komodo.fail")
local target = {}

--- Raises unless the resource has a server that answers right now; returns its id. Swarms are not served by this engine yet.
---@async
---@param res table Stack or Deployment.
---@param what? string Named in the error when only servers will do.
---@return string server_id
function target.require(res, what)
  if res.config.swarm_id ~= "" then
    if what then fail.raise("invalid", "%s should not be called for %s in Swarm Mode", what.request, what.kind) end
    fail.raise("unsupported", "This engine does not drive swarms")
  end
  if res.config.server_id == "" then
    if what then fail.raise("invalid", "%s should not be called for %s without a Server", what.request, what.kind) end
    fail.raise("invalid", "Must attach either swarm or server")
  end
  target.require_server(res.config.server_id)
  return res.config.server_id
end

--- The live check: the server is enabled and its agent answers.
---@async
function target.require_server(server_id)
  local server = engine.store.row("Server", server_id)
  if not server then fail.raise("not_found", "Did not find any Server matching %s", server_id) end
  local version, err
  if server.config.enabled then version, err = engine.hub.request(server_id, "GetVersion", {}) end
  if not version then
    local e = fail.new("remote", "Cannot send command when Server is unreachable or disabled")
    if err then e = fail.context(e.message, err) end
    error(e, 0)
  end
end

--- Is there a server that answers right now? If not, why.
---@async
---@return boolean
---@return Err? why
function target.answers(res)
  if res.config.swarm_id == "" and res.config.server_id == "" then return false end
  local ok, err = pcall(target.require, res)
  return ok, not ok and err or nil
end

--- Polls the server of a resource anew, if it has one; waits for the answer.
---@async
function target.refresh(res)
  if res.config.server_id ~= "" then engine.monitor.refresh(res.config.server_id) end
end

return target
