--- ephemerons in a chain: ends | memory=64
local t, first = setmetatable({}, { __mode = "k" }), {} local k = first for _ = 1, 100000 do local n = {} t[k] = n k = n end while true do local _ = { k } end
--- ephemerons in a reverse chain: ends | memory=64
local t = setmetatable({}, { __mode = "k" }) local keys = {} for i = 1, 50000 do keys[i] = {} end for i = 50000, 2, -1 do t[keys[i]] = keys[i - 1] end local last = keys[1] keys = nil while true do local _ = { last } end
--- many ephemeron tables: ends | memory=64
local list = {} for i = 1, 20000 do local k = {} list[i] = setmetatable({ [k] = { k } }, { __mode = "k" }) end while true do list[#list % 100 + 1] = {} end
--- ephemeron tables that hold each other: ends | memory=64
local keys, list = {}, {} for i = 1, 2000 do keys[i] = {} end for i = 1, 2000 do list[i] = setmetatable({}, { __mode = "k" }) list[i][keys[i]] = keys[i % 2000 + 1] end local one = keys[1] keys = nil while true do local _ = { one, list } end
--- weak values of a large table: ends | memory=64
local t = setmetatable({}, { __mode = "v" }) for i = 1, 200000 do t[i] = {} end while true do for i = 1, 1000 do t[i] = {} end end
--- all weak: cpu
local t = setmetatable({}, { __mode = "kv" }) while true do t[{}] = {} end
--- weak tables in weak tables: ends
local t = setmetatable({}, { __mode = "v" }) while true do t = setmetatable({ t }, { __mode = "v" }) end
--- strings as weak keys: ends
local t = setmetatable({}, { __mode = "k" }) for i = 1, math.huge do t["k" .. i] = {} end
--- gc field refused: error | __gc
setmetatable({}, { __gc = true })
--- gc field added later: ok | true
local called = false local mt = {} local t = setmetatable({}, mt) mt.__gc = function() called = true end t = nil for _ = 1, 20000 do t = {} end return not called
--- gc field set again: error | __gc
local mt = {} local t = setmetatable({}, mt) mt.__gc = function() end setmetatable(t, mt)
--- gc through rawset and index: ok | true
local called = false local mt = setmetatable({}, { __index = { __gc = function() called = true end } }) for _ = 1, 20000 do setmetatable({}, mt) end return not called
--- gc through json.array: ok | true
local called = false local t = komodo.json.array {} t.__gc = function() called = true end for _ = 1, 20000 do setmetatable({}, { __index = t }) end return not called
--- resurrected by close: cpu
local keep while true do local c <close> = setmetatable({}, { __close = function(s) keep = s end }) end
--- a long list: ends | memory=64
local l for i = 1, math.huge do l = { l, i } end
--- a deep stack that is marked: ends | memory=64
local function f(n) local t = {} if n > 0 then return (f(n - 1)) end while true do t = { t[1] } end end f(150000)
--- many coroutines that are marked: ends | memory=64
local t = {} for i = 1, 20000 do local co = coroutine.create(function() coroutine.yield() end) coroutine.resume(co) t[i] = co end while true do local _ = { {} } end
--- collectgarbage in all ways: ok | true
for _, w in ipairs { "collect", "stop", "restart", "step", "isrunning", "generational", "incremental", "setpause", "setstepmul" } do if pcall(collectgarbage, w) then return w end end return collectgarbage("count") > 0
