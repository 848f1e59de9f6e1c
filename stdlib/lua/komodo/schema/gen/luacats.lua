--- LuaCATS definitions of the requests, for lua-language-server and the script editor.
--
--   local text = require("komodo.schema.gen.luacats").generate()
--
-- The overloads of komodo.read, .write, .execute and .start make the name of a request decide what it takes and gives.

local schema = require("komodo.schema")
local views = require("komodo.schema.gen.views")

local M = {}

local simple = { string = "string", digest = "string", bool = "boolean", int = "integer", uint = "integer", number = "number",
  any = "any", object = "table<string, any>" }
local keywords = {}
for word in ("and break do else elseif end false for function goto if in local nil not or repeat return then true until while")
  :gmatch("%a+") do
  keywords[word] = true
end

local classes      -- text of the classes made so far, in order
local inline_of    -- names given to structs in place, by struct and view

local function name_in(name, view)
  return "komodo." .. (view == "input" and views.input_differs(name) and name .. "Input" or name)
end

local add_class

local function expression(of, view)
  if of == "permission" then
    return "komodo.PermissionLevel|" .. name_in("PermissionLevelAndSpecifics", view)
  elseif type(of) == "string" then
    return simple[of] or name_in(of, view)
  elseif of.kind then
    local name = of.name .. (view == "input" and "Input" or "Content")
    if not inline_of[name] then
      inline_of[name] = true
      add_class(name, of.doc, of.fields, view)
    end
    return "komodo." .. name
  end
  local maker, inner = of[1], of[2]
  if maker == "partial" then
    return "komodo.Partial" .. inner
  end
  local text = expression(inner, view)
  if maker == "list" then
    return (text:find("|", 1, true) and "(" .. text .. ")" or text) .. "[]"
  elseif maker == "map" then
    return "table<string, " .. text .. ">"
  end
  return text .. "?"
end

local function field_type(field, view)
  local normal = field.normal
  local text = normal == "permission" and expression("permission", view) or expression(field.type, view)
  if view == "input" then
    if normal == "strlist" or normal == "version" then
      text = text .. "|string"
    elseif normal == "one_or_list" then
      text = text .. "|" .. expression(field.type[2], view)
    elseif normal == "env_files" or normal == "config_files" then
      text = "(" .. expression(field.type[2], view) .. "|string)[]"
    elseif views.pairs_of[normal] then
      text = text .. "|komodo." .. views.pairs_of[normal] .. "[]"
    end
  end
  return text
end

