--- What is old goes, once a day (spec monitoring.md 7).
local engine = require("engine")
local fail = require("komodo.fail")
local insist = require("komodo.insist")

local store = engine.store
local prune = {}

local DAY_MS, AFTER_MS, AT_ONCE = 86400000, 5000, 1000

--- Deletes the documents of a collection whose `ts` is before `limit`.
---@async
---@param collection string
---@param limit integer In milliseconds.
---@param on_delete? fun(doc: table)
---@return integer count
function prune.older(collection, limit, on_delete)
  local count = 0
  while true do
    local found = fail.unless(nil, store.find(collection, { ts = { ["$lt"] = limit } }, { sort = "ts", limit = AT_ONCE }))
    if #found == 0 then return count end
    local change = store.change()
    for _, doc in ipairs(found) do change:delete(collection, doc._id["$oid"]) end
    fail.unless(nil, change:commit())
    for _, doc in ipairs(found) do
      if on_delete then on_delete(doc) end
    end
    count = count + #found
  end
end

--- Alerts, open ones too, after `keep_alerts_for_days`; 0 keeps them.
---@async
function prune.alerts()
  local days = engine.conf("keep_alerts_for_days")
  if days == 0 then return end
  local count = prune.older("Alert", engine.now() - days * DAY_MS, function(doc) require("komodo.alert").drop({ doc }) end)
  if count > 0 then engine.log.info(("%d alerts older than %d days were deleted"):format(count, days)) end
end

local function daily()
  while true do
    engine.sleep(DAY_MS - (engine.now() - AFTER_MS) % DAY_MS)
    insist.wait(prune.alerts, function(reason) engine.log.error("old alerts cannot be deleted yet: " .. reason) end)
  end
end

--- Begins to look each day, five seconds after midnight UTC.
function prune.start() engine.spawn(daily) end

return prune
