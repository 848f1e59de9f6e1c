--- What one poll shows to all alert rules: their targets, and what is known of each as JSON text that is made once.
local engine = require("engine")
local deployment = require("komodo.resource.deployment")
local targets = require("komodo.alert.targets")

local json, status, store = engine.json, engine.status, engine.store
local view = {}

local HISTORY_MAX = 500          -- records of one event.history
local HISTORY_MINUTES = 14 * 1440

---@class RuleTarget
---@field kind string
---@field id string
---@field at string "Type/id"
---@field name string
---@field tags string[] Ids.
---@field server string Id of its server, "" without one.
---@field head string What the script gets as event.target, as JSON text.
---@field res? table Of Stacks and Deployments.

-- ---- which targets there are: read anew once one of the kind changed ----

local known = {}   -- kind -> { version, list }

local function tag_names(ids)
  local out = json.array({})
  for i, id in ipairs(ids) do
    local tag = store.row("Tag", id)
    out[i] = tag and tag.name or id
  end
  return out
end

local function target_of(kind, res)
  local id = res._id["$oid"]
  local server = kind == "Server" and id or (res.config.swarm_id == "" and res.config.server_id) or ""
  local row = server ~= "" and store.row("Server", server)
  local about = { type = kind, id = id, name = res.name, tags = tag_names(res.tags), server = row and row.name or nil }
  return { kind = kind, id = id, at = kind .. "/" .. id, name = res.name, tags = res.tags, server = server, res = kind ~= "Server" and res or nil,
    head = json.encode(about) }
end

--- All resources of a type, as targets; the list stays the same until one of them changes.
---@param kind string
---@return RuleTarget[]
function view.all(kind)
  local version, cached = engine.model.version(kind), known[kind]
  if cached and cached.version == version then return cached.list end
  local list = {}
  for i, res in ipairs(store.list(kind)) do list[i] = target_of(kind, res) end
  known[kind] = { version = version, list = list }
  return list
end

--- One resource as a target.
---@return RuleTarget
function view.one(kind, res) return target_of(kind, res) end

-- The id of a tag by its name or id.
local function tag_id(name)
  local tag = store.resolve("Tag", name)
  return tag and tag._id["$oid"]
end

local selections, stamp_of_all = {}, nil   -- key of targets -> { stamp, list }

-- Says whether a selection is still right: resources are the same, and no tag got another name more than a minute ago.
local function stamp_of(self, minute)
  local stamp = { minute }
  for i, kind in ipairs(targets.kinds) do stamp[i + 1] = self.names[kind] and engine.model.version(kind) or 0 end
  return table.concat(stamp, "/")
end

