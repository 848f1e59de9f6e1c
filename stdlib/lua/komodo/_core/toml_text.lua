--- Standard TOML of any Lua table, and the scalars that resource files share with it (komodo.toml). Pure.

local type, error, pairs, ipairs, tostring, tonumber, pcall = type, error, pairs, ipairs, tostring, tonumber, pcall
local math_type, huge, concat, sort = math.type, math.huge, table.concat, table.sort

local toml = {}

-- ---- scalars ----

local short_escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\n"] = "\\n", ["\f"] = "\\f", ["\r"] = "\\r" }

local function escape(c)
  return short_escapes[c] or ("\\u%04X"):format(c:byte())
end

--- A string between double quotes on one line. Tabs stay as they are.
function toml.quoted(text)
  return '"' .. text:gsub('[%z\1-\8\10-\31\127"\\]', escape) .. '"'
end

--- A number as JSON and TOML write it: floats keep a point or an exponent.
function toml.number(value)
  if math_type(value) == "integer" then
    return tostring(value)
  end
  if value ~= value or value == huge or value == -huge then
    error("inf and nan are not supported", 2)
  end
  local text
  for digits = 15, 17 do
    text = ("%." .. digits .. "g"):format(value)
    if tonumber(text) == value then
      break
    end
  end
  return text:find("[.e]") and text or text .. ".0"
end

function toml.key(name)
  return name:find("^[%w_-]+$") and name or toml.quoted(name)
end

-- ---- any table, standard TOML ----

local DEPTH_MAX = 64

local function sorted_keys(t)
  local keys = {}
  for key in pairs(t) do
    if type(key) ~= "string" then
      error("toml.encode: a key is a " .. type(key) .. ", only texts can be keys", 0)
    end
    keys[#keys + 1] = key
  end
  sort(keys)
  return keys
end

local function is_list(t, is_array) return #t > 0 or is_array(t) end

local function is_list_of_tables(value, is_array)
  if type(value) ~= "table" or not is_list(value, is_array) or #value == 0 then
    return false
  end
  for _, item in ipairs(value) do
    if type(item) ~= "table" or is_list(item, is_array) then
      return false
    end
  end
  return true
end

local function encode_inline(value, depth, is_array)
  if depth > DEPTH_MAX then
    error("toml.encode: nested deeper than " .. DEPTH_MAX .. ", or a cycle", 0)
  end
  local kind = type(value)
  if kind == "string" then
    return toml.quoted(value)
  elseif kind == "number" then
    return toml.number(value)
  elseif kind == "boolean" then
    return tostring(value)
  elseif kind ~= "table" then
    error("toml.encode: cannot write a " .. kind .. (kind == "userdata" and " (TOML has no null)" or ""), 0)
  end
  local parts = {}
  if is_list(value, is_array) then
    for i, item in ipairs(value) do
      parts[i] = encode_inline(item, depth + 1, is_array)
    end
    return "[" .. concat(parts, ", ") .. "]"
  end
  for i, key in ipairs(sorted_keys(value)) do
    parts[i] = toml.key(key) .. " = " .. encode_inline(value[key], depth + 1, is_array)
  end
  return #parts > 0 and "{ " .. concat(parts, ", ") .. " }" or "{}"
end

local function encode_table(t, path, depth, out, is_array)
  if depth > DEPTH_MAX / 2 then
    error("toml.encode: nested deeper than " .. DEPTH_MAX // 2 .. ", or a cycle", 0)
  end
  local keys, nested = sorted_keys(t), {}
  for _, key in ipairs(keys) do
    local value = t[key]
    if is_list_of_tables(value, is_array) or (type(value) == "table" and not is_list(value, is_array)) then
      nested[#nested + 1] = key
    else
      out[#out + 1] = toml.key(key) .. " = " .. encode_inline(value, depth + 1, is_array)
    end
  end
  for _, key in ipairs(nested) do
    local value, name = t[key], path .. toml.key(key)
    local open, close = "[", "]"
    local tables = { value }
    if is_list_of_tables(value, is_array) then
      open, close, tables = "[[", "]]", value
    end
    for _, one in ipairs(tables) do
      out[#out + 1] = (#out > 0 and "\n" or "") .. open .. name .. close
      encode_table(one, name .. ".", depth + 1, out, is_array)
    end
  end
end

--- Standard TOML of a table: keys sorted, values first, then tables under headers. Dates are not a type of Lua: they are written as text.
---@param value table With text keys.
---@param is_array fun(t: table): boolean Whether an empty table is marked as a list.
---@return string text Ends in a line break unless empty.
function toml.encode(value, is_array)
  if type(value) ~= "table" or is_list(value, is_array) then
    error("toml.encode: wants a table with text keys", 2)
  end
  local out = {}
  local ok, message = pcall(encode_table, value, "", 1, out, is_array)
  if not ok then
    error(message, 2)
  end
  return #out > 0 and concat(out, "\n") .. "\n" or ""
end

return toml
