--- What user scripts ask the engine for (spec lua.md 3, 6): requests of the API with the rights of the run's user within
--- the capabilities of its Action, and the state behind the `komodo` module.
local engine = require("engine")
local capability = require("komodo.script.capability")
local dry = require("komodo.script.dry")
local fail = require("komodo.fail")
local http = require("komodo.script.http")
local kinds = require("komodo.kinds")
local kv = require("komodo.script.kv")
local locks = require("komodo.script.locks")
local text = require("komodo.text")
local update = require("komodo.update")

local json, store = engine.json, engine.store
local calls = {}

local runs = {}   -- by id

---@class ScriptRun
---@field id string Of its Update.
---@field update table
---@field user User Whose rights its calls have.
---@field action string Id of the Action.
---@field capabilities Capability[]
---@field used_secrets table<string, string> Values that are never shown.
---@field dry_run boolean
---@field http_kb? number How large an answer of komodo.http may be.
---@field log table The stage of the whole run.
---@field stages table[] Open ones, the newest last.
---@field numbers table<table, integer> Of stages, as the script knows them.
local Run = {}
Run.__index = Run

--- Registers a run, so that its calls are answered; closing it gives back what it holds.
---@param fields table
---@param stage string
---@return ScriptRun
function calls.open(fields, stage)
  local run = setmetatable(fields, Run)
  run.log = update.simple_log(stage, "")
  run.stages, run.numbers, run.locks = { run.log }, {}, {}
  if run.dry_run then run.plan = dry.new() end
  update.push(run.update, run.log)
  runs[run.id] = run
  return run
end

function Run:__close()
  runs[self.id] = nil
  http.close_all(self)
  for name, times in pairs(self.locks) do
    for _ = 1, times do locks.release(name) end
  end
  self.locks = {}
end

--- The text without the values of secrets that the run used; of a secret of several lines each line goes.
function Run:redact(s)
  local list = {}
  for name, value in pairs(self.used_secrets) do
    if #value > 0 then list[#list + 1] = { value, "<" .. name .. ">" } end
    for line in value:gmatch("[^\r\n]+") do
      if line ~= value and #line >= 4 then list[#list + 1] = { line, "<" .. name .. ">" } end
    end
  end
  table.sort(list, function(a, b) return #a[1] > #b[1] end)
  for _, pair in ipairs(list) do s = text.replace(s, pair[1], pair[2]) end
  return s
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

function Run:require(group, name, target) capability.require(self.capabilities, group, name, target) end

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

-- The name of the resource a request is about, as "@" patterns mean it; nil when there is none or are several.
local function target_of(name, params)
  local kind
  for _, k in ipairs(kinds) do
    if name:find(k.type, 1, true) and (not kind or #k.type > #kind.type) then kind = k end
  end
  local keys = kind and { kind.param, "id", "name" } or { "name" }
  if not kind then
    for _, k in ipairs(kinds) do   -- Deploy{ deployment }, PruneImages{ server }
      if type(params[k.param]) == "string" then kind, keys = k, { k.param } break end
    end
  end
  for _, key in ipairs(keys) do
    local value = params[key]
    if type(value) == "string" and value ~= "" then
      local found = kind and store.resolve(kind.type, value)
      return found and found.name or value
    end
  end
end

local function finished(item) return item._id and update.wait(update.id(item)) or item end

-- A request of the API.
local function request(run, group, name, params)
  local kind = group == "start" and "execute" or group
  run:require(kind, name, function() return target_of(name, params) end)
  if run.plan and group ~= "read" then return run.plan:answer(run, group, name, params) end
  if group ~= "read" then params = reveal(run, params) end
  local result = fail.unless(nil, engine.dispatch(run.user, kind, name, params))
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
  run.used_secrets[p.name] = value
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

--- The runner asks through this handler; the id of `caller` is that of the run.
engine.handle("script/call", function(group, name, params, caller)
  local run = runs[caller.id]
  if not run then fail.raise("closed", "the run is over") end
  if group ~= "komodo" then return request(run, group, name, params) end
  if not own[name] then fail.raise("internal", "komodo: '%s' is unknown", name) end
  local lines = ordered[name] and engine.script.take(run.id)
  if lines then run:print(lines) end
  return own[name](run, params)
end)

return calls
