--- Lua 5.4 tokens with their places.
--
--   local tokens, problem = lexer.tokens(source)
--   tokens[i] = { kind = "name"|"string"|"number"|"eof"|<the word or sign itself>, value, line, column, end_line, end_column }
--
-- Columns count bytes from 1; the end is the place behind. A problem is { line, column, message }.

local M = {}

local keywords = {}
for word in ("and break do else elseif end false for function goto if in local nil not or repeat return then true until while")
  :gmatch("%a+") do
  keywords[word] = true
end

local signs = { {}, {}, {} }   -- by length
for sign in ("... .. == ~= <= >= << >> // :: + - * / % ^ # & ~ | < > = ( ) { } [ ] ; : , ."):gmatch("%S+") do
  signs[#sign][sign] = true
end

local single = {}   -- those that no longer sign begins with
for sign in ("+ * % ^ # & | ( ) { } ] ; ,"):gmatch("%S+") do single[sign] = true end

local escapes = { a = "\a", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", v = "\v", ["\\"] = "\\", ['"'] = '"', ["'"] = "'" }

local function refuse(state, at, message)
  error({ line = state.line, column = at - state.line_start + 1, message = message }, 0)
end

--- Counts the lines between two places of the source.
local function pass_lines(state, from, to)
  local at = from
  while true do
    local newline = state.source:find("\n", at, true)
    if not newline or newline > to then return end
    state.line, state.line_start, at = state.line + 1, newline + 1, newline + 1
  end
end

--- The end of a long bracket that opens at `at`: the text inside and the place behind, or nothing.
local function long_bracket(state, at, what)
  local level = state.source:match("^%[(=*)%[", at)
  if not level then return end
  local first = at + #level + 2
  local close = state.source:find("]" .. level .. "]", first, true)
  if not close then refuse(state, at, "unfinished long " .. what) end
  local last = close + #level + 1
  pass_lines(state, at, last)
  return state.source:sub(first, close - 1):gsub("^\r?\n", "", 1), last + 1
end

local function utf8_escape(state, at, out)
  local hex, last = state.source:match("^{(%x+)}()", at)
  local code = hex and #hex <= 8 and tonumber(hex, 16)
  if not code or code >= 2 ^ 31 then refuse(state, at, "\\u takes {hexadecimal digits}") end
  out[#out + 1] = utf8.char(code)
  return last
end

--- One escape of a string; `at` is behind the backslash. Gives the place behind it.
local function escape(state, at, out)
  local source = state.source
  local char = source:sub(at, at)
  if escapes[char] then
    out[#out + 1] = escapes[char]
    return at + 1
  elseif char == "x" then
    local hex = source:match("^%x%x", at + 1)
    if not hex then refuse(state, at, "\\x takes two hexadecimal digits") end
    out[#out + 1] = string.char(tonumber(hex, 16))
    return at + 3
  elseif char == "u" then
    return utf8_escape(state, at + 1, out)
  elseif char == "z" then
    local last = source:match("^%s*()", at + 1)
    pass_lines(state, at, last - 1)
    return last
  elseif char == "\n" or char == "\r" then
    local last = source:match("^\r?\n?()", at)
    pass_lines(state, at, last - 1)
    out[#out + 1] = "\n"
    return last
  end
  local digits = source:match("^%d%d?%d?", at)
  if not digits or tonumber(digits) > 255 then refuse(state, at, "invalid escape in a string") end
  out[#out + 1] = string.char(tonumber(digits))
  return at + #digits
end

local function short_string(state, at)
  local source, quote = state.source, state.source:sub(at, at)
  local out, from = {}, at + 1
  while true do
    local stop = source:find("[\\\r\n" .. quote .. "]", from)
    if not stop then refuse(state, at, "unfinished string") end
    out[#out + 1] = source:sub(from, stop - 1)
    local char = source:sub(stop, stop)
    if char == quote then return table.concat(out), stop + 1 end
    if char ~= "\\" then refuse(state, at, "unfinished string") end
    from = escape(state, stop + 1, out)
  end
end

local function number(state, at)
  local text = state.source:match("^0[xX][%x%.]*", at)
  local exponent = text and "^[pP][+-]?%d+" or "^[eE][+-]?%d+"
  text = text or state.source:match("^[%d%.]+", at)
  text = text .. (state.source:match(exponent, at + #text) or "")
  local value = tonumber(text)
  if not value or state.source:find("^[%w_]", at + #text) then refuse(state, at, "malformed number") end
  return value, at + #text
end

local function skip_comment(state, at)
  local _, last = long_bracket(state, at, "comment")
  return last or state.source:match("^[^\n]*()", at)
end

--- What stands at `at`: its kind, its value, the place behind.
local function token(state, at, char)
  local source = state.source
  local word = source:match("^[%a_][%w_]*", at)
  if word then return keywords[word] and word or "name", word, at + #word end
  if single[char] then return char, char, at + 1 end
  if source:find("^%.?%d", at) then return "number", number(state, at) end
  if char == '"' or char == "'" then return "string", short_string(state, at) end
  if char == "[" then
    local text, last = long_bracket(state, at, "string")
    if text then return "string", text, last end
  end
  for length = 3, 1, -1 do
    local sign = source:sub(at, at + length - 1)
    if signs[length][sign] then return sign, sign, at + length end
  end
  refuse(state, at, "unexpected character")
end

local function read_all(state)
  local source, tokens = state.source, {}
  local at = 1
  while true do
    local stop = source:match("^[ \t\r\f\v]*()", at)
    local char = source:sub(stop, stop)
    if char == "" then break end
    if char == "\n" then
      state.line, state.line_start, at = state.line + 1, stop + 1, stop + 1
    elseif char == "-" and source:sub(stop + 1, stop + 1) == "-" then
      at = skip_comment(state, stop + 2)
    else
      local made = { line = state.line, column = stop - state.line_start + 1 }
      made.kind, made.value, at = token(state, stop, char)
      made.end_line, made.end_column = state.line, at - state.line_start + 1
      tokens[#tokens + 1] = made
    end
  end
  tokens[#tokens + 1] = { kind = "eof", value = "<end>", line = state.line, column = #source - state.line_start + 2 }
  return tokens
end

--- All tokens of a source, or nil and the problem.
function M.tokens(source)
  local ok, result = pcall(read_all, { source = source, line = 1, line_start = 1 })
  if ok then return result end
  if type(result) ~= "table" then error(result, 0) end
  return nil, result
end

return M
