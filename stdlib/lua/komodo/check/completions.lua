--- What the script editor completes: members of `komodo`, globals, requests with their parameters.

local events = require("komodo.check.events")
local module = require("komodo.check.module")
local namespaces = require("komodo.check.namespaces")
local schema = require("komodo.schema")
local sugar = require("komodo._core.sugar_names")

local M = {}

local function type_text(of)
  if type(of) == "string" then return of end
  if of.kind then return "table" end
  local inner = type_text(of[2])
  if of[1] == "list" then return inner .. "[]" end
  if of[1] == "map" then return "{ string: " .. inner .. " }" end
  return of[1] == "optional" and inner .. "?" or "partial " .. inner
end

local function params_of(request, array)
  local list = {}
  for i, field in ipairs(request.params) do
    list[i] = { name = field.name, type = type_text(field.type), doc = field.doc or "",
      required = field.default == nil and not field.optional }
  end
  return array(list)
end

-- What stands behind komodo.time.
local function inner_of(member, functions, array)
  local list = {}
  for i, fn in ipairs(functions) do list[i] = { name = fn.name, signature = fn.signature, doc = fn.doc } end
  for _, field in ipairs(member.space and member.space.fields or {}) do list[#list + 1] = { name = field.name, doc = field.doc } end
  return array(list)
end

-- What stands behind komodo.stacks: list, get … and its executions.
local function sugar_of(array)
  local out = {}
  for plural, kind in pairs(sugar.kinds) do
    local list = {}
    for verb, find in pairs(sugar.plain) do
      local group, request = find(kind)
      list[#list + 1] = { name = verb, group = group, request = request }
    end
    for _, request in ipairs(schema.requests) do
      local verb = sugar.verb(kind, request)
      if verb then list[#list + 1] = { name = verb, group = "execute", request = request.name } end
    end
    table.sort(list, function(a, b) return a.name < b.name end)
    out[plural] = array(list)
  end
  return out
end

local function names(set, array)
  local list = {}
  for name in pairs(set) do list[#list + 1] = name end
  table.sort(list)
  return array(list)
end

--- { members = { { name, signature?, doc, members? } }, plurals = { stacks = { { name = "deploy", group, request } } }, globals,
--- libraries = { os = { "time", … } }, events = { http = { "method", … } },
--- requests = { read = { { name, doc, params, result } }, write, execute } }. `array` marks lists for the encoder.
function M.generate(array)
  local out = { members = {}, requests = {}, libraries = {} }
  for _, list in ipairs({ module.requests, module.present() }) do
    for _, member in ipairs(list) do
      local inner = member.space and member.space.functions or namespaces.callable[member.name]
      out.members[#out.members + 1] = { name = member.name, signature = member.signature, doc = member.doc, members = inner and inner_of(member, inner, array) }
    end
  end
  array(out.members)
  out.plurals, out.events = sugar_of(array), {}
  for kind, fields in pairs(events.fields) do out.events[kind] = names(fields, array) end
  out.globals = names(module.globals, array)
  for library, set in pairs(module.libraries) do out.libraries[library] = names(set, array) end
  for _, group in ipairs({ "read", "write", "execute" }) do out.requests[group] = array({}) end
  for _, request in ipairs(schema.requests) do
    local list = out.requests[request.group]
    if list then
      list[#list + 1] = { name = request.name, doc = request.doc, params = params_of(request, array), result = type_text(request.result) }
    end
  end
  return out
end

return M
