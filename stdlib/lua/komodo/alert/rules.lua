--- Alert rules: Actions with a poll trigger (spec lua.md 2). Each has one long-lived run of the script workers, in which
--- komodo/_core/rule.lua calls the compiled script for every target of a poll; what it says opens and resolves alerts.
local action = require("komodo.execute.action")
local alert = require("komodo.alert")
local calls = require("komodo.script.calls")
local engine = require("engine")
local endings = require("komodo.script.endings")
local fail = require("komodo.fail")
local finding = require("komodo.alert.finding")
local monitor = require("komodo.monitor")
local resource = require("komodo.resource")
local targets = require("komodo.alert.targets")
local update = require("komodo.update")
local users = require("komodo.users")
local view = require("komodo.alert.view")

local json, store = engine.json, engine.store
local rules = {}

local BATCH = 1000              -- targets that are asked about at once
local WALL_S = 60               -- for one poll, when config.limits does not say
local FAILURES_MAX = 3          -- polls in a row
local LOG_BYTES = 32 * 1024
local DISABLED = "rule disabled"   -- key of the alert of a rule about itself

---@class Rule
---@field id string Of the Action.
---@field triggers { targets: RuleTargets, every: integer, due: integer }[]
---@field wants { stats: boolean, containers: boolean } What its script seems to read.
---@field watches table<string, table<string, Watch>> "Type/id" of a target -> key
---@field failures integer Polls in a row.
---@field is_polling boolean
---@field desk? Desk
---@field gone? boolean
---@field error? string
---@field log string
---@field polls integer
---@field evaluations integer
---@field cpu_ms number
---@field skipped integer Polls that came while the one before was still under way.
---@field targets integer
---@field at? integer When it was evaluated last.

---@class Desk Where the engine and the run of a rule meet.
---@field id string Of the run.
---@field work any A gate: there is an exchange.
---@field exchange? { text: string, list: RuleTarget[], answered: any, answer?: table, problem?: string }
---@field list? RuleTarget[] The targets the script looks at now.
---@field known table<integer, RuleTarget[]> Lists of which the script has the targets, by where their batch begins.
---@field on_log? fun(lines: string)
---@field is_over? boolean

local live = {}   -- Action id -> Rule

local function id_of(res) return res._id["$oid"] end
local function disabled_alert(id) return alert.find({ type = "Action", id = id }, "Custom", id .. "/" .. DISABLED) end

-- ---- the run of a rule ----

-- What komodo/_core/rule.lua asks for.
local function desk_of(run)
  if not run.desk then fail.raise("forbidden", "this is for alert rules") end
  return run.desk
end

calls.own.rule_next = function(run, p)
  local desk, lines = desk_of(run), engine.script.take(run.id)
  if lines then desk.on_log(lines) end
  for _, result in ipairs(next(run.used_secrets) and p.results or {}) do
    result.error = result.error and run:redact(result.error)
    result.value = result.value and run:redact(result.value)
  end
  if p.results and desk.exchange then
    local exchange = desk.exchange
    desk.exchange, exchange.answer = nil, p
    exchange.answered:open()
  end
  while not desk.exchange do
    desk.work = engine.gate()
    desk.work:wait()
  end
  -- Nothing of the last poll is kept: stages that the script began have ended with it.
  run.log.stdout, run.update.logs, run.stages, run.numbers = "", json.array({ run.log }), { run.log }, {}
  desk.list = desk.exchange.list
  return engine.raw(desk.exchange.text)
end

local function target_at(run, p)
  local target = (desk_of(run).list or {})[p.index]
  if not target then fail.raise("invalid", "there is no such target") end
  return target
end

calls.own.rule_part = function(run, p)
  local text = view.part(target_at(run, p), p.part)
  return engine.raw(text and '{"value":' .. text .. "}" or "{}")
end

calls.own.rule_history = function(run, p)
  return view.history(target_at(run, p), p.minutes)
