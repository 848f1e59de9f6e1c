--- The Lua half of the `komodo` module of user scripts: compiled once, run in a script when it first uses something of it.
--- The C half (engine/script/lib_komodo.c) has read, write, start, sleep, now, args, run, event and json.

local komodo, core, json = ...
local type, tostring, ipairs, error = type, tostring, ipairs, error
local log, execute, start, ask, err, is_array = core.log, core.execute, core.start, core.ask, core.err, json.is_array
local public = core.public   -- finds the functions of other parts

--- The words of the log stage that failed.
local function why(update)
  for _, stage in ipairs(type(update.logs) == "table" and update.logs or {}) do
    if stage.success == false then
      local words = stage.stderr ~= "" and stage.stderr or stage.stdout
      return ": " .. tostring(stage.stage) .. ": " .. tostring(words)
    end
  end
  return ""
end

local function failed(words, update)
  return err { code = "failed", message = words, status = 500, trace = {}, update = update }
end

--- What is wrong with a finished Update, or with one item of a batch: { status = "Ok"|"Err", data }.
local function failure(name, item)
  if type(item) ~= "table" then return end
  if item.status == "Err" then
    local data = type(item.data) == "table" and item.data or {}
    local words = type(data.error) == "table" and data.error.error or data.error
    return failed(name .. " failed for " .. tostring(data.name) .. ": " .. tostring(words), item)
  end
  local update = item.status == "Ok" and item.data or item
  if type(update) == "table" and update.success == false then return failed(name .. " failed" .. why(update), update) end
end

local function id_of(update)
  if type(update) ~= "table" then return update end
  local id = update._id
  return type(id) == "table" and id["$oid"] or id or update.id
end

-- Waits for one record and tells its logs as they come.
local function follow(update, on_log)
  local id, seen = id_of(update), 0
  if type(id) ~= "string" then error("komodo.wait: the first argument is an Update or its id", 3) end
  repeat
    local now, problem = ask("wait", { id = id, seen = on_log and seen or nil })
    if not now then return nil, problem end
    for i = seen + 1, on_log and #now.logs or 0 do
      seen = i
      on_log(now.logs[i])
    end
    update = now
  until update.status == "Complete"
  return update
end

local function checked(name, opts, result, problem)
  if result == nil or (opts and opts.allow_failure) then return result, problem end
  if is_array(result) then
    for _, update in ipairs(result) do problem = problem or failure(name, update) end
  else
    problem = failure(name, result)
  end
  if problem then return nil, problem end
  return result
end

-- Starts, then waits for every record of it.
local function start_and_follow(name, params, on_log)
  local result, problem = start(name, params)
  if result == nil then return nil, problem end
  if not is_array(result) then return follow(result, on_log) end
  for _, item in ipairs(result) do
    if item.status == "Ok" then
      item.data, problem = follow(item.data, on_log)
      if not item.data then return nil, problem end
    end
  end
  return result
end

--- Starts, waits, returns the finished Update; for batches the list of { status, data }.
--- opts: allow_failure, timeout (seconds; what was started goes on), on_log (called with each log stage as it comes).
function komodo.execute(name, params, opts)
  if type(opts) ~= "table" or not (opts.timeout or opts.on_log) then return checked(name, opts, execute(name, params)) end
  local function work() return start_and_follow(name, params, opts.on_log) end
  if not opts.timeout then return checked(name, opts, work()) end
  return checked(name, opts, public.timeout(opts.timeout, work))
end

--- Waits for an Update that komodo.start returned, or for the one with this id. The second argument: seconds, or the opts
--- of komodo.execute.
function komodo.wait(update, opts)
  if type(opts) ~= "table" then opts = { timeout = opts } end
  local name = type(update) == "table" and update.operation or "the execution"
  local function work() return follow(update, opts.on_log) end
  if not opts.timeout then return checked(name, opts, work()) end
  return checked(name, opts, public.timeout(opts.timeout, work))
end

local function logger(prefix)
  return function(first, ...) log(prefix .. (type(first) == "table" and json.encode(first) or tostring(first)), ...) end
end

komodo.log = core.freeze({ info = log, warn = logger("WARN: "), error = logger("ERROR: ") }, function(_, ...) log(...) end)
