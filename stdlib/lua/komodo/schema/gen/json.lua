--- JSON text with keys in the order they were set, the same on every run.

local M = {}

local Object = {}
Object.__index = Object

--- object("key", value, "key", value, …); nil values are left out.
function M.object(...)
  local made = setmetatable({ keys = {}, values = {} }, Object)
  local given = table.pack(...)
  for i = 1, given.n, 2 do
    if given[i + 1] ~= nil then
      made:set(given[i], given[i + 1])
    end
  end
  return made
end

function Object:set(key, value)
  if self.values[key] == nil then
    self.keys[#self.keys + 1] = key
  end
  self.values[key] = value
  return self
end

M.null = setmetatable({}, { __name = "null" })

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\b"] = "\\b", ["\f"] = "\\f" }

local function quoted(text)
  return '"' .. text:gsub('[%c"\\]', function(c)
    return escapes[c] or ("\\u%04x"):format(c:byte())
  end) .. '"'
end

local write

local function write_all(out, open, close, count, indent, item)
  if count == 0 then
    out[#out + 1] = open .. close
    return
  end
  local inner = indent .. "  "
  out[#out + 1] = open
  for i = 1, count do
    out[#out + 1] = (i == 1 and "\n" or ",\n") .. inner
    item(i, inner)
  end
  out[#out + 1] = "\n" .. indent .. close
end

function write(out, value, indent)
  if getmetatable(value) == Object then
    write_all(out, "{", "}", #value.keys, indent, function(i, inner)
      out[#out + 1] = quoted(value.keys[i]) .. ": "
      write(out, value.values[value.keys[i]], inner)
    end)
  elseif value == M.null then
    out[#out + 1] = "null"
  elseif type(value) == "table" then
    write_all(out, "[", "]", #value, indent, function(i, inner)
      write(out, value[i], inner)
    end)
  elseif type(value) == "string" then
    out[#out + 1] = quoted(value)
  elseif math.type(value) == "float" then
    assert(value == value and value ~= math.huge and value ~= -math.huge, "not a JSON number")
    out[#out + 1] = ("%.17g"):format(value)
  else
    out[#out + 1] = tostring(value)
  end
end

--- `value` as indented text; tables without object() are arrays.
function M.encode(value)
  local out = {}
  write(out, value, "")
  out[#out + 1] = "\n"
  return table.concat(out)
end

return M
