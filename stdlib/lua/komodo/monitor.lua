--- What happens after a server was polled, well or badly (engine/sched/monitor.h).
local engine = require("engine")
local monitor = {}
local listeners = {}

--- Calls `fn(server_id)` after each poll, in the order of registration.
---@param fn async fun(server_id: string)
function monitor.on_refresh(fn) listeners[#listeners + 1] = fn end

local followers = {}

--- Calls `fn(tick)` after each pass over all servers, in a task of its own.
---@param fn async fun(tick: integer) The time of the pass, in milliseconds.
function monitor.on_tick(fn) followers[#followers + 1] = fn end

engine.handle("monitor/tick", function(tick)
  for _, fn in ipairs(followers) do engine.spawn(fn, math.tointeger(tick)) end
end)

engine.handle("monitor/refreshed", function(server_id)
  for _, fn in ipairs(listeners) do fn(server_id) end
end)

return monitor
