--- ListActionRuns and GetActionRun: how the runs of Actions went.
local engine = require("engine")
local records = require("komodo.script.records")
local resource = require("komodo.resource")

local json = engine.json
local LIMIT, LIMIT_MAX = 100, 1000

-- Runs of Actions the user can read, as a filter.
local function visible(ctx)
  if ctx.user.admin or engine.conf("transparent_mode") then return json.object({}) end
  return { action = { ["$in"] = engine.model.readable(ctx.user).Action or json.array({}) } }
end

engine.handle("read/ListActionRuns", function(params, ctx)
  local filter = params.action and { action = resource.id(resource.require(ctx, "Action", params.action)) } or visible(ctx)
  local limit = math.max(1, math.min(params.limit or LIMIT, LIMIT_MAX))
  local runs = records.list(filter, params.page, limit)
  return { runs = runs, next_page = #runs == limit and params.page + 1 or json.null }
end)

engine.handle("read/GetActionRun", function(params, ctx)
  local run = records.get(params.id)
  if not ctx.user.admin and not engine.conf("transparent_mode") then resource.require(ctx, "Action", run.action) end
  return run
end)
