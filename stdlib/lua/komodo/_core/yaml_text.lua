--- YAML of any Lua table, as conf/yaml.c reads it back. Pure.

local type, error, next, pairs, ipairs, tostring = type, error, next, pairs, ipairs, tostring
local concat, sort, utf8_len, utf8_codepoint = table.concat, table.sort, utf8.len, utf8.codepoint

local yaml = {}
local DEPTH_MAX = 64

-- Plain words that other readers of YAML take for something else than text, in lower case.
local words = {}
for word in ("true false yes no on off y n null"):gmatch("%a+") do words[word] = true end

local short = { ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\n"] = "\\n", ["\f"] = "\\f", ["\r"] = "\\r", ["\t"] = "\\t" }
local function escape(c) return short[c] or ("\\u%04X"):format(utf8_codepoint(c)) end

-- What YAML does not print: controls, NEL, the separators of lines and paragraphs, the byte order mark, U+FFFE and U+FFFF.
local unprintable = { "[%z\1-\31\127]", "\xC2[\x80-\x9F]", "\xE2\x80[\xA8\xA9]", "\xEF\xBB\xBF", "\xEF\xBF[\xBE\xBF]" }

local function quoted(s)
  s = s:gsub('["\\]', escape)
  for _, class in ipairs(unprintable) do s = s:gsub(class, escape) end
  return '"' .. s .. '"'
end

local function is_plain(s)
  return s:find("^[%a_/][%w_./@-]*$") and not words[s:lower()]
end

-- Lines that stand under "|" as they are: nothing but printable text, the first line without spaces in front.
local function fits_block(s)
  if not s:find("\n", 1, true) or s:find("^[ \n]") or s:find("^\n*$") then return false end
  local rest = s:gsub("\n", "")
  for _, class in ipairs(unprintable) do
    if rest:find(class) then return false end
  end
  return true
end

local function block(s, indent)
  local ending = s:match("\n*$")
  local mark = ending == "" and "|-" or ending == "\n" and "|" or "|+"
  local body = (s:sub(1, #s - #ending)):gsub("[^\n]+", function(line) return indent .. line end)
  return mark .. "\n" .. body .. (ending == "" and "" or ("\n"):rep(#ending - 1))
end

local function text_of(s, indent)
  if not utf8_len(s) then error("yaml.encode: a text is not UTF-8", 0) end
  if is_plain(s) then return s end
  return fits_block(s) and indent ~= "" and block(s, indent) or quoted(s)
end

local function sorted_keys(t)
  local keys = {}
  for key in pairs(t) do
    if type(key) ~= "string" then error("yaml.encode: a table has both numbered and named keys, or keys that are no text", 0) end
    keys[#keys + 1] = key
  end
  sort(keys)
  return keys
end

local write

local function write_list(list, indent, out, state)
  local n = 0
  for _ in pairs(list) do n = n + 1 end
  if n ~= #list then error("yaml.encode: a list has holes or named keys", 0) end
  for i, item in ipairs(list) do
    out[#out + 1] = (i > 1 or indent ~= "" and not state.inline) and indent or ""
    state.inline = false
    out[#out + 1] = "-"
    write(item, indent, out, state, true)
  end
end

local function write_map(map, indent, out, state)
  for i, key in ipairs(sorted_keys(map)) do
    out[#out + 1] = (i > 1 or indent ~= "" and not state.inline) and indent or ""
    state.inline = false
    if not utf8_len(key) then error("yaml.encode: a key is not UTF-8", 0) end
    out[#out + 1] = (is_plain(key) and key or quoted(key)) .. ":"
    write(map[key], indent, out, state, false)
  end
end

-- A value behind "key:" or "-", with the line break that ends it.
function write(value, indent, out, state, in_list)
  local kind = type(value)
  if kind ~= "table" or value == state.null then
    local text
    if value == state.null then text = "null"
    elseif kind == "string" then text = text_of(value, indent .. "  ")
    elseif kind == "number" then text = state.number(value)
    elseif kind == "boolean" then text = tostring(value)
    else error("yaml.encode: cannot write a " .. kind, 0) end
    out[#out + 1] = " " .. text .. "\n"
    return
  end
  state.depth = state.depth + 1
  if state.depth > DEPTH_MAX then error("yaml.encode: nested deeper than " .. DEPTH_MAX .. ", or a cycle", 0) end
  local is_list = #value > 0 or state.is_array(value)
  if next(value) == nil then
    out[#out + 1] = is_list and " []\n" or " {}\n"
  elseif is_list then
    out[#out + 1] = "\n"
    write_list(value, indent .. "  ", out, state)
  elseif in_list then   -- the first key stands behind the dash
    out[#out + 1] = " "
    state.inline = true
    write_map(value, indent .. "  ", out, state)
  else
    out[#out + 1] = "\n"
    write_map(value, indent .. "  ", out, state)
  end
  state.depth = state.depth - 1
end

--- YAML of a value: block style, keys sorted, texts quoted where plain ones would be read as something else.
---@param value any
---@param is_array fun(t: table): boolean Whether an empty table is marked as a list.
---@param null any What stands for null.
---@param number fun(n: number): string How JSON writes it.
---@return string text Ends in a line break.
function yaml.encode(value, is_array, null, number)
  local out, state = {}, { depth = 1, is_array = is_array, null = null, number = number }
  if type(value) ~= "table" or value == null or next(value) == nil then
    write(value, "", out, state, false)
    return (concat(out):sub(2))
  end
  if #value > 0 or is_array(value) then write_list(value, "", out, state) else write_map(value, "", out, state) end
  return concat(out)
end

return yaml
