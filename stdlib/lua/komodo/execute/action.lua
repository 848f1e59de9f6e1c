--- RunAction and CancelAction: a user's script, run by the script workers (spec lua.md 4, resources.md 15).
local engine = require("engine")
local calls = require("komodo.script.calls")
local endings = require("komodo.script.endings")
local execute = require("komodo.execute")
local fail = require("komodo.fail")
local interpolate = require("komodo.interpolate")
local limits = require("komodo.script.limits")
local recording = require("komodo.script.recording")
local records = require("komodo.script.records")
local resource = require("komodo.resource")
local rights = require("komodo.script.rights")
local sample = require("komodo.alert.sample")
local secrets = require("komodo.secrets")
local source = require("komodo.script.source")
local state = require("komodo.state")
local text = require("komodo.text")
local turns = require("komodo.script.turns")
local update = require("komodo.update")
local users = require("komodo.users")

local json = engine.json
local STAGE = "Execute Action"   -- clients look it up by this name
local WAITING_RUNS = 100          -- of one Action
local SCRIPTS = 10000             -- at once, when max_scripts says nothing
local WAITING_SCRIPTS = 10        -- times max_scripts
local RESULT_SHOWN = 2048         -- bytes of it in the log
local action = {}

local parsers = {
  key_value = function(s)
    local list, err = text.pairs(s)
    if not list then fail.raise("invalid", "%s", err) end
    local out = json.object({})
    for _, pair in ipairs(list) do out[pair.key] = pair.value end
    return out
  end,
  toml = engine.parse.toml,
  yaml = engine.parse.yaml,
  json = engine.parse.json,
}

local function default_args(config)
  if text.trim(config.arguments) == "" then return json.object({}) end
  local ok, args = pcall(parsers[config.arguments_format], config.arguments)
  if not ok then error(fail.context("Failed to parse default Action arguments", args), 0) end
  if type(args) ~= "table" or json.is_array(args) then
    fail.raise("invalid", "Failed to parse default Action arguments: config.arguments must be a table of names and values")
  end
  return args
end

