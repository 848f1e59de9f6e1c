/* base/str.c: see str.h. */
#include "base/str.h"

#include <strings.h>

#include "base/mem.h"

struct str str_of(const char *text) { return (struct str){text, text ? strlen(text) : 0}; }
struct str str_make(const char *ptr, size_t len) { return (struct str){ptr, len}; }
char *str_dup(struct str s) { return mem_strndup(s.ptr, s.len); }

bool str_eq(struct str a, struct str b) { return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0); }
bool str_eqc(struct str a, const char *b) { return str_eq(a, str_of(b)); }

bool str_eq_nocase(struct str a, struct str b)
{
  return a.len == b.len && (a.len == 0 || strncasecmp(a.ptr, b.ptr, a.len) == 0);
}

int str_cmp(struct str a, struct str b)
{
  size_t n = a.len < b.len ? a.len : b.len;
  int c = n ? memcmp(a.ptr, b.ptr, n) : 0;
  return c ? c : (a.len > b.len) - (a.len < b.len);
}

bool str_starts(struct str s, struct str prefix)
{
  return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

bool str_ends(struct str s, struct str suffix)
{
  return s.len >= suffix.len && (suffix.len == 0 || memcmp(s.ptr + s.len - suffix.len, suffix.ptr, suffix.len) == 0);
}

bool str_contains_nocase(struct str s, struct str needle)
{
  if (needle.len == 0)
    return true;
  for (size_t i = 0; i + needle.len <= s.len; i++)
    if (strncasecmp(s.ptr + i, needle.ptr, needle.len) == 0)
      return true;
  return false;
}

ptrdiff_t str_find(struct str s, char c)
{
  const char *at = s.len ? memchr(s.ptr, c, s.len) : NULL;
  return at ? at - s.ptr : -1;
}

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

struct str str_trim(struct str s)
{
  while (s.len && is_space(s.ptr[0])) {
    s.ptr++;
    s.len--;
  }
  while (s.len && is_space(s.ptr[s.len - 1]))
    s.len--;
  return s;
}

struct str str_sub(struct str s, size_t from, size_t len)
{
  if (from > s.len)
    from = s.len;
  if (len > s.len - from)
    len = s.len - from;
  return (struct str){s.ptr ? s.ptr + from : NULL, len};
}

struct str str_cut(struct str s, size_t max)
{
  if (s.len <= max)
    return s;
  while (max > 0 && ((unsigned char)s.ptr[max] & 0xC0) == 0x80)
    max--;
  return str_sub(s, 0, max);
}

bool str_split(struct str *rest, char sep, struct str *ret_part)
{
  if (!rest->ptr)
    return false;
  ptrdiff_t at = str_find(*rest, sep);
  if (at < 0) {
    *ret_part = *rest;
    *rest = STR_NONE;
  } else {
    *ret_part = str_sub(*rest, 0, (size_t)at);
    *rest = str_sub(*rest, (size_t)at + 1, rest->len);
  }
  return true;
}

bool str_to_u64(struct str s, uint64_t *ret)
{
  uint64_t v = 0;
  if (!s.ptr || s.len == 0)
    return false;
  for (size_t i = 0; i < s.len; i++) {
    if (s.ptr[i] < '0' || s.ptr[i] > '9')
      return false;
    if (__builtin_mul_overflow(v, 10u, &v) || __builtin_add_overflow(v, (uint64_t)(s.ptr[i] - '0'), &v))
      return false;
  }
  *ret = v;
  return true;
}

bool str_to_i64(struct str s, int64_t *ret)
{
  bool negative = s.len && s.ptr[0] == '-';
  uint64_t v;
  if (!str_to_u64(negative ? str_sub(s, 1, s.len) : s, &v))
    return false;
  if (v > (uint64_t)INT64_MAX + (negative ? 1u : 0u))
    return false;
  *ret = negative ? (int64_t)(0 - v) : (int64_t)v;
  return true;
}

/* Length of the well-formed sequence at `p` (RFC 3629), 0 when it is not one. */
static size_t utf8_len(const unsigned char *p, size_t left)
{
  if (p[0] < 0x80)
    return 1;
  size_t n = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
  if (p[0] < 0xC2 || p[0] > 0xF4 || n > left)
    return 0;
  for (size_t i = 1; i < n; i++)
    if ((p[i] & 0xC0) != 0x80)
      return 0;
  if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) || (p[0] == 0xF0 && p[1] < 0x90) ||
      (p[0] == 0xF4 && p[1] > 0x8F))
    return 0;
  return n;
}

bool str_is_utf8(struct str s)
{
  const unsigned char *p = (const unsigned char *)s.ptr;
  for (size_t i = 0; i < s.len;) {
    size_t n = utf8_len(p + i, s.len - i);
    if (n == 0)
      return false;
    i += n;
  }
  return true;
}

bool str_eq_secret(struct str a, struct str b)
{
  unsigned diff = a.len != b.len;
  for (size_t i = 0; i < b.len; i++)
    diff |= (unsigned char)b.ptr[i] ^ (unsigned char)(i < a.len ? a.ptr[i] : 0);
  return diff == 0;
}
