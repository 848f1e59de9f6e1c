--- Tasks on a virtual clock: whoever waits says for what or until when; time passes when nobody can go on.

local M = {}
M.__index = M

--- `now`: Unix milliseconds, or text such as "2026-03-01T02:00:00Z".
function M.new(now)
  if type(now) == "string" then
    local y, mo, d, h, mi, s = now:match("^(%d+)-(%d+)-(%d+)T(%d+):(%d+):(%d+)Z$")
    if not y then error("now: expected text such as 2026-03-01T02:00:00Z", 3) end
    now = M.unix(math.tointeger(y), math.tointeger(mo), math.tointeger(d)) * 1000
      + ((math.tointeger(h) * 60 + math.tointeger(mi)) * 60 + math.tointeger(s)) * 1000
  end
  return setmetatable({ now = now or 1767225600000, tasks = {} }, M)
end

--- Unix seconds of a day's start in UTC.
function M.unix(year, month, day)
  if month <= 2 then year, month = year - 1, month + 12 end
  local days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 1
  return (days - 719468) * 86400
end

local function finish(task, ok, ...)
  if coroutine.status(task.co) ~= "dead" then return end
  task.over = true
  task.ok, task.values = ok, table.pack(...)
  for _, child in ipairs(task.children) do M.cancel(child) end
end

--- Starts fn beside the running task.
function M:spawn(fn, ...)
  local task = { co = coroutine.create(fn), children = {}, args = table.pack(...) }
  if self.running then table.insert(self.running.children, task) end
  table.insert(self.tasks, task)
  return task
end

function M.cancel(task)
  if task.over then return end
  task.over, task.ok, task.cancelled = true, false, true
  task.values = table.pack({ code = "cancelled", message = "the task was cancelled" })
  for _, child in ipairs(task.children) do M.cancel(child) end
  if coroutine.status(task.co) == "suspended" then coroutine.close(task.co) end
end

--- Waits until `ready()` is true or the clock shows `at`.
function M:wait(ready, at)
  if not self.running or coroutine.running() ~= self.running.co then
    error("komodo.testing: wait in the script or in functions given to komodo.all, not in a coroutine of your own", 3)
  end
  coroutine.yield(ready, at)
end

function M:sleep(seconds)
  local at = self.now + math.floor(seconds * 1000)
  self:wait(function() return self.now >= at end, at)
end

local function step(self, task)
  local before = self.running
  self.running = task
  local results
  if task.started then
    results = table.pack(coroutine.resume(task.co))
  else
    task.started = true
    results = table.pack(coroutine.resume(task.co, table.unpack(task.args, 1, task.args.n)))
  end
  self.running = before
  if coroutine.status(task.co) == "dead" then
    if not results[1] then task.trace = debug.traceback(task.co) end
    if not task.over then finish(task, table.unpack(results, 1, results.n)) end
  else
    task.ready, task.at = results[2], results[3]
  end
end

--- Runs until `main` is over, or `stop()` is true.
function M:run(main, stop)
  while not main.over and not (stop and stop()) do
    local moved, wake = false, nil
    for _, task in ipairs({ table.unpack(self.tasks) }) do
      if not task.over and (not task.started or not task.ready or task.ready()) then
        moved = true
        step(self, task)
      elseif not task.over and task.at and (not wake or task.at < wake) then
        wake = task.at
      end
    end
    for i = #self.tasks, 1, -1 do
      if self.tasks[i].over then table.remove(self.tasks, i) end
    end
    if not moved and not main.over and not (stop and stop()) then
      if not wake then error("komodo.testing: everything waits, and for nothing that could happen", 0) end
      self.now = wake
    end
  end
end

return M
