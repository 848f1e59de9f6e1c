/* runner.h: what scripts can do, how they are heard, how their errors read. */
#include "run_fixture.h"
#include "script/run_internal.h"

static void returns_values(void **state)
{
  (void)state;
  struct scripts s;
  scripts_open(&s, 2);
  scripts_expect(&s, "", "");
  scripts_expect(&s, "return 1 + 1", "2");
  scripts_expect(&s, "return komodo.json.array{}", "[]");
  scripts_expect(&s, "return { 1, 'two', { three = 3 } }", "[1,\"two\",{\"three\":3}]");
  scripts_expect(&s, "return os.time{year=1970,month=1,day=2,hour=12} // 86400, type(os.time()), os.date('!%Y', 0)", "1");
  scripts_expect(&s, "return os.date('!%Y-%m-%d', 86400)", "\"1970-01-02\"");
  scripts_expect(&s, "komodo.sleep(0.001) return (komodo.now() > 1600000000000)", "true");
  scripts_expect(&s, "goto a; do return 1 end ::a:: for i = 1, 3 do if i == 2 then goto continue end ::continue:: end return 5", "5");
  scripts_close(&s);
}

static void calls_the_engine(void **state)
{
  (void)state;
  struct scripts s;
  scripts_open(&s, 2);
  scripts_expect(&s, "return komodo.read('Echo', { a = { 1, 2 } }).a", "[1,2]");
  scripts_expect(&s, "return komodo.write('Slow').slow", "true");
  scripts_expect(&s, "return require('komodo').execute('Echo') == nil", "false");
  scripts_expect(&s, "local r, e = komodo.read('Nothing') return { r == nil, e.code, e.status, e.message, tostring(e) }",
                 "[true,\"not_found\",404,\"no Nothing here\",\"no Nothing here\"]");
  scripts_expect(&s, "local r, e = komodo.execute('Failed') return { r == nil, e.code, e.message }",
                 "[true,\"failed\",\"Failed failed: Pull: no image\"]");
  scripts_expect(&s, "local r, e = komodo.execute('Batch') return { r == nil, e.message }", "[true,\"Batch failed for web: busy\"]");
  scripts_expect(&s, "return komodo.execute('Failed', nil, { allow_failure = true }).success", "false");
  scripts_expect_error(&s, "assert(komodo.read('Nothing'))", "no Nothing here");
  scripts_expect(&s, "local r, e = komodo.read('Caused') return { e.message, e.trace, tostring(e) }",
                 "[\"it cannot be done\",[\"the first cause\",\"the cause of that\"],\"it cannot be done: the first cause: the cause of that\"]");
  scripts_expect_error(&s, "assert(komodo.read('Caused'))", "it cannot be done: the first cause: the cause of that");
  scripts_expect(&s, "local _, e = komodo.read('Nothing') e.message = nil e.trace = { 1 } return tostring(e)", "\"not_found\"");
  scripts_expect_error(&s, "komodo.read(7)", "test:1: komodo.read: the first argument");
  scripts_expect_error(&s, "komodo.read('Echo', { f = print })", "cannot be JSON");
  scripts_expect_error(&s, "table.sort({3, 2, 1}, function() komodo.sleep(0) end)", "cannot wait here");
  scripts_expect(&s,
                 "local out = {}\n"
                 "for v in coroutine.wrap(function() for i = 1, 3 do coroutine.yield(komodo.read('Slow').slow and i) end end) do\n"
                 "  out[#out + 1] = v\n"
                 "end\n"
                 "return out", "[1,2,3]");
  scripts_expect(&s,
                 "local co = coroutine.create(function(a) local b = coroutine.yield(a) komodo.sleep(0) error('x' .. b) end)\n"
                 "local _, a = coroutine.resume(co, 1)\n"
                 "local ok, why = coroutine.resume(co, 2)\n"
                 "return { a, ok, why, coroutine.status(co) }", "[1,false,\"test:1: x2\",\"dead\"]");
  assert_int_equal(s.calls, 14);
  scripts_close(&s);
}

