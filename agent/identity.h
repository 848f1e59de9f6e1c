/* agent/identity.h: the agent's own key and the engine's pinned key, as files, and their rotation (spec agent.md 2, 3.7).
 *
 * Thread   any. Writing touches the disk: jobs' threads.
 */
#ifndef AGENT_IDENTITY_H
#define AGENT_IDENTITY_H

#include <uv.h>

#include "agent/settings.h"
#include "link/keys.h"

struct identity {
  uv_mutex_t lock;
  char *private_spec;            /* "file:/path" or the key itself */
  char *core_path;               /* the file of the first `file:` entry of core_public_keys; NULL: none */
  struct key_pair pair;
};

/* Loads the private key, making one where its file is missing. Start only. */
NODISCARD Err identity_open(struct identity *id, const struct settings *settings, struct diag *reterr);
void identity_close(struct identity *id);

void identity_public_key(struct identity *id, char ret_text[KEY_PUBLIC_LEN + 1]);
void identity_pair(struct identity *id, struct key_pair *ret);   /* a copy; key_pair_release */
/* A new key where ours comes from a file; else nothing changes. */
NODISCARD Err identity_rotate(struct identity *id, struct diag *reterr);
/* Pins the engine's new key in its file; without such a file nothing changes. ERR_INVALID: no key. */
NODISCARD Err identity_pin(struct identity *id, struct str public_key, struct diag *reterr);

#endif
