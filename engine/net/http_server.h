/* net/http_server.h: HTTP/1.1 server (RFC 9110, 9112) on libuv and llhttp, optionally over TLS.
 *
 * One handler gets every request once its body is complete (bounded). It answers now or later, from the loop thread,
 * exactly once. Requests on one connection are answered in order; the next is handed over when the one before it is
 * answered. Slow, oversized or malformed peers are cut off here and never reach the handler.
 *
 * Thread   the loop's thread. Memory: a request lives until it is answered; after http_respond*() it must not be touched.
 */
#ifndef NET_HTTP_SERVER_H
#define NET_HTTP_SERVER_H

#include "base/buf.h"
#include "net/op.h"

enum {
  HTTP_HEADERS_MAX = 32 * 1024,            /* request line and headers */
  HTTP_BODY_MAX = 2 * 1024 * 1024,
  HTTP_HEADER_TIMEOUT_MS = 15 * 1000,      /* first byte of a request to its last header */
  HTTP_BODY_TIMEOUT_MS = 60 * 1000,
  HTTP_IDLE_TIMEOUT_MS = 75 * 1000,        /* keep-alive */
  HTTP_LINGER_TIMEOUT_MS = 10 * 1000,      /* after our last byte, until the client has read it and closes */
  HTTP_WRITE_TIMEOUT_MS = 60 * 1000,       /* no progress of a response */
  HTTP_DRAIN_TIMEOUT_MS = 10 * 1000,
  HTTP_CONNECTIONS_MAX = 16 * 1024,
  HTTP_BODIES_MAX = 512 * 1024 * 1024,     /* of all requests in progress together; one more byte is answered 503 */
  HTTP_GZIP_MIN = 4 * 1024,                /* smaller answers are not worth compressing */
};

/* The limits above, for those who need others; 0 keeps the default. */
struct http_limits {
  size_t headers_max, body_max, bodies_max, connections_max;
  uint64_t header_ms, body_ms, idle_ms, linger_ms, write_ms, drain_ms;
};

struct http_server;
struct http_req;
struct ws;

struct http_header {
  struct str name, value;
};

struct http_server_config {
  struct op_loop *loop;
  const char *bind_ip;             /* "127.0.0.1", "::" (dual stack; the default when NULL), ... */
  uint16_t port;                   /* 0: any free one, see http_server_port() */
  const char *unix_path;           /* listen on this socket file (made with mode 0600) instead; NULL: TCP */
  const char *tls_cert_file, *tls_key_file;   /* both or none */
  /* Headers added to every response, e.g. security headers; borrowed for the server's life. */
  const struct http_header *headers;
  size_t header_count;
  struct http_limits limits;
  void (*on_request)(struct http_req *req, void *data);
  /* The request line and headers are in, the body is not: a chance to refuse before reading it. May be NULL. OK: go on.
   * Else the server answers with the error's status and words and closes. Only http_req_* may be called in here. */
  Err (*on_headers)(struct http_req *req, void *data);
  void *data;
};

NODISCARD Err http_server_start(const struct http_server_config *config, struct http_server **ret_server, struct diag *reterr);
uint16_t http_server_port(const struct http_server *server);
/* Reads the TLS files again; connections made from now on use them. A failure keeps the old ones. */
NODISCARD Err http_server_reload_tls(struct http_server *server, struct diag *reterr);
/* Stops accepting, lets requests in progress finish (HTTP_DRAIN_TIMEOUT_MS at most), closes the rest, then calls
 * on_stopped; the server is gone afterwards. WebSockets get Close 1001. */
void http_server_stop(struct http_server *server, void (*on_stopped)(void *data), void *data);

/* ---- the request ---- */
struct str http_req_method(const struct http_req *req);
struct str http_req_path(const struct http_req *req);     /* raw, before '?' */
struct str http_req_query(const struct http_req *req);    /* raw, after '?'; empty when none */
struct str http_req_body(const struct http_req *req);
struct str http_req_header(const struct http_req *req, const char *name);   /* first value, trimmed; ptr NULL when absent */
/* Walks all headers: start with *at = 0; false at the end. */
bool http_req_next_header(const struct http_req *req, size_t *at, struct http_header *ret);
struct str http_req_peer_ip(const struct http_req *req);  /* of the TCP peer; an IPv4 peer of a dual socket as IPv4; "unix" */
bool http_req_is_tls(const struct http_req *req);
bool http_req_is_gone(const struct http_req *req);        /* the connection broke; an answer is dropped */
struct arena *http_req_arena(struct http_req *req);       /* lives as long as the request */
/* Scratch for the layers above, not looked at here. */
void http_req_set_data(struct http_req *req, void *data);
void *http_req_data(const struct http_req *req);

/* ---- the answer ---- */
/* Whole body at once (copied). HEAD drops the body; Content-Length, Date, keep-alive and gzip (client asks, body >=
 * HTTP_GZIP_MIN, compressible type) are taken care of. */
void http_respond(struct http_req *req, int status, const struct http_header *headers, size_t count, struct str body);
/* The same without a copy: the memory of *body is taken over and *body is empty afterwards. */
void http_respond_take(struct http_req *req, int status, const struct http_header *headers, size_t count, struct buf *body);
/* A body in pieces: chunked, or as it is when `headers` has its Content-Length. http_respond_write returns false when the
 * client is gone; *ret_full (may be NULL) asks to wait for `on_drain` (may be NULL). That also comes, once, when the client
 * leaves (http_req_is_gone), asked for or not, and for these answers a client that ends its direction has left. http_respond_end or
 * http_respond_abort must follow in any case. */
void http_respond_begin(struct http_req *req, int status, const struct http_header *headers, size_t count,
                        void (*on_drain)(struct http_req *req, void *data), void *data);
bool http_respond_write(struct http_req *req, struct str chunk, bool *ret_full);
void http_respond_end(struct http_req *req);
/* Ends the connection without a proper end of the body, so that the client sees the failure. */
void http_respond_abort(struct http_req *req);

/* ---- helpers ---- */
const char *http_status_text(int status);
/* First value of `key` in a query or form string, percent-decoded ('+' is a space) into the arena; ptr NULL when absent. */
struct str http_query_get(struct arena *arena, struct str query, const char *key);

#endif
