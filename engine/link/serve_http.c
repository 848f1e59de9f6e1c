/* link/serve_http.c: see serve_http.h. */
#include "link/serve_http.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "link/allow.h"
#include "link/cert.h"
#include "link/upgrade.h"

#define AGENT_VERSION "2.3.2"   /* engines compare it with their own (spec monitoring.md) */

struct serve_http {
  struct serve *serve;
  struct http_server *server;
  struct allow_net *allowed;
  size_t allowed_count;
  void (*on_stopped)(void *data);
  void *data;
};

static const struct http_header security_headers[] = {
    {{"x-content-type-options", 22}, {"nosniff", 7}},
    {{"x-frame-options", 15}, {"DENY", 4}},
    {{"x-xss-protection", 16}, {"1; mode=block", 13}},
    {{"referrer-policy", 15}, {"strict-origin-when-cross-origin", 31}}};

static void on_request(struct http_req *req, void *data)
{
  static const struct http_header text = {{"content-type", 12}, {"text/plain; charset=utf-8", 25}};
  struct serve_http *h = data;
  struct str ip = http_req_peer_ip(req), path = http_req_path(req);
  if (h->allowed_count && !allow_contains(h->allowed, h->allowed_count, ip)) {
    upgrade_refusef(req, 401, "requesting ip %.*s not allowed", STR_ARG(ip));
    return;
  }
  bool get = str_eqc(http_req_method(req), "GET"), head = str_eqc(http_req_method(req), "HEAD");
  if (str_eqc(path, "/version") && (get || head))
    http_respond(req, 200, &text, 1, STR(AGENT_VERSION));
  else if (str_eqc(path, "/") && get)
    serve_accept(h->serve, req);
  else if (str_eqc(path, "/version") || str_eqc(path, "/"))
    http_respond(req, 405, /* headers= */ NULL, 0, STR_NONE);
  else
    http_respond(req, 404, /* headers= */ NULL, 0, STR_NONE);
}

static Err read_allowed(struct serve_http *h, const char *const *list, struct diag *reterr)
{
  size_t count = 0;
  while (list && list[count])
    count++;
  h->allowed = mem_new_array(count + 1, sizeof *h->allowed);
  for (size_t i = 0; i < count; i++) {
    if (allow_parse(str_trim(str_of(list[i])), &h->allowed[h->allowed_count]))
      h->allowed_count++;
    else
      log_warn("allowed_ips: '%s' is neither an IP nor a CIDR and was skipped", list[i]);
  }
  if (count && !h->allowed_count)   /* an empty list would let everybody in */
    return diag_set(reterr, ERR_INVALID, "allowed_ips: no entry is an IP or a CIDR");
  return OK;
}

static void http_free(struct serve_http *h)
{
  mem_free(h->allowed);
  mem_free(h);
}

Err serve_http_start(const struct serve_http_config *config, struct serve_http **ret, struct diag *reterr)
{
  struct serve_http *h = mem_new(sizeof *h);
  h->serve = config->serve;
  struct str ip = str_of(config->bind_ip);
  if (str_starts(ip, STR("[")) && str_ends(ip, STR("]")))
    ip = str_sub(ip, 1, ip.len - 2);
  CLEANUP(mem_free_at) char *bind_ip = str_dup(ip);
  Err err = read_allowed(h, config->allowed_ips, reterr);
  if (!err && config->tls_cert_file)
    err = cert_ensure(config->tls_cert_file, config->tls_key_file, reterr);
  if (!err) {
    struct http_server_config c = {.loop = config->loop, .bind_ip = bind_ip, .port = config->port,
                                   .tls_cert_file = config->tls_cert_file, .tls_key_file = config->tls_key_file,
                                   .headers = security_headers, .header_count = ARRAY_LEN(security_headers),
                                   .on_request = on_request, .data = h};
    err = http_server_start(&c, &h->server, reterr);
  }
  if (err) {
    http_free(h);
    return err;
  }
  *ret = h;
  return OK;
}

uint16_t serve_http_port(const struct serve_http *h) { return http_server_port(h->server); }
Err serve_http_reload_tls(struct serve_http *h, struct diag *reterr) { return http_server_reload_tls(h->server, reterr); }

static void on_stopped(void *data)
{
  struct serve_http *h = data;
  void (*told)(void *data) = h->on_stopped;
  void *owner = h->data;
  http_free(h);
  if (told)
    told(owner);
}

void serve_http_stop(struct serve_http *h, void (*stopped)(void *data), void *data)
{
  h->on_stopped = stopped;
  h->data = data;
  http_server_stop(h->server, on_stopped, h);
}