static void knows_its_arguments(void **state)
{
  (void)state;
  struct scripts s;
  scripts_open(&s, 1);
  struct script_spec spec = {.args = STR("{\"BRANCH\":\"main\"}"), .run = STR("{\"id\":\"42\",\"event\":{\"type\":\"manual\"}}")};
  struct script_run *run = scripts_run(&s, "return { komodo.args.BRANCH, ARGS.BRANCH, komodo.run.id, komodo.event.type }", &spec);
  assert_string_equal(run->outcome.result.ptr, "[\"main\",\"main\",\"42\",\"manual\"]");
  op_unref(&run->op);
  scripts_close(&s);
}

static void errors_name_the_line(void **state)
{
  (void)state;
  struct scripts s;
  scripts_open(&s, 1);
  struct script_run *run = scripts_run(&s, "local function f()\n  error('broken')\nend\nlocal function g() f() end\n\ng()", NULL);
  assert_int_equal(run->outcome.end, SCRIPT_ERROR);
  assert_int_equal(run->outcome.line, 2);
  assert_string_equal(run->outcome.message, "test:2: broken");
  assert_string_equal(run->outcome.traceback, "test:2: in function f\ntest:4: in function g\ntest:6: in the main chunk\n");
  op_unref(&run->op);
  run = scripts_run(&s, "x = 1\ny = = 2", NULL);
  assert_int_equal(run->outcome.line, 2);
  op_unref(&run->op);
  run = scripts_run(&s, "error({ message = 'm', code = 'c' })", NULL);
  assert_int_equal(run->outcome.end, SCRIPT_ERROR);
  op_unref(&run->op);
  run = scripts_run(&s, "error()", NULL);
  assert_int_equal(run->outcome.end, SCRIPT_ERROR);
  op_unref(&run->op);
  run = scripts_run(&s, "error('\\xff\\xfe')", NULL);
  assert_string_equal(run->outcome.message, "test:1: \xEF\xBF\xBD\xEF\xBF\xBD");
  op_unref(&run->op);
  scripts_expect_error(&s, "error(setmetatable({}, { __tostring = function() error('again') end }))", "");
  scripts_expect_error(&s, "error(setmetatable({}, { __tostring = function() return 7 end }))", "");
  scripts_expect_error(&s, "return print", "cannot be JSON");
  scripts_expect_error(&s, "return '\\xff'", "");
  scripts_close(&s);
}

static void errors_are_shown_as_values_are(void **state)
{
  (void)state;
  struct scripts s;
  scripts_open(&s, 1);
  scripts_expect_error(&s, "error({ message = 'm' })", "{\"message\":\"m\"}");
  scripts_expect_error(&s, "error(setmetatable({}, { __tostring = function() return 'shown' end }))", "shown");
  scripts_expect_error(&s, "error(7)", "7");
  scripts_expect_error(&s, "error(nil)", "nil");
  scripts_expect_error(&s, "error({ print })", "table: ");
  scripts_close(&s);
}

static void explains_typescript(void **state)
{
  (void)state;
  struct scripts s;
  scripts_open(&s, 1);
  struct script_run *run = scripts_run(&s,
      "// Lists\nconst stacks = await komodo.read(\"ListStacks\", { query: null });\nconsole.log(`n: ${stacks.length}`);\n", NULL);
  assert_int_equal(run->outcome.end, SCRIPT_ERROR);
  assert_non_null(strstr(run->outcome.message, "TypeScript"));
  assert_non_null(strstr(run->outcome.message, "local stacks = komodo.read(\"ListStacks\", { query = nil })"));
  assert_non_null(strstr(run->outcome.message, "docs/porting-actions.md"));
  op_unref(&run->op);
  scripts_expect_error(&s, "local x = = 1", "unexpected symbol");
  scripts_close(&s);
}

/* ---- logs ---- */
struct heard {
  struct buf text;
  unsigned times;
  uint64_t first_ms;
};

