--- What a Stack, Build or ResourceSync says of its source, kept in its info (spec resources.md 9.2, 12.6, sync.md 9).
-- Sources in git come with repos; files on a host are asked for here, so that a missing host or file shows at once.
local engine = require("engine")
local fail = require("komodo.fail")
local markup = require("komodo.markup")
local names = require("komodo.names")
local resource = require("komodo.resource")

local json, store = engine.json, engine.store
local null = json.null
local refresh = {}

local function error_text(e) return markup.error(fail.from(e)) end

-- Services of a compose file's text, in the order of their names; nil when it does not parse.
local function services_of(text, project, previous)
  local ok, compose = pcall(engine.parse.yaml, text)
  local found = ok and type(compose) == "table" and compose.services
  if type(found) ~= "table" or found == null then return nil end
  local digests, list, out = {}, {}, json.array({})
  for _, service in ipairs(previous) do digests[service.service_name] = service.image_digest end
  for name in pairs(found) do list[#list + 1] = name end
  table.sort(list)
  for _, name in ipairs(list) do
    local s = type(found[name]) == "table" and found[name] or {}
    out[#out + 1] = {
      service_name = name,
      container_name = type(s.container_name) == "string" and s.container_name or project .. "-" .. name,
      image = type(s.image) == "string" and s.image or "",
      image_digest = digests[name],
    }
  end
  return out
end

local function project_name(res)
  local name = names.trim(res.config.project_name)
  return names.normalise("docker", name ~= "" and name or res.name)
end

-- The agent of the stack's server reads them.
local function stack_on_host(res)
  local info = { remote_contents = json.array({}), remote_errors = json.array({}), latest_hash = null, latest_message = null }
  local function failed(e) info.remote_errors[1] = { path = res.config.run_directory, contents = error_text(e) } end
  if res.config.server_id == "" then
    failed(fail.new("invalid", "Resource has neither swarm nor server attached."))
    return info
  end
  local files = json.array({})
  for _, path in ipairs(#res.config.file_paths > 0 and res.config.file_paths or { "compose.yaml" }) do
    files[#files + 1] = { path = path, requires = "Redeploy" }
  end
  local answer, err = engine.hub.request(res.config.server_id, "GetComposeContentsOnHost",
    { name = res.name, run_directory = res.config.run_directory, file_paths = files })
  if not answer then
    failed(err)
    return info
  end
  info.remote_contents, info.remote_errors = answer.contents, answer.errors
  return info
end

--- Sets the fields of `info` that come from the source; nothing when no source is configured.
---@async
function refresh.stack(res)
  local config = res.config
  if config.files_on_host then
    resource.set_info("Stack", resource.id(res), stack_on_host(res))
  elseif config.file_contents ~= "" and config.repo == "" and config.linked_repo == "" then
    local services = services_of(config.file_contents, project_name(res), res.info.latest_services)
    resource.set_info("Stack", resource.id(res), {
      remote_contents = null, remote_errors = null, latest_hash = null, latest_message = null, latest_services = services,
    })
  end
end

---@async
function refresh.build(res)
  local config = res.config
  local info = { remote_path = null, remote_contents = null, remote_error = null, latest_hash = null, latest_message = null }
  if config.files_on_host then
    local builder = config.builder_id ~= "" and store.row("Builder", config.builder_id)
    local server = builder and builder.config.type == "Server" and builder.config.params.server_ids[1]
    local answer, err
    if not builder then
      err = fail.new("invalid", "No builder associated with build")
    elseif not server then
      err = fail.new("invalid", builder.config.type == "Aws" and "Files on host doesn't work with AWS builder"
        or "The builder has no server")
    else
      answer, err = engine.hub.request(server, "GetDockerfileContentsOnHost",
        { name = res.name, build_path = config.build_path, dockerfile_path = config.dockerfile_path })
    end
    if answer then
      info.remote_path, info.remote_contents = answer.path, answer.contents
    else
      info.remote_error = error_text(err)
    end
  elseif config.repo ~= "" or config.linked_repo ~= "" then
    return
  end
  resource.set_info("Build", resource.id(res), info)
end

-- One resource file of a sync, below the folder of the sync.
local function read_resource_file(folder, path, errors)
  local text, err = engine.fs.read(folder, path)
  if text then return text end
  if err.code == "not_found" then
    err = fail.new("not_found", ('Path "%s/%s" does not exist.'):format(folder, path), { "Initialize the file to proceed." })
  end
  errors[#errors + 1] = { resource_path = "", path = path, contents = error_text(err) }
end

---@async
function refresh.sync(res)
  local config = res.config
  if not config.files_on_host then return end
  local errors = json.array({})
  local folder = ("%s/%s"):format(engine.conf_path("sync_directory"), names.normalise("path", res.name))
  for _, path in ipairs(config.resource_path) do read_resource_file(folder, path, errors) end
  local message = #errors > 0 and "Remote resources have errors. Cannot compute diffs."
    or "This engine does not compute the pending changes of syncs"
  resource.set_info("ResourceSync", resource.id(res), {
    remote_contents = json.array({}), remote_errors = errors, pending_hash = null, pending_message = null,
    pending_error = error_text(fail.new("invalid", message)),
  })
end

-- After create and update; a failure is a log of the record, not of the request.
for kind, row in pairs({
  Stack = { refresh.stack, "Refresh stack cache" },
  Build = { refresh.build, "Refresh build cache" },
  ResourceSync = { refresh.sync, "Refresh sync pending" },
}) do
  local run, stage = table.unpack(row)
  resource.hooks[kind].created = function(res, u)
    local ok, err = pcall(run, store.latest(kind, resource.id(res)))
    if not ok then
      local update = require("komodo.update")
      update.push(u, update.error_log(stage, err))
    end
  end
end

return refresh
