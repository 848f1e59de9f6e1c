--- tables in tables: memory
local t = {} while true do t = { t, t } end
--- many small texts: memory
local t = {} for i = 1, math.huge do t[i] = "text number " .. i end
--- few large texts: memory
local t = {} for i = 1, math.huge do t[i] = ("x"):rep((1 << 20) + i) end
--- closures with upvalues: memory
local list = {} for i = 1, math.huge do list[i] = function() return i, list end end
--- varargs: ends
local function f(...) return f(1, ...) end f()
--- recursion not in the tail: error | stack overflow memory=256 cpu=5
local function f(n) return (f(n + 1)) end f(1)
--- recursion with wide frames: ends
local function f(...) return (f(1, 2, 3, 4, 5, 6, 7, 8, ...)) end f()
--- a table that doubles: memory
local t = {} for i = 1, math.huge do t[i] = i end
--- table constructors: memory
local s = "return {" .. ("1,"):rep(100000) .. "}" local f = load(s) local t = {} while true do t[#t + 1] = f() end
--- freed and taken in all sizes: cpu
local t = {} while true do local i = math.random(200) t[i] = ("x"):rep(math.random(5000)) end
--- growing texts of all sizes: cpu
while true do local s = "" for i = 1, 300 do s = s .. ("y"):rep(i) end end
--- every second one freed: ends
local t = {} for i = 1, 50000 do t[i] = ("z"):rep(100 + i % 50) end for i = 1, 50000, 2 do t[i] = nil end while true do t[#t + 1] = ("z"):rep(170) end
--- caught in a loop: cpu
while true do pcall(string.rep, "x", 1 << 29) end
--- caught while nearly full: ends
local t = {} pcall(function() for i = 1, math.huge do t[i] = i .. "" end end) while true do pcall(function() t[#t + 1] = {} end) end
--- caught in a message handler: ends
local t = {} while true do xpcall(function() for i = 1, math.huge do t[i] = { i } end end, function() t[#t + 1] = {} return t end) end
--- caught in a close: ends
local t = {} while true do pcall(function() local c <close> = setmetatable({}, { __close = function() t[#t + 1] = {} end }) for _ = 1, math.huge do t[#t + 1] = {} end end) end
--- caught in a coroutine: ends
local t = {} while true do coroutine.resume(coroutine.create(function() for _ = 1, math.huge do t[#t + 1] = {} end end)) end
--- full while an answer comes: ends
local t = {} pcall(function() for i = 1, math.huge do t[i] = { i } end end)
for _ = 1, 200 do pcall(komodo.read, "Echo", { a = 1 }) pcall(komodo.sleep, 0.0001) t[#t] = nil end
--- full while errors come: ends
local t = {} pcall(function() for i = 1, math.huge do t[i] = { i } end end)
for _ = 1, 200 do pcall(komodo.read, "Nothing") t[#t] = nil end
--- full while tasks start: ends
local t = {} pcall(function() for i = 1, math.huge do t[i] = { i } end end)
for _ = 1, 200 do pcall(komodo.spawn, komodo.sleep, 0.001) t[#t] = nil end
--- full while tasks end: ends
local tasks = {} for i = 1, 100 do tasks[i] = komodo.spawn(function() komodo.sleep(0.001) return ("x"):rep(100), {} end) end
local t = {} pcall(function() for i = 1, math.huge do t[i] = { i } end end)
for i = 1, 100 do pcall(tasks[i].wait, tasks[i]) t[#t] = nil end
--- large answers into a full heap: ends
local big = ("y"):rep(1 << 20) local t = {} pcall(function() for i = 1, math.huge do t[i] = ("x"):rep(100000) .. i end end)
for i = 1, 200 do t[#t] = nil pcall(komodo.read, "Echo", { big }) end
--- parameters kept by many requests: ends | tasks=10000 memory=32
local s = ("p"):rep(4 << 20) local t = {} for i = 1, 2000 do t[i] = komodo.spawn(function() return komodo.read("Slow", { s }) end) end for i = 1, #t do pcall(t[i].wait, t[i]) end
--- answers nobody takes: ends | tasks=10000 memory=32
local s = ("p"):rep(2 << 20) for _ = 1, 500 do komodo.spawn(function() komodo.read("Echo", { s }) end) end komodo.sleep(0) while true do end
--- log lines of megabytes: ends | log=16384
local s = ("l"):rep(4 << 20) for _ = 1, 100 do print(s) end
--- log of bytes that are no text: ends | log=16384
local s = ("\xff"):rep(4 << 20) for _ = 1, 100 do print(s) end
--- print of many values: ends
while true do print(table.unpack({}, 1, 100000)) end
--- error of megabytes: error | cpu=5 memory=64
error(("e"):rep(4 << 20))
--- error that is a huge table: error
error({ ("e"):rep(1 << 20), {} })
--- result that is too large: result | cpu=5 memory=64
return ("r"):rep(4 << 20)
--- result that is deep: error | nested
local t = {} for _ = 1, 10000 do t = { t } end return t
--- result inside itself: error | inside itself
local t = {} t.t = t return t
