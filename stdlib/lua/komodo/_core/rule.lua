--- The main function of an alert rule (spec lua.md 2): asks the engine for targets, calls the compiled script for each of
--- them, answers with what it said, until the run is cancelled. Its state stays, so globals of the script do too.
---
--- Asks   rule_next { results?, cpu_ms? } -> { first, from, targets?, states, stats?, containers? }: a batch, its lists side by
---        side; stats and containers are JSON text; without targets they are those of the last batch with this `from`
---        rule_part { index, part } -> { value? }      rule_history { index, minutes } -> list
--- A result is { i = index, value = JSON text }, { i, error = words } or { i, unknown = true }; a target without one is fine.

local komodo, core, json, rule = ...
local pcall, error, tostring, type, ipairs, setmetatable, rawset = pcall, error, tostring, type, ipairs, setmetatable, rawset
local find, sub = string.find, string.sub
local ask, budget, close_children, decode, encode = core.ask, core.budget, core.close_children, json.decode, json.encode

local RESULT_MAX, WORDS_MAX = 16384, 2000
local INDEX, BATCH = {}, {}   -- the keys behind which an event has where its data is
local parts = { stats = true, containers = true }
local misses = false   -- whether the rule read what the server of the target did not tell

local function history_of(index)
  return function(minutes)
    if type(minutes) ~= "number" or not (minutes > 0) then error("event.history: the argument is minutes, above 0", 2) end
    local records, problem = ask("rule_history", { index = index, minutes = minutes })
    if not records then error(problem, 0) end
    return records
  end
end

-- What the engine did not expect the rule to touch is asked for.
local function ask_part(index, name)
  local answer, problem = ask("rule_part", { index = index, part = name })
  if not answer then error(problem, 0) end
  return answer.value
end

-- What the rule does not touch is never made.
local function field_of(event, name)
  local index, value = event[INDEX], nil
  if name == "history" then
    value = history_of(index)
  elseif parts[name] then
    local texts = event[BATCH][name]
    if texts then value = decode(texts[index]) else value = ask_part(index, name) end
    if value == nil or value == json.null then
      misses = true
      return nil
    end
  end
  if value ~= nil then rawset(event, name, value) end
  return value
end

local event_mt = { __index = field_of, __metatable = false }

local function words_of(problem)
  local ok, words = pcall(tostring, problem)
  words = ok and type(words) == "string" and words or "the error is no text"
  return sub(words, 1, WORDS_MAX)
end

local function judge(target, i, batch)
  misses = false
  komodo.event = setmetatable({ type = "poll", target = target, state = batch.states[i], [INDEX] = i, [BATCH] = batch }, event_mt)
  local ok, value = pcall(rule)
  close_children()
  if ok and value == nil then return nil end
  if ok then
    local fits, text = pcall(encode, value)
    if fits and #text <= RESULT_MAX then return { i = i, value = text } end
    return { i = i, error = fits and "the returned value is larger than 16 KB" or words_of(text) }
  end
  local words = words_of(value)
  -- The state is not to be trusted any more: the run ends, and a fresh one begins with the next poll.
  if find(words, "not enough memory", 1, true) then error(words, 0) end
  return misses and { i = i, unknown = true } or { i = i, error = words }
end

local known = {}   -- targets, by the `from` of their batch

local function judge_all(batch)
  if batch.first then budget(true) end
  local targets = batch.targets or known[batch.from]
  known[batch.from] = targets
  local results = json.array {}
  for i, target in ipairs(targets) do results[#results + 1] = judge(target, i, batch) end
  komodo.event = nil
  return { results = results, cpu_ms = budget(false) }
end

local answer
while true do
  local batch, problem = ask("rule_next", answer)
  if not batch then error(problem, 0) end
  answer = judge_all(batch)
end
