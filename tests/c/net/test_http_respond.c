/* The answers of http_server.h: whole and in pieces, to clients that read and that do not. */
#include "http_fixture.h"

static void sends_large_answers_whole(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  start(&f, (struct http_server_config){0});
  fill(&f.big, 20 << 20);
  client_open(&c, &f.loop, f.port);
  client_send(&c, "GET /big HTTP/1.1\r\nHost: a\r\n\r\nGET /after HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  client_expect(&c, "[GET /after ?  | ]");
  const char *body = strstr(c.in.ptr, "\r\n\r\n") + 4;
  assert_memory_equal(body, f.big.ptr, f.big.len);
  client_expect_eof(&c);
  client_close(&c);
  stop(&f);
}

static void does_not_produce_for_those_who_do_not_read(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  start(&f, (struct http_server_config){0});
  fill(&f.big, 16 << 20);
  client_open(&c, &f.loop, f.port);
  for (int i = 0; i < 2000; i++)
    client_send(&c, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
  RUN_UNTIL(&f.loop, f.requests == 1);
  for (int i = 0; i < 50; i++)
    uv_run(&f.loop.uv, UV_RUN_NOWAIT);
  assert_in_range(f.requests, 1, 2);   /* one may fit the socket's buffers */
  client_close(&c);
  stop(&f);
}

static void drops_who_never_reads(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  start(&f, (struct http_server_config){.limits = {.write_ms = 60, .drain_ms = 60000}});
  fill(&f.big, 64 << 20);
  client_open(&c, &f.loop, f.port);
  client_send(&c, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
  RUN_UNTIL(&f.loop, f.requests == 1);
  http_server_stop(f.server, on_stopped, &f);   /* waits for the answer, so it is the write timeout that ends it */
  RUN_UNTIL(&f.loop, f.stopped);
  client_close(&c);
  loop_close(&f.loop);
  buf_release(&f.big);
}

static void head_has_no_body(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  start(&f, (struct http_server_config){0});
  client_open(&c, &f.loop, f.port);
  client_send(&c, "HEAD /abc HTTP/1.1\r\nHost: a\r\n\r\nGET /z HTTP/1.1\r\nHost: a\r\n\r\n");
  client_expect(&c, "[GET /z ?  | ]");
  assert_non_null(strstr(c.in.ptr, "Content-Length: 17\r\n\r\nHTTP/1.1 200 OK"));   /* "[HEAD /abc ?  | ]" */
  client_close(&c);
  stop(&f);
}

static void values_cannot_forge_headers(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  struct http_header evil = {STR("Location"), STR("/a\r\nSet-Cookie: b")};
  start(&f, (struct http_server_config){0});
  client_open(&c, &f.loop, f.port);
  client_send(&c, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
  RUN_UNTIL(&f.loop, f.held);
  http_respond(f.held, 302, &evil, 1, STR(""));
  client_expect(&c, "Location: /a  Set-Cookie: b\r\n");
  client_close(&c);
  stop(&f);
}

/* ---- pieces ---- */

static void on_piece_drain(struct http_req *req, void *data)
{
  struct fixture *f = data;
  f->drained = true;
  f->gone = http_req_is_gone(req);
}

static void begin(struct fixture *f, struct client *c, const char *request)
{
  client_send(c, request);
  RUN_UNTIL(&f->loop, f->held);
  struct http_header type = {STR("Content-Type"), STR("text/plain")};
  http_respond_begin(f->held, 200, &type, 1, on_piece_drain, f);
}

static void streams_in_pieces(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  bool full;
  start(&f, (struct http_server_config){0});
  client_open(&c, &f.loop, f.port);
  begin(&f, &c, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
  assert_true(http_respond_write(f.held, STR("hello "), &full));
  assert_false(full);
  client_expect(&c, "Transfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n");
  assert_true(http_respond_write(f.held, STR("you"), NULL));
  http_respond_end(f.held);
  client_expect(&c, "3\r\nyou\r\n0\r\n\r\n");
  f.held = NULL;
  begin(&f, &c, "HEAD /hold HTTP/1.1\r\nHost: a\r\n\r\n");
  assert_true(http_respond_write(f.held, STR("unseen"), NULL));
  http_respond_end(f.held);
  f.held = NULL;
  begin(&f, &c, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
  http_respond_write(f.held, STR("lost"), NULL);
  http_respond_abort(f.held);
  client_expect_eof(&c);
  assert_null(strstr(c.in.ptr, "unseen"));
  assert_null(strstr(strstr(c.in.ptr, "lost"), "0\r\n\r\n"));
  client_close(&c);
  client_open(&c, &f.loop, f.port);
  f.held = NULL;
  begin(&f, &c, "GET /hold HTTP/1.0\r\n\r\n");
  http_respond_write(f.held, STR("old style"), NULL);
  http_respond_end(f.held);
  client_expect(&c, "\r\n\r\nold style");
  client_expect_eof(&c);
  client_close(&c);
  stop(&f);
}

static void streams_a_promised_length(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  struct http_header length = {STR("Content-Length"), STR("5")};
  start(&f, (struct http_server_config){0});
  client_open(&c, &f.loop, f.port);
  client_send(&c, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
  RUN_UNTIL(&f.loop, f.held);
  http_respond_begin(f.held, 200, &length, 1, NULL, NULL);
  assert_true(http_respond_write(f.held, STR("12345"), NULL));
  http_respond_end(f.held);
  client_expect(&c, "Content-Length: 5\r\n\r\n12345");
  f.held = NULL;
  client_send(&c, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
  RUN_UNTIL(&f.loop, f.held);
  http_respond_begin(f.held, 200, &length, 1, NULL, NULL);
  assert_true(http_respond_write(f.held, STR("12"), NULL));
  http_respond_end(f.held);   /* less than promised: the client must notice */
  client_expect_eof(&c);
  client_close(&c);
  stop(&f);
}

static void pushes_back_while_streaming(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  bool full = false;
  size_t sent = 0;
  start(&f, (struct http_server_config){0});
  fill(&f.big, 100000);
  client_open(&c, &f.loop, f.port);
  begin(&f, &c, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
  while (!full) {
    assert_true(http_respond_write(f.held, buf_str(&f.big), &full));
    sent++;
  }
  assert_false(f.drained);
  client_read(&c);
  RUN_UNTIL(&f.loop, f.drained);
  assert_false(f.gone);
  http_respond_end(f.held);
  client_expect(&c, "\r\n0\r\n\r\n");
  assert_in_range(c.in.len, sent * f.big.len, sent * (f.big.len + 20) + 500);
  client_close(&c);
  f.held = NULL;
  f.drained = false;
  client_open(&c, &f.loop, f.port);
  begin(&f, &c, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
  for (full = false; !full;)
    assert_true(http_respond_write(f.held, buf_str(&f.big), &full));
  client_close(&c);
  RUN_UNTIL(&f.loop, f.drained);   /* also comes when the client leaves */
  assert_true(f.gone);
  assert_false(http_respond_write(f.held, STR("x"), &full));
  http_respond_end(f.held);
  stop(&f);
}

static void tells_an_idle_stream_that_its_client_left(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  start(&f, (struct http_server_config){0});
  client_open(&c, &f.loop, f.port);
  begin(&f, &c, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
  client_expect(&c, "\r\n\r\n");
  client_close(&c);
  RUN_UNTIL(&f.loop, f.drained);
  assert_true(f.gone);
  http_respond_abort(f.held);
  stop(&f);
}

static void survives_every_failed_allocation(void **state)
{
  (void)state;
  size_t answered = 0;
  bool hit = true;
  for (long n = 0; hit; n++) {
    struct fixture f = {0};
    struct client c;
    char filler[3000] = {0};
    start(&f, (struct http_server_config){0});
    fill(&f.big, 8 << 20);
    client_open(&c, &f.loop, f.port);
    client_read(&c);
    mem_fail_after(n);
    client_send(&c, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n");
    client_send_n(&c, filler, sizeof filler);
    client_send(&c, "GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    client_expect_eof(&c);
    hit = mem_disarm();
    answered += c.in.len > f.big.len;
    client_close(&c);
    stop(&f);
  }
  assert_true(answered > 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sends_large_answers_whole),
      cmocka_unit_test(does_not_produce_for_those_who_do_not_read),
      cmocka_unit_test(drops_who_never_reads),
      cmocka_unit_test(head_has_no_body),
      cmocka_unit_test(values_cannot_forge_headers),
      cmocka_unit_test(streams_in_pieces),
      cmocka_unit_test(streams_a_promised_length),
      cmocka_unit_test(pushes_back_while_streaming),
      cmocka_unit_test(tells_an_idle_stream_that_its_client_left),
      cmocka_unit_test(survives_every_failed_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
