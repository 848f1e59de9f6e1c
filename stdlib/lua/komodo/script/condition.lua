--- `when` of stages and executions of Procedures (spec lua.md 2): a Lua expression over what earlier stages did. It runs in the
--- sandbox of scripts with small limits, and can ask the engine for nothing.
local engine = require("engine")
local fail = require("komodo.fail")
local condition = {}

local BYTES = 4096
local LIMITS = { cpu_seconds = 0.1, wall_seconds = 60, memory_mb = 16, log_kb = 1, result_kb = 1, tasks = 1, api_calls = 1 }

-- On the line of the expression, so that messages count its lines. Stages are there by their names, too.
local PROLOGUE = "local results, event = ARGS.results, ARGS.event; "
  .. "for _, stage in ipairs(results) do if results[stage.name] == nil then results[stage.name] = stage end end; return not not ("

local function source_of(expression) return PROLOGUE .. expression .. ")" end

--- Raises when it is no expression, naming the field.
---@param where string
---@param expression? string Empty: there is none.
function condition.check(where, expression)
  if expression == nil or expression == "" then return end
  if #expression > BYTES then fail.raise("invalid", "%s: longer than %d bytes", where, BYTES) end
  local chunk, err = load(source_of(expression), "=when", "t", {})
  if not chunk then fail.raise("invalid", "%s: expected a Lua expression: %s", where, err) end
end

--- Is it true? Raises when it cannot be told.
---@async
---@param expression string
---@param results table[] Of the stages so far.
---@param event table What started the Procedure.
---@return boolean
function condition.holds(expression, results, event)
  local outcome = fail.unless(nil, engine.script.run({
    source = source_of(expression), name = "when", args = { results = results, event = event }, user = "", limits = LIMITS,
  }))
  if not outcome.ok then fail.raise("invalid", "%s", outcome.message or "the condition failed") end
  return outcome.result
end

return condition
