--- When Procedures and Actions are due by their schedules (spec monitoring.md 8, resources.md 16), and the list of them.
-- Memory only: made anew at start, for one resource when it changes, and once its time has come.
local alert = require("komodo.alert")
local engine = require("engine")
local execute = require("komodo.execute")
local fail = require("komodo.fail")
local markup = require("komodo.markup")
local paging = require("komodo.paging")
local rights = require("komodo.script.rights")
local runs = require("komodo.runs")

local json, model, store = engine.json, engine.model, engine.store
local null = json.null
local schedules = {}

local SECOND = 1000
local kinds = { "Procedure", "Action" }

---@class Schedule
---@field kind string
---@field id string
---@field at? integer Next run, in milliseconds; a whole second.
---@field error? string Why there is none, as clients show it.

local entries = {}     -- "Kind/id" -> Schedule
local computing = {}   -- "Kind/id" -> the newest computation that has not ended
local earliest = math.huge   -- no entry is due before

-- Schedules are texts of users, and clients show errors as HTML.
local escapes = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }
local function escape(s) return (s:gsub("[&<>]", escapes)) end

local function in_words(err)
  local trace = {}
  for i, cause in ipairs(err.trace) do trace[i] = escape(cause) end
  return markup.error({ message = escape(err.message), trace = trace })
end

local function zone_of(config) return config.schedule_timezone ~= "" and config.schedule_timezone or engine.conf("timezone") end

--- Computes when a resource is due next, from its config; forgets it when it has no schedule.
---@async
---@param kind string
---@param res table
---@param after? integer In milliseconds; the next run is later than this. Default: now.
function schedules.follow(kind, res, after)
  local id, config = res._id["$oid"], res.config
  local key, mine = kind .. "/" .. id, {}
  local entry
  computing[key] = mine
  if config.schedule_enabled and config.schedule ~= "" then
    local format = config.schedule_format == "Cron" and "Cron" or "English"
    local at, err = engine.schedule.next(format, config.schedule, zone_of(config), after or engine.now())
    -- It was changed or deleted while a time zone was read: whoever did that knows better.
    if computing[key] ~= mine then return end
    entry = { kind = kind, id = id, at = at, error = err and in_words(err) }
    earliest = math.min(earliest, at or math.huge)
  end
  computing[key] = nil
  entries[key] = entry
  model.touch(kind, id)
end

--- The resource is gone.
function schedules.forget(kind, id)
  local key = kind .. "/" .. id
  entries[key], computing[key] = nil, nil
end

--- What is known of a resource's schedule; nil when it has none, or is due right now.
---@return Schedule?
function schedules.of(kind, id) return entries[kind .. "/" .. id] end

