--- What is special about Procedures (spec resources.md 14.1): whoever saves one may do all that it does.
local engine = require("engine")
local fail = require("komodo.fail")
local resource = require("komodo.resource")
require("komodo.resource.hooks")

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

--- Raises unless the caller may configure an execution; names in its parameters become ids.
---@param existing? table The Procedure it is saved in.
function procedure.check_execution(execution, ctx, existing)
  local name, params = execution.type, execution.params
  if checks[name] then return checks[name](params, ctx) end
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

-- A condition that nobody looks at would let everything through.
local function check_condition(where, entry)
  if entry.when and entry.when ~= "" then
    fail.raise("unsupported", "%s.when: this engine does not evaluate conditions; leave it empty", where)
  end
end

function resource.hooks.Procedure.validate(config, ctx, existing)
  if config.stages == nil then return end
  local full = fail.unless(nil, engine.schema.normalise("ProcedureConfig", { stages = config.stages }, "full"))
  config.stages = full.stages
  for s, stage in ipairs(config.stages) do
    check_condition(("config.stages[%d]"):format(s - 1), stage)
    for e, entry in ipairs(stage.executions) do
      local where = ("config.stages[%d].executions[%d]"):format(s - 1, e - 1)
      check_condition(where, entry)
      local ok, err = pcall(procedure.check_execution, entry.execution, ctx, existing)
      if not ok then error(fail.context(("%s: %s cannot be configured"):format(where, entry.execution.type), err), 0) end
    end
  end
end

return procedure
