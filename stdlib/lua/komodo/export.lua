--- Resources, variables and user groups as entries of a resource file, in Komodo's own form (spec sync.md 3 and 14). Pure.
--
-- `lookup(kind, id)` gives the name of a resource ("Server", …), a tag ("Tag") or a user ("User") by its id, and gives a name back as
-- it is; nil when there is none. It is only asked for ids that are not empty.
--
-- Where Komodo writes text that does not parse again or loses something, this writes what does and does not (spec sync.md 17): a
-- backslash in a single-line string, a line break in a list, a quoting that ends a string too early, an execution without parameters,
-- a Swarm's alerts switched off.

local array_mt = require("komodo.schema.dsl").array_mt
local schema = require("komodo.schema")
local toml = require("komodo.toml")

local export = {}

--- Order of the sections of a file.
export.order = { "Server", "Swarm", "Stack", "Deployment", "Build", "Repo", "Procedure", "Action", "Alerter", "Builder", "ResourceSync",
  "Variable", "UserGroup" }

local section_names = { Server = "server", Swarm = "swarm", Stack = "stack", Deployment = "deployment", Build = "build", Repo = "repo",
  Procedure = "procedure", Action = "action", Alerter = "alerter", Builder = "builder", ResourceSync = "resource_sync" }

--- Order of resource types in the permissions of a user group.
local permission_order = { "Swarm", "Server", "Stack", "Deployment", "Build", "Repo", "Procedure", "Action", "Builder", "Alerter",
  "ResourceSync" }

-- ---- references: which fields hold ids, and the key their names are written under ----

local server, swarm = { key = "server", kind = "Server" }, { key = "swarm", kind = "Swarm" }
local servers = { key = "servers", kind = "Server" }
local builder, linked_repo = { key = "builder", kind = "Builder" }, { key = "linked_repo", kind = "Repo" }

local references = {
  SwarmConfig = { server_ids = servers },
  StackConfig = { swarm_id = swarm, server_id = server, linked_repo = linked_repo },
  DeploymentConfig = { swarm_id = swarm, server_id = server },
  DeploymentImageBuild = { build_id = { key = "build", kind = "Build" } },
  BuildConfig = { builder_id = builder, linked_repo = linked_repo },
  RepoConfig = { server_id = server, builder_id = builder },
  ServerBuilderConfig = { server_ids = servers },
  ResourceSyncConfig = { linked_repo = linked_repo },
  ActionConfig = { linked_repo = linked_repo },
}

--- Parameters of executions that name a resource.
local execution_references = {}
for name, kind in pairs({ procedure = "Procedure", action = "Action", build = "Build", deployment = "Deployment", repo = "Repo",
  server = "Server", sync = "ResourceSync", stack = "Stack", alerter = "Alerter", alerters = "Alerter", swarm = "Swarm" }) do
  execution_references[name] = { key = name, kind = kind }
end

--- Fields written in another order than they are declared in.
local first_fields = { DeploymentImageBuild = "version" }

-- ---- values ----

--- What JSON null is, differs: a light userdata in the engine, other marks elsewhere.
local function is_null(value)
  return value == nil or type(value) == "userdata" or (type(value) == "table" and (getmetatable(value) or {}).__name == "null")
end

local function name_of(kind, id, lookup)
  return id ~= "" and lookup(kind, id) or ""
end

