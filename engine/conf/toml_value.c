/* conf/toml_value.c: the values of TOML that hold no other value: strings, numbers, booleans, dates. */
#include "conf/toml_internal.h"

#include <math.h>

/* ---- strings ---- */

static bool is_control(char c) { return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7F; }

static void add_utf8(struct buf *out, uint32_t cp)
{
  if (cp < 0x80) {
    buf_add_char(out, (char)cp);
  } else if (cp < 0x800) {
    buf_add_char(out, (char)(0xC0 | cp >> 6));
    buf_add_char(out, (char)(0x80 | (cp & 0x3F)));
  } else if (cp < 0x10000) {
    buf_add_char(out, (char)(0xE0 | cp >> 12));
    buf_add_char(out, (char)(0x80 | (cp >> 6 & 0x3F)));
    buf_add_char(out, (char)(0x80 | (cp & 0x3F)));
  } else {
    buf_add_char(out, (char)(0xF0 | cp >> 18));
    buf_add_char(out, (char)(0x80 | (cp >> 12 & 0x3F)));
    buf_add_char(out, (char)(0x80 | (cp >> 6 & 0x3F)));
    buf_add_char(out, (char)(0x80 | (cp & 0x3F)));
  }
}

static int hex_digit(char c)
{
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static Err add_codepoint(struct toml *t, unsigned digits)
{
  uint32_t cp = 0;
  for (unsigned i = 0; i < digits; i++) {
    int d = hex_digit(toml_char(t));
    if (d < 0)
      return toml_fail(t, "this escape wants %u hex digits", digits);
    cp = cp << 4 | (uint32_t)d;
    t->at++;
  }
  if (cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF))
    return toml_fail(t, "not a Unicode character");
  add_utf8(&t->text, cp);
  return OK;
}

/* One escape; the cursor stands behind its backslash. */
static Err escape(struct toml *t)
{
  static const char from[] = "btnfre\"\\", to[] = "\b\t\n\f\r\x1b\"\\";
  char c = toml_char(t);
  const char *known = c ? strchr(from, c) : NULL;
  if (known) {
    buf_add_char(&t->text, to[known - from]);
    t->at++;
    return OK;
  }
  if (c != 'x' && c != 'u' && c != 'U')
    return toml_fail(t, "unknown escape in a string (a backslash is written \\\\)");
  t->at++;
  return add_codepoint(t, c == 'x' ? 2 : c == 'u' ? 4 : 8);
}

/* A backslash at the end of a line swallows all white space up to the next text. */
static bool swallow_line_end(struct toml *t)
{
  const char *p = t->at;
  while (p < t->end && (*p == ' ' || *p == '\t'))
    p++;
  if (!(p < t->end && (*p == '\n' || (*p == '\r' && p + 1 < t->end && p[1] == '\n'))))
    return false;
  while (p < t->end && (*p == ' ' || *p == '\t' || *p == '\n' || (*p == '\r' && p + 1 < t->end && p[1] == '\n')))
    p++;
  t->at = p;
  return true;
}

static Err single_line(struct toml *t, char quote)
{
  for (t->at++;; ) {
    if (t->at >= t->end || *t->at == '\n' || *t->at == '\r')
      return toml_fail(t, "this string has no closing %c on its line", quote);
    char c = *t->at;
    if (is_control(c))
      return toml_fail(t, "a control character must be written as an escape");
    t->at++;
    if (c == quote)
      return OK;
    if (c == '\\' && quote == '"') {
      Err err = escape(t);
      if (err)
        return err;
    } else {
      buf_add_char(&t->text, c);
    }
  }
}

/* The end of a multi-line string: up to two quotes may stand before the closing three. */
static bool closes(struct toml *t, char quote)
{
  size_t n = 0;
  while (n < 5 && t->at + n < t->end && t->at[n] == quote)
    n++;
  if (n < 3)
    return false;
  for (size_t i = 3; i < n; i++)
    buf_add_char(&t->text, quote);
  t->at += n;
  return true;
}

static Err multi_line(struct toml *t, char quote)
{
  t->at += 3;
  if (toml_peek(t, "\r\n", 2))
    t->at += 2;
  else if (toml_char(t) == '\n')
    t->at++;
  while (t->at < t->end) {
    char c = *t->at;
    if (c == quote && closes(t, quote))
      return OK;
    if (toml_peek(t, "\r\n", 2)) {
      t->at++;
      continue;
    }
    if (is_control(c) && c != '\n')
      return toml_fail(t, "a control character must be written as an escape");
    t->at++;
    if (c != '\\' || quote == '\'') {
      buf_add_char(&t->text, c);
    } else if (!swallow_line_end(t)) {
      Err err = escape(t);
      if (err)
        return err;
    }
  }
  return toml_fail(t, "this string has no closing %c%c%c", quote, quote, quote);
}

