/* stop.c: every way a script might hold on is ended by its limit, while another script goes on. */
#include "run_fixture.h"

static const struct {
  const char *name, *limit, *source;   /* limit NULL: it may also end with an error of its own */
} probes[] = {
    {"busy loop", "cpu", "while true do end"},
    {"counting loop", "cpu", "for i = 1, math.huge do end"},
    {"recursive pcall", "cpu", "local function f() pcall(f) return f() end f()"},
    {"pcall loop", "cpu", "while true do pcall(function() while true do end end) end"},
    {"xpcall handler loop", "cpu", "xpcall(error, function() while true do end end)"},
    {"xpcall handler of handler", "cpu", "local function h() return xpcall(error, h) end while true do xpcall(error, h) end"},
    {"close loop", "cpu", "local c <close> = setmetatable({}, { __close = function() while true do end end })"},
    {"close after error", "cpu", "local c <close> = setmetatable({}, { __close = function() while true do pcall(error) end end }) error('x')"},
    {"close in a killed coroutine", "cpu",
     "local co = coroutine.create(function() local c <close> = setmetatable({}, { __close = function() while true do end end })\n"
     "coroutine.yield() end) coroutine.resume(co) coroutine.close(co)"},
    {"coroutine in coroutine", "cpu",
     "local function nest(n) if n == 0 then while true do end end\n"
     "return coroutine.wrap(function() nest(n - 1) end)() end nest(100)"},
    {"coroutines without end", "cpu", "while true do coroutine.wrap(function() coroutine.yield(pcall(error)) end)() end"},
    {"coroutine nesting", NULL, "local function f() return coroutine.wrap(f)() end while true do pcall(f) end"},
    {"metamethod loop", "cpu", "local t = setmetatable({}, { __index = function(t, k) return t[k + 1] end }) while true do pcall(function() return t[1] end) end"},
    {"index chain", "cpu", "local t = {} setmetatable(t, { __index = t, __eq = function() while true do end end }) return t == setmetatable({}, getmetatable(t))"},
    {"concat metamethod", "cpu", "local mt = { __concat = function(a) while true do end end } return setmetatable({}, mt) .. 'x'"},
    {"tostring loop", "cpu", "return tostring(setmetatable({}, { __tostring = function() while true do end end }))"},
    {"print of tostring loop", "cpu", "print(setmetatable({}, { __tostring = function() while true do end end }))"},
    {"error object that loops", "cpu", "error(setmetatable({}, { __tostring = function() while true do end end }))"},
    {"len metamethod", "cpu", "return #setmetatable({}, { __len = function() while true do end end })"},
    {"pairs metamethod", "cpu", "for _ in pairs(setmetatable({}, { __pairs = function() return function() return 1 end end })) do end"},
    {"string.rep of nothing", "cpu", "return (''):rep(math.maxinteger)"},
    {"string.rep again", "cpu", "while true do local s = ('x'):rep(1 << 20) end"},
    {"pattern", "cpu", "return (('a'):rep(200000)):find(('.-'):rep(40) .. 'b')"},
    {"pattern in gsub", "cpu", "return (('a'):rep(30000)):gsub(('a*'):rep(20) .. 'b', '')"},
    {"gmatch", "cpu", "for _ in (('a'):rep(200000)):gmatch(('.-'):rep(40) .. 'b') do end"},
    {"gsub callback", "cpu", "return (('a'):rep(100)):gsub('a', function() while true do end end)"},
    {"table.concat of a huge length", NULL,
     "return table.concat(setmetatable({}, { __len = function() return math.maxinteger end, __index = function() return '' end }))"},
    {"table.concat", "cpu", "return table.concat(setmetatable({}, { __index = function() return '' end }), '', 1, 1 << 60)"},
    {"table.unpack", NULL, "while true do pcall(table.unpack, {}, 1, 1e6) end"},
    {"table.insert of a huge length", "cpu",
     "table.insert(setmetatable({}, { __len = function() return 1 << 60 end, __index = function() return 1 end, __newindex = function() end }), 1, 1)"},
    {"table.move", "cpu", "table.move(setmetatable({}, { __index = function() return 1 end }), 1, 1 << 60, 2, setmetatable({}, { __newindex = function() end }))"},
    {"sort comparator", "cpu", "local t = {} for i = 1, 100 do t[i] = i end table.sort(t, function() while true do end end)"},
    {"sort of a huge length", "cpu",
     "table.sort(setmetatable({}, { __len = function() return (1 << 31) - 2 end, __index = function(_, i) return i end, __newindex = function() end }))"},
    {"sort with a wrong order", "cpu", "while true do local t = {} for i = 1, 200 do t[i] = i end pcall(table.sort, t, function() return true end) end"},
    {"string.format", "cpu", "while true do local s = ('%99.99f'):format(1e308) .. ('%s'):format(('x'):rep(1000)) end"},
    {"string.format with tostring", "cpu", "return ('%s'):format(setmetatable({}, { __tostring = function() while true do end end }))"},
    {"string.pack", "cpu", "while true do string.unpack(('i8'):rep(100), string.pack(('i8'):rep(100), table.unpack((function() local t = {} for i = 1, 100 do t[i] = i end return t end)()))) end"},
    {"load loop", "cpu", "while true do load('return ' .. ('1 + '):rep(500) .. '1') end"},
    {"load reader", "cpu", "load(function() return ' ' end)"},
    {"load reader that loops", "cpu", "load(function() while true do end end)"},
    {"parser recursion", "cpu", "while true do load(('('):rep(100000)) load(('{'):rep(100000)) load(('a='):rep(1000) .. ('function()'):rep(500)) end"},
    {"deep recursion", "cpu", "local function f(n) return 1 + f(n + 1) end while true do pcall(f, 1) end"},
    {"recursion through C", "cpu", "local function f() return (('a'):gsub('a', f)) end while true do pcall(f) end"},
    {"recursion through metamethods", "cpu", "local t = setmetatable({}, {}) getmetatable(t).__add = function() return t + 1 end while true do pcall(function() return t + 1 end) end"},
    {"os.date", "cpu", "while true do os.date('%c', 0) os.time{ year = 2020, month = 1, day = 1 } end"},
    {"os.time with a metatable", "cpu", "os.time(setmetatable({}, { __index = function() while true do end end }))"},
    {"print", "cpu", "while true do print('x') end"},
    {"json", "cpu", "local t = {} for i = 1, 1000 do t[i] = { i } end while true do komodo.json.decode(komodo.json.encode(t)) end"},
    {"require of itself", "cpu", "while true do pcall(require, 'nothing') end"},
    {"goto", "cpu", "::a:: goto a"},
    {"goto continue", "cpu", "while true do for i = 1, 10 do if i > 5 then goto continue end ::continue:: end end"},
    {"utf8", "cpu", "while true do for _ in utf8.codes(('é'):rep(10000)) do end end"},
    {"setmetatable storm", "cpu", "while true do setmetatable({}, { __mode = 'k' }) end"},
    {"memory in a table", "memory", "local t = {} for i = 1, math.huge do t[i] = { i } end"},
    {"memory in a string", "memory", "local s = 'x' while true do s = s .. s end"},
    {"memory at once", "memory", "return ('x'):rep(1 << 30)"},
    {"memory in concat", "memory", "local t = {} for i = 1, 1e5 do t[i] = ('x'):rep(1000) end return table.concat(t)"},
    {"memory in closures", "memory", "local f = function() end while true do local g = f f = function() return g end end"},
    {"memory in coroutines", "memory", "local t = {} while true do t[#t + 1] = coroutine.create(print) end"},
    {"memory caught again and again", NULL, "while true do pcall(function() local t = {} for i = 1, math.huge do t[i] = { i } end end) end"},
    {"memory in a coroutine", "memory", "coroutine.wrap(function() local t = {} for i = 1, math.huge do t[i] = { i } end end)()"},
    {"memory in arguments", NULL, "return select('#', table.unpack({}, 1, 1e7))"},
    {"memory in json", "memory", "local t = {} for i = 1, 1e6 do t[i] = 'xxxxxxxxxxxxxxxx' end return komodo.json.encode(t)"},
    {"gc", "", "setmetatable({}, { __gc = function() while true do end end })"},
};

