--- The `komodo` module and the globals that scripts see, over a fake engine (komodo.testing).

local check = require("komodo.check")
local clock = require("komodo.testing.clock")
local core = require("komodo.testing.core")
local fleet = require("komodo.testing.fleet")
local json = require("komodo.testing.json")
local known = require("komodo.check.module")

local M = { copy = fleet.copy }

--- komodo.json
M.json = { encode = json.encode, decode = json.decode, null = json.null, array = json.array, is_array = json.is_array, object = json.object }

-- ---- printing ----

local function readable(value)
  local mt = type(value) == "table" and getmetatable(value)
  if type(value) ~= "table" or mt == false or type(mt) == "table" and mt.__tostring then return tostring(value) end
  local ok, text = pcall(json.encode, value)
  return ok and text or tostring(value)
end

--- A line of the log.
function M.log(t, prefix, ...)
  local parts = table.pack(...)
  for i = 1, parts.n do parts[i] = readable(parts[i]) end
  table.insert(t.lines, prefix .. table.concat(parts, "\t"))
end

local log = M.log

-- ---- executions ----

local function failure_of(t, name, update)
  if update.success then return nil end
  local words = ""
  for _, stage in ipairs(update.logs or {}) do
    if not stage.success then words = (": %s: %s"):format(stage.stage, stage.stderr) end
  end
  return t:problem { code = "failed", status = 500, message = name .. " failed" .. words, update = update }
end

local function execute(t, name, params, opts)
  local started, refused = t:start("execute", name, params)
  if not started then return nil, refused end
  opts = opts or {}
  if not name:find("^Batch") then
    local update, late = t:finish(started, opts.timeout)
    if not update then return nil, late end
    local failed = failure_of(t, name, update)
    if failed and not opts.allow_failure then return nil, failed end
    return update
  end
  local list, failed = json.array(), nil
  for i, update in ipairs(started) do
    t:finish(update)
    failed = failed or failure_of(t, name, update)
    list[i] = { status = "Ok", data = update }
  end
  if failed and not opts.allow_failure then return nil, failed end
  return list
end

-- ---- side by side ----

local function values_of(task)
  if task.ok then return table.unpack(task.values, 1, task.values.n) end
  error(task.values[1], 0)
end

--- spawn, all, race and timeout on the virtual clock.
function M.concurrent(t, komodo)
  local time = t.clock
  local task_mt = { __index = {
    wait = function(handle)
      time:wait(function() return handle.task.over end)
      return values_of(handle.task)
    end,
    cancel = function(handle) clock.cancel(handle.task) end,
    is_over = function(handle) return handle.task.over == true end,
  } }
  function komodo.spawn(fn, ...) return setmetatable({ task = time:spawn(fn, ...) }, task_mt) end

  function komodo.all(fns, opts)
    local max, tasks, started, failed = opts and opts.max or #fns, {}, 0, nil
    local function over()
      local n = 0
      for _, task in ipairs(tasks) do
        if task.over then n = n + 1 end
        if task.over and not task.ok and not failed then failed = task end
      end
      return n
    end
    while over() < #fns and not failed do
      while started < #fns and started - over() < max do
        started = started + 1
        tasks[started] = time:spawn(fns[started])
      end
      local before = over()
      time:wait(function() return over() > before end)
    end
    if failed then
      for _, task in ipairs(tasks) do clock.cancel(task) end
      return values_of(failed)
    end
    local results = json.array()
    for i, task in ipairs(tasks) do results[i] = task.values[1] == nil and json.null or task.values[1] end
    return results
  end

  function komodo.race(fns)
    local tasks, first = {}, nil
    for i, fn in ipairs(fns) do tasks[i] = time:spawn(fn) end
    time:wait(function()
      for _, task in ipairs(tasks) do first = first or task.over and task end
      return first ~= nil
    end)
    for _, task in ipairs(tasks) do clock.cancel(task) end
    return values_of(first)
  end

  function komodo.timeout(seconds, fn)
    local task, at = time:spawn(fn), time.now + math.floor(seconds * 1000)
    time:wait(function() return task.over or time.now >= at end, at)
    if task.over then return values_of(task) end
    clock.cancel(task)
    return nil, t:problem { code = "timeout", status = 504, message = ("timeout: not done within %g s"):format(seconds) }
  end
end

-- ---- http, terminal ----

-- A secret is the list of its parts: texts, and names of secrets.
local secret_mt = { __name = "secret" }

local function parts_of(value)
  return getmetatable(value) == secret_mt and value.parts or { tostring(value) }
end

