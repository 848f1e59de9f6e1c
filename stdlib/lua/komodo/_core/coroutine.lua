--- Lets a generator wait: an engine call inside a coroutine parks the whole task, then the coroutine goes on.
--- The engine marks its own yields with a private value; resume and wrap pass those outward and keep the rest.

local select, error, type = select, error, type
local resume, yield, create, close = coroutine.resume, coroutine.yield, coroutine.create, coroutine.close

---@param parked userdata the engine's mark
return function(parked)
  local function pump(co, ok, first, ...)
    if ok and first == parked and select("#", ...) == 0 then
      yield(parked)                        -- let the whole task wait
      return pump(co, resume(co))          -- then continue the inner coroutine
    end
    return ok, first, ...
  end

  local function deliver(co, ok, ...)
    if ok then return ... end
    local err = ...
    local closed, why = close(co)          -- runs its <close> variables, as coroutine.wrap does
    if not closed then err = why end
    error(err, type(err) == "string" and 2 or 0)
  end

  function coroutine.resume(co, ...) return pump(co, resume(co, ...)) end

  function coroutine.wrap(fn)
    local co = create(fn)
    return function(...) return deliver(co, pump(co, resume(co, ...))) end
  end
end