static void on_log(struct script_run *run, struct str lines, void *data)
{
  (void)run;
  struct heard *heard = data;
  if (!heard->times++)
    heard->first_ms = clock_mono_ms();
  buf_add_str(&heard->text, lines);
}

static void streams_its_log(void **state)
{
  (void)state;
  struct scripts s;
  scripts_open(&s, 2);
  struct heard heard = {.text = BUF_INIT(1 << 20)};
  struct script_spec spec = {.on_log = on_log, .data = &heard};
  uint64_t begin = clock_mono_ms();
  struct script_run *run = scripts_run(&s,
      "print('first', 1, nil, { a = { 1 } })\n"
      "for i = 1, 60 do komodo.sleep(0.01) komodo.log.warn(i) end\n"
      "komodo.log('last')", &spec);
  uint64_t took = clock_mono_ms() - begin;
  assert_int_equal(run->outcome.end, SCRIPT_OK);
  assert_true(str_starts(buf_str(&heard.text), STR("first\t1\tnil\t{\"a\":[1]}\nWARN: 1\nWARN: 2\n")));
  assert_true(str_ends(buf_str(&heard.text), STR("WARN: 60\nlast\n")));
  assert_true(heard.first_ms - begin < took / 2);
  assert_in_range(heard.times, 2, 3 + took / 200);
  op_unref(&run->op);
  buf_clear(&heard.text);
  spec.limits.log_bytes = 2048;
  run = scripts_run(&s, "for i = 1, 1000 do print(('x'):rep(99)) end print('\\xff') return 1", &spec);
  assert_in_range(heard.text.len, 2000, 2048 + 256);
  assert_non_null(strstr(heard.text.ptr, "log limit of 2 KB"));
  assert_true(run->outcome.log_dropped_bytes > 90000);
  assert_string_equal(run->outcome.result.ptr, "1");
  op_unref(&run->op);
  buf_release(&heard.text);
  scripts_close(&s);
}

/* Waits until what a worker posted last is of that kind. */
static void wait_for_mail(struct scripts *s, int kind)
{
  struct mailbox *m = &s->runner->mailbox;
  for (bool is_there = false; !is_there; uv_sleep(1)) {
    uv_mutex_lock(&m->lock);
    is_there = m->last && (int)((struct message *)m->last)->kind == kind;
    uv_mutex_unlock(&m->lock);
  }
}

static void hold(struct scripts *s, struct str name)
{
  if (str_eqc(name, "Before"))
    wait_for_mail(s, MESSAGE_LOG);
  else if (str_eqc(name, "module"))
    wait_for_mail(s, MESSAGE_REQUEST);
}

/* A request of the module takes the lines along that were printed after it; their message is still on its way then. */
static void tells_once_of_lines_that_overtake(void **state)
{
  (void)state;
  struct scripts s;
  scripts_open(&s, 1);
  s.on_call = hold;
  struct heard heard = {.text = BUF_INIT(16 << 20)};
  struct script_spec spec = {.on_log = on_log, .data = &heard};
  struct script_run *run = scripts_run(&s,
      "local n, begin = 0, os.clock()\n"
      "komodo.all{ function() komodo.read('Before') end, function() pcall(require, 'absent') end, function()\n"
      "  while os.clock() - begin < 0.05 do n = n + 1 if n <= 500 then print(n) end end komodo.read('Tick') end }\n"
      "print('last')", &spec);
  assert_int_equal(run->outcome.end, SCRIPT_OK);
  assert_true(str_starts(buf_str(&heard.text), STR("1\n2\n")));
  assert_true(str_ends(buf_str(&heard.text), STR("500\nlast\n")));
  for (int turns = 0; turns < 10; turns++)
    uv_run(&s.loop, UV_RUN_NOWAIT);
  assert_int_equal(atomic_load(&((struct run *)run)->posted), 0);
  op_unref(&run->op);
  buf_release(&heard.text);
  scripts_close(&s);
}

