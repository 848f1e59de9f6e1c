/* ws_connect(): names, sockets, TLS, and servers that do not want to. */
#include "tls_test.h"

#include "net/ws.h"

struct fixture {
  struct test_loop loop;
  struct http_server *server;
  struct ws *ws, *accepted;
  char dir[32], cert[64], key[64], path[64];
  uint16_t port;
  bool open, closed, accepted_closed, stopped;
  Err err;
  int code;
  struct diag why;
  char text[64];
  const char *answer;              /* instead of accepting */
};

static void on_open(struct ws *ws, void *data)
{
  (void)ws;
  ((struct fixture *)data)->open = true;
}

static void on_message(struct ws *ws, enum ws_kind kind, struct str message, void *data)
{
  struct fixture *f = data;
  if (ws == f->accepted) {
    assert_int_equal(ws_send(ws, kind, message), OK);
    return;
  }
  snprintf(f->text, sizeof f->text, "%.*s", STR_ARG(message));
}

static void on_close(struct ws *ws, Err err, int code, const struct diag *d, void *data)
{
  struct fixture *f = data;
  if (ws == f->accepted) {
    f->accepted_closed = true;
    return;
  }
  f->closed = true;
  f->err = err;
  f->code = code;
  f->why = *d;
}

static struct ws_config config_for(struct fixture *f)
{
  return (struct ws_config){.frame_max = 1 << 20, .message_max = 1 << 20, .queue_max = 1 << 20, .on_open = on_open,
                            .on_message = on_message, .on_close = on_close, .data = f};
}

static void on_request(struct http_req *req, void *data)
{
  struct fixture *f = data;
  struct ws_config config = config_for(f);
  if (f->answer)
    http_respond(req, 401, NULL, 0, str_of(f->answer));
  else
    assert_int_equal(ws_accept(req, &config, &f->accepted), OK);
}

