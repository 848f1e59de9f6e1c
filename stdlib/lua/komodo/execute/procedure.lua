--- Procedures (spec resources.md 14): stages run one after another, the executions of a stage at the same time.
local engine = require("engine")
local condition = require("komodo.script.condition")
local execute = require("komodo.execute")
local fail = require("komodo.fail")
local kinds = require("komodo.kinds")
local markup = require("komodo.markup")
local procedure = require("komodo.resource.procedure")
local resource = require("komodo.resource")
local rights = require("komodo.script.rights")
local update = require("komodo.update")
local users = require("komodo.users")

local json = engine.json
local PROCEDURE = users.builtin("Procedure")
local SLEEP_MAX_MS = 1e12            -- some thirty years: what a timer takes
local RESULTS_BYTES = 1024 * 1024    -- of what Actions returned, for later stages
local CHAIN_MAX = 10                 -- Procedures and Actions that start each other
local UPDATES_TOLD = 100             -- of one execution, in its part of `steps`

---@class StageResult What later stages, conditions and Actions see.
---@field name string
---@field ok boolean It ran and succeeded.
---@field skipped boolean It is disabled, or its condition was false.
---@field executions { type: string, target?: string, ok: boolean, skipped: boolean, update_id?: string, result?: any, result_dropped?: boolean }[]

---@class ProcedureRun
---@field cancelled boolean
---@field gate any Opens when it is cancelled.
---@field children table<string, string> Operations of the Updates it waits for, by their ids.
---@field results StageResult[] Of the stages so far, also of those that are left out.
---@field bytes integer Of the results of Actions among them.
---@field event table What started it.
---@field chain string[] Ids of what started each other; the last one is this Procedure.

local running = {}     -- by id of the Procedure
local run_of = {}      -- by id of the Update

local function info(text) return markup.dim("INFO") .. ": " .. text end

-- The first log tells how far the run is.
local function tell(job, text)
  local log = job.update.logs[1]
  log.stdout = log.stdout .. "\n" .. info(text)
  update.broadcast(job.update)
end

-- ---- `steps` of the Update: how each execution goes, for who looks at the stages ----

local failing = setmetatable({}, { __mode = "k" })   -- those of which a run failed

-- The part of an execution; not in the list yet.
local function new_card(stage, index, execution)
  return {
    stage = stage, execution = index, type = execution.type, state = "Running", start_ts = json.null, end_ts = json.null, total = 0,
    done = 0, updates = json.array({}),
  }
end

local function begin_card(job, card)
  if card.start_ts ~= json.null then return end
  card.start_ts = engine.now()
  table.insert(job.update.steps, card)
end

-- One of its runs is over; with the last, or with what keeps it from running, so is the execution.
local function end_card(card, state)
  failing[card] = failing[card] or state == "Failed"
  card.done = card.done + 1
  if card.done < card.total then return end
  card.state, card.end_ts = failing[card] and "Failed" or state, engine.now()
end

-- An execution that starts nothing.
local function tell_card(job, card, state)
  begin_card(job, card)
  end_card(card, state)
end

-- What began and did not end was cancelled.
local function end_cards(job)
  for _, card in ipairs(job.update.steps) do
    if card.state == "Running" then card.state, card.end_ts = "Failed", engine.now() end
  end
end

local function note_update(job, card, id)
  if #card.updates >= UPDATES_TOLD then return end
  table.insert(card.updates, id)
  update.broadcast(job.update)
end

local function elapsed(since)
  local ms = engine.time.mono() - since
  return ms < 1000 and ("%d ms"):format(ms) or ("%.1f s"):format(ms / 1000)
end

-- How a log names an execution: never with all its parameters, since those may be secret.
local function describe(execution)
  if procedure.is_inline(execution) then return "script" end
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
  Sleep = function(params, run) run.gate:wait(math.floor(math.max(0, math.min(params.duration_ms, SLEEP_MAX_MS)))) end,
}

-- ---- cancelling ----

local function cancel(run)
  run.cancelled = true
  run.gate:open()
  for id, operation in pairs(run.children) do execute.cancels[operation](id) end
end

function execute.cancels.RunProcedure(id)
  local run = run_of[id]
  if run then cancel(run) end
  return run ~= nil
end

-- ---- what starts what ----

-- The names of what started each other, as an error shows them.
local function path_of(chain)
  local out = {}
  for i, id in ipairs(chain) do
    local row = engine.store.row("Procedure", id) or engine.store.row("Action", id)
    out[i] = row and row.name or id
  end
  return table.concat(out, " → ")
end