function secret_mt.__concat(a, b)
  local parts = { table.unpack(parts_of(a)) }
  for _, part in ipairs(parts_of(b)) do parts[#parts + 1] = part end
  return setmetatable({ parts = parts }, secret_mt)
end

function secret_mt.__tostring(secret)
  local out = {}
  for i, part in ipairs(secret.parts) do out[i] = type(part) == "table" and "<" .. part.name .. ">" or part end
  return table.concat(out)
end

--- Secret handles become their values, as they do in the engine, on the way out alone.
local function reveal(t, value)
  if getmetatable(value) == secret_mt then
    local out = {}
    for i, part in ipairs(value.parts) do out[i] = type(part) == "table" and t.secrets[part.name] or part end
    return table.concat(out)
  end
  if type(value) ~= "table" or value == json.null then return value end
  local made = {}
  for key, inner in pairs(value) do made[key] = reveal(t, inner) end
  return json.is_array(value) and json.array(made) or made
end

local function http(t, request)
  if getmetatable(request.url) == secret_mt then error("komodo.http: secrets may stand in headers and bodies, not in the url", 0) end
  request = reveal(t, request)
  local url = assert(request.url, "komodo.http: needs a url")
  request.method = request.method or "GET"
  local host = url:match("^%a+://([^/?#:]+)")
  local missing = t:record("http", url, request, host)
  if missing then return nil, missing end
  local entry = t:take_scripted("http", url, request) or t:take_scripted("http", "*", request)
  if not entry then return { status = 200, headers = {}, body = "", url = url } end
  if entry.failure then return nil, t:problem { code = entry.code or "unavailable", status = 503, message = entry.failure } end
  local response = entry.value
  if type(response) == "function" then response = response(request) end
  local body = response.body or response.json and json.encode(response.json) or ""   -- as the engine: the text alone
  return { status = response.status or 200, headers = fleet.copy(response.headers or {}), body = body, url = url }
end

local function terminal(t, target, command, opts)
  local _, label = check.terminal_target(target)
  if not label then error("komodo.terminal: the target is { server = }, { server =, container = }, { stack =, service = } or { deployment = }", 0) end
  command = reveal(t, command)
  local missing = t:record("terminal", command, { target = target, command = command }, label)
  if missing then return nil, missing end
  local entry = t:take_scripted("terminal", command, { target = target }) or t:take_scripted("terminal", "*", { target = target })
  if not entry then return { code = 0, stdout = "", stderr = "" } end
  if entry.failure then return nil, t:problem { code = "failed", status = 500, message = entry.failure } end
  local value = entry.value
  if type(value) == "function" then value = value(target, command) end
  local stdout = value.stdout or ""
  if opts and opts.on_line then
    local whole = (stdout == "" or stdout:sub(-1) == "\n") and stdout or stdout .. "\n"
    for line in whole:gmatch("([^\n]*)\n") do opts.on_line(line) end
  end
  return { code = value.code or 0, stdout = stdout, stderr = value.stderr or "" }
end

-- ---- state ----

local function kv(t)
  local versions, store = {}, {}
  -- One function of the store: refused without the capability.
  local function define(name, fn)
    store[name] = function(key, ...)
      local missing = t:record("kv", name, { key = key }, key)
      if missing then return nil, missing end
      return fn(key, ...)
    end
  end
  local function version(key) return t.kv[key] ~= nil and (versions[key] or 1) or 0 end
  local function put(key, value)
    versions[key] = version(key) + 1
    t.kv[key] = fleet.copy(value)
    return versions[key]
  end
  define("get", function(key) return fleet.copy(t.kv[key]), version(key) end)
  define("set", function(key, value, opts)
    if value == nil then error("komodo.kv.set: the value is nil; komodo.kv.delete removes a key", 3) end
    if opts and opts.version and opts.version ~= version(key) then
      return nil, t:problem { code = "conflict", status = 409, message = ("%s has version %d"):format(key, version(key)) }
    end
    return put(key, value)
  end)
  define("delete", function(key)
    local existed = t.kv[key] ~= nil
    t.kv[key] = nil
    return existed
  end)
  define("incr", function(key, by)
    put(key, (t.kv[key] or 0) + (by or 1))
    return t.kv[key]
  end)
  define("list", function(prefix)
    local keys = json.array()
    for key in pairs(t.kv) do
      if key:sub(1, #(prefix or "")) == (prefix or "") then keys[#keys + 1] = key end
    end
    table.sort(keys)
    return keys
  end)
  return store
end

local function lock(t, name, fn)
  if t.locks[name] then t.clock:wait(function() return not t.locks[name] end) end
  t.locks[name] = true
  local results = table.pack(pcall(fn))
  t.locks[name] = nil
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

local function stage(t, name, fn)
  local made = { stage = name, start_ts = t.clock.now }
  table.insert(t.stages, made)
  local results = table.pack(pcall(fn))
  made.end_ts, made.success = t.clock.now, results[1]
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

-- ---- everything ----

local function new_module(t)
  local komodo = { args = t.args, event = t.event, run = t.run_info, kv = kv(t) }
  komodo.json = M.json
  function komodo.read(name, params) return t:request("read", name, params) end
  function komodo.write(name, params) return t:request("write", name, reveal(t, params)) end
  function komodo.execute(name, params, opts) return execute(t, name, reveal(t, params), opts) end
  function komodo.start(name, params) return t:start("start", name, reveal(t, params)) end
  function komodo.wait(update, opts)
    local timeout = type(opts) == "table" and opts.timeout or type(opts) == "number" and opts or nil
    for _, other in ipairs(t.updates) do
      if other == update or other._id["$oid"] == update then update = other end
    end
    if type(update) ~= "table" then return nil, t:problem { code = "not_found", status = 404, message = "no such update" } end
    local finished, late = t:finish(update, timeout)
    local failed = finished and failure_of(t, update.operation, finished)
    if not finished or failed and not (type(opts) == "table" and opts.allow_failure) then return nil, late or failed end
    return finished
  end
  function komodo.sleep(seconds)
    t.clock:sleep(seconds)
    return true
  end
  function komodo.now() return t.read_clock() end
  function komodo.stage(name, fn) return stage(t, name, fn) end
  function komodo.lock(name, fn) return lock(t, name, fn) end
  function komodo.terminal(target, command, opts) return terminal(t, target, command, opts) end
  function komodo.respond(response)
    if t.response ~= nil then error("komodo.respond: this request was answered already", 2) end
    t.response = response
    return true
  end
  function komodo.var(name)
    local item, missing = t:request("read", "GetVariable", { name = name })
    if not item then return nil, missing end
    return item.value
  end
  function komodo.secret(name)
    local missing = t:record("secret", name, {})
    if missing then return nil, missing end
    if t.secrets[name] == nil then return nil, t:problem { code = "not_found", status = 404, message = "no secret '" .. name .. "'" } end
    return setmetatable({ parts = { { name = name } } }, secret_mt)
  end
  komodo.log = setmetatable({
    info = function(...) log(t, "", ...) end,
    warn = function(...) log(t, "WARN: ", ...) end,
    error = function(...) log(t, "ERROR: ", ...) end,
  }, { __call = function(_, ...) log(t, "", ...) end })
  komodo.http = setmetatable({
    get = function(url, more)
      local request = fleet.copy(more or {})
      request.url, request.method = url, "GET"
      return http(t, request)
    end,
    post = function(url, more)
      local request = fleet.copy(more or {})
      request.url, request.method = url, "POST"
      return http(t, request)
    end,
  }, { __call = function(_, request) return http(t, request) end })
  M.concurrent(t, komodo)
  local made = core.new(komodo)
  for _, part in ipairs({ "pure", "time", "formats", "sugar" }) do core.load(part, komodo, made) end
  return setmetatable(komodo, { __index = function(_, key)
    for _, member in ipairs(known.members) do
      if member.name == key then error("komodo.testing does not fake komodo." .. key, 2) end
    end
  end })
end

--- The globals of a script: the same allow-list as in the engine, on the test's clock. `komodo`: a module to use instead of the fake.
function M.globals(t, komodo)
  local made = { print = function(...) log(t, "", ...) end, ARGS = t.args, komodo = komodo or new_module(t) }
  for name in pairs(known.globals) do
    if made[name] == nil then made[name] = _G[name] end
  end
  made._ENV = nil
  made.os = { clock = os.clock, difftime = os.difftime,
    time = function(at) return at and os.time(at) or t.read_clock() // 1000 end,
    date = function(format, at) return os.date(format or "%c", math.floor(at or t.read_clock() // 1000)) end }
  made.debug = { traceback = debug.traceback }
  function made.require(name)
    if name == "komodo" then return made.komodo end
    local source = t.modules[name] or error("module '" .. name .. "' not found; give it as modules = { … }", 2)
    return assert(load(source, "@" .. name, "t", made))()
  end
  function made.collectgarbage(what)
    assert(what == "count", "collectgarbage is not available in scripts, only \"count\"")
    return collectgarbage("count")
  end
  return made
end

return M
