/* net/http_client.h: HTTP requests by libcurl's multi interface on the loop: http and https, HTTP/1.1, connections kept
 * for the next call, proxies of the environment (not for unix sockets).
 *
 * Thread   the loop's thread; DNS runs in libcurl's resolver thread. Memory: a call is an op (net/op.h).
 */
#ifndef NET_HTTP_CLIENT_H
#define NET_HTTP_CLIENT_H

#include "net/http_server.h"

struct http_client;
enum {
  HTTP_CLIENT_CONNECT_TIMEOUT_MS = 10 * 1000,
  HTTP_CLIENT_REDIRECTS_MAX = 5,
  HTTP_CLIENT_HEAD_MAX = 64 * 1024,
};

struct http_client *http_client_new(struct op_loop *loop);
/* Cancels what runs. The client is gone when on_closed (may be NULL) is called; calls live on with their references. */
void http_client_close(struct http_client *client, void (*on_closed)(void *data), void *data);

struct http_send {
  const char *method, *url;
  const char *unix_socket;                    /* connect to this path instead of the URL's host */
  const struct http_header *headers;
  size_t header_count;
  struct str body;
  uint64_t timeout_ms;                        /* whole call; 0: none (streams) */
  uint64_t connect_timeout_ms;                /* 0: HTTP_CLIENT_CONNECT_TIMEOUT_MS */
  size_t body_max;                            /* answers longer than this fail with ERR_TOOBIG; 0 with on_chunk: no limit */
  bool follow_redirects;                      /* credentials go to the first host alone when they are in Authorization */
  bool insecure_tls;
  /* NULL: the body is collected. Else pieces as they come; false stops the transfer (ERR_CANCELLED). */
  bool (*on_chunk)(struct str chunk, void *data);
  void *data;
  /* Asked with every address before it is connected to, also after DNS and redirects; false: ERR_FORBIDDEN. Such a call
   * uses no proxy, and shares no connection with others. NULL: any address. May be called while libcurl is on the stack. */
  bool (*may_connect)(const struct sockaddr *address, void *data);
};

struct http_call {
  /* OK: an answer came, whatever its status. ERR_TIMEOUT · ERR_TOOBIG · ERR_CANCELLED · ERR_PROTOCOL TLS or HTTP went
   * wrong · ERR_IO anything else, with words. */
  struct op op;
  int status;                                 /* known from the first chunk on */
  struct buf head;                            /* raw header lines of the last response */
  struct buf body;
  struct buf redirect;                        /* the absolute URL of a redirect that was not followed; else empty */
};

/* ERR_INVALID: method, URL or a header; ERR_CLOSED. Everything in `send` is copied. */
NODISCARD Err http_client_send(struct http_client *client, const struct http_send *send, struct http_call **ret_call,
                               struct diag *reterr);
/* With on_chunk: while it is held, no piece is told and the server has to wait. Also from inside on_chunk. */
void http_call_hold(struct http_call *call, bool hold);
/* The host of a URL as libcurl connects to it, into `ret`. ERR_INVALID. */
NODISCARD Err http_url_host(const char *url, struct buf *ret, struct diag *reterr);
struct str http_call_header(const struct http_call *call, const char *name);   /* the first; trimmed; ptr NULL when absent */

#endif