-- The request's arguments over the defaults: objects merge, lists extend, anything else replaces.
local function merge_args(base, given, path)
  for key, value in pairs(given) do
    local old = base[key]
    local at = path .. tostring(key)
    if type(old) == "table" and old ~= json.null and value ~= json.null then
      if type(value) ~= "table" or json.is_array(old) ~= json.is_array(value) then
        fail.raise("invalid", "args.%s: its type differs from that of the default", at)
      end
      if json.is_array(old) then
        for _, element in ipairs(value) do old[#old + 1] = element end
      else
        merge_args(old, value, at .. ".")
      end
    else
      base[key] = value
    end
  end
  return base
end

-- ---- turns: of each Action by its `concurrency`, and of all scripts ----

local turns_of = {}                -- by id of the Action
local all_turns                    -- of every script
local tickets, cancelled = {}, {}  -- by id of the run: what waits or runs; runs cancelled before they came this far

local function every_script()
  if not all_turns then
    local max = engine.conf("max_scripts")
    if max == 0 then max = SCRIPTS end   -- as the workers take it
    all_turns = turns.new(max, WAITING_SCRIPTS * max)
  end
  return all_turns
end

-- Waits for a turn and says so in the Update.
local function wait_for(job, queue, what)
  local u, log, since = job.update, nil, engine.time.mono()
  local ok, err = pcall(queue.take, queue, job.ticket, function(before)
    log = update.simple_log("Queue", ("%s; %d wait before this one"):format(what, before))
    update.push(u, log)
    update.broadcast(u)
  end)
  if log then
    log.end_ts = engine.now()
    log.stdout = log.stdout .. ("\n%s after %d ms"):format(ok and "began" or "ended", engine.time.mono() - since)
  end
  if not ok and job.ticket.cancelled then fail.raise("cancelled", endings.waiting) end
  if not ok then error(err, 0) end
end

-- The turn of this Action; what a script starts may not wait for what started it.
local function own_turn(job)
  local queue = turns_of[job.id] or turns.new(1, WAITING_RUNS)
  turns_of[job.id] = queue
  local mode = job.target.config.concurrency or "skip"
  if mode == "parallel" then
    queue:join()
  elseif mode == "queue" then
    for _, id in ipairs(job.bounds and job.bounds.chain or {}) do
      if id == job.id and queue:is_busy() then fail.raise("busy", "this run would wait for the run that started it") end
    end
    wait_for(job, queue, "Another run of this Action is going on")
  else
    if queue:is_busy() then fail.raise("busy", "Resource is busy") end
    queue:join()
  end
  return queue
end

-- Scripts that wait for scripts could hold every turn, so those do not queue.
local function engine_turn(job)
  local queue = every_script()
  if job.bounds and queue:is_busy() then fail.raise("limit", "%d scripts run already (max_scripts)", queue.running) end
  wait_for(job, queue, ("%d scripts run already (max_scripts)"):format(queue.running))
  return queue
end

-- The turns that a run has.
local Held = {}
function Held:__close()
  if self.engine then self.engine:leave() end
  if self.own then
    self.own:leave()
    if self.own:is_idle() then turns_of[self.action] = nil end
  end
  tickets[self.id], cancelled[self.id] = nil, nil
end

-- ---- a run ----

local function describe_failure(outcome, effective)
  local out = { endings.words(outcome, effective) }
  if outcome.traceback and outcome.traceback ~= "" then out[#out + 1] = text.trim(outcome.traceback) end
  return table.concat(out, "\n")
end

-- What a person reads of the result.
local function result_line(run, result)
  local shown = json.encode(run:redacted({ result })):sub(2, -2)
  if #shown > RESULT_SHOWN then shown = shown:sub(1, (utf8.offset(shown, 0, RESULT_SHOWN + 1) or 1) - 1) .. "…" end
  return ("result: %s\n"):format(shown)
end

--- Whose permissions a run has that a trigger starts; raises when nobody may run it.
---@async
---@param target table The Action.
---@return User
function action.user_of(target)
  return rights.user(target.config.run_as, rights.owner(resource.id(target)), users.builtin("Action"))
end

--- Everything a run of an Action needs: its script with what is interpolated, its arguments, its rights.
---@async
---@param job Job Gets `event`, `limits` and `bounds_of_run`.
---@return ScriptRun run To be closed.
---@return table spec For engine.script.run, without on_log.
function action.prepare(job)
  local u, config = job.update, job.target.config
  local args = merge_args(default_args(config), job.params.args or json.object({}), "")
  job.event = job.event or job.params.event and sample.event(job.params.event, job.user)
    or { type = "manual", user = job.user.username, args = args }
  job.limits = limits.effective(config.limits, engine.conf("script_limits"), engine.conf("script_limits_max"))
  job.bounds_of_run = rights.of_action(job)
  local it = secrets.interpolator()
  local script = source.open(job)   -- nil: it is in the config
  local code = script and script.text or interpolate.text(it, config.file_contents)
  secrets.push_logs(it, u)
  local run = calls.open({
    id = update.id(u),
    update = u,
    bounds = job.bounds_of_run,
    action = job.id,
    source = script,
    used_secrets = it.used_secrets,
    http_kb = job.limits.http_kb,
    dry_run = job.params.dry_run == true,
    on_respond = job.on_respond,
    recording = job.params.record == true and recording.new() or nil,
  }, STAGE)
  if script then run.closing[script] = function() script:close() end end
  return run, {
    id = run.id,
    source = code,
    name = script and script.name or job.target.name,
    args = args,
    user = run.id,
    run = {
      id = run.id, action = job.target.name, action_id = job.id, user = run.user.username, started_by = job.user.username,
      dry_run = run.dry_run, event = job.event,
    },
    limits = limits.of_run(job.limits),
    seed = run.recording and run.recording.seed,
  }
end

-- Of a run that was cancelled while it was prepared.
local NEVER_BEGAN = { status = "cancelled", cpu_ms = 0, wall_ms = 0, peak_bytes = 0, api_calls = 0, log_dropped_bytes = 0 }

local function run_script(job)
  local u = job.update
  update.broadcast(u)
  local run <close>, spec = action.prepare(job)
  -- Ten thousand runs that sleep should not each keep a whole Action.
  job.target = { _id = job.target._id, name = job.target.name }
  local log = run.log
  local outcome = NEVER_BEGAN
  if not job.ticket.cancelled then
    local script = fail.unless(nil, engine.script.start(spec))
    if not run.recording then spec = nil end
    outcome = fail.unless(nil, engine.script.follow(script, run.id, function(lines)
      run:print(lines)
      update.broadcast(u)
    end))
    if run.recording then run.recording:keep(job, run, spec, outcome) end
  end
  run:finish()
  job.run, job.outcome = run, outcome
  log.end_ts = engine.now()
  log.success = outcome.status == "ok"
  if outcome.result ~= nil and log.success then log.stdout = log.stdout .. result_line(run, outcome.result) end
  log.stdout = log.stdout .. (log.success and "completed in " or "ended after ") .. endings.cost(outcome) .. "\n"
  if not log.success then log.stderr = run:redact(describe_failure(outcome, job.limits)) .. "\n" end
  if job.on_outcome then job.on_outcome(outcome) end
end

execute.define("RunAction", "Action", function(job)
  local id = update.id(job.update)
  job.ticket = { cancelled = cancelled[id] }
  cancelled[id], tickets[id] = nil, job.ticket
  local held <close> = setmetatable({ id = id, action = job.id }, Held)
  if job.ticket.cancelled then fail.raise("cancelled", endings.waiting) end
  held.own = own_turn(job)
  held.engine = engine_turn(job)
  -- A step of a Procedure has its script with it.
  if job.update.target.type ~= "Action" then return run_script(job) end
  -- What waited runs as it is saved now.
  job.target = engine.store.latest("Action", job.id) or fail.raise("not_found", "the Action was deleted before its turn came")
  state.counted("Action", job.id, "running", function() run_script(job) end)
end, function(params)
  if params.event then sample.check(params.event) end
  if (params.file_contents or "") == "" and params.capabilities == nil then return end
  fail.raise("invalid", "file_contents, capabilities: only a step of a Procedure has a script of its own; make an Action of this one")
end)
execute.records.RunAction = records

function execute.cancels.RunAction(id)
  local record = update.running(id)
  if not record or record.status == "Complete" then return false end
  if tickets[id] then turns.cancel(tickets[id]) else cancelled[id] = true end
  source.cancel(id)
  engine.script.cancel(id)
  return true
end

engine.handle("execute/CancelAction", function(params, ctx)
  local target = resource.require(ctx, "Action", params.action, "Execute")
  return (execute.start("CancelAction", "Action", target, params, ctx.user))
end)

execute.work.CancelAction = function(job)
  local id = job.params.update_id
  if not id or id == "" then id = update.running_of("RunAction", job.id)[1] end
  if not id then fail.raise("not_found", "No active run to cancel found") end
  local record = update.running(id)
  if not record or record.target.id ~= job.id or record.operation ~= "RunAction" or not execute.cancels.RunAction(id) then
    fail.raise("not_found", "Action run cancel token not found")
  end
  update.log(job.update, "Cancel Triggered", "The run is stopped.")
end

execute.define_batch("BatchRunAction", "RunAction", "Action")

return action
