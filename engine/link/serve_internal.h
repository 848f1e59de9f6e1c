/* link/serve_internal.h: what the parts of the agent's side share: serve.c (life, keys), serve_peer.c (connections),
 * serve_call.c (requests and terminals). */
#ifndef LINK_SERVE_INTERNAL_H
#define LINK_SERVE_INTERNAL_H

#include "base/map.h"
#include "link/serve.h"
#include "link/session.h"
#include "link/timeq.h"
#include "link/trust.h"

/* One engine. Its queue, calls and terminals outlive the connection; an outbound one lives as long as the program. */
struct engine {
  struct serve *serve;
  struct engine *prev, *next;
  char *who;                     /* host identifier, or the `core` value it dials with */
  bool outbound;
  char *url, *host, *query;      /* outbound */
  struct session *session;
  bool connected;
  bool onboarded;                /* the last login ended in onboarding: one at-once redial, not a loop of them */
  bool removed;
  uint64_t since_ms;
  unsigned failures;
  uv_timer_t redial;
  struct outbox outbox;
  struct serve_call *calls;
  size_t call_count;
  struct serve_terminal *terminals;
  struct diag error;             /* last one logged */
};

struct visitor;                  /* an engine that dialled us, in its login */

struct serve {
  struct op_loop *loop;
  struct link_times times;
  struct key_pair key, onboarding_key;
  bool has_onboarding_key, insecure_tls, has_passkeys;
  char *key_path;                /* of a `file:` private key, else NULL */
  char **passkeys;               /* NULL-ended */
  char *connect_as;
  struct trust trust;
  struct serve_config config;    /* callbacks and data alone */
  struct engine *engines;
  size_t inbound_count;
  struct visitor *visitors;
  size_t visitor_count;
  struct diag visitor_error;     /* last one logged */
  struct map calls, terminals;   /* by channel */
  struct timeq pending;
  bool rotating;
  size_t handles;                /* sessions, engines, key jobs and the queue */
  bool closing;
  void (*on_closed)(void *data);
  void *closed_data;
};

void serve_handle_closed(struct serve *s);
/* Writes a learned engine key in the background. */
void serve_learn(struct serve *s, const char *path, struct str key);

NODISCARD Err engines_add(struct serve *s, struct str address, struct diag *reterr);
void engine_dial_soon(struct engine *e, uint64_t delay_ms);
void engine_remove(struct engine *e);
/* Frees an inbound engine of which nothing is left. */
void engine_tidy(struct engine *e);
void visitors_close(struct serve *s);

void engine_on_frame(struct engine *e, const struct frame *frame);
void engine_on_room(void *engine);
/* The engine goes away: terminals end, calls are answered into the void. */
void engine_drop_work(struct engine *e);
void serve_on_pending(struct timeq_item *item, void *data);

#endif
