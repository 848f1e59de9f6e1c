/* link/frame.h: messages of a session: one binary WebSocket message each, read from the end.
 *
 * Wire     spec agent.md 4 "Framing after login"; golden/agent/frames.md 4.
 * Thread   any. Memory: a decoded frame borrows from the message.
 */
#ifndef LINK_FRAME_H
#define LINK_FRAME_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/id.h"

enum frame_kind { FRAME_LOGIN, FRAME_REQUEST, FRAME_RESPONSE, FRAME_TERMINAL };
enum frame_status { FRAME_OK, FRAME_ERROR, FRAME_PENDING };
/* First byte of what the engine sends on a terminal channel, at the end of its data (spec 16). */
enum frame_terminal { FRAME_BEGIN = 0x00, FRAME_FORWARD = 0x01, FRAME_RESIZE = 0xFF };

enum {
  FRAME_TAIL_MAX = UUID_BYTES + 2,
  FRAME_MAX = 16 * 1024 * 1024,     /* what a peer accepts in one WebSocket frame; we never send more */
};

struct frame {
  enum frame_kind kind;
  enum frame_status status;         /* responses and terminals */
  struct str channel;               /* UUID_BYTES; none for a login message */
  struct str data;
};

/* OK · ERR_INVALID: too short for its channel, skip it · ERR_PROTOCOL: empty or of no known type, end the connection. */
NODISCARD Err frame_decode(struct str message, struct frame *ret);

/* What stands behind the data; returns its length. `status` is not used for requests. */
size_t frame_tail(enum frame_kind kind, enum frame_status status, struct str channel, unsigned char ret[FRAME_TAIL_MAX]);

/* {"error","trace"}: the JSON of an error on the wire (spec 1.3, 3.1, 4). */
void frame_error_encode(struct buf *out, const struct diag *d);
/* The words of a peer; text that is not such JSON is taken as the error itself. Always sets ERR_REMOTE. */
void frame_error_decode(struct str data, struct diag *ret);

#endif
