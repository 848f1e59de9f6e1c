/* libs.h: engine.script, from policy Lua. */
#include "policy_fixture.h"
#include "script/libs.h"
#include "script/runner.h"

static const char source[] =
    "local script = engine.script\n"
    "engine.handle('run', function()\n"
    "  local log = {}\n"
    "  local o = assert(script.run{ name = 'act', user = 'u1', args = { X = 'y' }, run = { id = 'r' },\n"
    "    source = [[print(komodo.args.X, komodo.run.id) komodo.sleep(0.3) print('end') return komodo.read('WhoAmI')]],\n"
    "    on_log = function(lines) engine.sleep(1) log[#log + 1] = lines end })\n"
    "  return { o.ok, o.status, o.result, log, o.api_calls }\n"
    "end)\n"
    "engine.handle('fails', function()\n"
    "  local o = assert(script.run{ name = 'act', source = '\\n\\nerror(\"no\")' })\n"
    "  return { o.ok, o.status, o.line, o.message }\n"
    "end)\n"
    "engine.handle('limit', function()\n"
    "  local o = assert(script.run{ source = 'komodo.sleep(10)', limits = { wall_seconds = 0.02 } })\n"
    "  return { o.status, o.limit }\n"
    "end)\n"
    "engine.handle('wrong', function()\n"
    "  local a, b = pcall(script.run, { source = 'x', limits = { cpu = 3 } })\n"
    "  local c, d = pcall(script.run, { source = 'x', limits = { tasks = 'many' } })\n"
    "  local e, f = script.run{ source = 'x', limits = { cpu_seconds = 5000 } }\n"
    "  assert(not pcall(script.run, {}))\n"
    "  return { a, b:match('limits.*'), c, d:match('limits.*'), e == nil, f.message }\n"
    "end)\n"
    "engine.handle('cancel', function()\n"
    "  local o\n"
    "  engine.all{ function() o = script.run{ id = 'one', source = 'komodo.sleep(100)' } end,\n"
    "    function() engine.sleep(5) assert(script.cancel('one')) end }\n"
    "  return { o.status, script.cancel('one') }\n"
    "end)\n"
    "engine.handle('forever', function() script.run{ source = 'komodo.sleep(100)' } end)\n"
    "engine.handle('dropped', function() script.start{ source = 'komodo.sleep(100)' } collectgarbage() collectgarbage() end)\n";

static void answer(struct script_call *call, enum script_group group, struct str name, struct str params, void *data)
{
  (void)group;
  (void)name;
  (void)params;
  (void)data;
  CLEANUP(buf_release) struct buf json = BUF_INIT(100);
  buf_add_json(&json, str_of(call->user));
  script_call_done(call, OK, 200, buf_str(&json), NULL);
}

static void open_libs(lua_State *L, void *data) { lib_script_open(L, data); }
static void close_runner(void *data) { runner_close(data, NULL, NULL); }

static void runs_scripts_from_policy(void **state)
{
  (void)state;
  struct fixture f = {.open_libs = open_libs};
  uv_loop_init(&f.loop);
  op_loop_init(&f.ops, &f.loop);
  struct runner *runner;
  struct runner_config config = {.loop = &f.ops, .workers = 2, .call = answer};
  assert_int_equal(runner_new(&config, &runner, NULL), OK);
  f.data = runner;
  fixture_start(&f, source);
  fixture_expect(&f, "run", "0", "[true,\"ok\",\"u1\",[\"y\\tr\\n\",\"end\\n\"],1]");
  fixture_expect(&f, "fails", "0", "[false,\"error\",3,\"act:3: no\"]");
  fixture_expect(&f, "limit", "0", "[\"limit\",\"time\"]");
  fixture_expect(&f, "wrong", "0",
                 "[false,\"limits.cpu is unknown\",false,\"limits.tasks must be a number above 0\",true,"
                 "\"limits.cpu_seconds must be between 0 and 3600\"]");
  fixture_expect(&f, "cancel", "0", "[\"cancelled\",false]");
  fixture_expect(&f, "dropped", "0", "");
  struct policy_task *task;
  assert_int_equal(policy_call(f.policy, "forever", NULL, NULL, &task, NULL), OK);
  policy_close(f.policy, close_runner, runner);
  f.policy = NULL;
  fixture_close(&f);
  assert_int_equal(task->op.err, ERR_CANCELLED);
  op_unref(&task->op);
}

/* The engine closes the runner before policy, whose tasks may want to start a script still. */
static void starts_nothing_once_closed(void **state)
{
  (void)state;
  struct fixture f = {.open_libs = open_libs};
  uv_loop_init(&f.loop);
  op_loop_init(&f.ops, &f.loop);
  struct runner *runner;
  struct runner_config config = {.loop = &f.ops, .workers = 1, .call = answer};
  assert_int_equal(runner_new(&config, &runner, NULL), OK);
  f.data = runner;
  fixture_start(&f, "engine.handle('late', function() return { select(2, engine.script.run{ source = 'return 1' }).code } end)\n");
  lib_script_close(policy_state(f.policy));
  runner_close(runner, NULL, NULL);
  uv_run(&f.loop, UV_RUN_NOWAIT);
  uv_run(&f.loop, UV_RUN_NOWAIT);
  fixture_expect(&f, "late", "0", "[\"closed\"]");
  fixture_close(&f);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(runs_scripts_from_policy), cmocka_unit_test(starts_nothing_once_closed)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
