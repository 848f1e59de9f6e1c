--- Takes the values of secrets out of what may be seen (spec lua.md 3): as they are, line by line, and as JSON, URLs, hex and
--- base64 spell them. Pure.
local text = require("komodo.text")
local redact = {}

local SPELLED_MIN, SPELLED_MAX = 6, 8192   -- bytes of a value whose other spellings are looked for
local INSIDE_MIN = 4                       -- bytes of a value that is looked for inside of data
local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

-- The whole characters that the bits of `s` fill, after `shift` bytes of something else: what they share wherever it stands.
local function base64_core(s, shift)
  local out, bits, count = {}, 0, 0
  for _, byte in ipairs({ (("\0"):rep(shift) .. s):byte(1, -1) }) do
    bits, count = (bits << 8 | byte) & 0xFFFF, count + 8
    while count >= 6 do
      count = count - 6
      local i = bits >> count & 63
      out[#out + 1] = ALPHABET:sub(i + 1, i + 1)
    end
  end
  return table.concat(out, "", ({ [0] = 1, 3, 4 })[shift])
end

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\b"] = "\\b", ["\f"] = "\\f" }
local function json_text(s)
  return (s:gsub('[%c"\\]', function(c) return escapes[c] or ("\\u%04x"):format(c:byte()) end))
end

local function percent(s, format) return (s:gsub("[^%w%-._~]", function(c) return format:format(c:byte()) end)) end
local function hex(s, format) return (s:gsub(".", function(c) return format:format(c:byte()) end)) end

-- Everything to look for of one value.
local function needles_of(value, add)
  add(value)
  for line in value:gmatch("[^\r\n]+") do
    if line ~= value and #line >= 4 then add(line) end
  end
  if #value < SPELLED_MIN or #value > SPELLED_MAX then return end
  add(json_text(value))
  for _, case in ipairs({ "%02x", "%02X" }) do
    add(hex(value, case))
    add(percent(value, "%%" .. case))
  end
  for shift = 0, 2 do
    local core = base64_core(value, shift)
    if #core >= SPELLED_MIN then
      add(core)
      add((core:gsub("[+/]", { ["+"] = "-", ["/"] = "_" })))
    end
  end
end

---@class Redactor
---@field list { [1]: string, [2]: string }[] What is looked for and what takes its place, the longest first.
local Redactor = {}
Redactor.__index = Redactor

--- For these values, by name.
---@param values table<string, string>
---@return Redactor
function redact.new(values)
  local list, seen, whole = {}, {}, {}
  for name, value in pairs(values) do
    local shown = "<" .. name .. ">"
    whole[value] = shown
    needles_of(value, function(needle)
      if needle == "" or seen[needle] then return end
      seen[needle] = true
      list[#list + 1] = { needle, shown }
    end)
  end
  table.sort(list, function(a, b) return #a[1] > #b[1] end)
  return setmetatable({ list = list, whole = whole }, Redactor)
end

local function replaced(list, s, min)
  for _, pair in ipairs(list) do
    if #pair[1] < min then break end
    if s:find(pair[1], 1, true) then s = text.replace(s, pair[1], pair[2]) end
  end
  return s
end

--- A text that people read.
function Redactor:text(s) return replaced(self.list, s, 1) end

--- A value of JSON: a copy with names and texts replaced. Values shorter than 4 bytes are replaced only where they are a
--- whole text, since they would turn up in ids and numbers everywhere.
function Redactor:value(v)
  if #self.list == 0 then return v end
  if type(v) == "string" then return self.whole[v] or replaced(self.list, v, INSIDE_MIN) end
  if type(v) ~= "table" then return v end
  local out = setmetatable({}, getmetatable(v))
  for key, value in pairs(v) do
    out[type(key) == "string" and self:value(key) or key] = self:value(value)
  end
  return out
end

return redact
