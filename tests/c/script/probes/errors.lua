--- handler that errors: cpu
while true do xpcall(error, function() error("again") end) end
--- handler that recurses: cpu
local function h() return xpcall(error, h) end while true do xpcall(error, h) end
--- handler that loops in a coroutine: cpu
coroutine.wrap(function() xpcall(error, function() while true do end end) end)()
--- handler that overflows the stack: cpu
local function f() return f() + 1 end while true do xpcall(f, f) end
--- handler in a stack overflow: cpu
local function f() return f() + 1 end while true do xpcall(f, function() while true do local _ = {} end end) end
--- handler in a C stack overflow: ends
local function f() return (("x"):gsub("x", f)) end while true do xpcall(f, function(e) return (e:gsub("x", f)) end) end
--- handler that waits: ends
return xpcall(error, function() komodo.sleep(0.001) return 1 end)
--- handler that spawns: ends
for _ = 1, 1000 do xpcall(error, function() komodo.spawn(print) end) end
--- handler after cancel: cancelled | cancel=30 cpu=5
xpcall(komodo.sleep, function() while true do end end, 1000)
--- caught cancel: cancelled | cancel=30
while true do pcall(komodo.sleep, 1000) end
--- caught cancel while busy: cancelled | cancel=30 cpu=5
while true do pcall(function() while true do end end) end
--- caught cancel in a C function: cancelled | cancel=30 cpu=5
return (("a"):rep(200000)):find((".-"):rep(40) .. "b")
--- cancel in the parser: cancelled | cancel=30 memory=64 cpu=5
local s = "return " .. ("{"):rep(150) .. ("1,"):rep(400000) while true do load(s) end
--- cancel in the collector: cancelled | cancel=60 memory=256 cpu=5
local t = {} while true do for i = 1, 1000 do t[#t + 1] = { i } end if #t > 500000 then t = {} end end
--- cancel in json: cancelled | cancel=60 memory=256 cpu=5
local t = {} for i = 1, 100000 do t[i] = { a = i } end while true do komodo.json.decode(komodo.json.encode(t)) end
--- cancel in digests: cancelled | cancel=60 memory=64 cpu=5
local s = ("x"):rep(16 << 20) while true do komodo.hash("sha512", s) end
--- cancel in codecs: cancelled | cancel=60 memory=256 cpu=5
local s = ("\xff"):rep(12 << 20) while true do komodo.base64.decode(komodo.base64.encode(s)) komodo.url.encode(s) end
--- cancel in dates: cancelled | cancel=60 cpu=5
while true do pcall(os.date, ("%c"):rep(1 << 19)) end
--- cancel in a log flood: cancelled | cancel=60 memory=64 log=16384 cpu=5
local s = ("\xff"):rep(1 << 20) while true do print(s) end
--- cancel of ten thousand tasks: cancelled | cancel=100 tasks=10000 memory=64 cpu=5
for _ = 1, 9000 do komodo.spawn(komodo.sleep, 1000) end komodo.sleep(1000)
--- cancel with a deep stack of foreign frames: cancelled | cancel=200 memory=256 cpu=5
local f = load("local f = ... return function(n) if n == 0 then komodo.sleep(1000) end return (f()(n - 1)) end", "=other") local g g = f(function() return g end) g(150000)
--- limit of time with a deep stack of foreign frames: time | memory=256 cpu=5 wall=0.4
local f = load("local f = ... return function(n) if n == 0 then komodo.sleep(1000) end return (f()(n - 1)) end", "=other") local g g = f(function() return g end) g(150000)
--- limit of CPU with a deep stack of foreign frames: cpu | memory=256
local f = load("local f = ... return function(n) if n == 0 then while true do end end return (f()(n - 1)) end", "=other") local g g = f(function() return g end) g(150000)
--- error with a deep stack of foreign frames: error | memory=256 cpu=5
local f = load("local f = ... return function(n) if n == 0 then error('deep') end return (f()(n - 1)) end", "=other") local g g = f(function() return g end) g(150000)
--- traceback of a deep stack: cpu | memory=64
local function f(n) if n > 0 then return (f(n - 1)) end while true do debug.traceback() end end f(100000)
--- traceback of strange things: ok | true
return debug.traceback({}) ~= nil and debug.traceback(coroutine.create(print)) ~= nil and debug.traceback("x", 1000000000) ~= nil and pcall(debug.traceback, "x", math.mininteger)
--- error objects of all kinds: ok | true
for _, e in ipairs { 1, 1.5, true, {}, print, coroutine.create(print) } do local ok, got = pcall(error, e) if ok or got ~= e then return false end end return select(2, pcall(error)) == nil
--- error with a level: error
error("x", math.maxinteger)
--- error that is nil: error
error(nil)
--- error that prints itself: error | mine
error(setmetatable({}, { __tostring = function() return "mine" end }))
--- error that does not print: error
error(setmetatable({}, { __tostring = function() error("no") end }))
--- error with bytes that are no text: error
error("\xff\xfe\0\x80")
--- komodo errors made by hand: error
error(setmetatable({}, { __index = function() while true do end end }))
--- error from nothing: error
assert(false)
--- assert of a table: error
assert(nil, setmetatable({}, { __name = "komodo.error" }))
--- the metatable of errors is closed: ok | true
local _, e = komodo.read("Nothing") return getmetatable(e) == false and not pcall(setmetatable, e, {})

--- every function as a message handler that fails: ends | memory=64 cpu=4
local seen = {}
local function walk(t)
  if seen[t] then return end
  seen[t] = true
  for _, v in pairs(t) do
    if type(v) == "table" then walk(v) end
    if type(v) == "function" then for _, value in ipairs { {}, "x", 7, print } do xpcall(error, v, value) end end
  end
end
walk(_G)

--- every function of a library that calls itself as a metamethod: ends | memory=64 cpu=4
for _, library in ipairs { string, table, math, utf8, os, komodo.toml, komodo.yaml, komodo.json, komodo.base64, komodo.hex, komodo.url, komodo.semver, komodo.time } do
  for _, f in pairs(library) do
    if type(f) == "function" then
      local t = setmetatable({}, {})
      for _, event in ipairs { "__tostring", "__index", "__len", "__concat", "__call", "__eq", "__lt", "__close" } do
        getmetatable(t)[event] = function(...) return f(t, t, t) end
      end
      pcall(f, t, t, t)
      pcall(tostring, t)
    end
  end
end
