--- What is special about Procedures (spec resources.md 14.1): whoever saves one may do all that it does.
local engine = require("engine")
local capability = require("komodo.script.capability")
local condition = require("komodo.script.condition")
local fail = require("komodo.fail")
local resource = require("komodo.resource")
require("komodo.resource.hooks")

local json = engine.json
local procedure = {}

local function require_id(ctx, kind, id_or_name, level) return resource.id(resource.require(ctx, kind, id_or_name, level)) end

-- Checks by the name of the execution; those of all others follow from the access rule of the request.
local checks = {
  None = function() end,
  Sleep = function() end,
  CommitSync = function(params, ctx) params.sync = require_id(ctx, "ResourceSync", params.sync, "Write") end,
  SendAlert = function(params, ctx)
    for i, alerter in ipairs(params.alerters) do params.alerters[i] = require_id(ctx, "Alerter", alerter, "Execute") end
  end,
}

--- Is it a step with a script of its own?
function procedure.is_inline(execution) return execution.type == "RunAction" and execution.params.action == "" end

-- It runs with the rights of whoever saves the Procedure, so he needs no permission for it.
local function check_inline(params)
  if (params.file_contents or "") == "" then fail.raise("invalid", "action: name an Action, or leave it empty and give a script in file_contents") end
  for i, text in ipairs(params.capabilities ~= json.null and params.capabilities or {}) do
    local ok, err = pcall(capability.parse, text)
    if not ok then error(fail.context(("capabilities[%d] is invalid"):format(i - 1), err), 0) end
  end
end

--- Raises unless the caller may configure an execution; names in its parameters become ids.
---@param existing? table The Procedure it is saved in.
function procedure.check_execution(execution, ctx, existing)
  local name, params = execution.type, execution.params
  if checks[name] then return checks[name](params, ctx) end
  if procedure.is_inline(execution) then return check_inline(params) end
  if name == "RunAction" and (params.file_contents or "") ~= "" then
    fail.raise("invalid", "file_contents: a step runs either an Action or a script of its own; leave action empty for that")
  end
  if name == "RunAction" and params.event and params.event ~= json.null then
    fail.raise("invalid", "event: a step is told of the Procedure that runs it; leave it out")
  end
  local rule = engine.schema.request("execute", name)
  if rule.access == "resource" then
    params[rule.param] = require_id(ctx, rule.resource, params[rule.param], rule.level)
    if name == "RunProcedure" and existing and params.procedure == resource.id(existing) then
      fail.raise("invalid", "Cannot have self-referential procedure")
    end
  elseif not ctx.user.admin then
    if name:find("^Batch") then fail.raise("forbidden", "Non admin user cannot configure Batch executions") end
    fail.raise("forbidden", "Non admin user cannot configure %s", name)
  end
end

local PARALLEL_MAX = 1000

local function check_stage(where, stage)
  condition.check(where .. ".when", stage.when)
  if type(stage.parallel) == "number" and (stage.parallel < 1 or stage.parallel > PARALLEL_MAX) then
    fail.raise("invalid", "%s.parallel: expected 1 to %d", where, PARALLEL_MAX)
  end
end

function resource.hooks.Procedure.validate(config, ctx, existing)
  if config.stages == nil then return end
  local full = fail.unless(nil, engine.schema.normalise("ProcedureConfig", { stages = config.stages }, "full"))
  config.stages = full.stages
  for s, stage in ipairs(config.stages) do
    check_stage(("config.stages[%d]"):format(s - 1), stage)
    for e, entry in ipairs(stage.executions) do
      local where = ("config.stages[%d].executions[%d]"):format(s - 1, e - 1)
      condition.check(where .. ".when", entry.when)
      local ok, err = pcall(procedure.check_execution, entry.execution, ctx, existing)
      if not ok then error(fail.context(("%s: %s cannot be configured"):format(where, entry.execution.type), err), 0) end
    end
  end
end

return procedure
