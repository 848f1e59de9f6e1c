--- Terminals: where one is, who may have it, and what the agent is asked (spec api.md 13.3, 14, 17.4, 18.2; agent.md 16).
local deployment = require("komodo.resource.deployment")
local engine = require("engine")
local fail = require("komodo.fail")
local resource = require("komodo.resource")

local json, store, status = engine.json, engine.store, engine.status
local terminals = {}

---@class TerminalPlace
---@field server string Id of the server whose agent has it.
---@field target table TerminalTarget as the agent is told: ids, no names.
---@field container? string In which it runs; nil: on the host.
---@field name string Of the resource or container, as capabilities mean it.

local function need(value, field, words)
  if value == nil or value == json.null or value == "" then fail.raise("invalid", words or "Missing 'target.params.%s'", field) end
  return value
end

local function server_of(res, kind)
  if res.config.swarm_id ~= "" then fail.raise("unsupported", "This engine does not drive swarms: there are no terminals in them") end
  return need(res.config.server_id, "", kind .. " has no Server attached")
end

-- The container of a service that exists, as the last poll of its server knows it.
local function service_container(stack, server, service)
  local info = type(stack.info) == "table" and stack.info or {}
  local services = type(info.deployed_services) == "table" and info.deployed_services or info.latest_services or {}
  for _, known in ipairs(services) do
    if known.service_name == service then
      local stem = known.container_name
      for _, container in ipairs(status.part(server, "docker.containers") or {}) do
        if container.name:sub(1, #stem) == stem and container.name:sub(#stem + 1):find("^%-?%d*$") then return container.name end
      end
      fail.raise("not_found", "Service %s of Stack %s has no container", service, stack.name)
    end
  end
  fail.raise("not_found", "Stack %s has no service %s", stack.name, service)
end

local require_right = { "Read", { "Terminal" } }
local function require_resource(ctx, kind, id_or_name) return resource.require(ctx, kind, id_or_name, table.unpack(require_right)) end

-- By type of target: fun(ctx, params): TerminalPlace
local places = {}

function places.Server(ctx, params)
  local server = require_resource(ctx, "Server", need(params.server, "server"))
  local id = resource.id(server)
  return { server = id, name = server.name, target = { type = "Server", params = { server = id } } }
end

function places.Container(ctx, params)
  local id = resource.id(require_resource(ctx, "Server", need(params.server, "server")))
  local container = need(params.container, "container")
  return { server = id, name = container, container = container,
    target = { type = "Container", params = { server = id, container = container } } }
end

function places.Stack(ctx, params, partly)
  local stack = require_resource(ctx, "Stack", need(params.stack, "stack"))
  local server, service = server_of(stack, "Stack"), params.service
  if not partly or (service and service ~= json.null) then need(service, "service") end
  return { server = server, name = stack.name, container = not partly and service_container(stack, server, service) or nil,
    target = { type = "Stack", params = { stack = resource.id(stack), service = service or json.null } } }
end

function places.Deployment(ctx, params)
  local res = require_resource(ctx, "Deployment", need(params.deployment, "deployment"))
  return { server = server_of(res, "Deployment"), name = res.name, container = deployment.deployed_name(res),
    target = { type = "Deployment", params = { deployment = resource.id(res) } } }
end

--- Where the target is; raises when there is no such thing, or the caller lacks Read and Terminal on it.
---@param ctx { user: User }
---@param target table TerminalTarget
---@param partly? boolean The service of a stack may be missing, its container too: for lists and deletes.
---@return TerminalPlace
function terminals.place(ctx, target, partly) return places[target.type](ctx, target.params, partly) end

-- Agents have words for errors, no codes.
local codes = { ["^Terminal .+ already exists, but has command "] = "conflict", ["^No terminal for "] = "not_found" }

local function coded(err)
  for pattern, code in pairs(codes) do
    if err.code == "remote" and err.message:find(pattern) then return fail.new(code, err.message, err.trace) end
  end
  return err
end

--- The request of the agent at a place: its answer, or nil and the error.
---@async
---@param place TerminalPlace
function terminals.ask(place, request, params)
  local server = store.row("Server", place.server)
  if not server then fail.raise("not_found", "Did not find any Server matching %s", place.server) end
  if not server.config.enabled then fail.raise("closed", "server not enabled") end
  local answer, err = engine.hub.request(place.server, request, params)
  return answer, err and coded(err)
end

--- Opens one, or takes the one of that name (spec agent.md 16).
---@async
---@param place TerminalPlace
---@param init { name?: string, command?: string, mode?: string, recreate?: string }
---@return table terminal
function terminals.create(place, init)
  local params = { name = init.name or json.null, recreate = init.recreate or "Never" }
  local request = "CreateServerTerminal"
  if place.container then
    params.target, params.container = place.target, place.container
    request = init.mode == "attach" and "CreateContainerAttachTerminal" or "CreateContainerExecTerminal"
  end
  if request ~= "CreateContainerAttachTerminal" then params.command = init.command or json.null end
  return fail.unless(nil, terminals.ask(place, request, params))
end

local function given(value) return value ~= json.null and value or nil end

--- The name a request means that gives none (spec api.md 13.3), and the terminal opened first when it says how.
---@async
---@param place TerminalPlace
---@param name? string
---@param init? table InitTerminal
---@return string name
function terminals.ensure(place, name, init)
  name = given(name)
  if not name and init then name = given(init.command) or (place.container and (given(init.mode) or "exec")) end
  name = name or place.container or "term"
  if init then
    terminals.create(place, { name = name, command = given(init.command), mode = given(init.mode), recreate = init.recreate })
  end
  return name
end

--- Ends it; one that is not there is no error.
---@async
---@param place TerminalPlace
function terminals.delete(place, name)
  return fail.unless(nil, terminals.ask(place, "DeleteTerminal", { terminal = name, target = place.target }))
end

--- A server's terminals as its agent has them.
---@async
---@param place TerminalPlace Whose target is what is asked for.
function terminals.list(place)
  return fail.unless(nil, terminals.ask(place, "ListTerminals", { target = place.target }))
end

--- The channel that an agent answered with, checked.
---@async
---@return string uuid
function terminals.channel(place, request, params)
  local uuid = fail.unless(nil, terminals.ask(place, request, params))
  if type(uuid) ~= "string" then fail.raise("remote", "The agent answered %s with something that is no channel", request) end
  return uuid
end

return terminals
