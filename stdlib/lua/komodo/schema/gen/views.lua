--- How one declaration reads as input and as output.
--
-- Output holds every field, so a declared type is emitted in that form under its own name. As input a field with a default may be
-- absent and some accept other spellings; where that makes a difference the generators emit a second form, "<Name>Input". A partial
-- of a type, all fields optional, is "Partial<Name>".

local schema = require("komodo.schema")
local dsl = require("komodo.schema.dsl")
local json = require("komodo.schema.gen.json")

local M = {}

--- Request groups with the path they are served under.
M.paths = { login = "/auth/login", manage = "/auth/manage", read = "/read", write = "/write", execute = "/execute" }
M.groups = { "login", "manage", "read", "write", "execute" }

local differs = {}   -- by type name

local expression_differs

local function fields_differ(fields)
  for _, field in ipairs(fields) do
    if field.default ~= nil or field.optional or field.normal or expression_differs(field.type) then
      return true
    end
  end
  return false
end

function expression_differs(expression)
  if type(expression) == "table" then
    if expression.kind then
      return fields_differ(expression.fields)
    end
    return expression[1] ~= "partial" and expression_differs(expression[2])
  end
  return schema.types[expression] ~= nil and M.input_differs(expression)
end

--- Whether the named type reads otherwise as input than as output.
function M.input_differs(name)
  if differs[name] == nil then
    differs[name] = false   -- a cycle does not make a difference by itself
    local declared = schema.types[name]
    local found = false
    if declared.kind == "struct" then
      found = fields_differ(declared.fields)
    elseif declared.kind == "alias" then
      found = expression_differs(declared.type)
    elseif declared.kind == "union" then
      for _, variant in ipairs(declared.variants) do
        found = found or (variant[2] ~= nil and expression_differs(variant[2]))
      end
    end
    differs[name] = found
  end
  return differs[name]
end

--- Names used as input in their own form, and names used as partials: { inputs = { name, … }, partials = { name, … } }, both in
--- declaration order.
function M.used()
  local inputs, partials = {}, {}
  local visit

  local function visit_fields(fields)
    for _, field in ipairs(fields) do
      visit(field.type)
      if field.normal == "permission" then
        visit("PermissionLevelAndSpecifics")
      end
    end
  end

  function visit(expression)
    if type(expression) == "table" then
      if expression.kind then
        visit_fields(expression.fields)
      elseif expression[1] == "partial" then
        local name = expression[2]
        if not partials[name] then
          partials[name] = true
          local declared = schema.types[name]
          if declared.kind == "union" then
            for _, variant in ipairs(declared.variants) do
              visit({ "partial", variant[2] })
            end
          else
            visit_fields(declared.fields)
          end
        end
      else
        visit(expression[2])
      end
      return
    end
    local declared = schema.types[expression]
    if not declared or inputs[expression] then
      return
    end
    inputs[expression] = true
    if declared.kind == "struct" then
      visit_fields(declared.fields)
    elseif declared.kind == "alias" then
      visit(declared.type)
    elseif declared.kind == "union" then
      for _, variant in ipairs(declared.variants) do
        if variant[2] then
          visit(variant[2])
        end
      end
    end
  end

  for _, request in ipairs(schema.requests) do
    visit_fields(request.params)
  end
  visit("ExecuteTerminalBody")
  visit("WsLoginMessage")

  local used = { inputs = {}, partials = {} }
  for _, name in ipairs(schema.order) do
    if inputs[name] and M.input_differs(name) then
      used.inputs[#used.inputs + 1] = name
    end
    if partials[name] then
      used.partials[#used.partials + 1] = name
    end
  end
  return used
end

--- The item type of a normaliser's list of objects: kvtext:env -> EnvironmentVar. Nil for the others.
M.pairs_of = {
  ["kvtext:env"] = "EnvironmentVar",
  ["kvtext:label"] = "EnvironmentVar",
  ["kvtext:conversion"] = "Conversion",
  ["kvtext:signal"] = "TerminationSignalLabel",
}

--- A default as the JSON writer wants it.
function M.value_of(value)
  if value == dsl.null then
    return json.null
  elseif type(value) ~= "table" then
    return value
  elseif getmetatable(value) == dsl.array_mt then
    local made = {}
    for i, item in ipairs(value) do
      made[i] = M.value_of(item)
    end
    return made
  end
  local keys = {}
  for key in pairs(value) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  local made = json.object()
  for _, key in ipairs(keys) do
    made:set(key, M.value_of(value[key]))
  end
  return made
end

--- Who may send this request, in words.
function M.access_text(access)
  local words = {
    any = "any enabled user",
    admin = "admins",
    none = "everybody, without credentials",
    handler = "see the description",
  }
  if type(access) == "string" then
    return words[access]
  elseif access.create then
    return "users who may create a " .. access.create
  end
  local specific = access.specific and " and " .. table.concat(access.specific, ", ") or ""
  return ("users with %s%s on the %s"):format(access.level, specific, access.resource)
end

return M
