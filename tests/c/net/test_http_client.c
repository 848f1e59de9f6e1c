/* http_client.h against http_server.h. */
#include "tls_test.h"

#include "net/http_client.h"

struct fixture {
  struct test_loop loop;
  struct http_server *server;
  struct http_client *client;
  struct http_req *held;
  bool stopped, client_closed, done;
  uint16_t port;
  char dir[32], cert[64], key[64], path[64];
  size_t chunks, chunk_bytes;
  struct http_call *second;        /* sent or cancelled from inside on_chunk */
  struct http_call *to_cancel;
  bool stop_chunks;
};

static void on_request(struct http_req *req, void *data)
{
  struct fixture *f = data;
  struct str path = http_req_path(req);
  if (str_eqc(path, "/hold")) {
    f->held = req;
  } else if (str_eqc(path, "/redirect")) {
    http_respond(req, 302, (struct http_header[]){{STR("Location"), STR("/after")}}, 1, STR("moved"));
  } else if (str_eqc(path, "/loop")) {
    http_respond(req, 302, (struct http_header[]){{STR("Location"), STR("/loop")}}, 1, STR(""));
  } else {
    CLEANUP(buf_release) struct buf b = BUF_INIT(4 << 20);
    struct str type = http_req_header(req, "content-type");
    buf_printf(&b, "%.*s %.*s?%.*s [%.*s] ", STR_ARG(http_req_method(req)), STR_ARG(path), STR_ARG(http_req_query(req)),
               STR_ARG(type));
    buf_add_str(&b, http_req_body(req));
    struct str expect = http_req_header(req, "expect");
    assert_null(expect.ptr);
    http_respond(req, 200, (struct http_header[]){{STR("X-Answer"), STR(" a: b ")}}, 1, buf_str(&b));
  }
}

