--- What user scripts ask the engine for (spec lua.md 3, 6): requests of the API with the rights of the run's user within
--- the capabilities of its Action, and the state behind the `komodo` module.
local engine = require("engine")
local dry = require("komodo.script.dry")
local fail = require("komodo.fail")
local http = require("komodo.script.http")
local kv = require("komodo.script.kv")
local library = require("komodo.script.library")
local locks = require("komodo.script.locks")
local redact = require("komodo.script.redact")
local rights = require("komodo.script.rights")
local update = require("komodo.update")

local json, store = engine.json, engine.store
local calls = {}

local runs = {}   -- by id

---@class ScriptRun
---@field id string Of its Update.
---@field update table
---@field bounds Bounds What its calls may do.
---@field user User Whose rights they have.
---@field action string Id of the Action.
---@field used table<string, true> Capabilities that its calls needed.
---@field used_secrets table<string, string> Values that are never shown.
---@field dry_run boolean
---@field http_kb? number How large an answer of komodo.http may be.
---@field recording? Recording
---@field log table The stage of the whole run.
---@field stages table[] Open ones, the newest last.
---@field numbers table<table, integer> Of stages, as the script knows them.
---@field closing table<any, fun()> What is given back at the end; none of them waits.
local Run = {}
Run.__index = Run

--- Registers a run, so that its calls are answered; closing it gives back what it holds.
---@param fields table
---@param stage string
---@return ScriptRun
function calls.open(fields, stage)
  local run = setmetatable(fields, Run)
  run.log = update.simple_log(stage, "")
  run.stages, run.numbers, run.locks, run.used, run.closing = { run.log }, {}, {}, {}, {}
  run.user = run.bounds.user
  if run.dry_run then run.plan = dry.new() end
  update.push(run.update, run.log)
  runs[run.id] = run
  rights.open(run.id, run.bounds)
  return run
end

function Run:__close()
  runs[self.id] = nil
  rights.close(self.id)
  http.close_all(self)
  for name, times in pairs(self.locks) do
    for _ = 1, times do locks.release(name) end
  end
  self.locks = {}
  for _, close in pairs(self.closing) do close() end
end

function Run:redactor()
  self.its_redactor = self.its_redactor or redact.new(self.used_secrets)
  return self.its_redactor
end

--- The text without the values of secrets that the run used.
function Run:redact(s) return self:redactor():text(s) end

--- The same of any JSON value: a copy.
function Run:redacted(value) return self:redactor():value(value) end

--- Values that are not to be shown from here on, by name.
function Run:hide(values)
  for name, value in pairs(values) do self.used_secrets[name] = value end
  self.its_redactor = nil
end

