/* agent/interp, agent/settings: secrets in texts, tokens, time lengths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/interp.h"

static const char config[] =
  "{\"secrets\":{\"A\":\"one\",\"B\":\"two\"},\"root_directory\":\"/r\",\"stack_dir\":\"/elsewhere\","
  "\"stats_polling_rate\":\"1-min\",\"exclude_disk_mounts\":[\"/boot\"],"
  "\"git_providers\":[{\"domain\":\"d\",\"accounts\":[{\"username\":\"u\",\"token\":\"t\"}]},"
  "{\"domain\":\"d\",\"accounts\":[{\"username\":\"late\",\"token\":\"x\"}]}]}";

static int setup(void **state)
{
  struct settings *s = calloc(1, sizeof *s);
  yyjson_doc *doc;
  assert_int_equal(js_parse(str_of(config), &doc, NULL), OK);
  assert_int_equal(settings_load(s, doc, NULL), OK);
  *state = s;
  return 0;
}

static int teardown(void **state)
{
  settings_release(*state);
  free(*state);
  return 0;
}

static void test_texts(void **state)
{
  static const struct { const char *in, *out; } rows[] = {
    {"", ""}, {"plain ]] text [x]", "plain ]] text [x]"}, {"[[A]]-[[B]][[A]]", "one-twoone"}, {"[[NOPE]]", "[[NOPE]]"},
    {"[[ A ]]", "[[ A ]]"}, {"a[[[A]]]b", "a[[A]]b"}, {"[[A]]]] x", "one]] x"}, {"[[A", NULL}, {"x [[", NULL},
    {"[[[[A]]", NULL}, {"[[\xC3\xA4]]", NULL}, {"[[[[", NULL},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct arena a = {0};
    struct replacers used = {0};
    struct str got = {0};
    Err err = interp_text(&a, *state, str_of(rows[i].in), &used, &got, NULL);
    assert_int_equal(err, rows[i].out ? OK : ERR_INVALID);
    if (rows[i].out) {
      assert_int_equal(got.len, strlen(rows[i].out));
      assert_memory_equal(got.ptr, rows[i].out, got.len);
    }
    replacers_release(&used);
    arena_release(&a);
  }
}

static void test_used_once(void **state)
{
  struct arena a = {0};
  struct replacers used = {0};
  struct str got;
  assert_int_equal(interp_text(&a, *state, STR("[[B]][[A]][[B]][[C]]"), &used, &got, NULL), OK);
  assert_int_equal(used.count, 2);
  assert_true(str_eqc(used.item[0].name, "B") && str_eqc(used.item[0].value, "two"));
  assert_true(str_eqc(used.item[1].name, "A"));
  replacers_release(&used);
  arena_release(&a);
}

static void test_settings(void **state)
{
  const struct settings *s = *state;
  assert_true(str_eqc(s->repo_dir, "/r/repos"));
  assert_true(str_eqc(s->stack_dir, "/elsewhere"));
  assert_int_equal(s->stats_ms, 60000);
  assert_int_equal(s->container_stats_ms, 30000);
  assert_true(settings_lists(s, "exclude_disk_mounts", STR("/boot")));
  assert_false(settings_lists(s, "exclude_disk_mounts", STR("/")));
  assert_true(str_eqc(settings_token(s, "git_providers", STR("d"), STR("u")), "t"));
  assert_null(settings_token(s, "git_providers", STR("d"), STR("late")).ptr);   /* the first entry of a domain alone */
  assert_null(settings_token(s, "image_registries", STR("d"), STR("u")).ptr);
}

static void test_bad_rate(void **state)
{
  (void)state;
  struct settings s;
  yyjson_doc *doc;
  struct diag d = {0};
  assert_int_equal(js_parse(STR("{\"stats_polling_rate\":\"soon\"}"), &doc, NULL), OK);
  assert_int_equal(settings_load(&s, doc, &d), ERR_INVALID);
  assert_non_null(strstr(d.message, "stats_polling_rate"));
}

static void test_timelength(void **state)
{
  (void)state;
  static const struct { const char *text; uint64_t ms; } rows[] = {
    {"5-sec", 5000}, {"10-min", 600000}, {"2-hr", 7200000}, {"1-day", 86400000}, {"1-wk", 604800000},
    {"sec", 0}, {"0-sec", 0}, {"-sec", 0}, {"1-year", 0}, {"99999999-wk", 0}, {"", 0},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++)
    assert_int_equal(timelength_ms(str_of(rows[i].text)), rows[i].ms);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(test_texts, setup, teardown),
    cmocka_unit_test_setup_teardown(test_used_once, setup, teardown),
    cmocka_unit_test_setup_teardown(test_settings, setup, teardown),
    cmocka_unit_test(test_bad_rate), cmocka_unit_test(test_timelength),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
