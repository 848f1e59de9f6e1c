--- How a run ended, in plain words: the one place that knows (spec lua.md 4, 5). Pure.
local endings = {}

local stopped = {
  cpu = function(l) return ("it used more than %s s of CPU time (limits.cpu_seconds)"):format(l.cpu_seconds) end,
  time = function(l) return ("it took longer than %s s (limits.wall_seconds)"):format(l.wall_seconds) end,
  memory = function(l) return ("it needed more than %s MB of memory (limits.memory_mb)"):format(l.memory_mb) end,
  result = function(l) return ("what it returned is larger than %s KB (limits.result_kb)"):format(l.result_kb) end,
}

endings.cancelled = "stopped: it was cancelled"
endings.waiting = "stopped: it was cancelled while it waited for its turn"
endings.interrupted = "stopped: the engine ended while it ran"

-- 10 rather than 10.0
local function plain(limits)
  local out = {}
  for key, value in pairs(limits) do out[key] = ("%.10g"):format(value) end
  return out
end

--- What stopped a run, or the error it ended with; nil: it went well.
---@param outcome { status: string, limit?: string, message?: string }
---@param limits table<string, number> Those that held for it.
---@return string?
function endings.words(outcome, limits)
  if outcome.status == "ok" then return nil end
  if outcome.status == "cancelled" then return endings.cancelled end
  local words = outcome.status == "limit" and stopped[outcome.limit]
  if words then return "stopped: " .. words(plain(limits)) end
  return outcome.message or "the script failed"
end

--- What it cost, as the last line of its stage.
function endings.cost(outcome)
  return ("%d ms · cpu %d ms · peak %d KiB · %d API calls"):format(
    outcome.wall_ms, math.floor(outcome.cpu_ms + 0.5), outcome.peak_bytes // 1024, outcome.api_calls)
end

return endings