/* ---- many at once ---- */
static void runs_many_at_once(void **state)
{
  (void)state;
  enum { RUNS = 200 };
  struct scripts s;
  scripts_open(&s, 2);
  struct script_run *run[RUNS];
  for (int i = 0; i < RUNS; i++)
    run[i] = scripts_start(&s,
        "local n = 0\nfor i = 1, 5 do komodo.sleep(0.001) n = n + komodo.read('Echo', { n = i }).n print(n) end\nreturn n", NULL);
  for (int i = 0; i < RUNS; i++) {
    scripts_wait(&s, run[i]);
    assert_int_equal(run[i]->outcome.end, SCRIPT_OK);
    assert_string_equal(run[i]->outcome.result.ptr, "15");
    assert_int_equal(run[i]->outcome.api_calls, 5);
    op_unref(&run[i]->op);
  }
  scripts_close(&s);
}

/* ---- workers ---- */
#ifndef __SANITIZE_THREAD__
static unsigned workers_of(struct scripts *s)
{
  struct runner_stats stats;
  runner_stats(s->runner, &stats);
  return stats.workers;
}

/* While every worker is held by a long C function others do the work; they go again, and the configured number stays. */
static void lends_workers_and_takes_them_back(void **state)
{
  (void)state;
  enum { STUCK = 3, BASE = 2 };
  struct scripts s;
  scripts_open(&s, BASE);
  struct script_spec spec = {.limits = {.cpu_seconds = 1000}};
  struct script_run *stuck[STUCK];
  for (int i = 0; i < STUCK; i++)
    stuck[i] = scripts_start(&s, "('a'):rep(100000):find(('.-'):rep(30) .. 'b')", &spec);
  for (int i = 0; i < STUCK; i++)
    scripts_expect(&s, "komodo.sleep(0.001) return 'through'", "\"through\"");
  while (workers_of(&s) < STUCK + 1)   /* each of them needs one, and then one is left for the others */
    scripts_expect(&s, "return 1", "1");
  for (int i = 0; i < STUCK; i++) {
    assert_false(stuck[i]->op.done);
    script_run_cancel(stuck[i]);
    scripts_wait(&s, stuck[i]);
    op_unref(&stuck[i]->op);
  }
  uint64_t begin = clock_mono_ms();
  while (workers_of(&s) > BASE) {
    uv_run(&s.loop, UV_RUN_ONCE);   /* the runner's monitor turns it */
    assert_true(clock_mono_ms() - begin < 60000);
  }
  struct op *pause;
  bool told = false;
  op_sleep(&s.ops, 1500, &pause);   /* longer than a lent worker waits for work: those that are left are not lent */
  op_wait(pause, scripts_told, &told);
  while (!told)
    uv_run(&s.loop, UV_RUN_ONCE);
  op_unref(pause);
  assert_int_equal(workers_of(&s), BASE);
  scripts_expect(&s, "return 2", "2");
  scripts_close(&s);
}
#endif

/* ---- cancelling ---- */
static void cancels_wherever_it_is(void **state)
{
  (void)state;
  static const char *const sources[] = {
      "komodo.sleep(1000)",
      "komodo.read('Keep')",
      "pcall(komodo.sleep, 1000) print('cleaning up')",
#ifndef __SANITIZE_THREAD__   /* it loses track of its stack after 64 K raised errors, and holds back signals of pure loops */
      "while true do pcall(komodo.sleep, 1000) end",
      "while true do end",
      "while true do pcall(function() while true do end end) end",
      "local s = ('a'):rep(100000) s:find(('.-'):rep(30) .. 'b')",
#endif
  };
  struct scripts s;
  scripts_open(&s, 2);
  for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
    struct script_run *run = scripts_start(&s, sources[i], NULL);
    struct op *pause;
    op_sleep(&s.ops, 10, &pause);
    bool told = false;
    op_wait(pause, scripts_told, &told);
    while (!told || (i == 1 && !s.kept))
      uv_run(&s.loop, UV_RUN_ONCE);
    op_unref(pause);
    uint64_t begin = clock_mono_ms();
    script_run_cancel(run);
    scripts_wait(&s, run);
    uint64_t took = clock_mono_ms() - begin;
    assert_int_equal(run->outcome.end, SCRIPT_CANCELLED);
    if (took > 10000)   /* that it ends is what is tested; test_cancel.c measures when */
      fail_msg("%s: %u ms", sources[i], (unsigned)took);
    op_unref(&run->op);
  }
  assert_int_equal(s.cancelled, 1);
  struct script_run *queued = scripts_start(&s, "komodo.sleep(1000)", NULL);
  script_run_cancel(queued);
  scripts_wait(&s, queued);
  assert_int_equal(queued->outcome.end, SCRIPT_CANCELLED);
  op_unref(&queued->op);
  scripts_close(&s);
}

