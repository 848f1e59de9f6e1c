--- index chain of 2000 tables: ok | true
local t = {} for _ = 1, 1990 do t = setmetatable({}, { __index = t }) end return t.x == nil
--- index chain that is a ring: error | loop
local a = {} local b = setmetatable({}, { __index = a }) setmetatable(a, { __index = b }) return a.x
--- newindex ring: error | loop
local a = {} local b = setmetatable({}, { __newindex = a }) setmetatable(a, { __newindex = b }) a.x = 1
--- call chain: error
local t = {} for _ = 1, 300 do t = setmetatable({}, { __call = t }) end return t()
--- call of itself: ends
local t = {} setmetatable(t, { __call = t }) return t()
--- every arithmetic metamethod loops: cpu
local mt = {} for _, e in ipairs { "add", "sub", "mul", "div", "mod", "pow", "unm", "idiv", "band", "bor", "bxor", "shl", "shr", "bnot" } do mt["__" .. e] = function() while true do end end end
local t = setmetatable({}, mt) return ~t
--- comparison: cpu
local t = setmetatable({}, { __lt = function() while true do end end }) return t < t
--- less or equal: cpu
local mt = { __le = function() while true do end end } return setmetatable({}, mt) <= setmetatable({}, mt)
--- equality in a loop: cpu
local mt = { __eq = function() return false end } local a, b = setmetatable({}, mt), setmetatable({}, mt) while a ~= b do end
--- close metamethod of a loop variable: cpu
for _ in next, {}, nil, setmetatable({}, { __close = function() while true do end end }) do end
--- name as a text of a million bytes: error
local t = setmetatable({}, { __name = ("x"):rep(1000000) }) return t + 1
--- name with zeros: ok | true
return #tostring(setmetatable({}, { __name = ("\0"):rep(100000) })) > 4
--- tostring that returns no text: error | must return a string
return tostring(setmetatable({}, { __tostring = function() return {} end }))
--- tostring that recurses: error
local t t = setmetatable({}, { __tostring = function() return tostring(t) end }) return tostring(t)
--- index that sets itself: ends
local t t = setmetatable({}, { __index = function(s, k) s[k] = k return s[k + 1] end }) while true do pcall(function() return t[#t + 1] end) end
--- newindex that grows: memory
local n = 0 local t = setmetatable({}, { __newindex = function(s, k) n = n + 1 rawset(s, n, { k }) end }) while true do t.x = 1 end
--- metatable of a metatable of itself: ok | true
local t = {} setmetatable(t, t) t.__index = t.y t.__newindex = nil return t.x == nil
--- pairs that returns itself: cpu
local t t = setmetatable({}, { __pairs = function() return function() return 1 end end }) while true do for _ in pairs(t) do end end
--- pairs that errors: error | no
return pairs(setmetatable({}, { __pairs = function() error("no") end }))
--- mode that is no text: cpu
while true do setmetatable({}, { __mode = {} }) setmetatable({}, { __mode = 7 }) setmetatable({}, { __mode = "kvkv" }) end
--- metatable that changes while it is used: cpu
local mt = {} local t = setmetatable({}, mt) function mt.__index(s, k) mt.__index = nil setmetatable(s, nil) setmetatable(s, mt) mt.__index = function() return k end return k end while true do local _ = t.x mt.__index = function() return 1 end end
--- string arithmetic: cpu
while true do local _ = "10" + "0x10" - " 3 " * "1e2" end
--- string arithmetic with tables: error | attempt to add
return "x" + {}
--- len of the wrong type: error
return #setmetatable({}, { __len = function() return "x" end }) + table.unpack(setmetatable({}, { __len = function() return "y" end }))
--- length of minus: ok | 0
return select("#", table.unpack(setmetatable({}, { __len = function() return math.mininteger end })))
--- protected metatables stay: ok | true
local t = setmetatable({}, { __metatable = false }) return not pcall(setmetatable, t, nil) and getmetatable(t) == false
--- concat of ten thousand with a metamethod: cpu
local mt mt = { __concat = function() return setmetatable({}, mt) end } local s = "return function(a) return a" .. (" .. a"):rep(100) .. " end" local f = assert(load(s))() while true do f(setmetatable({}, mt)) end
