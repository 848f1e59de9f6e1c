--- Tests of scripts without an engine: a fake fleet, a virtual clock, recorded calls, failures to order.
--
--   local testing = require("komodo.testing")
--   local t = testing.new {
--     now = "2026-03-01T02:00:00Z",
--     servers = { { name = "web-1", stats = { … }, containers = { … }, images = { … } } },
--     stacks = { { name = "shop", tags = { "prod" }, state = "running", config = { server_id = "web-1" } } },
--     variables = { RELEASE = "1.2" }, secrets = { HOOK = "https://…" }, args = { … }, capabilities = { "read:*" },
--   }
--   t:fail("execute", "DeployStack", { stack = "shop" }, "no space left")      -- the next one fails; { times = 2 } for more
--   t:answer("read", "GetStackLog", { stdout = "ready" })                      -- or a function of the parameters
--   t:answer("http", "https://hooks.test/x", { status = 500 })
--   local outcome = t:run("actions-examples/rollout.lua", { tag = "prod" })    -- ok, result, error, log, stages
--   assert.same({ "DeployStack shop" }, t:trace("execute"))
--   t:calls_of("http", nil, { method = "POST" })
--
-- Requests are held against the schema: a name or field that does not exist is an error of the test. Executions take a second of
-- virtual time each (t.durations.DeployStack = 30 changes that), and change the state of what they are done to.

local check = require("komodo.check")
local clock = require("komodo.testing.clock")
local core = require("komodo.testing.core")
local fleet = require("komodo.testing.fleet")
local json = require("komodo.testing.json")
local module = require("komodo.testing.module")
local schema = require("komodo.schema")
local shape = require("komodo.check.shape")

local M = { json = json }

local T = {}
T.__index = T

local problem = core.problem
T.problem = function(_, fields) return problem(fields) end

--- A fake engine; see the head of this file for `spec`.
function M.new(spec)
  spec = spec or {}
  local self = setmetatable({ clock = clock.new(spec.now), args = spec.args or {}, event = spec.event or { type = "manual" },
    capabilities = spec.capabilities, secrets = spec.secrets or {}, modules = spec.modules or {}, calls = {}, kv = spec.kv or {},
    scripted = {}, expected = {}, durations = {}, lines = {}, stages = {}, updates = {}, locks = {},
    run_info = spec.run or { id = "run-1", user = "admin", action = "test" } }, T)
  self.read_clock = function() return self.clock.now end
  self.fleet = fleet.new(spec, self.clock.now)
  return self
end

-- ---- comparing ----

--- Whether every field of `part` is in `whole` with the same value, also deeper.
local function contains(whole, part)
  if type(part) == "function" then return part(whole) and true or false end
  if type(part) ~= "table" then return whole == part end
  if type(whole) ~= "table" then return false end
  for key, value in pairs(part) do
    if not contains(whole[key], value) then return false end
  end
  return true
end

-- ---- what the test orders ----

local function script(self, group, name, entry)
  local key = group .. " " .. name
  self.scripted[key] = self.scripted[key] or {}
  table.insert(self.scripted[key], entry)
  return self
end

--- The next matching request fails (`more.times`: how many). An execution ends unsuccessful with these words in its log.
function T:fail(group, name, params, message, more)
  more = more or {}
  return script(self, group, name, { params = params, left = more.times or 1, failure = message or "failed", code = more.code,
    status = more.status })
end

--- What a request answers instead of what the fleet says: a value, or a function of the parameters. `group` may be "http", "terminal"
--- (then `name` is the URL or the command). The newest order that matches counts; params selects.
function T:answer(group, name, value, params)
  return script(self, group, name, { params = params, value = value, left = math.huge })
end

--- The request must be made that many times (`more.times`, else at least once); T:verify says whether it was.
function T:expect(group, name, params, more)
  table.insert(self.expected, { group = group, name = name, params = params, times = more and more.times })
  return self
end

--- Raises an error that lists the calls made, if an expectation was not met.
function T:verify()
  for _, wanted in ipairs(self.expected) do
    local n = #self:calls_of(wanted.group, wanted.name, wanted.params)
    if wanted.times and n ~= wanted.times or not wanted.times and n == 0 then
      error(("expected %s %s %s, it was made %d times; all calls:\n  %s"):format(wanted.group, wanted.name,
        wanted.times and wanted.times .. " times" or "to be made", n, table.concat(self:trace(), "\n  ")), 2)
    end
  end
end

