--- Action states: what runs on a resource right now (spec resources.md 5.3). Memory only.
local engine = require("engine")
local fail = require("komodo.fail")
local state = {}

-- Every flag in the order clients see them. `busy`: counts as busy. `counter`: a number of runs instead of a flag.
local containers = { "starting_containers", "restarting_containers", "pausing_containers", "unpausing_containers",
  "stopping_containers", "destroying_containers" }
local flags = {
  Swarm = {},
  Server = { "pruning_networks", "pruning_containers", "pruning_images", "pruning_volumes", "pruning_builders", "pruning_buildx",
    "pruning_system", table.unpack(containers) },
  Stack = { "pulling", "deploying", "starting", "restarting", "pausing", "unpausing", "stopping", "destroying" },
  Deployment = { "pulling", "deploying", "updating", "starting", "restarting", "pausing", "unpausing", "stopping", "destroying",
    "renaming" },
  Build = { "building" },
  Repo = { "cloning", "pulling", "building", "renaming" },
  Procedure = { "running" },
  Action = { "running" },
  ResourceSync = { "syncing" },
}
local counters, idle = { Action = { running = true }, Server = {} }, {
  Server = { pruning_builders = true, pruning_buildx = true, pruning_system = true },
  Stack = { pulling = true },
  Deployment = { pulling = true, updating = true },
  Repo = { renaming = true },
}
for _, name in ipairs(containers) do counters.Server[name] = true end

local active = {}   -- "Kind/id" -> { flag = true | count }

local function of(kind, id) return active[kind .. "/" .. id] end

--- The whole state as clients read it.
function state.get(kind, id)
  local now, out = of(kind, id) or {}, engine.json.object({})
  for _, flag in ipairs(flags[kind] or {}) do
    if counters[kind] and counters[kind][flag] then out[flag] = now[flag] or 0 else out[flag] = now[flag] or false end
  end
  return out
end

--- Is this flag set (or count above zero)?
function state.is(kind, id, flag)
  local now = of(kind, id)
  return now ~= nil and (now[flag] or 0) ~= 0 and now[flag] ~= false
end

function state.busy(kind, id)
  local now = of(kind, id)
  if not now then return false end
  for flag, value in pairs(now) do
    if value ~= 0 and value ~= false and not (idle[kind] and idle[kind][flag]) then return true end
  end
  return false
end

--- Refuses a change of a busy resource.
function state.refuse_busy(kind, id)
  if state.busy(kind, id) then fail.raise("busy", "%s busy", kind) end
end

--- Runs `fn` while `flag` is set and nothing else may start; every flag is gone afterwards, also when it raises.
---@async
function state.exclusive(kind, id, flag, fn)
  if state.busy(kind, id) then fail.raise("busy", "Resource is busy") end
  local key = kind .. "/" .. id
  active[key] = { [flag] = true }
  engine.model.touch(kind, id)
  local guard <close> = setmetatable({}, { __close = function()
    active[key] = nil
    engine.model.touch(kind, id)
  end })
  return fn()
end

--- Runs `fn` while the counter `flag` is one higher; any number may run at once.
---@async
function state.counted(kind, id, flag, fn)
  local key = kind .. "/" .. id
  local now = active[key] or {}
  active[key] = now
  now[flag] = (now[flag] or 0) + 1
  engine.model.touch(kind, id)
  local guard <close> = setmetatable({}, { __close = function()
    -- An exclusive run that ended meanwhile has dropped the whole table.
    local then_ = active[key]
    if then_ and then_[flag] then
      then_[flag] = math.max(0, then_[flag] - 1)
      if next(then_) == flag and then_[flag] == 0 and next(then_, flag) == nil then active[key] = nil end
    end
    engine.model.touch(kind, id)
  end })
  return fn()
end

return state
