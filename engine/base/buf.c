/* base/buf.c: see buf.h. */
#include "base/buf.h"

#include "base/mem.h"

void buf_init(struct buf *b, size_t max) { *b = BUF_INIT(max); }

void buf_release(struct buf *b)
{
  mem_free(b->ptr);
  *b = BUF_INIT(b->max);
}

void buf_clear(struct buf *b)
{
  b->len = 0;
  b->err = OK;
  if (b->ptr)
    b->ptr[0] = 0;
}

Err buf_reserve(struct buf *b, size_t more)
{
  if (b->err)
    return b->err;
  if (more > b->max || b->len > b->max - more)
    return b->err = ERR_TOOBIG;
  size_t need = b->len + more + 1;
  if (need <= b->cap)
    return OK;
  size_t cap = b->cap ? b->cap : 64;
  while (cap < need)
    cap *= 2;
  char *p = mem_try_resize(b->ptr, cap);
  if (!p)
    return b->err = ERR_NOMEM;
  b->ptr = p;
  b->cap = cap;
  return OK;
}

void buf_add(struct buf *b, const void *ptr, size_t len)
{
  if (buf_reserve(b, len))
    return;
  if (len)
    memcpy(b->ptr + b->len, ptr, len);
  b->len += len;
  b->ptr[b->len] = 0;
}

void buf_add_str(struct buf *b, struct str s) { buf_add(b, s.ptr, s.len); }
void buf_add_text(struct buf *b, const char *text) { buf_add(b, text, strlen(text)); }
void buf_add_char(struct buf *b, char c) { buf_add(b, &c, 1); }

void buf_printf(struct buf *b, const char *fmt, ...)
{
  va_list args, again;
  va_start(args, fmt);
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, fmt, args);
  va_end(args);
  if (n >= 0 && buf_reserve(b, (size_t)n) == OK) {
    vsnprintf(b->ptr + b->len, (size_t)n + 1, fmt, again);
    b->len += (size_t)n;
  }
  va_end(again);
}

void buf_add_json(struct buf *b, struct str s)
{
  static const char *const short_form[32] = {['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r"};
  buf_add_char(b, '"');
  size_t from = 0;
  for (size_t i = 0; i < s.len; i++) {
    unsigned char c = (unsigned char)s.ptr[i];
    if (c >= 0x20 && c != '"' && c != '\\')
      continue;
    buf_add(b, s.ptr + from, i - from);
    from = i + 1;
    if (c >= 0x20)
      buf_printf(b, "\\%c", c);
    else if (short_form[c])
      buf_add_text(b, short_form[c]);
    else
      buf_printf(b, "\\u%04x", c);
  }
  if (s.len > from)
    buf_add(b, s.ptr + from, s.len - from);
  buf_add_char(b, '"');
}

void buf_consume(struct buf *b, size_t len)
{
  if (len >= b->len) {
    buf_clear(b);
    return;
  }
  memmove(b->ptr, b->ptr + len, b->len - len + 1);
  b->len -= len;
}

Err buf_err(const struct buf *b) { return b->err; }
struct str buf_str(const struct buf *b) { return (struct str){b->ptr ? b->ptr : "", b->len}; }

char *buf_take(struct buf *b)
{
  char *p = b->ptr ? b->ptr : mem_strdup("");
  *b = BUF_INIT(b->max);
  return p;
}
