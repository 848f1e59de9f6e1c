--- The two directions of a command in a terminal as texts: what is typed, and what comes back (spec agent.md 16 "Execute").
--- Pure.
local terminal_text = {}

local END <const> = "__KOMODO_END_OF_OUTPUT__"

-- What a shell that edits its line would take for a key, a history search or the end of the line.
local function escaped(c) return ("\\0%03o"):format(c:byte()) end

--- The command as one line that any POSIX shell reads whole, in a subshell: its `exit`, its mistakes and its unbalanced quotes
--- end there, and the marks around it are printed in any case.
---@param command string
---@return string
function terminal_text.line(command)
  local text = command:gsub("[\\%c'!]", escaped)
  return "(eval \"$(printf '%b' '" .. text .. "')\")"
end

--- The same text with U+FFFD for every byte that is no UTF-8.
---@param s string
---@return string
function terminal_text.utf8(s)
  if utf8.len(s) then return s end
  local out, from = {}, 1
  repeat
    local ok, bad = utf8.len(s, from)
    out[#out + 1] = ok and s:sub(from) or s:sub(from, bad - 1) .. "\u{FFFD}"
    from = bad and bad + 1
  until not from
  return table.concat(out)
end

---@class TerminalOutput
---@field lines string[] Of the command, whole and not taken yet.
---@field code? integer Its exit code, once it is over.
---@field newline? boolean Then: whether its last line had an end.
local Output = {}
Output.__index = Output

--- Reads the stream of an execution: an empty line, the lines of the command, an empty line or the end of an unfinished one,
--- the line with the code, the end mark. The last empty line belongs to none, so one is always held back.
---@return TerminalOutput
function terminal_text.output()
  return setmetatable({ lines = {}, parts = {}, parts_len = 0, began = false, blank = false }, Output)
end

function Output:_line(line)
  line = line:gsub("\r+$", "")
  if not self.began then
    self.began = true
    if line == "" then return end
  end
  local lines = self.lines
  if self.held then   -- it was a line of the command that looks like the code
    if self.blank then lines[#lines + 1] = "" end
    lines[#lines + 1], self.held, self.blank = self.held, nil, false
  end
  if line:find("^__KOMODO_EXIT_CODE:%-?%d+$") then
    self.held = line
    return
  end
  if self.blank then lines[#lines + 1] = "" end
  self.blank = line == ""
  if line ~= "" then lines[#lines + 1] = terminal_text.utf8(line) end
end

--- The next bytes of the stream.
---@param bytes string
function Output:feed(bytes)
  local from = 1
  while true do
    local at = bytes:find("\n", from, true)
    if not at then break end
    self.parts[#self.parts + 1] = bytes:sub(from, at - 1)
    self:_line(table.concat(self.parts))
    self.parts, self.parts_len, from = {}, 0, at + 1
  end
  self.parts[#self.parts + 1] = bytes:sub(from)
  self.parts_len = self.parts_len + #bytes - from + 1
  if self.held and self.parts_len == #END and table.concat(self.parts) == END then
    self.code, self.newline = math.tointeger(tonumber(self.held:match("%-?%d+$"))), self.blank
  end
end

--- The lines so far; they are forgotten here.
---@return string[]
function Output:take()
  local lines = self.lines
  self.lines = {}
  return lines
end

return terminal_text