static void closes_variables_when_cancelled(void **state)
{
  (void)state;
  struct scripts s;
  scripts_open_grace(&s, 1, 20000);
  struct heard heard = {.text = BUF_INIT(1 << 20)};
  struct script_spec spec = {.on_log = on_log, .data = &heard};
  struct script_run *run = scripts_start(&s,
      "local c <close> = setmetatable({}, { __close = function(_, e) print('closed', e.code) end })\nprint('up')\nkomodo.sleep(1000)", &spec);
  while (!heard.times)
    uv_run(&s.loop, UV_RUN_ONCE);
  op_cancel(&run->op);
  scripts_wait(&s, run);
  assert_string_equal(heard.text.ptr, "up\nclosed\tcancelled\n");
  op_unref(&run->op);
  buf_release(&heard.text);
  scripts_close(&s);
}

static void closes_while_scripts_run(void **state)
{
  (void)state;
  struct scripts s;
  scripts_open(&s, 2);
  struct script_run *run[4];
  run[0] = scripts_start(&s, "komodo.sleep(1000)", NULL);
  run[1] = scripts_start(&s, "komodo.read('Slow') komodo.sleep(1000)", NULL);
  run[2] = scripts_start(&s, "for i = 1, 1e9 do print(i) end", NULL);
  run[3] = scripts_start(&s, "komodo.read('Keep')", NULL);
  uv_run(&s.loop, UV_RUN_ONCE);
  scripts_close(&s);
  for (int i = 0; i < 4; i++) {
    assert_int_equal(run[i]->outcome.end, SCRIPT_CANCELLED);
    op_unref(&run[i]->op);
  }
}

static void refuses_wrong_limits(void **state)
{
  (void)state;
  struct scripts s;
  scripts_open(&s, 1);
  struct script_spec spec = {.limits = {.cpu_seconds = 4000}};
  struct script_run *run;
  struct diag d = {0};
  assert_int_equal(runner_start(s.runner, &spec, &run, &d), ERR_INVALID);
  assert_string_equal(d.message, "limits.cpu_seconds must be between 0 and 3600");
  spec.limits = (struct script_limits){.memory_bytes = (size_t)2 << 30};
  assert_int_equal(runner_start(s.runner, &spec, &run, &d), ERR_INVALID);
  assert_string_equal(d.message, "limits.memory_mb must be between 0 and 1024");
  scripts_close(&s);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(returns_values),           cmocka_unit_test(calls_the_engine),
      cmocka_unit_test(knows_its_arguments),      cmocka_unit_test(errors_name_the_line),
      cmocka_unit_test(explains_typescript),      cmocka_unit_test(streams_its_log),
      cmocka_unit_test(tells_once_of_lines_that_overtake),
      cmocka_unit_test(runs_many_at_once),        cmocka_unit_test(cancels_wherever_it_is),
      cmocka_unit_test(closes_variables_when_cancelled), cmocka_unit_test(closes_while_scripts_run),
      cmocka_unit_test(refuses_wrong_limits),     cmocka_unit_test(errors_are_shown_as_values_are),
#ifndef __SANITIZE_THREAD__   /* see test_stop.c */
      cmocka_unit_test(lends_workers_and_takes_them_back),
#endif
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
