/* conf/toml.h: what is TOML, what is not, and where it says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "conf/toml.h"

static void reads(void **state)
{
  (void)state;
  static const struct {
    const char *toml, *json;
  } rows[] = {
      {"", "{}"},
      {"\xEF\xBB\xBF# only a comment", "{}"},
      {"a = 1\r\nb = 2 # c\r\n", "{\"a\":1,\"b\":2}"},
      {"a.b.c = 1\na.b.d = 2\n", "{\"a\":{\"b\":{\"c\":1,\"d\":2}}}"},
      {"\"a.b\" = 1\n'c d'.\"\" = 2\n", "{\"a.b\":1,\"c d\":{\"\":2}}"},
      {"1234 = 1\n-_ = 2\n", "{\"1234\":1,\"-_\":2}"},
      {"a = \"x\\b\\t\\n\\f\\r\\\"\\\\\\e\\x41\\u00e9\\U0001F600\"", "{\"a\":\"x\\b\\t\\n\\f\\r\\\"\\\\\\u001BAé😀\"}"},
      {"a = 'x\\n'", "{\"a\":\"x\\\\n\"}"},
      {"a = \"\"\"\nx\\\n   \n  y\nz\"\"\"", "{\"a\":\"xy\\nz\"}"},
      {"a = \"\"\"\r\nx\r\ny\"\"\"", "{\"a\":\"x\\ny\"}"},
      {"a = \"\"\"\"two\"\" quotes\"\"\"\"\"", "{\"a\":\"\\\"two\\\"\\\" quotes\\\"\\\"\"}"},
      {"a = '''\n'it''s'''", "{\"a\":\"'it''s\"}"},
      {"a = \"\"\"\"\"\"", "{\"a\":\"\"}"},
      {"a = [0, +1, -1, 1_000, 0xDEAD_beef, 0o17, 0b101]", "{\"a\":[0,1,-1,1000,3735928559,15,5]}"},
      {"a = [9223372036854775807, -9223372036854775808]", "{\"a\":[9223372036854775807,-9223372036854775808]}"},
      {"a = [1.5, -0.25, 1e3, 6.5E-1, 1_0.2_5, 5e+2, 1.5e-7]", "{\"a\":[1.5,-0.25,1000.0,0.65,10.25,500.0,1.5e-7]}"},
      {"a = [true, false]", "{\"a\":[true,false]}"},
      {"a = [\n 1, # one\n\n 2,\n]\n", "{\"a\":[1,2]}"},
      {"a = []\nb = {}\nc = [{}, {x = 1}]", "{\"a\":[],\"b\":{},\"c\":[{},{\"x\":1}]}"},
      {"a = {b.c = 1, b.d = 2}", "{\"a\":{\"b\":{\"c\":1,\"d\":2}}}"},
      {"a = {\n b = 1, # x\n c = 2,\n}", "{\"a\":{\"b\":1,\"c\":2}}"},
      {"[a]\nb = 1\n[a.c]\nd = 2\n", "{\"a\":{\"b\":1,\"c\":{\"d\":2}}}"},
      {"[a.b]\nx = 1\n[a]\ny = 2\n", "{\"a\":{\"b\":{\"x\":1},\"y\":2}}"},
      {"[ a . 'b' ]\n", "{\"a\":{\"b\":{}}}"},
      {"[[a]]\nx = 1\n[a.b]\ny = 1\n[[a]]\n[a.b]\ny = 2\n[[a.c]]\n", "{\"a\":[{\"x\":1,\"b\":{\"y\":1}},{\"b\":{\"y\":2},\"c\":[{}]}]}"},
      {"[f]\na.c = 1\na.t.s = true\n[f.a.x]\nz = 1\n", "{\"f\":{\"a\":{\"c\":1,\"t\":{\"s\":true},\"x\":{\"z\":1}}}}"},
      {"[a.b.c]\n[a]\nb.d = 1\n", "{\"a\":{\"b\":{\"c\":{},\"d\":1}}}"},
      {"a = [1979-05-27, 07:32:00, 07:32, 1979-05-27T07:32:00.999Z, 1979-05-27 07:32:00-07:00, 2024-02-29]",
       "{\"a\":[\"1979-05-27\",\"07:32:00\",\"07:32\",\"1979-05-27T07:32:00.999Z\",\"1979-05-27 07:32:00-07:00\",\"2024-02-29\"]}"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    yyjson_mut_doc *doc = NULL;
    struct diag why = {0};
    if (toml_parse(str_of(rows[i].toml), &doc, &why))
      fail_msg("%s: %s", rows[i].toml, why.message);
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
    const char *toml, *at;   /* the beginning of the words */
  } rows[] = {
      {"a", "line 1, column 2:"},          {"a = ", "line 1, column 5:"},       {"a = b", "line 1, column 5:"},
      {"a = 1 b = 2", "line 1, column 7:"}, {"\na = 1\na = 2", "line 3, column 3:"},
      {"= 1", "line 1, column 1:"},        {"a b = 1", "line 1"},               {"a. = 1", "line 1"},
      {"\"\"\"a\"\"\" = 1", "line 1"},     {"a = \"x\ny\"", "line 1"},          {"a = \"x", "line 1"},
      {"a = \"\\q\"", "line 1"},           {"a = \"\\u12\"", "line 1"},         {"a = \"\\uD800\"", "line 1"},
      {"a = \"\x01\"", "line 1"},          {"# \x01", "line 1"},                {"a = \"\"\"x", "line 1"},
      {"a = 01", "line 1"},                {"a = 1__0", "line 1"},              {"a = _1", "line 1"},
      {"a = 1_", "line 1"},                {"a = 0x", "line 1"},                {"a = -0x1", "line 1"},
      {"a = 0b2", "line 1"},               {"a = .5", "line 1"},                {"a = 5.", "line 1"},
      {"a = 1e", "line 1"},                {"a = 1.e3", "line 1"},              {"a = 1e2.5", "line 1"},
      {"a = 9223372036854775808", "line 1"}, {"a = 0xffffffffffffffff", "line 1"}, {"a = 1e999", "line 1"},
      {"a = inf", "line 1"},               {"a = -nan", "line 1"},              {"a = True", "line 1"},
      {"a = 2023-02-29", "line 1"},        {"a = 1979-13-01", "line 1"},        {"a = 25:00", "line 1"},
      {"a = 1979-05-27T", "line 1"},       {"a = 1979-05-27x", "line 1"},       {"a = [1 2]", "line 1"},
      {"a = [1", "line 1"},                {"a = [,]", "line 1"},               {"a = {b = 1, b = 2}", "line 1"},
      {"a = {b = 1", "line 1"},            {"a = {,}", "line 1"},               {"[a]\n[a]\n", "line 2"},
      {"[a]\nb = 1\n[a.b]\n", "line 3"},   {"a = 1\n[a]", "line 2"},            {"a = {}\n[a.b]", "line 2"},
      {"a = {}\na.b = 1", "line 2"},       {"a = []\n[[a]]", "line 2"},         {"[[a]]\n[a]", "line 2"},
      {"[a]\n[[a]]", "line 2"},            {"[a.b.c]\nz=9\n[a]\nb.c.t = 1", "line 4"},
      {"[f]\na.c = 1\n[f.a]\n", "line 3"}, {"[a", "line 1"},                    {"[a]x", "line 1"},
      {"[[a]\n", "line 1"},                {"[]", "line 1"},                    {"a = 1\rb = 2", "line 1"},
      {"a.b = 1\na.b.c = 2", "line 2"},    {"[[a]]\na.b = 1\n[a.a]\n", "line 3"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    yyjson_mut_doc *doc = NULL;
    struct diag why = {0};
    if (toml_parse(str_of(rows[i].toml), &doc, &why) != ERR_INVALID || doc)
      fail_msg("accepted: %s", rows[i].toml);
    if (strncmp(why.message, rows[i].at, strlen(rows[i].at)) != 0)
      fail_msg("%s: %s, wants %s", rows[i].toml, why.message, rows[i].at);
  }
}

