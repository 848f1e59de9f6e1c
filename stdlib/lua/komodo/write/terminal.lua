--- Opening and ending terminals (spec api.md 18.2), and what the routes of terminals ask for (13.3, 14).
local engine = require("engine")
local fail = require("komodo.fail")
local resource = require("komodo.resource")
local terminals = require("komodo.terminals")

local json = engine.json

local function given(value) return value ~= json.null and value or nil end

engine.handle("write/CreateTerminal", function(params, ctx)
  local place = terminals.place(ctx, params.target)
  local made = terminals.create(place, { name = given(params.name), command = given(params.command), mode = given(params.mode),
    recreate = params.recreate })
  made.target = place.target   -- a server does not know its id
  return made
end)

engine.handle("write/DeleteTerminal", function(params, ctx)
  terminals.delete(terminals.place(ctx, params.target, true), params.terminal)
  return json.object({})
end)

engine.handle("write/DeleteAllTerminals", function(params, ctx)
  local id = resource.id(resource.require(ctx, "Server", params.server, "Read", { "Terminal" }))
  fail.unless(nil, terminals.ask({ server = id }, "DeleteAllTerminals", {}))
  return json.object({})
end)

engine.handle("write/BatchDeleteAllTerminals", function(params, ctx)
  local work = {}
  for _, server in ipairs(engine.model.select(ctx.user, "Server", params.query, "Read")) do
    local id = resource.id(server)
    local may = pcall(resource.require, ctx, "Server", id, "Read", { "Terminal" })
    if may and server.config.enabled and engine.hub.is_connected(id) then
      work[#work + 1] = function() engine.hub.request(id, "DeleteAllTerminals", {}) end
    end
  end
  engine.all(work, { max = 16 })
  return json.object({})
end)

-- ---- the routes: what they stream, C does (engine/api/terminal.c) ----

--- A channel with the output of one command.
engine.handle("terminal/execute", function(params, ctx)
  local place = terminals.place(ctx, params.target)
  local ok, channel = pcall(function()
    local name = terminals.ensure(place, params.terminal, given(params.init))
    return terminals.channel(place, "ExecuteTerminal", { terminal = name, target = place.target, command = params.command })
  end)
  if not ok then
    local inner = fail.context("Failed to create execute terminal connection", channel)
    error(fail.context("Failed to execute command on Terminal", inner), 0)
  end
  return { server = place.server, channel = channel }
end)

--- A channel that shows a terminal.
engine.handle("terminal/connect", function(params, ctx)
  local place = terminals.place(ctx, params.target)
  local name = terminals.ensure(place, params.terminal, given(params.init))
  return { server = place.server, channel = terminals.channel(place, "ConnectTerminal", { terminal = name, target = place.target }) }
end)

--- The viewer of a terminal has gone.
engine.handle("terminal/disconnect", function(params)
  engine.hub.request(params.server, "DisconnectTerminal", { channel = params.channel })
end)
