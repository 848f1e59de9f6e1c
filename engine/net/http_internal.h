/* net/http_internal.h: what the files of the HTTP server and ws share.
 *
 *   http_server.c   listening, connections and their deadlines, stopping
 *   http_conn.c     one connection: bytes in, requests handed over in order, the end
 *   http_parse.c    llhttp's callbacks: builds the request, refuses what is malformed or too large
 *   http_req.c      what a handler reads of a request; helpers
 *   http_respond.c  the answer: head, body, pieces
 *   http_gzip.c     compression
 */
#ifndef NET_HTTP_INTERNAL_H
#define NET_HTTP_INTERNAL_H

#include <llhttp.h>
#include <zlib.h>

#include "base/arena.h"
#include "net/http_server.h"
#include "net/stream.h"

enum {
  HTTP_FIELDS_MAX = 128,
  HTTP_CHUNK_EXTRA_MAX = 4096,       /* chunk extensions and trailers, which nobody reads */
  HTTP_IN_MAX = 64 * 1024,           /* pipelined bytes kept while a request is being answered */
  HTTP_QUEUE_HIGH = 256 * 1024,      /* with more unsent nothing further is read or produced */
  HTTP_QUEUE_LOW = 64 * 1024,
  HTTP_BUFFER_KEEP = 16 * 1024,      /* larger buffers are given back between two requests */
  HTTP_GZIP_INLINE_MAX = 64 * 1024,  /* larger bodies are compressed off the loop */
  HTTP_SWEEP_MS = 500,
  HTTP_STOP_LINGER_MS = 1000,        /* a stopping server does not wait for clients that keep their end open */
};

/*   HEAD -> BODY -> HANDLED -> HEAD ...            keep-alive
 *                   HANDLED -> SENDING -> HEAD      too much is unsent to begin the next request
 *   any -> LINGER -> closed                         our last byte is written; what still comes is dropped
 *   HANDLED -> GONE -> DONE                         broken while the handler has the request
 *   HANDLED -> TAKEN -> DONE                        the stream is a WebSocket's now
 *   DONE is freed as soon as conn_input is off the stack */
enum conn_state { CONN_HEAD, CONN_BODY, CONN_HANDLED, CONN_SENDING, CONN_LINGER, CONN_GONE, CONN_TAKEN, CONN_DONE };

struct http_field {
  uint32_t name, name_len, value, value_len;   /* offsets into http_req.head */
};

enum respond_state { RESPOND_NONE, RESPOND_PIECES, RESPOND_WAITS };

struct http_req {
  struct http_conn *conn;
  struct buf head;                   /* the target, then names and values */
  struct buf body;
  struct http_field *fields;
  size_t field_count, field_cap;
  size_t target_len;
  struct str path, query;
  struct arena arena;
  void *data;
  bool value_last;                   /* parsing: the latest piece was a header's value */
  bool keep_alive, expects_continue;
  /* The answer in pieces. */
  enum respond_state state;
  bool chunked, drop_body, sized;
  uint64_t left;                     /* bytes promised by Content-Length and not written yet */
  void (*on_drain)(struct http_req *req, void *data);
  void *drain_data;
};

struct http_conn {
  struct http_conn *next, *prev;     /* of the server */
  struct http_conn *ready_next;
  struct http_server *server;        /* NULL when the stream is gone: the server may be, too */
  struct op_loop *loop;
  struct stream *stream;             /* NULL: closed, or taken */
  llhttp_t parser;
  enum conn_state state;
  uint64_t deadline;                 /* loop clock, ms; 0: none */
  uint64_t write_deadline;
  size_t last_queued;
  struct buf in;                     /* read but not parsed */
  size_t body_counted;               /* its part of the server's `bodies` */
  size_t overhead;                   /* bytes of the request that are kept nowhere */
  bool begun;                        /* a byte of a request is in */
  bool complete;                     /* parsing: the request is whole */
  bool eof, tls, reading;
  bool ready;                        /* on the server's list */
  bool busy;                         /* conn_input is on the stack */
  int refusal;                       /* parsing: status to refuse with */
  const char *refusal_words;
  void (*on_taken_input)(void *data, struct str bytes);
  void *taken_data;
  char ip[STREAM_IP_MAX];
  struct http_req req;
};

