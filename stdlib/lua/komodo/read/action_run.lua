--- ListActionRuns, GetActionRun and GetActionRecording: how the runs of Actions went.
local engine = require("engine")
local fail = require("komodo.fail")
local recording = require("komodo.script.recording")
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

-- It holds what the Action's script read, and its arguments: more than a reader of the Action sees.
engine.handle("read/GetActionRecording", function(params, ctx)
  local found = recording.find(params.id)
  if not found then fail.raise("not_found", "there is no recording of this run: start it with record = true; the newest 20 of an Action are kept") end
  resource.require(ctx, "Action", found.action, "Execute")
  return { id = found.id, action = found.action, start_ts = found.start_ts, recording = recording.text(params.id) }
end)
