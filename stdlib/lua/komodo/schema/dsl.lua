--- Words for declaring types and requests as plain Lua data.
--
-- A declaration is a table the engine compiles once (engine/doc/schema.h) and the generators in schema/gen read. Nothing here knows
-- HTTP, storage or JSON text. The shapes:
--
--   type     { kind = "struct", name, doc, fields = { field, … } }
--            { kind = "enum",   name, doc, values = { "Ok", … }, input_aliases = { ["1"] = "SIGHUP" } }
--            { kind = "union",  name, doc, tag = "type", content = "params", variants = { { "Image", X }, … } }
--            { kind = "alias",  name, doc, type = X }
--   field    { name, type = X, doc, default, optional, skip_empty, aliases, normal, ours }
--   request  { name, group, doc, params = { field, … }, result = X, access = A, aliases, ours }
--   X        "string" "bool" "int" "uint" "number" "any" "object", a type name, { "list", X }, { "map", X }, { "optional", X },
--            { "partial", "StackConfig" }, or a struct in place
--   A        "any" (any enabled user), "admin", "none" (no credentials), "handler" (see the request's doc), { create = "Stack" },
--            { resource = "Stack", param = "stack", level = "Read", specific = { "Logs" } }
--
-- A field with neither `default` nor `optional` is mandatory. `optional`: absent and null are allowed and mean the same; written as
-- null, or left out with `skip_empty`. `ours` marks what Komodo 2.3.2 does not have.

local M = {}

local has_json, json = pcall(require, "engine.json")

--- Metatable that keeps an empty table an array. The engine's own when it runs there, so defaults go through its encoder unchanged.
M.array_mt = has_json and getmetatable(json.array({})) or { __name = "array" }

--- A default of null, for fields where absence means something else than null.
M.null = setmetatable({}, { __name = "null" })

--- Default of a struct-typed field: the default of each of its fields. komodo.schema replaces it by that value.
M.defaults = setmetatable({}, { __name = "defaults" })

--- Marks `items` as an array, also when it is empty.
function M.list_of(items)
  return setmetatable(items, M.array_mt)
end

--- Raises the parts as one text unless `ok`. They come apart because thousands of checks pass at every start.
local function check(ok, ...)
  if not ok then
    error(table.concat({ ... }), 0)
  end
end
M.check = check

local function is_name(text)
  return type(text) == "string" and text:match("^[%a_$][%w_]*$") ~= nil
end

local function check_doc(doc, owner)
  check(type(doc) == "string" and doc ~= "", owner, ": needs a doc")
end

-- ---- types ----

function M.struct(name, doc, fields)
  assert(is_name(name), "struct without a name")
  check_doc(doc, name)
  local seen = {}
  for _, field in ipairs(fields) do
    check(not seen[field.name], name, ".", field.name, ": declared twice")
    seen[field.name] = true
  end
  return { kind = "struct", name = name, doc = doc, fields = fields }
end

function M.enum(name, doc, values, input_aliases)
  check_doc(doc, name)
  return { kind = "enum", name = name, doc = doc, values = values, input_aliases = input_aliases }
end

--- `variants` is a list of { "Name", X }; X absent for a variant without content. `keys` names tag and content.
function M.union(name, doc, keys, variants)
  check_doc(doc, name)
  return { kind = "union", name = name, doc = doc, tag = keys[1], content = keys[2], variants = variants }
end

function M.alias(name, doc, type_)
  check_doc(doc, name)
  return { kind = "alias", name = name, doc = doc, type = type_ }
end

--- An enum of the variant names of `union`.
function M.variants_of(name, doc, union)
  local values = {}
  for i, variant in ipairs(union.variants) do
    values[i] = variant[1]
  end
  return M.enum(name, doc, values)
end

--- Type expression for a partial of `name`: given fields alone.
function M.partial(name)
  return { "partial", name }
end

-- ---- fields ----
-- Every constructor takes (name, …, doc, more); `more` adds keys such as aliases or skip_empty.

local function field(name, type_, doc, keys, more)
  assert(is_name(name), "field without a name")
  check(doc == nil or (type(doc) == "string" and doc ~= ""), name, ": doc must be text")
  local made = { name = name, type = type_, doc = doc }
  for key, value in pairs(keys) do
    made[key] = value
  end
  if more then
    for key, value in pairs(more) do
      made[key] = value
    end
  end
  return made
end

--- Mandatory.
function M.must(name, type_, doc, more)
  return field(name, type_, doc, {}, more)
end

--- May be absent or null.
function M.opt(name, type_, doc, more)
  return field(name, type_, doc, { optional = true }, more)
end

--- May be absent or null, and is left out of the output then.
function M.skip(name, type_, doc, more)
  return field(name, type_, doc, { optional = true, skip_empty = true }, more)
end

--- Any type with a default.
function M.with(name, type_, default, doc, more)
  check(default ~= nil, name, ": needs a default")
  return field(name, type_, doc, { default = default }, more)
end

function M.text(name, default, doc, more)
  check(type(default) == "string", name, ": default must be a string")
  return field(name, "string", doc, { default = default }, more)
end

function M.flag(name, default, doc, more)
  check(type(default) == "boolean", name, ": default must be a boolean")
  return field(name, "bool", doc, { default = default }, more)
end

function M.int(name, default, doc, more)
  check(math.type(default) == "integer", name, ": default must be an integer")
  return field(name, "int", doc, { default = default }, more)
end

function M.uint(name, default, doc, more)
  check(math.type(default) == "integer" and default >= 0, name, ": default must be an integer >= 0")
  return field(name, "uint", doc, { default = default }, more)
end

function M.number(name, default, doc, more)
  check(type(default) == "number", name, ": default must be a number")
  return field(name, "number", doc, { default = default }, more)
end

--- A list, empty by default.
function M.list(name, item, doc, more)
  return field(name, { "list", item }, doc, { default = M.list_of({}) }, more)
end

--- A map from text, empty by default.
function M.map(name, item, doc, more)
  return field(name, { "map", item }, doc, { default = {} }, more)
end

--- A list of strings that also accepts text: one entry per line or comma, `#` starts a comment.
function M.strlist(name, doc, more)
  return field(name, { "list", "string" }, doc, { default = M.list_of({}), normal = "strlist" }, more)
end

--- Contents of a file: trailing white space becomes one newline.
function M.file(name, doc, more)
  return field(name, "string", doc, { default = "", normal = "filetext" }, more)
end

--- `KEY = value` lines; `kind` says which list of objects is accepted instead: env, label, conversion or signal.
function M.kvtext(name, kind, doc, more)
  return field(name, "string", doc, { default = "", normal = "kvtext:" .. kind }, more)
end

--- A version, 0.0.0 by default; text such as "1.2" is accepted.
function M.version(name, doc, more)
  return field(name, "Version", doc, { default = { major = 0, minor = 0, patch = 0 }, normal = "version" }, more)
end

--- A permission: a level alone or with specifics; None by default.
function M.permission(name, doc, more)
  return field(name, "PermissionLevelAndSpecifics", doc, { default = "None", normal = "permission" }, more)
end

--- The same field, type or request, marked as an addition to Komodo 2.3.2.
function M.ours(made)
  made.ours = true
  return made
end

-- ---- access ----

--- `level` (and every one of `specific`) on the resource that parameter `param` names.
function M.on(resource, param, level, specific)
  return { resource = resource, param = param, level = level, specific = specific }
end

function M.creates(resource)
  return { create = resource }
end

return M
