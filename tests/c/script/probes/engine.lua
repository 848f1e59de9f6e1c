--- json of rubbish: cpu
while true do for _, s in ipairs { "", "{", "[", "nul", "1e999", "\"\\ud800\"", "{\"a\":}", ("["):rep(100000), ("{\"a\":"):rep(10000) } do komodo.json.decode(s) end end
--- json of a million arrays: ends | memory=64 cpu=1
return #komodo.json.decode("[" .. ("[],"):rep(2000000) .. "[]]")
--- json of one long text: ends | memory=64 cpu=1
return #komodo.json.decode("\"" .. ("\\u00e9"):rep(2000000) .. "\"")
--- json of many keys: ends | memory=64 cpu=1
local t = {} for i = 1, 100000 do t[i] = ("\"k%d\":%d"):format(i, i) end return #komodo.json.encode(komodo.json.decode("{" .. table.concat(t, ",") .. "}")) > 0
--- json with metamethods: ok | true
local t = setmetatable({ 1 }, { __index = function() while true do end end, __len = function() return 1 << 40 end, __pairs = function() while true do end end }) return komodo.json.encode(t) == "[1]"
--- json of a table that is sparse: error
return komodo.json.encode({ [1] = 1, [1 << 40] = 2 })
--- json encode again and again: cpu
local t = {} for i = 1, 200 do t["k" .. i] = { i, i .. "", { x = i / 3 } } end while true do komodo.json.encode(t) end
--- json null is light: ok | true
return type(komodo.json.null) == "userdata" and getmetatable(komodo.json.null) == nil and not pcall(function() return komodo.json.null.x end)
--- names with a zero: ok | true
return komodo["log\0" .. ("x"):rep(100000)] == nil and komodo["log\0"] == nil
--- names with spaces: ok | true
return komodo[" log"] == nil and komodo[" execute wait "] == nil and komodo["execute wait"] == nil and komodo[" "] == nil and komodo[""] == nil
--- names that are no text: ok | true
return komodo[1] == nil and komodo[{}] == nil and komodo[1.5] == nil and komodo[true] == nil and komodo[print] == nil
--- globals replaced before the module loads: ends
for k in pairs(_G) do if k ~= "komodo" and k ~= "pairs" then _G[k] = nil end end local ok = komodo.all { function() return 1 end } komodo.log("x") return ok[1] == 1
--- globals that spy: ends
local seen = {} for _, k in ipairs { "setmetatable", "pairs", "ipairs", "type", "error", "pcall", "rawget", "tostring" } do local f = _G[k] _G[k] = function(...) seen[#seen + 1] = k return f(...) end end
local n = #seen local _ = komodo.kv, komodo.stage, komodo.http, komodo.stacks, komodo.glob, komodo.all return #seen == n
--- hash of the most: ends | memory=64 cpu=1
local s = ("x"):rep(16 << 20) for _ = 1, 100 do komodo.hash("sha256", s) komodo.hash("md5", s) end
--- hash of too much: error | longer than 16 MB memory=64 cpu=5
komodo.hash("sha256", ("x"):rep((16 << 20) + 1))
--- hash of nothing known: error
komodo.hash("sha3", "x")
--- hmac of the most: ends | memory=64 cpu=1
local s = ("k"):rep(8 << 20) for _ = 1, 100 do komodo.hmac("sha512", s, s) end
--- base64 of the most: ends | memory=256 cpu=1
local s = ("x"):rep(12 << 20) for _ = 1, 50 do assert(komodo.base64.decode(komodo.base64.encode(s)) == s) end
--- base64 of rubbish: cpu
while true do komodo.base64.decode("====") komodo.base64.decode(("!"):rep(1000)) komodo.hex.decode("zz") komodo.url.decode("%zz%") komodo.url.decode(("%"):rep(1000)) end
--- url of the most: ends | memory=256 cpu=1
local s = ("\xff"):rep(16 << 20) for _ = 1, 50 do komodo.url.decode(komodo.url.encode(s)) end
--- hex of the most: ends | memory=256 cpu=1
local s = ("\xff"):rep(8 << 20) for _ = 1, 50 do komodo.hex.decode(komodo.hex.encode(s)) end
--- glob that backtracks: ends
return komodo.glob(("*a"):rep(1000) .. "b", ("a"):rep(100000))
--- template of a pattern: cpu
while true do komodo.template(("{{a}}"):rep(1000), { a = "{{a}}" }) end
--- template without end: ends | memory=64
return #komodo.template(("{{ "):rep(1000000), {})
--- template over an index that loops: cpu
return komodo.template("{{a.b}}", setmetatable({}, { __index = function() while true do end end }))
--- semver of long texts: ends
while true do komodo.semver.parse(("1"):rep(10000) .. ".1.1-" .. ("a."):rep(10000)) pcall(komodo.semver.compare, "1.0.0-" .. ("a."):rep(1000) .. "x", "1.0.0-" .. ("a."):rep(1000) .. "y") end
--- semver sort without an order: ends
while true do pcall(komodo.semver.sort, { "1", "2", "x" }) pcall(komodo.semver.sort, setmetatable({}, { __len = function() return 1 << 29 end, __index = function() return "1.0.0" end, __newindex = function() end })) end
--- date with a long format: error | longer
return os.date(("%c"):rep(1000000))
--- date of the end of time: error
return os.date("%c", math.maxinteger)
--- date of all conversions: ok | true
for c in ("aAbBcCdDeFgGhHIjmMnprRStTuUVwWxXyYzZ%"):gmatch(".") do if type(os.date("!%" .. c, 0)) ~= "string" then return c end end return os.date("*t", 0).year == 1970
--- time of huge fields: ends
return pcall(os.time, { year = math.maxinteger, month = 1, day = 1 }), pcall(os.time, { year = 2147483647, month = 2147483647, day = 2147483647 }), pcall(os.time, { year = "x" })
--- time of a table that changes: ends
return pcall(os.time, setmetatable({}, { __index = function(_, k) return k == "year" and 2020 or k ~= "isdst" and 1 or nil end }))
--- require of paths: cpu
while true do for _, n in ipairs { "..", "/etc/passwd", "komodo/../x", "", ("x"):rep(100000), "io", "os", "package", "ffi", "engine" } do if pcall(require, n) then return n end end end
--- print of strange values: ends
for _ = 1, 1000 do print(nil, true, 1e308, -0.0, print, coroutine.create(print), setmetatable({}, { __name = "x\0y" }), { {} }, komodo, string) end
--- print of nothing without end: cpu
while true do print() end
--- log with levels without end: cpu
while true do komodo.log.info("x") komodo.log.warn({ 1 }) komodo.log.error("z") komodo.log("w", {}) end
--- log of zeros and newlines: ends
for _ = 1, 1000 do print("\0\r\n\n\n\t\x1b[31m") end
--- kv of strange keys: ends
for _, k in ipairs { "", ("k"):rep(100000), "\0", {}, print, 1 } do pcall(komodo.kv.get, k) pcall(komodo.kv.set, k, k) pcall(komodo.kv.set, "x", print) pcall(komodo.kv.incr, k, math.huge) end
--- secret of strange names: ends
for _, k in ipairs { "", ("k"):rep(100000), "\0", {}, print } do pcall(komodo.secret, k) pcall(komodo.var, k) end
--- http of strange requests: ends
for _, r in ipairs { {}, { url = {} }, { url = "file:///etc/passwd" }, { url = "gopher://x" }, { url = ("x"):rep(100000) }, { url = "http://[::1]:1" } } do pcall(komodo.http, r) pcall(komodo.http.get, r.url, r) end
--- sugar of strange names: ends
for _, v in ipairs { "", "deploy", ("x"):rep(10000), "__index", "type", "param" } do local ok, f = pcall(function() return komodo.stacks[v] end) if ok and type(f) == "function" then pcall(f, "x", { stack = "y" }) pcall(f) pcall(f, {}) end end
--- execute with options that loop: cpu
komodo.execute("Echo", {}, setmetatable({}, { __index = function() while true do end end }))
--- wait for what is no update: ends
pcall(komodo.wait, nil) pcall(komodo.wait, {}) pcall(komodo.wait, { _id = { ["$oid"] = {} } }) pcall(komodo.wait, "x", -1) pcall(komodo.wait, print)
--- json errors print well: ok | true
local _, e = komodo.json.decode("{") return getmetatable(e) == false and tostring(e) == e.message
--- yaml of aliases of aliases: ends | memory=64
local t = { "a0: &a0 [x, x, x, x, x, x, x, x, x]" } for i = 1, 30 do t[#t + 1] = ("a%d: &a%d [%s*a%d]"):format(i, i, ("*a" .. i - 1 .. ", "):rep(8), i - 1) end
while true do komodo.yaml.decode(table.concat(t, "\n")) end
--- yaml of the most: cancelled | memory=256 cpu=10 cancel=60
local s = ("- {a: 1, b: [x, 1]}\n"):rep(25000) while true do komodo.yaml.decode(s) end
--- yaml of aliases, cancelled: cancelled | memory=256 cpu=10 cancel=60
local s = "a: &a [" .. ("x,"):rep(1000) .. "x]\nb: [" .. ("*a,"):rep(90) .. "*a]\n" while true do komodo.yaml.decode(s) end
--- toml of the most: cancelled | memory=256 cpu=10 cancel=60
local t = {} for i = 1, 30000 do t[i] = "k" .. i .. " = [1, 'x']" end local s = table.concat(t, "\n") while true do komodo.toml.decode(s) end
--- toml of one deep key: ends | memory=64
komodo.toml.decode(("a."):rep(200000) .. "a = 1") komodo.toml.decode("a = " .. ("["):rep(500000)) komodo.yaml.decode(("["):rep(500000)) komodo.yaml.decode(("- "):rep(200000))
--- toml and yaml of rubbish: cpu
while true do for _, s in ipairs { "", "=", "a=", "\0", "\xff", "[a", ("["):rep(2), "\"\"\"", "&a *a", "*a", "? :", "%YAML", "--- ---", "!!x", "a: b: c", "\t- x" } do komodo.toml.decode(s) komodo.yaml.decode(s) end end
--- times of all kinds: ends
for _, z in ipairs { "UTC", "Europe/Berlin", "../../etc/passwd", "/etc/passwd", "", ("x"):rep(100000), "a\0b" } do for _, ms in ipairs { 0, -1, math.maxinteger, math.mininteger, 1 << 50 } do pcall(komodo.time.parts, ms, z) pcall(komodo.time.format, ms, z) pcall(komodo.time.start_of, ms, "month", z) pcall(komodo.time.add, ms, { months = 1 << 40 }, z) end end
--- schedules without end: cpu
while true do for _, s in ipairs { "0 0 0 30 2 *", "* * * * * *", ("*/1,"):rep(100000), "every 1 ms", ("every "):rep(10000), "0 0 0 29 2 * 2999" } do pcall(komodo.time.next, s) pcall(komodo.time.next, s, { zone = "Europe/Berlin" }) end end
--- differences over all time: ends
for _, u in ipairs { "milliseconds", "seconds", "days", "months", "years", "x" } do pcall(komodo.time.diff, math.mininteger, math.maxinteger, u) pcall(komodo.time.diff, -(1 << 45), 1 << 47, u, "Europe/Berlin") end
