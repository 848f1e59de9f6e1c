--- The servers, stacks and so on of a test, and what requests do with them.

local json = require("komodo.testing.json")
local schema = require("komodo.schema")

local M = {}
M.__index = M

M.kinds = { servers = "Server", swarms = "Swarm", stacks = "Stack", deployments = "Deployment", builds = "Build", repos = "Repo",
  procedures = "Procedure", actions = "Action", builders = "Builder", alerters = "Alerter", resource_syncs = "ResourceSync" }

local default_state = { Server = "Ok", Stack = "running", Deployment = "running", Build = "Ok", Repo = "Ok", Procedure = "Ok",
  Action = "Ok", ResourceSync = "Ok", Swarm = "Ok" }

-- Values with a metatable of their own (null, secrets) stay the same ones.
local function copy(value)
  local meta = getmetatable(value)
  if type(value) ~= "table" or meta and meta ~= "array" then return value end
  local made = {}
  for key, inner in pairs(value) do made[key] = copy(inner) end
  if json.is_array(value) then json.array(made) end
  return made
end
M.copy = copy

local function fail(code, status, fmt, ...)
  error({ code = code, status = status, message = fmt:format(...), trace = {} }, 0)
end

-- ---- the fleet ----

local function config_of(kind, given)
  local declared, config = schema.types[kind .. "Config"], {}
  for _, field in ipairs(declared and declared.fields or {}) do
    if field.default ~= nil then
      config[field.name] = copy(field.default)
    elseif field.optional and not field.skip_empty then
      config[field.name] = json.null
    end
  end
  for key, value in pairs(given or {}) do config[key] = copy(value) end
  return config
end

function M:add(kind, given)
  if type(given) == "string" then given = { name = given } end
  if type(given.name) ~= "string" then error(kind .. ": needs a name", 3) end
  local made = copy(given)
  self.last_id = self.last_id + 1
  made.id = given.id or ("%s-%d"):format(kind:lower(), self.last_id)
  made.kind, made.state = kind, given.state or default_state[kind]
  made.config, made.tags, made.info = config_of(kind, given.config), given.tags or {}, given.info or {}
  for _, tag in ipairs(made.tags) do self:tag(tag) end
  table.insert(self.resources[kind], made)
  return made
end

function M:tag(name)
  for _, tag in ipairs(self.tags) do
    if tag.name == name then return tag end
  end
  local tag = { _id = { ["$oid"] = "tag-" .. name }, name = name, owner = "", color = "Slate", unused = false }
  table.insert(self.tags, tag)
  return tag
end

