--- Named locks of the engine: one holder each, whoever waits gets it in the order of asking.
local engine = require("engine")
local locks = {}

local held = {}   -- name -> list of those who wait: { gate, has }

--- Waits for the lock; whoever is cancelled meanwhile does not have it.
---@async
function locks.acquire(name)
  local queue = held[name]
  if not queue then
    held[name] = {}
    return
  end
  local place = { gate = engine.gate(), has = false }
  queue[#queue + 1] = place
  local ok, opened, err = pcall(place.gate.wait, place.gate)
  if ok and opened then return end
  if place.has then locks.release(name) end
  for i, other in ipairs(queue) do
    if other == place then table.remove(queue, i) break end
  end
  error(ok and err or opened, 0)
end

function locks.release(name)
  local queue = held[name]
  local place = queue and table.remove(queue, 1)
  if not place then
    held[name] = nil
    return
  end
  place.has = true
  place.gate:open()
end

--- Runs fn with the lock; what it returns or raises.
---@async
function locks.with(name, fn)
  locks.acquire(name)
  local unlock <close> = setmetatable({}, { __close = function() locks.release(name) end })
  return fn()
end

return locks