--- The resources that these targets select; the same list for all who select the same, until something changes.
---@param self RuleTargets
---@return RuleTarget[]
function view.select(self)
  local minute = engine.now() // 60000
  if stamp_of_all ~= minute then selections, stamp_of_all = {}, minute end
  local stamp, known_list = stamp_of(self, minute), selections[self.key]
  if known_list and known_list.stamp == stamp then return known_list.list end
  local out = {}
  for _, kind in ipairs(targets.kinds) do
    if self.names[kind] then
      for _, target in ipairs(view.all(kind)) do
        if targets.match(self, kind, target, tag_id) then out[#out + 1] = target end
      end
    end
  end
  selections[self.key] = { stamp = stamp, list = out }
  return out
end

-- ---- what is known of them ----

-- The containers of a Stack: those whose name is that of a service, with a number or without (spec monitoring.md 2.3).
local function stack_containers(res, server)
  local out, info = {}, res.info
  local services = type(info.deployed_services) == "table" and info.deployed_services or info.latest_services
  for _, container in ipairs(status.part(server, "docker.containers") or {}) do
    for _, service in ipairs(services) do
      local name = service.container_name
      if container.name:sub(1, #name) == name and container.name:sub(#name + 1):find("^%-?%d*$") then
        out[#out + 1] = { container = container, service = service.service_name }
        break
      end
    end
  end
  return out, services
end

local same_state = { running = "running", paused = "paused", exited = "stopped", restarting = "restarting", dead = "dead", removing = "removing" }

local function stack_state(res, server)
  if server == "" or status.state(server) ~= "Ok" then return "unknown" end
  local ignored, count, wanted, state = {}, 0, 0, nil
  for _, name in ipairs(res.config.ignore_services) do ignored[name] = true end
  local found, services = stack_containers(res, server)
  for _, service in ipairs(services) do wanted = wanted + (ignored[service.service_name] and 0 or 1) end
  for _, c in ipairs(found) do
    if not ignored[c.service] then
      count = count + 1
      state = (state == nil or state == c.container.state) and c.container.state or "mixed"
    end
  end
  if count == 0 then return "down" end
  return count >= wanted and same_state[state] or "unhealthy"
end

local states = {
  Server = function(target) return status.state(target.id) or "NotOk" end,
  Deployment = function(target) return (deployment.cached(target.res)) end,
  Stack = function(target) return stack_state(target.res, target.server) end,
}

local containers = {
  Server = function(target) return status.text(target.id, "docker.containers") end,
  Deployment = function(target)
    local _, container = deployment.cached(target.res)
    return container and json.encode(json.array({ container }))
  end,
  Stack = function(target)
    if target.server == "" or status.state(target.server) ~= "Ok" then return nil end
    local out = json.array({})
    for i, c in ipairs(stack_containers(target.res, target.server)) do out[i] = c.container end
    return json.encode(out)
  end,
}

--- `stats` or `containers` of a target as JSON text; nil when nothing is known.
---@param part string
function view.part(target, part)
  if part == "containers" then return containers[target.kind](target) end
  return target.server ~= "" and status.text(target.server, "system_stats") or nil
end

--- What was made for one poll: each list of texts once, whoever asks for it.
---@return table
function view.poll() return { literals = {}, lists = {}, gates = {} } end

-- A text as a JSON string, made once.
local function literal(poll, target, part)
  local key = (part == "stats" and target.server or target.at) .. part
  local made = poll.literals[key]
  if not made then
    made = json.encode(view.part(target, part) or "null")
    poll.literals[key] = made
  end
  return made
end

local makers = {
  targets = function(_, target) return target.head end,
  states = function(_, target) return json.encode(states[target.kind](target)) end,
  stats = function(poll, target) return literal(poll, target, "stats") end,
  containers = function(poll, target) return literal(poll, target, "containers") end,
}

-- `"name":[ … ]` of a part of a list. Others want the loop too, and the same list.
local function list_text(poll, list, from, to, name)
  local key = ("%p/%d/%s"):format(list, from, name)
  while poll.gates[key] do poll.gates[key]:wait() end
  if poll.lists[key] then return poll.lists[key].text end
  local gate, out, make = engine.gate(), {}, makers[name]
  poll.gates[key] = gate
  local guard <close> = setmetatable({}, { __close = function()
    poll.gates[key] = nil
    gate:open()
  end })
  for i = from, to do
    out[#out + 1] = make(poll, list[i])
    if #out % 100 == 0 then engine.sleep(0) end
  end
  local text = ('"%s":[%s]'):format(name, table.concat(out, ","))
  poll.lists[key] = { text = text, list = list }   -- the list stays, so that its address does
  return text
end

--- The targets list[from..to] as komodo/_core/rule.lua takes them, with the parts that `wants` names.
---@async
---@param poll table Of view.poll.
---@param wants { targets: boolean, stats: boolean, containers: boolean }
---@return string json
function view.batch(poll, list, from, to, wants)
  local out = { ('{"first":%s,"from":%d'):format(from == 1, from), list_text(poll, list, from, to, "states") }
  for _, name in ipairs({ "targets", "stats", "containers" }) do
    if wants[name] then out[#out + 1] = list_text(poll, list, from, to, name) end
  end
  return table.concat(out, ",") .. "}"
end

--- Stored stats of a target's server of the last minutes, oldest first; of a long time only so many, at equal distances.
---@async
function view.history(target, minutes)
  if target.server == "" then return json.array({}) end
  local every, now = engine.timelength_ms(engine.conf("monitoring_interval")), engine.now()
  local span = math.min(minutes, HISTORY_MINUTES) * 60000
  local step = every * math.max(1, math.ceil(span / every / HISTORY_MAX))
  local times, last = json.array({}), now - now % step
  for i = 0, math.floor(span / step) do times[#times + 1] = last - i * step end
  local found, err = store.find("Stats", { sid = target.server, ts = { ["$in"] = times } }, { sort = "ts", limit = #times })
  if not found then error(err, 0) end
  return found
end

return view