static void start(struct fixture *f, bool tls, bool unix_socket)
{
  loop_open(&f->loop);
  snprintf(f->dir, sizeof f->dir, "/tmp/net-dial-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  snprintf(f->cert, sizeof f->cert, "%s/cert.pem", f->dir);
  snprintf(f->key, sizeof f->key, "%s/key.pem", f->dir);
  snprintf(f->path, sizeof f->path, "%s/socket", f->dir);
  if (tls)
    make_cert(f->dir);
  struct http_server_config config = {.loop = &f->loop.op, .bind_ip = "127.0.0.1", .on_request = on_request, .data = f,
                                      .unix_path = unix_socket ? f->path : NULL, .tls_cert_file = tls ? f->cert : NULL,
                                      .tls_key_file = tls ? f->key : NULL};
  assert_int_equal(http_server_start(&config, &f->server, NULL), OK);
  f->port = http_server_port(f->server);
}

static void on_stopped(void *data) { ((struct fixture *)data)->stopped = true; }

static void stop(struct fixture *f)
{
  http_server_stop(f->server, on_stopped, f);
  RUN_UNTIL(&f->loop, f->stopped);
  loop_close(&f->loop);
  remove_cert(f->dir);
}

static void dial(struct fixture *f, struct ws_dial how)
{
  struct ws_config config = config_for(f);
  struct diag d = {0};
  char url[128];
  const char *mark = strstr(how.url, "PORT");
  if (mark) {
    snprintf(url, sizeof url, "%.*s%u%s", (int)(mark - how.url), how.url, f->port, mark + 4);
    how.url = url;
  }
  f->open = f->closed = false;
  if (ws_connect(&f->loop.op, &how, &config, &f->ws, &d))
    fail_msg("%s", d.message);
}

static void talk_and_close(struct fixture *f)
{
  RUN_UNTIL(&f->loop, f->open || f->closed);
  if (!f->open)
    fail_msg("%s", f->why.message);
  assert_int_equal(ws_send(f->ws, WS_TEXT, STR("hello")), OK);
  RUN_UNTIL(&f->loop, f->text[0]);
  assert_string_equal(f->text, "hello");
  ws_close(f->ws, 1000);
  RUN_UNTIL(&f->loop, f->closed && f->accepted_closed);
  assert_int_equal(f->err, OK);
}

static void resolves_names(void **state)
{
  (void)state;
  struct fixture f = {0};
  start(&f, false, false);
  dial(&f, (struct ws_dial){.url = "ws://LOCALHOST:PORT//ws/x?server=a%20b", .connect_timeout_ms = 5000});
  char host[32];
  snprintf(host, sizeof host, "localhost:%u", f.port);
  assert_string_equal(ws_host(f.ws).ptr, host);
  talk_and_close(&f);
  stop(&f);
}

static void goes_through_a_unix_socket(void **state)
{
  (void)state;
  struct fixture f = {0};
  start(&f, false, true);
  dial(&f, (struct ws_dial){.url = "ws://docker/attach", .unix_path = f.path, .connect_timeout_ms = 5000});
  assert_string_equal(ws_host(f.ws).ptr, "docker");
  talk_and_close(&f);
  stop(&f);
}

static void speaks_tls(void **state)
{
  (void)state;
  struct fixture f = {0};
  start(&f, true, false);
  dial(&f, (struct ws_dial){.url = "wss://127.0.0.1:PORT", .insecure_tls = true, .connect_timeout_ms = 5000});
  talk_and_close(&f);
  setenv("SSL_CERT_FILE", f.cert, 1);
  f.text[0] = 0;
  dial(&f, (struct ws_dial){.url = "wss://localhost:PORT", .connect_timeout_ms = 5000});
  talk_and_close(&f);
  setenv("SSL_CERT_FILE", "/dev/null", 1);
  dial(&f, (struct ws_dial){.url = "wss://localhost:PORT", .connect_timeout_ms = 5000});
  RUN_UNTIL(&f.loop, f.closed);
  assert_int_equal(f.err, ERR_PROTOCOL);
  assert_non_null(strstr(f.why.message, "self-signed certificate"));
  unsetenv("SSL_CERT_FILE");
  dial(&f, (struct ws_dial){.url = "ws://127.0.0.1:PORT", .connect_timeout_ms = 5000});   /* in clear to a TLS port */
  RUN_UNTIL(&f.loop, f.closed);
  assert_int_not_equal(f.err, OK);
  stop(&f);
}

static void tells_why_it_was_refused(void **state)
{
  (void)state;
  struct fixture f = {.answer = "{\"error\":\"Server 'x' not found\"}"};
  start(&f, false, false);
  dial(&f, (struct ws_dial){.url = "ws://127.0.0.1:PORT/", .connect_timeout_ms = 5000});
  RUN_UNTIL(&f.loop, f.closed);
  assert_false(f.open);
  assert_int_equal(f.err, ERR_REMOTE);
  assert_int_equal(f.code, 401);
  assert_string_equal(f.why.message, "the server answered 401 Unauthorized instead of upgrading to WebSocket");
  assert_string_equal(f.why.trace, "{\"error\":\"Server 'x' not found\"}");
  stop(&f);
}

static void tells_why_it_cannot_connect(void **state)
{
  (void)state;
  struct fixture f = {0};
  start(&f, false, false);
  dial(&f, (struct ws_dial){.url = "ws://127.0.0.1:1", .connect_timeout_ms = 5000});
  RUN_UNTIL(&f.loop, f.closed);
  assert_string_equal(f.why.message, "cannot connect to 127.0.0.1:1: connection refused");
  dial(&f, (struct ws_dial){.url = "ws://name.invalid", .connect_timeout_ms = 10000});
  RUN_UNTIL(&f.loop, f.closed);
  assert_non_null(strstr(f.why.message, "cannot connect to name.invalid: "));
  dial(&f, (struct ws_dial){.url = "ws://x", .unix_path = "/nowhere/socket", .connect_timeout_ms = 5000});
  RUN_UNTIL(&f.loop, f.closed);
  assert_int_equal(f.err, ERR_NOTFOUND);
  stop(&f);
}

static void refuses_bad_urls(void **state)
{
  (void)state;
  static const char *const rows[] = {"http://a", "a", "", "ws://", "ws://u:p@a", "ws://a b", "ws://a:99999", "ws://a/\r\nX: y"};
  struct fixture f = {0};
  start(&f, false, false);
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct ws_dial how = {.url = rows[i]};
    struct ws_config config = config_for(&f);
    struct diag d = {0};
    if (ws_connect(&f.loop.op, &how, &config, &f.ws, &d) != ERR_INVALID || !d.message[0])
      fail_msg("%s", rows[i]);
  }
  struct ws_dial how = {.url = "ws://a", .user_agent = "x\r\ny"};
  struct ws_config config = config_for(&f);
  assert_int_equal(ws_connect(&f.loop.op, &how, &config, &f.ws, NULL), ERR_INVALID);
  stop(&f);
}

