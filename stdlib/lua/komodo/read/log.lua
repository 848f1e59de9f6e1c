--- Container logs through the agent (spec agent.md 8.2).
local engine = require("engine")
local fail = require("komodo.fail")
local log = {}

local TAIL_MAX = 5000

---@async
function log.tail(server_id, name, params)
  return fail.unless("Failed to get container log", engine.hub.request(server_id, "GetContainerLog", {
    name = name,
    tail = math.min(params.tail, TAIL_MAX),
    timestamps = params.timestamps,
  }))
end

---@async
function log.search(server_id, name, params)
  return fail.unless("Failed to search container log", engine.hub.request(server_id, "GetContainerLogSearch", {
    name = name,
    terms = params.terms,
    combinator = params.combinator,
    invert = params.invert,
    timestamps = params.timestamps,
  }))
end

return log