--- `spec` names lists by plural (servers, stacks, …), and variables, secrets, alerts, updates.
function M.new(spec, now)
  local self = setmetatable({ resources = {}, tags = json.array(), variables = json.array(), last_id = 0, now = now,
    alerts = copy(spec.alerts or {}), updates = copy(spec.updates or {}), secrets = spec.secrets or {} }, M)
  for _, kind in pairs(M.kinds) do self.resources[kind] = {} end
  local plurals = {}
  for plural in pairs(M.kinds) do plurals[#plurals + 1] = plural end
  table.sort(plurals)
  for _, plural in ipairs(plurals) do
    for _, given in ipairs(spec[plural] or {}) do self:add(M.kinds[plural], given) end
  end
  for name, value in pairs(spec.variables or {}) do
    table.insert(self.variables, { name = name, value = value, description = "", is_secret = false })
  end
  table.sort(self.variables, function(a, b) return a.name < b.name end)
  return self
end

function M:find(kind, name)
  for i, resource in ipairs(self.resources[kind] or {}) do
    if resource.name == name or resource.id == name then return resource, i end
  end
end

function M:require(kind, name)
  local found, i = self:find(kind, name)
  if not found then fail("not_found", 404, "Did not find any %s matching '%s'", kind, tostring(name)) end
  return found, i
end

-- ---- documents ----

local function tag_ids(resource)
  local ids = json.array()
  for i, name in ipairs(resource.tags) do ids[i] = "tag-" .. name end
  return ids
end

local function document(resource)
  return { _id = { ["$oid"] = resource.id }, name = resource.name, description = resource.description or "",
    template = resource.template or false, tags = tag_ids(resource), info = copy(resource.info), config = copy(resource.config),
    base_permission = "None", updated_at = 0 }
end

local empty = { string = "", bool = false, int = 0, uint = 0, number = 0 }

-- What the engine's list items hold when there is nothing to say: "", 0, false, an empty list, null.
local function fill(info, kind)
  local declared = schema.types[kind .. "ListItemInfo"]
  for _, field in ipairs(declared and declared.fields or {}) do
    if info[field.name] == nil then
      local is_list = type(field.type) == "table" and field.type[1] == "list"
      info[field.name] = field.optional and json.null or is_list and json.array() or empty[field.type]
    end
  end
  return info
end

function M:list_item(resource)
  local info = copy(resource.info)
  info.state = resource.state
  local server = resource.config.server_id and self:find("Server", resource.config.server_id)
  if server then info.server_id, info.server_name = server.id, server.name end
  if resource.kind == "Server" then
    info.region, info.address, info.version = resource.config.region, resource.config.address, info.version or "2.3.2"
  elseif resource.kind == "Build" then
    info.version = copy(resource.config.version)
  elseif resource.kind == "Deployment" and not info.image then
    local image = resource.config.image
    info.image = type(image) == "table" and image.type == "Image" and image.params and image.params.image or ""
  end
  return { id = resource.id, type = resource.kind, name = resource.name, template = resource.template or false,
    tags = tag_ids(resource), info = fill(info, resource.kind) }
end

local function has(list, value)
  for _, item in ipairs(list) do
    if item == value then return true end
  end
  return false
end

local function matches(self, resource, query)
  if query.names and #query.names > 0 and not has(query.names, resource.name) and not has(query.names, resource.id) then return false end
  local hit = 0
  for _, tag in ipairs(query.tags or {}) do
    if has(resource.tags, tag) or has(resource.tags, (tag:gsub("^tag%-", ""))) then hit = hit + 1 end
  end
  local wanted = #(query.tags or {})
  if wanted > 0 and (query.tag_behavior == "Any" and hit == 0 or query.tag_behavior ~= "Any" and hit < wanted) then return false end
  for _, term in ipairs(query.terms or {}) do
    if not resource.name:lower():find(term:lower(), 1, true) then return false end
  end
  local specific = query.specific or {}
  if specific.states and #specific.states > 0 and not has(specific.states, resource.state) then return false end
  if specific.server_ids and #specific.server_ids > 0 then
    local server = self:find("Server", resource.config.server_id)
    return server ~= nil and (has(specific.server_ids, server.id) or has(specific.server_ids, server.name))
  end
  return true
end

function M:select(kind, query)
  local list = {}
  for _, resource in ipairs(self.resources[kind]) do
    if matches(self, resource, query or {}) then list[#list + 1] = resource end
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

-- ---- reads ----

local read = {}
M.read = read

local function list_of(list, shape)
  local made = json.array()
  for i, item in ipairs(list) do made[i] = shape(item) end
  return made
end

for _, kind in pairs(M.kinds) do
  local param = kind == "ResourceSync" and "sync" or kind:lower()
  read["List" .. kind .. "s"] = function(self, params)
    return list_of(self:select(kind, params.query), function(r) return self:list_item(r) end)
  end
  read["ListFull" .. kind .. "s"] = function(self, params) return list_of(self:select(kind, params.query), document) end
  read["Get" .. kind] = function(self, params) return document(self:require(kind, params[param])) end
  read["Get" .. kind .. "sSummary"] = function(self) return { total = #self.resources[kind] } end
end

-- What the table of a server holds under these names is what the request answers.
for name, key in pairs({ ListContainers = "containers", ListImages = "images", ListVolumes = "volumes", ListNetworks = "networks",
  ListSystemProcesses = "processes", GetSystemStats = "stats", GetSystemInformation = "information" }) do
  read[name] = function(self, params)
    local server = self:require("Server", params.server)
    if server.state ~= "Ok" then fail("unavailable", 503, "Server %s is not reachable", server.name) end
    local value = server[key]
    if name:find("^List") then
      return list_of(value or {}, function(item)
        item = copy(item)
        if key == "containers" then item.server_id, item.server_name = server.id, server.name end
        return item
      end)
    end
    return value and copy(value) or fail("not_found", 404, "The test's server %s has no %s", server.name, key)
  end
end

function read.ListAllContainers(self, params)
  local list = json.array()
  for _, server in ipairs(self.resources.Server) do
    local wanted = #(params.servers or {}) == 0 or has(params.servers, server.name) or has(params.servers, server.id)
    for _, item in ipairs(wanted and server.state == "Ok" and server.containers or {}) do
      if #(params.state or {}) == 0 or has(params.state, item.state) then
        item = copy(item)
        item.server_id, item.server_name = server.id, server.name
        list[#list + 1] = item
      end
    end
  end
  return list
end

function read.GetServerState(self, params) return { status = self:require("Server", params.server).state } end

function read.InspectContainer(self, params)
  local server = self:require("Server", params.server)
  for _, item in ipairs(server.containers or {}) do
    if item.name == params.container or item.id == params.container then return copy(item.inspect or { Name = item.name }) end
  end
  fail("not_found", 404, "No container '%s' on %s", params.container, server.name)
end

function read.GetHistoricalServerStats(self, params)
  local server = self:require("Server", params.server)
  return { stats = json.array(copy(server.history or {})), next_page = json.null }
end

function read.ListStackServices(self, params)
  local stack = self:require("Stack", params.stack)
  return list_of(stack.services or {}, copy)
end

function read.GetDeploymentContainer(self, params)
  local deployment = self:require("Deployment", params.deployment)
  return { state = deployment.state, container = deployment.container and copy(deployment.container) or json.null }
end

function read.ListTags(self) return copy(self.tags) end
function read.ListVariables(self) return copy(self.variables) end
function read.GetVersion() return { version = "2.3.2" } end
function read.ListAlerts(self) return { alerts = json.array(copy(self.alerts)), next_page = json.null } end
function read.ListUpdates(self) return { updates = json.array(copy(self.updates)), next_page = json.null } end

local function variable(self, name)
  for i, item in ipairs(self.variables) do
    if item.name == name then return item, i end
  end
  fail("not_found", 404, "No variable found with name '%s'", name)
end

function read.GetVariable(self, params) return copy((variable(self, params.name))) end

-- ---- writes ----

local write = {}
M.write = write

for _, kind in pairs(M.kinds) do
  write["Create" .. kind] = function(self, params)
    if self:find(kind, params.name) then fail("conflict", 409, "%s '%s' exists", kind, params.name) end
    return document(self:add(kind, { name = params.name, config = params.config, state = kind == "Stack" and "down" or
      kind == "Deployment" and "not_deployed" or nil }))
  end
  write["Copy" .. kind] = function(self, params)
    local from = self:require(kind, params.id)
    return document(self:add(kind, { name = params.name, config = from.config, tags = from.tags }))
  end
  write["Update" .. kind] = function(self, params)
    local resource = self:require(kind, params.id)
    for key, value in pairs(params.config) do resource.config[key] = copy(value) end
    return document(resource)
  end
  write["Rename" .. kind] = function(self, params) self:require(kind, params.id).name = params.name end
  write["Delete" .. kind] = function(self, params)
    local resource, i = self:require(kind, params.id)
    table.remove(self.resources[kind], i)
    return document(resource)
  end
end

function write.UpdateResourceMeta(self, params)
  local resource = self:require(params.target.type, params.target.id)
  if params.tags then
    resource.tags = {}
    for i, tag in ipairs(params.tags) do
      resource.tags[i] = tag:gsub("^tag%-", "")
      self:tag(resource.tags[i])
    end
  end
  resource.description = params.description or resource.description
  if params.template ~= nil then resource.template = params.template end
  return {}
end

function write.CreateVariable(self, params)
  local made = { name = params.name, value = params.value or "", description = params.description or "", is_secret = params.is_secret or false }
  table.insert(self.variables, made)
  return copy(made)
end

function write.UpdateVariableValue(self, params)
  local item = variable(self, params.name)
  item.value = params.value
  return copy(item)
end

function write.DeleteVariable(self, params)
  local item, i = variable(self, params.name)
  table.remove(self.variables, i)
  return item
end

function write.CreateTag(self, params) return copy(self:tag(params.name)) end

function write.CloseAlert(self, params)
  for _, alert in ipairs(self.alerts) do
    if alert._id and alert._id["$oid"] == params.id then alert.resolved = true end
  end
  return {}
end

-- ---- executions ----

-- State afterwards, by the beginning of the name.
local after = {
  Stack = { Deploy = "running", Start = "running", Restart = "running", Unpause = "running", Stop = "stopped", Pause = "paused",
    Destroy = "down" },
  Deployment = { Deploy = "running", Start = "running", Restart = "running", Unpause = "running", Stop = "exited", Pause = "paused",
    Destroy = "not_deployed" },
  Container = { Start = "running", Restart = "running", Unpause = "running", Stop = "exited", Pause = "paused" },
}

local function drop(list, keep)
  for i = #(list or {}), 1, -1 do
    if not keep(list[i]) then table.remove(list, i) end
  end
end

local execute = {}

function execute.PruneImages(server) drop(server.images, function(image) return image.in_use end) end
function execute.PruneVolumes(server) drop(server.volumes, function(volume) return volume.in_use end) end
function execute.PruneNetworks(server) drop(server.networks, function(network) return network.in_use end) end
function execute.PruneContainers(server) drop(server.containers, function(container) return container.state == "running" end) end
for name, key in pairs({ DeleteImage = "images", DeleteVolume = "volumes", DeleteNetwork = "networks" }) do
  execute[name] = function(server, params)
    drop(server[key], function(item) return item.name ~= params.name and item.id ~= params.name end)
  end
end
function execute.DestroyContainer(server, params)
  drop(server.containers, function(item) return item.name ~= params.container and item.id ~= params.container end)
end
function execute.RunBuild(build)
  local version = build.config.version
  version.patch = version.patch + 1
end

--- Does to the fleet what a successful execution does; `target` may be nil.
function M.apply(name, target, params)
  if not target then return end
  if execute[name] then return execute[name](target, params) end
  local kind = name:find("Container$") and "Container" or target.kind
  local state = (after[kind] or {})[name:match("^%u%l+")]
  if not state then return end
  if kind ~= "Container" then
    target.state = state
    return
  end
  for _, item in ipairs(target.containers or {}) do
    if item.name == params.container or item.id == params.container then item.state = state end
  end
end

return M
