/* agent/files.h: small files read whole, and texts shared between threads. Thread: any but the loop's for disk files. */
#ifndef AGENT_FILES_H
#define AGENT_FILES_H

#include <uv.h>

#include "base/buf.h"

/* Replaces *ret (whose maximum holds; more is ERR_TOOBIG). Works on /proc, whose files have no size. */
NODISCARD Err read_whole(const char *path, struct buf *ret);

/* A text one thread renews and others copy. */
struct shared_text {
  uv_mutex_t lock;
  char *text;      /* NULL: not set yet */
};
void shared_text_init(struct shared_text *s);
void shared_text_release(struct shared_text *s);
void shared_text_set(struct shared_text *s, struct str text);
bool shared_text_add(struct shared_text *s, struct buf *out);   /* appends it; false: not set yet */

#endif
