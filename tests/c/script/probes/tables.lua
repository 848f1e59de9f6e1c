--- concat over an index that loops: cpu
return table.concat(setmetatable({}, { __index = function() while true do end end }), "", 1, 2)
--- concat of a huge range: cpu
return table.concat(setmetatable({}, { __index = function() return "" end }), "", math.mininteger, math.maxinteger)
--- concat of memory: memory
return table.concat(setmetatable({}, { __index = function() return ("x"):rep(1000) end }), "", 1, 1 << 40)
--- concat of a wrong value: error | invalid value
return table.concat({ {} })
--- insert at a wrong place: error | position out of bounds
table.insert({}, 7, 1)
--- insert in the middle of a huge proxy: cpu
table.insert(setmetatable({}, { __len = function() return 1 << 62 end, __index = function() return 0 end, __newindex = function() end }), 2, 1)
--- insert at the front: cpu
local t = {} for i = 1, 100000 do t[i] = i end while true do table.insert(t, 1, 0) table.remove(t, 1) end
--- remove from a huge proxy: cpu
table.remove(setmetatable({}, { __len = function() return 1 << 62 end, __index = function() return 0 end, __newindex = function() end }), 2)
--- unpack of a huge range: error | too many results
return table.unpack({}, 1, math.maxinteger)
--- unpack of wrapped bounds: error | too many results
return table.unpack({}, math.mininteger, math.maxinteger)
--- unpack again and again: cpu
while true do pcall(table.unpack, {}, 1, 200000) end
--- pack of everything: ends
local t = table.pack(table.unpack({}, 1, 900000)) while true do t = table.pack(t, t) end
--- move of a huge range: cpu
table.move(setmetatable({}, { __index = function() return 1 end }), 1, math.maxinteger - 1, 1, setmetatable({}, { __newindex = function() end }))
--- move that overlaps: cpu
local t = {} for i = 1, 1000 do t[i] = i end while true do table.move(t, 1, 1000, 2) table.move(t, 2, 1001, 1) end
--- move too far: error | too many elements
table.move({}, math.mininteger, math.maxinteger, 1)
--- move into itself with metamethods: cpu
local t t = setmetatable({}, { __index = function(_, k) return k end, __newindex = function() end }) table.move(t, 1, 1 << 50, 1)
--- sort with a comparator that errors: error | no order
table.sort({ 3, 2, 1 }, function() error("no order") end)
--- sort with a random order: cpu
while true do local t = {} for i = 1, 1000 do t[i] = i end pcall(table.sort, t, function() return math.random() < 0.5 end) end
--- sort that changes its table: cpu
while true do local t = {} for i = 1, 100 do t[i] = i end pcall(table.sort, t, function(a, b) t[#t + 1] = 1 t[1] = nil return a < b end) end
--- sort that sorts itself: ends
local t = {} for i = 1, 50 do t[i] = 50 - i end local function less(a, b) table.sort(t, less) return a < b end while true do pcall(table.sort, t, less) end
--- sort of mixed types: error | compare
table.sort({ 1, "x", {} })
--- sort of too many: error | too big
table.sort(setmetatable({}, { __len = function() return math.maxinteger end }))
--- sort of a million: cpu
while true do local t = {} for i = 1, 200000 do t[i] = (i * 7919) % 200003 end table.sort(t) end
--- sort of strings that are alike: cpu
while true do local t = {} for i = 1, 1000 do t[i] = ("x"):rep(5000) .. i end table.sort(t) end
--- next with a wrong key: error | invalid key
return next({}, "nothing")
--- next after a change: ends
local t = {} for i = 1, 1000 do t[i] = i end local k while true do local ok k = pcall(next, t, k) if not ok then k = nil end t[math.random(2000)] = nil t[math.random(2000)] = 1 end
--- border of a sparse table: cpu
local t = {} for i = 0, 62 do t[1 << i] = true end while true do local _ = #t end
--- NaN as a key: error | NaN
local t = {} t[0 / 0] = 1
--- rawset of a library: error | read-only
rawset(string, "rep", print)
--- rawset of komodo: error | read-only
rawset(komodo, "read", print)
--- array made of a library: error | protected
komodo.json.array(string)
--- array made of komodo: error | protected
komodo.json.array(komodo)
--- object made of a library: ok | true
komodo.json.object(string) return not pcall(function() string.x = 1 end)
--- table.insert into a library: error | read-only
table.insert(string, print)
--- table.move into a library: error | read-only
table.move({ print }, 1, 1, 1, math)
--- table.sort of a library: ok | true
table.sort(string) return string.rep ~= nil
--- rehash storms: cpu
while true do local t = {} for i = 1, 5000 do t[i * 1.5] = i end for k in pairs(t) do t[k] = nil end end
--- keys of all types: cpu
local t = {} while true do t[{}] = print t[print] = t t[1.5] = true t[true] = 1 t["x"] = nil for k in pairs(t) do t[k] = nil end end
--- ipairs without end: cpu
for _ in ipairs(setmetatable({}, { __index = function() return 1 end })) do end
--- array in the hash part: memory
local t = {} for i = 1, math.huge do t[-i] = i end
--- select negative: error | index out of range
return select(-5, 1)
