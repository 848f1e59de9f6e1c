--- Alerts as stored things (spec monitoring.md 5): opened, changed, resolved, always together with the index of the open ones
--- in memory. Whoever wants to know follows them with alert.on_news.
local engine = require("engine")
local fail = require("komodo.fail")

local json, store = engine.json, engine.store
local alert = {}

---@class Alert
---@field _id { ["$oid"]: string }
---@field ts integer
---@field resolved boolean
---@field level "OK"|"WARNING"|"CRITICAL"
---@field target { type: string, id: string }
---@field data { type: string, data: table }
---@field resolved_ts integer|userdata null while it is open.
---@field rule? { action: string, key: string, resolve_after: number } The alert rule that opened it.

local open, by_key = {}, {}   -- id -> Alert, key_of(Alert) -> id
local listeners = {}

local function id_of(doc) return doc._id["$oid"] end

-- There is one open alert for each of these: the disks of a server and the keys of a rule are told apart.
local function key_of(target, variant, sub)
  return ("%s/%s/%s/%s"):format(target.type, target.id, variant, sub or "")
end

local function sub_of(doc)
  return doc.rule and doc.rule.action .. "/" .. doc.rule.key or doc.data.data.path
end

local function key_of_doc(doc) return key_of(doc.target, doc.data.type, sub_of(doc)) end

local function remember(doc)
  open[id_of(doc)] = doc
  by_key[key_of_doc(doc)] = id_of(doc)
end

local function forget(doc)
  open[id_of(doc)] = nil
  local key = key_of_doc(doc)
  if by_key[key] == id_of(doc) then by_key[key] = nil end
end

-- Documents are shared with the index, so each change makes a new one.
local function with(doc, fields)
  local out = {}
  for name, value in pairs(doc) do out[name] = value end
  for name, value in pairs(fields) do out[name] = value end
  return out
end

--- Calls `fn(alert, more)` for each alert that opens, resolves, changes and is worth telling, or is only told and never stored.
--- Must not wait. `more.direct`: it goes to alerters only, no Action looks at it first.
---@param fn fun(alert: Alert, more: table)
function alert.on_news(fn) listeners[#listeners + 1] = fn end

local function announce(doc, more)
  for _, fn in ipairs(listeners) do fn(doc, more or {}) end
end

--- An alert that is told and never stored: a failed run, a schedule that starts one.
---@param fields { level: string, target: table, data: table }
---@param more? table For the listeners.
function alert.tell(fields, more)
  local now = engine.now()
  announce(with({ ts = now, resolved = true, resolved_ts = now }, fields), more)
end

--- The open alert of a target: `sub` is the mount of a disk, or of a rule its "action id/key".
---@return Alert?
function alert.find(target, variant, sub) return open[by_key[key_of(target, variant, sub)]] end

--- Open alerts for which test(alert) is true.
---@param test fun(alert: Alert): boolean
---@return Alert[] By time.
function alert.select(test)
  local out = {}
  for _, doc in pairs(open) do
    if test(doc) then out[#out + 1] = doc end
  end
  table.sort(out, function(a, b)
    if a.ts ~= b.ts then return a.ts < b.ts end
    return id_of(a) < id_of(b)
  end)
  return out
end

-- ---- changes ----

---@class AlertChange Several alerts at once: all are stored, or none.
local Change = {}
Change.__index = Change

---@return AlertChange
function alert.change() return setmetatable({ rows = {} }, Change) end

local function add(self, doc, before, news)
  self.rows[#self.rows + 1] = { doc = doc, before = before, news = news }
  return doc
end

--- Opens one; nothing happens when one of its kind is open.
---@param fields { ts?: integer, level: string, target: table, data: table, rule?: table }
---@param quiet? boolean Stored, but told to nobody.
---@return Alert?
function Change:open(fields, quiet)
  local doc = with({ _id = { ["$oid"] = engine.crypto.object_id() }, ts = engine.now(), resolved = false, resolved_ts = json.null }, fields)
  if by_key[key_of_doc(doc)] then return nil end
  by_key[key_of_doc(doc)] = id_of(doc)   -- taken, while it is being stored
  return add(self, doc, nil, not quiet and doc or nil)
end

--- Sets fields of an open one.
---@param tell? boolean Told again.
function Change:set(doc, fields, tell)
  local changed = with(doc, fields)
  return add(self, changed, doc, tell and changed or nil)
end

--- Resolves one. What is stored keeps its level and data; what is told is OK, with `fresh` data if given.
---@param quiet? boolean
---@param fresh? table
function Change:resolve(doc, quiet, fresh)
  local ended = with(doc, { resolved = true, resolved_ts = engine.now() })
  return add(self, ended, doc, not quiet and with(ended, { level = "OK", data = fresh or doc.data }) or nil)
end

-- Somebody may have closed it while this waited.
local function is_current(row) return not row.before or open[id_of(row.before)] ~= nil end

--- Stores all of it and tells who follows.
---@async
---@return boolean? ok
---@return Err? err Nothing of it happened.
function Change:commit()
  local rows, c = {}, store.change()
  for _, row in ipairs(self.rows) do
    if is_current(row) then
      rows[#rows + 1] = row
      c:put("Alert", id_of(row.doc), row.doc)
    end
  end
  self.rows = {}
  if #rows == 0 then return true end
  local called, ok, err = pcall(c.commit, c)
  if not called or not ok then
    for _, row in ipairs(rows) do
      if not row.before then by_key[key_of_doc(row.doc)] = nil end
    end
    if not called then error(ok, 0) end
    return nil, err
  end
  for _, row in ipairs(rows) do
    if row.doc.resolved then forget(row.doc) else remember(row.doc) end
  end
  for _, row in ipairs(rows) do
    if row.news then announce(row.news) end
  end
  return true
end

--- Puts the end of every open alert that test(alert) selects into a change of the store; nobody is told. The function
--- returned is called once that is stored.
---@param change any
---@param test fun(alert: Alert): boolean
---@return fun() done
function alert.end_within(change, test)
  local ended = alert.select(test)
  for _, doc in ipairs(ended) do
    change:put("Alert", id_of(doc), with(doc, { resolved = true, resolved_ts = engine.now() }))
  end
  return function()
    for _, doc in ipairs(ended) do forget(doc) end
  end
end

--- Everything about a resource that goes away, and what it opened if it is an alert rule.
function alert.about(kind, id)
  return function(doc)
    return doc.target.type == kind and doc.target.id == id or (kind == "Action" and doc.rule ~= nil and doc.rule.action == id)
  end
end

--- Closes one by hand. What was never there counts as closed; a check that still finds the condition opens a new one.
---@async
function alert.close(id)
  local doc = open[id]
  if not doc then
    local found, err = store.get("Alert", id)
    if not found and err.code ~= "not_found" then error(err, 0) end
    doc = found
    if not doc or doc.resolved then return end
  end
  local c = store.change()
  c:put("Alert", id, with(doc, { resolved = true, resolved_ts = engine.now() }))
  fail.unless(nil, c:commit())
  forget(doc)
end

--- Reads the open ones at start.
---@async
---@return Alert[]
function alert.load()
  local found = fail.unless(nil, store.find("Alert", { resolved = false }, {}))
  for _, doc in ipairs(found) do remember(doc) end
  return found
end

--- Drops alerts from memory without storing anything: those whose end somebody else stores.
function alert.drop(list)
  for _, doc in ipairs(list) do forget(doc) end
end

return alert
