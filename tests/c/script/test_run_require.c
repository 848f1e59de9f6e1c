/* require() of user scripts: the engine's modules, what the engine is asked for, circles, waiting. */
#include "script/run_fixture.h"

static void finds_modules_and_runs_each_once(void **state)
{
  (void)state;
  static const char *const sources[] = {
      "return require('a.one').n == 1 and require('a.one') == require('a.one') and komodo.now() > 0",
      "return not pcall(require, 'a.two') and not pcall(require, 'a/one') and not pcall(require, 'none') and not pcall(require)",
      "local s = require('slow') return s.n == 1 and require('slow') == s and loads == 1",
      "local r = {} local function get(i) return function() r[i] = require('slow') end end "
      "komodo.all{ get(1), get(2), coroutine.wrap(get(3)) } return r[1] == r[2] and r[2] == r[3] and loads == 1",
      "local a, b = komodo.timeout(0.001, function() return require('slow') end) return a == nil and require('slow').n == 1",
      "local a, b = pcall(require, 'fails') local c, d = pcall(require, 'fails') return not a and b == 'fails:2: no luck' and b == d",
      "local _, e = pcall(require, 'ring') return e:find('each other: ring -> ring', 1, true) ~= nil",
      "return not pcall(table.sort, { 1, 2 }, function() return require('slow') end)",
  };
  struct scripts s;
  scripts_open(&s, 2);
  for (size_t i = 0; i < ARRAY_LEN(sources); i++)
    scripts_expect(&s, sources[i], "true");
  scripts_close(&s);
}

static void tracebacks_name_the_module(void **state)
{
  (void)state;
  struct scripts s;
  scripts_open(&s, 1);
  struct script_run *run = scripts_run(&s, "\nlocal function f() require('fails') end\nf()", NULL);
  assert_int_equal(run->outcome.end, SCRIPT_ERROR);
  assert_string_equal(run->outcome.message, "fails:2: no luck");
  assert_int_equal(run->outcome.line, 2);
  assert_string_equal(run->outcome.traceback, "fails:2: in the main chunk\ntest:2: in function f\ntest:3: in the main chunk\n");
  op_unref(&run->op);
  scripts_close(&s);
}

static void what_a_run_knows_is_read_only(void **state)
{
  (void)state;
  struct script_spec spec = {.run = STR("{\"id\":\"1\",\"event\":{\"type\":\"manual\",\"args\":{\"x\":[1]}}}")};
  static const char source[] =
      "local r, e = komodo.run, komodo.event "
      "assert(r.id == '1' and r.event == e and e.args.x[1] == 1 and #e.args.x == 1) "
      "assert(not pcall(function() r.id = 2 end) and not pcall(function() e.type = 2 end) and getmetatable(r) == false) "
      "return komodo.json.encode(e) == '{\"type\":\"manual\",\"args\":{\"x\":[1]}}' or komodo.json.decode(komodo.json.encode(r)).event.args.x[1] == 1";
  struct scripts s;
  scripts_open(&s, 1);
  struct script_run *run = scripts_run(&s, source, &spec);
  if (run->outcome.end != SCRIPT_OK)
    fail_msg("%s", run->outcome.message);
  assert_string_equal(run->outcome.result.ptr, "true");
  op_unref(&run->op);
  scripts_close(&s);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(finds_modules_and_runs_each_once),
      cmocka_unit_test(tracebacks_name_the_module),
      cmocka_unit_test(what_a_run_knows_is_read_only),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
