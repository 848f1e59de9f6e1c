/* link/serve_http.h: the agent's listener: /version, the engine's upgrade, nothing else.
 *
 * Wire     spec agent.md 1.2, 1.3.   Thread: the loop's thread; serve_http_start reads and may write TLS files, so it is
 * called before the loop runs.
 */
#ifndef LINK_SERVE_HTTP_H
#define LINK_SERVE_HTTP_H

#include "link/serve.h"

struct serve_http;

struct serve_http_config {
  struct op_loop *loop;
  struct serve *serve;
  const char *bind_ip;                       /* "[::]" and "::" are the same */
  uint16_t port;                             /* 0: any free one */
  const char *tls_cert_file, *tls_key_file;  /* NULL: plain; missing files are made (cert.h) */
  const char *const *allowed_ips;            /* NULL-ended IPs and CIDRs; NULL or empty: everybody. Bad entries are skipped
                                                with a warning, but a list of bad ones alone is an error */
};

NODISCARD Err serve_http_start(const struct serve_http_config *config, struct serve_http **ret, struct diag *reterr);
uint16_t serve_http_port(const struct serve_http *h);
NODISCARD Err serve_http_reload_tls(struct serve_http *h, struct diag *reterr);
/* Before serve_close(). on_stopped may be NULL. */
void serve_http_stop(struct serve_http *h, void (*on_stopped)(void *data), void *data);

#endif
