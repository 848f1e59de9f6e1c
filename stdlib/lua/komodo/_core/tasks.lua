--- engine.all: several functions at once, as one call.

local engine = engine
local error, xpcall, pcall, pairs = error, xpcall, pcall, pairs

---@param traceback function turns an error into one that carries its traceback
return function(_, traceback)
  --- Runs every function in a task of its own and waits for all of them. The results (the first value of each) come in the
  --- order of the functions, with their number as `n`. The first error cancels the others and is raised when all have ended.
  --- A caller that is cancelled cancels them too.
  ---@async
  ---@param fns function[]
  ---@param opts? { max?: integer } max: how many at once
  function engine.all(fns, opts)
    local n = #fns
    local results = { n = n }
    if n == 0 then return results end
    local gate, tasks = engine.gate(), {}
    local running, next_one, failed, failure = 0, 1, false, nil

    local function fail(err)
      if failed then return end
      failed, failure = true, err
      for _, task in pairs(tasks) do task:cancel() end
    end

    local start
    local function body(i)
      local ok, value = xpcall(fns[i], traceback)
      tasks[i] = nil
      running = running - 1
      if ok then results[i] = value else fail(value) end
      if not failed and next_one <= n then start() end
      if running == 0 then gate:open() end
    end
    function start()
      local i = next_one
      next_one, running = i + 1, running + 1
      tasks[i] = engine.spawn(body, i)
    end

    local max = opts and opts.max or n
    if max < 1 then error("engine.all: max must be at least 1", 2) end
    for _ = 1, max < n and max or n do start() end
    local ok, err = pcall(gate.wait, gate)
    if not ok then
      fail(err)
      gate:wait()
    end
    if failed then error(failure, 0) end
    return results
  end
end
