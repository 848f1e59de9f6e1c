--- The `info` of list items (spec api.md 17.13). Called when something changed since the item was last made; must not wait.
-- Each function returns the info, and the state its summary counts when that is not `info.state`.
local engine = require("engine")
local deployment = require("komodo.resource.deployment")
local images = require("komodo.images")
local repos = require("komodo.repos")
local runs = require("komodo.runs")
local schedules = require("komodo.schedules")
local state = require("komodo.state")

local json, store = engine.json, engine.store
local null = json.null
local items = {}

local function name_of(kind, id)
  if not id or id == "" then return "" end
  local row = store.row(kind, id)
  return row and row.name or ""
end

local function blank_to_null(s) return s ~= "" and s or null end

-- Where a repo is looked at in a browser.
local function repo_link(source)
  local link = ("%s://%s/%s"):format(source.git_https and "https" or "http", source.git_provider, source.repo)
  return source.git_provider == "github.com" and link .. "/tree/" .. source.branch or link
end

-- Git fields come from the linked repo when there is one.
local function git(config)
  local source = config
  local linked = config.linked_repo ~= "" and store.row("Repo", config.linked_repo)
  if linked then source = linked.config end
  return {
    linked_repo = config.linked_repo,
    linked_repo_name = linked and linked.name or "",
    git_provider = source.git_provider,
    repo = source.repo,
    branch = source.branch,
    repo_link = repo_link(source),
  }
end

local function merge(into, from)
  for key, value in pairs(from) do into[key] = value end
  return into
end

local function id_of(res) return res._id["$oid"] end

function items.Swarm(res)
  local err = #res.config.server_ids == 0 and { error = "No servers configured as manager nodes", trace = json.array({}) } or null
  return { server_ids = res.config.server_ids, state = "Unknown", err = err }
end

function items.Stack(res)
  local info, config = res.info, res.config
  return merge({
    state = "unknown",
    status = null,
    services = json.array({}),
    auto_update_all_services = config.auto_update_all_services,
    project_missing = false,
    missing_files = info.missing_files,
    files_on_host = config.files_on_host,
    file_contents = config.file_contents ~= "",
    server_id = config.server_id,
    server_name = name_of("Server", config.server_id),
    swarm_id = config.swarm_id,
    swarm_name = name_of("Swarm", config.swarm_id),
    deployed_hash = info.deployed_hash or null,
    latest_hash = info.latest_hash or null,
  }, git(config))
end

local function configured_image(image)
  if image.type == "Image" then return image.params.image, null end
  local build = store.row("Build", image.params.build_id)
  local version = images.version_text(image.params.version)
  return ("%s:%s"):format(build and build.name or "unknown", version == "0.0.0" and "latest" or version), image.params.build_id
end

function items.Deployment(res)
  local config = res.config
  local now, container = deployment.cached(res)
  local image, build_id = configured_image(config.image)
  if container then image = container.image ~= null and container.image or "Unknown" end
  local shown = state.is("Deployment", id_of(res), "deploying") and "deploying" or now
  local deployed = res.info.deployed_name
  return {
    state = shown,
    status = container and container.status or null,
    custom_name = deployed ~= "" and deployed or config.custom_name,
    image = image,
    update_available = false,
    swarm_id = config.swarm_id,
    swarm_name = name_of("Swarm", config.swarm_id),
    server_id = config.server_id,
    server_name = name_of("Server", config.server_id),
    build_id = build_id,
  }, now
end

function items.Build(res)
  local info, config = res.info, res.config
  local registry = config.image_registry[1]
  return merge({
    state = state.is("Build", id_of(res), "building") and "Building" or runs.state("Build", id_of(res)),
    last_built_at = info.last_built_at,
    version = config.version,
    builder_id = config.builder_id,
    files_on_host = config.files_on_host,
    dockerfile_contents = config.dockerfile ~= "",
    image_registry_domain = registry and blank_to_null(registry.domain) or null,
    built_hash = info.built_hash or null,
    latest_hash = info.latest_hash or null,
  }, git(config))
end

function items.Repo(res)
  local info, config, id = res.info, res.config, id_of(res)
  local hash = repos.commit(id)
  local shown = runs.state("Repo", id)
  for flag, name in pairs({ cloning = "Cloning", pulling = "Pulling", building = "Building" }) do
    if state.is("Repo", id, flag) then shown = name end
  end
  return {
    server_id = config.server_id,
    server_name = name_of("Server", config.server_id),
    builder_id = config.builder_id,
    last_pulled_at = info.last_pulled_at,
    last_built_at = info.last_built_at,
    git_provider = config.git_provider,
    repo = config.repo,
    branch = config.branch,
    repo_link = repo_link(config),
    state = shown,
    cloned_hash = hash and hash.hash or null,
    cloned_message = hash and hash.message or null,
    built_hash = info.built_hash or null,
    latest_hash = info.latest_hash or null,
  }
end

local function scheduled(kind, res)
  local id = id_of(res)
  local schedule = schedules.of(kind, id) or {}
  return {
    state = state.is(kind, id, "running") and "Running" or runs.state(kind, id),
    last_run_at = runs.last_at(kind, id) or null,
    next_scheduled_run = schedule.at or null,
    schedule_error = schedule.error or null,
  }
end

function items.Procedure(res)
  local info = scheduled("Procedure", res)
  info.stages = #res.config.stages
  return info
end

function items.Action(res) return scheduled("Action", res) end

function items.ResourceSync(res)
  local info, config = res.info, res.config
  local function some(list) return type(list) == "table" and #list > 0 end
  local pending = some(info.resource_updates) or some(info.variable_updates) or some(info.user_group_updates) or some(info.pending_deploys)
  local failed = type(info.pending_error) == "string" or some(info.remote_errors)
  local syncing = state.is("ResourceSync", id_of(res), "syncing")
  local shown = syncing and "Syncing" or (failed or type(info.pending_deploy_error) == "string") and "Failed" or pending and "Pending" or "Ok"
  return merge({
    state = shown,
    last_sync_ts = info.last_sync_ts,
    files_on_host = config.files_on_host,
    file_contents = config.file_contents ~= "",
    managed = config.managed,
    resource_path = config.resource_path,
    last_sync_hash = info.last_sync_hash or null,
    last_sync_message = info.last_sync_message or null,
  }, git(config)), pending and "Pending" or failed and "Failed" or syncing and "Syncing" or "Ok"
end

function items.Builder(res)
  local params = res.config.params
  local instance = null
  if res.config.type == "Server" then
    instance = table.concat(params.server_ids, ", ")
  elseif res.config.type == "Aws" then
    instance = params.instance_type
  end
  return { builder_type = res.config.type, instance_type = instance }
end

function items.Alerter(res) return { enabled = res.config.enabled, endpoint_type = res.config.endpoint.type } end

engine.items(items)

return items
