--- The main function of an alert rule (spec lua.md 2): asks the engine for targets, calls the compiled script for each of
--- them, answers with what it said, until the run is cancelled. Its state stays, so globals of the script do too.
---
--- Asks   rule_next { results?, cpu_ms? } -> { first, targets = { { target, state, stats?, containers? }, … } }, the last two
---        as JSON text;  rule_part { index, part } -> { value? };  rule_history { index, minutes } -> list
--- A result is { i = index, value = JSON text }, { i, error = words } or { i, unknown = true }; a target without one is fine.

local komodo, core, json, rule = ...
local pcall, error, tostring, type, ipairs, setmetatable, rawset = pcall, error, tostring, type, ipairs, setmetatable, rawset
local find, sub = string.find, string.sub
local ask, budget, close_children, decode, encode = core.ask, core.budget, core.close_children, json.decode, json.encode

local RESULT_MAX, WORDS_MAX = 16384, 2000
local ITEM = setmetatable({}, { __tostring = function() return "item" end })   -- the key behind which an event has its data
local lazy = { stats = true, containers = true }
local misses = false   -- whether the rule read what the server of the target did not tell

-- What the rule does not touch is never decoded; what the engine did not expect it to touch is asked for.
local function part_of(event, name)
  if not lazy[name] then return nil end
  local text, value = event[ITEM][name]
  if text then
    value = decode(text)
  else
    local answer, problem = ask("rule_part", { index = event[ITEM].index, part = name })
    if not answer then error(problem, 0) end
    value = answer.value
  end
  if value == nil or value == json.null then
    misses = true
    return nil
  end
  rawset(event, name, value)
  return value
end

local event_mt = { __index = part_of, __metatable = false }

local function history_of(at)
  return function(minutes)
    if type(minutes) ~= "number" or not (minutes > 0) then error("event.history: the argument is minutes, above 0", 2) end
    local records, problem = ask("rule_history", { index = at, minutes = minutes })
    if not records then error(problem, 0) end
    return records
  end
end

local function event_of(item, i)
  item.index = i
  return setmetatable({ type = "poll", target = item.target, state = item.state, history = history_of(i), [ITEM] = item }, event_mt)
end

local function words_of(problem)
  local ok, words = pcall(tostring, problem)
  words = ok and type(words) == "string" and words or "the error is no text"
  return sub(words, 1, WORDS_MAX)
end

local function judge(item, i)
  misses = false
  komodo.event = event_of(item, i)
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

local function judge_all(batch)
  if batch.first then budget(true) end
  local results = json.array {}
  for i, item in ipairs(batch.targets) do results[#results + 1] = judge(item, i) end
  komodo.event = nil
  return { results = results, cpu_ms = budget(false) }
end

local answer
while true do
  local batch, problem = ask("rule_next", answer)
  if not batch then error(problem, 0) end
  answer = judge_all(batch)
end
