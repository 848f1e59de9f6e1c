--- engine.script.run and cancel, over the handles of engine.script.start.

local engine = engine
local running = {}

--- Runs a user script and waits for its end.
---@async
---@param spec table What engine.script.start takes, id and on_log(lines).
---@return table? outcome { ok, status = "ok"|"error"|"limit"|"cancelled", limit?, message?, line?, traceback, result?, cpu_ms, wall_ms, peak_bytes,
--- api_calls, log_dropped_bytes, clock }
---@return table? err why it could not be started
function engine.script.run(spec)
  local script <close>, err = engine.script.start(spec)
  if not script then return nil, err end
  local id <const> = spec.id
  if id then running[id] = script end
  local forget <close> = setmetatable({}, { __close = function()
    if id and running[id] == script then running[id] = nil end
  end })
  for lines in script.read, script do
    if spec.on_log then spec.on_log(lines) end
  end
  return script:outcome()
end

--- Stops the run that was started with this id: its waits fail, and 60 ms later it is gone.
---@return boolean found
function engine.script.cancel(id)
  local script = running[id]
  if script then script:cancel() end
  return script ~= nil
end

--- The lines of that run which its on_log was not told yet, or nil.
function engine.script.take(id)
  local script = running[id]
  return script and script:take()
end

return engine.script