static Err checked(struct toml *t, Err err)
{
  if (!err && buf_err(&t->text))
    return diag_set(t->reterr, buf_err(&t->text), "%s", err_words(buf_err(&t->text)));
  return err;
}

Err toml_string(struct toml *t)
{
  char quote = *t->at;
  buf_clear(&t->text);
  bool multi = toml_peek(t, quote == '"' ? "\"\"\"" : "'''", 3);
  return checked(t, multi ? multi_line(t, quote) : single_line(t, quote));
}

Err toml_string_key(struct toml *t)
{
  buf_clear(&t->text);
  return checked(t, single_line(t, *t->at));
}

/* ---- dates and times ---- */

static bool digits(const char **p, const char *end, int count, int *ret)
{
  int value = 0;
  for (int i = 0; i < count; i++, (*p)++) {
    if (*p >= end || **p < '0' || **p > '9')
      return false;
    value = value * 10 + (**p - '0');
  }
  *ret = value;
  return true;
}

static bool literal(const char **p, const char *end, char c)
{
  if (*p >= end || **p != c)
    return false;
  (*p)++;
  return true;
}

static bool date(const char **p, const char *end)
{
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int y, m, d;
  if (!digits(p, end, 4, &y) || !literal(p, end, '-') || !digits(p, end, 2, &m) || !literal(p, end, '-') ||
      !digits(p, end, 2, &d) || m < 1 || m > 12)
    return false;
  bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
  return d >= 1 && d <= days[m - 1] + (m == 2 && leap);
}

static bool clock_time(const char **p, const char *end)
{
  int h, m, s = 0, fraction;
  if (!digits(p, end, 2, &h) || !literal(p, end, ':') || !digits(p, end, 2, &m) || h > 23 || m > 59)
    return false;
  if (!literal(p, end, ':'))
    return true;
  if (!digits(p, end, 2, &s) || s > 60)
    return false;
  if (!literal(p, end, '.'))
    return true;
  if (!digits(p, end, 1, &fraction))
    return false;
  while (*p < end && **p >= '0' && **p <= '9')
    (*p)++;
  return true;
}

static bool offset(const char **p, const char *end)
{
  int h, m;
  if (*p < end && (**p == 'Z' || **p == 'z')) {
    (*p)++;
    return true;
  }
  if (*p >= end || (**p != '+' && **p != '-'))
    return true;
  (*p)++;
  return digits(p, end, 2, &h) && literal(p, end, ':') && digits(p, end, 2, &m) && h <= 23 && m <= 59;
}

/* The text up to `end`, which has the look of a date or a time; the cursor moves behind it. */
static Err date_time(struct toml *t, yyjson_mut_val **ret)
{
  const char *p = t->at;
  bool good;
  if (t->end - t->at > 2 && t->at[2] == ':') {
    good = clock_time(&p, t->end);
  } else {
    good = date(&p, t->end);
    bool has_time = p < t->end && (*p == 'T' || *p == 't' || (*p == ' ' && p + 1 < t->end && p[1] >= '0' && p[1] <= '9'));
    if (good && has_time) {
      p++;
      good = clock_time(&p, t->end) && offset(&p, t->end);
    }
  }
  if (!good || (p < t->end && (toml_is_bare(*p) || *p == ':' || *p == '.')))
    return toml_fail(t, "not a date or time (2026-01-31T12:30:00Z)");
  *ret = yyjson_mut_strncpy(t->doc, t->at, (size_t)(p - t->at));
  t->at = p;
  return OK;
}

/* ---- numbers ---- */

/* Copies the digits of `in` without the underscores that stand between two of them; false when one stands elsewhere. */
static bool plain_digits(struct str in, const char *alphabet, struct buf *out)
{
  bool after_digit = false;
  for (size_t i = 0; i < in.len; i++) {
    char c = in.ptr[i];
    bool is_digit = c && strchr(alphabet, c);
    if (is_digit) {
      buf_add_char(out, c);
    } else if (c != '_' || !after_digit || i + 1 >= in.len) {
      return false;
    }
    after_digit = is_digit;
  }
  return in.len > 0 && after_digit;
}

