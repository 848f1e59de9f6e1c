--- The API as an OpenAPI 3.1 document.
--
--   local text = require("komodo.schema.gen.openapi").generate({ version = "1.0.0" })

local schema = require("komodo.schema")
local json = require("komodo.schema.gen.json")
local views = require("komodo.schema.gen.views")

local object = json.object
local M = {}

local simple = {
  string = object("type", "string"),
  digest = object("type", "string"),
  bool = object("type", "boolean"),
  int = object("type", "integer", "format", "int64"),
  uint = object("type", "integer", "format", "int64", "minimum", 0),
  number = object("type", "number"),
  object = object("type", "object"),
  any = object(),
}

local function ref(name)
  return object("$ref", "#/components/schemas/" .. name)
end

local function any_of(...)
  return object("anyOf", { ... })
end

-- How an expression is written; `view` is "output" or "input".
local expression_schema, fields_schema

local function name_in(name, view)
  return view == "input" and views.input_differs(name) and name .. "Input" or name
end

function expression_schema(expression, view)
  if expression == "permission" then
    return any_of(ref("PermissionLevel"), ref(name_in("PermissionLevelAndSpecifics", view)))
  elseif type(expression) == "string" then
    return simple[expression] or ref(name_in(expression, view))
  elseif expression.kind then
    return fields_schema(expression.fields, view, expression.doc)
  end
  local maker, inner = expression[1], expression[2]
  if maker == "list" then
    return object("type", "array", "items", expression_schema(inner, view))
  elseif maker == "map" then
    return object("type", "object", "additionalProperties", expression_schema(inner, view))
  elseif maker == "optional" then
    return any_of(expression_schema(inner, view), object("type", "null"))
  end
  return ref("Partial" .. inner)
end

-- What a field accepts besides its own type.
local function with_other_spellings(field, made, view)
  local normal = field.normal
  if normal == "permission" then
    return expression_schema("permission", view)
  elseif view ~= "input" or not normal then
    return made
  elseif normal == "strlist" or normal == "version" then
    return any_of(made, simple.string)
  elseif normal == "one_or_list" then
    return any_of(made, expression_schema(field.type[2], view))
  elseif normal == "env_files" or normal == "config_files" then
    return object("type", "array", "items", any_of(simple.string, expression_schema(field.type[2], view)))
  elseif views.pairs_of[normal] then
    return any_of(made, object("type", "array", "items", ref(views.pairs_of[normal])))
  end
  return made
end

local function field_schema(field, view)
  local made = with_other_spellings(field, expression_schema(field.type, view), view)
  if field.optional and not (view == "output" and field.skip_empty) and field.type ~= "any" then
    made = any_of(made, object("type", "null"))
  end
  local described = object()
  for _, key in ipairs(made.keys) do
    described:set(key, made.values[key])
  end
  local doc = field.doc
  if view == "input" and field.aliases then
    doc = (doc or "") .. " Also accepted as `" .. table.concat(field.aliases, "`, `") .. "`."
  end
  if doc then
    described:set("description", doc)
  end
  if view == "input" and field.default ~= nil then
    described:set("default", views.value_of(field.default))
  end
  return described
end

