--- komodo.json for tests under plain Lua: arrays and null stay what they are.

local M = {}

M.null = setmetatable({}, { __name = "null", __tostring = function() return "null" end, __metatable = "null" })

local array_mt = { __name = "array", __metatable = "array" }
local arrays = setmetatable({}, { __mode = "k" })   -- which tables are arrays although they may be empty

--- Marks a table as an array, also when it is empty.
function M.array(list)
  list = list or {}
  arrays[list] = true
  return getmetatable(list) and list or setmetatable(list, array_mt)
end

--- Takes the mark of an array away.
function M.object(t)
  t = t or {}
  arrays[t] = nil
  if getmetatable(t) == "array" then debug.setmetatable(t, nil) end
  return t
end

function M.is_array(value)
  return type(value) == "table" and (arrays[value] or rawget(value, 1) ~= nil) and true or false
end

-- ---- encoding ----

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function quote(text)
  return '"' .. text:gsub('[%c"\\]', function(c) return escapes[c] or ("\\u%04x"):format(c:byte()) end) .. '"'
end

local encode

-- The parts of a list or object, over several lines when `indent` is a text.
local function joined(open, parts, close, indent)
  if #parts == 0 then return open .. close end
  if not indent then return open .. table.concat(parts, ",") .. close end
  local inner = "\n" .. indent .. "  "
  return open .. inner .. table.concat(parts, "," .. inner) .. "\n" .. indent .. close
end

local function encode_table(value, depth, indent)
  if depth > 100 then error("json.encode: nested too deeply", 0) end
  local parts, deeper = {}, indent and indent .. "  "
  if M.is_array(value) then
    for i, item in ipairs(value) do parts[i] = encode(item, depth, deeper) end
    return joined("[", parts, "]", indent)
  end
  local keys = {}
  for key in pairs(value) do
    if type(key) ~= "string" then error("json.encode: a key is no text", 0) end
    keys[#keys + 1] = key
  end
  table.sort(keys)
  for i, key in ipairs(keys) do parts[i] = quote(key) .. (indent and ": " or ":") .. encode(value[key], depth, deeper) end
  return joined("{", parts, "}", indent)
end

function encode(value, depth, indent)
  local kind = type(value)
  if value == nil or value == M.null then return "null" end
  if kind == "string" then return quote(value) end
  if kind == "boolean" then return tostring(value) end
  if kind == "number" then return math.type(value) == "integer" and ("%d"):format(value) or ("%.17g"):format(value) end
  if kind == "table" then return encode_table(value, depth + 1, indent) end
  error("json.encode: a " .. kind .. " has no JSON", 0)
end

--- JSON text; the keys of objects in order. options.pretty: over several lines.
function M.encode(value, options) return encode(value, 0, type(options) == "table" and options.pretty and "" or nil) end

-- ---- decoding ----

local decode

local function skip(text, at) return text:match("^[ \t\r\n]*()", at) end

local function decode_string(text, at)
  local out, from = {}, at + 1
  while true do
    local stop = text:find('["\\]', from)
    if not stop then error("json.decode: unfinished text", 0) end
    out[#out + 1] = text:sub(from, stop - 1)
    if text:sub(stop, stop) == '"' then return table.concat(out), stop + 1 end
    local char = text:sub(stop + 1, stop + 1)
    if char == "u" then
      local code = tonumber(text:match("^%x%x%x%x", stop + 2) or error("json.decode: \\u takes four digits", 0), 16)
      local low = code >= 0xD800 and code < 0xDC00 and text:match("^\\u(%x%x%x%x)", stop + 6)
      if low then code, stop = 0x10000 + ((code - 0xD800) << 10) + (tonumber(low, 16) - 0xDC00), stop + 6 end
      out[#out + 1] = utf8.char(code)
      from = stop + 6
    else
      local plain = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\", ["/"] = "/" }
      out[#out + 1] = plain[char] or error("json.decode: invalid escape", 0)
      from = stop + 2
    end
  end
end

local function decode_members(text, at, close, member)
  at = skip(text, at)
  if text:sub(at, at) == close then return at + 1 end
  while true do
    at = skip(text, member(skip(text, at)))
    local char = text:sub(at, at)
    if char == close then return at + 1 end
    if char ~= "," then error(("json.decode: ',' or '%s' expected at %d"):format(close, at), 0) end
    at = at + 1
  end
end

function decode(text, at, depth)
  if depth > 100 then error("json.decode: nested too deeply", 0) end
  local char = text:sub(at, at)
  if char == "{" then
    local made = {}
    return made, decode_members(text, at + 1, "}", function(from)
      if text:sub(from, from) ~= '"' then error(("json.decode: a name expected at %d"):format(from), 0) end
      local key, colon = decode_string(text, from)
      colon = skip(text, colon)
      if text:sub(colon, colon) ~= ":" then error(("json.decode: ':' expected at %d"):format(colon), 0) end
      local value, last = decode(text, skip(text, colon + 1), depth + 1)
      made[key] = value
      return last
    end)
  elseif char == "[" then
    local made = M.array()
    return made, decode_members(text, at + 1, "]", function(from)
      local value, last = decode(text, from, depth + 1)
      made[#made + 1] = value
      return last
    end)
  elseif char == '"' then
    return decode_string(text, at)
  end
  for word, value in pairs({ ["true"] = true, ["false"] = false, ["null"] = M.null }) do
    if text:sub(at, at + #word - 1) == word then return value, at + #word end
  end
  local number = text:match("^-?%d+%.?%d*[eE]?[+-]?%d*", at)
  local value = number and tonumber(number)
  if not value then error(("json.decode: a value expected at %d"):format(at), 0) end
  return value, at + #number
end

--- The value of a JSON text, or nil and what is wrong.
function M.decode(text)
  local ok, value, last = pcall(decode, text, skip(text, 1), 0)
  if not ok then return nil, value end
  if skip(text, last) <= #text then return nil, ("json.decode: more than one value, at %d"):format(last) end
  return value
end

return M
