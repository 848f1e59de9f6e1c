--- The audit log and alerts as clients read them (spec api.md 17.12).
local engine = require("engine")
local fail = require("komodo.fail")
local update = require("komodo.update")

local json, store = engine.json, engine.store
local PAGE = 100

-- Targets a user who is no admin may see, as a filter; nil: everything.
local function visible(ctx)
  if ctx.user.admin or engine.conf("transparent_mode") then return nil end
  local any = json.array({})
  for kind, ids in pairs(engine.model.readable(ctx.user)) do
    any[#any + 1] = { ["target.type"] = kind, ["target.id"] = { ["$in"] = ids } }
  end
  -- Nothing readable must match nothing, not everything.
  if #any == 0 then any[1] = { ["target.type"] = "None" } end
  return { ["$or"] = any }
end

local function page(collection, params, ctx, sort)
  local parts = json.array({})
  if params.query then parts[#parts + 1] = params.query end
  parts[#parts + 1] = visible(ctx)
  local filter = #parts > 1 and { ["$and"] = parts } or parts[1] or json.object({})
  local found = fail.unless(nil, store.find(collection, filter, { sort = sort, desc = true, skip = params.page * PAGE, limit = PAGE }))
  return found, #found == PAGE and params.page + 1 or json.null
end

engine.handle("read/ListUpdates", function(params, ctx)
  local found, next_page = page("Update", params, ctx, "start_ts")
  for i, u in ipairs(found) do found[i] = update.list_item(update.running(update.id(u)) or u) end
  return { updates = found, next_page = next_page }
end)

-- Read on the target; what has no target of its own is for admins.
local function check(ctx, target, what)
  if ctx.user.admin or engine.conf("transparent_mode") then return end
  if target.type == "System" then fail.raise("forbidden", "user must be admin to view system %s", what) end
  engine.model.require(ctx.user, target.type, target.id, "Read")
end

engine.handle("read/GetUpdate", function(params, ctx)
  local u = update.load(params.id)
  check(ctx, u.target, "updates")
  return u
end)

engine.handle("read/ListAlerts", function(params, ctx)
  local found, next_page = page("Alert", params, ctx, "ts")
  return { alerts = found, next_page = next_page }
end)

engine.handle("read/GetAlert", function(params, ctx)
  local alert, err = store.get("Alert", params.id)
  if not alert then
    if err.code == "not_found" then fail.raise("not_found", "no alert exists with given id") end
    error(err, 0)
  end
  check(ctx, alert.target, "alerts")
  return alert
end)
