/* net/http_server.c: listening, the connections and their deadlines, stopping; see http_server.h. */
#include "net/http_server.h"

#include <sys/stat.h>
#include <time.h>

#include "base/mem.h"
#include "net/http_internal.h"

enum { LISTEN_BACKLOG = 1024, HEAD_MAX = 64 * 1024 };

/* ---- the connections ---- */

static void finish_stop(struct http_server *server);

void http_server_add(struct http_server *server, struct stream *stream)
{
  struct http_conn *conn = http_conn_new(server, stream);
  conn->next = server->conns;
  if (conn->next)
    conn->next->prev = conn;
  server->conns = conn;
  server->conn_count++;
}

void http_server_forget(struct http_conn *conn)
{
  struct http_server *server = conn->server;
  if (server->cursor == conn)
    server->cursor = conn->next;
  if (conn->next)
    conn->next->prev = conn->prev;
  if (conn->prev)
    conn->prev->next = conn->next;
  else
    server->conns = conn->next;
  if (conn->ready) {
    struct http_conn **at = &server->ready;
    while (*at != conn)
      at = &(*at)->ready_next;
    *at = conn->ready_next;
    server->ready_count--;
    conn->ready = false;
  }
  server->conn_count--;
  http_server_count_body(conn, 0);
  conn->server = NULL;
  finish_stop(server);
}

bool http_server_count_body(struct http_conn *conn, size_t len)
{
  struct http_server *server = conn->server;
  server->bodies = server->bodies - conn->body_counted + len;
  conn->body_counted = len;
  return server->bodies <= server->limits.bodies_max;
}

static void on_ready(uv_idle_t *idle)
{
  struct http_server *server = idle->data;
  /* Those that get ready meanwhile wait for the next turn. */
  for (size_t n = server->ready_count; n && server->ready; n--) {
    struct http_conn *conn = server->ready;
    server->ready = conn->ready_next;
    server->ready_count--;
    conn->ready = false;
    http_conn_continue(conn);
  }
  if (!server->ready)
    uv_idle_stop(idle);
}

void http_server_ready(struct http_conn *conn)
{
  struct http_server *server = conn->server;
  if (conn->ready)
    return;
  struct http_conn **at = &server->ready;
  while (*at)
    at = &(*at)->ready_next;
  *at = conn;
  conn->ready_next = NULL;
  conn->ready = true;
  server->ready_count++;
  uv_idle_start(&server->ready_idle, on_ready);
}

void http_server_add_guest(struct http_server *server, struct http_guest *guest)
{
  guest->server = server;
  guest->prev = NULL;
  guest->next = server->guests;
  if (guest->next)
    guest->next->prev = guest;
  server->guests = guest;
}

void http_server_remove_guest(struct http_guest *guest)
{
  struct http_server *server = guest->server;
  if (!server)
    return;
  if (guest->next)
    guest->next->prev = guest->prev;
  if (guest->prev)
    guest->prev->next = guest->next;
  else
    server->guests = guest->next;
  guest->server = NULL;
  finish_stop(server);
}

struct str http_server_date(struct http_server *server)
{
  time_t now = time(NULL);
  if (now != server->date_at) {
    static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm = {0};
    gmtime_r(&now, &tm);
    /* By hand: strftime would use the names of the locale. */
    snprintf(server->date, sizeof server->date, "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n", days + 3 * tm.tm_wday,
             tm.tm_mday % 100, months + 3 * tm.tm_mon, (tm.tm_year + 1900) % 10000, tm.tm_hour % 100, tm.tm_min % 100,
             tm.tm_sec % 100);
    server->date_at = now;
  }
  return str_of(server->date);
}

/* ---- deadlines ---- */

/* What waits to be written must get less: true when it has not for too long. */
static bool is_stuck(struct http_conn *conn, uint64_t now)
{
  size_t queued = stream_queued(conn->stream);
  bool moved = queued != conn->last_queued;
  conn->last_queued = queued;
  if (queued == 0 || moved) {
    conn->write_deadline = now + conn->server->limits.write_ms;
    return false;
  }
  return now >= conn->write_deadline;
}

static void on_sweep(uv_timer_t *timer)
{
  struct http_server *server = timer->data;
  uint64_t now = uv_now(server->loop->loop);
  if (server->stopping && now >= server->stop_deadline) {
    while (server->conns)
      http_conn_close(server->conns);
    for (struct http_guest *g = server->guests, *next; g; g = next) {
      next = g->next;
      g->stop(g, /* now= */ true);
    }
    return;
  }
  for (struct http_conn *conn = server->conns; conn; conn = server->cursor) {
    server->cursor = conn->next;
    if (is_stuck(conn, now))
      http_conn_close(conn);
    else if (conn->deadline && now >= conn->deadline)
      http_conn_timeout(conn);
  }
}

