--- A deployment with the settings of a container that exists (spec resources.md 8.6).
local engine = require("engine")
local fail = require("komodo.fail")
local resource = require("komodo.resource")

local json = engine.json

-- A field of docker's answer that may be absent or null.
local function field(object, key)
  local value = type(object) == "table" and object[key]
  if value == nil or value == json.null then return nil end
  return value
end

local function block(lines) return #lines > 0 and "  " .. table.concat(lines, "\n  ") .. "\n" or "" end

-- The words as one line that a shell splits the same way again.
local function command_line(words)
  local out = {}
  for i, word in ipairs(words) do
    local plain = word:find("^[%w_@%%+=:,./-]+$")
    out[i] = plain and word or "'" .. word:gsub("'", "'\\''") .. "'"
  end
  return table.concat(out, " ")
end

local function sorted_keys(map)
  local keys = {}
  for key in pairs(map or {}) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

local function labels_of(map)
  local lines = {}
  for i, key in ipairs(sorted_keys(map)) do lines[i] = ("%s: %s"):format(key, map[key]) end
  return lines
end

local function ports_of(bindings)
  local lines = {}
  for _, container in ipairs(sorted_keys(bindings)) do
    local hosts = bindings[container] ~= json.null and bindings[container] or {}
    local port = #hosts > 0 and field(hosts[#hosts], "HostPort")
    if port and port ~= "" then lines[#lines + 1] = ("%s:%s"):format(port, (container:gsub("/tcp$", ""))) end
  end
  return lines
end

local function config_of(server_id, container)
  local config, host = field(container, "Config"), field(container, "HostConfig")
  local restart = field(field(host, "RestartPolicy"), "Name")
  return {
    server_id = server_id,
    image = { type = "Image", params = { image = field(config, "Image") or "" } },
    command = command_line(field(config, "Cmd") or {}),
    environment = block(field(config, "Env") or {}),
    labels = block(labels_of(field(config, "Labels"))),
    volumes = block(field(host, "Binds") or {}),
    ports = block(ports_of(field(host, "PortBindings"))),
    network = field(host, "NetworkMode") or "",
    restart = restart and restart ~= "" and restart or "no",
  }
end

engine.handle("write/CreateDeploymentFromContainer", function(params, ctx)
  local id = resource.id(resource.require(ctx, "Server", params.server, "Read", { "Inspect", "Attach" }))
  local state = engine.status.state(id) or "NotOk"
  if state ~= "Ok" then fail.raise("remote", "Cannot inspect container: server is %s", state) end
  local container = fail.unless("Failed to inspect container", engine.hub.request(id, "InspectContainer", { name = params.name }))
  return resource.create(ctx, "Deployment", params.name, config_of(id, container))
end)
