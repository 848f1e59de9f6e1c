/* http_server.h over real sockets. */
#include "http_fixture.h"

static void answers_and_keeps_the_connection(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  struct http_header common = {STR("X-Common"), STR("yes")};
  start(&f, (struct http_server_config){.headers = &common, .header_count = 1});
  client_open(&c, &f.loop, f.port);
  client_send(&c, "GET /a?b=1&c HTTP/1.1\r\nHost: x\r\n\r\n");
  client_expect(&c, "[GET /a ? b=1&c | ]");
  client_send(&c, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
  client_expect(&c, "[POST /p ?  | hello]");
  assert_int_equal(client_count(&c, "HTTP/1.1 200 OK\r\nDate: "), 2);
  assert_int_equal(client_count(&c, "X-Common: yes\r\nContent-Type: text/plain\r\nContent-Length: "), 2);
  assert_null(strstr(c.in.ptr, "Connection"));
  client_close(&c);
  stop(&f);
}

static void accepts_single_bytes(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  start(&f, (struct http_server_config){0});
  client_open(&c, &f.loop, f.port);
  const char *text = "\r\nPOST /x HTTP/1.1\r\nhost:  a \r\nEmpty:\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "3;name=value\r\nabc\r\n0002\r\nde\r\n0\r\nTrailer: t\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n";
  for (const char *p = text; *p; p++) {
    client_send_n(&c, p, 1);
    uv_run(&f.loop.uv, UV_RUN_NOWAIT);
  }
  client_expect(&c, "[POST /x ?  | abcde]");
  client_expect(&c, "[GET /next ?  | ]");
  client_close(&c);
  stop(&f);
}

static void answers_pipelined_requests_in_order(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  start(&f, (struct http_server_config){0});
  client_open(&c, &f.loop, f.port);
  client_send(&c, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /hold HTTP/1.1\r\nHost: x\r\n\r\n"
                  "POST /3 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhiGET /4 HTTP/1.1\r\nHost: x\r\n\r\n");
  client_expect(&c, "[GET /1 ?  | ]");
  RUN_UNTIL(&f.loop, f.held);
  assert_int_equal(f.requests, 2);   /* the next waits for the answer to this one */
  http_respond(f.held, 200, NULL, 0, STR("[held]"));
  assert_int_equal(f.requests, 2);   /* and is not handed over from inside the answer */
  client_expect(&c, "[GET /4 ?  | ]");
  const char *held = strstr(c.in.ptr, "[held]"), *third = strstr(c.in.ptr, "[POST /3 ?  | hi]");
  assert_true(held && third && held < third && third < strstr(c.in.ptr, "[GET /4"));
  client_close(&c);
  stop(&f);
}

static void refuses_what_is_malformed(void **state)
{
  (void)state;
  static const struct { const char *request, *status; } rows[] = {
      {"GARBAGE\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost: a\r\nBad Name: b\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: a\x01z\r\n\r\n", "400"},
      {"GET / HTTP/1.1\nHost: a\n\n", "400"},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505"},
      {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", "405"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", "400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0b" "chunked\r\n\r\n0\r\n\r\n", "400"},
      {"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nContent-Length: 1\r\n\r\nx", "417"},
  };
  struct fixture f = {0};
  start(&f, (struct http_server_config){0});
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct client c;
    client_open(&c, &f.loop, f.port);
    client_send(&c, rows[i].request);
    client_expect(&c, "\"trace\":[]}");
    client_expect_eof(&c);
    if (strncmp(c.in.ptr + 9, rows[i].status, 3) != 0 || c.failed)
      fail_msg("row %zu (%s): %s", i, rows[i].request, c.in.ptr);
    assert_non_null(strstr(c.in.ptr, "Connection: close\r\n"));
    assert_int_equal(client_count(&c, "\r\nDate: "), 1);
    client_close(&c);
  }
  assert_int_equal(f.requests, 0);
  stop(&f);
}

static void send_filler(struct client *c, size_t len)
{
  char *filler = mem_new(len);
  memset(filler, 'a', len);
  client_send_n(c, filler, len);
  mem_free(filler);
}

