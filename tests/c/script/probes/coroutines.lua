--- resume without end: cpu
local co = coroutine.wrap(function() while true do coroutine.yield() end end) while true do co() end
--- busy inside ten coroutines: cpu
local function nest(n) if n == 0 then while true do end end return coroutine.wrap(nest)(n - 1) end nest(10)
--- busy pcall inside coroutines: cpu
local function nest(n) while true do pcall(n > 0 and coroutine.wrap(nest) or error, n - 1) end end nest(20)
--- coroutines that end by errors: cpu
while true do local co = coroutine.create(error) coroutine.resume(co, {}) coroutine.close(co) end
--- wrap that errors with a close variable: cpu
while true do pcall(coroutine.wrap(function() local c <close> = setmetatable({}, { __close = function() error("again") end }) error("x") end)) end
--- yield from everywhere: cpu
local mt = {} for _, e in ipairs { "__add", "__index", "__concat", "__eq", "__lt", "__len", "__call", "__unm" } do mt[e] = function() coroutine.yield(e) return 1 end end
local co = coroutine.wrap(function() local t, u = setmetatable({}, mt), setmetatable({}, mt) while true do local _ = t + u, t.x, t .. u, t == u, t < u, #t, t(), -t end end)
while true do co() end
--- yield across pcall: cpu
local co = coroutine.wrap(function() while true do pcall(coroutine.yield) pcall(pcall, coroutine.yield, 1) xpcall(coroutine.yield, print) end end) while true do co() end
--- close itself: error | cannot close
coroutine.close(coroutine.running())
--- close the main task from a task: error | cannot close
local main = coroutine.running() komodo.spawn(function() coroutine.close(main) end):wait()
--- close the main task while it sleeps: ok | [false,true]
local main = coroutine.running()
local result
komodo.spawn(function() result = pcall(coroutine.close, main) end)
komodo.sleep(0.01) return { result, true }
--- resume the main task while it sleeps: ok | [false,"cannot resume non-suspended coroutine"]
local main = coroutine.running()
local result
komodo.spawn(function() result = { coroutine.resume(main) } end)
komodo.sleep(0.01) return result
--- resume a task while it waits: ok | [false,"cannot resume non-suspended coroutine",true]
local co local t = komodo.spawn(function() co = coroutine.running() komodo.sleep(0.05) return true end)
komodo.sleep(0.01) local ok, why = coroutine.resume(co) return { ok, why, t:wait() }
--- close a task's coroutine while it waits: ok | [false,true]
local co local t = komodo.spawn(function() co = coroutine.running() komodo.sleep(0.05) return true end)
komodo.sleep(0.01) local ok = pcall(coroutine.close, co) return { ok, t:wait() }
--- resume a coroutine that waits inside another task: ok | [false,true,"suspended"]
local co = coroutine.create(function() komodo.sleep(0.05) coroutine.yield(true) end)
local result local t = komodo.spawn(function() result = select(2, coroutine.resume(co)) end)
komodo.sleep(0.01) local ok = coroutine.resume(co) t:wait() return { ok, result, coroutine.status(co) }
--- close a coroutine that waits inside another task: ok | [false,true]
local co = coroutine.create(function() komodo.sleep(0.05) return true end)
local result local t = komodo.spawn(function() result = select(2, coroutine.resume(co)) end)
komodo.sleep(0.01) local ok = pcall(coroutine.close, co) t:wait() return { ok, result }
--- steal the answer of another task: ok | true
local co = coroutine.create(function() return (komodo.sleep(0.001)) end)
local t = komodo.spawn(function() coroutine.resume(co) komodo.sleep(100) end)
komodo.sleep(0)
local s = os.clock() while os.clock() < s + 0.02 do end
coroutine.resume(co) t:cancel()
for i = 1, 100 do komodo.sleep(0) end return true
--- a coroutine that waits looks busy: ok | "normal"
local co = coroutine.create(function() komodo.sleep(0.05) end)
komodo.spawn(function() coroutine.resume(co) end) komodo.sleep(0.01) return coroutine.status(co)
--- resume a finished task: ok | [false,false]
local co local t = komodo.spawn(function() co = coroutine.running() end) t:wait()
return { coroutine.resume(co), (pcall(coroutine.close, co)) }
--- resume a task that has not started: ok | [false,1]
local co, runs = nil, 0
local t = komodo.spawn(function() co = coroutine.running() runs = runs + 1 komodo.sleep(0.01) end)
while not co do komodo.sleep(0) end
local ok = coroutine.resume(co) t:wait() return { ok, runs }
--- a wrap around a task's wait handed on: ok | "through"
local gen = coroutine.wrap(function() komodo.sleep(0.001) coroutine.yield("not yet") komodo.sleep(0.001) coroutine.yield("through") end)
komodo.spawn(function() return gen() end):wait() return komodo.spawn(function() return gen() end):wait()
--- a coroutine left waiting by a cancelled task: ok | true
local co = coroutine.create(function() komodo.sleep(100) end)
local t = komodo.spawn(function() coroutine.resume(co) end)
komodo.sleep(0.001) t:cancel()
pcall(coroutine.close, co) pcall(coroutine.resume, co) co = nil
for _ = 1, 1000 do local _ = {} end komodo.sleep(0.001) return true
--- resume in a sort comparator: error | cannot wait here
table.sort({ 3, 2, 1 }, coroutine.wrap(function() komodo.sleep(1) end))
--- yield in a sort comparator: error | attempt to yield
coroutine.wrap(function() table.sort({ 3, 2, 1 }, coroutine.yield) end)()
--- yield in gsub: error | attempt to yield
coroutine.wrap(function() return ("x"):gsub("x", coroutine.yield) end)()
--- wait in a close of a coroutine: ok | true
local co = coroutine.create(function() local c <close> = setmetatable({}, { __close = function() komodo.sleep(10) end }) coroutine.yield() end)
coroutine.resume(co) return not coroutine.close(co)
--- status of coroutines in each other: cpu
local a a = coroutine.create(function() local b = coroutine.create(function() while true do coroutine.status(a) coroutine.resume(a) end end) coroutine.resume(b) end) coroutine.resume(a)
--- many coroutines that wait for each other: memory
local list = {} local function f() list[#list + 1] = coroutine.wrap(f) coroutine.yield(#list) end f = coroutine.wrap(f) while true do list[#list + 1] = coroutine.create(f) coroutine.resume(list[#list]) end
--- recursion of resume: ends
local function f() return coroutine.resume(coroutine.create(f)) end while true do f() end
--- wrap as iterator of itself: error
local f f = coroutine.wrap(function() for _ in f do end end) f()
--- wrap as message handler: cpu
while true do xpcall(error, coroutine.wrap(function(...) while true do coroutine.yield(...) end end), "x") end
--- wrap as metamethod: cpu
local t = setmetatable({}, { __index = coroutine.wrap(function() while true do coroutine.yield(1) end end) }) while true do local _ = t.x end
--- wrap as reader of load: cpu
while true do load(coroutine.wrap(function() while true do coroutine.yield(" ") end end)) end
--- closing inside closing inside closing: ends
local function chain(n)
  local co = coroutine.create(function() local c <close> = setmetatable({}, { __close = function() chain(n + 1) end }) coroutine.yield() end)
  coroutine.resume(co) coroutine.close(co)
end
while true do chain(0) end
--- huge numbers of results: error | too many results
local co = coroutine.wrap(function() return table.unpack({}, 1, 900000) end) select("#", co(), co) local t = table.pack(coroutine.wrap(function() coroutine.yield(table.unpack({}, 1, 999000)) end)()) return coroutine.wrap(function(...) return ... end)(table.unpack(t, 1, t.n))
--- yield outside: error | outside a coroutine
coroutine.yield()
--- running and isyieldable: ok | [false,true]
local _, is_main = coroutine.running() return { is_main, coroutine.isyieldable() }
