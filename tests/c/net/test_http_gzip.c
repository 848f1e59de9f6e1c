/* Compression of answers by the HTTP server. */
#include "net_test.h"

#include <zlib.h>

#include "net/http_server.h"

struct fixture {
  struct test_loop loop;
  struct http_server *server;
  bool stopped;
  struct client client;
  struct buf body;
  const char *type;
};

static void on_request(struct http_req *req, void *data)
{
  struct fixture *f = data;
  struct http_header headers[] = {{STR("Content-Type"), str_of(f->type)}, {STR("ETag"), STR("\"x\"")}};
  struct buf copy = BUF_INIT(f->body.len);
  buf_add_str(&copy, buf_str(&f->body));
  http_respond_take(req, 200, headers, 2, &copy);
  assert_null(copy.ptr);
}

static void start(struct fixture *f, size_t len)
{
  loop_open(&f->loop);
  f->type = "application/json; charset=utf-8";
  f->body = BUF_INIT(len);
  for (unsigned i = 0; f->body.len + 12 < len; i++)
    buf_printf(&f->body, "[%u,%u],", i % 7, i % 1000);
  struct http_server_config config = {.loop = &f->loop.op, .bind_ip = "127.0.0.1", .on_request = on_request, .data = f};
  assert_int_equal(http_server_start(&config, &f->server, NULL), OK);
  client_open(&f->client, &f->loop, http_server_port(f->server));
}

static void on_stopped(void *data) { ((struct fixture *)data)->stopped = true; }

static void stop(struct fixture *f)
{
  client_close(&f->client);
  http_server_stop(f->server, on_stopped, f);
  RUN_UNTIL(&f->loop, f->stopped);
  loop_close(&f->loop);
  buf_release(&f->body);
}

/* Sends one request and returns the answer's body, with its head in `head`. */
static struct str ask(struct fixture *f, const char *method, const char *accept, char head[1024])
{
  char request[256];
  snprintf(request, sizeof request, "%s / HTTP/1.1\r\nHost: a\r\n%s\r\n", method, accept);
  buf_clear(&f->client.in);
  client_send(&f->client, request);
  client_expect(&f->client, "\r\n\r\n");
  const char *end = strstr(f->client.in.ptr, "\r\n\r\n") + 4;
  size_t head_len = (size_t)(end - f->client.in.ptr);
  snprintf(head, 1024, "%.*s", (int)head_len, f->client.in.ptr);
  size_t len = strtoul(strstr(head, "Content-Length: ") + 16, NULL, 10);
  if (strcmp(method, "HEAD") == 0)
    len = 0;
  RUN_UNTIL(&f->loop, f->client.in.len >= head_len + len);
  assert_int_equal(f->client.in.len, head_len + len);
  return str_make(f->client.in.ptr + head_len, len);
}

static void inflates_to(struct str packed, const struct buf *body)
{
  z_stream z = {0};
  struct buf plain = BUF_INIT(body->len + 100);
  assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
  assert_int_equal(buf_reserve(&plain, body->len + 100), OK);
  z.next_in = (Bytef *)(uintptr_t)packed.ptr;
  z.avail_in = (uInt)packed.len;
  z.next_out = (Bytef *)plain.ptr;
  z.avail_out = (uInt)body->len + 100;
  assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
  assert_int_equal(z.total_out, body->len);
  assert_memory_equal(plain.ptr, body->ptr, body->len);
  inflateEnd(&z);
  buf_release(&plain);
}

static void compresses(size_t len)
{
  struct fixture f = {0};
  char head[1024];
  start(&f, len);
  struct str body = ask(&f, "GET", "Accept-Encoding: deflate, gzip;q=0.5\r\n", head);
  assert_non_null(strstr(head, "Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n"));
  assert_non_null(strstr(head, "ETag: W/\"x\"\r\n"));
  assert_true(body.len < f.body.len / 2);
  inflates_to(body, &f.body);
  inflates_to(ask(&f, "GET", "Accept-Encoding: GZIP\r\n", head), &f.body);   /* the compressor starts afresh */
  stop(&f);
}

static void compresses_on_the_loop(void **state)
{
  (void)state;
  compresses(40000);
}

static void compresses_large_bodies_elsewhere(void **state)
{
  (void)state;
  compresses(3000000);
}

static void leaves_the_rest_alone(void **state)
{
  (void)state;
  static const struct { const char *method, *accept, *type; size_t len; bool vary; } rows[] = {
      {"GET", "", "application/json", 40000, true},
      {"GET", "Accept-Encoding: gzip;q=0\r\n", "application/json", 40000, true},
      {"GET", "Accept-Encoding: br\r\n", "text/css", 40000, true},
      {"GET", "Accept-Encoding: gzip\r\n", "image/png", 40000, false},
      {"GET", "Accept-Encoding: gzip\r\n", "text/event-stream", 40000, false},
      {"GET", "Accept-Encoding: gzip\r\n", "application/json", 1000, false},
      {"HEAD", "Accept-Encoding: gzip\r\n", "application/json", 40000, true},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct fixture f = {0};
    char head[1024];
    start(&f, rows[i].len);
    f.type = rows[i].type;
    struct str body = ask(&f, rows[i].method, rows[i].accept, head);
    assert_null(strstr(head, "Content-Encoding"));
    assert_non_null(strstr(head, "ETag: \"x\""));
    assert_int_equal(strstr(head, "Vary") != NULL, rows[i].vary);
    if (body.len)
      assert_true(str_eq(body, buf_str(&f.body)));
    stop(&f);
  }
}

static void a_client_may_leave_meanwhile(void **state)
{
  (void)state;
  struct fixture f = {0};
  start(&f, 3000000);
  client_send(&f.client, "GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
  uv_run(&f.loop.uv, UV_RUN_ONCE);
  uv_run(&f.loop.uv, UV_RUN_ONCE);
  stop(&f);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(compresses_on_the_loop),
      cmocka_unit_test(compresses_large_bodies_elsewhere),
      cmocka_unit_test(leaves_the_rest_alone),
      cmocka_unit_test(a_client_may_leave_meanwhile),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
