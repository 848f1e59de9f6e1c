--- Holds a constant, as komodo.check.parser gives it, against the schema: what the engine would refuse, and unknown fields,
--- which the engine ignores and a person rarely means.
--
--   shape.struct(fields, node, what, report)    report(node, message, severity, hint)
--
-- `hint` is { name = what was written, names = what is known, otherwise = words or nil }: whoever reports may look for what was
-- meant (shape.suggest), which costs too much to do for every mistake of a hostile script.
--
-- What is not a constant (a variable, a call) is taken to be right.

local schema = require("komodo.schema")

local M = {}

local DEPTH_MAX = 40
local constant = { string = true, number = true, ["true"] = true, ["false"] = true, ["nil"] = true, table = true }

local described = { string = "text", number = "a number", ["true"] = "true", ["false"] = "false", ["nil"] = "nil", table = "a table" }

-- ---- the nearest name ----

local function distance(a, b)
  local row = {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local before = row[0]
    row[0] = i
    for j = 1, #b do
      local up = row[j]
      row[j] = math.min(up + 1, row[j - 1] + 1, before + (a:byte(i) == b:byte(j) and 0 or 1))
      before = up
    end
  end
  return row[#b]
end

--- ", did you mean X?" for the nearest of `names`, or "".
function M.suggest(name, names)
  local best, least
  local lower = name:sub(1, 60):lower()
  local most = #lower < 2 and 0 or #lower < 4 and 1 or math.max(2, #lower // 3)
  for _, other in ipairs(names) do
    local d = math.abs(#other - #lower) <= 4 and distance(lower, other:lower()) or 99
    if d <= most and (not least or d < least) then best, least = other, d end
  end
  return best and (", did you mean '" .. best .. "'?") or ""
end

-- ---- types ----

local function is_list(node)
  for _, item in ipairs(node.items) do
    if item.key or item.other then return false end
  end
  return true
end

local plain = {
  string = { "text", { string = true } },
  digest = { "text", { string = true } },
  bool = { "true or false", { ["true"] = true, ["false"] = true } },
  number = { "a number", { number = true } },
  int = { "a whole number", { number = true, string = true } },
  uint = { "a whole number", { number = true } },
  object = { "a table", { table = true } },
}

local value_of

local function wrong(node, wanted, path, report)
  report(node, ("%s: expected %s, got %s"):format(path, wanted, described[node.kind]), "error")
end

local function plain_value(name, node, path, report)
  local wanted, kinds = plain[name][1], plain[name][2]
  if not kinds[node.kind] then return wrong(node, wanted, path, report) end
  local whole = name == "int" or name == "uint"
  if whole and (node.kind == "number" and node.value % 1 ~= 0 or node.kind == "string" and not tonumber(node.value)) then
    wrong(node, wanted, path, report)
  elseif name == "uint" and node.value < 0 then
    report(node, path .. ": must not be negative", "error")
  elseif name == "object" and #node.items > 0 and is_list(node) then
    report(node, path .. ": expected names with values, got a list", "error")
  end
end

local function enum_value(declared, node, path, report)
  if node.kind ~= "string" then return wrong(node, "one of " .. table.concat(declared.values, ", "):sub(1, 300), path, report) end
  if declared.input_aliases and declared.input_aliases[node.value] then return end
  for _, value in ipairs(declared.values) do
    if value == node.value then return end
  end
  report(node, ("%s: '%s' is unknown"):format(path, node.value:sub(1, 60)), "error", { name = node.value, names = declared.values,
    otherwise = "; it is one of " .. table.concat(declared.values, ", "):sub(1, 300) })
end

local function member(node, key)
  for _, item in ipairs(node.items) do
    if item.key == key then return item.value end
  end
end

local function union_value(declared, node, path, report, partial, depth)
  if node.kind ~= "table" then return wrong(node, ("a table with %s and %s"):format(declared.tag, declared.content), path, report) end
  local tag, content = member(node, declared.tag), member(node, declared.content)
  if not tag then
    if not node.computed then report(node, ("%s: %s is missing"):format(path, declared.tag), "error") end
    return
  end
  if tag.kind ~= "string" then return end
  local names = {}
  for i, variant in ipairs(declared.variants) do
    names[i] = variant[1]
    if variant[1] == tag.value then
      if content and variant[2] then
        value_of(partial and { "partial", variant[2] } or variant[2], content, path .. "." .. declared.content, report, depth)
      end
      return
    end
  end
  report(tag, ("%s.%s: '%s' is unknown"):format(path, declared.tag, tag.value:sub(1, 60)), "error",
    { name = tag.value, names = names })
end

--- A struct's fields; `partial`: none is mandatory.
function M.struct(fields, node, path, report, partial, depth)
  depth = (depth or 0) + 1
  if depth > DEPTH_MAX then return end
  if node.kind ~= "table" then return wrong(node, "a table", path, report) end
  local by_name, names, seen = {}, {}, {}
  for _, field in ipairs(fields) do
    names[#names + 1] = field.name
    for _, name in ipairs({ field.name, table.unpack(field.aliases or {}) }) do by_name[name] = field end
  end
  local prefix = path == "" and "" or path .. "."
  for _, item in ipairs(node.items) do
    local field = item.key and by_name[item.key]
    if field then
      seen[field] = true
      M.field(field, item.value, prefix .. field.name, report, depth)
    elseif item.key then
      report(item, ("%s%s: unknown field"):format(prefix, item.key:sub(1, 60)), "warning", { name = item.key, names = names })
    elseif not item.other then
      report(item, (path == "" and "the parameters" or path) .. ": fields have names, as in { name = value }", "error")
    end
  end
  if partial or node.computed then return end
  for _, field in ipairs(fields) do
    if field.default == nil and not field.optional and not seen[field] then
      report(node, prefix .. field.name .. ": missing", "error")
    end
  end
end

--- One field's value: nil is as absent, and some fields take other spellings that are left to the engine.
function M.field(field, node, path, report, depth)
  if node.kind == "nil" then return end
  if field.normal then
    if field.normal == "filetext" or field.type == "string" and node.kind ~= "table" then
      value_of("string", node, path, report, depth)
    elseif node.kind == "true" or node.kind == "false" then
      wrong(node, "text or a table", path, report)
    end
    return
  end
  value_of(field.type, node, path, report, depth)
end

function value_of(of, node, path, report, depth)
  if not constant[node.kind] then return end
  if type(of) == "string" then
    local declared = schema.types[of]
    if plain[of] then
      plain_value(of, node, path, report)
    elseif not declared then
      return   -- any, permission
    elseif declared.kind == "struct" then
      M.struct(declared.fields, node, path, report, false, depth)
    elseif declared.kind == "enum" then
      enum_value(declared, node, path, report)
    elseif declared.kind == "union" then
      union_value(declared, node, path, report, false, depth)
    else
      value_of(declared.type, node, path, report, depth)
    end
    return
  elseif of.kind == "struct" then
    return M.struct(of.fields, node, path, report, false, depth)
  end
  local maker, inner = of[1], of[2]
  if maker == "optional" then
    if node.kind ~= "nil" then value_of(inner, node, path, report, depth) end
  elseif maker == "partial" then
    local declared = type(inner) == "table" and inner or schema.types[inner]
    if declared.kind == "struct" then
      M.struct(declared.fields, node, path, report, true, depth)
    elseif declared.kind == "union" then
      union_value(declared, node, path, report, true, depth)
    end
  elseif node.kind ~= "table" then
    wrong(node, maker == "list" and "a list" or "a table", path, report)
  elseif maker == "list" and not is_list(node) then
    report(node, path .. ": expected a list, got names with values", "error")
  else
    for i, item in ipairs(node.items) do
      value_of(inner, item.value, ("%s[%s]"):format(path, item.key or i), report, (depth or 0) + 1)
    end
  end
end

--- A Lua value in the form that the parser gives constants.
function M.node_of(value, depth)
  depth = (depth or 0) + 1
  local kind = type(value)
  if kind == "boolean" then return { kind = tostring(value) } end
  if kind == "string" or kind == "number" or kind == "nil" then return { kind = kind, value = value } end
  if kind ~= "table" or getmetatable(value) and not rawget(value, 1) and not next(value) or depth > DEPTH_MAX then
    return { kind = "other" }
  end
  local node = { kind = "table", items = {} }
  for key, inner in pairs(value) do
    local item = { value = M.node_of(inner, depth) }
    if type(key) == "string" then item.key = key elseif math.type(key) ~= "integer" then item.other, node.computed = true, true end
    node.items[#node.items + 1] = item
  end
  return node
end

return M
