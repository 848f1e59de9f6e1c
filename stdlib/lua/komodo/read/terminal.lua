--- ListTerminals (spec api.md 17.4).
local engine = require("engine")
local paging = require("komodo.paging")
local resource = require("komodo.resource")
local terminals = require("komodo.terminals")

local json, store = engine.json, engine.store

-- id -> resource, of those where the caller has Read and Terminal.
local function allowed(ctx, kind)
  local out = {}
  for _, res in ipairs(engine.model.select(ctx.user, kind, nil, "Read")) do
    local perm = engine.model.perm(ctx.user, kind, resource.id(res))
    for _, specific in ipairs(type(perm) == "table" and perm.specific or {}) do
      if specific == "Terminal" then out[resource.id(res)] = res end
    end
  end
  return out
end

local fields = { Server = "server", Container = "server", Stack = "stack", Deployment = "deployment" }

-- The item as it is shown, or nil when the caller may not see it.
local function shown(item, server, may, use_names)
  local kind = item.target.type
  local params = item.target.params
  local own = kind == "Stack" and may.Stack or kind == "Deployment" and may.Deployment or may.Server
  local named = (own == may.Server) and server or store.resolve(kind, params[fields[kind]] or "")
  if not named or not own[resource.id(named)] then return end
  params[fields[kind]] = use_names and named.name or resource.id(named)
  item.target_name = named.name
  return item
end

local order = { Server = 1, Container = 2, Stack = 3, Deployment = 4 }
local function text_of(v) return type(v) == "string" and v or "" end
local keys = {
  Name = function(t) return t.name end,
  Target = function(t)
    local p = t.target.params
    return order[t.target.type] .. text_of(p.server or p.stack or p.deployment) .. "\0" .. text_of(p.container or p.service)
  end,
  Command = function(t) return t.command end,
  Size = function(t) return t.stored_size_kb end,
  Created = function(t) return t.created_at end,
}

local function page_of(list, params)
  local kept = paging.sort(paging.named(list, params.terms), keys[params.sort_by] or keys.Name, params.sort_desc)
  return json.array(paging.page(kept, params.page, params.limit or engine.conf("default_pagination_limit")))
end

-- Of all servers that answer and have something for the caller.
local function everywhere(ctx, use_names)
  local may = { Server = allowed(ctx, "Server"), Stack = allowed(ctx, "Stack"), Deployment = allowed(ctx, "Deployment") }
  local servers, work, out = {}, {}, {}
  for id in pairs(may.Server) do servers[id] = true end
  for _, kind in ipairs({ "Stack", "Deployment" }) do
    for _, res in pairs(may[kind]) do servers[res.config.server_id] = true end
  end
  for id in pairs(servers) do
    local server = store.row("Server", id)
    if server and server.config.enabled and engine.hub.is_connected(id) then
      work[#work + 1] = function()
        for _, item in ipairs(engine.hub.request(id, "ListTerminals", { target = json.null }) or {}) do
          out[#out + 1] = shown(item, server, may, use_names)
        end
      end
    end
  end
  engine.all(work, { max = 16 })
  return out
end

engine.handle("read/ListTerminals", function(params, ctx)
  local target = params.target
  if not target or target == json.null then return page_of(everywhere(ctx, params.use_names), params) end
  return page_of(terminals.list(terminals.place(ctx, target, true)), params)
end)
