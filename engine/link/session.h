/* link/session.h: one WebSocket between engine and agent, from opening to end: dial or accept, login, frames.
 *
 * The owner is told of each step and, once, of the end. session_stop() ends it without another word to the owner; the
 * socket then goes on by itself until it is closed (on_gone, if the owner waits for that).
 *
 * Wire     spec agent.md 1.5, 3, 4.   Thread: the loop's thread.
 * Memory   frees itself after on_end or session_stop(); on_gone is the very last call.
 */
#ifndef LINK_SESSION_H
#define LINK_SESSION_H

#include "link/frame.h"
#include "link/login.h"
#include "link/outbox.h"
#include "link/times.h"

struct session;

enum session_end {
  SESSION_UNREACHED,     /* the dial failed */
  SESSION_REFUSED,       /* the login failed */
  SESSION_ONBOARDED,     /* the login was for onboarding: dial again at once */
  SESSION_LOST,          /* it was logged in */
};

struct session_events {
  /* Logged in: frames follow. The owner attaches its outbox with session_attach(). */
  void (*on_login)(struct session *s, void *data);
  /* Engine listens: keep the agent's key, then session_stored(), now or later. NULL for the other roles. */
  void (*on_storing)(struct session *s, struct str onboarding_key, struct str agent_key, bool fix, void *data);
  void (*on_frame)(struct session *s, const struct frame *frame, void *data);
  /* `d`: why; never NULL, empty for SESSION_ONBOARDED unless flow F repaired an error. The session is gone for the owner. */
  void (*on_end)(struct session *s, enum session_end end, const struct diag *d, void *data);
  void (*on_gone)(void *home);   /* the last handle is closed; the owner itself may be gone already */
};

struct session_config {
  struct op_loop *loop;
  const struct link_times *times;            /* borrowed for the session's life */
  /* `query` and `passkey` are copied; the keys must live until the login begins, `passkeys` until it ends. `send` and
   * `data` are the session's: check_key gets the session's data. */
  struct login_config login;
  const struct session_events *events;
  void *data;
  void *home;                                /* for on_gone: what outlives all sessions */
};

/* `host`: the identifier of 1.1. */
NODISCARD Err session_dial(const struct session_config *config, const char *url, struct str host, bool insecure_tls,
                           struct session **ret, struct diag *reterr);
/* ERR_INVALID: not an upgrade, `req` is untouched. */
NODISCARD Err session_accept(const struct session_config *config, struct http_req *req, struct session **ret);

/* Moves the session to another owner. */
void session_own(struct session *s, const struct session_events *events, void *data);
void session_attach(struct session *s, struct outbox *outbox);
void session_stored(struct session *s, Err err, const struct diag *d);
/* `drop`: no Close frame. No event but on_gone follows. */
void session_stop(struct session *s, bool drop);

#endif
