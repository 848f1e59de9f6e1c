/* conf/toml_internal.h: the cursor shared by the halves of the TOML reader. */
#ifndef CONF_TOML_INTERNAL_H
#define CONF_TOML_INTERNAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "conf/toml.h"

struct toml_node;
struct toml {
  const char *start, *at, *end;
  yyjson_mut_doc *doc;
  struct diag *reterr;
  struct arena arena;       /* nodes */
  struct map nodes;         /* address of the parent node and key -> struct toml_node */
  struct buf text;          /* the string being read */
  unsigned depth;
};

/* Every reader returns OK, or an error that is already in words; the cursor then stands at the mistake. */
Err toml_fail(const struct toml *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* A single-line or multi-line string at its opening quote, into t->text. toml_string_key refuses the multi-line forms. */
NODISCARD Err toml_string(struct toml *t);
NODISCARD Err toml_string_key(struct toml *t);
/* A number, a boolean, a date or a time. */
NODISCARD Err toml_scalar(struct toml *t, yyjson_mut_val **ret);

static inline bool toml_peek(const struct toml *t, const char *what, size_t len)
{
  return (size_t)(t->end - t->at) >= len && memcmp(t->at, what, len) == 0;
}

static inline char toml_char(const struct toml *t) { return t->at < t->end ? *t->at : 0; }

static inline bool toml_is_bare(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

#endif