--- Takes out what is due; each is to be renewed afterwards.
---@param now integer In milliseconds.
---@return Schedule[] due By time.
function schedules.take(now)
  local due = {}
  if now < earliest then return due end
  earliest = math.huge
  for key, entry in pairs(entries) do
    if entry.at and entry.at <= now then
      due[#due + 1] = entry
      entries[key] = nil
      model.touch(entry.kind, entry.id)
    elseif entry.at then
      earliest = math.min(earliest, entry.at)
    end
  end
  table.sort(due, function(a, b)
    if a.at ~= b.at then return a.at < b.at end
    return a.id < b.id
  end)
  return due
end

--- Computes the next run of what was taken out, by its newest config. Occurrences until now are not caught up.
---@async
---@param entry Schedule
function schedules.renew(entry)
  local key = entry.kind .. "/" .. entry.id
  local res = store.row(entry.kind, entry.id)
  -- Saved meanwhile: then its next run is known already.
  if not res or entries[key] or computing[key] then return end
  -- The timer may be a little early; the same second must not come again.
  schedules.follow(entry.kind, res, math.max(engine.now(), entry.at))
end

-- One run that was due, to its end; the next is looked for afterwards, so that none begins beside it.
local function run(entry)
  local res = store.row(entry.kind, entry.id)
  if res and res.config.schedule_alert then
    alert.tell({ level = "OK", target = { type = entry.kind, id = entry.id },
      data = { type = "ScheduleRun", data = { resource_type = entry.kind, id = entry.id, name = res.name } } })
  end
  local event = { type = "schedule", at = entry.at, missed = entry.missed == true }
  local ok, err = pcall(execute.triggered, entry.kind, entry.id, {}, entry.kind, event)
  if not ok and not engine.closing() then
    engine.log.error(("the scheduled run of %s %s did not start: %s"):format(entry.kind, entry.id, fail.from(err).message))
  end
  schedules.renew(entry)
end

-- Sleeps from second to second.
local function tick()
  while true do
    engine.sleep(SECOND - engine.now() % SECOND)
    local second = (engine.now() + SECOND // 2) // SECOND * SECOND
    for _, entry in ipairs(schedules.take(second)) do engine.spawn(run, entry) end
  end
end

-- When it was due for the first time since it ran last or was saved last; nil: not before now.
local function missed_at(kind, res)
  local id = res._id["$oid"]
  local owner = rights.owner(id)
  local since = math.max(runs.last_at(kind, id) or 0, owner and owner.ts or 0)
  if since == 0 then return nil end
  -- A run may begin a little before the second it is due in.
  local at = engine.schedule.next(res.config.schedule_format == "Cron" and "Cron" or "English", res.config.schedule, zone_of(res.config),
    (since + SECOND - 1) // SECOND * SECOND)
  return at and at <= engine.now() and at or nil
end

local missed = {}   -- what was due while the engine was off, until the API answers

--- Reads every schedule and begins to follow them.
---@async
function schedules.start()
  for _, kind in ipairs(kinds) do
    for _, res in ipairs(store.list(kind)) do
      schedules.follow(kind, res)
      local at = res.config.schedule_missed == "run" and schedules.of(kind, res._id["$oid"]) and missed_at(kind, res)
      if at then missed[#missed + 1] = { kind = kind, id = res._id["$oid"], at = at, missed = true } end
    end
  end
  engine.spawn(tick)
end

--- Runs what was due while the engine was off, each once.
function schedules.catch_up()
  for _, entry in ipairs(missed) do
    -- Its next run is looked for when this one is over, as after any other.
    schedules.forget(entry.kind, entry.id)
    engine.spawn(run, entry)
  end
  missed = {}
end

-- ---- read/ListSchedules (spec monitoring.md 8.5) ----

local function item(kind, res)
  local id, config = res._id["$oid"], res.config
  local entry = schedules.of(kind, id) or {}
  return {
    target = { type = kind, id = id },
    name = res.name,
    schedule_format = config.schedule_format,
    schedule = config.schedule,
    enabled = config.schedule_enabled,
    schedule_timezone = config.schedule_timezone,
    last_run_at = runs.last_at(kind, id) or null,
    next_scheduled_run = entry.at or null,
    schedule_error = entry.error or null,
    tags = res.tags,
  }
end

local sort_keys = {
  Name = function(it) return it.name end,
  Schedule = function(it) return it.schedule end,
  NextRun = function(it) return it.next_scheduled_run ~= null and it.next_scheduled_run or math.huge end,
  Enabled = function(it) return it.enabled and 1 or 0 end,
}

engine.handle("read/ListSchedules", function(params, ctx)
  local query = { tags = params.tags, tag_behavior = params.tag_behavior, terms = params.terms, specific = { scheduled = true } }
  local list = {}
  for _, kind in ipairs(kinds) do
    for _, res in ipairs(model.select(ctx.user, kind, query, "Read")) do list[#list + 1] = item(kind, res) end
  end
  paging.sort(list, sort_keys[params.sort_by], params.sort_desc, function(it) return it.target.id end)
  local limit = type(params.limit) == "number" and params.limit or engine.conf("default_pagination_limit")
  return json.array(paging.page(list, params.page, limit))
end)

return schedules
