--- Live reads of servers and the docker objects on them (spec api.md 17.3, 17.5).
local deployment = require("komodo.resource.deployment")
local engine = require("engine")
local fail = require("komodo.fail")
local log = require("komodo.read.log")
local paging = require("komodo.paging")
local resource = require("komodo.resource")

local json, store, status = engine.json, engine.store, engine.status

local PROCESSES_KEPT_MS = 15000
local processes = {}   -- server id -> { at, list }

engine.handle("read/ListSystemProcesses", function(params, ctx)
  local id = resource.id(resource.require(ctx, "Server", params.server, "Read", { "Processes" }))
  local known = processes[id]
  if known and engine.now() - known.at < PROCESSES_KEPT_MS then return known.list end
  local list = fail.unless(nil, engine.hub.request(id, "GetSystemProcesses", {}))
  processes[id] = { at = engine.now(), list = list }
  return list
end)

engine.handle("read/GetHistoricalServerStats", function(params, ctx)
  local id = resource.id(resource.require(ctx, "Server", params.server))
  local step, now = engine.timelength_ms(params.granularity), engine.now()
  local first = now - now % step - step * params.page * 200
  local times = json.array({})
  for i = 0, 199 do times[#times + 1] = first - i * step end
  local found = fail.unless(nil, store.find("Stats", { sid = id, ts = { ["$in"] = times } }, { sort = "ts", desc = true, limit = 200 }))
  return { stats = found, next_page = #found == 200 and params.page + 1 or json.null }
end)

-- { request, field, specific, agent request, field of the agent request, what is said when the server is not Ok }
local inspections = {
  { "InspectContainer", "container", { "Inspect" }, "InspectContainer", "Cannot inspect container" },
  { "InspectNetwork", "network", nil, "InspectNetwork", "Cannot inspect network" },
  { "InspectImage", "image", nil, "InspectImage", "Cannot inspect image" },
  { "ListImageHistory", "image", nil, "ImageHistory", "Cannot get image history" },
  { "InspectVolume", "volume", nil, "InspectVolume", "Cannot inspect volume" },
}
for _, row in ipairs(inspections) do
  local name, field, specific, request, message = table.unpack(row, 1, 5)
  engine.handle("read/" .. name, function(params, ctx)
    local id = resource.id(resource.require(ctx, "Server", params.server, "Read", specific))
    local state = status.state(id) or "NotOk"
    if state ~= "Ok" then fail.raise("remote", "%s: server is %s", message, state) end
    return fail.unless(message, engine.hub.request(id, request, { name = params[field] }))
  end)
end

engine.handle("read/GetContainerLog", function(params, ctx)
  local res = resource.require(ctx, "Server", params.server, "Read", { "Logs" })
  return log.tail(resource.id(res), params.container, params)
end)

engine.handle("read/SearchContainerLog", function(params, ctx)
  local res = resource.require(ctx, "Server", params.server, "Read", { "Logs" })
  return log.search(resource.id(res), params.container, params)
end)

engine.handle("read/GetResourceMatchingContainer", function(params, ctx)
  local id = resource.id(resource.require(ctx, "Server", params.server))
  local function answer(kind, res) return { resource = { type = kind, id = resource.id(res) } } end
  for _, res in ipairs(store.list("Deployment")) do
    if res.info.deployed_name == params.container or res.config.custom_name == params.container then return answer("Deployment", res) end
  end
  local named = store.resolve("Deployment", params.container)
  if named and deployment.deployed_name(named) == params.container then return answer("Deployment", named) end
  for _, stack in ipairs(engine.model.select(ctx.user, "Stack", { specific = { server_ids = json.array({ id }) } }, "Read")) do
    local deployed = stack.info.deployed_services
    for _, service in ipairs(type(deployed) == "table" and deployed or stack.info.latest_services) do
      local name = service.container_name
      if params.container:sub(1, #name) == name and params.container:sub(#name + 1):find("^%-?%d*$") then
        return answer("Stack", stack)
      end
    end
  end
  return { resource = json.null }
end)

--- Cached containers of every server the caller can read.
local function all_containers(ctx, query)
  local out = json.array({})
  for _, server in ipairs(engine.model.select(ctx.user, "Server", query, "Read")) do
    for _, container in ipairs(status.part(resource.id(server), "docker.containers") or {}) do out[#out + 1] = container end
  end
  return out
end

engine.handle("read/GetContainersSummary", function(_, ctx)
  local bucket = { created = "stopped", paused = "stopped", exited = "stopped", running = "running", [""] = "unknown" }
  local out = { total = 0, running = 0, stopped = 0, unhealthy = 0, unknown = 0 }
  for _, container in ipairs(all_containers(ctx, {})) do
    local name = bucket[container.state] or "unhealthy"
    out.total, out[name] = out.total + 1, out[name] + 1
  end
  return out
end)

-- First entry of a list field, for sorting.
local function first(list, key)
  local v = type(list) == "table" and list[1]
  if v and key then v = v[key] end
  return v or ""
end
local state_order = {}
for i, s in ipairs({ "running", "created", "restarting", "stopping", "removing", "paused", "exited", "dead", "" }) do state_order[s] = i end
local sort_keys = {
  Name = function(c) return c.name end,
  Server = function(c) return c.server_name or "" end,
  State = function(c) return ("%02d"):format(state_order[c.state] or 99) end,
  Image = function(c) return c.image or "" end,
  Networks = function(c) return first(c.networks) end,
  Ports = function(c) return ("%06d"):format(first(c.ports, "PrivatePort") ~= "" and first(c.ports, "PrivatePort") or 0) end,
  Volumes = function(c) return first(c.volumes) end,
}

engine.handle("read/ListAllContainers", function(params, ctx)
  local found = all_containers(ctx, { names = params.servers, tags = params.tags })
  local kept = {}
  for _, c in ipairs(found) do
    local pass = #params.state == 0
    for _, wanted in ipairs(params.state) do pass = pass or c.state == wanted end
    if pass then kept[#kept + 1] = c end
  end
  kept = paging.sort(paging.named(kept, params.terms), sort_keys[params.sort_by] or sort_keys.Name, params.sort_desc)
  return json.array(paging.page(kept, params.page, params.limit or engine.conf("default_pagination_limit")))
end)
