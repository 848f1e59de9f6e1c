/* agent/text: names, paths, quoting, word split, key-value lists, multi-line commands, log filters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/text.h"

static void assert_text(struct str got, const char *want)
{
  assert_int_equal(got.len, strlen(want));
  assert_memory_equal(got.ptr ? got.ptr : "", want, got.len);
}

static void test_path_names(void **state)
{
  (void)state;
  struct arena a = {0};
  assert_text(text_path_name(&a, STR(" my stack\n")), "my_stack");
  assert_text(text_path_join(&a, STR("/etc/komodo"), STR("a/./b")), "/etc/komodo/a/b");
  assert_text(text_path_join(&a, STR("/etc/komodo"), STR("/abs/./x/")), "/abs/x");
  assert_text(text_path_join(&a, STR("rel"), STR("")), "rel");
  assert_text(text_path_join(&a, STR("/"), STR("..")), "/..");
  assert_text(text_quoted(&a, STR("a\"b\\c\n")), "\"a\\\"b\\\\c\\n\"");
  arena_release(&a);
}

static void test_escape(void **state)
{
  (void)state;
  static const struct { const char *in, *out; } rows[] = {
    {"", "''"}, {"plain-_=/,.+09", "plain-_=/,.+09"}, {"a b", "'a b'"}, {"no such 'text'!", "'no such '\\''text'\\'''\\!''"},
    {"$(x)", "'$(x)'"},
  };
  struct arena a = {0};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++)
    assert_text(text_escaped(&a, str_of(rows[i].in)), rows[i].out);
  arena_release(&a);
}

static void test_split_words(void **state)
{
  (void)state;
  static const struct { const char *line; size_t count; const char *word[5]; } rows[] = {
    {"a  b\tc", 3, {"a", "b", "c"}},
    {"'a b' \"c d\" e\\ f", 3, {"a b", "c d", "e f"}},
    {"x'y'\"z\"", 1, {"xyz"}},
    {"\"a\\\"b\\n\"", 1, {"a\"b\\n"}},
    {"''", 1, {""}},
    {"a # rest\nb", 2, {"a", "b"}},
    {"a#b", 1, {"a#b"}},
    {"", 0, {NULL}},
    {"'open", 0, {NULL}},
    {"end\\", 0, {NULL}},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct arena a = {0};
    struct text_words got = text_split_words(&a, str_of(rows[i].line));
    assert_int_equal(got.count, rows[i].count);
    for (size_t k = 0; k < got.count; k++)
      assert_string_equal(got.word[k], rows[i].word[k]);
    assert_null(got.word[got.count]);
    arena_release(&a);
  }
}

static void test_pairs(void **state)
{
  (void)state;
  struct arena a = {0};
  struct text_pairs p;
  struct str list = STR("A=1\n# comment\n// too\n\nB = two words # tail\n- C: 'quoted'\n'D=in quotes'\n/a:/b:ro\n");
  static const char *const want[][2] = {{"A", "1"}, {"B", "two words"}, {"C", "'quoted'"}, {"D", "in quotes"}, {"/a", "/b:ro"}};
  assert_int_equal(text_parse_pairs(&a, list, &p, NULL), OK);
  assert_int_equal(p.count, ARRAY_LEN(want));
  for (size_t i = 0; i < p.count; i++) {
    assert_text(p.pair[i].key, want[i][0]);
    assert_text(p.pair[i].value, want[i][1]);
  }
  struct diag d = {0};
  assert_int_equal(text_parse_pairs(&a, STR("A=1\nnope"), &p, &d), ERR_INVALID);
  assert_string_equal(d.message, "line 1 missing assignment character ('=' or ':')");
  assert_int_equal(text_parse_pairs(&a, STR(" \n "), &p, NULL), OK);
  assert_int_equal(p.count, 0);
  assert_int_equal(text_parse_pairs(&a, STR_NONE, &p, NULL), OK);
  assert_int_equal(p.count, 0);
  arena_release(&a);
}

static void test_quoted_arg(void **state)
{
  (void)state;
  struct buf b = BUF_INIT(1000);
  text_quoted_arg(&b, STR("A"), STR("two words"));
  buf_add_char(&b, ' ');
  text_quoted_arg(&b, STR("B"), STR("'kept'"));
  assert_string_equal(b.ptr, "A=\"two words\" B='kept'");
  buf_release(&b);
}

static void test_multi_line(void **state)
{
  (void)state;
  static const struct { const char *in, *out; } rows[] = {
    {"echo a\n# comment\n\n  echo b # tail\n", "echo a && echo b"},
    {"docker run \\\n  -d \\\n  image\necho done", "docker run -d image && echo done"},
    {"# only\n", ""},
  };
  struct arena a = {0};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++)
    assert_text(text_multi_line(&a, str_of(rows[i].in)), rows[i].out);
  arena_release(&a);
}

static void test_grep(void **state)
{
  (void)state;
  struct arena a = {0};
  struct str terms[] = {STR("out-"), STR("zzz")};
  assert_text(text_grep(&a, terms, 2, false, false), "grep -E 'out-|zzz'");
  assert_text(text_grep(&a, terms, 2, true, false), "grep -P '^(?=.*out-)(?=.*zzz)'");
  assert_text(text_grep(&a, &(struct str){"out", 3}, 1, false, true), "grep -v -E out");
  arena_release(&a);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_path_names), cmocka_unit_test(test_escape), cmocka_unit_test(test_split_words),
    cmocka_unit_test(test_pairs), cmocka_unit_test(test_quoted_arg), cmocka_unit_test(test_multi_line),
    cmocka_unit_test(test_grep),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