static Err radix_number(struct toml *t, struct str word, unsigned radix, yyjson_mut_val **ret)
{
  const char *alphabet = radix == 16 ? "0123456789abcdefABCDEF" : radix == 8 ? "01234567" : "01";
  buf_clear(&t->text);
  if (!plain_digits(str_sub(word, 2, word.len), alphabet, &t->text) || buf_err(&t->text))
    return toml_fail(t, "not a number");
  uint64_t value = 0;
  for (size_t i = 0; i < t->text.len; i++) {
    if (value > (uint64_t)INT64_MAX / radix)
      return toml_fail(t, "this number does not fit into 64 bits");
    value = value * radix + (uint64_t)hex_digit(t->text.ptr[i]);
  }
  if (value > INT64_MAX)
    return toml_fail(t, "this number does not fit into 64 bits");
  *ret = yyjson_mut_sint(t->doc, (int64_t)value);
  return OK;
}

/* Splits [+-]int[.frac][e[+-]exp]; every part is checked and copied without underscores into t->text. */
static bool decimal(struct toml *t, struct str word, bool *ret_float)
{
  static const char ten[] = "0123456789";
  struct buf *out = &t->text;
  buf_clear(out);
  if (word.len && (word.ptr[0] == '+' || word.ptr[0] == '-')) {
    if (word.ptr[0] == '-')
      buf_add_char(out, '-');
    word = str_sub(word, 1, word.len);
  }
  size_t dot = word.len, exp = word.len;
  for (size_t i = word.len; i-- > 0;) {
    if (word.ptr[i] == '.')
      dot = i;
    else if (word.ptr[i] == 'e' || word.ptr[i] == 'E')
      exp = i;
  }
  if (dot < word.len && dot > exp)
    return false;
  size_t whole = dot < exp ? dot : exp;
  if (!plain_digits(str_sub(word, 0, whole), ten, out) || (whole > 1 && word.ptr[0] == '0'))
    return false;
  *ret_float = dot < word.len || exp < word.len;
  if (dot < word.len) {
    buf_add_char(out, '.');
    if (!plain_digits(str_sub(word, dot + 1, exp - dot - 1), ten, out))
      return false;
  }
  if (exp < word.len) {
    struct str rest = str_sub(word, exp + 1, word.len);
    buf_add_char(out, 'e');
    if (rest.len && (rest.ptr[0] == '+' || rest.ptr[0] == '-')) {
      buf_add_char(out, rest.ptr[0]);
      rest = str_sub(rest, 1, rest.len);
    }
    if (!plain_digits(rest, ten, out))
      return false;
  }
  return buf_err(out) == OK;
}

static Err number(struct toml *t, struct str word, yyjson_mut_val **ret)
{
  if (word.len > 2 && word.ptr[0] == '0' && (word.ptr[1] == 'x' || word.ptr[1] == 'o' || word.ptr[1] == 'b'))
    return radix_number(t, word, word.ptr[1] == 'x' ? 16 : word.ptr[1] == 'o' ? 8 : 2, ret);
  bool is_float = false;
  if (!decimal(t, word, &is_float))
    return toml_fail(t, "not a value (text stands in quotes)");
  if (!is_float) {
    int64_t value;
    if (!str_to_i64(buf_str(&t->text), &value))
      return toml_fail(t, "this number does not fit into 64 bits");
    *ret = yyjson_mut_sint(t->doc, value);
    return OK;
  }
  double value = strtod(t->text.ptr, NULL);
  if (!isfinite(value))
    return toml_fail(t, "this number is too large");
  *ret = yyjson_mut_real(t->doc, value);
  return OK;
}

Err toml_scalar(struct toml *t, yyjson_mut_val **ret)
{
  const char *p = t->at;
  while (p < t->end && (toml_is_bare(*p) || *p == '+' || *p == '.'))
    p++;
  struct str word = str_make(t->at, (size_t)(p - t->at));
  size_t leading = 0;
  while (leading < word.len && word.ptr[leading] >= '0' && word.ptr[leading] <= '9')
    leading++;
  if ((leading == 4 && word.len > 4 && word.ptr[4] == '-') || (leading == 2 && word.len == 2 && p < t->end && *p == ':'))
    return date_time(t, ret);
  if (str_eqc(word, "true") || str_eqc(word, "false")) {
    *ret = yyjson_mut_bool(t->doc, word.ptr[0] == 't');
  } else {
    struct str name = word.len && (word.ptr[0] == '+' || word.ptr[0] == '-') ? str_sub(word, 1, word.len) : word;
    if (str_eqc(name, "inf") || str_eqc(name, "nan"))
      return toml_fail(t, "inf and nan are not supported");
    Err err = number(t, word, ret);
    if (err)
      return err;
  }
  t->at = p;
  return OK;
}
