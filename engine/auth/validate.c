/* auth/validate.c: see validate.h. */
#include "auth/validate.h"

#include "base/id.h"

struct rule {
  const char *what;           /* "username" */
  size_t min, max;
  const char *also;           /* allowed besides letters and digits; NULL: anything */
  bool no_leading_digit;
  const char *allowed_words;
};

static bool is_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

static bool characters_ok(const struct rule *rule, struct str text)
{
  if (!rule->also)
    return true;
  if (rule->no_leading_digit && text.len && text.ptr[0] >= '0' && text.ptr[0] <= '9')
    return false;
  for (size_t i = 0; i < text.len; i++)
    if (!is_alnum(text.ptr[i]) && (!text.ptr[i] || !strchr(rule->also, text.ptr[i])))
      return false;
  return true;
}

/* The place, in characters, of the first control character (U+0000-1F, U+007F-9F), or -1. */
static ptrdiff_t find_control(struct str text)
{
  ptrdiff_t at = 0;
  for (size_t i = 0; i < text.len; i++) {
    unsigned char c = (unsigned char)text.ptr[i];
    bool c1 = c == 0xC2 && i + 1 < text.len && (unsigned char)text.ptr[i + 1] < 0xA0;
    if (c < 0x20 || c == 0x7F || c1)
      return at;
    at += (c & 0xC0) != 0x80;
  }
  return -1;
}

static Err apply(const struct rule *rule, struct str text, struct diag *reterr)
{
  ptrdiff_t control = find_control(text);
  if (text.len >= rule->min && text.len <= rule->max && control < 0 && characters_ok(rule, text))
    return OK;
  diag_set(reterr, ERR_INVALID, "Failed to validate %s", rule->what);
  if (text.len < rule->min)
    diag_cause(reterr, "Input too short. Must be at least %zu characters.", rule->min);
  else if (text.len > rule->max)
    diag_cause(reterr, "Input too long. Must be at most %zu characters.", rule->max);
  else if (control >= 0)
    diag_cause(reterr, "Control character at index %td.", control);
  else {
    diag_cause(reterr, "Invalid characters in input");
    diag_cause(reterr, "%s", rule->allowed_words);
  }
  return ERR_INVALID;
}

Err validate_username(struct str text, struct diag *reterr)
{
  static const struct rule rule = {
      .what = "username", .min = 1, .max = 100, .also = "._@-",
      .allowed_words = "Only alphanumeric characters, underscores, hyphens, dots, and @ are allowed"};
  return apply(&rule, text, reterr);
}

Err validate_password(struct str text, size_t min_length, struct diag *reterr)
{
  struct rule rule = {.what = "password", .min = min_length, .max = 1000};
  return apply(&rule, text, reterr);
}

Err validate_api_key_name(struct str text, struct diag *reterr)
{
  static const struct rule rule = {.what = "api key name", .max = 200};
  return apply(&rule, text, reterr);
}

Err validate_variable_name(struct str text, struct diag *reterr)
{
  static const struct rule rule = {.what = "variable name", .min = 1, .max = 500, .also = "_", .no_leading_digit = true,
                                   .allowed_words = "Only alphanumeric characters and underscores are allowed"};
  return apply(&rule, text, reterr);
}

Err validate_variable_value(struct str text, struct diag *reterr)
{
  static const struct rule rule = {.what = "variable value", .max = 10000};
  return apply(&rule, text, reterr);
}

Err validate_tag_name(struct str text, struct diag *reterr)
{
  static const struct rule rule = {.what = "tag name", .min = 1, .max = 500};
  if (id_is_object(text))
    return diag_set(reterr, ERR_INVALID, "Tag name cannot be ObjectId");
  return apply(&rule, text, reterr);
}
