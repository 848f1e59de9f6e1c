/* net/ws_internal.h: what the files of ws share.
 *
 *   ws.c         an open connection: frames in and out, ping and deadlines, the closing handshake
 *   ws_accept.c  the server's side of the upgrade
 *   ws_dial.c    the client's side: URL, DNS, connecting, the upgrade
 */
#ifndef NET_WS_INTERNAL_H
#define NET_WS_INTERNAL_H

#include <wslay/wslay.h>

#include "net/http_internal.h"
#include "net/ws.h"

enum {
  WS_ACCEPT_LEN = 28,
  WS_CONTROL_MAX = 125,
  WS_HEADER_MAX = 14,
  WS_PENDING_MAX = 1024 * 1024,        /* read but not parsed while paused; reading stops long before */
  WS_BUFFER_KEEP = 4 * 1024,           /* a larger buffer is given back after its message */
};

enum ws_code {
  WS_CODE_NORMAL = 1000,
  WS_CODE_GOING_AWAY = 1001,
  WS_CODE_PROTOCOL = 1002,
  WS_CODE_NONE = 1005,
  WS_CODE_BROKEN = 1006,
  WS_CODE_TEXT = 1007,
  WS_CODE_TOO_BIG = 1009,
  WS_CODE_INTERNAL = 1011,
};

/*   DIALLING -> OPEN -> CLOSING -> ENDED      CLOSING: our Close is sent, theirs (or the end of the stream) is awaited
 *                       REFUSED -> ENDED      their Close or a violation is answered: what still comes is not parsed */
enum ws_state { WS_DIALLING, WS_OPEN, WS_CLOSING, WS_REFUSED, WS_ENDED };

struct ws {
  struct ws_config config;
  struct op_loop *loop;
  struct stream *stream;               /* NULL: not connected yet, or no more */
  struct ws_dialling *dialling;
  struct http_guest guest;
  uv_timer_t timer;
  enum ws_state state;
  bool is_client, paused;
  bool resumed;                        /* input may wait in `pending` or in wslay */
  bool was_high;                       /* the queue was over half: on_drain is due when it is below again */
  uint64_t sent_at, received_at, close_at;   /* loop clock, ms */

  /* The frame and the message being received. */
  wslay_frame_context_ptr wslay;
  struct str feed;                     /* what wslay may read now */
  struct buf pending;                  /* read, not fed yet */
  struct buf message;
  bool in_frame, in_message, fin;
  uint8_t opcode;                      /* of the frame */
  enum ws_kind kind;                   /* of the message */
  uint64_t frame_left;
  unsigned char control[WS_CONTROL_MAX];
  size_t control_len;
  unsigned char pong[WS_CONTROL_MAX];  /* the latest ping's answer, when it cannot be sent at once */
  size_t pong_len;
  bool pong_due;

  /* How it ended, for on_close. */
  Err err;
  int code;
  struct diag *why;                    /* NULL while nothing is wrong: see ws_why */

  char accept[WS_ACCEPT_LEN + 1];
  char ip[STREAM_IP_MAX];
  char *host;
};

extern const struct stream_events ws_events;

struct ws *ws_new(struct op_loop *loop, const struct ws_config *config, bool is_client);
/* The stream is upgraded: frames from now on. */
void ws_begin(struct ws *ws);
void ws_input(void *ws, struct str bytes);
struct diag *ws_why(struct ws *ws);         /* the words for on_close, made on first use */
/* Ends it now; on_close follows on the next turn of the loop. */
void ws_end(struct ws *ws, Err err, int code, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Sec-WebSocket-Accept of a Sec-WebSocket-Key. */
void ws_make_accept(struct str key, char ret[WS_ACCEPT_LEN + 1]);
bool ws_has_token(struct str list, struct str token);   /* of a comma-separated header, any case */

void ws_dial_abandon(struct ws_dialling *dialling);

#endif
