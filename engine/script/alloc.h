/* script/alloc.h: the memory of one script: a reserved piece of address space of its own, dropped whole.
 *
 * Nothing outside points into it and it points at nothing outside, so a script may be left at any instruction, even
 * inside this allocator: dropping the mapping is its whole clean-up. Pages are committed as they are needed.
 *
 * The inside is a two-level segregated fit (constant time, neighbours merge) behind short lists of small blocks:
 *
 *   | struct heap | block | block | free block | block | … top | committed, untouched … | reserved, no access … | end
 *   block = one word of size and flags, then the payload; a free block also has its list links and, in its last word,
 *   its size again, so that the block after it can find its start.
 *
 * Thread   one at a time (the worker that runs the script, or the loop thread once nobody does).
 */
#ifndef SCRIPT_ALLOC_H
#define SCRIPT_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct heap;

enum { HEAP_LIMIT_MAX = 1 << 30 };
/* Room for `limit` bytes of live blocks. NULL: no address space, or more than HEAP_LIMIT_MAX. Thread: any. */
struct heap *heap_new(size_t limit) NODISCARD;
void heap_free(struct heap *heap);           /* NULL is fine */
/* Empties it for the next script; returns all but the first pages to the system. The limit is its capacity again. */
void heap_reset(struct heap *heap);
void heap_set_limit(struct heap *heap, size_t limit);   /* not beyond the capacity */
size_t heap_capacity(const struct heap *heap);   /* what heap_new was given */

size_t heap_used(const struct heap *heap);   /* live bytes, with headers */
size_t heap_peak(const struct heap *heap);
bool heap_was_full(const struct heap *heap); /* the limit refused an allocation at least once */

/* A lua_Alloc; `data` is the heap. */
void *heap_alloc(void *data, void *ptr, size_t old_size, size_t size);

#endif
