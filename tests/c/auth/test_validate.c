/* validate.h: rules and their words (spec auth.md 1.8). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/validate.h"
#include "base/mem.h"

static Err password_default(struct str text, struct diag *reterr) { return validate_password(text, 1, reterr); }
static Err password_eight(struct str text, struct diag *reterr) { return validate_password(text, 8, reterr); }

static void rules(void **state)
{
  (void)state;
  CLEANUP(mem_free_at) char *x = mem_new(10002);
  memset(x, 'x', 10001);
#define LONG(n) (x + 10001 - (n))
  const struct { const char *name; Err (*rule)(struct str, struct diag *); struct str in; const char *message, *trace; } rows[] = {
      {"plain", validate_username, STR("ann.b_c-d@e9"), NULL, NULL},
      {"empty", validate_username, STR(""), "Failed to validate username", "Input too short. Must be at least 1 characters."},
      {"longest", validate_username, str_of(LONG(100)), NULL, NULL},
      {"too long", validate_username, str_of(LONG(101)), "Failed to validate username", "Input too long. Must be at most 100 characters."},
      {"space", validate_username, STR("a b"), "Failed to validate username",
       "Invalid characters in input\nOnly alphanumeric characters, underscores, hyphens, dots, and @ are allowed"},
      {"letters of others", validate_username, STR("añ"), "Failed to validate username",
       "Invalid characters in input\nOnly alphanumeric characters, underscores, hyphens, dots, and @ are allowed"},
      {"zero byte", validate_username, STR("a\0b"), "Failed to validate username", "Control character at index 1."},
      {"password", password_default, STR("pässword ~"), NULL, NULL},
      {"empty password", password_default, STR(""), "Failed to validate password", "Input too short. Must be at least 1 characters."},
      {"short password", password_eight, STR("1234567"), "Failed to validate password", "Input too short. Must be at least 8 characters."},
      {"long password", password_default, str_of(LONG(1001)), "Failed to validate password", "Input too long. Must be at most 1000 characters."},
      {"newline", password_default, STR("é\n"), "Failed to validate password", "Control character at index 1."},
      {"C1 control", password_default, STR("a\xc2\x85"), "Failed to validate password", "Control character at index 1."},
      {"no-break space is no control", password_default, STR("a\xc2\xa0"), NULL, NULL},
      {"empty key name", validate_api_key_name, STR(""), NULL, NULL},
      {"key name", validate_api_key_name, str_of(LONG(201)), "Failed to validate api key name", "Input too long. Must be at most 200 characters."},
      {"variable", validate_variable_name, STR("_A1"), NULL, NULL},
      {"variable with digit first", validate_variable_name, STR("1A"), "Failed to validate variable name",
       "Invalid characters in input\nOnly alphanumeric characters and underscores are allowed"},
      {"variable with dash", validate_variable_name, STR("A-B"), "Failed to validate variable name",
       "Invalid characters in input\nOnly alphanumeric characters and underscores are allowed"},
      {"empty value", validate_variable_value, STR(""), NULL, NULL},
      {"value with tab", validate_variable_value, STR("a\tb"), "Failed to validate variable value", "Control character at index 1."},
      {"long value", validate_variable_value, str_of(LONG(10001)), "Failed to validate variable value",
       "Input too long. Must be at most 10000 characters."},
      {"tag", validate_tag_name, STR("prod / eu"), NULL, NULL},
      {"empty tag", validate_tag_name, STR(""), "Failed to validate tag name", "Input too short. Must be at least 1 characters."},
      {"tag like an id", validate_tag_name, STR("0123456789abcdefABCDEF00"), "Tag name cannot be ObjectId", ""},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct diag d = {0};
    Err err = rows[i].rule(rows[i].in, &d);
    if (err != (rows[i].message ? ERR_INVALID : OK))
      fail_msg("%s: %s", rows[i].name, err_name(err));
    if (rows[i].message && (strcmp(d.message, rows[i].message) != 0 || strcmp(d.trace, rows[i].trace) != 0))
      fail_msg("%s: %s / %s", rows[i].name, d.message, d.trace);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(rules)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