static void refuses_what_is_too_large(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  start(&f, (struct http_server_config){0});

  client_open(&c, &f.loop, f.port);   /* announced: refused before it is sent, and still readable after all was sent */
  client_send(&c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n");
  send_filler(&c, 9000000);
  client_expect(&c, "HTTP/1.1 413 ");
  client_expect(&c, "{\"error\":\"Failed to buffer the request body: length limit exceeded\",\"trace\":[]}");
  client_expect_eof(&c);
  assert_int_equal(c.failed, 0);
  client_close(&c);

  client_open(&c, &f.loop, f.port);   /* chunked: refused when it passes the limit */
  client_send(&c, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n200001\r\n");
  send_filler(&c, 0x200001);
  client_expect(&c, "HTTP/1.1 413 ");
  client_expect_eof(&c);
  client_close(&c);

  client_open(&c, &f.loop, f.port);   /* exactly the limit is fine */
  client_send(&c, "POST /empty HTTP/1.1\r\nHost: a\r\nContent-Length: 2097152\r\n\r\n");
  send_filler(&c, 2097152);
  client_expect(&c, "HTTP/1.1 204 No Content\r\n");
  client_close(&c);
  assert_int_equal(f.requests, 1);

  client_open(&c, &f.loop, f.port);
  client_send(&c, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
  send_filler(&c, HTTP_HEADERS_MAX);
  client_expect(&c, "HTTP/1.1 431 ");
  client_close(&c);

  client_open(&c, &f.loop, f.port);
  client_send(&c, "GET /");
  send_filler(&c, HTTP_HEADERS_MAX);
  client_expect(&c, "HTTP/1.1 414 ");
  client_close(&c);

  client_open(&c, &f.loop, f.port);
  client_send(&c, "GET / HTTP/1.1\r\n");
  for (int i = 0; i < 200; i++)
    client_send(&c, "A: b\r\n");
  client_expect(&c, "HTTP/1.1 431 ");
  client_close(&c);

  client_open(&c, &f.loop, f.port);
  client_send(&c, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;");
  send_filler(&c, 5000);
  client_expect(&c, "HTTP/1.1 431 ");
  client_close(&c);
  stop(&f);
}

static void bounds_all_bodies_together(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client a, b;
  start(&f, (struct http_server_config){.limits = {.bodies_max = 1000000}});
  client_open(&a, &f.loop, f.port);
  client_send(&a, "POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n");
  send_filler(&a, 900000);
  RUN_UNTIL(&f.loop, f.held);
  client_open(&b, &f.loop, f.port);
  client_send(&b, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n");
  send_filler(&b, 900000);
  client_expect(&b, "HTTP/1.1 503 ");
  client_close(&b);
  http_respond(f.held, 200, NULL, 0, STR("[done]"));
  client_expect(&a, "[done]");
  client_send(&a, "POST /empty HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n");
  send_filler(&a, 900000);
  client_expect(&a, "HTTP/1.1 204 ");
  client_close(&a);
  stop(&f);
}

static void continues_when_asked(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  start(&f, (struct http_server_config){0});
  client_open(&c, &f.loop, f.port);
  client_send(&c, "POST /c HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  client_expect(&c, "HTTP/1.1 100 Continue\r\n\r\n");
  client_send(&c, "hi");
  client_expect(&c, "[POST /c ?  | hi]");
  client_close(&c);
  client_open(&c, &f.loop, f.port);
  client_send(&c, "POST /c HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3000000\r\n\r\n");
  client_expect(&c, "HTTP/1.1 413 ");
  client_close(&c);
  stop(&f);
}

static void cuts_slow_clients_off(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client idle, head, body, used;
  start(&f, (struct http_server_config){.limits = {.header_ms = 60, .body_ms = 60, .idle_ms = 60, .linger_ms = 60}});
  client_open(&idle, &f.loop, f.port);
  client_open(&head, &f.loop, f.port);
  client_open(&body, &f.loop, f.port);
  client_open(&used, &f.loop, f.port);
  client_send(&used, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  client_send(&body, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nab");
  client_send(&head, "GET / HTTP/1.1\r\nX:");
  client_read(&head);
  while (!head.eof) {   /* a byte now and then does not help */
    uv_run(&f.loop.uv, UV_RUN_ONCE);
    if (!head.eof)
      client_send_n(&head, "x", 1);
  }
  client_expect(&head, "HTTP/1.1 408 ");
  client_expect(&body, "HTTP/1.1 408 ");
  client_expect_eof(&body);
  client_expect_eof(&idle);
  assert_int_equal(idle.in.len, 0);
  client_expect_eof(&used);
  assert_int_equal(client_count(&used, "HTTP/1.1"), 1);
  client_close(&idle);
  client_close(&head);
  client_close(&body);
  client_close(&used);
  stop(&f);
}

static void speaks_http_1_0(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  start(&f, (struct http_server_config){0});
  client_open(&c, &f.loop, f.port);
  client_send(&c, "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  client_expect(&c, "[GET /a ?  | ]");
  assert_non_null(strstr(c.in.ptr, "Connection: keep-alive\r\n"));
  client_send(&c, "GET /b HTTP/1.0\r\n\r\n");
  client_expect(&c, "[GET /b ?  | ]");
  client_expect_eof(&c);
  client_close(&c);
  client_open(&c, &f.loop, f.port);
  client_send(&c, "GET http://host.example/abs?q HTTP/1.1\r\nHost: a\r\n\r\n");
  client_expect(&c, "[GET /abs ? q | ]");
  client_send(&c, "GET http://host.example HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  client_expect(&c, "[GET / ?  | ]");
  client_expect_eof(&c);
  client_close(&c);
  stop(&f);
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
  (void)status;
  *(bool *)req->data = true;
}

static void answers_after_a_half_close(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  bool shut = false;
  uv_shutdown_t req = {.data = &shut};
  start(&f, (struct http_server_config){0});
  client_open(&c, &f.loop, f.port);
  client_send(&c, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\nGET /second HTTP/1.1\r\nHost: a\r\n\r\n");
  uv_shutdown(&req, &c.uv.stream, on_shutdown);
  RUN_UNTIL(&f.loop, f.held && shut);
  for (int i = 0; i < 5; i++)
    uv_run(&f.loop.uv, UV_RUN_NOWAIT);
  http_respond(f.held, 200, NULL, 0, STR("[late]"));
  client_expect(&c, "[late]");
  client_expect(&c, "[GET /second ?  | ]");
  client_expect_eof(&c);
  client_close(&c);
  stop(&f);
}

static void survives_an_answer_to_a_client_that_left(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  start(&f, (struct http_server_config){0});
  client_open(&c, &f.loop, f.port);
  client_send(&c, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
  RUN_UNTIL(&f.loop, f.held);
  assert_string_equal(http_req_peer_ip(f.held).ptr, "127.0.0.1");
  struct linger reset = {.l_onoff = 1};
  uv_os_fd_t fd;
  uv_fileno(&c.uv.handle, &fd);
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  client_close(&c);
  RUN_UNTIL(&f.loop, http_req_is_gone(f.held));
  http_respond(f.held, 200, NULL, 0, STR("nobody hears this"));
  stop(&f);
}

static void a_request_outlives_the_server(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  start(&f, (struct http_server_config){.limits = {.drain_ms = 40}});
  client_open(&c, &f.loop, f.port);
  client_send(&c, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
  RUN_UNTIL(&f.loop, f.held);
  http_server_stop(f.server, on_stopped, &f);
  RUN_UNTIL(&f.loop, f.stopped);
  assert_true(http_req_is_gone(f.held));
  http_respond(f.held, 200, NULL, 0, STR("nobody hears this"));
  client_expect_eof(&c);
  client_close(&c);
  loop_close(&f.loop);
}

static void drains_when_stopped(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client busy, idle;
  start(&f, (struct http_server_config){0});
  client_open(&idle, &f.loop, f.port);
  client_send(&idle, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  client_expect(&idle, "[GET /");
  client_open(&busy, &f.loop, f.port);
  client_send(&busy, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
  RUN_UNTIL(&f.loop, f.held);
  http_server_stop(f.server, on_stopped, &f);
  client_expect_eof(&idle);
  http_respond(f.held, 200, NULL, 0, STR("[drained]"));
  client_expect(&busy, "[drained]");
  assert_non_null(strstr(busy.in.ptr, "Connection: close"));
  client_close(&busy);
  client_close(&idle);
  RUN_UNTIL(&f.loop, f.stopped);
  loop_close(&f.loop);
}

static void bounds_connections(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client a, b, c;
  start(&f, (struct http_server_config){.limits = {.connections_max = 2}});
  client_open(&a, &f.loop, f.port);
  client_open(&b, &f.loop, f.port);
  client_send(&a, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  client_send(&b, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  client_expect(&a, "[GET");
  client_expect(&b, "[GET");
  client_open(&c, &f.loop, f.port);
  client_expect(&c, "HTTP/1.1 503 ");
  client_expect_eof(&c);
  client_close(&a);
  client_close(&b);
  client_close(&c);
  stop(&f);
}

static Err no_posts(struct http_req *req, void *data)
{
  (void)data;
  return str_eqc(http_req_method(req), "POST") ? ERR_FORBIDDEN : OK;
}

static void refuses_before_the_body(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  start(&f, (struct http_server_config){.on_headers = no_posts});
  client_open(&c, &f.loop, f.port);
  client_send(&c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  client_expect(&c, "[GET");
  client_send(&c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
  client_expect(&c, "HTTP/1.1 403 ");
  client_expect(&c, "{\"error\":\"permission denied\",\"trace\":[]}");
  client_expect_eof(&c);
  client_close(&c);
  stop(&f);
}

static void listens_on_a_unix_socket(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  char dir[] = "/tmp/net-test-XXXXXX", path[64];
  assert_non_null(mkdtemp(dir));
  snprintf(path, sizeof path, "%s/socket", dir);
  start(&f, (struct http_server_config){.unix_path = path});
  client_open_unix(&c, &f.loop, path);
  client_send(&c, "GET /u HTTP/1.1\r\nHost: a\r\n\r\n");
  client_expect(&c, "[GET /u ?  | ]");
  client_close(&c);
  stop(&f);
  assert_int_equal(rmdir(dir), 0);   /* the server took its file away */
}

static void listens_on_both_families(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  start(&f, (struct http_server_config){.bind_ip = "::"});
  client_open(&c, &f.loop, f.port);
  client_send(&c, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
  RUN_UNTIL(&f.loop, f.held);
  assert_string_equal(http_req_peer_ip(f.held).ptr, "127.0.0.1");
  http_respond(f.held, 200, NULL, 0, STR("[ok]"));
  client_expect(&c, "[ok]");
  client_close(&c);
  stop(&f);
}

static void says_why_it_cannot_listen(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct http_server *second;
  struct diag d = {0};
  start(&f, (struct http_server_config){0});
  struct http_server_config config = {.loop = &f.loop.op, .bind_ip = "127.0.0.1", .port = f.port, .on_request = on_request};
  assert_int_not_equal(http_server_start(&config, &second, &d), OK);
  assert_non_null(strstr(d.message, "address already in use"));
  config.bind_ip = "localhost";
  assert_int_equal(http_server_start(&config, &second, &d), ERR_INVALID);
  stop(&f);
}

static void reads_queries(void **state)
{
  (void)state;
  static const struct { const char *query, *key, *value; } rows[] = {
      {"a=1&b=2", "b", "2"}, {"a=1&b=2", "c", NULL}, {"a=x%20y+z", "a", "x y z"}, {"a", "a", ""}, {"", "a", NULL},
      {"%61=1", "a", "1"}, {"a=1&a=2", "a", "1"}, {"&&a=%", "a", "%"}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct arena arena = {0};
    struct str value = http_query_get(&arena, str_of(rows[i].query), rows[i].key);
    assert_int_equal(value.ptr != NULL, rows[i].value != NULL);
    assert_true(str_eq(value, str_of(rows[i].value)));
    arena_release(&arena);
  }
  assert_string_equal(http_status_text(404), "Not Found");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(answers_and_keeps_the_connection),
      cmocka_unit_test(accepts_single_bytes),
      cmocka_unit_test(answers_pipelined_requests_in_order),
      cmocka_unit_test(refuses_what_is_malformed),
      cmocka_unit_test(refuses_what_is_too_large),
      cmocka_unit_test(bounds_all_bodies_together),
      cmocka_unit_test(continues_when_asked),
      cmocka_unit_test(cuts_slow_clients_off),
      cmocka_unit_test(speaks_http_1_0),
      cmocka_unit_test(answers_after_a_half_close),
      cmocka_unit_test(survives_an_answer_to_a_client_that_left),
      cmocka_unit_test(a_request_outlives_the_server),
      cmocka_unit_test(drains_when_stopped),
      cmocka_unit_test(bounds_connections),
      cmocka_unit_test(refuses_before_the_body),
      cmocka_unit_test(listens_on_a_unix_socket),
      cmocka_unit_test(listens_on_both_families),
      cmocka_unit_test(says_why_it_cannot_listen),
      cmocka_unit_test(reads_queries),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
