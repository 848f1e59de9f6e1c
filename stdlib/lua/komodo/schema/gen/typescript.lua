--- TypeScript declarations of the API for the web UI.
--
--   local text = require("komodo.schema.gen.typescript").generate()
--
-- A type is an interface with every field that answers hold; "<Name>Input" and "Partial<Name>" are what requests accept. The maps
-- ReadRequests … ExecuteRequests tie names, parameters and results together:
--   function read<N extends keyof ReadRequests>(name: N, params: ReadRequests[N]["params"]): Promise<ReadRequests[N]["result"]>

local schema = require("komodo.schema")
local views = require("komodo.schema.gen.views")

local M = {}

local simple = { string = "string", digest = "string", bool = "boolean", int = "number", uint = "number", number = "number",
  any = "unknown", object = "Record<string, unknown>" }

local members

local function name_in(name, view)
  return view == "input" and views.input_differs(name) and name .. "Input" or name
end

local function parenthesised(text)
  return text:find("|", 1, true) and "(" .. text .. ")" or text
end

local function expression(of, view, indent)
  if of == "permission" then
    return "PermissionLevel | " .. name_in("PermissionLevelAndSpecifics", view)
  elseif type(of) == "string" then
    return simple[of] or name_in(of, view)
  elseif of.kind then
    return #of.fields == 0 and "Record<string, never>" or "{\n" .. members(of.fields, view, indent .. "  ") .. indent .. "}"
  end
  local maker, inner = of[1], of[2]
  if maker == "partial" then
    return "Partial" .. inner
  end
  local text = expression(inner, view, indent)
  if maker == "list" then
    return parenthesised(text) .. "[]"
  elseif maker == "map" then
    return "Record<string, " .. text .. ">"
  end
  return text .. " | null"
end

-- The type of a field, with what it accepts besides.
local function field_type(field, view, indent)
  local normal = field.normal
  local text = normal == "permission" and expression("permission", view, indent) or expression(field.type, view, indent)
  if view == "input" then
    if normal == "strlist" or normal == "version" then
      text = text .. " | string"
    elseif normal == "one_or_list" then
      text = text .. " | " .. expression(field.type[2], view, indent)
    elseif normal == "env_files" or normal == "config_files" then
      text = "(" .. expression(field.type[2], view, indent) .. " | string)[]"
    elseif views.pairs_of[normal] then
      text = text .. " | " .. views.pairs_of[normal] .. "[]"
    end
  end
  if field.optional and not (view == "output" and field.skip_empty) and field.type ~= "any" then
    text = text .. " | null"
  end
  return text
end

local function comment(doc, indent)
  return doc and indent .. "/** " .. doc:gsub("%*/", "* /") .. " */\n" or ""
end

local function key_of(name)
  return name:match("^[%a_$][%w_$]*$") and name or '"' .. name .. '"'
end

--- Lines of an object type. `partial`: all of them may be absent.
function members(fields, view, indent, partial)
  local out = {}
  for _, field in ipairs(fields) do
    local may_lack
    if view == "input" then
      may_lack = partial or field.default ~= nil or field.optional
    else
      may_lack = field.skip_empty
    end
    out[#out + 1] = comment(field.doc, indent) .. indent .. key_of(field.name) .. (may_lack and "?" or "") .. ": "
      .. field_type(field, view, indent) .. ";\n"
  end
  return table.concat(out)
end

local function struct_text(name, doc, fields, view, partial)
  local body = members(fields, view, "  ", partial)
  if body == "" then
    return comment(doc, "") .. "export type " .. name .. " = Record<string, never>;\n"
  end
  return comment(doc, "") .. "export interface " .. name .. " {\n" .. body .. "}\n"
end

local function union_text(name, declared, view, partial)
  local out = {}
  for i, variant in ipairs(declared.variants) do
    local content = ""
    if variant[2] then
      local of = partial and { "partial", variant[2] } or variant[2]
      content = "; " .. declared.content .. ": " .. expression(of, view, "  ")
    end
    out[i] = ("\n  | { %s: %q%s }"):format(declared.tag, variant[1], content)
  end
  return comment(declared.doc, "") .. "export type " .. name .. " =" .. table.concat(out) .. ";\n"
end

local function type_text(declared, name, view)
  if declared.kind == "struct" then
    return struct_text(name, declared.doc, declared.fields, view)
  elseif declared.kind == "enum" then
    local values = {}
    for i, value in ipairs(declared.values) do
      values[i] = '"' .. value .. '"'
    end
    return comment(declared.doc, "") .. "export type " .. name .. " =\n  | " .. table.concat(values, "\n  | ") .. ";\n"
  elseif declared.kind == "union" then
    return union_text(name, declared, view)
  end
  return comment(declared.doc, "") .. "export type " .. name .. " = " .. expression(declared.type, view, "") .. ";\n"
end

local function group_name(group)
  return group:sub(1, 1):upper() .. group:sub(2) .. "Requests"
end

function M.generate()
  local out = { "// Made from the schema by scripts/gen-docs typescript. Change the schema, not this file.\n" }
  local function add(text)
    out[#out + 1] = text
  end
  for _, name in ipairs(schema.order) do
    add(type_text(schema.types[name], name, "output"))
  end
  local used = views.used()
  for _, name in ipairs(used.inputs) do
    add(type_text(schema.types[name], name .. "Input", "input"))
  end
  for _, name in ipairs(used.partials) do
    local declared = schema.types[name]
    add(declared.kind == "union" and union_text("Partial" .. name, declared, "input", true)
      or struct_text("Partial" .. name, declared.doc .. " Fields not given stay as they are.", declared.fields, "input", true))
  end
  for _, request in ipairs(schema.requests) do
    assert(not schema.types[request.name], request.name .. ": a type has the name of this request")
    add(struct_text(request.name, request.doc, request.params, "input"))
  end
  for _, group in ipairs(views.groups) do
    local lines = {}
    for _, request in ipairs(schema.requests) do
      if request.group == group then
        lines[#lines + 1] = ("  %s: { params: %s; result: %s };\n"):format(request.name, request.name,
          expression(request.result, "output", "  "))
      end
    end
    add(("/** Requests of %s. */\nexport interface %s {\n%s}\n"):format(views.paths[group], group_name(group), table.concat(lines)))
  end
  return table.concat(out, "\n")
end

return M
