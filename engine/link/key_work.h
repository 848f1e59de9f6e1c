/* link/key_work.h: the engine's key changes hands in two steps, so that nobody is locked out (spec agent.md 3.7).
 *
 *   draft   a new key is made and written as `<path>.next.key`: from here on it cannot be lost
 *           … the owner tells the agents, then hub_set_key() …
 *   adopt   it is written to `path` (and `.pub`), the draft is removed
 *
 * Thread   loop thread; making and writing happen on libuv's worker threads.
 */
#ifndef LINK_KEY_WORK_H
#define LINK_KEY_WORK_H

#include "link/keys.h"
#include "net/op.h"

/* Completes OK with `pair` · the error of the file. The pair is wiped with the last reference. */
struct key_work {
  struct op op;
  uv_work_t work;
  struct key_pair pair;
  char *path;
  bool adopt;
  Err err;
  struct diag diag;
};

void key_draft(struct op_loop *loop, struct str path, struct key_work **ret);
void key_adopt(struct op_loop *loop, struct str path, const struct key_pair *pair, struct key_work **ret);

#endif
