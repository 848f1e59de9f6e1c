/* agent/ring.c: see ring.h. */
#include "agent/ring.h"

#include <string.h>

#include "base/mem.h"

enum { RING_FIRST = 4096 };

/* Until it has its full size nothing wraps, so growing moves nothing. */
static void grow(struct ring *r, uint64_t end)
{
  size_t cap = r->cap ? r->cap : RING_FIRST;
  while (cap < end && cap < RING_MAX)
    cap *= 2;
  if (cap > r->cap) {
    r->ptr = mem_resize(r->ptr, cap);
    r->cap = cap;
  }
}

void ring_add(struct ring *r, struct str bytes)
{
  if (!bytes.len)
    return;
  grow(r, r->end + bytes.len);
  while (bytes.len) {
    size_t at = (size_t)(r->end & (r->cap - 1)), n = r->cap - at;
    n = bytes.len < n ? bytes.len : n;
    memcpy(r->ptr + at, bytes.ptr, n);
    r->end += n;
    bytes = str_sub(bytes, n, bytes.len);
  }
}

uint64_t ring_start(const struct ring *r) { return r->end > r->cap ? r->end - r->cap : 0; }

struct str ring_at(const struct ring *r, uint64_t pos)
{
  size_t left = (size_t)(r->end - pos);
  if (!left)
    return STR_NONE;
  size_t at = (size_t)(pos & (r->cap - 1)), n = r->cap - at;
  return str_make(r->ptr + at, left < n ? left : n);
}

void ring_release(struct ring *r)
{
  mem_free(r->ptr);
  *r = (struct ring){0};
}
