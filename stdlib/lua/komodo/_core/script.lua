--- The Lua half of the `komodo` module of user scripts: compiled once, run in a script when it first uses something of it.
--- The C half (engine/script/lib_komodo.c) has read, write, start, sleep, now, args, run, event and json.

local komodo, core, json = ...
local type, tostring, ipairs, setmetatable, error = type, tostring, ipairs, setmetatable, error
local log, execute, err, is_array = core.log, core.execute, core.err, json.is_array

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

--- Starts, waits, returns the finished Update; for batches the list of { status, data }.
function komodo.execute(name, params, opts)
  local result, problem = execute(name, params)
  if result == nil or (opts and opts.allow_failure) then return result, problem end
  if is_array(result) then
    for _, update in ipairs(result) do problem = problem or failure(name, update) end
  else
    problem = failure(name, result)
  end
  if problem then return nil, problem end
  return result
end

local function logger(prefix)
  return function(first, ...) log(prefix .. (type(first) == "table" and json.encode(first) or tostring(first)), ...) end
end

komodo.log = setmetatable({}, {
  __index = core.freeze { info = log, warn = logger("WARN: "), error = logger("ERROR: ") },
  __newindex = function() error("komodo.log is read-only", 2) end,
  __call = function(_, ...) log(...) end,
  __metatable = false,
})