static void is_bounded(void **state)
{
  (void)state;
  static const char *const repeated[] = {"[", "{a=", "a."};
  for (size_t i = 0; i < ARRAY_LEN(repeated); i++) {
    CLEANUP(buf_release) struct buf text = BUF_INIT(1 << 20);
    yyjson_mut_doc *doc = NULL;
    struct diag why = {0};
    buf_add_text(&text, i == 2 ? "" : "x = ");
    for (int n = 0; n < 100000; n++)
      buf_add_text(&text, repeated[i]);
    assert_int_equal(toml_parse(buf_str(&text), &doc, &why), ERR_INVALID);
    assert_non_null(strstr(why.message, "nested deeper"));
  }
  yyjson_mut_doc *doc = NULL;
  CLEANUP(mem_free_at) char *large = mem_new(TOML_TEXT_MAX + 2);
  memset(large, '\n', TOML_TEXT_MAX + 1);
  assert_int_equal(toml_parse(str_make(large, TOML_TEXT_MAX + 1), &doc, NULL), ERR_TOOBIG);
  assert_int_equal(toml_parse(STR("a = \"\xff\""), &doc, NULL), ERR_INVALID);
}

/* Many keys in one table must not cost the square of their number. */
static void reads_wide_tables(void **state)
{
  (void)state;
  CLEANUP(buf_release) struct buf text = BUF_INIT(8 << 20);
  for (int n = 0; n < 200000; n++)
    buf_printf(&text, "k%d = %d\n", n, n);
  yyjson_mut_doc *doc = NULL;
  assert_int_equal(toml_parse(buf_str(&text), &doc, NULL), OK);
  assert_int_equal(yyjson_mut_obj_size(yyjson_mut_doc_get_root(doc)), 200000);
  yyjson_mut_doc_free(doc);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(reads), cmocka_unit_test(refuses), cmocka_unit_test(is_bounded),
                                     cmocka_unit_test(reads_wide_tables)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
