--- komodo.spawn, all, race and timeout, over the tasks of engine/script/run_task.c. Children end with the function that
--- started them; whoever is cancelled ends where it waits, and its <close> variables run.

local komodo, core, json = ...
local type, error, pcall, ipairs, unpack = type, error, pcall, ipairs, table.unpack
local spawn, park, ended, cancel, sleep, err = core.spawn, core.park, core.ended, core.cancel, core.sleep, core.err

--- What a task returned; its error is raised.
local function results_of(task)
  local how, values = ended(task)
  while not how do
    park()
    how, values = ended(task)
  end
  if how == "failed" then error(values[1], 0) end
  if how == "cancelled" then error(err { code = "cancelled", message = "the task was cancelled", status = 500, trace = {} }, 0) end
  return unpack(values, 1, values.n)
end

local methods = {}
function methods.wait(task) return results_of(task) end
function methods.cancel(task) cancel(task) end
function methods.is_over(task) return (ended(task)) ~= nil end
core.task_class(core.freeze(methods))

--- Runs fn(...) beside the caller; it ends with the function that started it.
function komodo.spawn(fn, ...)
  if type(fn) ~= "function" then error("komodo.spawn: the first argument is a function", 2) end
  return spawn(fn, ...)
end

local function check(fns, what)
  if type(fns) ~= "table" then error("komodo." .. what .. ": the first argument is a list of functions", 3) end
  for i, fn in ipairs(fns) do
    if type(fn) ~= "function" then error(("komodo.%s: element %d is no function"):format(what, i), 3) end
  end
  return #fns
end

--- Runs every function, at most opts.max at once; the first value of each, in order. The first error cancels the others
--- and is raised.
function komodo.all(fns, opts)
  local n = check(fns, "all")
  local max = opts and opts.max or n
  if type(max) ~= "number" or (max < 1 and n > 0) then error("komodo.all: max must be at least 1", 2) end
  local results, tasks, over = json.array {}, {}, {}
  for i = 1, n do results[i] = json.null end
  local started, finished = 0, 0
  local failed, failure = false, nil
  while finished < n and not failed do
    while started < n and started - finished < max do
      started = started + 1
      local i = started
      tasks[i] = spawn(function()
        local ok, value = pcall(fns[i])
        tasks[i] = nil
        over[#over + 1] = i
        if not ok and not failed then failed, failure = true, value end
        if ok and value ~= nil then results[i] = value end
      end)
    end
    if #over == finished then park() end
    finished = #over
  end
  if failed then
    for i = 1, started do
      if tasks[i] then cancel(tasks[i]) end
    end
    error(failure, 0)
  end
  return results
end

--- Runs every function until the first ends: returns what it returned or raises its error; the others are cancelled.
function komodo.race(fns)
  local n = check(fns, "race")
  if n == 0 then error("komodo.race: the list is empty", 2) end
  local tasks, first = {}, nil
  for i = 1, n do
    tasks[i] = spawn(function()
      local function finish(ok, ...)
        first = first or i
        if not ok then error((...), 0) end
        return ...
      end
      return finish(pcall(fns[i]))
    end)
  end
  while not (first and ended(tasks[first])) do park() end
  for i = 1, n do
    if i ~= first then cancel(tasks[i]) end
  end
  return results_of(tasks[first])
end

--- What fn returned, or nil, err with code "timeout" when it took longer; then fn is cancelled.
function komodo.timeout(seconds, fn)
  if type(seconds) ~= "number" or not (seconds >= 0) then error("komodo.timeout: the first argument is seconds", 2) end
  if type(fn) ~= "function" then error("komodo.timeout: the second argument is a function", 2) end
  local work, clock = spawn(fn), spawn(sleep, seconds)
  while not (ended(work) or ended(clock)) do park() end
  if not ended(work) then
    cancel(work)
    return nil, err { code = "timeout", message = ("timeout: not done within %.14g s"):format(seconds), status = 504, trace = {} }
  end
  cancel(clock)
  return results_of(work)
end
