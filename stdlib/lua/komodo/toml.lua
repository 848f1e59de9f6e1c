--- Writes TOML. Pure.
--
-- The text of resource files, byte for byte as Komodo exports it (spec sync.md 14.3). Its multi-line strings are raw: a reader of
-- resource files doubles every backslash between triple quotes before it parses (5.1). Standard TOML: komodo._core.toml_text.
--
-- In resource files a table is an ordered list of { key, value } pairs, made by toml.table, since their order counts. A value is nil
-- (left out), a boolean, a number, a string, such a table, or an array made by toml.array.

local standard = require("komodo._core.toml_text")

local toml = { quoted = standard.quoted, number = standard.number, key = standard.key }

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

-- Whether the raw form between triple quotes gives the same text back.
local function fits_raw(text)
  return text:find("\n", 1, true) and not text:find('"""', 1, true) and not text:gsub("\r\n", "\n"):find("[%z\1-\8\11-\31\127]")
end

local function string_text(text)
  return fits_raw(text) and '"""\n' .. text .. '"""' or toml.quoted(text)
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

return toml
