--- Event triggers (spec lua.md 2): Actions that are started when an Update completes, or an alert opens or resolves. What an
--- Action returns for an alert routes it: only then it goes to Alerters.
local action = require("komodo.execute.action")
local alert = require("komodo.alert")
local calls = require("komodo.script.calls")
local deliver = require("komodo.alert.deliver")
local engine = require("engine")
local execute = require("komodo.execute")
local fail = require("komodo.fail")
local resource = require("komodo.resource")
local route = require("komodo.alert.route")
local sample = require("komodo.alert.sample")
local triggers = require("komodo.triggers")
local update = require("komodo.update")
local users = require("komodo.users")

local json, store = engine.json, engine.store
local events = {}

local WAITING_MAX = 100     -- events of one Action
local DEPTH_MAX = 8         -- runs that one event causes after the other
local ROUTE_MS = 10000      -- how long an alert waits for the Actions that look at it
local FILTER_LIMITS = { cpu_seconds = 0.2, wall_seconds = 5, memory_mb = 16, log_kb = 1, result_kb = 1 }

---@class Listener An Action with event triggers.
---@field id string
---@field triggers { update: fun(name: string)[], alert: fun(name: string)[], filter?: string }[]
---@field queue table[] Events, the first of which is being run.
---@field dropped integer Events that were left out since the last run.

local listeners = {}   -- Action id -> Listener

local function id_of(res) return res._id["$oid"] end

-- ---- who listens ----

