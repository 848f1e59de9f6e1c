--- parentheses: cpu
while true do load("return " .. ("("):rep(190) .. "1" .. (")"):rep(190)) load(("("):rep(100000)) end
--- braces: cpu
while true do load("return " .. ("{"):rep(100000)) end
--- nested functions: cpu
while true do load(("function() "):rep(100000)) load("return " .. ("function() return "):rep(150) .. "1" .. (" end"):rep(150)) end
--- unary operators: cpu
while true do load("return " .. ("not "):rep(100000) .. "1") load("return " .. ("-"):rep(100000) .. "1") end
--- right associative operators: cpu
while true do load("return 2" .. (" ^ 2"):rep(100000)) load("return 'x'" .. (" .. 'x'"):rep(100000)) end
--- a chain of comparisons: ends
while true do load("return 1" .. (" < 1"):rep(50000)) end
--- too many locals: ends
while true do load("local " .. ("a,"):rep(250) .. "a") load(("local a "):rep(100000)) end
--- too many upvalues: ends
local s = {} for i = 1, 300 do s[i] = "local a" .. i .. " = 1 " end while true do load(table.concat(s, "", 1, 199) .. "return function() return a1" .. (" + a2"):rep(300) .. " end") end
--- too many constants: ends
local s = {} for i = 1, 100000 do s[i] = "'k" .. i .. "'" end s = "return {" .. table.concat(s, ",") .. "}" while true do load(s) end
--- long string never closed: cpu
local s = "[" .. ("="):rep(1 << 20) .. "[" .. ("]="):rep(1 << 20) while true do load(s) end
--- comment of megabytes: cpu | memory=64
local s = "--[" .. "[" .. ("x"):rep(4 << 20) while true do load(s) end
--- escape sequences: cpu
local s = "return '" .. ("\\x41\\u{7FFFFFFF}\\065\\z  \\\n"):rep(10000) .. "'" while true do load(s) end
--- numbers without end: ends
while true do load("return " .. ("1"):rep(1 << 20)) load("return 0x" .. ("f"):rep(1 << 20) .. "p1") end
--- names without end: ends
while true do load(("a"):rep(1 << 20) .. " = 1") end
--- gotos and labels: ends
local s = {} for i = 1, 5000 do s[i] = "goto l" .. i end while true do load("do " .. table.concat(s, " ") .. " end") end
--- gotos that match: cpu
local s = {} for i = 1, 2000 do s[i] = "goto l" .. i .. " ::l" .. i .. "::" end s = table.concat(s, " ") while true do load(s) end
--- deep blocks: cpu
while true do load(("do "):rep(190) .. ("end "):rep(190)) load(("do "):rep(100000)) load(("if x then "):rep(100000)) end
--- else if chain: ends
local s = "if x then " .. ("elseif x then "):rep(50000) .. "end" while true do load(s) end
--- control structure too long: ends
local s = "while x do " .. ("x = x "):rep(200000) .. "end" while true do load(s) end
--- assignments to many: cpu
while true do load(("a,"):rep(300) .. "a = 1") load(("a."):rep(1000) .. "a = 1") load("a" .. ("[1]"):rep(10000) .. "=1") end
--- calls of calls: cpu
while true do load("f" .. ("()"):rep(10000)) load("f" .. ("{}"):rep(10000)) load("f" .. ("''"):rep(10000)) load("f" .. (":a()"):rep(10000)) end
--- reader that gives one byte for ever: cpu
load(function() return "x" end)
--- reader that gives spaces for ever: cpu
load(function() return " \n" end)
--- reader of megabytes: ends
load(function() return "x = '" .. ("y"):rep(1 << 20) end)
--- reader that returns no text: error | reader function must return a string
assert(load(function() return {} end))
--- reader that errors: error | stop
assert(load(function() error("stop") end))
--- reader that waits: error
assert(load(function() komodo.sleep(1) return nil end))
--- reader that loads: cpu
local function r() load(r) return " " end load(r)
--- bytecode by text mode: ok | true
return load("\27Lua\x54\0\x19\x93\r\n\x1a\n", "x", "bt") == nil and load("\27", "x", "b") == nil
--- bytecode by reader: ok | true
local parts, i = { "\27", "Lua", "T" }, 0 return load(function() i = i + 1 return parts[i] end, "x", "b") == nil
--- chunk name of megabytes: error | memory=64 cpu=5
assert(load("x =", ("n"):rep(4 << 20)))
--- chunk name that looks like the script: error
assert(load("error('x')", "=probe"))()
--- environment that is no table: ends
local f = load("return x", "x", "t", 7) return pcall(f)
--- attributes: ok | true
return load("local x <const> = 1 x = 2") == nil and load("local x <close> = 1") ~= nil and load("local a <close>, b <close> = nil, nil") == nil and load("local x <what> = 1") == nil
--- constant _ENV: ends
return pcall(load("local _ENV <const> = 1; local function f() return x, y.z end return f()")) , pcall(load("local _ENV <const> = 'x' x = 1 return x.y.z"))
--- constant _ENV in closures: ends
return pcall(load("local _ENV <const> = nil return function() return function() x = y z() return x[1] end end"))
--- varargs in the wrong place: ok | true
return load("function f() return ... end") == nil and load("return ...")(7) == 7
--- source that is deep json: cpu
while true do load("return " .. ("{a="):rep(199) .. "1" .. ("}"):rep(199)) end
