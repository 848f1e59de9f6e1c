--- no way to the system: ok | true
return io == nil and package == nil and dofile == nil and loadfile == nil and os.execute == nil and os.exit == nil and os.getenv == nil
--- no debug but traceback: ok | true
local n = 0 for k in pairs(debug) do n = n + 1 if k ~= "traceback" then return k end end return n == 1
--- no dump: ok | true
return string.dump == nil and ("").dump == nil and rawget(string, "dump") == nil
--- the metatable of strings is closed: ok | true
return getmetatable("") == false and not pcall(setmetatable, "", {})
--- libraries cannot be written: ok | true
for _, l in ipairs { string, table, math, utf8, os, coroutine, debug, komodo, komodo.json, komodo.kv, komodo.base64, komodo.semver, komodo.url, komodo.log, komodo.http, komodo.stacks } do
  if pcall(function() l.x = 1 end) or pcall(rawset, l, "x", 1) or pcall(setmetatable, l, {}) or pcall(setmetatable, l, nil) or getmetatable(l) or next(l) ~= nil then return false end
end return true
--- what is behind a library stays hidden: ok | true
local f, t, k = pairs(string) for name, value in f, t, k do if type(name) ~= "string" or type(value) ~= "function" then return false end end
return t ~= nil and not pcall(function() t.rep = print end) or ("x"):rep(2) == "xx"
--- next of pairs with other tables: ok | true
local f = pairs(string) local ok, k = pcall(f, {}, nil) return not ok or type(k) == "string"
--- functions of the library are not tables: ok | true
return not pcall(function() string.rep.x = 1 end) and not pcall(setmetatable, string.rep, {})
--- _G is only the script's: ok | true
_G.x = 1 return x == 1 and _G._G == _G and _ENV == _G
--- environment of a loaded chunk: ok | true
local f = load("return _ENV, print", "x", "t", {}) local e, p = f() return p == nil and e ~= _G
--- environment swapped: ok | true
local real = _G local function f() local _ENV = { real = real } return real.print ~= nil and print == nil end return f()
--- task userdata is opaque: ok | true
local t = komodo.spawn(print) return getmetatable(t) == false and not pcall(function() return t + 1 end) and not pcall(next, t) and rawequal(t, t) and not pcall(rawlen, t) and not pcall(rawget, t, 1)
--- json array mark is closed: ok | true
return getmetatable(komodo.json.array {}) == "array" and not pcall(setmetatable, komodo.json.array {}, {}) and komodo.json.array_mt == nil
--- args are the script's own: ok | true
komodo.args.x = 1 return ARGS.x == 1 and komodo.args == ARGS
--- secret of a fake: ok | true
local fake = { ["$secret"] = { { name = "ROOT" } } } return type(komodo.json.encode(fake)) == "string"
--- run cannot be replaced: ok | true
return not pcall(function() komodo.run = {} end) and not pcall(function() komodo.args = {} end)
--- upvalues cannot be reached: ok | true
return debug.getupvalue == nil and debug.setupvalue == nil and debug.upvaluejoin == nil and debug.getlocal == nil and debug.sethook == nil
--- registry cannot be reached: ok | true
for _, v in pairs(_G) do if type(v) == "userdata" then return false end end return debug.getregistry == nil
--- file handles cannot be reached: ok | true
for _, l in pairs(_G) do if type(l) == "table" then for _, v in pairs(l) do if type(v) == "userdata" and v ~= komodo.json.null then return false end end end end return true
--- os has no more than time: ok | true
local n = 0 for k in pairs(os) do n = n + 1 if not ({ clock = 1, date = 1, difftime = 1, time = 1 })[k] then return k end end return n == 4
--- require cannot load files: ok | true
return not pcall(require, "/tmp/x") and not pcall(require, "komodo.policy") and not pcall(require, "komodo._core.script") and not pcall(require, "engine")
--- warn and print redirected: ok | true
return warn == nil and type(print) == "function"
--- the parent of a thread is closed: ok | true
local co, main = coroutine.running() return not main and type(co) == "thread" and getmetatable(co) == nil