--- Adds lines to the stage that began last.
function Run:print(lines)
  local stage = self.stages[#self.stages]
  stage.stdout = stage.stdout .. self:redact(lines)
  stage.end_ts = engine.now()
end

--- Ends stages that are open still, and shows the plan of a dry run.
function Run:finish()
  while #self.stages > 1 do
    local stage = table.remove(self.stages)
    stage.success, stage.stderr, stage.end_ts = false, "the script ended in this stage", engine.now()
  end
  if self.plan then update.log(self.update, "Dry Run", self:redact(self.plan:text())) end
end

-- Read is asked for without a target: which of a hundred Stacks it looks at is no capability that anybody wants listed.
local function used(group, name, target)
  local at = group ~= "read" and target and target()
  return group .. (name and ":" .. name or "") .. (at and "@" .. at or "")
end

--- Raises unless the run may do it, naming what is missing; notes that it did.
---@param target? fun(): string? The name of the resource it is about.
function Run:require(group, name, target)
  local known, at = false, nil
  local function once()
    if not known then known, at = true, target and target() end
    return at
  end
  rights.require(self.bounds, group, name, once)
  self.used[used(group, name, once)] = true
end

--- Does every list of capabilities that bounds the run have this very one?
function Run:names(text)
  for _, list in ipairs(self.bounds.lists) do
    local found = false
    for _, c in ipairs(list) do found = found or c.text == text end
    if not found then return false end
  end
  return true
end

--- The same parameters with the values of the secrets in them.
---@param run ScriptRun
local function reveal(run, value)
  if type(value) ~= "table" then return value end
  local parts = rawget(value, "$secret")
  if parts == nil then
    local out = setmetatable({}, getmetatable(value))
    for k, v in pairs(value) do out[k] = reveal(run, v) end
    return out
  end
  local out = {}
  for i, part in ipairs(type(parts) == "table" and parts or {}) do
    local secret = type(part) == "table" and run.used_secrets[part.name]
    if type(part) ~= "string" and not secret then fail.raise("invalid", "a secret comes from komodo.secret(name)") end
    out[i] = secret or part
  end
  return table.concat(out)
end

calls.reveal = reveal

local function finished(item) return item._id and update.wait(update.id(item)) or item end

-- Is there a secret anywhere in it?
local function has_secret(value)
  if type(value) ~= "table" then return false end
  if rawget(value, "$secret") ~= nil then return true end
  for _, v in pairs(value) do
    if has_secret(v) then return true end
  end
  return false
end

-- What is written into a variable that is no secret, everybody can read.
local function check_variable(run, name, params)
  if not name:find("Variable") then return end
  if name == "UpdateVariableIsSecret" and params.is_secret == false and next(run.used_secrets) then
    fail.raise("forbidden", "a run that took a secret cannot make a variable readable")
  end
  if not has_secret(params) then return end
  local known = store.row("Variable", type(params.name) == "string" and params.name or "")
  local hides = name == "CreateVariable" and params.is_secret or name == "UpdateVariableValue" and (not known or known.is_secret)
  if not hides or has_secret(params.description) or has_secret(params.name) then
    fail.raise("forbidden", "the value of a secret cannot be written where everybody can read it: make the variable '%s' a secret, and "
      .. "write to its value alone", type(params.name) == "string" and params.name or "?")
  end
end

-- Answers about variables show the values of secrets to admins; scripts take komodo.secret.
local function hide_variables(name, result)
  if not name:find("Variable") then return result end
  for _, v in ipairs(json.is_array(result) and result or { result }) do
    if type(v) == "table" and v.is_secret == true and v.value then v.value = "<" .. tostring(v.name) .. ">" end
  end
  return result
end

--- Around each request that a script sends; who follows what scripts lead to puts its own here.
function calls.around(_, fn) return fn() end

-- A request of the API.
local function request(run, group, name, params)
  local kind = group == "start" and "execute" or group
  run:require(kind, name, function() return rights.target_of(name, params) end)
  if kind == "write" then check_variable(run, name, params) end
  if run.plan and group ~= "read" then return run.plan:answer(run, group, name, params) end
  if group ~= "read" then params = reveal(run, params) end
  local function send() return engine.dispatch(run.user, kind, name, params, run.id) end
  local result, err
  if group == "read" then result, err = send() else result, err = calls.around(run, send) end
  result = hide_variables(name, fail.unless(nil, result, err))
  if group ~= "execute" then return result end
  if not json.is_array(result) then return finished(result) end
  for _, item in ipairs(result) do
    if item.status == "Ok" then item.data = finished(item.data) end
  end
  return result
end

-- ---- what the module itself needs ----
--- By name: fun(run: ScriptRun, params: table): table. Other files add theirs here.
local own = {}
calls.own = own

--- The finished record, or with `seen` the record once it has more logs.
function own.wait(run, p)
  if run.plan and run.plan.updates[p.id] then return run.plan.updates[p.id] end
  run:require("read", "GetUpdate")
  fail.unless(nil, engine.dispatch(run.user, "read", "GetUpdate", { id = p.id }))
  return p.seen and update.follow(p.id, p.seen) or update.wait(p.id)
end

function own.stage_begin(run, p)
  run.last_stage = (run.last_stage or 0) + 1
  local stage = update.simple_log(run:redact(p.name), "")
  run.numbers[stage] = run.last_stage
  run.stages[#run.stages + 1] = stage
  update.push(run.update, stage)
  return { id = run.last_stage }
end

function own.stage_end(run, p)
  for i = #run.stages, 2, -1 do
    local stage = run.stages[i]
    if run.numbers[stage] == p.id then
      table.remove(run.stages, i)
      stage.end_ts, stage.success = engine.now(), not p.failure
      stage.stderr = p.failure and run:redact(tostring(p.failure)) or ""
    end
  end
  return { ended = true }
end

function own.var(run, p)
  run:require("read", "GetVariable", function() return p.name end)
  local v = store.row("Variable", p.name)
  if not v then fail.raise("not_found", "No variable found with name '%s'", p.name) end
  if v.is_secret then fail.raise("forbidden", "'%s' is a secret: take komodo.secret", p.name) end
  return { value = v.value }
end

function own.secret(run, p)
  run:require("secret", p.name)
  local v = store.row("Variable", p.name)
  local value = v and v.value or (engine.conf("secrets") or {})[p.name]
  if not value then fail.raise("not_found", "No secret found with name '%s'", p.name) end
  if v and not v.is_secret then fail.raise("invalid", "'%s' is no secret: take komodo.var", p.name) end
  run:hide({ [p.name] = value })
  return { name = p.name }
end

local function with_kv(change, fn)
  return function(run, p)
    run:require("kv")
    if change and run.plan then return run.plan:kv(change, p) end
    return fn(run.action, p)
  end
end
own.kv_get = with_kv(nil, function(action, p) return kv.get(action, p.key) end)
own.kv_list = with_kv(nil, function(action, p) return kv.list(action, p.prefix) end)
own.kv_set = with_kv("set", function(action, p) return kv.set(action, p.key, p.value, p.version) end)
own.kv_delete = with_kv("delete", function(action, p) return kv.delete(action, p.key) end)
own.kv_incr = with_kv("incr", function(action, p) return kv.incr(action, p.key, p.by) end)

function own.lock(run, p)
  local name = "script/" .. p.name
  locks.acquire(name)
  if not runs[run.id] then
    locks.release(name)
    fail.raise("closed", "the run is over")
  end
  run.locks[name] = (run.locks[name] or 0) + 1
  return { locked = true }
end

function own.unlock(run, p)
  local name = "script/" .. p.name
  local times = run.locks[name] or 0
  if times == 0 then return { unlocked = false } end
  run.locks[name] = times > 1 and times - 1 or nil
  locks.release(name)
  return { unlocked = true }
end

--- The source of a module that the script requires.
function own.module(run, p) return library.find(run, p.name) end

local function with_http(fn)
  return function(run, p)
    if not run.plan then return fn(run, reveal(run, p)) end
    run:require("http", fail.unless(nil, engine.http.host(p.url or "")))
    return run.plan:http(p)
  end
end
own.http, own.http_open = with_http(http.request), with_http(http.open)
own.http_read, own.http_close = http.read, http.close

-- They see every line printed before them in the stage where it belongs.
local ordered = { stage_begin = true, stage_end = true }

local function answer(run, group, name, params)
  if group ~= "komodo" then return request(run, group, name, params) end
  if not own[name] then fail.raise("internal", "komodo: '%s' is unknown", name) end
  local lines = ordered[name] and engine.script.take(run.id)
  if lines then run:print(lines) end
  return own[name](run, params)
end

--- The runner asks through this handler; the id of `caller` is that of the run. Neither answers nor errors bring a secret back
--- that the run took: it could be written somewhere and read again.
engine.handle("script/call", function(group, name, params, caller)
  local run = runs[caller.id]
  if not run then fail.raise("closed", "the run is over") end
  local call = run.recording and run.recording:call(group, name, params)
  local ok, result, is_raw = pcall(answer, run, group, name, params)   -- is_raw: the mark of engine.raw
  local hides = next(run.used_secrets) and name ~= "module"
  if ok then
    if hides then result = is_raw and run:redact(result) or run:redacted(result) end
  else
    local e = fail.from(result)
    result = hides and fail.new(e.code, run:redact(e.message), run:redacted(e.trace)) or e
    result.status = e.status
  end
  if call then run.recording:answered(call, ok, result) end
  if not ok then error(result, 0) end
  return result, is_raw
end)

return calls
