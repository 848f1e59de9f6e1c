/* Any sequence of allocations, growths and releases keeps every byte, and leaves an empty heap. */
#include <stdint.h>
#include <stdlib.h>

#include "script/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* REST: what a block keeps because it is too little for a block of its own; the last one may pass the limit by it. */
enum { SLOTS = 64, LIMIT = 1 << 20, REST = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static struct heap *heap;
  struct { uint8_t *ptr; size_t size; uint8_t fill; } slot[SLOTS] = {0};
  if (!heap)
    heap = heap_new(LIMIT);
  heap_reset(heap);
  for (size_t i = 0; i + 3 <= size; i += 3) {
    size_t at = data[i] % SLOTS;
    /* Three scales: single objects, buffers, and more than there is. */
    size_t want = (size_t)data[i + 1] << (data[i + 2] % 3 * 5);
    for (size_t k = 0; k < slot[at].size; k += 1 + slot[at].size / 64)
      if (slot[at].ptr[k] != slot[at].fill)
        abort();
    uint8_t *p = heap_alloc(heap, slot[at].ptr, slot[at].size, want);
    if (want && !p)
      continue;
    if ((uintptr_t)p % 16)
      abort();
    slot[at].ptr = p;
    slot[at].size = want;
    slot[at].fill = (uint8_t)i;
    if (want)
      memset(p, slot[at].fill, want);
  }
  for (size_t at = 0; at < SLOTS; at++)
    heap_alloc(heap, slot[at].ptr, slot[at].size, 0);
  if (heap_used(heap) || heap_peak(heap) > LIMIT + REST)
    abort();
  return 0;
}