/* ---- starting ---- */

static void or_default(uint64_t *value, uint64_t standard) { *value = *value ? *value : standard; }
static void or_default_size(size_t *value, size_t standard) { *value = *value ? *value : standard; }

static void set_limits(struct http_limits *l)
{
  or_default_size(&l->headers_max, HTTP_HEADERS_MAX);
  or_default_size(&l->body_max, HTTP_BODY_MAX);
  or_default_size(&l->bodies_max, HTTP_BODIES_MAX);
  or_default_size(&l->connections_max, HTTP_CONNECTIONS_MAX);
  or_default(&l->header_ms, HTTP_HEADER_TIMEOUT_MS);
  or_default(&l->body_ms, HTTP_BODY_TIMEOUT_MS);
  or_default(&l->idle_ms, HTTP_IDLE_TIMEOUT_MS);
  or_default(&l->linger_ms, HTTP_LINGER_TIMEOUT_MS);
  or_default(&l->write_ms, HTTP_WRITE_TIMEOUT_MS);
  or_default(&l->drain_ms, HTTP_DRAIN_TIMEOUT_MS);
}

/* A twentieth of the shortest timeout, so that none is late by much. */
static uint64_t sweep_period(const struct http_limits *l)
{
  uint64_t shortest = l->header_ms;
  const uint64_t all[] = {l->body_ms, l->idle_ms, l->linger_ms, l->write_ms, l->drain_ms};
  for (size_t i = 0; i < ARRAY_LEN(all); i++)
    shortest = all[i] < shortest ? all[i] : shortest;
  uint64_t period = shortest / 20 + 1;
  return period < HTTP_SWEEP_MS ? period : HTTP_SWEEP_MS;
}

struct http_server *http_server_new(const struct http_server_config *config)
{
  struct http_server *server = mem_new(sizeof *server);
  server->config = *config;
  server->loop = config->loop;
  server->limits = config->limits;
  set_limits(&server->limits);
  server->head = BUF_INIT(HEAD_MAX);
  server->common = BUF_INIT(HEAD_MAX);
  for (size_t i = 0; i < config->header_count; i++)
    buf_printf(&server->common, "%.*s: %.*s\r\n", STR_ARG(config->headers[i].name), STR_ARG(config->headers[i].value));
  uv_timer_init(server->loop->loop, &server->sweep);
  uv_idle_init(server->loop->loop, &server->ready_idle);
  server->sweep.data = server->ready_idle.data = server->listener.handle.data = server;
  uint64_t period = sweep_period(&server->limits);
  uv_timer_start(&server->sweep, on_sweep, period, period);
  server->open_handles = 2;
  return server;
}