local function new_listener(res)
  local list = {}
  for _, trigger in ipairs(res.config.triggers) do
    if trigger.type == "event" and type(trigger.on) == "table" then
      local own = { update = {}, alert = {} }
      for _, entry in ipairs(trigger.on) do
        local what, test = triggers.event_of(entry)
        if what then table.insert(own[what], test) end
      end
      if type(trigger.filter) == "string" and trigger.filter ~= "" then own.filter = triggers.filter_source(trigger.filter) end
      list[#list + 1] = own
    end
  end
  return #list > 0 and { id = id_of(res), triggers = list, queue = {}, dropped = 0 } or nil
end

local function follow(res, is_gone)
  local old, new = listeners[id_of(res)], nil
  if not is_gone then new = new_listener(res) end
  if new and old then old.triggers = new.triggers else listeners[id_of(res)] = new end
end
resource.follow("Action", follow)

--- At start.
function events.start()
  for _, res in ipairs(store.list("Action")) do follow(res, false) end
end

-- The trigger of a listener that wants this event; the first that does counts.
local function wants(listener, what, name)
  for _, trigger in ipairs(listener.triggers) do
    for _, test in ipairs(trigger[what]) do
      if test(name) then return trigger end
    end
  end
end

-- ---- chains: how many runs an event has behind it ----

local depths = {}    -- Update id -> depth of what it records, until it is complete
local writing = {}   -- user id -> depths of requests that are being made; their Updates are complete before they are answered

local function deepest(list)
  local depth = 0
  for _, d in ipairs(list or {}) do depth = math.max(depth, d) end
  return depth
end

local function depth_of(u) return depths[update.id(u)] or deepest(writing[u.operator]) end

-- What scripts do is one step further than what started them.
local function note_started(depth, result)
  if type(result) ~= "table" then return end
  if result._id and result.status == "InProgress" then depths[update.id(result)] = depth end
  for _, item in ipairs(result) do
    if type(item) == "table" and item.status == "Ok" then note_started(depth, item.data) end
  end
end

--- Runs a request of a script and remembers what it leads to.
---@async
function calls.around(run, fn)
  local depth = depths[run.id]
  if not depth then return fn() end
  local user = run.user.id
  writing[user] = writing[user] or {}
  table.insert(writing[user], depth)
  local guard <close> = setmetatable({}, { __close = function()
    for i, d in ipairs(writing[user]) do
      if d == depth then
        table.remove(writing[user], i)
        break
      end
    end
    if #writing[user] == 0 then writing[user] = nil end
  end })
  local result, err = fn()
  note_started(depth, result)
  return result, err
end

-- ---- running them ----

---@class QueuedEvent
---@field event table What the script gets.
---@field filter? string
---@field depth integer
---@field on_end fun(value: any) Told what the script returned; nil when it did not run, or failed.

local function passes(filter, event)
  if not filter then return true end
  local outcome, err = engine.script.run({ source = filter, name = "filter", limits = FILTER_LIMITS, run = { event = event } })
  if not outcome then error(err, 0) end
  if outcome.status ~= "ok" then fail.raise("invalid", "its filter failed: %s", outcome.message or outcome.status) end
  return outcome.result == true
end

-- Whoever an Action runs as hears of what that user can read.
local function may_hear(res, target)
  local user = action.user_of(res)
  return user.admin or (target.type ~= "System" and pcall(engine.model.require, user, target.type, target.id, "Read"))
end

local function run_one(listener, entry)
  local res, event = store.row("Action", listener.id), entry.event
  if not res or not may_hear(res, (event.update or event.alert).target) or not passes(entry.filter, event) then return nil end
  if listener.dropped > 0 then
    entry.event.dropped, listener.dropped = listener.dropped, 0
  end
  local record, job = execute.start("RunAction", "Action", res, json.object({}), users.builtin("Action"), { event = entry.event })
  depths[update.id(record)] = entry.depth
  update.wait(update.id(record))
  if job.outcome and job.outcome.status == "ok" then return job.outcome.result end
end

local function run_queue(listener)
  while listener.queue[1] and not engine.closing() do
    local entry = listener.queue[1]
    local ok, result = pcall(run_one, listener, entry)
    if not ok and not engine.closing() then
      engine.log.error(("Action %s did not run for %s: %s"):format(listener.id, entry.event.name, fail.from(result).message))
    end
    local value = nil
    if ok then value = result end
    entry.on_end(value)
    table.remove(listener.queue, 1)
  end
  listener.is_running = false
end

local function enqueue(listener, entry)
  if entry.depth > DEPTH_MAX then
    engine.log.error(("Action %s is not run for %s: it would be the %d. run that one event causes; do its Actions start each other?")
      :format(listener.id, entry.event.name, entry.depth))
    return entry.on_end(nil)
  end
  if #listener.queue >= WAITING_MAX then
    listener.dropped = listener.dropped + 1
    if listener.dropped == 1 then
      engine.log.warn(("Action %s: %d events wait already, further ones are left out"):format(listener.id, WAITING_MAX))
    end
    return entry.on_end(nil)
  end
  table.insert(listener.queue, entry)
  if listener.is_running then return end
  listener.is_running = true
  engine.spawn(run_queue, listener)
end

local function nobody() end

-- ---- Updates ----

-- Does a record tell of a run of the Action itself?
local function is_own(id, u) return u.operation == "RunAction" and u.target.type == "Action" and u.target.id == id end

update.on_complete(function(u)
  if engine.closing() then return end
  local depth = depth_of(u)
  depths[update.id(u)] = nil
  for id, listener in pairs(listeners) do
    local trigger = not is_own(id, u) and wants(listener, "update", u.operation)
    if trigger then
      local event = { type = "event", name = "update:" .. u.operation, update = json.decode(json.encode(u)) }
      enqueue(listener, { event = event, filter = trigger.filter, depth = depth + 1, on_end = nobody })
    end
  end
end)

-- ---- alerts ----

-- Who looks at an alert before it goes out, in the order of their names.
local function lookers(doc, own)
  local out = {}
  for id, listener in pairs(listeners) do
    local trigger = id ~= own and wants(listener, "alert", doc.data.type)
    local res = trigger and store.row("Action", id)
    if res then out[#out + 1] = { listener = listener, trigger = trigger, name = res.name } end
  end
  table.sort(out, function(a, b) return a.name < b.name end)
  return out
end

-- Waits for what the Actions say, but not for ever; then it goes out.
local function send(doc, list, depth)
  local said, left, gate, is_done = {}, #list, engine.gate(), false
  local variant <const> = doc.data.type
  local guard <close> = setmetatable({}, { __close = function()
    if not is_done then engine.log.error(("the alert %s was not sent, since the engine stops"):format(variant)) end
  end })
  for i, looker in ipairs(list) do
    local event = { type = "event", name = "alert:" .. doc.data.type, alert = json.decode(json.encode(deliver.body(doc))) }
    enqueue(looker.listener, { event = event, filter = looker.trigger.filter, depth = depth + 1, on_end = function(value)
      said[i], left = value, left - 1
      if left == 0 then gate:open() end
    end })
  end
  if left > 0 and not gate:wait(ROUTE_MS) then
    engine.log.warn(("the alert %s went out before all Actions that look at it were done"):format(variant))
  end
  is_done = true
  local only
  for i, looker in ipairs(list) do
    local ok, problem = pcall(function()
      local changed, names = route.apply(doc, said[i])
      doc, only = changed, names or only
    end)
    if not ok then engine.log.error(("Action '%s' routes an alert: %s"):format(looker.name, fail.from(problem).message)) end
    if not doc then return end
  end
  deliver.everywhere(doc, only)
end

alert.on_news(function(doc, more)
  if engine.closing() then return end
  local cause = more.cause
  local list = lookers(doc, cause and cause.target.id)
  if #list == 0 then return deliver.everywhere(doc) end
  engine.spawn(send, doc, list, cause and depth_of(cause) or 0)
end)

-- ---- trying one ----

-- Why an event would not start an Action; nil: it would.
local function refusal(res, event)
  local listener = new_listener(res)
  if not listener then return "it has no event trigger" end
  local trigger = wants(listener, event.name:match("^(%l+):(.*)$"))
  if not trigger then return ("none of its events is %s"):format(event.name) end
  if event.update and is_own(id_of(res), event.update) then return "the end of its own run does not start it" end
  if not may_hear(res, (event.update or event.alert).target) then
    return ("'%s', as whom it runs, may not read what the event is about"):format(action.user_of(res).username)
  end
  if not passes(trigger.filter, event) then return "its filter is false for this event" end
end

engine.handle("read/TestEventTrigger", function(params, ctx)
  local res = resource.require(ctx, "Action", params.action, "Execute")
  if params.trigger then
    triggers.checks.event(params.trigger, "trigger")
    res.config.triggers = { params.trigger }
  end
  local event = sample.event(params.event, ctx.user)
  local ok, reason = pcall(refusal, res, event)
  if not ok then reason = fail.from(reason).message end
  return { name = event.name, starts = reason == nil, reason = reason or json.null }
end)

return events