end

local function words_of(outcome, limits)
  local words = endings.words(outcome, limits) or "the script ended"
  return outcome.traceback and outcome.traceback ~= "" and words .. "\n" .. outcome.traceback or words
end

-- Runs the script until it ends; whoever waits for its answer is told why there is none.
---@param job Job Its update is never stored.
local function run_desk(desk, job, on_log)
  local function work()
    local run <close>, spec = action.prepare(job)
    run.desk, spec.rule = desk, true
    desk.on_log = function(lines)
      run:print(lines)
      on_log(run:redact(lines))
    end
    spec.on_log = desk.on_log
    local outcome = fail.unless(nil, engine.script.run(spec))
    return run:redact(words_of(outcome, job.limits))
  end
  local ok, result = pcall(work)
  desk.is_over = true
  local exchange = desk.exchange
  desk.exchange = nil
  if exchange then
    exchange.problem = ok and result or fail.from(result).message
    exchange.answered:open()
  end
end

---@return Desk
local function open_desk(job, on_log)
  job.update = update.new(job.user, "RunAction", { type = "Action", id = job.id })
  local desk = { id = update.id(job.update), work = engine.gate(), known = {} }
  engine.spawn(run_desk, desk, job, on_log)
  return desk
end

-- Hands targets to the script: what it said of them, or nil and why it could not.
local function ask(desk, text, list, wall_s)
  local exchange = { text = text, list = list, answered = engine.gate() }
  if desk.is_over then return nil, "the script ended" end
  desk.exchange = exchange
  desk.work:open()
  if not exchange.answered:wait(math.floor(wall_s * 1000)) then
    desk.exchange = nil
    engine.script.cancel(desk.id)
    return nil, ("stopped: it took longer than %g s (limits.wall_seconds)"):format(wall_s)
  end
  if exchange.answer then return exchange.answer end
  return nil, exchange.problem
end

-- ---- what it said ----

---@return table<string, Finding>? found nil: not known
---@return string? problem
local function read_result(result)
  if not result then return {} end
  if result.unknown then return nil end
  if result.error then return nil, result.error end
  local ok, found = pcall(finding.read, json.decode(result.value))
  if ok then return found end
  return nil, fail.from(found).message
end

local function sub_of(rule, key) return rule.id .. "/" .. key end

local function alert_of(rule, target, found)
  return {
    level = found.level, target = { type = target.kind, id = target.id },
    data = { type = "Custom", data = { message = found.message, details = found.details } },
    rule = { action = rule.id, key = found.key, resolve_after = found.resolve_after },
  }
end

-- What is open for one key, as finding.step compares it.
local function shown(doc)
  return doc and { level = doc.level, message = doc.data.data.message, details = doc.data.data.details, resolve_after = doc.rule.resolve_after }
end

-- One target: puts what follows into the change.
local function settle(rule, change, target, found, now)
  local at = target.at
  local watches = rule.watches[at]
  if not watches and not next(found) then return end
  watches = watches or {}
  for key in pairs(found) do watches[key] = watches[key] or {} end
  for key, watch in pairs(watches) do
    local doc = alert.find({ type = target.kind, id = target.id }, "Custom", sub_of(rule, key))
    local step = finding.step(watch, shown(doc), found[key], now)
    if step == "open" then
      change:open(alert_of(rule, target, found[key]))
    elseif step == "change" then
      change:set(doc, alert_of(rule, target, found[key]), doc.level ~= found[key].level)
    elseif step == "resolve" then
      change:resolve(doc)
    end
    if not found[key] and (step == "resolve" or not doc) then watches[key] = nil end
  end
  rule.watches[at] = next(watches) and watches or nil
end

