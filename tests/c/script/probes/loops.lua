--- for loop without end: cpu
for _ = 1, math.huge do end
--- for loop over all integers: cpu
for _ = math.mininteger, math.maxinteger do end
--- float loop that never moves: cpu
for _ = 2.0 ^ 60, 2.0 ^ 60 + 1000, 0.001 do end
--- repeat with a local condition: cpu
repeat local x = false until x
--- goto out of nested blocks: cpu
::top:: do do do goto top end end end
--- goto into a loop that ends: cpu
::again:: for i = 1, 3 do if i == 2 then goto again end end
--- tail calls: cpu
local function f(n) return f(n + 1) end f(1)
--- mutual tail calls: cpu
local a, b function a() return b() end function b() return a() end a()
--- vararg tail calls: cpu
local function f(...) return f(...) end f(1, 2, 3)
--- loop in a generic for iterator: cpu
for _ in function() while true do end end do end
--- iterator that never ends: cpu
for _ in function() return 1 end do end
--- next over a table that grows: ends
local t = { 1 } for k in pairs(t) do t[#t + 1] = k t["x" .. #t] = nil end while true do end
--- integer division and modulo: cpu
local x = 1 while true do x = (x * 6364136223846793005 + 1) // 3 % math.maxinteger end
--- math in a loop: cpu
while true do local _ = math.sin(math.random()) ^ 2 + math.fmod(7, 3) + math.tointeger(3.0) + (math.ult(1, 2) and 1 or 2) end
--- math.random of a wide range: cpu
while true do math.random(0) math.random(math.mininteger, math.maxinteger) end
--- select from the back: cpu
local function f(...) while true do local _ = select(-1, ...) + select("#", ...) end end f(1, 2, 3)
--- load in a loop: cpu
while true do load("return 1")() end
--- pcall of pcall of pcall: cpu
while true do pcall(pcall, pcall, pcall, error) end
--- a function that calls itself by pcall: cpu
local function f() while true do pcall(f) end end f()
--- nothing but a hidden _ENV: cpu
local _ENV <const> = {} while true do x = x end
--- _ENV with an index that loops: cpu
local setmetatable = setmetatable local _ENV = setmetatable({}, { __index = function() while true do end end }) return nothing
--- os.clock until it is late: cpu
while os.clock() < math.huge do end
--- tostring of numbers: cpu
local i = 0 while true do i = i + 0.1 local _ = tostring(i) .. i end
--- tonumber of long text: cpu
local s = ("9"):rep(1000000) while true do local _ = tonumber(s) local _ = tonumber(s, 36) end
