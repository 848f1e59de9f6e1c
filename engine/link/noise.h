/* link/noise.h: one side of the handshake Noise_XX_25519_ChaChaPoly_BLAKE2s, payloads always empty.
 *
 * The initiator calls write, read, write; the responder read, write, read. What the parties gain is the other's proven
 * static key; nothing is encrypted with the result (spec agent.md 3.3), so there is no split.
 *
 * Wire     Noise Protocol Framework rev. 34, spec agent.md 3.3.
 * Thread   any, one at a time.
 * Memory   plain storage with secrets inside: noise_release() wipes it.
 */
#ifndef LINK_NOISE_H
#define LINK_NOISE_H

#include <stdbool.h>

#include "link/keys.h"

enum { NOISE_MESSAGE_MAX = 96, NOISE_HASH = 32 };

struct noise {
  bool initiator;
  bool has_key;                            /* a cipher key is in place */
  unsigned step;                           /* messages done: 0 to 3 */
  uint64_t n;                              /* nonces used with `key` */
  unsigned char h[NOISE_HASH], ck[NOISE_HASH], key[NOISE_HASH];
  struct key_pair own;
  struct key_pair ephemeral;
  unsigned char remote_ephemeral[KEY_BYTES];
  unsigned char remote[KEY_BYTES];         /* their static key, known after m2 (initiator) or m3 (responder) */
};

/* `ephemeral`: NULL for a random one; the known-answer tests give theirs. */
NODISCARD Err noise_init(struct noise *n, bool initiator, const struct key_pair *own, struct str prologue,
                         const unsigned char *ephemeral);
void noise_release(struct noise *n);

/* The next message of ours. ERR_PROTOCOL: the peer's key is a low-order point. */
NODISCARD Err noise_write(struct noise *n, unsigned char ret[NOISE_MESSAGE_MAX], size_t *ret_len);
/* The next message of theirs. ERR_PROTOCOL: wrong length (a payload counts as one), forged, or a low-order point;
 * the handshake is over then. */
NODISCARD Err noise_read(struct noise *n, struct str message);

#endif
