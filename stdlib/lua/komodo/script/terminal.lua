--- komodo.terminal: commands of scripts on servers and in containers (spec lua.md 3). Each has a terminal of its own, which
--- is gone when the call ends, however it does.
local calls = require("komodo.script.calls")
local engine = require("engine")
local fail = require("komodo.fail")
local terminal_text = require("komodo.script.terminal_text")
local terminals = require("komodo.terminals")

local json = engine.json
local own = calls.own

local OUTPUT_KB, OUTPUT_KB_MAX, ANSWER_BYTES, LIVE_MS = 16384, 65536, 1048576, 100
local LOOK_MS, LEAVE_MS = 15000, 2000
local HOST_LINE, CONTAINER_LINE = 3800, 900   -- bytes: a PTY that edits takes 4,095, BusyBox 1,023
local CONTAINER_SHELL = "env HISTFILE=/dev/null sh"

-- ---- the target ----

local fields = { server = true, container = true, stack = true, service = true, deployment = true }

-- A server's name, or { server, container? } | { stack, service } | { deployment }: as a TerminalTarget.
local function target_of(given)
  if type(given) == "string" then given = { server = given } end
  if type(given) ~= "table" then fail.raise("invalid", "komodo.terminal: the target is a server's name or a table") end
  for key, value in pairs(given) do
    if not fields[key] then fail.raise("invalid", "komodo.terminal: the field '%s' of the target is unknown", tostring(key)) end
    if type(value) ~= "string" then fail.raise("invalid", "komodo.terminal: the field '%s' of the target must be a text", key) end
  end
  local type_ = given.container and "Container" or given.server and "Server" or given.stack and "Stack" or given.deployment and "Deployment"
  if not type_ then
    fail.raise("invalid", "komodo.terminal: the target is { server = }, { server =, container = }, { stack =, service = } or { deployment = }")
  end
  return { type = type_, params = given }
end

-- ---- one terminal ----

---@class ScriptTerminal
---@field place TerminalPlace
---@field name string
---@field output TerminalOutput
---@field bytes integer Read so far.
---@field max integer
---@field channel? any Of the command's output.
local Terminal = {}
Terminal.__index = Terminal

-- docker ends the client of an exec, not what runs in the container: the shell is told to leave.
local function leave(t)
  local place = t.place
  local uuid = terminals.channel(place, "ConnectTerminal", { terminal = t.name, target = place.target })
  local channel <close> = fail.unless(nil, engine.terminal.open(place.server, uuid, t.max))
  local limit = engine.spawn(function()
    engine.sleep(LEAVE_MS)
    pcall(channel.close, channel)
  end)
  channel:type((t.output.code and "" or "\3") .. "exit\n")
  while channel:read() do end
  limit:cancel()
end

-- Ends it without keeping anybody waiting. Again does no harm: what was under way may have made it meanwhile.
function Terminal:finish()
  self.finished = true
  if self.channel then self.channel:close() end
  if self.watcher then self.watcher:cancel() end
  local later = pcall(engine.spawn, function()
    if self.place.container and self.channel then pcall(leave, self) end
    pcall(terminals.delete, self.place, self.name)
  end)
  -- The engine is stopping: nobody waits for an answer any more, but the request goes out.
  if not later then pcall(terminals.delete, self.place, self.name) end
end

-- An agent that was started anew knows nothing of it and will say nothing: look now and then.
function Terminal:watch()
  self.watcher = engine.spawn(function()
    repeat
      engine.sleep(LOOK_MS)
      local list = engine.hub.request(self.place.server, "ListTerminals", { target = self.place.target })
      local found = not list
      for _, item in ipairs(list or {}) do found = found or item.name == self.name end
      if not found then self.channel:close() end
    until not found
  end)
end

function Terminal:open(shell, command)
  local place = self.place
  terminals.create(place, { name = self.name, command = shell or (place.container and CONTAINER_SHELL) or nil, recreate = "Always" })
  local uuid = terminals.channel(place, "ExecuteTerminal", { terminal = self.name, target = place.target, command = command })
  self.channel = fail.unless(nil, engine.terminal.open(place.server, uuid, self.max))
  self:watch()
end

-- Reads until there is something to tell: with `live` as soon as a line is there, else when it is over or much has come.
function Terminal:read(live)
  if live and self.told then engine.sleep(math.max(0, self.told + LIVE_MS - engine.now())) end
  local output, lines, size = self.output, {}, 0
  while not output.code and size < ANSWER_BYTES and not (live and #lines > 0) do
    local bytes, err = self.channel:read()
    if not bytes and err.code == "closed" then
      fail.raise("closed", "komodo.terminal: the terminal ended before the command did (its shell has gone, or the connection to the agent)")
    elseif not bytes and err.code ~= "too_big" then
      fail.raise("closed", "komodo.terminal: the terminal ended before the command did: %s", err.message)
    end
    self.bytes = self.bytes + (bytes and #bytes or self.max)
    if self.bytes > self.max then
      fail.raise("too_big", "komodo.terminal: more than %d KB of output (limits.http_kb)", self.max // 1024)
    end
    size = size + #bytes
    output:feed(bytes)
    for _, line in ipairs(output:take()) do lines[#lines + 1] = line end
  end
  self.told = engine.now()
  return lines
end

-- ---- what the module asks for ----

local function plain(value, what)
  if type(value) ~= "string" or value == "" then fail.raise("invalid", "komodo.terminal: %s is a text", what) end
  return value
end

function own.terminal_open(run, p)
  local target = target_of(p.target)
  local place = terminals.place({ user = run.user }, target)
  run:require("terminal", target.type:lower(), function() return place.name end)
  if run.plan then return run.plan:terminal(p) end
  local typed = terminal_text.line(plain(calls.reveal(run, p.command), "the command"))
  local longest = place.container and CONTAINER_LINE or HOST_LINE
  if #typed > longest then
    fail.raise("too_big", "komodo.terminal: the command is %d bytes as it is typed, %s takes %d: let it read a file", #typed,
      place.container and "a container's shell" or "a server's shell", longest)
  end
  run.terminals = run.terminals or {}
  if run.terminals[p.id] then fail.raise("invalid", "komodo.terminal: this terminal is open already") end
  local t = setmetatable({ place = place, name = ("script-%s-%d"):format(run.id, p.id), output = terminal_text.output(),
    bytes = 0, max = math.min(run.http_kb or OUTPUT_KB, OUTPUT_KB_MAX) * 1024 // 1 }, Terminal)
  run.terminals[p.id] = t
  run.closing[t] = function() t:finish() end
  local ok, err = pcall(t.open, t, p.shell and plain(p.shell, "opts.shell"), typed)
  if ok and not t.finished then return { id = p.id } end
  t:finish()
  error(ok and fail.new("cancelled", "cancelled") or err, 0)
end

local function close(run, id)
  local t = run.terminals and run.terminals[id]
  if not t then return end
  run.terminals[id], run.closing[t] = nil, nil
  t:finish()
end

function own.terminal_read(run, p)
  local t = run.terminals and run.terminals[p.id]
  if not t then fail.raise("closed", "komodo.terminal: this terminal is closed") end
  local lines = t:read(p.live)
  local answer = { text = #lines > 0 and run:redact(table.concat(lines, "\n")) or json.null }
  if t.output.code then
    answer.code, answer.newline = t.output.code, t.output.newline
    close(run, p.id)
  end
  return answer
end

function own.terminal_close(run, p)
  close(run, p.id)
  return { closed = true }
end
