/* link/trust.h: which engines an agent accepts.
 *
 * Wire     spec agent.md 3.5 "Agent, of an engine key", 3.7.
 * Thread   trust_load reads files: before the loop runs. The rest does no I/O: what has to be written is handed out.
 */
#ifndef LINK_TRUST_H
#define LINK_TRUST_H

#include "link/keys.h"

struct trust_entry {
  char *path;                        /* of a `file:` entry, else NULL */
  char text[KEY_PUBLIC_LEN + 1];     /* empty: the file does not exist yet, the first engine to come is remembered */
};

struct trust {
  struct trust_entry *entries;
  size_t count;
  bool is_explicit;                  /* core_public_keys was given */
};

/* `specs`: NULL-ended core_public_keys; NULL or empty: not given, then an agent without listener remembers the first engine
 * in `implicit_path`. A missing file is an error with a listener; an unreadable one always is (it is never overwritten). */
NODISCARD Err trust_load(struct trust *t, const char *const *specs, bool has_listener, struct str implicit_path, struct diag *reterr);
void trust_release(struct trust *t);

/* Any engine is accepted: there is nothing to compare with. */
bool trust_is_open(const struct trust *t);

/* OK: go on. *ret_learned (may be NULL): the file this key has to be written to, borrowed, or NULL. */
NODISCARD Err trust_check(struct trust *t, struct str key, const char **ret_learned, struct diag *reterr);

/* Rotation: the file of the first `file:` entry of an explicit list, to be written before trust_set(); NULL: nothing to do
 * (no such entry, or it has this key already). Borrowed. */
const char *trust_rotation_path(const struct trust *t, const char key[KEY_PUBLIC_LEN + 1]);
/* The file `path` has `key` now. */
void trust_set(struct trust *t, const char *path, const char key[KEY_PUBLIC_LEN + 1]);

#endif
