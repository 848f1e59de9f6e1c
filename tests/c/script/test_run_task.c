/* komodo.spawn, all, race, timeout: tasks of one script, their ends and their errors. */
#include "run_fixture.h"

static void runs_together(void **state)
{
  (void)state;
  struct scripts s;
  scripts_open(&s, 2);
  uint64_t begin = clock_mono_ms();
  scripts_expect(&s,
      "local fns = {}\n"
      "for i = 1, 200 do fns[i] = function() komodo.sleep(0.2 - i / 1000) return i end end\n"
      "local r, sum = komodo.all(fns), 0\n"
      "for i, v in ipairs(r) do assert(i == v) sum = sum + v end\n"
      "return sum", "20100");
  assert_true(clock_mono_ms() - begin < 200 * 50);
  scripts_expect(&s, "return komodo.all{}", "[]");
  scripts_expect(&s, "return komodo.all{ function() return 1 end, function() end, function() return komodo.read('Slow').slow end }",
                 "[1,null,true]");
  scripts_expect(&s,
      "local now, most = 0, 0\n"
      "local function f() now = now + 1 most = math.max(most, now) komodo.sleep(0.001) now = now - 1 end\n"
      "komodo.all({ f, f, f, f, f, f, f }, { max = 3 })\n"
      "return { now, most }", "[0,3]");
  scripts_expect(&s,
      "return komodo.all{ function() return komodo.all{ function() return komodo.read('Slow').slow end, function() return 2 end } end,\n"
      "  function() local out = {} for v in coroutine.wrap(function() for i = 1, 3 do komodo.sleep(0.001) coroutine.yield(i) end end) do\n"
      "    out[#out + 1] = v end return out end }", "[[true,2],[1,2,3]]");
#ifndef __SANITIZE_THREAD__   /* it delivers signals in its own interceptors only, which a busy loop never calls */
  /* A busy task does not starve the others. */
  scripts_expect(&s,
      "local done = false\n"
      "return komodo.race{ function() while not done do end return 'busy' end, function() komodo.sleep(0.02) done = true return 'slept' end }",
      "\"slept\"");
#endif
  scripts_close(&s);
}

static void first_error_cancels(void **state)
{
  (void)state;
  struct scripts s;
  scripts_open(&s, 2);
  scripts_expect(&s,
      "local closed = {}\n"
      "local function waiter(n) return function()\n"
      "  local c <close> = setmetatable({}, { __close = function() closed[#closed + 1] = n end })\n"
      "  if n == 1 then komodo.read('Keep') end komodo.sleep(1000) end end\n"
      "local ok, e = pcall(komodo.all, { waiter(1), function() komodo.sleep(0.01) error('broken') end, waiter(3),\n"
      "  function() komodo.all{ waiter(4) } end })\n"
      "table.sort(closed)\n"
      "return { ok, e, closed }", "[false,\"test:5: broken\",[1,3,4]]");
  assert_int_equal(s.cancelled, 1);
  scripts_expect_error(&s, "komodo.all{ function() assert(komodo.read('Nothing')) end }", "no Nothing here");
  scripts_expect_error(&s, "komodo.all{ 1 }", "element 1 is no function");
  scripts_expect_error(&s, "komodo.all({ print }, { max = 0 })", "max must be");
  scripts_expect_error(&s, "komodo.race{}", "empty");
  scripts_expect_error(&s, "local f = {} for i = 1, 300 do f[i] = function() komodo.sleep(1) end end komodo.all(f)", "limits.tasks");
  scripts_close(&s);
}

static void races_and_times_out(void **state)
{
  (void)state;
  struct scripts s;
  scripts_open(&s, 2);
  scripts_expect(&s, "return { komodo.race{ function() komodo.sleep(100) end, function() komodo.sleep(0.001) return 'a', 'b' end } }",
                 "[\"a\",\"b\"]");
  scripts_expect_error(&s, "komodo.race{ function() komodo.sleep(100) end, function() error('lost') end }", "lost");
  scripts_expect(&s, "local r, e = komodo.timeout(0.01, function() komodo.sleep(100) end) return { r == nil, e.code, tostring(e) }",
                 "[true,\"timeout\",\"timeout: not done within 0.01 s\"]");
  scripts_expect(&s, "return { komodo.timeout(100, function() komodo.sleep(0.001) return 1, 2 end) }", "[1,2]");
  scripts_expect_error(&s, "komodo.timeout(100, function() error('inside') end)", "inside");
  scripts_expect_error(&s, "komodo.timeout('x', print)", "seconds");
  scripts_close(&s);
}

