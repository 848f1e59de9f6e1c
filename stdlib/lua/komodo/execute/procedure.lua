--- Procedures (spec resources.md 14): stages run one after another, the executions of a stage at the same time.
local engine = require("engine")
local execute = require("komodo.execute")
local fail = require("komodo.fail")
local check = require("komodo.resource.procedure").check_execution
local markup = require("komodo.markup")
local rights = require("komodo.script.rights")
local update = require("komodo.update")
local users = require("komodo.users")

local json = engine.json
local PROCEDURE = users.builtin("Procedure")
local AT_ONCE = 8            -- executions of one stage
local SLEEP_MAX_MS = 1e12    -- some thirty years: what a timer takes

-- Procedures that run, by id; `cancelled` ends one before its next stage.
local running = {}

local function info(text) return markup.dim("INFO") .. ": " .. text end

-- The first log tells how far the run is.
local function tell(job, text)
  local log = job.update.logs[1]
  log.stdout = log.stdout .. "\n" .. info(text)
  update.broadcast(job.update)
end

local function elapsed(since)
  local ms = engine.time.mono() - since
  return ms < 1000 and ("%d ms"):format(ms) or ("%.1f s"):format(ms / 1000)
end

-- How a log names an execution: never with all its parameters, since those may be secret.
local function describe(execution)
  if execution.type == "Sleep" then return ("Sleep %d ms"):format(execution.params.duration_ms) end
  local request = engine.schema.request(execution.type == "CommitSync" and "write" or "execute", execution.type)
  local id = request and request.param and execution.params[request.param]
  if not id then return execution.type end
  local row = engine.store.row(request.resource, id)
  return ("%s '%s'"):format(execution.type, markup.bold(row and row.name or id))
end

-- What only Procedures know.
local own = {
  None = function() end,
  Sleep = function(params) engine.sleep(math.max(0, math.min(params.duration_ms, SLEEP_MAX_MS))) end,
}

-- What a script started or saved does no more than that script might.
local function check_bounds(bounds, execution)
  rights.require_execution(bounds, execution)
  if bounds.user.admin or own[execution.type] then return end
  check({ type = execution.type, params = json.decode(json.encode(execution.params)) }, { user = bounds.user })
end

local function run_execution(job, execution)
  local kind, params = execution.type, execution.params
  local bounds = job.procedure_bounds
  if bounds then check_bounds(bounds, execution) end
  if own[kind] then return own[kind](params) end
  if kind == "RunProcedure" and (params.procedure == job.id or params.procedure == job.target.name) then
    fail.raise("invalid", "Self referential procedure detected")
  end
  local record = execute.await(PROCEDURE, kind, params, kind == "CommitSync" and "write" or "execute", bounds and update.id(job.update))
  if record._id and not (record.status == "Complete" and record.success) then
    fail.raise("remote", "Execution not successful, see update: '%s/updates/%s'", engine.conf("host"), update.id(record))
  end
end

-- The executions of a stage that are enabled, those of batches one by one.
local function expand(stage)
  local list = {}
  for _, entry in ipairs(stage.executions) do
    local execution = entry.execution
    local batch = execute.batches[execution.type]
    if entry.enabled and batch then
      for _, target in ipairs(execute.matching(PROCEDURE, batch.kind, execution.params)) do
        list[#list + 1] = { type = batch.single, params = json.object({ [batch.param] = target._id["$oid"] }) }
      end
    elseif entry.enabled then
      list[#list + 1] = execution
    end
  end
  return list
end

-- All of a stage end, whatever becomes of the others; the first that failed, in the order of the list, is what is raised.
local function run_stage(job, stage)
  local runs = {}
  for i, execution in ipairs(expand(stage)) do
    runs[i] = function()
      local name, since = describe(execution), engine.time.mono()
      tell(job, "Executing: " .. name)
      local ok, err = pcall(run_execution, job, execution)
      tell(job, ("%s execution in %s: %s"):format(ok and markup.green("Finished") or markup.red("Failed"), elapsed(since), name))
      return { error = not ok and fail.context("Failed " .. name, err) or nil }
    end
  end
  for _, result in ipairs(engine.all(runs, { max = AT_ONCE })) do
    if result.error then error(result.error, 0) end
  end
end

local function run_stages(job, run)
  for _, stage in ipairs(job.target.config.stages) do
    if run.cancelled then
      tell(job, markup.red("Cancelled"))
      fail.raise("cancelled", "Procedure cancelled before completion")
    end
    if stage.enabled then
      local name, since = markup.bold(stage.name), engine.time.mono()
      tell(job, ("Executing stage: '%s'"):format(name))
      local ok, err = pcall(run_stage, job, stage)
      if not ok then error(fail.context(("Failed stage '%s' execution after %s"):format(name, elapsed(since)), err), 0) end
      tell(job, ("%s stage '%s' execution in %s"):format(markup.green("Finished"), name, elapsed(since)))
    end
  end
end

execute.define("RunProcedure", "Procedure", function(job)
  execute.exclusive(job, "running", function()
    local u, run = job.update, { cancelled = false }
    update.log(u, "Execute procedure", info(("executing procedure '%s'"):format(markup.bold(job.target.name))))
    running[job.id] = run
    local guard <close> = setmetatable({}, { __close = function()
      running[job.id] = nil
      rights.close(update.id(u))
    end })
    job.procedure_bounds = rights.of_procedure(job)
    if job.procedure_bounds then rights.open(update.id(u), job.procedure_bounds) end
    local ok, err = pcall(run_stages, job, run)
    if ok then
      update.log(u, "Execution ok", info(("The procedure has %s with no errors"):format(markup.green("completed"))))
    else
      update.push(u, update.error_log("Execution error", err))
    end
  end)
end)

execute.define("CancelProcedure", "Procedure", function(job)
  local run = running[job.id]
  if not run then fail.raise("not_found", "Procedure run cancel token not found") end
  run.cancelled = true
  update.log(job.update, "Cancel Triggered", "The run ends before its next stage.")
end)

execute.define_batch("BatchRunProcedure", "RunProcedure", "Procedure")
