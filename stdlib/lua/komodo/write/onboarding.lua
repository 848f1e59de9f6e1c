--- Onboarding keys: how new servers introduce themselves (spec agent.md 3.6, api.md 18.11).
local engine = require("engine")
local fail = require("komodo.fail")
local resource = require("komodo.resource")

local json, store = engine.json, engine.store

local function tag_names(wanted)
  local out = json.array({})
  for _, name in ipairs(wanted) do
    local tag = store.resolve("Tag", name)
    if tag then out[#out + 1] = tag.name end
  end
  return out
end

local function save(verb, key)
  local change = store.change()
  change[verb](change, "OnboardingKey", key.public_key, key)
  fail.unless("Failed to store the onboarding key", change:commit())
  return key
end

local function latest(public_key)
  local key = store.latest("OnboardingKey", public_key)
  if not key then fail.raise("not_found", "No onboarding key found with the given public key") end
  return key
end

engine.handle("read/ListOnboardingKeys", function()
  local list = store.list("OnboardingKey")
  local function rank(key) return key.expires == 0 and math.maxinteger or key.expires end
  table.sort(list, function(a, b)
    if rank(a) ~= rank(b) then return rank(a) > rank(b) end
    return a.name < b.name
  end)
  return list
end)

engine.handle("write/CreateOnboardingKey", function(params)
  local private = params.private_key or ""
  if private == "" then private = "O_" .. engine.crypto.alnum(28) .. "_O" end
  local key = {
    public_key = engine.hub.public_key_of(private),
    enabled = true,
    expires = params.expires,
    name = params.name,
    onboarded = json.array({}),
    created_at = engine.now(),
    tags = tag_names(params.tags),
    privileged = params.privileged,
    copy_server = params.copy_server,
    create_builder = params.create_builder,
  }
  if store.latest("OnboardingKey", key.public_key) then fail.raise("conflict", "An onboarding key with this public key already exists") end
  return { private_key = private, created = save("insert", key) }
end)

engine.handle("write/UpdateOnboardingKey", function(params)
  local key = latest(params.public_key)
  for _, field in ipairs({ "enabled", "name", "expires", "privileged", "copy_server", "create_builder" }) do
    if params[field] ~= nil then key[field] = params[field] end
  end
  if params.tags then key.tags = tag_names(params.tags) end
  return save("put", key)
end)

engine.handle("write/DeleteOnboardingKey", function(params)
  local key = latest(params.public_key)
  local change = store.change()
  change:delete("OnboardingKey", params.public_key)
  fail.unless(nil, change:commit())
  return key
end)

-- A new server, made from the key's template when it names one that exists.
local function create_server(key, name, agent_key)
  local ctx, config = resource.as("System"), json.object({})
  local template = key.copy_server ~= "" and store.resolve("Server", key.copy_server)
  if template then config = template.config end
  config.enabled, config.address = true, ""
  local server = resource.create(ctx, "Server", name, config, { public_key = agent_key })
  local id = resource.id(server)
  local tags = json.array({})
  for _, tag in ipairs(key.tags) do
    local found = store.resolve("Tag", tag)
    if found then tags[#tags + 1] = found._id["$oid"] end
  end
  local latest_server = store.latest("Server", id)
  latest_server.tags = tags
  resource.save("Server", latest_server)
  if key.create_builder then
    local ok, err = pcall(resource.create, ctx, "Builder", name, { type = "Server", params = { server_ids = json.array({ id }) } })
    if not ok then engine.log.warn(("onboarding of %s: no Builder created: %s"):format(name, fail.from(err).message)) end
  end
  return id
end

-- An existing server is made to expect this agent again.
local function fix_server(id, agent_key)
  local server = store.latest("Server", id)
  if not server then fail.raise("not_found", "The Server is gone") end
  server.info.public_key = agent_key
  server.config.enabled, server.config.address = true, ""
  resource.save("Server", server)
end

--- The agent link asks (engine/link/hub.h): create the server called `name`, or fix the one with `fix_id`.
engine.handle("hub/onboard", function(onboarding_key, name, fix_id, agent_key)
  local key = latest(onboarding_key)
  if fix_id ~= "" then return fix_server(fix_id, agent_key) end
  local id = create_server(key, name, agent_key)
  key = latest(onboarding_key)
  key.onboarded[#key.onboarded + 1] = id
  save("put", key)
end)

--- A refused agent key is remembered on its server, "" after a success (spec agent.md 3.5).
engine.handle("hub/attempted", function(id, key)
  local server = store.latest("Server", id)
  if server and type(server.info) == "table" and server.info.attempted_public_key ~= key then
    resource.set_info("Server", id, { attempted_public_key = key })
  end
end)

