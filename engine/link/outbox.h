/* link/outbox.h: what waits to be sent to one peer. Outlives the connections it is sent over.
 *
 * One message at a time is in the hands of the WebSocket; it leaves the queue once it is written to the socket, and is
 * sent again over the next connection when the link broke before (spec agent.md 1.5).
 *
 * Thread   the loop's thread. Memory: messages are copied; bounded in number and bytes.
 */
#ifndef LINK_OUTBOX_H
#define LINK_OUTBOX_H

#include "net/ws.h"

enum {
  OUTBOX_MESSAGES_MAX = 1024,
  OUTBOX_BYTES_MAX = 64 * 1024 * 1024,
};

struct outbox_message;
struct outbox {
  struct outbox_message *first, *last;
  size_t count, bytes;
  bool sending;           /* the first message is with the socket, not written whole yet */
  bool full;              /* somebody was refused: on_room is due */
  struct ws *ws;          /* NULL: nothing is connected */
  void (*on_room)(void *data);   /* it went below half after a refusal; may be NULL */
  void *data;
};

/* Queues the concatenation of `parts` as one binary message.
 * `urgent`: may pass the limits; for answers, whose number is bounded elsewhere.
 * ERR_LIMIT: full · ERR_TOOBIG: no peer would take it (FRAME_MAX) · ERR_NOMEM. */
NODISCARD Err outbox_push(struct outbox *o, const struct str *parts, size_t count, bool urgent);
void outbox_attach(struct outbox *o, struct ws *ws);   /* and starts sending */
void outbox_detach(struct outbox *o);                  /* the socket is gone or about to go */
void outbox_drained(struct outbox *o);                 /* the socket has written all it had (ws_config.on_drain) */
void outbox_release(struct outbox *o);                 /* drops the messages */

#endif
