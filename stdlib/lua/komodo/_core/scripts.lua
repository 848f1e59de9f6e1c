--- engine.script.run and cancel, over the handles of engine.script.start.

local engine = engine
local running = {}

-- Of one that runs.
local Entry = {}
function Entry:__close()
  if self.id and running[self.id] == self.script then running[self.id] = nil end
end

--- Runs a user script and waits for its end.
---@async
---@param spec table What engine.script.start takes, id and on_log(lines).
---@return table? outcome { ok, status = "ok"|"error"|"limit"|"cancelled", limit?, message?, line?, traceback, result?, cpu_ms, wall_ms, peak_bytes,
--- api_calls, log_dropped_bytes, clock }
---@return table? err why it could not be started
function engine.script.run(spec)
  local script, err = engine.script.start(spec)
  if not script then return nil, err end
  return engine.script.follow(script, spec.id, spec.on_log)
end

--- Waits for the end of what engine.script.start gave, which it closes. Who has nothing else of the spec need not keep it.
---@async
---@param started userdata
---@param id? string For engine.script.cancel and take.
---@param on_log? fun(lines: string)
---@return table? outcome
---@return table? err
function engine.script.follow(started, id, on_log)
  local script <close> = started
  local guard <close> = setmetatable({ id = id, script = script }, Entry)
  if id then running[id] = script end
  for lines in script.read, script do
    if on_log then on_log(lines) end
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
