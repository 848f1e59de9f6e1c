/* base/arena.h: memory of one request, task or frame: allocate freely, drop it all at once.
 * Thread: one at a time. Sizes are ours or already bounded: allocation aborts when there is no memory. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

struct arena_block;
struct arena {
  struct arena_block *block;   /* newest first */
};

void arena_release(struct arena *a);
void *arena_new(struct arena *a, size_t size) NODISCARD;           /* zeroed, aligned for any type */
char *arena_dup(struct arena *a, struct str s) NODISCARD;          /* zero-terminated */
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3) NODISCARD;

#endif