static void every_probe_is_stopped(void **state)
{
  (void)state;
  struct scripts s;
  scripts_open(&s, 2);
  struct script_spec forever = {.limits = {.wall_seconds = 1000}};
  /* Counts its own turns: it must keep going whatever the probes do. */
  struct script_run *other = scripts_start(&s, "while true do komodo.sleep(0.001) komodo.read('Echo') end", &forever);
  unsigned slowest = 0, turns = 0, all = 0;
  for (size_t i = 0; i < ARRAY_LEN(probes); i++) {
    bool is_memory = probes[i].limit && strcmp(probes[i].limit, "memory") == 0;
    struct script_spec spec = {.limits = {.cpu_seconds = is_memory ? 4 : 0.1, .wall_seconds = 60, .memory_bytes = 16 << 20}};
    unsigned calls = s.calls;
    uint64_t begin = clock_mono_ms();
    struct script_run *run = scripts_run(&s, probes[i].source, &spec);
    unsigned took = (unsigned)(clock_mono_ms() - begin);
    const struct script_outcome *o = &run->outcome;
    if (took > slowest)
      slowest = took;
    if (took > 8000 || (!is_memory && o->cpu_us > 400000))
      fail_msg("%s: %u ms, %u ms of CPU", probes[i].name, took, (unsigned)(o->cpu_us / 1000));
    if (o->end == SCRIPT_OK || (probes[i].limit && *probes[i].limit && o->end != SCRIPT_LIMIT) ||
        (o->end == SCRIPT_LIMIT && probes[i].limit && strcmp(o->limit, probes[i].limit) != 0))
      fail_msg("%s: ended with %d, %s", probes[i].name, o->end, o->message ? o->message : "no words");
    turns += s.calls - calls;
    all += took;
    op_unref(&run->op);
  }
  print_message("slowest probe: %u ms; the other script made %u turns in %u ms\n", slowest, turns, all);
  assert_true(turns > all / 100);
  assert_false(other->op.done);
  script_run_cancel(other);
  scripts_wait(&s, other);
  op_unref(&other->op);
  scripts_close(&s);
}

