--- komodo.terminal: commands on servers and in containers; the engine keeps the terminals (komodo/script/terminal.lua).

local komodo, core = ...
local type, error, next, tostring, setmetatable, concat = type, error, next, tostring, setmetatable, table.concat
local ask, tell = core.ask, core.tell
local public = core.public

local last = 0

-- Tells each line of a text whose last line has no end.
local function tell_lines(text, on_line)
  local from = 1
  repeat
    local at = text:find("\n", from, true)
    on_line(text:sub(from, at and at - 1))
    from = at and at + 1
  until not from
end

local function run(target, command, opts)
  last = last + 1
  local id <const> = last
  local ending <close> = setmetatable({ done = false }, {
    __close = function(state) if not state.done then tell("terminal_close", { id = id }) end end,
  })
  local opened, problem = ask("terminal_open", { id = id, target = target, command = command, shell = opts.shell })
  if not opened then
    ending.done = true
    return nil, problem
  end
  if opened.code then   -- a dry run
    ending.done = true
    return { code = opened.code, stdout = "", stderr = "" }
  end
  local parts = {}
  while true do
    local part, why = ask("terminal_read", { id = id, live = opts.on_line ~= nil })
    if not part then return nil, why end
    if type(part.text) == "string" then
      parts[#parts + 1] = part.text
      if opts.on_line then tell_lines(part.text, opts.on_line) end
    end
    if part.code then
      ending.done = true
      local stdout = concat(parts, "\n")
      return { code = part.code, stdout = #parts > 0 and part.newline and stdout .. "\n" or stdout, stderr = "" }
    end
  end
end

--- Runs a command line and waits for its end: { code, stdout, stderr } | nil, err. The target is a server's name,
--- { server =, container = }, { stack =, service = } or { deployment = }. A terminal mixes both outputs: all of it is in
--- stdout, stderr is "". Bytes that are no UTF-8 become U+FFFD.
--- opts: on_line (called with each line as it comes), timeout (seconds; the command is killed), shell (what the terminal
--- starts; a POSIX shell).
function komodo.terminal(target, command, opts)
  opts = opts or {}
  if type(opts) ~= "table" then error("komodo.terminal: the third argument is a table", 2) end
  for key in next, opts do
    if key ~= "on_line" and key ~= "timeout" and key ~= "shell" then
      error("komodo.terminal: the option '" .. tostring(key) .. "' is unknown", 2)
    end
  end
  if opts.on_line ~= nil and type(opts.on_line) ~= "function" then error("komodo.terminal: opts.on_line is a function", 2) end
  if not opts.timeout then return run(target, command, opts) end
  return public.timeout(opts.timeout, function() return run(target, command, opts) end)
end
