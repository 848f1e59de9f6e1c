/* link/hub_internal.h: what the parts of the hub share: hub.c (servers), hub_accept.c (agents that dial us), hub_call.c
 * (requests and terminals). */
#ifndef LINK_HUB_INTERNAL_H
#define LINK_HUB_INTERNAL_H

#include "base/map.h"
#include "link/hub.h"
#include "link/session.h"
#include "link/timeq.h"

enum { HUB_ID_MAX = 64 };

/* One server. Its calls and terminals outlive the connection (spec 1.5). */
struct peer {
  struct hub *hub;
  char id[HUB_ID_MAX];
  bool enabled, insecure_tls;
  char *address, *public_key, *passkey;
  struct session *session;       /* dialling, logging in or logged in */
  bool connected;                /* logged in */
  bool stale;                    /* key or passkey changed since the login */
  bool had_link;                 /* was connected before: worth waiting for (spec 1.6) */
  bool removed;
  uint64_t since_ms;             /* of the login, on the loop's clock */
  unsigned failures;             /* dials in a row that came to nothing */
  uv_timer_t redial;
  struct outbox outbox;
  struct diag *error;            /* of the last connection; NULL when there was none */
  struct call *calls;            /* sent, not answered */
  struct call *waiting;          /* for a connection */
  struct hub_terminal *terminals;
};

struct guest;
struct call;

struct hub {
  struct op_loop *loop;
  struct link_times times;
  struct key_pair key;
  char *host, *passkey;
  char (*trusted)[KEY_PUBLIC_LEN + 1];   /* periphery_public_keys */
  size_t trusted_count;
  struct hub_config config;      /* callbacks and data alone */
  struct map peers;              /* by id */
  struct map calls;              /* by channel */
  struct map terminals;          /* by channel */
  struct guest *guests;          /* in login */
  size_t guest_count;
  uint64_t tickets;
  struct timeq silence;          /* calls that were sent */
  struct timeq wait;             /* calls without a connection */
  struct timeq away;             /* terminals without a connection */
  size_t handles;                /* sessions, peers and queues not closed yet */
  bool closing;
  void (*on_closed)(void *data);
  void *closed_data;
};

void hub_handle_closed(struct hub *hub);
bool hub_has_peer_key(const struct hub *hub, struct str key);   /* in periphery_public_keys */
Err hub_refuse_key(struct diag *reterr, struct str key);        /* the words of 3.5 */

struct peer *peer_find(const struct hub *hub, struct str id);
/* A logged-in session becomes the peer's connection. */
void peer_connected(struct peer *p, struct session *s);
/* The connection has ended. */
void peer_lost(struct peer *p, const struct diag *d);
/* Keeps why there is no connection. */
void peer_failed(struct peer *p, const struct diag *d);
void peer_dial_soon(struct peer *p, uint64_t delay_ms);
/* Before use: a connection of another identity is replaced. */
void peer_refresh(struct peer *p);
void peer_on_frame(struct peer *p, const struct frame *frame);

void guests_close(struct hub *hub, struct str id);   /* logins for this server; id empty: all */

void calls_init(struct hub *hub);
void calls_send_waiting(struct peer *p);
/* The server is gone for good: ends its calls and terminals. */
void calls_fail_all(struct peer *p, const char *words);
void terminals_watch(struct peer *p, bool away);     /* starts or ends the time they wait for their server */

#endif
