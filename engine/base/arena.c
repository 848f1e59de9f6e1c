/* base/arena.c: see arena.h. Blocks double up to 64 KiB; a larger allocation gets a block of its own size. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>

#include "base/mem.h"

struct arena_block {
  struct arena_block *next;
  size_t used, size;
  alignas(max_align_t) char bytes[];
};

enum { ARENA_BLOCK_MIN = 1024, ARENA_BLOCK_MAX = 64 * 1024 };

void arena_release(struct arena *a)
{
  for (struct arena_block *b = a->block, *next; b; b = next) {
    next = b->next;
    mem_free(b);
  }
  a->block = NULL;
}

void *arena_new(struct arena *a, size_t size)
{
  size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
  struct arena_block *b = a->block;
  if (!b || b->size - b->used < size) {
    size_t want = b ? b->size * 2 : ARENA_BLOCK_MIN;
    if (want > ARENA_BLOCK_MAX)
      want = ARENA_BLOCK_MAX;
    if (want < size)
      want = size;
    struct arena_block *fresh = mem_new(sizeof *fresh + want);
    fresh->size = want;
    fresh->next = b;
    a->block = b = fresh;
  }
  void *p = b->bytes + b->used;
  b->used += size;
  return p;
}

char *arena_dup(struct arena *a, struct str s)
{
  char *copy = arena_new(a, s.len + 1);
  if (s.len)
    memcpy(copy, s.ptr, s.len);
  return copy;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
  va_list args, again;
  va_start(args, fmt);
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, fmt, args);
  va_end(args);
  char *text = arena_new(a, n < 0 ? 1 : (size_t)n + 1);
  if (n > 0)
    vsnprintf(text, (size_t)n + 1, fmt, again);
  va_end(again);
  return text;
}
