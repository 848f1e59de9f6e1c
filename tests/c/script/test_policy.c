/* policy.h: calls, errors, waiting, cancelling, tasks within tasks, closing. */
#include "base/clock.h"
#include "policy_fixture.h"

static const char source[] =
    "local engine = engine\n"
    "engine.handle('echo', function(v) return v end)\n"
    "engine.handle('nothing', function() end)\n"
    "engine.handle('sleep', function(ms) engine.sleep(ms) return 'slept' end)\n"
    "engine.handle('coded', function() error({code='not_found', message='no such thing', trace={'a','b'}}) end)\n"
    "engine.handle('status', function() error({code='invalid', message='teapot', status=418}) end)\n"
    "engine.handle('bug', function() engine.sleep(1) local x = nil; return x.y end)\n"
    "engine.handle('raw', function() return engine.raw('{\"as\": [\"it is\"]}') end)\n"
    "engine.handle('two', function() return 'first', true end)\n"
    "engine.handle('raise', function() engine.error('busy', 'hands full', {'root'}) end)\n"
    "engine.handle('bad_result', function() return print end)\n"
    "engine.handle('generator', function(n)\n"
    "  local out = {}\n"
    "  for v in coroutine.wrap(function() for i = 1, n do engine.sleep(1) coroutine.yield(i) end end) do out[#out + 1] = v end\n"
    "  return out\n"
    "end)\n"
    "engine.handle('all', function(n)\n"
    "  local fns, running, peak = {}, 0, 0\n"
    "  for i = 1, n do fns[i] = function()\n"
    "    running = running + 1; if running > peak then peak = running end\n"
    "    engine.sleep(n - i); running = running - 1; return i * 2 end end\n"
    "  local r = engine.all(fns, {max = 3})\n"
    "  local sum = 0\n"
    "  for i = 1, r.n do assert(r[i] == i * 2) sum = sum + r[i] end\n"
    "  return {sum, peak}\n"
    "end)\n"
    "local ended = 0\n"
    "engine.handle('all_fails', function()\n"
    "  engine.all{ function() engine.sleep(100000) end, function() engine.sleep(1) engine.error('conflict', 'second') end,\n"
    "    function() local c <close> = setmetatable({}, {__close = function() ended = ended + 1 end}) engine.sleep(100000) end }\n"
    "end)\n"
    "engine.handle('ended', function() return ended end)\n"
    "engine.handle('cleanup', function()\n"
    "  local ok, err = pcall(engine.sleep, 100000)\n"
    "  engine.sleep(1)\n"
    "  ended = ended + 10\n"
    "  return { ok, err.code }\n"
    "end)\n"
    "engine.handle('gate', function()\n"
    "  local gate, seen = engine.gate(), 0\n"
    "  for _ = 1, 3 do engine.spawn(function(k) gate:wait() seen = seen + k end, 2) end\n"
    "  local ok, err = gate:wait(1)\n"
    "  assert(ok == nil and err.code == 'timeout')\n"
    "  gate:open()\n"
    "  engine.sleep(2)\n"
    "  return seen\n"
    "end)\n"
    "engine.handle('forever', function() while true do pcall(engine.sleep, 100000) end end)\n"
    "engine.handle('stray', function() coroutine.yield(1) end)\n"
    "engine.handle('steal', function()\n"
    "  local co = coroutine.create(function() engine.sleep(50) return 'inner' end)\n"
    "  engine.spawn(function() engine.sleep(1) ok, why = coroutine.resume(co) end)\n"
    "  pcall(coroutine.resume, co)\n"
    "  return ok\n"
    "end)\n"
    "engine.handle('close_waits', function()\n"
    "  do local c <close> = setmetatable({}, {__close = function() engine.sleep(1) ended = 77 end}) end\n"
    "  return ended\n"
    "end)\n";

static void calls_and_answers(void **state)
{
  (void)state;
  struct fixture f = {0};
  fixture_open(&f, source);
  assert_true(policy_has(f.policy, "echo"));
  assert_false(policy_has(f.policy, "nobody"));
  fixture_expect(&f, "echo", "[{\"a\":[]},null,1.0,9007199254740993]", "[{\"a\":[]},null,1.0,9007199254740993]");
  fixture_expect(&f, "nothing", "1", "");
  fixture_expect(&f, "raw", "1", "{\"as\": [\"it is\"]}");
  fixture_expect(&f, "two", "1", "\"first\"");
  fixture_expect(&f, "sleep", "3", "\"slept\"");
  fixture_expect(&f, "generator", "3", "[1,2,3]");
  fixture_expect(&f, "close_waits", "3", "77");
  fixture_expect(&f, "gate", "0", "6");
  struct policy_task *task;
  struct diag d = {0};
  assert_int_equal(policy_call(f.policy, "nobody", NULL, NULL, &task, &d), ERR_UNSUPPORTED);
  fixture_close(&f);
}