local function names_of(kind, ids, lookup)
  local names = {}
  for _, id in ipairs(ids) do
    names[#names + 1] = id ~= "" and lookup(kind, id) or nil
  end
  return toml.array(names)
end

local function version_text(version)
  return type(version) == "string" and version or ("%d.%d.%d"):format(version.major, version.minor, version.patch)
end

local function is_list(value)
  local meta = getmetatable(value)
  return #value > 0 or (meta ~= nil and meta == array_mt) or (type(meta) == "table" and meta.__jsontype == "array")
end

--- A value without a declared type: tables in the order of their keys.
local function convert_any(value)
  if is_null(value) then
    return nil
  elseif type(value) ~= "table" then
    return value
  end
  local made = {}
  if is_list(value) then
    for _, item in ipairs(value) do
      made[#made + 1] = convert_any(item)
    end
    return toml.array(made)
  end
  for key in pairs(value) do
    made[#made + 1] = tostring(key)
  end
  table.sort(made)
  for i, key in ipairs(made) do
    made[i] = { key, convert_any(value[key]) }
  end
  return toml.table(made)
end

local convert

--- The declared fields that `value` has, in their order. `refs`: references by field.
local function convert_struct(declared, value, refs, lookup)
  local entries = {}
  local first = first_fields[declared.name]
  for _, field in ipairs(declared.fields) do
    local given = value[field.name]
    local ref = refs and refs[field.name]
    local entry
    if not is_null(given) then
      if ref then
        entry = { ref.key, type(given) == "table" and names_of(ref.kind, given, lookup) or name_of(ref.kind, given, lookup) }
      else
        entry = { field.name, convert(field.type, given, lookup) }
      end
    end
    if entry then
      table.insert(entries, field.name == first and 1 or #entries + 1, entry)
    end
  end
  return toml.table(entries)
end

local function variant_type(union, tag)
  for _, variant in ipairs(union.variants) do
    if variant[1] == tag then
      return variant[2]
    end
  end
end

local function struct_of(expression)
  if type(expression) == "table" and expression.kind == "struct" then
    return expression
  end
  local declared = type(expression) == "string" and schema.types[expression]
  return declared and declared.kind == "struct" and declared or nil
end

local function convert_union(union, value, lookup)
  local tag, content = value[union.tag], value[union.content]
  local entries = { { union.tag, tag } }
  local struct = struct_of(variant_type(union, tag))
  if union.name == "ResourceTarget" then
    entries[2] = { union.content, name_of(tag, content, lookup) }
  elseif is_null(content) then
    entries[2] = nil
  elseif struct then
    local refs = union.name == "Execution" and execution_references or references[struct.name]
    entries[2] = { union.content, convert_struct(struct, content, refs, lookup) }
  else
    entries[2] = { union.content, convert_any(content) }
  end
  return toml.table(entries)
end

--- The value as toml.fields takes it. `expression` is a type of komodo.schema.
function convert(expression, value, lookup)
  if is_null(value) then
    return nil
  elseif expression == "Version" then
    return version_text(value)
  elseif expression == "number" then
    return value + 0.0
  elseif type(expression) == "string" then
    local declared = schema.types[expression]
    if declared and declared.kind == "alias" then
      return convert(declared.type, value, lookup)
    elseif declared and declared.kind == "union" then
      return convert_union(declared, value, lookup)
    elseif expression == "ProviderAccount" then
      return toml.table({ { "username", value.username } })   -- tokens are never exported
    elseif declared and declared.kind == "struct" then
      return convert_struct(declared, value, references[expression], lookup)
    end
    return convert_any(value)
  elseif expression.kind == "struct" then
    return convert_struct(expression, value, references[expression.name], lookup)
  elseif expression[1] == "list" then
    local items = {}
    for _, item in ipairs(value) do
      if expression[2] ~= "ResourceTarget" or name_of(item.type, item.id, lookup) ~= "" then   -- a target that is gone
        items[#items + 1] = convert(expression[2], item, lookup)
      end
    end
    return toml.array(items)
  elseif expression[1] == "optional" then
    return convert(expression[2], value, lookup)
  end
  return convert_any(value)
end

-- ---- configs ----

--- Deep equality of JSON values; 1 and 1.0 are equal, an empty list and an empty table too.
local function equal(a, b)
  if is_null(a) or is_null(b) then
    return is_null(a) and is_null(b)
  elseif type(a) ~= "table" or type(b) ~= "table" then
    return a == b
  end
  for key, value in pairs(a) do
    if not equal(value, b[key]) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil and not is_null(b[key]) then
      return false
    end
  end
  return true
end

--- The default value of every field of a struct type that has one.
local function defaults_of(declared)
  local made = {}
  for _, field in ipairs(declared.fields) do
    made[field.name] = field.default
  end
  return made
end

--- The fields of `config` that differ from the default of their type.
local function differing(declared, config)
  local defaults, kept = defaults_of(declared), {}
  for _, field in ipairs(declared.fields) do
    local value = config[field.name]
    if not is_null(value) and not equal(value, defaults[field.name]) then
      kept[field.name] = value
    end
  end
  return kept
end

local function builder_config(config, lookup)
  local declared = schema.types[variant_type(schema.types.BuilderConfig, config.type)]
  local params = convert_struct(declared, differing(declared, config.params or {}), references[declared.name], lookup)
  return toml.table({ { "type", config.type }, { "params", params } })
end

--- Types whose entry needs more than the declaration says; each changes the fields that differ from the default.
local special = {}

-- The build counts its version up by itself: only one that is set by hand is declared.
function special.Build(kept, config)
  if kept.version and config.auto_increment_version ~= false then
    kept.version = ""
  end
end

-- No version means the latest.
function special.Deployment(kept)
  local image = kept.image
  if image and image.type == "Build" and image.params and equal(image.params.version, { major = 0, minor = 0, patch = 0 }) then
    kept.image = { type = "Build", params = { build_id = image.params.build_id } }
  end
end

local function config_of(kind, config, lookup)
  if kind == "Builder" then
    return builder_config(config, lookup)
  end
  local declared = schema.types[kind .. "Config"]
  local kept = differing(declared, config)
  if special[kind] then
    special[kind](kept, config)
  end
  return convert_struct(declared, kept, references[declared.name], lookup)
end

-- ---- entries ----

local function meta_entries(resource, lookup)
  local tags, after = {}, {}
  for _, id in ipairs(resource.tags or {}) do
    tags[#tags + 1] = lookup("Tag", id)
  end
  for _, name in ipairs(resource.after or {}) do
    after[#after + 1] = name
  end
  local entries = { { "name", resource.name } }
  local function add(key, value, wanted)
    if wanted then
      entries[#entries + 1] = { key, value }
    end
  end
  add("description", resource.description, (resource.description or "") ~= "")
  add("template", true, resource.template)
  add("tags", toml.array(tags), #tags > 0)
  add("deploy", true, resource.deploy)
  add("after", toml.array(after), #after > 0)
  return entries
end

--- A Procedure's config follows its meta keys; every stage is a table of its own.
local function procedure(entries, config)
  local kept, stages = {}, {}
  for _, entry in ipairs(config) do
    if entry[1] == "stages" then
      stages = entry[2]
    else
      kept[#kept + 1] = entry
    end
  end
  if #stages > 0 and #kept > 1 then
    table.insert(kept, 1, table.remove(kept))   -- so does Komodo, and texts are compared
  end
  entries[#entries + 1] = { "config", toml.table(kept) }
  local parts = { "[[procedure]]\n" .. toml.fields(toml.table(entries)) }
  for _, stage in ipairs(stages) do
    parts[#parts + 1] = "[[procedure.config.stage]]\n" .. toml.fields(stage, true)
  end
  return table.concat(parts, "\n\n")
end

--- An execution whose parameters are all empty texts still needs `params`.
local function keep_params(config)
  for _, entry in ipairs(config) do
    for _, stage in ipairs(entry[1] == "stages" and entry[2] or {}) do
      for _, stage_entry in ipairs(stage) do
        for _, item in ipairs(stage_entry[1] == "executions" and stage_entry[2] or {}) do
          local execution = item[1][2]
          local params = execution[2] and execution[2][2] or toml.table({})
          for i = #params, 1, -1 do
            if params[i][2] == "" then
              table.remove(params, i)
            end
          end
          execution[2] = { "params", params }
        end
      end
    end
  end
end

--- One resource as an entry, without a line break behind it.
---@param kind string "Server", "Stack", …
---@param resource table As the API gives it (spec api.md 8), or a declared one: name, description, template, tags, config; deploy and after when
---                      they are to be written. A config may be partial: what it lacks counts as default.
---@param lookup fun(kind: string, id: string): string?
---@return string
function export.resource(kind, resource, lookup)
  local section = assert(section_names[kind], "export.resource: no resource type is called " .. tostring(kind))
  local entries = meta_entries(resource, lookup)
  local config = config_of(kind, resource.config or {}, lookup)
  if kind == "Procedure" then
    keep_params(config)
    return procedure(entries, config)
  end
  local text = "[[" .. section .. "]]\n" .. toml.fields(toml.table(entries)) .. "\n[" .. section .. ".config]\n" .. toml.fields(config)
  if kind == "Builder" and #config[2][2] == 0 then
    text = text .. "\nparams = {}"
  end
  return text
end

--- Whether a resource belongs into files at all: a Resource Sync that is itself written in the engine does not (spec sync.md 7.3).
function export.is_exported(kind, resource)
  if kind ~= "ResourceSync" then
    return true
  end
  local config = resource.config or {}
  return (config.file_contents or "") == "" and
    (config.files_on_host == true or (config.repo or "") ~= "" or (config.linked_repo or "") ~= "")
end

---@param variable table name, description, value, is_secret
---@return string
function export.variable(variable)
  local entries = { { "name", variable.name } }
  if (variable.description or "") ~= "" then
    entries[2] = { "description", variable.description }
  end
  entries[#entries + 1] = { "value", variable.value }
  entries[#entries + 1] = { "is_secret", variable.is_secret == true }
  return "[[variable]]\n" .. toml.fields(toml.table(entries))
end

--- A level alone, or with specifics, in one form.
local function level_of(permission)
  if type(permission) == "string" then
    return permission, {}
  end
  return permission.level or "None", permission.specific or {}
end

local function permission_entry(permission)
  local entries = {
    { "target", toml.table({ { "type", permission.target.type }, { "id", permission.target.id } }) },
    { "level", permission.level or "None" },
  }
  if #(permission.specific or {}) > 0 then
    entries[3] = { "specific", toml.array({ table.unpack(permission.specific) }) }
  end
  return toml.table(entries)
end

--- A user group in the form of files: names of users, targets by name, in the order given.
---@param group table name, everyone, users, all, permissions: { target, level, specific }[]
---@return string
function export.user_group(group)
  local entries = { { "name", group.name } }
  if group.everyone then
    entries[#entries + 1] = { "everyone", true }
  elseif #(group.users or {}) > 0 then
    entries[#entries + 1] = { "users", toml.array({ table.unpack(group.users) }) }
  end
  local parts = { "[[user_group]]", toml.fields(toml.table(entries)) }
  local types = {}
  for name in pairs(group.all or {}) do
    types[#types + 1] = name
  end
  table.sort(types)
  for _, name in ipairs(types) do
    local level, specific = level_of(group.all[name])
    if #specific > 0 then
      local quoted = {}
      for i, right in ipairs(specific) do
        quoted[i] = toml.quoted(right)
      end
      parts[#parts + 1] = ('all.%s = { level = "%s", specific = [%s] }'):format(name, level, table.concat(quoted, ", "))
    elseif level ~= "None" then
      parts[#parts + 1] = ('all.%s = "%s"'):format(name, level)
    end
  end
  local permissions = {}
  for i, permission in ipairs(group.permissions or {}) do
    permissions[i] = permission_entry(permission)
  end
  if #permissions > 0 then
    parts[#parts + 1] = toml.fields(toml.table({ { "permissions", toml.array(permissions) } }))
  end
  return table.concat(parts, "\n")
end

--- A stored user group in the form of files: ids become names, what grants nothing is left out, all is sorted.
---@param group table As the API gives it: users by id.
---@param permissions table[] Its stored permissions: resource_target, level, specific.
---@param lookup fun(kind: string, id: string): string?
---@return table group For export.user_group and for comparing.
function export.named_user_group(group, permissions, lookup)
  local rank, users, named = {}, {}, {}
  for i, kind in ipairs(permission_order) do
    rank[kind] = i
  end
  for _, id in ipairs(group.users or {}) do
    users[#users + 1] = lookup("User", id)
  end
  table.sort(users)
  for _, permission in ipairs(permissions) do
    local target = permission.resource_target
    local name = rank[target.type] and lookup(target.type, target.id)
    if name and (permission.level or "None") ~= "None" then
      named[#named + 1] = { target = { type = target.type, id = name }, level = permission.level, specific = permission.specific }
    end
  end
  table.sort(named, function(a, b)
    if a.target.type ~= b.target.type then
      return rank[a.target.type] < rank[b.target.type]
    end
    return a.target.id < b.target.id
  end)
  return { name = group.name, everyone = group.everyone, users = users, all = group.all, permissions = named }
end

--- The entries of a file, in their order, as one text.
---@param entries string[]
---@return string
function export.document(entries)
  return table.concat(entries, "\n\n##\n\n")
end

return export