static void start(struct fixture *f, bool tls, bool unix_socket)
{
  struct diag d = {0};
  loop_open(&f->loop);
  snprintf(f->dir, sizeof f->dir, "/tmp/net-http-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  snprintf(f->cert, sizeof f->cert, "%s/cert.pem", f->dir);
  snprintf(f->key, sizeof f->key, "%s/key.pem", f->dir);
  snprintf(f->path, sizeof f->path, "%s/socket", f->dir);
  if (tls)
    make_cert(f->dir);
  struct http_server_config config = {.loop = &f->loop.op, .bind_ip = "127.0.0.1", .on_request = on_request, .data = f,
                                      .unix_path = unix_socket ? f->path : NULL, .tls_cert_file = tls ? f->cert : NULL,
                                      .tls_key_file = tls ? f->key : NULL};
  if (http_server_start(&config, &f->server, &d))
    fail_msg("%s", d.message);
  f->port = http_server_port(f->server);
  f->client = http_client_new(&f->loop.op);
}

static void on_stopped(void *data) { ((struct fixture *)data)->stopped = true; }
static void on_client_closed(void *data) { ((struct fixture *)data)->client_closed = true; }

static void stop(struct fixture *f)
{
  if (f->client)
    http_client_close(f->client, on_client_closed, f);
  RUN_UNTIL(&f->loop, f->client_closed);
  http_server_stop(f->server, on_stopped, f);
  RUN_UNTIL(&f->loop, f->stopped);
  loop_close(&f->loop);
  remove_cert(f->dir);
}

static void on_done(struct op *op, void *data)
{
  (void)op;
  *(bool *)data = true;
}

static struct http_call *begin(struct fixture *f, struct http_send send, const char *path)
{
  char url[128];
  struct http_call *call = NULL;
  struct diag d = {0};
  snprintf(url, sizeof url, "http%s://localhost:%u%s", f->cert[0] && access(f->cert, F_OK) == 0 ? "s" : "", f->port, path);
  send.url = send.url ? send.url : url;
  send.method = send.method ? send.method : "GET";
  send.body_max = send.body_max ? send.body_max : 1 << 20;
  if (http_client_send(f->client, &send, &call, &d))
    fail_msg("%s", d.message);
  return call;
}

static void finish(struct fixture *f, struct http_call *call)
{
  bool done = false;
  op_wait(&call->op, on_done, &done);
  RUN_UNTIL(&f->loop, done);
}

static struct http_call *run(struct fixture *f, struct http_send send, const char *path)
{
  struct http_call *call = begin(f, send, path);
  finish(f, call);
  return call;
}

static void expect_answer(struct http_call *call, int status, const char *body)
{
  if (call->op.err)
    fail_msg("%s: %s", err_name(call->op.err), call->op.diag->message);
  assert_int_equal(call->status, status);
  assert_true(str_eqc(buf_str(&call->body), body));
  op_unref(&call->op);
}

static void expect_error(struct http_call *call, Err err, const char *words)
{
  if (call->op.err != err || !call->op.diag || !strstr(call->op.diag->message, words))
    fail_msg("%s: %s", err_name(call->op.err), call->op.diag ? call->op.diag->message : "");
  op_unref(&call->op);
}

static void asks_and_reads(void **state)
{
  (void)state;
  struct fixture f = {0};
  start(&f, false, false);
  struct http_call *call = run(&f, (struct http_send){0}, "/a?b=c");
  assert_string_equal(http_call_header(call, "x-answer").ptr ? "yes" : "no", "yes");
  assert_true(str_eqc(http_call_header(call, "x-answer"), "a: b"));
  assert_null(http_call_header(call, "x-none").ptr);
  expect_answer(call, 200, "GET /a?b=c [] ");
  expect_answer(run(&f, (struct http_send){.method = "POST", .body = STR("hi")}, "/p"), 200, "POST /p? [] hi");
  expect_answer(run(&f, (struct http_send){.method = "POST"}, "/p"), 200, "POST /p? [] ");
  expect_answer(run(&f, (struct http_send){.method = "PUT", .body = STR("up")}, "/p"), 200, "PUT /p? [] up");
  expect_answer(run(&f, (struct http_send){.method = "DELETE"}, "/p"), 200, "DELETE /p? [] ");
  expect_answer(run(&f, (struct http_send){.method = "HEAD"}, "/p"), 200, "");
  struct http_header type = {STR("Content-Type"), STR("application/json")};
  expect_answer(run(&f, (struct http_send){.method = "POST", .body = STR("{}"), .headers = &type, .header_count = 1}, "/p"),
                200, "POST /p? [application/json] {}");
  struct buf big = BUF_INIT(1 << 20);
  while (big.len < 1000000)
    buf_add(&big, "0123456789", 10);
  call = run(&f, (struct http_send){.method = "POST", .body = buf_str(&big), .body_max = 2 << 20}, "/p");
  assert_int_equal(call->op.err, OK);
  assert_int_equal(call->body.len, big.len + strlen("POST /p? [] "));
  op_unref(&call->op);
  buf_release(&big);
  stop(&f);
}

static void follows_redirects_when_told(void **state)
{
  (void)state;
  struct fixture f = {0};
  start(&f, false, false);
  expect_answer(run(&f, (struct http_send){0}, "/redirect"), 302, "moved");
  struct http_call *call = run(&f, (struct http_send){.follow_redirects = true}, "/redirect");
  assert_null(http_call_header(call, "location").ptr);
  expect_answer(call, 200, "GET /after? [] ");
  expect_error(run(&f, (struct http_send){.follow_redirects = true}, "/loop"), ERR_PROTOCOL, "redirects");
  stop(&f);
}

static void bounds_answers_and_time(void **state)
{
  (void)state;
  struct fixture f = {0};
  start(&f, false, false);
  expect_error(run(&f, (struct http_send){.body_max = 5}, "/a"), ERR_TOOBIG, "larger than 5 bytes");
  expect_error(run(&f, (struct http_send){.timeout_ms = 50}, "/hold"), ERR_TIMEOUT, "");
  http_respond(f.held, 200, NULL, 0, STR(""));
  expect_error(run(&f, (struct http_send){.url = "http://127.0.0.1:1/"}, ""), ERR_IO, "127.0.0.1");
  expect_error(run(&f, (struct http_send){.url = "http://name.invalid/"}, ""), ERR_IO, "name.invalid");
  stop(&f);
}

static void refuses_bad_input(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct http_call *call;
  start(&f, false, false);
  struct http_header forged = {STR("A"), STR("b\r\nC: d")}, bad_name = {STR("A b"), STR("c")};
  const struct http_send rows[] = {
      {.method = "GET", .url = ""}, {.method = "GET", .url = "ftp://a/"}, {.method = "G ET", .url = "http://a/"},
      {.method = "GET", .url = "http://a/\r\nX: y"}, {.method = "GET", .url = "file:///etc/passwd"},
      {.method = "GET", .url = "http://a", .headers = &forged, .header_count = 1},
      {.method = "GET", .url = "http://a", .headers = &bad_name, .header_count = 1}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct diag d = {0};
    Err err = http_client_send(f.client, &rows[i], &call, &d);
    if (err == OK) {   /* some are for libcurl to refuse */
      finish(&f, call);
      err = call->op.err;
      op_unref(&call->op);
    }
    if (err != ERR_INVALID)
      fail_msg("row %zu: %s", i, err_name(err));
  }
  stop(&f);
}

static void can_be_cancelled(void **state)
{
  (void)state;
  struct fixture f = {0};
  start(&f, false, false);
  struct http_call *call = begin(&f, (struct http_send){0}, "/hold");
  RUN_UNTIL(&f.loop, f.held);
  op_cancel(&call->op);
  op_cancel(&call->op);
  finish(&f, call);
  expect_error(call, ERR_CANCELLED, "");
  http_respond(f.held, 200, NULL, 0, STR("late"));
  call = begin(&f, (struct http_send){.url = "http://slow-name.invalid/"}, "");   /* during DNS, and nobody waits for it */
  op_cancel(&call->op);
  op_unref(&call->op);
  f.held = NULL;
  call = begin(&f, (struct http_send){0}, "/hold");
  RUN_UNTIL(&f.loop, f.held);
  http_client_close(f.client, on_client_closed, &f);   /* cancels what runs */
  f.client = NULL;
  finish(&f, call);
  expect_error(call, ERR_CANCELLED, "");
  http_respond(f.held, 200, NULL, 0, STR(""));
  stop(&f);
}

static bool on_chunk(struct str chunk, void *data)
{
  struct fixture *f = data;
  f->chunks++;
  f->chunk_bytes += chunk.len;
  if (f->to_cancel)
    op_cancel(&f->to_cancel->op);
  if (!f->second && !f->stop_chunks)
    f->second = begin(f, (struct http_send){0}, "/second");
  return !f->stop_chunks;
}

static void hands_over_chunks(void **state)
{
  (void)state;
  struct fixture f = {0};
  start(&f, false, false);
  struct http_send send = {.on_chunk = on_chunk, .data = &f, .method = "GET"};
  struct http_call *call = begin(&f, send, "/hold");
  RUN_UNTIL(&f.loop, f.held);
  http_respond_begin(f.held, 201, NULL, 0, NULL, NULL);
  http_respond_write(f.held, STR("first"), NULL);
  RUN_UNTIL(&f.loop, f.chunk_bytes == 5);
  assert_int_equal(call->status, 201);
  assert_false(call->op.done);
  assert_non_null(f.second);                /* sent from inside the callback */
  finish(&f, f.second);
  expect_answer(f.second, 200, "GET /second? [] ");
  http_respond_write(f.held, STR("second"), NULL);
  http_respond_end(f.held);
  finish(&f, call);
  assert_int_equal(f.chunk_bytes, 11);
  expect_answer(call, 201, "");

  f.stop_chunks = true;
  expect_error(run(&f, send, "/stopped"), ERR_CANCELLED, "");
  f.stop_chunks = false;
  call = begin(&f, send, "/itself");
  f.to_cancel = call;                       /* cancelled from inside its own callback */
  finish(&f, call);
  expect_error(call, ERR_CANCELLED, "");

  f.held = NULL;
  call = begin(&f, (struct http_send){0}, "/hold");
  RUN_UNTIL(&f.loop, f.held);
  f.to_cancel = call;                       /* and from that of another */
  struct http_call *other = run(&f, send, "/other");
  finish(&f, call);
  expect_error(call, ERR_CANCELLED, "");
  expect_answer(other, 200, "");
  http_respond(f.held, 200, NULL, 0, STR(""));
  stop(&f);
}

static bool hold_chunk(struct str chunk, void *data)
{
  struct fixture *f = data;
  f->chunks++;
  f->chunk_bytes += chunk.len;
  http_call_hold(f->to_cancel, true);
  return true;
}

static void lets_the_server_wait(void **state)
{
  (void)state;
  struct fixture f = {0};
  start(&f, false, false);
  struct http_call *call = f.to_cancel = begin(&f, (struct http_send){.on_chunk = hold_chunk, .data = &f, .method = "GET"}, "/hold");
  RUN_UNTIL(&f.loop, f.held);
  http_respond_begin(f.held, 200, NULL, 0, NULL, NULL);
  http_respond_write(f.held, STR("first"), NULL);
  RUN_UNTIL(&f.loop, f.chunks == 1);
  http_respond_write(f.held, STR("second"), NULL);
  http_respond_end(f.held);
  struct http_call *other = begin(&f, (struct http_send){0}, "/other");   /* time for the second to come */
  finish(&f, other);
  expect_answer(other, 200, "GET /other? [] ");
  assert_int_equal(f.chunks, 1);
  assert_false(call->op.done);
  while (!call->op.done) {
    http_call_hold(call, false);
    uv_run(&f.loop.uv, UV_RUN_ONCE);
  }
  assert_int_equal(f.chunk_bytes, 11);
  finish(&f, call);
  http_call_hold(call, false);   /* nothing, once it is over */
  expect_answer(call, 200, "");
  stop(&f);
}

static void notices_a_broken_answer(void **state)
{
  (void)state;
  struct fixture f = {0};
  start(&f, false, false);
  struct http_call *call = begin(&f, (struct http_send){0}, "/hold");
  RUN_UNTIL(&f.loop, f.held);
  http_respond_begin(f.held, 200, NULL, 0, NULL, NULL);
  http_respond_write(f.held, STR("half"), NULL);
  http_respond_abort(f.held);
  finish(&f, call);
  assert_int_not_equal(call->op.err, OK);
  op_unref(&call->op);
  stop(&f);
}

static void goes_through_a_unix_socket(void **state)
{
  (void)state;
  struct fixture f = {0};
  start(&f, false, true);
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  struct http_send send = {.url = "http://docker/containers/json?all=true", .unix_socket = f.path};
  expect_answer(run(&f, send, ""), 200, "GET /containers/json?all=true [] ");
  unsetenv("http_proxy");
  send.unix_socket = "/nowhere/socket";
  expect_error(run(&f, send, ""), ERR_IO, "");
  stop(&f);
}

static void speaks_tls(void **state)
{
  (void)state;
  struct fixture f = {0};
  start(&f, true, false);
  expect_answer(run(&f, (struct http_send){.insecure_tls = true}, "/t"), 200, "GET /t? [] ");
  expect_error(run(&f, (struct http_send){0}, "/t"), ERR_PROTOCOL, "certificate");
  stop(&f);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(asks_and_reads),
      cmocka_unit_test(follows_redirects_when_told),
      cmocka_unit_test(bounds_answers_and_time),
      cmocka_unit_test(refuses_bad_input),
      cmocka_unit_test(can_be_cancelled),
      cmocka_unit_test(hands_over_chunks),
      cmocka_unit_test(lets_the_server_wait),
      cmocka_unit_test(notices_a_broken_answer),
      cmocka_unit_test(goes_through_a_unix_socket),
      cmocka_unit_test(speaks_tls),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