/* Something that took a connection over and must be gone before the server is. */
struct http_guest {
  struct http_guest *next, *prev;
  struct http_server *server;                          /* NULL: not in a list */
  void (*stop)(struct http_guest *guest, bool now);    /* end politely, or at once */
};

struct http_server {
  struct http_server_config config;
  struct http_limits limits;
  struct op_loop *loop;
  union {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  } listener;
  uv_timer_t sweep;
  uv_idle_t ready_idle;
  struct http_conn *conns, *cursor;                    /* cursor: the sweep's next, moved on when that one goes */
  size_t conn_count;
  size_t bodies;                                       /* bytes of request bodies held */
  struct http_guest *guests;
  struct http_conn *ready;                             /* connections with unparsed input, to be continued */
  size_t ready_count;
  SSL_CTX *tls;
  struct buf head;                                     /* scratch: the head of a response */
  struct buf common;                                   /* the headers of the configuration, as text */
  time_t date_at;
  char date[64];                                       /* "Date: ...\r\n" */
  z_stream zip;
  bool zip_ready, stopping, finishing;
  uint64_t stop_deadline;
  void (*on_stopped)(void *data);
  void *stopped_data;
  int open_handles;
};

/* http_server.c */
void http_server_add(struct http_server *server, struct stream *stream);   /* a new connection */
void http_server_forget(struct http_conn *conn);                           /* takes it off the list */
/* Notes how much of a body the connection holds; false when all of them together are too much. */
bool http_server_count_body(struct http_conn *conn, size_t len);
void http_server_ready(struct http_conn *conn);                            /* continue it on the next turn */
void http_server_add_guest(struct http_server *server, struct http_guest *guest);
void http_server_remove_guest(struct http_guest *guest);
struct str http_server_date(struct http_server *server);
/* A server without a listener, for connections of http_server_add(): fuzzing. */
struct http_server *http_server_new(const struct http_server_config *config);

/* http_conn.c */
struct http_conn *http_conn_new(struct http_server *server, struct stream *stream);
void http_conn_close(struct http_conn *conn);          /* now; what is queued is lost */
void http_conn_finish(struct http_conn *conn);         /* after what is queued, then linger */
void http_conn_answered(struct http_conn *conn);       /* the response is written or queued */
void http_conn_continue(struct http_conn *conn);       /* parses what waits in `in` */
void http_conn_timeout(struct http_conn *conn);        /* its deadline has passed */
bool http_conn_is_idle(const struct http_conn *conn);
/* Takes the stream away for a WebSocket: the request is gone. What was read after it is in *ret_in (the caller's to
 * release), or comes by on_input when the handler has returned. */
struct stream *http_conn_take(struct http_conn *conn, struct buf *ret_in,
                              void (*on_input)(void *data, struct str bytes), void *data);

/* http_parse.c */
extern const llhttp_settings_t http_parse_settings;
void http_req_reset(struct http_req *req, bool release);
/* Parses until a request is whole (conn->complete), one is refused (conn->refusal) or `bytes` are used up. */
size_t http_parse(struct http_conn *conn, struct str bytes);

/* http_respond.c */
/* Answers {"error":words,"trace":[]} and closes. */
void http_conn_refuse(struct http_conn *conn, int status, const char *words);
void http_respond_resume(struct http_conn *conn);      /* the queue went down, or the client left */

/* http_gzip.c */
enum http_gzip { HTTP_GZIP_NO, HTTP_GZIP_ASK, HTTP_GZIP_YES };   /* ASK: would be compressed for a client that asks */
enum http_gzip http_gzip_choose(const struct http_req *req, const struct http_header *headers, size_t count, size_t len);
NODISCARD Err http_gzip_init(z_stream *zip);           /* deflateEnd() gives it back */
/* Compresses into *ret (zeroed). ERR_NOMEM, or ERR_TOOBIG when it would not get smaller. */
NODISCARD Err http_gzip(z_stream *zip, struct str body, struct buf *ret);

#endif
