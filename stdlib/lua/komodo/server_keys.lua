--- Keys of agents (spec agent.md 3.7).
local engine = require("engine")
local fail = require("komodo.fail")
local server_keys = {}

--- The agent of a server makes a new key; returns it. An agent whose key is not in a file keeps the one it has.
---@async
---@param server_id string
---@return string public_key
function server_keys.rotate(server_id)
  local answer = fail.unless("Failed to rotate Periphery private key", engine.hub.request(server_id, "RotatePrivateKey", {}))
  if type(answer) ~= "table" or type(answer.public_key) ~= "string" then
    fail.raise("remote", "The agent answered without its public key")
  end
  return answer.public_key
end

return server_keys
