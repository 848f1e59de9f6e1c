--- Recordings of runs (spec lua.md 6): what a script was given and every answer it got, so that komodo.testing runs it again
--- without an engine. The newest 20 of an Action are kept; a run ends its recording at 16 MB and goes on.
---
---   { version = 1, id, action, start_ts, source, args, run, seed, clock = { ms, … }, truncated, outcome = { status, message?, result? },
---     calls = { { group, name, params, at, took?, answer? | error? }, … } }      at, took: milliseconds from the start, and until answered
---
--- A call without `took` was given up before its answer came.
local engine = require("engine")
local fail = require("komodo.fail")

local json, store = engine.json, engine.store
local COLLECTION, PER_ACTION, BYTES_MAX = "ScriptRecording", 20, 16 * 1024 * 1024
local recording = {}

---@class Recording
---@field seed integer Of math.random.
local Recording = {}
Recording.__index = Recording

function recording.new()
  return setmetatable({ seed = math.random(1, 1 << 52), began = engine.time.mono(), calls = {}, bytes = 0, truncated = false }, Recording)
end

local function now(self) return math.floor(engine.time.mono() - self.began) end

--- A call begins. Parameters have handles of secrets, not their values.
function Recording:call(group, name, params)
  if self.truncated then return nil end
  local call = { group = group, name = name, at = now(self) }
  local text = json.encode(params)
  self.bytes = self.bytes + #text + #name + 100
  if self.bytes > BYTES_MAX then
    self.truncated = true
    return nil
  end
  call.params = text
  self.calls[#self.calls + 1] = call
  return call
end

--- It is answered, with what the script sees.
function Recording:answered(call, ok, result)
  call.took = now(self) - call.at
  if ok then
    if result == nil then return end
    call.answer = json.encode(result)
  else
    call.error = json.encode({ code = result.code, message = result.message, status = result.status, trace = result.trace or json.array({}) })
  end
  self.bytes = self.bytes + #(call.answer or call.error)
  if self.bytes > BYTES_MAX then
    self.truncated = true
    call.took, call.answer, call.error = nil, nil, nil
  end
end

-- The text of one object whose members are JSON already.
local function object(members)
  local parts = {}
  for _, m in ipairs(members) do
    if m[2] ~= nil then parts[#parts + 1] = json.encode(m[1]) .. ":" .. m[2] end
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

local function integer(n) return n and ("%d"):format(n) end

local function calls_text(self)
  local out = {}
  for i, c in ipairs(self.calls) do
    out[i] = object({ { "group", json.encode(c.group) }, { "name", json.encode(c.name) }, { "params", c.params }, { "at", integer(c.at) },
      { "took", integer(c.took) }, { "answer", c.answer }, { "error", c.error } })
  end
  return "[" .. table.concat(out, ",") .. "]"
end

-- Older ones than the newest 20 go. Those with their action in them are small; the text is a document of its own.
local function prune(change, action)
  local old = fail.unless(nil, store.find(COLLECTION, { action = action }, { sort = "start_ts", desc = true, skip = PER_ACTION - 1, limit = 1000 }))
  for _, doc in ipairs(old) do
    change:delete(COLLECTION, doc.id)
    change:delete(COLLECTION, doc.id .. "/text")
  end
end

--- The run is over; its recording is stored. Without place for it the run is none the worse.
---@async
function Recording:keep(job, run, source, args, outcome)
  local shown = { status = outcome.status, message = outcome.message, result = outcome.result }
  local text = object({
    { "version", "1" }, { "id", json.encode(run.id) }, { "action", json.encode(job.target.name) }, { "start_ts", integer(job.update.start_ts) },
    { "source", json.encode(run:redact(source)) }, { "args", json.encode(run:redacted(args)) },
    { "run", json.encode(run:redacted(run.info)) }, { "seed", integer(self.seed) }, { "clock", json.encode(json.array(outcome.clock)) },
    { "truncated", tostring(self.truncated) }, { "outcome", json.encode(run:redacted(shown)) }, { "calls", calls_text(self) },
  })
  local change = store.change()
  prune(change, job.id)
  change:put(COLLECTION, run.id, { id = run.id, action = job.id, start_ts = job.update.start_ts })
  change:put(COLLECTION, run.id .. "/text", { text = text })
  local done, err = change:commit()
  if not done then engine.log.warn("the recording of a run of Action " .. job.target.name .. " was not stored: " .. err.message) end
end

--- The recording of the run with this Update: id, action, start_ts; nil when there is none.
---@async
function recording.find(id)
  local doc = id:find("/", 1, true) == nil and store.get(COLLECTION, id)
  return doc or nil
end

---@async
function recording.text(id) return fail.unless(nil, store.get(COLLECTION, id .. "/text")).text end

--- Everything of an Action that is deleted goes.
---@async
function recording.forget(action)
  local change = store.change()
  for _, doc in ipairs(fail.unless(nil, store.find(COLLECTION, { action = action }, {}))) do
    change:delete(COLLECTION, doc.id)
    change:delete(COLLECTION, doc.id .. "/text")
  end
  fail.unless(nil, change:commit())
end

return recording
