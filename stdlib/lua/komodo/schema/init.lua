--- Every type and request of the API, declared once.
--
--   local schema = require("komodo.schema")
--   schema.types["Stack"]       a type, see komodo.schema.dsl
--   schema.order                names of all types in declaration order
--   schema.areas                the same by file: { { name = "stack", types = { "StackConfig", … } }, … }
--   schema.requests             all requests; schema.request("read", "GetStack") finds one by name or alias
--
-- The engine compiles this at start (engine/doc/schema.h); the generators in komodo.schema.gen make documents of it. A mistake in a
-- declaration — a type that does not exist, a name used twice — is an error here that names it.

local S = require("komodo.schema.dsl")
local check = S.check

local areas = { "common", "permission", "user", "update", "tag", "system", "server", "swarm", "deployment", "stack", "build", "repo",
  "procedure", "action", "builder", "alerter", "sync", "resource", "docker", "docker_swarm" }
local groups = { "login", "manage", "read", "write", "execute" }

local builtin = {}
for name in ("string bool int uint number any object permission digest"):gmatch("%S+") do
  builtin[name] = true
end

local M = { types = {}, order = {}, areas = {}, requests = {} }

local function add_type(declared, area)
  check(not M.types[declared.name], declared.name, ": type declared twice")
  M.types[declared.name] = declared
  M.order[#M.order + 1] = declared.name
  area.types[#area.types + 1] = declared.name
end

local by_name = {}
local function add_request(request)
  local names = by_name[request.group] or {}
  by_name[request.group] = names
  for _, name in ipairs({ request.name, table.unpack(request.aliases or {}) }) do
    check(not names[name], request.group, " ", name, ": request declared twice")
    names[name] = request
  end
  M.requests[#M.requests + 1] = request
end

--- The request of this name or old name, or nil.
function M.request(group, name)
  return by_name[group] and by_name[group][name]
end

-- ---- everything together ----

for _, name in ipairs(areas) do
  local area = { name = name, types = {} }
  M.areas[#M.areas + 1] = area
  M.areas[name] = area
  for _, declared in ipairs(require("komodo.schema.types." .. name)) do
    add_type(declared, area)
  end
end
for _, group in ipairs(groups) do
  for _, request in ipairs(require("komodo.schema.requests." .. group)) do
    add_request(request)
  end
end

-- A Procedure executes what /execute does, and a little more.
do
  local variants = { { "None", "NoData" } }
  for _, request in ipairs(M.requests) do
    if request.group == "execute" then
      variants[#variants + 1] = { request.name, S.struct(request.name, request.doc, request.params) }
    end
  end
  local commit = M.request("write", "CommitSync")
  variants[#variants + 1] = { "CommitSync", S.struct("CommitSync", commit.doc, commit.params) }
  variants[#variants + 1] = { "Sleep", "Sleep" }
  add_type(S.struct("Sleep", "Waits.", { S.int("duration_ms", 0, "How long, in milliseconds.") }), M.areas.procedure)
  add_type(S.union("Execution", "Something a Procedure executes.", { "type", "params" }, variants), M.areas.procedure)
end

-- ---- defaults that follow from the type ----

local default_of

local function struct_default(fields)
  local value = {}
  for _, field in ipairs(fields) do
    if field.default ~= nil then
      value[field.name] = default_of(field)
    elseif field.optional then
      value[field.name] = not field.skip_empty and S.null or nil
    elseif type(field.type) == "table" and field.type[1] == "list" then
      value[field.name] = S.list_of({})   -- mandatory once the struct is given, but empty when it is not
    else
      error(field.name .. ": mandatory, so the struct has no default")
    end
  end
  return value
end

function default_of(field)
  if field.default == S.defaults then
    local declared = M.types[field.type]
    check(declared and declared.kind == "struct", field.name, ": S.defaults needs a struct type")
    field.default = struct_default(declared.fields)
  end
  return field.default
end

-- ---- checks ----

local check_type

local function check_fields(fields, owner)
  for _, field in ipairs(fields) do
    check_type(field.type, owner, field.name)
    local ok, message = pcall(default_of, field)
    check(ok, owner, ".", field.name, ": ", tostring(message))
  end
end

-- `name` is what of `owner` the expression stands at: a field, a variant, "result".
function check_type(expression, owner, name)
  if type(expression) == "string" then
    check(builtin[expression] or M.types[expression], owner, ".", name, ": unknown type ", expression)
  elseif expression.kind == "struct" then
    check_fields(expression.fields, owner .. "." .. name)
  else
    local maker, inner = expression[1], expression[2]
    check(maker == "list" or maker == "map" or maker == "optional" or maker == "partial", owner, ".", name, ": unknown type expression")
    check_type(inner, owner, name)
  end
end

for _, name in ipairs(M.order) do
  local declared = M.types[name]
  if declared.kind == "struct" then
    check_fields(declared.fields, name)
  elseif declared.kind == "union" then
    for _, variant in ipairs(declared.variants) do
      if variant[2] then
        check_type(variant[2], name, variant[1])
      end
    end
  elseif declared.kind == "alias" then
    check_type(declared.type, name, "alias")
  end
end
for _, request in ipairs(M.requests) do
  check_fields(request.params, request.name)
  check_type(request.result, request.name, "result")
end

return M