static void errors_keep_their_code(void **state)
{
  (void)state;
  struct fixture f = {0};
  fixture_open(&f, source);
  struct policy_task *task = fixture_call(&f, "coded", "1");
  assert_int_equal(task->op.err, ERR_NOTFOUND);
  assert_int_equal(task->status, 404);
  assert_string_equal(task->op.diag->message, "no such thing");
  assert_string_equal(task->op.diag->trace, "a\nb");
  op_unref(&task->op);
  task = fixture_call(&f, "status", "1");
  assert_int_equal(task->status, 418);
  op_unref(&task->op);
  fixture_expect_error(&f, "bug", "1", ERR_INTERNAL, "test.lua:7");
  fixture_expect_error(&f, "raise", "1", ERR_BUSY, "hands full");
  fixture_expect_error(&f, "bad_result", "1", ERR_INTERNAL, "cannot be JSON");
  fixture_expect_error(&f, "echo", "{broken", ERR_INTERNAL, "");
  fixture_expect_error(&f, "stray", "1", ERR_INTERNAL, "");
  fixture_close(&f);
}

static void runs_several_at_once(void **state)
{
  (void)state;
  struct fixture f = {0};
  fixture_open(&f, source);
  fixture_expect(&f, "all", "20", "[420,3]");
  fixture_expect_error(&f, "all_fails", "1", ERR_CONFLICT, "second");
  fixture_expect(&f, "ended", "1", "1");
  fixture_expect(&f, "steal", "1", "false");
  fixture_close(&f);
}

static void cancels_where_it_waits(void **state)
{
  (void)state;
  struct fixture f = {0};
  fixture_open(&f, source);
  struct policy_task *plain, *careful, *all;
  char ms[] = "100000";
  assert_int_equal(policy_call(f.policy, "sleep", fixture_push_json, ms, &plain, NULL), OK);
  assert_int_equal(policy_call(f.policy, "cleanup", NULL, NULL, &careful, NULL), OK);
  assert_int_equal(policy_call(f.policy, "all", fixture_push_json, ms, &all, NULL), OK);
  op_cancel(&plain->op);
  op_cancel(&careful->op);
  uv_run(&f.loop, UV_RUN_NOWAIT);
  op_cancel(&all->op);
  fixture_wait(&f, &plain->op);
  fixture_wait(&f, &careful->op);
  fixture_wait(&f, &all->op);
  assert_int_equal(plain->op.err, ERR_CANCELLED);
  assert_int_equal(all->op.err, ERR_CANCELLED);
  assert_int_equal(careful->op.err, OK);
  assert_string_equal(careful->result.ptr, "[false,\"cancelled\"]");
  op_unref(&plain->op);
  op_unref(&careful->op);
  op_unref(&all->op);
  fixture_close(&f);
}

static void closes_with_tasks_alive(void **state)
{
  (void)state;
  struct fixture f = {0};
  fixture_open(&f, source);
  struct policy_task *task[4];
  char ms[] = "100000";
  for (size_t i = 0; i < ARRAY_LEN(task); i++)
    assert_int_equal(policy_call(f.policy, "sleep", fixture_push_json, ms, &task[i], NULL), OK);
  fixture_close(&f);
  for (size_t i = 0; i < ARRAY_LEN(task); i++) {
    assert_int_equal(task[i]->op.err, ERR_CANCELLED);
    op_unref(&task[i]->op);
  }
}

static void drops_a_task_that_will_not_end(void **state)
{
  (void)state;
  struct fixture f = {0};
  fixture_open(&f, source);
  struct policy_task *task;
  assert_int_equal(policy_call(f.policy, "forever", NULL, NULL, &task, NULL), OK);
  fixture_close(&f);
  assert_int_equal(task->op.err, ERR_CANCELLED);
  op_unref(&task->op);
}

static void says_where_a_module_is_wrong(void **state)
{
  (void)state;
  struct fixture f = {0};
  fixture_open(&f, "return 1");
  struct diag d = {0};
  assert_int_equal(policy_require(f.policy, "absent.module", &d), ERR_INVALID);
  assert_non_null(strstr(d.message, "absent.module"));
  assert_int_equal(policy_require(f.policy, "../etc/passwd", &d), ERR_INVALID);
  f.modules[0] = (struct embed_file){.path = "wrong.lua", .data = "x = = 1", .size = 7};
  assert_int_equal(policy_require(f.policy, "wrong", &d), ERR_INVALID);
  assert_non_null(strstr(d.message, "wrong.lua:1"));
  f.modules[0] = (struct embed_file){.path = "waits.lua", .data = "engine.sleep(1)", .size = 15};
  assert_int_equal(policy_require(f.policy, "waits", &d), ERR_INVALID);
  assert_non_null(strstr(d.message, "cannot wait here"));
  fixture_close(&f);
}

static void a_call_costs_little(void **state)
{
  (void)state;
  struct fixture f = {0};
  fixture_open(&f, source);
  enum { CALLS = 2000 };
  uint64_t begin = clock_mono_ns();
  for (int i = 0; i < CALLS; i++) {
    struct policy_task *task;
    assert_int_equal(policy_call(f.policy, "nothing", NULL, NULL, &task, NULL), OK);
    fixture_wait(&f, &task->op);
    op_unref(&task->op);
  }
  print_message("%llu ns a call\n", (unsigned long long)(clock_mono_ns() - begin) / CALLS);
  fixture_close(&f);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(calls_and_answers),       cmocka_unit_test(errors_keep_their_code),
      cmocka_unit_test(runs_several_at_once),    cmocka_unit_test(cancels_where_it_waits),
      cmocka_unit_test(closes_with_tasks_alive), cmocka_unit_test(drops_a_task_that_will_not_end),
      cmocka_unit_test(says_where_a_module_is_wrong), cmocka_unit_test(a_call_costs_little),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