-- Alerts about what is no target any more.
local function settle_others(rule, change, all)
  if not next(rule.watches) then return end
  local is_target = {}
  for _, target in ipairs(all) do is_target[target.at] = true end
  for at, watches in pairs(rule.watches) do
    if not is_target[at] then
      local kind, id = at:match("^(%a+)/(.*)$")
      for key in pairs(watches) do
        local doc = alert.find({ type = kind, id = id }, "Custom", sub_of(rule, key))
        if doc then change:resolve(doc) end
      end
      rule.watches[at] = nil
    end
  end
end

-- ---- polls ----

-- Targets of all triggers, and of those that are due; each once.
local function targets_of(rule, tick)
  if #rule.triggers == 1 then
    local trigger = rule.triggers[1]
    local list = view.select(trigger.targets)
    if tick < trigger.due then return list, {} end
    trigger.due = tick + trigger.every
    return list, list
  end
  local all, due, seen = {}, {}, {}
  for _, trigger in ipairs(rule.triggers) do
    local is_due = tick >= trigger.due
    if is_due then trigger.due = tick + trigger.every end
    for _, target in ipairs(view.select(trigger.targets)) do
      local mark = seen[target.at]
      if not mark then all[#all + 1] = target end
      if is_due and mark ~= "due" then due[#due + 1] = target end
      seen[target.at] = is_due and "due" or mark or "seen"
    end
  end
  return all, due
end

-- A rule that runs as somebody looks at what that user can read.
local function readable(res, all, due)
  local user = action.user_of(res)
  if user.admin then return all, due end
  local may = {}
  for kind, ids in pairs(engine.model.readable(user)) do
    for _, id in ipairs(ids) do may[kind .. "/" .. id] = true end
  end
  local function keep(list)
    local out = {}
    for _, target in ipairs(list) do
      if may[target.at] then out[#out + 1] = target end
    end
    return out
  end
  return keep(all), keep(due)
end

local function add_log(rule, lines)
  rule.log = rule.log .. lines
  if #rule.log > LOG_BYTES then rule.log = rule.log:sub(-LOG_BYTES):gsub("^[^\n]*\n", "", 1) end
end

-- The rule has failed in one poll after the other: it is off until its Action is saved, or that alert closed.
local function disable(rule, res)
  local change = alert.change()
  change:open({
    level = "CRITICAL", target = { type = "Action", id = rule.id },
    data = { type = "Custom", data = {
      message = ("Alert rule %s failed in %d polls in a row and is disabled"):format(res.name, FAILURES_MAX),
      details = rule.error .. "\nSaving the Action enables it again." } },
    rule = { action = rule.id, key = DISABLED, resolve_after = 0 },
  })
  fail.unless(nil, change:commit())
  local desk = rule.desk
  rule.desk = nil
  if desk then engine.script.cancel(desk.id) end
end

local function note(rule, res, problem)
  rule.error = problem
  rule.failures = problem and rule.failures + 1 or 0
  if problem then engine.log.warn(("alert rule '%s': %s"):format(res.name, problem:match("^[^\n]*"))) end
  if rule.failures >= FAILURES_MAX then disable(rule, res) end
end

-- Asks the script about the targets; the first problem, if any.
local function evaluate(rule, res, list, change, now, shared)
  local wall_s, problem = (res.config.limits or {}).wall_seconds or WALL_S, nil
  local spent = 0
  for from = 1, #list, BATCH do
    local to = math.min(#list, from + BATCH - 1)
    if not rule.desk or rule.desk.is_over then
      local job = { user = users.builtin("Action"), params = {}, target = res, id = rule.id, event = { type = "poll" } }
      rule.desk = open_desk(job, function(lines) add_log(rule, lines) end)
    end
    local desk, part = rule.desk, { table.unpack(list, from, to) }
    local text = view.batch(shared, list, from, to,
      { targets = desk.known[from] ~= list, stats = rule.wants.stats, containers = rule.wants.containers })
    if rule.gone then return nil end
    local answer, why = ask(desk, text, part, wall_s)
    if not answer then
      rule.desk = nil
      return why
    end
    desk.known[from] = list
    local by_index = {}
    for _, result in ipairs(answer.results) do by_index[result.i] = result end
    for i, target in ipairs(part) do
      local found, trouble = read_result(by_index[i])
      if found then settle(rule, change, target, found, now) end
      if trouble and not problem then problem = ("%s %s: %s"):format(target.kind, target.name, trouble) end
    end
    rule.evaluations = rule.evaluations + #part
    spent = answer.cpu_ms
  end
  rule.cpu_ms = rule.cpu_ms + spent
  return problem
end

local function poll(rule, tick, shared)
  local res, now = store.row("Action", rule.id), engine.now()
  if not res or rule.gone then return end
  local all, due = readable(res, targets_of(rule, tick))
  local change = alert.change()
  settle_others(rule, change, all)
  local problem
  if #due > 0 then
    problem = evaluate(rule, res, due, change, now, shared)
    if rule.gone then return end
    rule.polls, rule.at, rule.targets = rule.polls + 1, now, #all
  end
  fail.unless("The alerts of a rule cannot be stored", change:commit())
  if #due > 0 then note(rule, res, problem) end
end

local function guarded_poll(rule, tick, shared)
  local ok, err = pcall(poll, rule, tick, shared)
  rule.is_polling = false
  if not ok and not engine.closing() then engine.log.error(("alert rule %s: %s"):format(rule.id, tostring(fail.from(err).message))) end
end

--- Evaluates the rules that are due; each in a task of its own.
---@param tick integer In milliseconds.
function rules.on_tick(tick)
  local shared = view.poll()
  for id, rule in pairs(live) do
    if rule.is_polling then
      rule.skipped = rule.skipped + 1
    elseif not disabled_alert(id) then
      rule.is_polling = true   -- from here on: the task begins when its turn comes, and the next tick may be there before it
      engine.spawn(guarded_poll, rule, tick, shared)
    end
  end
end
monitor.on_tick(rules.on_tick)

-- ---- which rules there are ----

local function stop(rule)
  rule.gone = true
  live[rule.id] = nil
  if rule.desk then engine.script.cancel(rule.desk.id) end
end

local function new_rule(res)
  local rule = { id = id_of(res), triggers = {}, watches = {}, failures = 0, is_polling = false, log = "", polls = 0,
    evaluations = 0, cpu_ms = 0, skipped = 0, targets = 0 }
  for i, trigger in ipairs(res.config.triggers) do
    if trigger.type == "poll" then
      local every = type(trigger.every) == "string" and engine.timelength_ms(trigger.every) or 0
      local parsed = targets.parse(trigger.targets, ("config.triggers[%d].targets"):format(i - 1), engine.regex)
      table.insert(rule.triggers, { targets = parsed, every = every, due = 0 })
    end
  end
  if #rule.triggers == 0 then return nil end
  local source = res.config.file_contents
  local in_git = (res.config.file_path or "") ~= ""
  rule.wants = { stats = in_git or source:find("stats", 1, true) ~= nil, containers = source:find("containers", 1, true) ~= nil }
  for _, doc in ipairs(alert.select(function(doc) return doc.rule ~= nil and doc.rule.action == rule.id and doc.rule.key ~= DISABLED end)) do
    local at = doc.target.type .. "/" .. doc.target.id
    rule.watches[at] = rule.watches[at] or {}
    rule.watches[at][doc.rule.key] = {}
  end
  return rule
end

-- What a rule said about itself, and all it said when it is none any more.
local function end_alerts(id, is_rule)
  local change = alert.change()
  for _, doc in ipairs(alert.select(function(doc) return doc.rule ~= nil and doc.rule.action == id end)) do
    if not is_rule or doc.rule.key == DISABLED then change:resolve(doc) end
  end
  fail.unless("The alerts of a rule cannot be resolved", change:commit())
end

--- An Action was saved or deleted: its rule begins anew with the new text.
local function follow(res, is_gone)
  local id = id_of(res)
  if live[id] then stop(live[id]) end
  if is_gone then return end
  local ok, rule = pcall(new_rule, res)
  if not ok then
    engine.log.error(("alert rule '%s' cannot be followed: %s"):format(res.name, fail.from(rule).message))
    rule = nil
  end
  live[id] = rule
  engine.spawn(end_alerts, id, rule ~= nil)
end
resource.follow("Action", follow)

--- At start, once the open alerts are known.
function rules.start()
  for _, res in ipairs(store.list("Action")) do
    local ok, rule = pcall(new_rule, res)
    if ok and rule then live[rule.id] = rule end
    if not ok then engine.log.error(("alert rule '%s' cannot be followed: %s"):format(res.name, fail.from(rule).message)) end
  end
end

-- ---- requests ----

engine.handle("read/GetAlertRule", function(params, ctx)
  local res = resource.require(ctx, "Action", params.action, "Read")
  local id = id_of(res)
  local rule, off = live[id], disabled_alert(id)
  if not rule then fail.raise("not_found", "This Action is no alert rule: config.triggers has none of type poll") end
  local state = off and "Disabled" or rule.error and "Failing" or rule.at and "Ok" or "Waiting"
  return {
    action = id, state = state, error = rule.error or (off and off.data.data.details) or json.null, evaluated_at = rule.at or json.null,
    polls = rule.polls, skipped = rule.skipped, targets = rule.targets, evaluations = rule.evaluations, cpu_ms = rule.cpu_ms, log = rule.log,
    alerts = json.array(alert.select(function(doc) return doc.rule ~= nil and doc.rule.action == id end)),
  }
end)

local TEST_WALL_S = 10

-- The Action to try out: a stored one, whose script may be replaced, or one that is not stored yet.
local function tried(ctx, params)
  local res
  if params.action then
    res = resource.require(ctx, "Action", params.action, "Write")
  else
    if not ctx.user.admin then fail.raise("forbidden", "User does not have permissions to create Action.") end
    res = { _id = { ["$oid"] = engine.crypto.object_id() }, name = "rule",
      config = fail.unless(nil, engine.schema.normalise("ActionConfig", json.object({}), "full")) }
  end
  if params.file_contents then res.config.file_contents, res.config.file_path = params.file_contents, "" end
  return res
end

engine.handle("read/TestAlertRule", function(params, ctx)
  local kind = params.target.type
  if kind ~= "Server" and kind ~= "Stack" and kind ~= "Deployment" then
    fail.raise("invalid", "target.type must be Server, Stack or Deployment")
  end
  local target = view.one(kind, resource.require(ctx, kind, params.target.id, "Read"))
  local res, log = tried(ctx, params), {}
  -- Whose script this is decides what it may do, and so does who tries it: the text may be his alone.
  local own = { user = ctx.user, lists = {}, texts = {}, chain = {} }
  local job = { user = ctx.user, bounds = own, params = { dry_run = true }, target = res, id = id_of(res), event = { type = "poll" } }
  local desk = open_desk(job, function(lines) log[#log + 1] = lines end)
  local text = view.batch(view.poll(), { target }, 1, 1, { targets = true, stats = true, containers = true })
  local answer, problem = ask(desk, text, { target }, TEST_WALL_S)
  engine.script.cancel(desk.id)
  local out = { result = json.null, error = problem or json.null, cpu_ms = 0, log = "" }
  local result = answer and answer.results[1]
  if result then
    if result.value then out.result = json.decode(result.value) end
    local _, wrong = read_result(result)
    out.error = wrong or (result.unknown and "the rule read what is not known of this target, and failed") or json.null
  end
  out.cpu_ms = answer and answer.cpu_ms or 0
  out.log = table.concat(log)
  return out
end)

return rules
