--- What the script editor completes: members of `komodo`, globals, requests with their parameters.

local module = require("komodo.check.module")
local schema = require("komodo.schema")

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

local function names(set, array)
  local list = {}
  for name in pairs(set) do list[#list + 1] = name end
  table.sort(list)
  return array(list)
end

--- { members = { { name, signature?, doc } }, globals, libraries = { os = { "time", … } },
--- requests = { read = { { name, doc, params, result } }, write, execute } }. `array` marks lists for the encoder.
function M.generate(array)
  local out = { members = {}, requests = {}, libraries = {} }
  for _, list in ipairs({ module.requests, module.present() }) do
    for _, member in ipairs(list) do
      out.members[#out.members + 1] = { name = member.name, signature = member.signature, doc = member.doc }
    end
  end
  array(out.members)
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