local function scripted(self, group, name, params)
  local list = self.scripted[group .. " " .. name] or {}
  for i = #list, 1, -1 do
    local entry = list[i]
    if entry.left > 0 and (not entry.params or contains(params, entry.params)) then
      entry.left = entry.left - 1
      return entry
    end
  end
end
T.take_scripted = scripted

-- ---- what was called ----

--- Notes a call, and refuses it if the capabilities given do not cover it.
function T:record(group, name, params, target)
  table.insert(self.calls, { group = group, name = name, params = fleet.copy(params), at = self.clock.now, target = target })
  local kind = (group == "start" or group == "execute") and "execute" or group
  local what = name
  if group == "http" then what = target elseif group == "kv" then what = nil elseif group == "terminal" then what = check.terminal_target(params.target) end
  if self.capabilities and not check.allowed(self.capabilities, kind, what, target) then
    return problem { code = "forbidden", status = 403, message = ("missing capability '%s%s'"):format(kind, what and ":" .. what or "") }
  end
end

--- Calls of a group ("read", "write", "execute", "start", "http", "terminal", "kv"), by name and part of the parameters.
function T:calls_of(group, name, params)
  local list = {}
  for _, call in ipairs(self.calls) do
    if call.group == group and (not name or call.name == name) and (not params or contains(call.params, params)) then
      list[#list + 1] = call
    end
  end
  return list
end

--- The calls of these groups (all without) as text: "DeployStack shop".
function T:trace(...)
  local wanted, list = {}, {}
  for _, group in ipairs({ ... }) do wanted[group] = true end
  for _, call in ipairs(self.calls) do
    if not next(wanted) or wanted[call.group] then list[#list + 1] = call.target and call.name .. " " .. call.target or call.name end
  end
  return list
end

-- ---- requests ----

--- Fills what a request leaves open, and refuses what the engine would refuse; unknown fields are an error of the test.
local function normal_params(request, params)
  params = fleet.copy(params or {})
  local refused
  shape.struct(request.params, shape.node_of(params), "", function(_, message, severity, hint)
    if severity == "warning" then
      error(("%s: %s%s"):format(request.name, message, hint and shape.suggest(hint.name, hint.names) or ""), 0)
    end
    refused = refused or message
  end)
  return params, refused and problem { code = "shape", status = 422, message = request.name .. ": " .. refused }
end

local function target_of(self, request, params)
  local access = request.access
  local kind, param = nil, nil
  if type(access) == "table" and access.param then kind, param = access.resource, access.param end
  local name = param and params[param]
  if type(name) ~= "string" then return nil, params.name or params.pattern end
  return self.fleet:find(kind, name), name, kind
end

--- The request as declared, its parameters, its target; or nil and the error.
local function prepare(self, group, name, params)
  local declared = group == "start" and "execute" or group
  local request = schema.request(declared, name)
  if not request then error(("komodo.%s: unknown request '%s'"):format(group, tostring(name)), 0) end
  local given, refused = normal_params(request, params)
  local target, label, kind = target_of(self, request, given)
  local words = target and target.name or label
  if given.container then words = ("%s/%s"):format(words, given.container) end
  local missing = self:record(group, request.name, given, words)
  if refused or missing then return nil, refused or missing end
  return { request = request, params = given, target = target, label = label, kind = kind, name = request.name }
end

local function answer_of(entry, params)
  if type(entry.value) == "function" then return entry.value(params) end
  return fleet.copy(entry.value)
end

--- A read or write.
function T:request(group, name, params)
  local prepared, refused = prepare(self, group, name, params)
  if not prepared then return nil, refused end
  local entry = scripted(self, group, prepared.name, prepared.params)
  if entry and entry.failure then
    return nil, problem { code = entry.code or "failed", status = entry.status or 500, message = entry.failure }
  elseif entry then
    return answer_of(entry, prepared.params)
  end
  local handler = fleet[group][prepared.name]
  if not handler then
    local result = prepared.request.result
    if group == "write" and (result == "NoData" or result == "Update") then return {} end
    error(("komodo.testing knows no answer to %s %s; say t:answer(\"%s\", \"%s\", …)"):format(group, name, group, name), 0)
  end
  local ok, result = pcall(handler, self.fleet, prepared.params)
  if ok then return result or {} end
  if type(result) ~= "table" then error(result, 0) end
  return nil, problem(result)
end

local function new_update(self, prepared)
  local target = prepared.target
  local update = { _id = { ["$oid"] = ("update-%d"):format(#self.updates + 1) }, operation = prepared.name, start_ts = self.clock.now,
    success = true, operator = self.run_info.user, status = "InProgress", logs = json.array(),
    target = target and { type = target.kind, id = target.id } or { type = "System", id = "system" } }
  self.updates[#self.updates + 1] = update
  return update
end

--- What an execution has done at its end.
local function complete(self, prepared, update, entry)
  local message = entry and entry.failure
  if entry and not message then
    local result = answer_of(entry, prepared.params)
    for key, value in pairs(type(result) == "table" and result or {}) do update[key] = value end
  end
  update.status, update.end_ts = "Complete", self.clock.now
  if message then
    update.success = false
    table.insert(update.logs, { stage = prepared.name, command = "", stdout = "", stderr = message, success = false,
      start_ts = update.start_ts, end_ts = update.end_ts })
  elseif update.success then
    fleet.apply(prepared.name, prepared.target, prepared.params)
  end
end

local function begin(self, prepared)
  local update = new_update(self, prepared)
  local entry = scripted(self, "execute", prepared.name, prepared.params)
  self.clock:spawn(function()
    self.clock:sleep(self.durations[prepared.name] or 1)
    complete(self, prepared, update, entry)
  end)
  return update
end

--- Lua pattern of a name with `*` and `?`.
local function glob(pattern)
  return "^" .. pattern:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%*", ".*"):gsub("%?", ".") .. "$"
end

local function batch(self, prepared)
  local single, list = prepared.name:gsub("^Batch", ""), json.array()
  local request = schema.request("execute", single)
  local param, kind = request.access.param, request.access.resource
  for _, target in ipairs(self.fleet:select(kind, { tags = prepared.params.tags })) do
    if target.name:find(glob(prepared.params.pattern)) then
      list[#list + 1] = begin(self, { name = single, params = { [param] = target.name }, target = target })
    end
  end
  return list
end

--- Starts an execution: its Update, or a list of them.
function T:start(group, name, params)
  local prepared, refused = prepare(self, group, name, params)
  if not prepared then return nil, refused end
  if prepared.name:find("^Batch") then return batch(self, prepared) end
  if prepared.kind and not prepared.target then
    return nil, problem { code = "not_found", status = 404,
      message = ("Did not find any %s matching '%s'"):format(prepared.kind, tostring(prepared.label)) }
  end
  return begin(self, prepared)
end

--- Waits for the end of an Update; nil and an error after `timeout` seconds.
function T:finish(update, timeout)
  local at = timeout and self.clock.now + math.floor(timeout * 1000)
  self.clock:wait(function() return update.status == "Complete" or (at and self.clock.now >= at) end, at)
  if update.status == "Complete" then return update end
  return nil, problem { code = "timeout", status = 504, message = ("not done within %g s"):format(timeout) }
end

-- ---- running ----

--- Runs the text of a script; `args` are its arguments. The outcome: { ok, result, error, log, stages }.
function T:run_source(source, args, name)
  for key, value in pairs(args or {}) do self.args[key] = value end
  self.lines, self.stages = {}, {}
  local environment = module.globals(self)
  local fn, syntax = load(source, "@" .. (name or "script"), "t", environment)
  if not fn then return { ok = false, error = syntax, log = "", stages = {} } end
  local task = self.clock:spawn(fn)
  self.clock:run(task)
  local values = task.values
  local outcome = { ok = task.ok, log = table.concat(self.lines, "\n"), stages = self.stages }
  if task.ok then outcome.result = values[1] else outcome.error, outcome.trace = tostring(values[1]), task.trace end
  return outcome
end

--- Runs a script of a file. Without capabilities of its own the test takes those in the head of the file.
function T:run(path, args)
  local file = assert(io.open(path))
  local source = file:read("a")
  file:close()
  self.capabilities = self.capabilities or M.header(source).capabilities
  return self:run_source(source, args, path:match("[^/]+$"))
end

--- What the head of a script says: { title, capabilities = { … } or nil }, from lines such as `-- capabilities: read:*, kv`.
function M.header(source)
  local made = { title = source:match("^%-%-%-? ?([^\n]*)") }
  for line in source:gmatch("%-%- capabilities:%s*([^\n]*)") do
    made.capabilities = made.capabilities or {}
    for capability in line:gmatch("[^,%s]+") do
      if capability ~= "none" then table.insert(made.capabilities, capability) end
    end
  end
  return made
end

--- Runs a recorded run again: see komodo.testing.replay.
function M.replay(recording, source) return require("komodo.testing.replay").run(M.new, recording, source) end

--- What happens later than now, while a script runs: fn(t) at that many seconds.
function T:after(seconds, fn)
  self.clock:spawn(function()
    self.clock:sleep(seconds)
    fn(self)
  end)
  return self
end

return M
