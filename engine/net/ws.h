/* net/ws.h: WebSocket (RFC 6455) on wslay: both ends, one type.
 *
 * Whole messages in, whole messages out. Incoming pings are answered here. Back-pressure: what waits to be written is
 * bounded by `queue_max`; ws_send() beyond it fails with ERR_LIMIT and the owner decides (drop, close, wait).
 * Callbacks come from the loop alone, never from inside one of these functions.
 *
 * Wire     RFC 6455; no extension and no sub-protocol is offered or accepted.
 * Thread   the loop's thread. Memory: `struct ws` frees itself after on_close returned; do not touch it afterwards.
 */
#ifndef NET_WS_H
#define NET_WS_H

#include "net/http_server.h"

enum ws_kind { WS_TEXT, WS_BINARY };   /* text that is not UTF-8 closes the connection: 1007 */
enum { WS_CLOSE_TIMEOUT_MS = 5 * 1000 };

struct ws_config {
  size_t frame_max, message_max;      /* a longer one closes the connection: 1009 */
  size_t queue_max;                   /* bytes waiting to be written; one message always fits an empty queue */
  size_t queue_messages_max;          /* 0: no limit on their number */
  size_t kernel_max;                  /* bytes the kernel may hold besides, accepted connections alone; 0: as it likes */
  uint64_t ping_after_idle_ms;        /* a Ping when nothing was sent for so long; 0: never */
  uint64_t receive_deadline_ms;       /* no data frame and no Ping for so long ends it (ERR_TIMEOUT); 0: never */
  bool pong_counts;                   /* a Pong also pushes the receive deadline */
  uint64_t close_timeout_ms;          /* for the other side to answer a Close; 0: WS_CLOSE_TIMEOUT_MS */
  void (*on_open)(struct ws *ws, void *data);                                   /* clients alone */
  void (*on_message)(struct ws *ws, enum ws_kind kind, struct str message, void *data);
  void (*on_drain)(struct ws *ws, void *data);                                  /* the queue went below half; may be NULL */
  /* Exactly once. OK: closed properly by either side (code; 1005 when none was given); else why. `d` has the words, never
   * NULL. Nothing is delivered after ws_close() or ws_drop(). */
  void (*on_close)(struct ws *ws, Err err, int code, const struct diag *d, void *data);
  void *data;
};

/* Is it a proper upgrade request (GET, Upgrade, Connection, version 13, key)? */
bool ws_is_upgrade(const struct http_req *req);
/* Answers 101 and takes the connection over; the request is gone afterwards. Otherwise it is untouched and still to be
 * answered: ERR_INVALID it is not an upgrade · ERR_CLOSED the client left. */
NODISCARD Err ws_accept(struct http_req *req, const struct ws_config *config, struct ws **ret_ws);

struct ws_dial {
  const char *url;                    /* ws:// or wss:// */
  const char *user_agent;
  const char *unix_path;              /* connect to this socket instead of the URL's host; may be NULL */
  bool insecure_tls;                  /* accept any certificate */
  uint64_t connect_timeout_ms;        /* DNS, TCP, TLS and upgrade together */
};
/* Connects; on_open or on_close follows. DNS runs off the loop. A refused upgrade closes with ERR_REMOTE, the HTTP status
 * as code and in words, and the start of the answer's body as the trace. ERR_INVALID: the URL. */
NODISCARD Err ws_connect(struct op_loop *loop, const struct ws_dial *dial, const struct ws_config *config, struct ws **ret_ws,
                         struct diag *reterr);

NODISCARD Err ws_send(struct ws *ws, enum ws_kind kind, struct str message);   /* copied · ERR_LIMIT queue full · ERR_CLOSED */
NODISCARD Err ws_send_parts(struct ws *ws, enum ws_kind kind, const struct str *parts, size_t count);  /* one message */
/* Other limits from the next frame on: larger ones, once a peer has proven who it is. */
void ws_set_limits(struct ws *ws, size_t frame_max, size_t message_max);
void ws_pause(struct ws *ws);                   /* stop reading (TCP pushes back) until ws_resume */
void ws_resume(struct ws *ws);
void ws_close(struct ws *ws, int code);         /* 0: Close frame without a code; what is queued goes out first */
void ws_drop(struct ws *ws);                    /* no Close frame; on_close gets ERR_CANCELLED */
size_t ws_queued(const struct ws *ws);          /* bytes */
/* Values of the upgrade: the Sec-WebSocket-Accept text; the URL host as the agent login hashes it (spec agent.md 1.1). */
struct str ws_accept_value(const struct ws *ws);
struct str ws_host(const struct ws *ws);        /* dialer: host[:port unless default]; listener: X-Forwarded-Host or Host */
struct str ws_peer_ip(const struct ws *ws);

#endif
