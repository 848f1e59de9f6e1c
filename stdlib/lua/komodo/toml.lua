--- Writes TOML. Pure.
--
-- Two dialects:
--   fields, quoted, …   the text of resource files, byte for byte as Komodo exports it (spec sync.md 14.3). Its multi-line strings are
--                       raw: a reader of resource files doubles every backslash between triple quotes before it parses (5.1).
--   encode              standard TOML of any Lua table, for scripts.
--
-- In resource files a table is an ordered list of { key, value } pairs, made by toml.table, since their order counts. A value is nil
-- (left out), a boolean, a number, a string, such a table, or an array made by toml.array.

local toml = {}

local Table = { __name = "toml.table" }
local Array = { __name = "toml.array" }

---@param pairs_ { [1]: string, [2]: any }[]
function toml.table(pairs_)
  return setmetatable(pairs_, Table)
end

---@param items any[] Without holes.
function toml.array(items)
  return setmetatable(items, Array)
end

local function is_table(value)
  return getmetatable(value) == Table
end

local function is_array(value)
  return getmetatable(value) == Array
end

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
  if math.type(value) == "integer" then
    return tostring(value)
  end
  if value ~= value or value == math.huge or value == -math.huge then
    error("toml: inf and nan are not supported", 2)
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

--- Whether the raw form between triple quotes gives the same text back.
local function fits_raw(text)
  return text:find("\n", 1, true) and not text:find('"""', 1, true) and not text:gsub("\r\n", "\n"):find("[%z\1-\8\11-\31\127]")
end

local function string_text(text)
  return fits_raw(text) and '"""\n' .. text .. '"""' or toml.quoted(text)
end

function toml.key(name)
  return name:find("^[%w_-]+$") and name or toml.quoted(name)
end

-- ---- resource files ----

local function flatten(entries, prefix, empty_tables, out)
  for _, entry in ipairs(entries) do
    local key, value = prefix .. toml.key(entry[1]), entry[2]
    if is_table(value) and (#value > 0 or not empty_tables) then
      flatten(value, key .. ".", empty_tables, out)
    else
      out[#out + 1] = { key, value }
    end
  end
  return out
end

local value_text

local function inline_table(entries, empty_tables)
  local parts = {}
  for _, entry in ipairs(flatten(entries, "", empty_tables, {})) do
    local text = value_text(entry[2], true, empty_tables)
    if text then
      parts[#parts + 1] = entry[1] .. " = " .. text
    end
  end
  return #parts > 0 and "{ " .. table.concat(parts, ", ") .. " }" or "{}"
end

local function item_text(item, empty_tables)
  if type(item) == "string" then
    return toml.quoted(item)
  elseif is_table(item) then
    return inline_table(item, empty_tables)
  end
  return value_text(item, true, empty_tables)
end

local SHORT_ARRAY = 30   -- bytes of all items up to which they share a line

local function array_text(items, one_line, empty_tables)
  local parts, total = {}, 0
  for i, item in ipairs(items) do
    parts[i] = item_text(item, empty_tables)
    total = total + #parts[i]
  end
  if one_line or total <= SHORT_ARRAY then
    return "[" .. table.concat(parts, ", ") .. "]"
  end
  return "[\n  " .. table.concat(parts, ",\n  ") .. "\n]"
end

--- nil: the value is left out.
function value_text(value, one_line, empty_tables)
  if value == nil or value == "" then
    return nil
  elseif type(value) == "boolean" then
    return tostring(value)
  elseif type(value) == "number" then
    return toml.number(value)
  elseif type(value) == "string" then
    return string_text(value)
  elseif is_array(value) then
    return array_text(value, one_line, empty_tables)
  elseif is_table(value) then
    return inline_table(value, empty_tables)
  end
  error("toml: cannot write a " .. type(value), 2)
end

--- Lines `key = value` of a table; nested tables become dotted keys. A line that is left out in front leaves an empty line, as in
--- Komodo. `empty_tables`: an empty table is written as `key = {}` instead of being left out.
---@param entries table Made by toml.table.
---@param empty_tables? boolean
---@return string
function toml.fields(entries, empty_tables)
  local out = {}
  for i, entry in ipairs(flatten(entries, "", empty_tables, {})) do
    local text = value_text(entry[2], false, empty_tables)
    if text then
      out[#out + 1] = (i > 1 and "\n" or "") .. entry[1] .. " = " .. text
    end
  end
  return table.concat(out)
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
  table.sort(keys)
  return keys
end

-- Names of the metatables that mark arrays: of the engine, of the schema, of this module.
local array_names = { ["json.array"] = true, array = true, [Array.__name] = true }

--- A list has the keys 1 … n, or the metatable of an array.
local function is_list(t)
  local meta = getmetatable(t)
  return #t > 0 or (type(meta) == "table" and array_names[meta.__name] == true)
end

local function is_list_of_tables(value)
  if type(value) ~= "table" or not is_list(value) or #value == 0 then
    return false
  end
  for _, item in ipairs(value) do
    if type(item) ~= "table" or is_list(item) then
      return false
    end
  end
  return true
end

local function encode_inline(value, depth)
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
    error("toml.encode: cannot write a " .. kind, 0)
  end
  local parts = {}
  if is_list(value) then
    for i, item in ipairs(value) do
      parts[i] = encode_inline(item, depth + 1)
    end
    return "[" .. table.concat(parts, ", ") .. "]"
  end
  for i, key in ipairs(sorted_keys(value)) do
    parts[i] = toml.key(key) .. " = " .. encode_inline(value[key], depth + 1)
  end
  return #parts > 0 and "{ " .. table.concat(parts, ", ") .. " }" or "{}"
end

local function encode_table(t, path, depth, out)
  if depth > DEPTH_MAX / 2 then
    error("toml.encode: nested deeper than " .. DEPTH_MAX // 2 .. ", or a cycle", 0)
  end
  local keys, nested = sorted_keys(t), {}
  for _, key in ipairs(keys) do
    local value = t[key]
    if is_list_of_tables(value) or (type(value) == "table" and not is_list(value)) then
      nested[#nested + 1] = key
    else
      out[#out + 1] = toml.key(key) .. " = " .. encode_inline(value, depth + 1)
    end
  end
  for _, key in ipairs(nested) do
    local value, name = t[key], path .. toml.key(key)
    local open, close = "[", "]"
    local tables = { value }
    if is_list_of_tables(value) then
      open, close, tables = "[[", "]]", value
    end
    for _, one in ipairs(tables) do
      out[#out + 1] = (#out > 0 and "\n" or "") .. open .. name .. close
      encode_table(one, name .. ".", depth + 1, out)
    end
  end
end

--- Standard TOML of a table: keys sorted, values first, then tables under headers. Dates are not a type of Lua: write them as text.
---@param value table With text keys.
---@return string text Ends in a line break unless empty.
function toml.encode(value)
  if type(value) ~= "table" or (is_list(value)) then
    error("toml.encode: wants a table with text keys", 2)
  end
  local out = {}
  local ok, message = pcall(encode_table, value, "", 1, out)
  if not ok then
    error(message, 2)
  end
  return #out > 0 and table.concat(out, "\n") .. "\n" or ""
end

return toml
