--- The schema as data for the web page: what its forms are made from.
--
--   local text = require("komodo.schema.gen.ui").generate()
--
-- { "types": { NAME: TYPE }, "configs": { RESOURCE: TYPE NAME }, "executions": [ REQUEST ] } with
--   TYPE     { kind: "struct", doc, fields } | { kind: "enum", doc, values } | { kind: "alias", doc, type: X }
--            | { kind: "union", doc, tag, content, variants: [ { name, type? } ] }
--   field    { name, type: X, doc?, default?, optional?, normal?, ours? }
--   X        "string" "bool" … a name of types, [ "list" | "map" | "optional" | "partial", X ], or a TYPE in place
--   REQUEST  { name, doc, resource?, level?, fields }
-- Only types that a config, a request of /execute, an Update or an Alert reaches are in it.

local schema = require("komodo.schema")
local resources = require("komodo.schema.resources")
local json = require("komodo.schema.gen.json")
local views = require("komodo.schema.gen.views")

local object = json.object
local M = {}

local type_of

local function expression(of)
  if type(of) == "string" then
    return of
  elseif of.kind then
    return type_of(of)
  end
  return { of[1], expression(of[2]) }
end

local function fields_of(fields)
  local out = {}
  for i, field in ipairs(fields) do
    out[i] = object("name", field.name, "type", expression(field.type), "doc", field.doc, "optional", field.optional,
      "normal", field.normal, "ours", field.ours)
    if field.default ~= nil then
      out[i]:set("default", views.value_of(field.default))
    end
  end
  return out
end

function type_of(declared)
  if declared.kind == "struct" then
    return object("kind", "struct", "doc", declared.doc, "fields", fields_of(declared.fields))
  elseif declared.kind == "enum" then
    return object("kind", "enum", "doc", declared.doc, "values", declared.values)
  elseif declared.kind == "union" then
    local variants = {}
    for i, variant in ipairs(declared.variants) do
      variants[i] = object("name", variant[1], "type", variant[2] and expression(variant[2]))
    end
    return object("kind", "union", "doc", declared.doc, "tag", declared.tag, "content", declared.content, "variants", variants)
  end
  return object("kind", "alias", "doc", declared.doc, "type", expression(declared.type))
end

function M.generate()
  local wanted = {}

  local function visit(of)
    if type(of) == "table" and not of.kind then
      visit(of[2])
      return
    end
    local declared = type(of) == "table" and of or schema.types[of]
    if not declared or wanted[of] then
      return
    end
    wanted[of] = true
    for _, field in ipairs(declared.fields or {}) do
      visit(field.type)
    end
    for _, variant in ipairs(declared.variants or {}) do
      if variant[2] then
        visit(variant[2])
      end
    end
    if declared.kind == "alias" then
      visit(declared.type)
    end
  end

  local configs = object()
  for _, resource in ipairs(resources) do
    visit(resource.name .. "Config")
    configs:set(resource.name, resource.name .. "Config")
  end

  visit("Update")
  visit("Alert")

  local executions = {}
  for _, request in ipairs(schema.requests) do
    if request.group == "execute" then
      for _, field in ipairs(request.params) do
        visit(field.type)
      end
      local on = type(request.access) == "table" and request.access or {}
      executions[#executions + 1] = object("name", request.name, "doc", request.doc, "resource", on.resource, "level", on.level,
        "fields", fields_of(request.params))
    end
  end

  local types = object()
  for _, name in ipairs(schema.order) do
    if wanted[name] then
      types:set(name, type_of(schema.types[name]))
    end
  end
  return json.encode(object("types", types, "configs", configs, "executions", executions))
end

return M
