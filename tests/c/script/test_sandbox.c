/* sandbox.c: what a script cannot reach, and what it keeps. */
#include "run_fixture.h"

static void ways_out_are_closed(void **state)
{
  (void)state;
  static const char *const sources[] = {   /* each returns true when the way is closed */
      "return io == nil and package == nil and dofile == nil and loadfile == nil and engine == nil and warn == nil",
      "return os.execute == nil and os.exit == nil and os.getenv == nil and os.remove == nil and os.rename == nil and os.tmpname == nil and os.setlocale == nil",
      "return string.dump == nil and ('').dump == nil",
      "for k in pairs(debug) do if k ~= 'traceback' then return k end end return type(debug.traceback()) == 'string'",
      "return debug.getinfo == nil and debug.sethook == nil and debug.getregistry == nil and debug.getmetatable == nil and debug.getupvalue == nil",
      "local f, why = load('\\27Lua') return f == nil and why:find('binary') ~= nil",
      "local f, why = load('\\27LuaS', 'x', 'b') return f == nil and why:find('binary') ~= nil",
      "local f, why = load('\\27LuaS', 'x', 'bt', {}) return f == nil and why:find('binary') ~= nil",
      "local done; local f = load(function() if done then return nil end done = true return '\\27LuaS' end, 'x', 'b') return f == nil",
      "return load('return 7')() == 7 and load('return x', 'n', 't', { x = 8 })() == 8 and load('x =') == nil",
      "return getmetatable('') == false and getmetatable('x') == false",
      "return not pcall(function() getmetatable('').__index = {} end)",
      "return not pcall(function() string.format = nil end) and not pcall(function() string.evil = 1 end)",
      "return not pcall(function() math.pi = 3 end) and not pcall(function() komodo.read = print end)",
      "return not pcall(function() komodo.json.encode = 1 end) and not pcall(function() komodo.log.info = 1 end)",
      "return not pcall(setmetatable, string, {}) and getmetatable(string) == false and getmetatable(komodo) == false",
      "return not pcall(rawset, string, 'format', print) and ('%d'):format(3) == '3'",
      "for _, v in pairs(string) do if type(v) ~= 'function' then return false end end return true",
      "local _, t = pairs(string) pcall(rawset, t, 'rep', print) return ('x'):rep(2) == 'xx'",
      "return next(string) == nil",
      "return not pcall(setmetatable, {}, { __gc = function() end })",
      "local mt = {} local t = setmetatable({}, mt) mt.__gc = error t = nil for i = 1, 1e4 do local _ = {} end return true",
      "return not pcall(collectgarbage) and not pcall(collectgarbage, 'stop') and collectgarbage('count') > 10",
      "return not pcall(coroutine.yield, 1)",
      "return not pcall(require, 'os') and not pcall(require, '../x') and require('komodo') == komodo",
      "return not pcall(setmetatable, komodo.json.array{}, {}) and getmetatable(komodo.json.array{}) == 'array'",
      "return komodo.json.array_mt == nil",
      "_G.print = nil return print == nil and _G._G == _G",
      "local ok, why = pcall(error, { code = 'x' }) return ok == false and why.code == 'x'",
      "local _, e = komodo.read('Nothing') return not pcall(setmetatable, getmetatable(e) or {}, nil) or getmetatable(e) ~= nil",
      "return pcall(string.rep, 'x', -1) and not pcall(string.rep, 'x', 1 << 40)",
      "return select('#', table.unpack({}, 1, 200)) == 200 and not pcall(table.unpack, {}, 1, 1e8)",
      "return tostring(print):find('^function') ~= nil and tostring({}):find('^table') ~= nil",
      "local t = setmetatable({}, { __metatable = 'mine' }) return getmetatable(t) == 'mine' and not pcall(setmetatable, t, {})",
      "local co = coroutine.running() return select('#', coroutine.resume(co)) == 2 and coroutine.isyieldable()",
      "return os.clock() >= 0 and os.difftime(3, 1) == 2 and not pcall(os.date, {}) and not pcall(os.date, '%Ez')",
      "local n = 0 for k in pairs(_G) do if k == 'math' or k == 'os' or k == 'require' then n = n + 1 end end return n == 3",
      "math = nil return math == nil and utf8.char(65) == 'A'",
      "komodo = nil return ARGS ~= nil and require('komodo').now() > 0",
      "setmetatable(_G, { __index = function(_, k) error('undefined ' .. k) end }) return math.pi > 3 and not pcall(function() return undefined end)",
      "local r = komodo.run return komodo.run == r and komodo.args == ARGS and komodo.event == nil and komodo.nothing == nil",
      "return getmetatable(komodo.read('Echo', { a = { 1 } }).a) == 'array'",
      "local t = setmetatable({}, { __tostring = function() return 'mine' end }) print(t, {}, { 1 }, { print }, nil) return true",
      "return not pcall(os.time, { year = 2020 }) and os.time{ year = 2020, month = 1, day = 1, hour = 0 } > 0",
  };
  struct scripts s;
  scripts_open(&s, 2);
  for (size_t i = 0; i < ARRAY_LEN(sources); i++)
    scripts_expect(&s, sources[i], "true");
  scripts_close(&s);
}

/* The source itself may be bytecode: refused like load does. */
static void a_script_is_text(void **state)
{
  (void)state;
  struct scripts s;
  scripts_open(&s, 1);
  scripts_expect_error(&s, "\x1bLuaT", "binary");
  scripts_close(&s);
}

/* Nothing of one run is seen by the next, though it may get the same memory. */
static void runs_do_not_meet(void **state)
{
  (void)state;
  struct scripts s;
  scripts_open(&s, 1);
  scripts_expect(&s, "secret = 'hunter2' komodo.args.x = 1 y = 1 return secret", "\"hunter2\"");
  scripts_expect(&s, "return { secret == nil, komodo.args.x == nil, y == nil }", "[true,true,true]");
  scripts_close(&s);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ways_out_are_closed),
      cmocka_unit_test(a_script_is_text),
      cmocka_unit_test(runs_do_not_meet),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
