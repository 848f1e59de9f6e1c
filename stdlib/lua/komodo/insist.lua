--- Writes that must happen sooner or later: tried again while the store refuses them for a reason that may pass.
local engine = require("engine")
local fail = require("komodo.fail")
local insist = {}

local PAUSE_MS, PAUSE_MAX_MS = 500, 30000
local passing = { full = true, io = true, limit = true, busy = true, memory = true }

-- One try: true, or the reason it may pass; raises what will not.
local function try(write)
  local ok, err = pcall(write)
  if ok then return true end
  err = fail.from(err)
  if not passing[err.code] then error(err, 0) end
  return false, (err.trace or {})[1] or err.message
end

--- Runs `write` until it does not raise; an error that will not pass is raised.
---@async
---@param write fun()
---@param on_wait? fun(reason: string) Told once, before the first pause.
function insist.wait(write, on_wait)
  local pause = PAUSE_MS
  while true do
    local done, reason = try(write)
    if done then return end
    if on_wait then on_wait(reason) end
    on_wait = nil
    engine.sleep(pause)
    pause = math.min(pause * 2, PAUSE_MAX_MS)
  end
end

--- Runs `write` once; when that fails for a reason that may pass, the further tries are made by a task of their own.
---@async
---@param write fun()
---@param on_wait fun(reason: string)
function insist.later(write, on_wait)
  local done, reason = try(write)
  if done then return end
  on_wait(reason)
  engine.spawn(function() insist.wait(write) end)
end

return insist
