/* tls.h and stream.h: the HTTP server under TLS, dialled by a stream. */
#include "tls_test.h"

#include "net/http_server.h"
#include "net/stream.h"

struct fixture {
  struct test_loop loop;
  struct http_server *server;
  struct buf big;
  bool stopped;
  uint16_t port;
  char dir[32], cert[64], key[64];
};

static void on_request(struct http_req *req, void *data)
{
  struct fixture *f = data;
  assert_true(http_req_is_tls(req));
  http_respond(req, 200, NULL, 0, str_eqc(http_req_path(req), "/big") ? buf_str(&f->big) : http_req_body(req));
}

static void start(struct fixture *f)
{
  struct diag d = {0};
  loop_open(&f->loop);
  snprintf(f->dir, sizeof f->dir, "/tmp/net-tls-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  make_cert(f->dir);
  snprintf(f->cert, sizeof f->cert, "%s/cert.pem", f->dir);
  snprintf(f->key, sizeof f->key, "%s/key.pem", f->dir);
  struct http_server_config config = {.loop = &f->loop.op, .bind_ip = "127.0.0.1", .tls_cert_file = f->cert,
                                      .tls_key_file = f->key, .on_request = on_request, .data = f};
  if (http_server_start(&config, &f->server, &d))
    fail_msg("%s", d.message);
  f->port = http_server_port(f->server);
}

static void on_stopped(void *data) { ((struct fixture *)data)->stopped = true; }

static void stop(struct fixture *f)
{
  http_server_stop(f->server, on_stopped, f);
  RUN_UNTIL(&f->loop, f->stopped);
  loop_close(&f->loop);
  buf_release(&f->big);
  remove_cert(f->dir);
}

struct dialer {
  struct stream *stream;
  struct buf in;
  struct diag why;
  bool open, ended;
  Err err;
};

static void on_open(void *data) { ((struct dialer *)data)->open = true; }
static void on_read(void *data, struct str bytes) { buf_add_str(&((struct dialer *)data)->in, bytes); }

static void on_end(void *data, Err err, const struct diag *d)
{
  struct dialer *c = data;
  c->ended = true;
  c->err = err;
  if (d)
    c->why = *d;
}

static const struct stream_events events = {.on_open = on_open, .on_read = on_read, .on_end = on_end};

static void dial(struct dialer *c, struct fixture *f, bool insecure, const char *host)
{
  struct sockaddr_in address;
  SSL_CTX *tls;
  *c = (struct dialer){.in = BUF_INIT(100 << 20)};
  uv_ip4_addr("127.0.0.1", f->port, &address);
  assert_int_equal(tls_client_new(insecure, &tls, NULL), OK);
  assert_int_equal(stream_dial(&f->loop.op, (struct sockaddr *)&address, &c->stream), OK);
  assert_int_equal(stream_use_tls(c->stream, tls, host), OK);
  tls_free(tls);
  stream_own(c->stream, &events, c);
  RUN_UNTIL(&f->loop, c->open || c->ended);
}

static void send_text(struct dialer *c, const char *text)
{
  struct str part = str_of(text);
  assert_int_equal(stream_write(c->stream, &part, 1, NULL), OK);
}

static void serves_under_tls(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct dialer c;
  start(&f);
  f.big = BUF_INIT(20 << 20);
  for (int i = 0; i < 2000000; i++)
    buf_add(&f.big, "0123456789", 10);
  dial(&c, &f, true, "localhost");
  assert_true(c.open);
  send_text(&c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
  RUN_UNTIL(&f.loop, c.in.len && str_ends(buf_str(&c.in), STR("\r\n\r\nhello")));
  buf_clear(&c.in);
  send_text(&c, "GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  RUN_UNTIL(&f.loop, c.ended);
  assert_int_equal(c.err, OK);
  assert_true(str_ends(buf_str(&c.in), buf_str(&f.big)));
  stream_close(c.stream);
  buf_release(&c.in);
  stop(&f);
}

static void verifies_names_and_trust(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct dialer c;
  start(&f);
  static const struct { const char *host; bool fine; } rows[] = {
      {"localhost", true}, {"127.0.0.1", true}, {"example.com", false}, {"127.0.0.2", false}};
  setenv("SSL_CERT_FILE", f.cert, 1);
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    dial(&c, &f, false, rows[i].host);
    assert_int_equal(c.open, rows[i].fine);
    if (!rows[i].fine)
      assert_non_null(strstr(c.why.message, "mismatch"));
    stream_close(c.stream);
  }
  setenv("SSL_CERT_FILE", "/dev/null", 1);
  dial(&c, &f, false, "localhost");
  assert_int_equal(c.err, ERR_PROTOCOL);
  assert_non_null(strstr(c.why.message, "self-signed"));
  stream_close(c.stream);
  unsetenv("SSL_CERT_FILE");
  stop(&f);
}

static void reloads_its_certificate(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct dialer c;
  struct diag d = {0};
  char old[64];
  start(&f);
  snprintf(old, sizeof old, "%s/old.pem", f.dir);
  assert_int_equal(rename(f.cert, old), 0);
  make_cert(f.dir);
  setenv("SSL_CERT_FILE", f.cert, 1);
  dial(&c, &f, false, "localhost");
  assert_false(c.open);
  stream_close(c.stream);
  assert_int_equal(http_server_reload_tls(f.server, &d), OK);
  dial(&c, &f, false, "localhost");
  assert_true(c.open);
  stream_close(c.stream);
  assert_int_equal(remove(f.key), 0);
  assert_int_equal(http_server_reload_tls(f.server, &d), ERR_INVALID);
  assert_non_null(strstr(d.message, "key.pem"));
  dial(&c, &f, false, "localhost");   /* the old one still serves */
  assert_true(c.open);
  stream_close(c.stream);
  assert_int_equal(rename(old, f.cert), 0);
  unsetenv("SSL_CERT_FILE");
  stop(&f);
}

static void survives_plain_text(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  start(&f);
  client_open(&c, &f.loop, f.port);
  client_send(&c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  client_expect_eof(&c);
  client_close(&c);
  stop(&f);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(serves_under_tls),
      cmocka_unit_test(verifies_names_and_trust),
      cmocka_unit_test(reloads_its_certificate),
      cmocka_unit_test(survives_plain_text),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