static void children_end_with_their_parent(void **state)
{
  (void)state;
  struct scripts s;
  scripts_open(&s, 1);
  uint64_t begin = clock_mono_ms();
  scripts_expect(&s, "komodo.spawn(komodo.sleep, 1000) komodo.sleep(0.001) return 1", "1");
  scripts_expect(&s,
      "local seen = 'nothing'\n"
      "local t = komodo.spawn(function()\n"
      "  komodo.spawn(function() local c <close> = setmetatable({}, { __close = function() seen = 'closed' end }) komodo.sleep(1000) end)\n"
      "  komodo.sleep(0.01) return 'parent' end)\n"
      "return { t:wait(), seen, t:is_over() }", "[\"parent\",\"closed\",true]");
  scripts_expect(&s,
      "local t = komodo.spawn(function(a, b) return a + b end, 1, 2)\n"
      "local u = komodo.spawn(function() return t:wait() + 1 end)\n"
      "local v = komodo.spawn(komodo.sleep, 1000)\n"
      "v:cancel() v:cancel()\n"
      "local ok, e = pcall(v.wait, v)\n"
      "return { t:wait(), u:wait(), t:wait(), ok, e.code }", "[3,4,3,false,\"cancelled\"]");
  scripts_expect_error(&s, "local t t = komodo.spawn(function() t:cancel() end) t:wait()", "cannot cancel itself");
  scripts_expect_error(&s, "komodo.spawn(function() coroutine.yield() end):wait()", "outside a coroutine");
  scripts_expect_error(&s, "komodo.spawn(function() error('seen') end):wait()", "seen");
  scripts_expect_error(&s, "komodo.spawn(7)", "is a function");
  assert_true(clock_mono_ms() - begin < 100000);
  scripts_close(&s);
}

/* Cancelling a script ends all its tasks, whatever they do; so does a limit. */
static void stops_with_the_script(void **state)
{
  (void)state;
  static const char *const sources[] = {
      "komodo.all{ function() komodo.sleep(1000) end, function() komodo.read('Keep') end }",
#ifndef __SANITIZE_THREAD__
      "komodo.spawn(function() while true do end end) komodo.sleep(1000)",
      "komodo.spawn(function() while true do pcall(komodo.sleep, 1000) end end):wait()",
      "while true do pcall(komodo.all, { function() komodo.sleep(1000) end }) end",
#endif
      "komodo.race{ function() komodo.spawn(komodo.sleep, 1000):wait() end }",
  };
  struct scripts s;
  scripts_open(&s, 2);
  for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
    struct script_run *run = scripts_start(&s, sources[i], NULL);
    struct op *pause;
    bool told = false;
    op_sleep(&s.ops, 20, &pause);
    op_wait(pause, scripts_told, &told);
    while (!told)
      uv_run(&s.loop, UV_RUN_ONCE);
    op_unref(pause);
    script_run_cancel(run);
    scripts_wait(&s, run);
    assert_int_equal(run->outcome.end, SCRIPT_CANCELLED);
    op_unref(&run->op);
  }
  struct script_spec spec = {.limits = {.cpu_seconds = 0.05}};
  struct script_run *run;
#ifndef __SANITIZE_THREAD__
  run = scripts_run(&s, "komodo.spawn(function() while true do end end):wait()", &spec);
  assert_string_equal(run->outcome.limit, "cpu");
  op_unref(&run->op);
#endif
  spec.limits = (struct script_limits){.memory_bytes = 4 << 20};
  run = scripts_run(&s, "komodo.all{ function() local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end end }", &spec);
  assert_string_equal(run->outcome.limit, "memory");
  op_unref(&run->op);
  spec.limits = (struct script_limits){.tasks = 10000};
  run = scripts_run(&s,
      "local function chain(n) if n > 0 then komodo.spawn(chain, n - 1) end komodo.sleep(1000) end\n"
      "local t = komodo.spawn(chain, 5000) komodo.sleep(0.05) t:cancel()\n"
      "local tasks = {}\n"
      "for i = 1, 5000 do tasks[i] = komodo.spawn(function()\n"
      "  local c <close> = setmetatable({}, { __close = function() if tasks[i + 1] then tasks[i + 1]:cancel() end end })\n"
      "  komodo.sleep(1000) end) end\n"
      "komodo.sleep(0.05) tasks[1]:cancel() return 1", &spec);
  assert_int_equal(run->outcome.end, SCRIPT_OK);
  op_unref(&run->op);
  scripts_close(&s);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(runs_together),
      cmocka_unit_test(first_error_cancels),
      cmocka_unit_test(races_and_times_out),
      cmocka_unit_test(children_end_with_their_parent),
      cmocka_unit_test(stops_with_the_script),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
