--- What users write about themselves (spec api.md 18.5).
local engine = require("engine")
local fail = require("komodo.fail")

local json, store = engine.json, engine.store
local RECENTS_MAX = 10

local function change_self(ctx, fn)
  local user = store.latest("User", ctx.user.id)
  if not user then return json.object({}) end   -- built-in users have nothing of their own to remember
  fn(user)
  local change = store.change()
  change:put("User", ctx.user.id, user)
  fail.unless(nil, change:commit())
  return json.object({})
end

engine.handle("write/PushRecentlyViewed", function(params, ctx)
  return change_self(ctx, function(user)
    local list = json.array({ params.resource.id })
    for _, id in ipairs(user.recents[params.resource.type] or {}) do
      if id ~= params.resource.id and #list < RECENTS_MAX then list[#list + 1] = id end
    end
    user.recents[params.resource.type] = list
  end)
end)

engine.handle("write/SetLastSeenUpdate", function(_, ctx)
  return change_self(ctx, function(user) user.last_update_view = engine.now() end)
end)
