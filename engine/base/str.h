/* base/str.h: borrowed text views. A `struct str` owns nothing and need not end in a zero byte. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct str {
  const char *ptr;
  size_t len;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_NONE ((struct str){0})
/* For printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""

struct str str_of(const char *text);              /* NULL gives an empty view */
struct str str_make(const char *ptr, size_t len);
char *str_dup(struct str s) NODISCARD;            /* zero-terminated copy, free with mem_free */
bool str_eq(struct str a, struct str b);
bool str_eqc(struct str a, const char *b);
bool str_eq_nocase(struct str a, struct str b);   /* ASCII */
int str_cmp(struct str a, struct str b);          /* by bytes */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_contains_nocase(struct str s, struct str needle);   /* ASCII case folding; an empty needle is contained */
ptrdiff_t str_find(struct str s, char c);                    /* index or -1 */
struct str str_trim(struct str s);                           /* ASCII white space, both ends */
struct str str_sub(struct str s, size_t from, size_t len);   /* clamped */
struct str str_cut(struct str s, size_t max);                /* at most `max` bytes of its front, no character in two */
/* Cuts the part before `sep` off the front of *rest; false when nothing is left. "a,,b" gives "a", "", "b". */
bool str_split(struct str *rest, char sep, struct str *ret_part);
/* Decimal, whole text, in range: false otherwise, *ret untouched. */
bool str_to_i64(struct str s, int64_t *ret);
bool str_to_u64(struct str s, uint64_t *ret);
bool str_is_utf8(struct str s);
/* Equal length and bytes, in time that depends on the length of `b` alone: for credentials. */
bool str_eq_secret(struct str a, struct str b);

#endif
