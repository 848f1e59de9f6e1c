--- How runs of Actions went: one document a run in ScriptRun, kept for a time (`keep_script_runs_for_days`, and the newest
--- 1,000 of each Action).
local engine = require("engine")
local endings = require("komodo.script.endings")
local fail = require("komodo.fail")
local update = require("komodo.update")

local json, store = engine.json, engine.store
local RUNS = "ScriptRun"
local RESULT_BYTES, MESSAGE_BYTES, CAPABILITIES_MAX = 64 * 1024, 4096, 200
local PER_ACTION, BATCH, PAUSE_MS, DAY_MS = 1000, 200, 50, 86400000
local LOOK_EVERY = 50   -- runs of one Action between two looks whether it has too many
local records = {}

local null = json.null

-- At most so many bytes, cut between two characters.
local function bounded(s)
  if not s or #s <= MESSAGE_BYTES then return s or null end
  return s:sub(1, (utf8.offset(s, 0, MESSAGE_BYTES + 1) or 1) - 1) .. "…"
end

--- The document of a run that has begun.
---@param job Job Of RunAction.
function records.begun(job)
  local u, event = job.update, job.event
  return {
    id = update.id(u), action = job.id, action_name = job.target.name, user = job.user.id, username = job.user.username,
    run_as = null, trigger = event and not event.sample_by and event.type or "manual", start_ts = u.start_ts, end_ts = null, status = "running",
    dry_run = job.params.dry_run == true, limit = null, message = null, line = null, result = null, result_dropped = false,
    cpu_ms = 0, wall_ms = 0, peak_bytes = 0, api_calls = 0, log_dropped_bytes = 0, capabilities = json.array({}),
  }
end

-- Why a run that never had an outcome ended: its last log that failed.
local function last_failure(u)
  for i = #u.logs, 1, -1 do
    if not u.logs[i].success then return (u.logs[i].stderr:gsub("<[^<>]*>", "")) end
  end
end

--- The document of a run that is over.
---@param job Job With `run` once its script was started.
function records.over(job)
  local doc, run, outcome = records.begun(job), job.run, job.outcome
  doc.end_ts = job.update.end_ts
  doc.run_as = job.bounds_of_run and job.bounds_of_run.user.username or null
  if not outcome or not run then
    doc.status = job.ticket and job.ticket.cancelled and "cancelled" or job.update.success and "ok" or "error"
    doc.message = bounded(last_failure(job.update))
    return doc
  end
  doc.status, doc.limit, doc.line = outcome.status, outcome.limit or null, outcome.line or null
  local words = endings.words(outcome, job.limits)
  doc.message = bounded(words and run:redact(words))
  for _, key in ipairs({ "cpu_ms", "wall_ms", "peak_bytes", "api_calls", "log_dropped_bytes" }) do doc[key] = outcome[key] end
  if outcome.result ~= nil then
    local result = run:redacted(outcome.result)
    doc.result_dropped = #json.encode({ result }) > RESULT_BYTES
    doc.result = not doc.result_dropped and result or null
  end
  local used = json.array({})
  for text in pairs(run.used) do used[#used + 1] = text end
  table.sort(used)
  for i = #used, CAPABILITIES_MAX + 1, -1 do used[i] = nil end
  doc.capabilities = used
  return doc
end

--- Adds the end of a run that the end of the engine cut off.
---@async
---@param change any
---@param u table Its Update.
function records.interrupted(change, u)
  local doc, err = store.get(RUNS, update.id(u))
  if not doc then
    if err.code ~= "not_found" then error(err, 0) end
    return
  end
  doc.status, doc.message, doc.end_ts = "interrupted", endings.interrupted, engine.now()
  change:put(RUNS, doc.id, doc)
end

function records.put(change, doc) change:put(RUNS, doc.id, doc) end

-- ---- reading ----

--- Newest first; at most `limit` of the page, without their results.
---@async
function records.list(filter, page, limit)
  local found = fail.unless(nil, store.find(RUNS, filter, { sort = "start_ts", desc = true, skip = page * limit, limit = limit }))
  for _, doc in ipairs(found) do doc.result = null end
  return found
end

---@async
function records.get(id)
  local doc, err = store.get(RUNS, id)
  if not doc then
    if err.code == "not_found" then fail.raise("not_found", "no run of an Action exists with given id") end
    error(err, 0)
  end
  return doc
end

-- ---- pruning ----

-- Deletes what the query finds, some at a time, so that others' writes go in between.
local function delete_all(filter, skip)
  while not engine.closing() do
    local found = fail.unless(nil, store.find(RUNS, filter, { sort = "start_ts", desc = true, skip = skip, limit = BATCH }))
    if #found == 0 then return end
    local change = store.change()
    for _, doc in ipairs(found) do change:delete(RUNS, doc.id) end
    fail.unless(nil, change:commit())
    if #found < BATCH then return end
    engine.sleep(PAUSE_MS)
  end
end

local function in_background(what, fn)
  engine.spawn(function()
    local ok, err = pcall(fn)
    if not ok and not engine.closing() then
      engine.log.error(("%s were not deleted: %s"):format(what, fail.from(err).message))
    end
  end)
end

local counted = {}   -- action id -> runs since the last look

--- A run is stored; now and then the oldest beyond the newest 1,000 of its Action go.
function records.stored(doc)
  local n = counted[doc.action] or LOOK_EVERY
  counted[doc.action] = n >= LOOK_EVERY and 1 or n + 1
  if n < LOOK_EVERY then return end
  in_background("old runs of Action " .. doc.action, function() delete_all({ action = doc.action }, PER_ACTION) end)
end

--- The Action is gone, and what is known of its runs goes too.
function records.forget(action)
  counted[action] = nil
  in_background("the runs of a deleted Action", function() delete_all({ action = action }, 0) end)
end

--- Deletes what is too old, now.
---@async
function records.prune()
  local days = engine.conf("keep_script_runs_for_days")
  if days > 0 then delete_all({ start_ts = { ["$lt"] = engine.now() - days * DAY_MS } }, 0) end
end

--- Prunes now and every day.
function records.follow()
  engine.spawn(function()
    while not engine.closing() do
      local ok, err = pcall(records.prune)
      if not ok and not engine.closing() then engine.log.error("old script runs were not deleted: " .. fail.from(err).message) end
      engine.sleep(DAY_MS)
    end
  end)
end

return records
