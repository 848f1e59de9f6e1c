--- Update records, the audit log (spec api.md 11): made, stored, broadcast, waited for.
local engine = require("engine")
local fail = require("komodo.fail")
local insist = require("komodo.insist")
local markup = require("komodo.markup")
local users = require("komodo.users")

local json, store = engine.json, engine.store
local update = {}

-- Records that are not complete yet, by id: GetUpdate serves them from here, and whoever waits for one waits at its gate.
-- Whoever follows its logs waits at its gate of `progress`.
local live, gates, progress = {}, {}, {}

--- A new record, in progress; not stored yet.
---@param user User
---@param operation string
---@param target { type: string, id: string }
---@return table
function update.new(user, operation, target)
  return {
    _id = { ["$oid"] = engine.crypto.object_id() },
    operation = operation,
    start_ts = engine.now(),
    success = true,
    operator = user.id,
    target = { type = target.type, id = target.id },
    logs = json.array({}),
    end_ts = json.null,
    status = "InProgress",
  }
end

function update.id(u) return u._id["$oid"] end

--- A log whose text is what happened.
function update.simple_log(stage, message)
  local now = engine.now()
  return { stage = stage, command = "", stdout = message, stderr = "", success = true, start_ts = now, end_ts = now }
end

--- A log that failed.
---@param e any A text, or what was raised.
function update.error_log(stage, e)
  local now = engine.now()
  local message = type(e) == "string" and e or markup.error(fail.from(e))
  return { stage = stage, command = "", stdout = "", stderr = message, success = false, start_ts = now, end_ts = now }
end

function update.push(u, log) u.logs[#u.logs + 1] = log end
function update.log(u, stage, message) update.push(u, update.simple_log(stage, message)) end

--- Ends the record: success is that of every log.
function update.finalize(u)
  u.success = true
  for _, log in ipairs(u.logs) do u.success = u.success and log.success end
  u.end_ts = engine.now()
  u.status = "Complete"
end

--- What /ws/update and ListUpdates show of a record.
function update.list_item(u)
  return {
    id = update.id(u),
    operation = u.operation,
    start_ts = u.start_ts,
    success = u.success,
    username = users.display(u.operator),
    operator = u.operator,
    target = u.target,
    status = u.status,
    version = u.version,
    other_data = u.other_data,
  }
end

local function open(set, id)
  local gate = set[id]
  set[id] = nil
  if gate then gate:open() end
end

local followers, followed = {}, setmetatable({}, { __mode = "k" })

--- Calls `fn(record)` once for each record that is complete; it must not wait.
---@param fn fun(u: table)
function update.on_complete(fn) followers[#followers + 1] = fn end

--- Tells every subscriber how the record stands.
function update.broadcast(u)
  engine.broadcast(u.target.type, u.target.id, json.encode(update.list_item(u)))
  open(progress, update.id(u))
  if u.status ~= "Complete" or followed[u] then return end
  followed[u] = true
  for _, fn in ipairs(followers) do
    local ok, err = pcall(fn, u)
    if not ok then engine.log.error(("%s is complete, but: %s"):format(u.operation, tostring(fail.from(err).message))) end
  end
end

local function tell_waiting(id)
  open(gates, id)
  open(progress, id)
end

--- Stores the record (waits until it is durable); a complete one stops being live.
---@param with? any A change it is to be part of; then the caller commits. Or a function that adds to the change of its own.
function update.save(u, with)
  local id = update.id(u)
  local change = type(with) == "userdata" and with
  local c = change or store.change()
  c:put("Update", id, u)
  if not change and with then with(c) end
  if not change then fail.unless("Failed to store the Update", c:commit()) end
  if u.status == "Complete" then
    live[id] = nil
    tell_waiting(id)
  else
    live[id] = u
  end
end

--- Stores and tells.
function update.publish(u)
  update.save(u)
  update.broadcast(u)
end

--- Stores and tells the end of work that cannot be undone. While the store refuses it (a full disk) clients see the end
--- from memory, and it is tried again until it is stored.
---@async
---@param u table A complete record that was stored before.
---@param with? fun(change: any) Adds to the change that stores it.
function update.settle(u, with)
  local id, told = update.id(u), false
  local function on_wait(reason)
    engine.log.error(("the end of %s %s cannot be stored yet: %s"):format(u.operation, id, reason))
    update.broadcast(u)
    tell_waiting(id)
    told = true
  end
  local ok, err = pcall(insist.wait, function() update.save(u, with) end, on_wait)
  if not ok and err.code == "too_big" then
    u.logs, u.success = json.array({ update.error_log("Task Error", fail.context("The logs are too big to be stored", err)) }), false
    ok, err = pcall(insist.wait, function() update.save(u, with) end, on_wait)
  end
  if not ok then
    live[id] = nil
    tell_waiting(id)
    error(err, 0)
  end
  if not told then update.broadcast(u) end
end

--- Waits until the record with this id is complete; returns it.
---@async
function update.wait(id)
  if live[id] and live[id].status ~= "Complete" then
    gates[id] = gates[id] or engine.gate()
    gates[id]:wait()
  end
  return update.load(id)
end

--- Waits for news of a record that is not complete and has no more than `seen` logs; returns it.
---@async
function update.follow(id, seen)
  if live[id] and #live[id].logs <= seen then
    progress[id] = progress[id] or engine.gate()
    progress[id]:wait()
  end
  return update.load(id)
end

--- The record as it stands now; raises not_found.
---@async
function update.load(id)
  if live[id] then return live[id] end
  local u, err = store.get("Update", id)
  if not u then
    if err.code == "not_found" then fail.raise("not_found", "no update exists with given id") end
    error(err, 0)
  end
  return u
end

--- The record while it runs, or nil.
function update.running(id) return live[id] end

--- Ids of running records of a target and operation, oldest first.
function update.running_of(operation, target_id)
  local found = {}
  for id, u in pairs(live) do
    if u.operation == operation and u.target.id == target_id then found[#found + 1] = id end
  end
  table.sort(found)
  return found
end

return update
