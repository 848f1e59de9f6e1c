--- The Lua half of the `komodo` module of user scripts. Compiled once, run at the start of every script; what it captures
--- here a script cannot change.

local core, json, args, run = ...
local type, pcall, tostring, select, ipairs = type, pcall, tostring, select, ipairs
local getmetatable, setmetatable, next, error, concat = getmetatable, setmetatable, next, error, table.concat
local encode, is_array = json.encode, json.is_array
local call, err, log = core.call, core.err, core.log

--- A table as JSON where that is possible, anything else as tostring does.
local function show(value)
  if type(value) ~= "table" then return tostring(value) end
  local mt = getmetatable(value)
  if type(mt) == "table" and mt.__tostring then return tostring(value) end
  local ok, text = pcall(encode, value)
  return ok and text or tostring(value)
end

local function line(...)
  local n = select("#", ...)
  if n == 1 then return show((...)) end
  local parts = { ... }
  for i = 1, n do parts[i] = show(parts[i]) end
  return concat(parts, "\t", 1, n)
end

function print(...) log(line(...)) end

local function logger(prefix)
  return function(...) log(prefix .. line(...)) end
end

--- The parameters as JSON; what is wrong with the arguments is the caller's mistake.
local function check(group, name, params)
  if type(name) ~= "string" then error("komodo." .. group .. ": the first argument is the name of a request", 3) end
  if params ~= nil and type(params) ~= "table" then
    error("komodo." .. group .. "(\"" .. name .. "\"): the parameters are a table", 3)
  end
  return params and next(params) and encode(params) or "{}"
end

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

local function failure(name, update)
  if update.success == false then
    return err { code = "failed", message = name .. " failed" .. why(update), status = 500, trace = {}, update = update }
  end
end

local komodo = {
  args = args,
  run = run,
  event = run.event,
  json = json,
  now = core.now,
}

function komodo.sleep(seconds)
  if type(seconds) ~= "number" then error("komodo.sleep: seconds must be a number", 2) end
  return core.sleep(seconds * 1000)
end

for _, group in ipairs { "read", "write", "start" } do
  komodo[group] = function(name, params) return call(group, name, check(group, name, params)) end
end

--- Starts, waits, returns the finished Update, or a list of them for batches.
function komodo.execute(name, params, opts)
  local result, problem = call("execute", name, check("execute", name, params))
  if result == nil or type(result) ~= "table" or (opts and opts.allow_failure) then return result, problem end
  if not is_array(result) then
    problem = failure(name, result)
  else
    for _, update in ipairs(result) do
      problem = problem or (type(update) == "table" and failure(name, update))
    end
  end
  if problem then return nil, problem end
  return result
end

local levels = { info = logger(""), warn = logger("WARN: "), error = logger("ERROR: ") }
komodo.log = setmetatable({}, {
  __index = levels,
  __newindex = function() error("komodo.log is read-only", 2) end,
  __call = function(_, ...) log(line(...)) end,
  __metatable = false,
})

ARGS = args
return komodo
