/* The pure helpers of the komodo module. */
#include "run_fixture.h"

static void codes_and_digests(void **state)
{
  (void)state;
  struct scripts s;
  scripts_open(&s, 1);
  scripts_expect(&s, "return { komodo.base64.encode('a\\0b'), komodo.base64.decode('YQBi') == 'a\\0b', select(2, komodo.base64.decode('*')).code, komodo.base64.encode('') }",
                 "[\"YQBi\",true,\"invalid\",\"\"]");
  scripts_expect(&s, "return { komodo.hex.encode('\\1\\255'), komodo.hex.decode('01ff') == '\\1\\255', select(2, komodo.hex.decode('0')).code }",
                 "[\"01ff\",true,\"invalid\"]");
  scripts_expect(&s, "return { komodo.hash('sha256', 'abc'), komodo.hmac('sha1', 'key', 'The quick brown fox jumps over the lazy dog') }",
                 "[\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\",\"de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9\"]");
  scripts_expect_error(&s, "komodo.hash('crc', 'abc')", "invalid option");
  scripts_expect_error(&s, "komodo.hash('sha1', {})", "string expected");
  scripts_expect(&s, "return { komodo.url.encode('a b/c'), komodo.url.decode('a+b%2Fc'), komodo.url.query{ b = 'x y', a = 1 } }",
                 "[\"a%20b%2Fc\",\"a b/c\",\"a=1&b=x%20y\"]");
  struct script_spec spec = {.limits = {.memory_bytes = 8 << 20}};
  struct script_run *run = scripts_run(&s, "return #komodo.base64.encode(('x'):rep(3 << 20))", &spec);
  assert_string_equal(run->outcome.limit, "memory");
  op_unref(&run->op);
  scripts_close(&s);
}

static void texts(void **state)
{
  (void)state;
  struct scripts s;
  scripts_open(&s, 1);
  scripts_expect(&s, "local g = komodo.glob return { g('web-*', 'web-1'), g('web-*', 'xweb-1'), g('*a?c*', 'xxabcxx'), g('', ''), g('*', ''), g('?', ''), g('a', 'ab') }",
                 "[true,false,true,true,true,false,false]");
  scripts_expect(&s, "return komodo.glob(('*a'):rep(200) .. 'b', ('a'):rep(5000))", "false");
  scripts_expect(&s, "return komodo.template('Hello {{ name }} of {{at.home}}!', { name = 'x', at = { home = 7 } })", "\"Hello x of 7!\"");
  scripts_expect_error(&s, "komodo.template('{{no.way}}', { no = 1 })", "no field 'no.way'");
  scripts_expect(&s, "return komodo.semver.sort{ '1.10.0', 'v1.2.0', '1.2.0-rc.2', '1.2.0-rc.10', '1.2.0-rc', '1.2.0-alpha', '2', '1.2.0-rc.x' }",
                 "[\"1.2.0-alpha\",\"1.2.0-rc\",\"1.2.0-rc.2\",\"1.2.0-rc.10\",\"1.2.0-rc.x\",\"v1.2.0\",\"1.10.0\",\"2\"]");
  scripts_expect(&s, "local p, c = komodo.semver.parse, komodo.semver.compare return { p('v1.2.3-rc.1+5').pre, p('x') == nil, p('1..2') == nil, p('1.2.3.4') == nil, c('1.0', '1.0.0') }",
                 "[\"rc.1\",true,true,true,0]");
  scripts_expect_error(&s, "komodo.semver.compare('x', '1')", "is no version");
  scripts_expect_error(&s, "komodo.semver.compare = nil", "read-only");
  scripts_close(&s);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(codes_and_digests), cmocka_unit_test(texts)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
