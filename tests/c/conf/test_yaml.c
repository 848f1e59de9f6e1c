/* conf/yaml.h: words of YAML 1.2, anchors, bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "conf/yaml.h"

static void reads(void **state)
{
  (void)state;
  static const struct {
    const char *yaml, *json;
  } rows[] = {
      {"", "null"},
      {"# nothing\n", "null"},
      {"---\n", "null"},
      {"a: 1\nb: [x, 'y', \"z\\n\"]\n", "{\"a\":1,\"b\":[\"x\",\"y\",\"z\\n\"]}"},
      {"[no, yes, on, off, No]", "[\"no\",\"yes\",\"on\",\"off\",\"No\"]"},
      {"[true, True, FALSE, tRue]", "[true,true,false,\"tRue\"]"},
      {"[null, ~, Null, '', nULL]", "[null,null,null,\"\",\"nULL\"]"},
      {"[12, -3, +4, 0x1F, 0o17, 017, 1_000]", "[12,-3,4,31,15,17,\"1_000\"]"},
      {"[1.5, -.5, 1e3, 2., 1.2.3, '1', 0x]", "[1.5,-0.5,1000.0,2.0,\"1.2.3\",\"1\",\"0x\"]"},
      {"[18446744073709551615, 99999999999999999999]", "[18446744073709551615,100000000000000000000.0]"},
      {"[2026-01-31, 12:30, \"12\"]", "[\"2026-01-31\",\"12:30\",\"12\"]"},
      {"[!!str 12, !!int \"12\"]", "[\"12\",12]"},
      {"a: &x {b: 1}\nc: *x\nd: [*x]\n", "{\"a\":{\"b\":1},\"c\":{\"b\":1},\"d\":[{\"b\":1}]}"},
      {"&k a: 1\nb: *k\n", "{\"a\":1,\"b\":\"a\"}"},
      {"a: &x {p: 1}\nb:\n  <<: *x\n  q: 2\n", "{\"a\":{\"p\":1},\"b\":{\"<<\":{\"p\":1},\"q\":2}}"},
      {"1: a\ntrue: b\n", "{\"1\":\"a\",\"true\":\"b\"}"},
      {"a: |\n  two\n  lines\n", "{\"a\":\"two\\nlines\\n\"}"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    yyjson_mut_doc *doc = NULL;
    struct diag why = {0};
    if (yaml_parse(str_of(rows[i].yaml), &doc, &why))
      fail_msg("%s: %s", rows[i].yaml, why.message);
    char *json = yyjson_mut_write(doc, 0, NULL);
    assert_string_equal(json, rows[i].json);
    free(json);
    yyjson_mut_doc_free(doc);
  }
}

static void refuses(void **state)
{
  (void)state;
  static const struct {
    const char *yaml, *at;
  } rows[] = {
      {"a: [", "line "},           {"a: 1\na: 2", "line 2, column 1:"}, {"a: *none", "line 1, column 4:"},
      {"a: &x [*x]", "line 1"},    {"[a]: 1", "line 1"},                {"a: 1\n---\nb: 2\n", "line 2"},
      {"a: .inf", "line 1"},       {"a: -.INF", "line 1"},              {"a: .NaN", "line 1"},
      {"a: 1e999", "line 1"},      {"\t a: 1", "line "},                {"%YAML 9.9\n---\na", "line "},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    yyjson_mut_doc *doc = NULL;
    struct diag why = {0};
    if (yaml_parse(str_of(rows[i].yaml), &doc, &why) != ERR_INVALID || doc)
      fail_msg("accepted: %s", rows[i].yaml);
    if (strncmp(why.message, rows[i].at, strlen(rows[i].at)) != 0)
      fail_msg("%s: %s, wants %s", rows[i].yaml, why.message, rows[i].at);
  }
}

/* Nine levels of nine aliases stand for 400 million values. */
static void defuses_alias_bombs(void **state)
{
  (void)state;
  CLEANUP(buf_release) struct buf text = BUF_INIT(1 << 16);
  buf_add_text(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
  for (int level = 1; level < 9; level++) {
    buf_printf(&text, "a%d: &a%d [", level, level);
    for (int i = 0; i < 9; i++)
      buf_printf(&text, "%s*a%d", i ? ", " : "", level - 1);
    buf_add_text(&text, "]\n");
  }
  yyjson_mut_doc *doc = NULL;
  struct diag why = {0};
  assert_int_equal(yaml_parse(buf_str(&text), &doc, &why), ERR_TOOBIG);
  assert_null(doc);

  buf_clear(&text);
  buf_add_text(&text, "a0: &a0 x\n");
  for (int level = 1; level < 100; level++)
    buf_printf(&text, "a%d: &a%d [*a%d]\n", level, level, level - 1);
  assert_int_equal(yaml_parse(buf_str(&text), &doc, &why), ERR_INVALID);

  buf_clear(&text);
  for (int level = 0; level < 10000; level++)
    buf_add_char(&text, '[');
  assert_int_equal(yaml_parse(buf_str(&text), &doc, &why), ERR_INVALID);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(reads), cmocka_unit_test(refuses), cmocka_unit_test(defuses_alias_bombs)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