function add_class(name, doc, fields, view, partial)
  local place = #classes + 1
  classes[place] = ""   -- classes of structs in place come after
  local lines = { "--- " .. doc, "---@class komodo." .. name }
  for _, field in ipairs(fields) do
    local may_lack = field.optional or (view == "input" and (partial or field.default ~= nil)) or (view == "output" and field.skip_empty)
    local key = field.name:match("^[%a_][%w_]*$") and not keywords[field.name] and field.name .. (may_lack and "?" or "")
      or '["' .. field.name .. '"]'
    local text = field_type(field, view)
    if may_lack and key:sub(1, 1) == "[" then
      text = "(" .. text .. ")?"
    end
    lines[#lines + 1] = ("---@field %s %s%s"):format(key, text, field.doc and " " .. field.doc or "")
  end
  classes[place] = table.concat(lines, "\n") .. "\n"
end

-- One class per variant, so that a test of the tag narrows the type.
local function add_union(name, declared, view, partial)
  local names = {}
  for i, variant in ipairs(declared.variants) do
    local class = name .. variant[1] .. "Variant"
    local place = #classes + 1
    classes[place] = ""
    local lines = { "---@class komodo." .. class, ('---@field %s "%s"'):format(declared.tag, variant[1]) }
    if variant[2] then
      lines[3] = ("---@field %s %s"):format(declared.content, expression(partial and { "partial", variant[2] } or variant[2], view))
    end
    classes[place] = table.concat(lines, "\n") .. "\n"
    names[i] = "komodo." .. class
  end
  classes[#classes + 1] = "--- " .. declared.doc .. "\n---@alias komodo." .. name .. "\n---| " .. table.concat(names, "\n---| ") .. "\n"
end

local function add_type(name, declared, view)
  if declared.kind == "struct" then
    add_class(name, declared.doc, declared.fields, view)
  elseif declared.kind == "union" then
    add_union(name, declared, view)
  elseif declared.kind == "alias" then
    classes[#classes + 1] = "--- " .. declared.doc .. "\n---@alias komodo." .. name .. " " .. expression(declared.type, view) .. "\n"
  else
    local values = {}
    for i, value in ipairs(declared.values) do
      values[i] = '---| "' .. value .. '"'
    end
    classes[#classes + 1] = "--- " .. declared.doc .. "\n---@alias komodo." .. name .. "\n" .. table.concat(values, "\n") .. "\n"
  end
end

local function has_mandatory(request)
  for _, field in ipairs(request.params) do
    if field.default == nil and not field.optional then
      return true
    end
  end
  return false
end

-- One function of the module: what it does, its overloads, its plain form.
local function call(name, doc, group, result_of, more)
  local lines = { "--- " .. doc }
  for _, request in ipairs(schema.requests) do
    if request.group == group then
      lines[#lines + 1] = ('---@overload fun(name: "%s", params%s: komodo.%sInput%s): %s?, komodo.Error?'):format(request.name,
        has_mandatory(request) and "" or "?", request.name, more and ", " .. more.overload or "", result_of(request))
    end
  end
  lines[#lines + 1] = "---@param name string"
  lines[#lines + 1] = "---@param params? table"
  if more then
    lines[#lines + 1] = "---@param " .. more.param
  end
  lines[#lines + 1] = "---@return any? result"
  lines[#lines + 1] = "---@return komodo.Error? problem"
  lines[#lines + 1] = ("function komodo.%s(name, params%s) end\n"):format(name, more and ", " .. more.name or "")
  return table.concat(lines, "\n")
end

-- komodo.stacks and the like.
local function sugar_classes(result_of, finished)
  local names = require("komodo._core.sugar_names")
  local plurals, out = {}, {}
  for plural in pairs(names.kinds) do plurals[#plurals + 1] = plural end
  table.sort(plurals)
  local function add(plural, verb, request, params, result)
    out[#out + 1] = "--- " .. request.doc
    for _, param in ipairs(params) do out[#out + 1] = "---@param " .. param end
    out[#out + 1] = "---@return " .. result .. "? result\n---@return komodo.Error? problem"
    local list = {}
    for i, param in ipairs(params) do list[i] = param:match("^[%w_]+") end
    out[#out + 1] = ("function komodo.%s.%s(%s) end\n"):format(plural, verb, table.concat(list, ", "))
  end
  for _, plural in ipairs(plurals) do
    local kind = names.kinds[plural]
    out[#out + 1] = ("--- Requests on %s by short names.\nkomodo.%s = {}\n"):format(kind.type, plural)
    local x = "x string Name or id."
    local params = { list = { "query? table<string, any>" }, get = { x }, create = { ("params komodo.Create%sInput"):format(kind.type) },
      update = { x, ("config komodo.Partial%sConfig"):format(kind.type) }, delete = { x } }
    for _, verb in ipairs({ "list", "get", "create", "update", "delete" }) do
      local request = schema.request(names.plain[verb](kind))
      if verb == "list" then params.list[1] = "query? " .. field_type(request.params[1], "input") end
      add(plural, verb, request, params[verb], result_of(request))
    end
    for _, request in ipairs(schema.requests) do
      local verb = names.verb(kind, request)
      if verb then
        add(plural, verb, request, { x, "params? table<string, any> Other parameters of " .. request.name .. ".", "options? komodo.ExecuteOptions" },
          finished(request))
      end
    end
  end
  return table.concat(out, "\n")
end

function M.generate()
  classes, inline_of = {}, {}
  for _, name in ipairs(schema.order) do
    add_type(name, schema.types[name], "output")
  end
  local used = views.used()
  for _, name in ipairs(used.inputs) do
    add_type(name .. "Input", schema.types[name], "input")
  end
  for _, name in ipairs(used.partials) do
    local declared = schema.types[name]
    if declared.kind == "union" then
      add_union("Partial" .. name, declared, "input", true)
    else
      add_class("Partial" .. name, declared.doc .. " Fields not given stay as they are.", declared.fields, "input", true)
    end
  end
  for _, request in ipairs(schema.requests) do
    local name = request.name .. "Input"
    if not inline_of[name] then
      inline_of[name] = true
      add_class(name, request.doc, request.params, "input")
    end
  end

  local function result_of(request)
    return expression(request.result, "output")
  end
  local function finished(request)
    return request.result == "Update" and "komodo.Update" or "komodo.Update[]"
  end

  return table.concat({
    "---@meta komodo",
    "-- Made from the schema by scripts/gen-docs luacats. Change the schema, not this file.\n",
    "--- What calls return besides nil when they fail; assert() raises it.",
    "---@class komodo.Error",
    "---@field code string What kind of failure it is.",
    "---@field status integer Status that the HTTP API answers with.",
    "---@field message string What went wrong.",
    "---@field trace string[] Causes, from the outermost to the root.\n",
    "--- How komodo.execute waits.",
    "---@class komodo.ExecuteOptions",
    "---@field allow_failure? boolean Return an unsuccessful Update instead of failing.",
    "---@field timeout? number Seconds to wait.",
    "---@field on_log? fun(stage: komodo.Log) Called with each step as it comes.\n",
    table.concat(classes, "\n"),
    "---@class komodo",
    "local komodo = {}\n",
    call("read", "Reads something.", "read", result_of),
    call("write", "Changes something; it is done when the call returns.", "write", result_of),
    call("execute", "Executes something and waits for its end. Fails if it was not successful, unless options say otherwise.", "execute",
      finished, { name = "options", param = "options? komodo.ExecuteOptions", overload = "options?: komodo.ExecuteOptions" }),
    call("start", "Executes something and returns at once; see komodo.wait.", "execute", result_of),
    sugar_classes(result_of, finished),
    require("komodo.check.module").luacats(),
    "--- Arguments of the run, as komodo.args.\n---@type table<string, any>\nARGS = {}\n",
    "return komodo\n",
  }, "\n")
end

return M
