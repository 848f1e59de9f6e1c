/* net/stream.h: one connected byte stream: TCP or a unix socket, in clear or under TLS.
 *
 * What http_server, ws and their tests share. Writes go to the kernel at once; what it does not take is queued here
 * without limit, so an owner looks at stream_queued() before it makes more. No function calls back from inside itself:
 * callbacks come from the loop alone.
 *
 * Thread   the loop's thread. Memory: stream_close() gives the stream back; it frees itself once libuv let go of it.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "base/buf.h"
#include "net/op.h"
#include "net/tls.h"

enum {
  STREAM_READ_MAX = 64 * 1024,       /* most bytes one on_read call brings */
  STREAM_UNIX_PATH_MAX = 107,        /* sun_path without its zero byte */
  STREAM_CHATTER_MAX = 256 * 1024,   /* TLS answers a peer may provoke (key updates) without reading any */
};

struct stream;

struct stream_events {
  void (*on_open)(void *data);                       /* dialled streams: connected, TLS handshake included; else NULL */
  void (*on_read)(void *data, struct str bytes);     /* borrowed for the call */
  /* Once, nothing is read afterwards. OK: the peer sent its last byte, writing still works. Else the stream is broken. */
  void (*on_end)(void *data, Err err, const struct diag *d);
  void (*on_drain)(void *data);                      /* something of the queue was written; may be NULL */
};

Err err_from_uv(int status);

/* The next connection of a listening TCP socket or pipe. `tls` may be NULL; a reference is taken. */
NODISCARD Err stream_accept(struct op_loop *loop, uv_stream_t *listener, SSL_CTX *tls, struct stream **ret);
/* One end of a socketpair; the descriptor is the stream's on success. */
NODISCARD Err stream_open(struct op_loop *loop, int fd, struct stream **ret);
NODISCARD Err stream_dial(struct op_loop *loop, const struct sockaddr *address, struct stream **ret);
NODISCARD Err stream_dial_unix(struct op_loop *loop, const char *path, struct stream **ret);
/* Right after dialling: TLS starts once connected. `host` as for tls_set_host. */
NODISCARD Err stream_use_tls(struct stream *s, SSL_CTX *tls, const char *host);

/* Who hears of it; again when another owner takes the stream over. */
void stream_own(struct stream *s, const struct stream_events *events, void *data);
/* Stopping holds for what is still in the socket; one read more may come from what TLS has in hand. */
void stream_read_start(struct stream *s);
void stream_read_stop(struct stream *s);

/* Writes the parts one after the other, copying what has to wait. With `last` (may be NULL) its bytes follow the parts
 * and its memory is taken over instead of copied; it is empty afterwards, on failure too. */
NODISCARD Err stream_write(struct stream *s, const struct str *parts, size_t count, struct buf *last);
size_t stream_queued(const struct stream *s);          /* bytes not yet in the kernel */
size_t stream_queued_writes(const struct stream *s);   /* stream_write calls not yet fully in the kernel */
void stream_shutdown(struct stream *s);                /* ends our direction after what is queued */
void stream_close(struct stream *s);                   /* drops what is queued; NULL is fine */

/* The kernel holds about so many bytes that the peer did not take yet, instead of growing to megabytes on its own. */
void stream_limit_kernel(struct stream *s, size_t bytes);

bool stream_is_tls(const struct stream *s);
/* The peer's address as text, an IPv4 peer of a dual socket as IPv4; "unix" for unix sockets. */
enum { STREAM_IP_MAX = 46 };
void stream_peer_ip(const struct stream *s, char ret_ip[STREAM_IP_MAX]);

#endif
