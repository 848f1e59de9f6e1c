--- close that errors in a loop: cpu
while true do pcall(function() local c <close> = setmetatable({}, { __close = error }) end) end
--- close that closes: cpu
local mt mt = { __close = function() local c <close> = setmetatable({}, mt) end } while true do pcall(function() local c <close> = setmetatable({}, mt) end) end
--- a hundred closes that loop: cpu
local mt = { __close = function() while true do end end } local s = {} for i = 1, 100 do s[i] = "local c" .. i .. " <close> = ..." end load(table.concat(s, " "))(setmetatable({}, mt))
--- close after a limit: cpu
local c <close> = setmetatable({}, { __close = function() while true do end end }) while true do end
--- close after cancel: cancelled | cancel=30 cpu=5
local c <close> = setmetatable({}, { __close = function() while true do pcall(error) end end }) komodo.sleep(1000)
--- close of a task after cancel: cancelled | cancel=30 cpu=5
komodo.spawn(function() local c <close> = setmetatable({}, { __close = function() while true do end end }) komodo.sleep(1000) end) komodo.sleep(1000)
--- close of many tasks after cancel: cancelled | cancel=30 cpu=5
for _ = 1, 200 do komodo.spawn(function() local c <close> = setmetatable({}, { __close = function() for _ = 1, 1e7 do end end }) komodo.sleep(1000) end) end komodo.sleep(1000)
--- close that spawns: ends
local function f() local c <close> = setmetatable({}, { __close = function() komodo.spawn(f) end }) komodo.sleep(100) end komodo.spawn(f) komodo.sleep(0)
--- close that waits: ok | true
do local c <close> = setmetatable({}, { __close = function() komodo.sleep(0.001) end }) end return true
--- close that waits after an error: error | first
local c <close> = setmetatable({}, { __close = function() komodo.sleep(0.001) end }) error("first")
--- close that waits after cancel: cancelled | cancel=30 cpu=5
local c <close> = setmetatable({}, { __close = function() while true do pcall(komodo.sleep, 1) end end }) komodo.sleep(1000)
--- close in a stack overflow: ends
local function f() local c <close> = setmetatable({}, { __close = function() end }) return (f()) end while true do pcall(f) end
--- close of no closable value: error | non-closable
local c <close> = {}
--- close whose metamethod is gone: error
local mt = { __close = print } local c <close> = setmetatable({}, mt) mt.__close = nil
--- close in a generic for that breaks: cpu
while true do for _ in next, { 1 }, nil, setmetatable({}, { __close = function() end }) do break end end
--- close that yields: cpu
local co = coroutine.wrap(function() while true do local c <close> = setmetatable({}, { __close = coroutine.yield }) end end) while true do co() end
--- close that replaces the error for ever: cpu
local function f() local c <close> = setmetatable({}, { __close = function(_, e) error(e or "x") end }) error("y") end while true do pcall(f) end
--- close with a stack that grows: cpu
local function deep(n) if n > 0 then return (deep(n - 1)) end end while true do local c <close> = setmetatable({}, { __close = function() deep(1000) end }) local d <close> = c end