/* All of them at the same time, on two workers, with the wall clock as the judge for those that spend no CPU. */
static void all_at_once(void **state)
{
  (void)state;
  struct scripts s;
  scripts_open(&s, 2);
  struct script_run *run[ARRAY_LEN(probes)];
  struct script_spec spec = {.limits = {.cpu_seconds = 0.05, .wall_seconds = 60, .memory_bytes = 8 << 20}};
  for (size_t i = 0; i < ARRAY_LEN(probes); i++)
    run[i] = scripts_start(&s, probes[i].source, &spec);
  struct script_run *other = scripts_run(&s, "for i = 1, 20 do komodo.sleep(0.001) end return 'through'", NULL);
  assert_int_equal(other->outcome.end, SCRIPT_OK);
  op_unref(&other->op);
  for (size_t i = 0; i < ARRAY_LEN(probes); i++) {
    scripts_wait(&s, run[i]);
    assert_int_not_equal(run[i]->outcome.end, SCRIPT_OK);
    op_unref(&run[i]->op);
  }
  scripts_close(&s);
}

static void says_what_and_where(void **state)
{
  (void)state;
  struct scripts s;
  scripts_open(&s, 1);
  struct script_spec spec = {.limits = {.cpu_seconds = 0.05}};
  struct script_run *run = scripts_run(&s, "local function f()\n  while true do end\nend\nf()", &spec);
  assert_string_equal(run->outcome.message, "limit: cpu (more than 0.05 s of CPU time)");
  assert_int_equal(run->outcome.line, 2);
  assert_string_equal(run->outcome.traceback, "test:2: in function f\ntest:4: in the main chunk\n");
  op_unref(&run->op);
  spec.limits = (struct script_limits){.wall_seconds = 0.05};
  run = scripts_run(&s, "local x = 1\nkomodo.sleep(100)", &spec);
  assert_string_equal(run->outcome.limit, "time");
  assert_int_equal(run->outcome.line, 2);
  op_unref(&run->op);
  run = scripts_run(&s, "while true do pcall(komodo.read, 'Slow') end", &spec);
  assert_string_equal(run->outcome.limit, "time");
  op_unref(&run->op);
  spec.limits = (struct script_limits){.result_bytes = 100};
  run = scripts_run(&s, "return ('x'):rep(200)", &spec);
  assert_string_equal(run->outcome.limit, "result");
  op_unref(&run->op);
  spec.limits = (struct script_limits){.api_calls = 3};
  run = scripts_run(&s, "for i = 1, 3 do assert(komodo.read('Echo')) end local r, e = komodo.read('Echo') return { r == nil, e.code }", &spec);
  assert_string_equal(run->outcome.result.ptr, "[true,\"limit\"]");
  op_unref(&run->op);
  scripts_close(&s);
}

