/* base/buf.h: a growing byte buffer that is born with its maximum.
 *
 * An append that would pass the maximum (or finds no memory) fails and marks the buffer; later appends do nothing,
 * so a chain of appends is checked once, at its end, with buf_err().
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>

#include "base/err.h"
#include "base/str.h"

struct buf {
  char *ptr;    /* zero-terminated once anything was appended */
  size_t len;
  size_t cap;
  size_t max;
  Err err;
};

#define BUF_INIT(maximum) ((struct buf){.max = (maximum)})

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b);                 /* frees and zeroes; keeps max */
void buf_clear(struct buf *b);                   /* empties, keeps the memory and max, forgets the error */
Err buf_reserve(struct buf *b, size_t more);     /* room for `more` bytes and a zero at ptr + len */
void buf_add(struct buf *b, const void *ptr, size_t len);
void buf_add_str(struct buf *b, struct str s);
void buf_add_text(struct buf *b, const char *text);
void buf_add_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The text as a JSON string, with quotes and escapes (RFC 8259). */
void buf_add_json(struct buf *b, struct str s);
/* Drops `len` bytes from the front. */
void buf_consume(struct buf *b, size_t len);
Err buf_err(const struct buf *b);                /* OK · ERR_TOOBIG · ERR_NOMEM */
struct str buf_str(const struct buf *b);
/* The memory, zero-terminated ("" when empty), now the caller's (mem_free). The buffer is empty afterwards. */
char *buf_take(struct buf *b) NODISCARD;

#endif