-- The chain with this one at its end; raises when it is in it already, or when that is too long.
local function chained(chain, id)
  local out, again = { table.unpack(chain) }, false
  for _, other in ipairs(chain) do again = again or other == id end
  out[#out + 1] = id
  if again then fail.raise("invalid", "Self referential procedure detected: %s", path_of(out)) end
  if #out > CHAIN_MAX then fail.raise("limit", "More than %d Procedures and Actions start each other: %s", CHAIN_MAX, path_of(out)) end
  return out
end

-- ---- one execution ----

local kind_of = { RunProcedure = "Procedure", RunAction = "Action" }

-- As handlers get them: what is null is left out.
local function params_of(execution)
  local out = json.object({})
  for name, value in pairs(execution.params) do
    if value ~= json.null then out[name] = value end
  end
  return out
end

-- A step's own script as an Action that belongs to the Procedure: its Update and its komodo.kv are the Procedure's, and its calls
-- have the rights of whoever saved that last (komodo.script.rights).
local function own_action(job, params)
  local config = { file_contents = params.file_contents, capabilities = params.capabilities, concurrency = "parallel" }
  return {
    _id = { ["$oid"] = job.id }, name = job.target.name,
    config = fail.unless(nil, engine.schema.normalise("ActionConfig", config, "full")),
  }
end

-- Runs a Procedure or an Action, which learn what happened so far and end when this one is cancelled.
local function run_child(job, run, stage, execution, card)
  local name, kind = execution.type, kind_of[execution.type]
  local params = params_of(execution)
  local target
  if procedure.is_inline(execution) then
    kind, target = "Procedure", own_action(job, params)
  else
    target = resource.require({ user = PROCEDURE }, kind, params[kinds[kind].param], "Execute")
  end
  if name == "RunProcedure" then chained(run.chain, resource.id(target)) end
  local record, child = execute.start(name, kind, target, params, PROCEDURE, {
    event = { type = "procedure", procedure = job.target.name, stage = stage.name, results = run.results },
    chain = run.chain, bounds = job.procedure_bounds,
  })
  local id = update.id(record)
  run.children[id] = name
  note_update(job, card, id)
  local guard <close> = setmetatable({}, { __close = function() run.children[id] = nil end })
  return update.wait(id), child.outcome and child.outcome.result
end

-- What a script started or saved does no more than that script might.
local function check_bounds(bounds, execution)
  rights.require_execution(bounds, execution)
  if bounds.user.admin or own[execution.type] then return end
  procedure.check_execution({ type = execution.type, params = json.decode(json.encode(execution.params)) }, { user = bounds.user })
end

-- Its record and what it returned; nil when it leaves no record.
local function run_execution(job, run, stage, execution, card)
  local name, params, bounds = execution.type, execution.params, job.procedure_bounds
  if bounds then check_bounds(bounds, execution) end
  if own[name] then return own[name](params, run) end
  local record, result
  if kind_of[name] then
    record, result = run_child(job, run, stage, execution, card)
  else
    record = execute.await(PROCEDURE, name, params, name == "CommitSync" and "write" or "execute",
      bounds and update.id(job.update), function(id) note_update(job, card, id) end)
  end
  if record._id and not (record.status == "Complete" and record.success) then
    fail.raise("remote", "Execution not successful, see update: '%s/updates/%s'", engine.conf("host"), update.id(record))
  end
  return record, result
end

-- What is told of it afterwards.
local function note_result(run, told, record, result)
  told.ok, told.update_id = true, record and record._id and update.id(record) or nil
  if result == nil then return end
  local size = #json.encode({ result })
  if run.bytes + size > RESULTS_BYTES then
    told.result_dropped = true
    return
  end
  told.result, run.bytes = result, run.bytes + size
end

local function run_one(job, run, stage, step)
  local name, since = describe(step.execution), engine.time.mono()
  if run.cancelled then return end
  begin_card(job, step.card)
  tell(job, "Executing: " .. name)
  local ok, record, result = pcall(run_execution, job, run, stage, step.execution, step.card)
  if ok then note_result(run, step.told, record, result) end
  local is_woken = run.cancelled and own[step.execution.type]
  end_card(step.card, ok and not is_woken and "Ok" or "Failed")
  tell(job, ("%s execution in %s: %s"):format(ok and markup.green("Finished") or markup.red("Failed"), elapsed(since), name))
  if step.told.result_dropped then tell(job, ("What %s returned is too large to be kept for later stages"):format(name)) end
  if not ok then return { error = fail.context("Failed " .. name, record) } end
end

-- ---- a stage ----

-- Is what has this condition to run?
local function wanted(run, entry, what)
  if entry.when == nil or entry.when == "" then return true end
  local ok, holds = pcall(condition.holds, entry.when, run.results, run.event)
  if not ok then error(fail.context("Failed to evaluate `when` of " .. what, holds), 0) end
  return holds
end

---@class ProcedureStep
---@field execution { type: string, params: table }
---@field told table Its part of the results.
---@field card table Its part of `steps` of the Update; those of a batch share one.

local function step_of(execution, card)
  local request = engine.schema.request(execution.type == "CommitSync" and "write" or "execute", execution.type)
  local id = request and request.param and execution.params[request.param]
  if id == "" then id = nil end
  local row = id and engine.store.row(request.resource, id)
  card.total = card.total + 1
  return { execution = execution, card = card, told = { type = execution.type, target = row and row.name or id or nil, ok = false, skipped = false } }
end

-- The executions of a stage that are enabled and whose conditions hold, those of batches one by one; and the part of the results
-- that tells of all.
local function steps_of(job, run, stage)
  local list, told = {}, json.array({})
  local function add(execution, card)
    local step = step_of(execution, card)
    list[#list + 1], told[#told + 1] = step, step.told
  end
  local function add_entry(entry, card)
    local execution = entry.execution
    local batch = execute.batches[execution.type]
    if not wanted(run, entry, describe(execution)) then
      told[#told + 1] = { type = execution.type, ok = false, skipped = true }
      tell_card(job, card, "Skipped")
      tell(job, "Skipped execution: " .. describe(execution))
    elseif batch then
      local targets = execute.matching(PROCEDURE, batch.kind, execution.params)
      for _, target in ipairs(targets) do
        add({ type = batch.single, params = json.object({ [batch.param] = target._id["$oid"] }) }, card)
      end
      if #targets == 0 then tell_card(job, card, "Ok") end
    else
      add(execution, card)
    end
  end
  for i, entry in ipairs(stage.executions) do
    local card = new_card(#run.results, i - 1, entry.execution)
    if entry.enabled then
      local ok, err = pcall(add_entry, entry, card)
      if not ok then
        tell_card(job, card, "Failed")
        error(err, 0)
      end
    end
  end
  return list, told
end

-- All of a stage end, whatever becomes of the others; the first that failed, in the order of the list, is what is raised.
local function run_stage(job, run, stage, told)
  local runs, steps, all = {}, steps_of(job, run, stage)
  told.executions = all
  for i, step in ipairs(steps) do
    runs[i] = function() return run_one(job, run, stage, step) end
  end
  local results = engine.all(runs, { max = stage.parallel or math.max(1, engine.conf("procedure_parallelism")) })
  for i = 1, #runs do
    if results[i] then error(results[i].error, 0) end
  end
end

local function stop_if_cancelled(job, run, cause)
  if not run.cancelled then return end
  tell(job, markup.red("Cancelled"))
  local e = fail.new("cancelled", "Procedure cancelled before completion")
  error(cause and fail.context(e.message, cause) or e, 0)
end

local function run_stages(job, run)
  for i, stage in ipairs(job.target.config.stages) do
    stop_if_cancelled(job, run)
    local name, since = markup.bold(stage.name), engine.time.mono()
    local told = { name = stage.name, ok = false, skipped = false, executions = json.array({}) }
    if not stage.enabled or not wanted(run, stage, ("stage '%s'"):format(name)) then
      told.skipped = true
      if stage.enabled then tell(job, ("Skipped stage: '%s'"):format(name)) end
    else
      tell(job, ("Executing stage: '%s'"):format(name))
      local ok, err = pcall(run_stage, job, run, stage, told)
      if not ok then
        stop_if_cancelled(job, run, err)
        error(fail.context(("Failed stage '%s' execution after %s"):format(name, elapsed(since)), err), 0)
      end
      told.ok = not run.cancelled
      tell(job, ("%s stage '%s' execution in %s"):format(markup.green("Finished"), name, elapsed(since)))
    end
    run.results[i] = told
  end
end

-- ---- the run ----

execute.define("RunProcedure", "Procedure", function(job)
  local chain = chained(job.bounds and job.bounds.chain or job.chain or {}, job.id)
  execute.exclusive(job, "running", function()
    local u, id = job.update, update.id(job.update)
    local run = {
      cancelled = false, gate = engine.gate(), children = {}, results = json.array({}), bytes = 0, chain = chain,
      event = job.event or { type = "manual", user = job.user.username },
    }
    u.steps = json.array({})
    update.log(u, "Execute procedure", info(("executing procedure '%s'"):format(markup.bold(job.target.name))))
    running[job.id], run_of[id] = run, run
    local guard <close> = setmetatable({}, { __close = function()
      running[job.id], run_of[id] = nil, nil
      rights.close(id)
    end })
    job.procedure_bounds = rights.of_procedure(job)
    if job.procedure_bounds then rights.open(id, job.procedure_bounds) end
    local ok, err = pcall(run_stages, job, run)
    end_cards(job)
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
  cancel(run)
  update.log(job.update, "Cancel Triggered", "Actions and Procedures it runs are stopped; it ends before its next stage.")
end)

execute.define_batch("BatchRunProcedure", "RunProcedure", "Procedure")