static void on_connection(uv_stream_t *listener, int status)
{
  struct http_server *server = listener->data;
  struct stream *stream;
  if (status < 0 || stream_accept(server->loop, listener, server->tls, &stream))
    return;   /* the peer is gone again, or descriptors ran out: the next one may fare better */
  if (server->conn_count < server->limits.connections_max) {
    http_server_add(server, stream);
    return;
  }
  struct str full = STR("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  if (!server->tls && stream_write(stream, &full, 1, NULL) == OK)
    stream_shutdown(stream);
  stream_close(stream);
}

static Err listen_tcp(struct http_server *server, struct diag *reterr)
{
  const struct http_server_config *c = &server->config;
  const char *ip = c->bind_ip ? c->bind_ip : "::";
  struct sockaddr_storage address;
  if (uv_ip4_addr(ip, c->port, (struct sockaddr_in *)&address) && uv_ip6_addr(ip, c->port, (struct sockaddr_in6 *)&address))
    return diag_set(reterr, ERR_INVALID, "the bind address %s is not an IP address", ip);
  uv_tcp_init(server->loop->loop, &server->listener.tcp);
  server->open_handles++;
  int rc = uv_tcp_bind(&server->listener.tcp, (struct sockaddr *)&address, 0);
  if (rc == UV_EAFNOSUPPORT && strcmp(ip, "::") == 0) {   /* a kernel without IPv6: everything else is "any", too */
    uv_ip4_addr("0.0.0.0", c->port, (struct sockaddr_in *)&address);
    rc = uv_tcp_bind(&server->listener.tcp, (struct sockaddr *)&address, 0);
  }
  if (rc == 0)
    rc = uv_listen(&server->listener.stream, LISTEN_BACKLOG, on_connection);
  return rc < 0 ? diag_set(reterr, err_from_uv(rc), "cannot listen on %s port %u: %s", ip, c->port, uv_strerror(rc)) : OK;
}

static Err listen_unix(struct http_server *server, struct diag *reterr)
{
  const char *path = server->config.unix_path;
  if (strlen(path) > STREAM_UNIX_PATH_MAX)   /* libuv would cut it short */
    return diag_set(reterr, ERR_INVALID, "the socket path %s is longer than %d bytes", path, STREAM_UNIX_PATH_MAX);
  uv_pipe_init(server->loop->loop, &server->listener.pipe, /* ipc= */ 0);
  server->open_handles++;
  int rc = uv_pipe_bind(&server->listener.pipe, path);
  if (rc == 0 && chmod(path, 0600) < 0)
    rc = uv_translate_sys_error(errno);
  if (rc == 0)
    rc = uv_listen(&server->listener.stream, LISTEN_BACKLOG, on_connection);
  return rc < 0 ? diag_set(reterr, err_from_uv(rc), "cannot listen on %s: %s", path, uv_strerror(rc)) : OK;
}

Err http_server_start(const struct http_server_config *config, struct http_server **ret_server, struct diag *reterr)
{
  SSL_CTX *tls = NULL;
  if (!config->tls_cert_file != !config->tls_key_file)
    return diag_set(reterr, ERR_INVALID, "TLS needs both a certificate file and a key file");
  if (config->tls_cert_file) {
    Err err = tls_server_new(config->tls_cert_file, config->tls_key_file, &tls, reterr);
    if (err)
      return err;
  }
  struct http_server *server = http_server_new(config);
  server->tls = tls;
  Err err = config->unix_path ? listen_unix(server, reterr) : listen_tcp(server, reterr);
  if (err) {
    http_server_stop(server, NULL, NULL);
    return err;
  }
  *ret_server = server;
  return OK;
}

uint16_t http_server_port(const struct http_server *server)
{
  struct sockaddr_storage address = {0};
  int len = sizeof address;
  if (server->config.unix_path || uv_tcp_getsockname(&server->listener.tcp, (struct sockaddr *)&address, &len) < 0)
    return 0;
  return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                             : ((struct sockaddr_in *)&address)->sin_port);
}

Err http_server_reload_tls(struct http_server *server, struct diag *reterr)
{
  if (!server->tls)
    return OK;
  SSL_CTX *fresh;
  Err err = tls_server_new(server->config.tls_cert_file, server->config.tls_key_file, &fresh, reterr);
  if (err)
    return err;
  tls_free(server->tls);
  server->tls = fresh;
  return OK;
}

/* ---- stopping ---- */

static void on_handle_closed(uv_handle_t *h)
{
  struct http_server *server = h->data;
  if (--server->open_handles)
    return;
  void (*on_stopped)(void *data) = server->on_stopped;
  void *data = server->stopped_data;
  tls_free(server->tls);
  buf_release(&server->head);
  buf_release(&server->common);
  if (server->zip_ready)
    deflateEnd(&server->zip);
  mem_free(server);
  if (on_stopped)
    on_stopped(data);
}

static void finish_stop(struct http_server *server)
{
  if (!server->stopping || server->finishing || server->conns || server->guests)
    return;
  server->finishing = true;
  uv_close((uv_handle_t *)&server->sweep, on_handle_closed);
  uv_close((uv_handle_t *)&server->ready_idle, on_handle_closed);
}

void http_server_stop(struct http_server *server, void (*on_stopped)(void *data), void *data)
{
  if (server->stopping)
    return;
  server->stopping = true;
  server->on_stopped = on_stopped;
  server->stopped_data = data;
  server->stop_deadline = uv_now(server->loop->loop) + server->limits.drain_ms;
  if (server->open_handles == 3)
    uv_close(&server->listener.handle, on_handle_closed);
  for (struct http_conn *conn = server->conns; conn; conn = server->cursor) {
    server->cursor = conn->next;
    if (http_conn_is_idle(conn) && stream_queued(conn->stream) == 0)
      http_conn_close(conn);
    else if (http_conn_is_idle(conn) || conn->state == CONN_LINGER)
      http_conn_finish(conn);
  }
  for (struct http_guest *g = server->guests, *next; g; g = next) {
    next = g->next;
    g->stop(g, /* now= */ false);
  }
  finish_stop(server);
}
