/* link/login.h: the login of a link, all flows, both parties, as a state machine without sockets or timers.
 *
 * The owner starts it when the WebSocket is open, feeds it every message that comes in until the result is no longer
 * LOGIN_MORE, and calls login_timeout() when the peer was silent for 2 s. The flows of spec agent.md 3.4:
 *
 *   engine dials    A key, B legacy passkey (the agent's first message says which)
 *   agent dials     C known server, then F (fix on the same socket) when C failed
 *                   D onboarding, E fix: the engine's first message says so
 *
 *   engine dials:   PASSKEY_FLOW -> NONCE -> M2 -> SUCCESS           | -> PASSKEY_SUCCESS
 *   agent listens:  M1 -> M3                                         | PASSKEY
 *   engine listens: M1 -> M3 -> (done) | PEER_ERROR -> M1 -> M3 -> PUBLIC_KEY -> STORE
 *   agent dials:    ONBOARDING_FLOW -> NONCE -> M2 -> SUCCESS -> (done) | NONCE -> M2 -> SUCCESS -> STORED
 *
 * Wire     spec agent.md 3; golden/agent/frames.md 1 to 3.
 * Thread   any, one at a time.
 * Memory   plain storage with secrets inside: login_release() wipes it. Strings of the config are borrowed for its life.
 */
#ifndef LINK_LOGIN_H
#define LINK_LOGIN_H

#include "link/noise.h"

enum login_role { LOGIN_ENGINE_DIALS, LOGIN_AGENT_LISTENS, LOGIN_ENGINE_LISTENS, LOGIN_AGENT_DIALS };

enum login_result {
  LOGIN_MORE,         /* feed the next message within 2 s */
  LOGIN_STORING,      /* engine listens: keep `agent_key`, brought by `peer`, then call login_stored(), now or later */
  LOGIN_SESSION,      /* logged in: the next message is a frame */
  LOGIN_ONBOARDED,    /* the server was created or fixed; the agent dials again at once */
  LOGIN_FAILED,       /* `diag` says why */
};

enum login_variant {
  LOGIN_SUCCESS, LOGIN_NONCE, LOGIN_HANDSHAKE, LOGIN_ONBOARDING_FLOW, LOGIN_PUBLIC_KEY, LOGIN_PASSKEY_FLOW, LOGIN_PASSKEY,
};

enum { LOGIN_NONCE_BYTES = 32, LOGIN_MESSAGE_MAX = 64 * 1024 };   /* errors with a long trace; anything longer is refused */

/* Fixed randomness for the known-answer tests. */
struct login_fixed {
  unsigned char nonce[LOGIN_NONCE_BYTES], ephemeral[KEY_BYTES];
};

struct login_config {
  enum login_role role;
  const struct key_pair *key;              /* ours; copied */
  struct str query;                        /* "core=<enc>" or "server=<enc>" */
  struct str passkey;                      /* engine dials: the legacy passkey, empty when there is none */
  const char *const *passkeys;             /* agent listens: NULL-ended; not NULL means flow B */
  bool onboarding;                         /* engine listens: flow D or E */
  const struct key_pair *onboarding_key;   /* agent dials: NULL when there is none; copied */
  /* May the peer with this key go on? Engine listens: `onboarding` tells an onboarding key from an agent's, `fix` that
   * it must be a privileged one (flow F; for E the owner knows). */
  Err (*check_key)(struct str public_key, bool onboarding, bool fix, struct diag *reterr, void *data);
  void (*send)(struct str message, void *data);
  void *data;
  const struct login_fixed *fixed;         /* NULL: random */
};

struct login {
  struct login_config config;
  struct str host, accept;
  struct key_pair key, onboarding_key;
  struct noise noise;
  unsigned char nonce[LOGIN_NONCE_BYTES];
  unsigned state;
  bool onboarding;                         /* flows D, E and F: the agent proves an onboarding key */
  bool fallback;                           /* flow F */
  char peer[KEY_PUBLIC_LEN + 1];           /* their proven key */
  char agent_key[KEY_PUBLIC_LEN + 1];      /* engine listens, flows D, E, F: the key to keep */
  struct diag diag;                        /* why it failed; after F, also a good one: why C failed */
  struct diag first;
};

/* `host`, `accept`: see spec 3.2; borrowed. Sends the first message of a listener. */
enum login_result login_start(struct login *l, const struct login_config *config, struct str host, struct str accept);
enum login_result login_feed(struct login *l, struct str message);
enum login_result login_timeout(struct login *l);
/* After LOGIN_STORING: the owner has kept the agent's key (OK), or not. */
enum login_result login_stored(struct login *l, Err err, const struct diag *d);
void login_release(struct login *l);

/* After LOGIN_ONBOARDED or LOGIN_FAILED: is the socket dropped, or does it get a Close frame? (3.4, 20) */
bool login_wants_drop(const struct login *l);

#endif