/* A script in one long C call must not hold up the wake-ups of others, even with a single worker. */
static void a_stuck_worker_is_replaced(void **state)
{
  (void)state;
  struct scripts s;
  scripts_open(&s, 1);
  struct script_spec spec = {.limits = {.cpu_seconds = 2}};
  struct script_run *stuck = scripts_start(&s, "return (('a'):rep(200000)):find(('.-'):rep(40) .. 'b')", &spec);
  struct script_run *other = scripts_run(&s, "for i = 1, 20 do komodo.sleep(0.001) end return 1", NULL);
  assert_int_equal(other->outcome.end, SCRIPT_OK);
  assert_false(stuck->op.done);
  struct runner_stats stats;
  runner_stats(s.runner, &stats);
  assert_int_equal(stats.workers, 2);
  op_unref(&other->op);
  script_run_cancel(stuck);
  scripts_wait(&s, stuck);
  op_unref(&stuck->op);
  scripts_close(&s);
}

/* No tick ever meets a script that waits again before it comes: the sum of its short bursts is looked at when each begins,
 * and must stop it wherever it goes on then. */
static void short_bursts_add_up(void **state)
{
  (void)state;
  static const char *const around[] = {
      "burst()", "coroutine.wrap(burst)()", "coroutine.wrap(function() coroutine.wrap(burst)() end)()",
      "komodo.spawn(function() pcall(coroutine.wrap(burst)) end):wait()"};
  struct scripts s;
  scripts_open(&s, 1);
  struct script_spec spec = {.limits = {.cpu_seconds = 0.02, .wall_seconds = 10}};
  for (size_t i = 0; i < ARRAY_LEN(around); i++) {
    char source[512];
    snprintf(source, sizeof source,
             "local function burst() while true do\n"
             "  for i = 1, 2000 do end komodo.sleep(0.001) end end\n%s", around[i]);
    struct script_run *run = scripts_run(&s, source, &spec);
    if (run->outcome.end != SCRIPT_LIMIT || strcmp(run->outcome.limit, "cpu") != 0)
      fail_msg("%s: ended with %d, %s", around[i], run->outcome.end, run->outcome.message ? run->outcome.message : "no words");
    print_message("%s: %u ms of CPU\n", around[i], (unsigned)(run->outcome.cpu_us / 1000));
    assert_true(run->outcome.cpu_us < 30000);
    op_unref(&run->op);
  }
  scripts_close(&s);
}

static size_t resident_kb(void)
{
  long pages = 0, ignored;
  FILE *f = fopen("/proc/self/statm", "r");
  assert_non_null(f);
  assert_int_equal(fscanf(f, "%ld %ld", &ignored, &pages), 2);
  fclose(f);
  return (size_t)pages * 4;
}

static void memory_returns_after_a_burst(void **state)
{
  (void)state;
  enum { RUNS = 30 };
  struct scripts s;
  scripts_open(&s, 2);
  size_t before = resident_kb(), peak = 0;
  struct script_run *run[RUNS];
  for (int i = 0; i < RUNS; i++)
    run[i] = scripts_start(&s, "local s = ('x'):rep(8 << 20) komodo.sleep(0.2) return #s", NULL);
  for (int i = 0; i < RUNS; i++) {
    scripts_wait(&s, run[i]);
    assert_string_equal(run[i]->outcome.result.ptr, "8388608");
    if (resident_kb() > peak)
      peak = resident_kb();
    op_unref(&run[i]->op);
  }
  size_t after = resident_kb();
  print_message("resident: %zu KB before, %zu KB after\n", before, after);
  assert_true(after < before + 20 * 1024);
  scripts_close(&s);
}

int main(void)
{
#ifdef __SANITIZE_THREAD__
  /* ThreadSanitizer delivers a signal only when the script calls into the C library: limits of loops cannot hold there. */
  (void)every_probe_is_stopped;
  (void)all_at_once;
  (void)says_what_and_where;
  (void)a_stuck_worker_is_replaced;
  (void)short_bursts_add_up;
  (void)memory_returns_after_a_burst;   /* its own shadow memory is counted */
  return 0;
#else
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_probe_is_stopped),    cmocka_unit_test(all_at_once),
      cmocka_unit_test(says_what_and_where),       cmocka_unit_test(a_stuck_worker_is_replaced),
      cmocka_unit_test(short_bursts_add_up),       cmocka_unit_test(memory_returns_after_a_burst),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
#endif
}