static void can_be_dropped_at_any_moment(void **state)
{
  (void)state;
  for (int turns = 0; turns < 12; turns++) {
    struct fixture f = {0};
    start(&f, true, false);
    dial(&f, (struct ws_dial){.url = "wss://localhost:PORT", .insecure_tls = true, .connect_timeout_ms = 5000});
    for (int i = 0; i < turns; i++)
      uv_run(&f.loop.uv, UV_RUN_ONCE);
    ws_drop(f.ws);
    RUN_UNTIL(&f.loop, f.closed);
    assert_int_equal(f.err, ERR_CANCELLED);
    if (f.accepted)
      RUN_UNTIL(&f.loop, f.accepted_closed);
    stop(&f);
  }
}

/* ---- servers of another kind ---- */

struct peer {
  uv_tcp_t listener, conn;
  const char *answer;
  bool accepted, hang_up;
};

static void peer_alloc(uv_handle_t *h, size_t hint, uv_buf_t *ret)
{
  static char bytes[4096];
  (void)h;
  (void)hint;
  *ret = uv_buf_init(bytes, sizeof bytes);
}

static void peer_on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
  struct peer *p = s->data;
  (void)b;
  if (n > 0 && p->answer) {
    uv_buf_t out = uv_buf_init((char *)(uintptr_t)p->answer, (unsigned)strlen(p->answer));
    assert_int_equal(uv_try_write(s, &out, 1), (int)out.len);
    p->answer = NULL;
  }
  if (n > 0 && p->hang_up && !uv_is_closing((uv_handle_t *)s))
    uv_close((uv_handle_t *)s, NULL);
}

static void peer_on_connection(uv_stream_t *s, int status)
{
  struct peer *p = s->data;
  assert_int_equal(status, 0);
  p->conn.data = p;
  uv_tcp_init(s->loop, &p->conn);
  p->conn.data = p;
  uv_accept(s, (uv_stream_t *)&p->conn);
  uv_read_start((uv_stream_t *)&p->conn, peer_alloc, peer_on_read);
  p->accepted = true;
}

static void meet(const char *answer, bool hang_up, Err err, const char *words)
{
  struct fixture f = {0};
  struct peer p = {.answer = answer, .hang_up = hang_up};
  struct sockaddr_in address;
  int len = sizeof address;
  loop_open(&f.loop);
  uv_ip4_addr("127.0.0.1", 0, &address);
  uv_tcp_init(&f.loop.uv, &p.listener);
  p.listener.data = &p;
  uv_tcp_bind(&p.listener, (struct sockaddr *)&address, 0);
  assert_int_equal(uv_listen((uv_stream_t *)&p.listener, 8, peer_on_connection), 0);
  uv_tcp_getsockname(&p.listener, (struct sockaddr *)&address, &len);
  f.port = ntohs(address.sin_port);
  dial(&f, (struct ws_dial){.url = "ws://127.0.0.1:PORT", .connect_timeout_ms = 300});
  RUN_UNTIL(&f.loop, f.closed);
  assert_false(f.open);
  if (f.err != err || !strstr(f.why.message, words))
    fail_msg("%s: %s", err_name(f.err), f.why.message);
  uv_close((uv_handle_t *)&p.listener, NULL);
  if (p.accepted && !uv_is_closing((uv_handle_t *)&p.conn))
    uv_close((uv_handle_t *)&p.conn, NULL);
  loop_close(&f.loop);
}

static void meets_other_servers(void **state)
{
  (void)state;
  char *endless = mem_new(100000);
  memset(endless, 'x', 99999);
  memcpy(endless, "HTTP/1.1 200 OK\r\nX: ", 20);
  meet(NULL, false, ERR_TIMEOUT, "in time");
  meet("SSH-2.0-OpenSSH\r\n", false, ERR_PROTOCOL, "HTTP/1.1");
  meet("HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n", false, ERR_PROTOCOL,
       "Sec-WebSocket-Accept");
  meet("HTTP/1.1 101 OK\r\n\r\n", false, ERR_PROTOCOL, "not valid");
  meet("HTTP/1.1 404 Not Found\r\n\r\nuntil the end", true, ERR_REMOTE, "404");
  meet("HTTP/1.1 50", true, ERR_CLOSED, "hung up");
  meet(NULL, true, ERR_CLOSED, "hung up");
  meet(endless, false, ERR_PROTOCOL, "");
  mem_free(endless);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(resolves_names),
      cmocka_unit_test(goes_through_a_unix_socket),
      cmocka_unit_test(speaks_tls),
      cmocka_unit_test(tells_why_it_was_refused),
      cmocka_unit_test(tells_why_it_cannot_connect),
      cmocka_unit_test(refuses_bad_urls),
      cmocka_unit_test(can_be_dropped_at_any_moment),
      cmocka_unit_test(meets_other_servers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
