--- find of dots: cpu
return (("a"):rep(100000)):find((".-"):rep(30) .. "b")
--- match with captures: cpu
return (("a"):rep(100000)):match(("(.-)"):rep(30) .. "b")
--- balanced match: cpu
while true do local _ = (("("):rep(50000)):find("%b()") end
--- frontier: cpu
while true do local _ = (("a "):rep(10000)):gsub("%f[%w].-%f[%W]", "") end
--- back reference: cpu
return (("ab"):rep(50000)):find("(.*)%1(.*)%2(.*)%3c")
--- optional characters: cpu
return (("a"):rep(40)):find(("a?"):rep(40) .. ("a"):rep(40) .. "b")
--- character class that is long: cpu
while true do local _ = (("b"):rep(10000)):find("[" .. ("a"):rep(100000) .. "]") end
--- malformed patterns: cpu
while true do for _, p in ipairs { "[", "[a", "%", "(", ")", "%b", "%f", "[%", "[]", "[^]", "%9", "(()", "%bx" } do pcall(string.find, "x", p) pcall(string.gsub, "x", p, "") end end
--- pattern too deep: error | pattern too complex
return (("a"):rep(300000)):match(("(a"):rep(1) .. ("a-"):rep(250) .. ")" .. "b") or (("x"):rep(10)):match(("x?"):rep(20000))
--- gmatch with anchors: cpu
while true do for _ in ("abc"):gmatch("^()") do end for _ in (""):gmatch("") do end end
--- gsub with a table that loops: cpu
return ("x"):gsub(".", setmetatable({}, { __index = function() while true do end end }))
--- gsub that grows: memory
local s = "x" while true do s = s:gsub("x", "xx") end
--- gsub callback that gsubs: error | C stack overflow
local function f() return (("x"):gsub("x", f)) end return f()
--- gsub of a replacement with bad escapes: error | invalid use
return ("x"):gsub("x", "%z")
--- gsub with a huge limit: cpu
while true do local _ = (("a"):rep(1000)):gsub("", "", math.maxinteger) end
--- rep too large: error | resulting string too large
return ("abc"):rep(math.maxinteger, "x")
--- rep of memory: memory
return ("x"):rep(1 << 28)
--- rep with a separator: memory
return (""):rep(1 << 28, "xx")
--- rep of nothing: cpu
return (""):rep(math.maxinteger, "")
--- byte of everything: error | too long
return ("x"):rep(2000000):byte(1, -1)
--- char of too many: error
return string.char(table.unpack({}, 1, 1000000))
--- format with a wide field: error | invalid
return ("%100000d"):format(1)
--- format of %q of everything: cpu
while true do for _, v in ipairs { 1, 1.5, math.huge, -math.huge, 0 / 0, "\0\1\r\n\\\"", true } do local _ = ("%q"):format(v) end end
--- format of %q of a table: error | no literal
return ("%q"):format({})
--- format of %a and %g: cpu
while true do local _ = ("%99.99a %.99g %99.99e %#x %#o %c %i"):format(1e308, 1e-308, 1 / 3, 255, 8, 0, -1) end
--- format of a huge %s: memory
local s = ("x"):rep(4 << 20) return ("%s%s%s%s"):format(s, s, s, s)
--- format of a pointer: ok | true
return ("%p"):format(1) == "(null)" and ("%p"):format({}) ~= nil
--- format of many arguments: cpu
local f = ("%s"):rep(10000) local a = {} for i = 1, 10000 do a[i] = i end while true do local _ = f:format(table.unpack(a)) end
--- pack of a huge size: error
return string.pack("i17", 1)
--- pack of a huge alignment: error
return string.pack("!17i16", 1)
--- pack of padding: memory
local f = ("x"):rep(20 << 20) return string.pack(f)
--- pack of X: error
return string.pack("X")
--- packsize overflow: error
return string.packsize(("c2147483647"):rep(3))
--- unpack past the end: error | data string too short
return string.unpack("s8", "\255\255\255\255\255\255\255\127")
--- unpack with a bad position: error
return string.unpack("i4", "abcd", math.maxinteger)
--- unpack of thousands: error | memory=64 cpu=5
return string.unpack(("b"):rep(2000000), ("x"):rep(2000000))
--- upper, lower, reverse of megabytes: cpu
local s = ("aB"):rep(1 << 20) while true do local _ = #s:upper() + #s:lower() + #s:reverse() end
--- comparison of long texts: cpu
local a, b = ("a\0"):rep(1 << 20) .. "x", ("a\0"):rep(1 << 20) .. "y" while a < b do end
--- concat in a chain: memory
local s = ("x"):rep(1 << 20) for _ = 1, 1000 do s = s .. s .. "y" end
--- utf8.char of many: error
return utf8.char(table.unpack({}, 1, 1000000))
--- utf8.char of large codes: ok | true
return #utf8.char(0x7FFFFFFF) == 6
--- utf8.codepoint of megabytes: error | too long
return utf8.codepoint(("x"):rep(2000000), 1, -1)
--- utf8.len of megabytes: cpu
local s = ("é"):rep(1 << 20) while true do local _ = utf8.len(s) end
--- utf8.offset: cpu
local s = ("é"):rep(1 << 20) while true do local _ = utf8.offset(s, 1 << 20) local _ = utf8.offset(s, -(1 << 20)) end
--- utf8.codes of rubbish: error | invalid UTF-8
for _ in utf8.codes("\xff\xfe") do end
--- utf8.codes of continuation bytes: ends
local n = 0 for _ in utf8.codes("a\x80\x80\x80") do n = n + 1 end return n
--- string methods through the wrong self: error
return string.rep({}, 3)
--- equal hashes: cpu
local t = {} while true do for i = 1, 100 do t[("x"):rep(40 + i % 3) .. i] = i end end
