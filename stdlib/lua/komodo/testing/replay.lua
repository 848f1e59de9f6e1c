--- A recorded run again, without an engine (spec lua.md 6): the script gets the recorded arguments, answers, clock and random numbers.
---
---   local outcome = require("komodo.testing").replay(recording, source)
---   outcome = { same, difference?, ended?, ok, result?, error?, log }
---
--- `recording` is what GetActionRecording answers, as text or as table; `source` is the script to run, the recorded one without it.
--- Calls of one task come in the order of the recording; those of several tasks may come in any. At the first call that is none of
--- the recorded ones the script stops, and `difference` says what it asks and what was recorded. `ended` says why the recording
--- has nothing more to answer where the recorded run itself was stopped.

local core = require("komodo.testing.core")
local json = require("komodo.testing.json")
local module = require("komodo.testing.module")

local M = {}

local NEVER = 1e15
local parts = { "script", "state", "http", "pure", "time", "formats", "terminal", "respond" }

local Replay = {}
Replay.__index = Replay

-- ---- the recording ----

local function decoded(value, what)
  if type(value) ~= "string" then return value end
  local made, problem = json.decode(value)
  if made == nil then error(("%s is no JSON: %s"):format(what, tostring(problem)), 0) end
  return made
end

--- The recording itself, of an answer of the API, its text, or either as a table. Raises in words.
function M.read(given)
  local recording = decoded(given, "the recording")
  if type(recording) == "table" and recording.recording then recording = decoded(recording.recording, "the recording") end
  if type(recording) ~= "table" or type(recording.calls) ~= "table" or recording.version ~= 1 then
    error("this is no recording: save the answer of GetActionRecording, or its field 'recording'", 0)
  end
  return recording
end

local function key_of(group, name, params) return group .. " " .. name .. " " .. json.encode(params or {}) end

local function shown(key) return #key > 400 and key:sub(1, 400) .. "…" or key end

-- ---- calls ----

local function first_unused(self)
  for i, entry in ipairs(self.entries) do
    if not entry.used and not entry.told then return entry, i end
  end
end

