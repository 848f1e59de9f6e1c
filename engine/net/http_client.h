/* net/http_client.h: HTTP requests by libcurl's multi interface on the loop.
 *
 * Thread   the loop's thread; DNS runs in libcurl's resolver thread. Memory: a call is an op (net/op.h).
 */
#ifndef NET_HTTP_CLIENT_H
#define NET_HTTP_CLIENT_H

#include "net/http_server.h"

struct http_client;
struct http_client *http_client_new(struct op_loop *loop);
void http_client_close(struct http_client *client, void (*on_closed)(void *data), void *data);   /* cancels what runs */

struct http_send {
  const char *method, *url;
  const char *unix_socket;                    /* connect to this path instead of the URL's host */
  const struct http_header *headers;
  size_t header_count;
  struct str body;                            /* copied */
  uint64_t timeout_ms;                        /* whole call; 0: none (streams) */
  uint64_t connect_timeout_ms;                /* 0: 10 s */
  size_t body_max;                            /* answers longer than this fail with ERR_TOOBIG */
  bool follow_redirects, insecure_tls;
  /* NULL: the body is collected. Else pieces as they come; false stops the transfer (ERR_CANCELLED). */
  bool (*on_chunk)(struct str chunk, void *data);
  void *data;
};

struct http_call {
  struct op op;                               /* ERR_TIMEOUT, ERR_IO, ERR_TOOBIG, ... with words */
  int status;
  struct buf head;                            /* raw header lines of the last response */
  struct buf body;
};

NODISCARD Err http_client_send(struct http_client *client, const struct http_send *send, struct http_call **ret_call,
                               struct diag *reterr);
struct str http_call_header(const struct http_call *call, const char *name);   /* trimmed; ptr NULL when absent */

#endif
