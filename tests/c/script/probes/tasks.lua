--- spawn without end: error | limits.tasks
while true do komodo.spawn(komodo.sleep, 100) end
--- spawn without end, caught: cpu
while true do pcall(komodo.spawn, komodo.sleep, 100) end
--- spawn bomb: ends
local function f() while true do pcall(komodo.spawn, f) komodo.sleep(0) end end f()
--- tasks that spawn tasks: error | limits.tasks cpu=5
local function f() komodo.spawn(f):wait() end f()
--- ten thousand tasks: ok | 9000 tasks=10000 memory=64 cpu=5
local n, t = 0, {} for i = 1, 9000 do t[i] = komodo.spawn(function() komodo.sleep(0.001) n = n + 1 end) end for i = 1, 9000 do t[i]:wait() end return n
--- all of thousands: ok | 5000 tasks=10000 memory=64 cpu=20
local f = {} for i = 1, 5000 do f[i] = function() return i end end return #komodo.all(f)
--- all with a length that lies: ends
komodo.all(setmetatable({}, { __len = function() return 1 << 40 end, __index = function() return print end }))
--- all over an index that loops: cpu
komodo.all(setmetatable({}, { __index = function() while true do end end }))
--- race of races: ok | "fast"
local function r(n) if n == 0 then komodo.sleep(0.001) return "fast" end return (komodo.race { function() return r(n - 1) end, function() komodo.sleep(100) end }) end return r(20)
--- race of busy loops: cpu
komodo.race { function() while true do end end, function() while true do end end }
--- tasks that cancel each other: ok | true
local t = {} for i = 1, 100 do t[i] = komodo.spawn(function() komodo.sleep(0.001) for j = 1, 100 do if j ~= i then pcall(t[j].cancel, t[j]) end end end) end
for i = 1, 100 do pcall(t[i].wait, t[i]) end return true
--- cancel in a close of a cancelled task: ok | true
local t = {} for i = 1, 50 do t[i] = komodo.spawn(function() local c <close> = setmetatable({}, { __close = function() pcall(t[i % 50 + 1].cancel, t[i % 50 + 1]) end }) komodo.sleep(100) end) end
komodo.sleep(0.001) t[1]:cancel() return true
--- cancel of what waits for me: error
local a a = komodo.spawn(function() komodo.sleep(0.001) a:cancel() end) a:wait()
--- wait for itself: error
local t t = komodo.spawn(function() komodo.sleep(0.001) t:wait() end) komodo.timeout(0.05, function() t:wait() end) error("still there")
--- wait for each other: time | wall=0.2
local a, b a = komodo.spawn(function() komodo.sleep(0) b:wait() end) b = komodo.spawn(function() a:wait() end) a:wait()
--- task that is no task: error | komodo.task
local t = komodo.spawn(print) t.wait({})
--- methods of tasks are closed: ok | true
local t = komodo.spawn(print) return getmetatable(t) == false and not pcall(function() t.x = 1 end) and not pcall(function() t.wait = 1 end)
--- spawn of arguments: error
komodo.spawn(print, table.unpack({}, 1, 900000)):wait() return select("#", komodo.spawn(table.unpack, {}, 1, 900000):wait())
--- timeout of a busy loop: ends
komodo.timeout(0.001, function() while true do end end)
--- timeout in timeout: ok | true
local function f(n) if n == 0 then return komodo.sleep(100) end return komodo.timeout(0.001, function() return f(n - 1) end) end local r = f(50) return r == nil
--- timeout of infinity: ends
komodo.timeout(math.huge, print)
--- sleep of no time: ends
while true do komodo.sleep(0) end
--- sleep of next to no time: ends | wall=0.5
while true do komodo.sleep(1e-9) end
--- sleep of nan: error
komodo.sleep(0 / 0)
--- sleep of too long: error
komodo.sleep(1e300)
--- sleep for ever: time | wall=0.1
komodo.sleep(1e9)
--- a thousand tasks that sleep no time: ends | tasks=10000 wall=0.5
for _ = 1, 1000 do komodo.spawn(function() while true do komodo.sleep(0) end end) end komodo.sleep(100)
--- a thousand tasks that ask: ends | tasks=10000 wall=0.5
for _ = 1, 1000 do komodo.spawn(function() while true do komodo.read("Echo") end end) end komodo.sleep(100)
--- requests without end: ends
while true do komodo.read("Echo", { a = { 1, 2, { 3 } } }) end
--- requests that fail without end: ends
while true do komodo.read("Nothing") end
--- request names: cpu
while true do for _, n in ipairs { "", ("x"):rep(1000), "a\0b", "../x", 7 } do pcall(komodo.read, n) end end
--- request that is deep: error | nested
local t = {} for _ = 1, 10000 do t = { t } end komodo.read("Echo", t)
--- request that is itself: error | inside itself
local t = {} t.t = t komodo.read("Echo", t)
--- request of functions: error | function
komodo.read("Echo", { print })
--- request of infinity: error | infinite
komodo.read("Echo", { a = math.huge })
--- request too large: error | too large memory=256 cpu=5
komodo.read("Echo", { a = ("x"):rep(10 << 20) })
--- request of many values: ends | memory=64 cpu=5
local t = {} for i = 1, 300000 do t[i] = {} end for _ = 1, 3 do pcall(komodo.read, "Echo", t) end
--- parallel waits in coroutines of tasks: ok | 100
local n, t = 0, {} for i = 1, 100 do t[i] = komodo.spawn(function() for v in coroutine.wrap(function() komodo.sleep(0.001) coroutine.yield(1) end) do n = n + v end end) end for i = 1, 100 do t[i]:wait() end return n
--- task that ends while its coroutine waits: ok | true
local co = coroutine.wrap(function() komodo.sleep(100) end) local t = komodo.spawn(co) komodo.sleep(0.001) t:cancel() return pcall(t.wait, t) == false
--- stage told at the end: ends
for _ = 1, 1000 do local co = coroutine.create(function() komodo.stage("x", coroutine.yield) end) coroutine.resume(co) coroutine.close(co) end
--- lock with a name of megabytes: ends | memory=64
for _ = 1, 50 do local co = coroutine.create(function() komodo.lock(("x"):rep(4 << 20), coroutine.yield) end) pcall(coroutine.resume, co) pcall(coroutine.close, co) end