-- What kind of end it is when the recording has no answer.
local function stop(self, key)
  local entry, number = first_unused(self)
  if entry then
    self.difference = ("call %d differs\n  recorded: %s\n  now:      %s"):format(number, shown(entry.key), shown(key))
  elseif self.recording.truncated then
    self.ended = "the recording ends here: it had reached its size"
  elseif self.recording.outcome.status == "cancelled" or self.recording.outcome.status == "limit" then
    self.ended = ("the recording ends here: the run was stopped (%s)"):format(self.recording.outcome.message or self.recording.outcome.status)
  else
    self.difference = ("call %d is new\n  now:      %s"):format(#self.entries + 1, shown(key))
  end
  self.stopped = true
  self.t.clock:wait(function() return false end, NEVER)
end

-- The next recorded call that is this one.
local function take(self, key)
  local queue = self.by_key[key]
  local entry = queue and queue[queue.at]
  if not entry then return nil end
  queue.at = queue.at + 1
  entry.used = true
  return entry
end

local function call(self, group, name, params)
  local key = key_of(group, name, params)
  local entry = take(self, key)
  if not entry then return stop(self, key) end
  local clock = self.t.clock
  local at = entry.took and clock.now + entry.took or NEVER
  clock:wait(function() return clock.now >= at end, at)
  if not entry.took then return stop(self, key) end
  if entry.error then return nil, core.problem(module.copy(entry.error)) end
  if entry.answer == nil then return true end
  return entry.answer
end

-- Nobody waits for it, so it may be missing.
local function tell(self, name, params) take(self, key_of("komodo", name, params)) end

-- ---- the module ----

local function new_module(self)
  local t = self.t
  local komodo = { args = t.args, event = t.event, run = t.run_info, json = module.json }
  function komodo.read(name, params) return call(self, "read", name, params) end
  function komodo.write(name, params) return call(self, "write", name, params) end
  function komodo.start(name, params) return call(self, "start", name, params) end
  function komodo.now() return t.read_clock() end
  local function sleep(seconds)
    t.clock:sleep(seconds)
    return true
  end
  komodo.sleep = sleep
  module.concurrent(t, komodo)
  local made = core.new(komodo, {
    log = function(...) module.log(t, "", ...) end,
    ask = function(name, params) return call(self, "komodo", name, params) end,
    tell = function(name, params) tell(self, name, params) end,
    execute = function(name, params) return call(self, "execute", name, params) end,
    start = komodo.start, sleep = sleep,
  })
  for _, part in ipairs(parts) do
    local found, problem = pcall(core.load, part, komodo, made)
    if not found and not tostring(problem):find("there is no", 1, true) then error(problem, 0) end
  end
  core.load("sugar", komodo, made)
  return komodo
end

-- Modules come from the recording.
local function new_require(self, environment)
  local loaded = { komodo = environment.komodo }
  return function(name)
    if loaded[name] == nil then
      local answer, problem = call(self, "komodo", "module", { name = name })
      if not answer then error(problem, 0) end
      local chunk = assert(load(answer.source, "=" .. tostring(answer.name), "t", environment))
      local value = chunk(name)
      loaded[name] = value == nil and true or value
    end
    return loaded[name]
  end
end

-- The clock says what it said, and afterwards what has passed.
local function clock_of(self)
  local at, times = 0, self.recording.clock or {}
  return function()
    at = at + 1
    return times[at] or self.t.clock.now
  end
end

-- ---- running ----

-- What differs although every call was the same.
local function compare(self, outcome)
  local was = self.recording.outcome
  local entry, number = first_unused(self)
  if entry then return ("call %d is not made any more\n  recorded: %s"):format(number, shown(entry.key)) end
  if was.status == "cancelled" or was.status == "limit" then return nil end
  if outcome.ok ~= (was.status == "ok") then
    return ("the outcome differs\n  recorded: %s\n  now:      %s"):format(was.status == "ok" and "ok" or was.message or was.status,
      outcome.ok and "ok" or outcome.error)
  end
  local before, now = json.encode({ was.result }), json.encode({ outcome.result })
  if outcome.ok and before ~= now then return ("the result differs\n  recorded: %s\n  now:      %s"):format(shown(before), shown(now)) end
end

local function entries_of(recording)
  local entries, by_key, told = {}, {}, { http_close = true, stage_end = true, unlock = true }
  for i, c in ipairs(recording.calls) do
    entries[i] = { key = key_of(c.group, c.name, c.params), took = c.took, answer = c.answer, error = c.error,
      told = c.group == "komodo" and told[c.name] or false }
    local key = entries[i].key
    by_key[key] = by_key[key] or { at = 1 }
    table.insert(by_key[key], entries[i])
  end
  return entries, by_key
end

--- Runs it; `new` is komodo.testing.new.
function M.run(new, given, source)
  local recording = M.read(given)
  local run = recording.run or {}
  local self = setmetatable({ recording = recording }, Replay)
  self.entries, self.by_key = entries_of(recording)
  local t = new({ now = recording.start_ts, args = module.copy(recording.args), event = run.event, run = run })
  self.t, t.read_clock = t, clock_of(self)
  math.randomseed(recording.seed, 0)
  local environment = module.globals(t, new_module(self))
  environment.require = new_require(self, environment)
  local fn, syntax = load(source or recording.source, "=" .. tostring(recording.action or "script"), "t", environment)
  if not fn then return { same = false, ok = false, error = syntax, difference = "the script has an error\n  " .. tostring(syntax), log = "" } end
  local task = t.clock:spawn(fn)
  t.clock:run(task, function() return self.stopped end)
  local outcome = { ok = task.ok == true, log = table.concat(t.lines, "\n"), ended = self.ended, difference = self.difference }
  if task.ok then outcome.result = task.values[1] elseif task.values then outcome.error = tostring(task.values[1]) end
  if not self.stopped then outcome.difference = compare(self, outcome) end
  outcome.same = outcome.difference == nil
  return outcome
end

return M