--- Properties of a struct. As input only mandatory fields are required, as a partial none, as output all but skipped ones.
function fields_schema(fields, view, doc, partial)
  local properties, required = object(), {}
  for _, field in ipairs(fields) do
    local made = field_schema(field, view)
    if partial and made.values.default ~= nil then
      made = field_schema({ name = field.name, type = field.type, doc = field.doc, normal = field.normal, optional = field.optional,
        aliases = field.aliases }, view)
    end
    properties:set(field.name, made)
    local needed
    if view == "input" then
      needed = not partial and field.default == nil and not field.optional
    else
      needed = not field.skip_empty
    end
    if needed then
      required[#required + 1] = field.name
    end
  end
  return object("type", "object", "description", doc, "properties", properties, "required", #required > 0 and required or nil)
end

local function union_schema(declared, view, partial)
  local variants = {}
  for i, variant in ipairs(declared.variants) do
    local properties = object(declared.tag, object("const", variant[1]))
    local required = { declared.tag }
    if variant[2] then
      local content = partial and { "partial", variant[2] } or variant[2]
      properties:set(declared.content, expression_schema(content, view))
      required[2] = declared.content
    end
    variants[i] = object("type", "object", "title", variant[1], "properties", properties, "required", required)
  end
  return object("description", declared.doc, "oneOf", variants)
end

local function type_schema(declared, view)
  if declared.kind == "struct" then
    return fields_schema(declared.fields, view, declared.doc)
  elseif declared.kind == "enum" then
    return object("type", "string", "description", declared.doc, "enum", declared.values)
  elseif declared.kind == "union" then
    return union_schema(declared, view)
  end
  local made = object("description", declared.doc)
  local target = expression_schema(declared.type, view)
  for _, key in ipairs(target.keys) do
    made:set(key, target.values[key])
  end
  return made
end

local function components()
  local schemas = object()
  for _, name in ipairs(schema.order) do
    schemas:set(name, type_schema(schema.types[name], "output"))
  end
  local used = views.used()
  for _, name in ipairs(used.inputs) do
    schemas:set(name .. "Input", type_schema(schema.types[name], "input"))
  end
  for _, name in ipairs(used.partials) do
    local declared = schema.types[name]
    local made = declared.kind == "union" and union_schema(declared, "input", true)
      or fields_schema(declared.fields, "input", declared.doc .. " Fields not given stay as they are, or get their default.", true)
    schemas:set("Partial" .. name, made)
  end
  return schemas
end

local function json_body(made)
  return object("application/json", object("schema", made))
end

local function answers(made, extra)
  local responses = object("200", object("description", "The result.", "content", json_body(made)))
  for _, code in ipairs(extra) do
    responses:set(code, object("$ref", "#/components/responses/Error"))
  end
  return responses:set("default", object("$ref", "#/components/responses/Error"))
end

local function operation(request)
  local doc = request.doc .. "\n\nFor " .. views.access_text(request.access) .. "."
  if request.aliases then
    doc = doc .. "\n\nOld name: `" .. table.concat(request.aliases, "`, `") .. "`."
  end
  local made = object(
    "operationId", request.name,
    "tags", { views.paths[request.group]:sub(2) },
    "summary", request.doc,
    "description", doc,
    "requestBody", object("required", true, "content", json_body(fields_schema(request.params, "input"))),
    "responses", answers(expression_schema(request.result, "output"), { "400", "401", "403", "422", "429", "500" })
  )
  if request.group == "login" then
    made:set("security", {})
  end
  return made
end

local function get(name, summary, content, more)
  return object("get", object("operationId", name, "tags", { "other" }, "summary", summary,
    "responses", object("200", object("description", "The result.", "content", content)), table.unpack(more or {})))
end

local function paths()
  local made = object()
  for _, request in ipairs(schema.requests) do
    made:set(views.paths[request.group] .. "/" .. request.name, object("post", operation(request)))
  end
  made:set("/version", get("version", "Version of the engine.", object("text/plain", object("schema", simple.string)), { "security", {} }))
  made:set("/user", get("user", "The calling user, also when not enabled.", json_body(ref("User"))))
  made:set("/terminal/execute", object("post", object(
    "operationId", "terminalExecute",
    "tags", { "other" },
    "summary", "Runs a command in a terminal and streams its output; the last line is `__KOMODO_EXIT_CODE:` and the exit code.",
    "requestBody", object("required", true, "content", json_body(expression_schema("ExecuteTerminalBody", "input"))),
    "responses", object("200", object("description", "Lines of output.", "content",
      object("text/plain", object("schema", simple.string))), "default", object("$ref", "#/components/responses/Error")))))
  return made
end

--- The document as a value for komodo.schema.gen.json, or another encoder.
function M.document(options)
  options = options or {}
  return object(
    "openapi", "3.1.0",
    "info", object("title", options.title or "komodo", "version", options.version or "2.3.2", "description", table.concat({
      "Every request is a POST whose body holds its parameters. `POST /read` with `{\"type\": \"GetStack\", \"params\": {…}}` is the",
      "same as `POST /read/GetStack` with the parameters alone; so for the other groups. Times are milliseconds since 1970.",
      "Wherever a resource is named, its id or its name will do.",
    }, " ")),
    "servers", { object("url", options.url or "/") },
    "security", { object("bearer", {}), object("apiKey", {}, "apiSecret", {}) },
    "tags", {
      object("name", "auth/login", "description", "How to get a token; needs no credentials."),
      object("name", "auth/manage", "description", "What users change about their own login."),
      object("name", "read", "description", "What can be known; changes nothing."),
      object("name", "write", "description", "Changes that are done when the answer comes."),
      object("name", "execute", "description", "Work that goes on in the background; answers with the Update that records it."),
      object("name", "other", "description", "Everything else."),
    },
    "paths", paths(),
    "components", object(
      "schemas", components(),
      "responses", object("Error", object("description", "What went wrong, and why.", "content", json_body(ref("Serror")))),
      "securitySchemes", object(
        "bearer", object("type", "http", "scheme", "bearer", "description", "A token from auth/login."),
        "apiKey", object("type", "apiKey", "in", "header", "name", "X-API-KEY"),
        "apiSecret", object("type", "apiKey", "in", "header", "name", "X-API-SECRET")
      )
    )
  )
end

function M.generate(options)
  return json.encode(M.document(options))
end

return M
