/* agent/ring.h: the last bytes of an endless stream, found by their position in it.
 *
 * Memory   grows with the stream up to RING_MAX; then the oldest bytes go. Thread: one at a time.
 */
#ifndef AGENT_RING_H
#define AGENT_RING_H

#include "base/str.h"

enum { RING_MAX = 1 << 20 };   /* bytes of history of a terminal (spec agent.md 16) */

struct ring {
  char *ptr;
  size_t cap;     /* a power of two; smaller than RING_MAX: nothing was overwritten yet */
  uint64_t end;   /* bytes ever added */
};

void ring_add(struct ring *r, struct str bytes);
uint64_t ring_start(const struct ring *r);                   /* position of the oldest byte kept */
/* What stands at `pos` in one piece, not necessarily all; empty at the end. `pos` must be within [start, end]. */
struct str ring_at(const struct ring *r, uint64_t pos);
void ring_release(struct ring *r);

#endif
