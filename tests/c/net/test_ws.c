/* ws.h: an open connection. A raw client shows what is on the wire, ws_connect what the two ends make of each other. */
#include "net_test.h"

#include "net/ws.h"

enum { LIMIT = 1 << 20 };

/* What one end saw. */
struct end {
  struct ws *ws;
  struct buf last;
  enum ws_kind kind;
  size_t messages, drains;
  bool open, closed, echo, pause_after_one;
  Err err;
  int code;
  struct diag why;
};

struct fixture {
  struct test_loop loop;
  struct http_server *server;
  struct ws_config accept;
  struct end here;                 /* the accepted end */
  struct end there;                /* the dialled one */
  struct http_req *held;
  bool stopped, hold;
  uint16_t port;
};

static void on_open(struct ws *ws, void *data)
{
  struct end *e = data;
  assert_ptr_equal(ws, e->ws);
  e->open = true;
}

static void on_message(struct ws *ws, enum ws_kind kind, struct str message, void *data)
{
  struct end *e = data;
  assert_false(e->closed);
  e->messages++;
  e->kind = kind;
  buf_clear(&e->last);
  buf_add_str(&e->last, message);
  if (e->echo)
    assert_int_equal(ws_send(ws, kind, message), OK);
  if (e->pause_after_one)
    ws_pause(ws);
}

static void on_drain(struct ws *ws, void *data)
{
  (void)ws;
  ((struct end *)data)->drains++;
}

static void on_close(struct ws *ws, Err err, int code, const struct diag *d, void *data)
{
  struct end *e = data;
  (void)ws;
  assert_false(e->closed);
  e->closed = true;
  e->ws = NULL;
  e->err = err;
  e->code = code;
  e->why = *d;
}

static struct ws_config config_for(struct end *e)
{
  e->last = BUF_INIT(64 << 20);
  return (struct ws_config){.frame_max = LIMIT, .message_max = 2 * LIMIT, .queue_max = LIMIT, .on_open = on_open,
                            .on_message = on_message, .on_drain = on_drain, .on_close = on_close, .data = e};
}

static void on_request(struct http_req *req, void *data)
{
  struct fixture *f = data;
  if (f->hold)
    f->held = req;
  else if (ws_accept(req, &f->accept, &f->here.ws))
    http_respond(req, 401, NULL, 0, STR("no such server"));
}

static void start(struct fixture *f)
{
  loop_open(&f->loop);
  f->accept = config_for(&f->here);
  struct http_server_config config = {.loop = &f->loop.op, .bind_ip = "127.0.0.1", .on_request = on_request, .data = f};
  assert_int_equal(http_server_start(&config, &f->server, NULL), OK);
  f->port = http_server_port(f->server);
}

static void on_stopped(void *data) { ((struct fixture *)data)->stopped = true; }

static void stop(struct fixture *f)
{
  http_server_stop(f->server, on_stopped, f);
  RUN_UNTIL(&f->loop, f->stopped);
  loop_close(&f->loop);
  buf_release(&f->here.last);
  buf_release(&f->there.last);
}

static void dial(struct fixture *f, struct ws_config config)
{
  char url[64];
  snprintf(url, sizeof url, "ws://127.0.0.1:%u/x?y=z", f->port);
  struct ws_dial how = {.url = url, .user_agent = "test", .connect_timeout_ms = 5000};
  assert_int_equal(ws_connect(&f->loop.op, &how, &config, &f->there.ws, NULL), OK);
  RUN_UNTIL(&f->loop, f->there.open || f->there.closed);
  assert_true(f->there.open);
}

static const char upgrade[] = "GET / HTTP/1.1\r\nHost: agent:8120\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
                              "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

static void open_raw(struct fixture *f, struct client *c)
{
  client_open(c, &f->loop, f->port);
  client_send(c, upgrade);
  client_expect(c, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
  buf_clear(&c->in);
}

/* A client's frame; the mask of zeros leaves the payload readable. */
static void send_frame(struct client *c, unsigned char first, const void *payload, size_t len)
{
  unsigned char h[14] = {first};
  size_t n = 2, bytes = len < 126 ? 0 : len <= 0xffff ? 2 : 8;
  h[1] = (unsigned char)(0x80 | (bytes == 0 ? len : bytes == 2 ? 126 : 127));
  for (size_t i = bytes; i-- > 0;)
    h[n++] = (unsigned char)(len >> (8 * i));
  client_send_n(c, h, n + 4);
  if (len)
    client_send_n(c, payload, len);
}

static void expect_bytes(struct client *c, const void *bytes, size_t len)
{
  client_read(c);
  RUN_UNTIL(c->loop, c->in.len >= len || c->eof);
  assert_int_equal(c->in.len >= len, 1);
  assert_memory_equal(c->in.ptr, bytes, len);
  buf_consume(&c->in, len);
}

static void carries_messages_both_ways(void **state)
{
  (void)state;
  static const size_t sizes[] = {0, 1, 125, 126, 127, 4096, 65535, 65536, LIMIT};
  struct fixture f = {0};
  start(&f);
  f.here.echo = true;
  dial(&f, config_for(&f.there));
  assert_string_equal(ws_accept_value(f.there.ws).ptr, ws_accept_value(f.here.ws).ptr);
  char host[32];
  snprintf(host, sizeof host, "127.0.0.1:%u", f.port);
  assert_string_equal(ws_host(f.there.ws).ptr, host);
  assert_string_equal(ws_host(f.here.ws).ptr, host);
  assert_string_equal(ws_peer_ip(f.here.ws).ptr, "127.0.0.1");
  assert_string_equal(ws_peer_ip(f.there.ws).ptr, "127.0.0.1");
  for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
    struct buf b = BUF_INIT(LIMIT);
    for (size_t n = 0; n < sizes[i]; n++)
      buf_add_char(&b, (char)('a' + n % 23));
    assert_int_equal(ws_send(f.there.ws, i % 2 ? WS_TEXT : WS_BINARY, buf_str(&b)), OK);
    RUN_UNTIL(&f.loop, f.there.messages == i + 1);
    assert_int_equal(f.there.kind, i % 2 ? WS_TEXT : WS_BINARY);
    assert_true(str_eq(buf_str(&f.there.last), buf_str(&b)));
    buf_release(&b);
  }
  struct str parts[12];
  for (size_t i = 0; i < ARRAY_LEN(parts); i++)
    parts[i] = STR("ab");
  assert_int_equal(ws_send_parts(f.here.ws, WS_TEXT, parts, 3), OK);
  assert_int_equal(ws_send_parts(f.here.ws, WS_TEXT, parts, 12), OK);
  RUN_UNTIL(&f.loop, f.there.messages == ARRAY_LEN(sizes) + 2);
  assert_string_equal(f.there.last.ptr, "abababababababababababab");
  ws_close(f.there.ws, 1000);
  assert_int_equal(ws_send(f.there.ws, WS_TEXT, STR("late")), ERR_CLOSED);
  RUN_UNTIL(&f.loop, f.here.closed && f.there.closed);
  assert_int_equal(f.here.err, OK);
  assert_int_equal(f.here.code, 1000);
  assert_int_equal(f.there.err, OK);
  assert_int_equal(f.there.code, 1000);
  stop(&f);
}

static void reassembles_fragments(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  start(&f);
  f.here.echo = true;
  open_raw(&f, &c);
  send_frame(&c, 0x01, "h\xc3", 2);        /* a character cut in two is fine */
  send_frame(&c, 0x89, "ping", 4);         /* control frames may come in between */
  send_frame(&c, 0x00, "", 0);
  send_frame(&c, 0x80, "\xa9llo", 4);
  expect_bytes(&c, "\x8a\x04ping\x81\x06h\xc3\xa9llo", 14);
  f.here.echo = false;
  struct buf big = BUF_INIT(LIMIT);
  while (big.len < 300000)
    buf_add(&big, "fragment", 8);
  send_frame(&c, 0x02, big.ptr, big.len);
  send_frame(&c, 0x80, big.ptr, big.len);
  RUN_UNTIL(&f.loop, f.here.messages == 2);
  assert_int_equal(f.here.last.len, 2 * big.len);
  assert_int_equal(f.here.kind, WS_BINARY);
  buf_release(&big);
  client_close(&c);
  RUN_UNTIL(&f.loop, f.here.closed);
  assert_int_equal(f.here.err, ERR_CLOSED);
  assert_int_equal(f.here.code, 1006);
  stop(&f);
}

static void accepts_single_bytes(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  start(&f);
  f.here.echo = true;
  client_open(&c, &f.loop, f.port);
  struct buf all = BUF_INIT(4096);
  buf_add_text(&all, upgrade);
  buf_add(&all, "\x81\x85\x01\x02\x03\x04" "igohn", 11);   /* "hello" masked */
  buf_add(&all, "\x88\x82\0\0\0\0\x03\xe8", 8);
  for (size_t i = 0; i < all.len; i++) {
    client_send_n(&c, all.ptr + i, 1);
    uv_run(&f.loop.uv, UV_RUN_NOWAIT);
  }
  buf_release(&all);
  RUN_UNTIL(&f.loop, f.here.closed);
  assert_string_equal(f.here.last.ptr, "hello");
  assert_int_equal(f.here.code, 1000);
  client_expect_eof(&c);
  client_close(&c);
  stop(&f);
}

static void takes_frames_sent_with_the_upgrade(void **state)
{
  (void)state;
  for (int held = 0; held < 2; held++) {
    struct fixture f = {.hold = held};
    struct client c;
    struct buf all = BUF_INIT(4096);
    start(&f);
    buf_add_text(&all, upgrade);
    buf_add(&all, "\x81\x82\0\0\0\0hi\x81\x83\0\0\0\0you", 17);
    client_open(&c, &f.loop, f.port);
    client_send_n(&c, all.ptr, all.len);
    if (held) {
      RUN_UNTIL(&f.loop, f.held);
      assert_true(ws_is_upgrade(f.held));
      assert_int_equal(ws_accept(f.held, &f.accept, &f.here.ws), OK);
      assert_int_equal(f.here.messages, 0);
    }
    RUN_UNTIL(&f.loop, f.here.messages == 2);
    assert_string_equal(f.here.last.ptr, "you");
    buf_release(&all);
    client_close(&c);
    stop(&f);
  }
}

static void refuses_what_breaks_the_protocol(void **state)
{
  (void)state;
  static const struct { const char *what; const char *bytes; size_t len; int code; Err err; } rows[] = {
      {"no mask", "\x81\x02hi", 4, 1002, ERR_PROTOCOL},
      {"reserved bit", "\xc1\x82\0\0\0\0hi", 8, 1002, ERR_PROTOCOL},
      {"unknown data kind", "\x83\x82\0\0\0\0hi", 8, 1002, ERR_PROTOCOL},
      {"unknown control kind", "\x8b\x82\0\0\0\0hi", 8, 1002, ERR_PROTOCOL},
      {"fragmented ping", "\x09\x80\0\0\0\0", 6, 1002, ERR_PROTOCOL},
      {"long ping", "\x89\xfe\0\x7e\0\0\0\0", 8, 1002, ERR_PROTOCOL},
      {"continues nothing", "\x80\x82\0\0\0\0hi", 8, 1002, ERR_PROTOCOL},
      {"text inside a message", "\x01\x81\0\0\0\0h\x81\x81\0\0\0\0i", 14, 1002, ERR_PROTOCOL},
      {"length not minimal", "\x82\xfe\0\x02\0\0\0\0hi", 10, 1002, ERR_PROTOCOL},
      {"not UTF-8", "\x81\x82\0\0\0\0\xc3(", 8, 1007, ERR_PROTOCOL},
      {"cut UTF-8", "\x81\x81\0\0\0\0\xc3", 7, 1007, ERR_PROTOCOL},
      {"frame too long", "\x82\xff\0\0\0\0\0\x10\0\x01\0\0\0\0x", 15, 1009, ERR_TOOBIG},
      {"frame of 2^63", "\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0x", 15, 1002, ERR_PROTOCOL},
      {"close with one byte", "\x88\x81\0\0\0\0\x03", 7, 1002, ERR_PROTOCOL},
      {"close with a code for no one", "\x88\x82\0\0\0\0\x03\xed", 8, 1002, ERR_PROTOCOL},
      {"close with bad words", "\x88\x83\0\0\0\0\x03\xe8\xff", 9, 1007, ERR_PROTOCOL},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct fixture f = {0};
    struct client c;
    start(&f);
    open_raw(&f, &c);
    client_send_n(&c, rows[i].bytes, rows[i].len);
    client_expect_eof(&c);
    int code = c.in.len >= 4 ? (unsigned char)c.in.ptr[2] << 8 | (unsigned char)c.in.ptr[3] : 0;
    if (code != rows[i].code || c.failed || (unsigned char)c.in.ptr[0] != 0x88)
      fail_msg("%s: code %d", rows[i].what, code);
    client_close(&c);
    RUN_UNTIL(&f.loop, f.here.closed);
    assert_int_equal(f.here.err, rows[i].err);
    assert_true(f.here.why.message[0] != 0);
    assert_int_equal(f.here.messages, 0);
    stop(&f);
  }
}

static void bounds_a_message_of_many_fragments(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  char *half = mem_new(LIMIT);
  start(&f);
  open_raw(&f, &c);
  send_frame(&c, 0x02, half, LIMIT);
  send_frame(&c, 0x00, half, LIMIT);   /* the limit exactly */
  send_frame(&c, 0x00, half, 1);
  mem_free(half);
  expect_bytes(&c, "\x88\x02\x03\xf1", 4);
  client_expect_eof(&c);
  client_close(&c);
  RUN_UNTIL(&f.loop, f.here.closed);
  assert_int_equal(f.here.err, ERR_TOOBIG);
  stop(&f);
}

static void pings_when_idle_and_notices_silence(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  start(&f);
  f.accept.ping_after_idle_ms = 20;
  f.accept.receive_deadline_ms = 150;
  open_raw(&f, &c);
  for (int i = 0; i < 12; i++) {
    expect_bytes(&c, "\x89\0", 2);
    send_frame(&c, 0x89, "", 0);   /* a Ping keeps it up for longer than the deadline */
    expect_bytes(&c, "\x8a\0", 2);
  }
  assert_false(f.here.closed);
  while (!c.eof) {                 /* a Pong does not */
    uv_run(&f.loop.uv, UV_RUN_ONCE);
    if (!c.eof && c.in.len)
      send_frame(&c, 0x8a, "", 0);
    buf_clear(&c.in);
  }
  RUN_UNTIL(&f.loop, f.here.closed);
  assert_int_equal(f.here.err, ERR_TIMEOUT);
  client_close(&c);
  stop(&f);
}

static void answering_pings_does_not_put_off_its_own(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  start(&f);
  f.accept.ping_after_idle_ms = 30;
  open_raw(&f, &c);
  send_frame(&c, 0x89, "", 0);
  bool pinged = false;
  while (!pinged) {                /* every Pong is answered with the next Ping, so it always has something to send */
    uv_run(&f.loop.uv, UV_RUN_ONCE);
    for (; c.in.len >= 2; buf_consume(&c.in, 2)) {
      pinged = pinged || (unsigned char)c.in.ptr[0] == 0x89;
      if (!pinged)
        send_frame(&c, 0x89, "", 0);
    }
  }
  client_close(&c);
  RUN_UNTIL(&f.loop, f.here.closed);
  stop(&f);
}

static void pongs_count_when_told_so(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  start(&f);
  f.accept.ping_after_idle_ms = 20;
  f.accept.receive_deadline_ms = 100;
  f.accept.pong_counts = true;
  open_raw(&f, &c);
  for (int i = 0; i < 10; i++) {
    expect_bytes(&c, "\x89\0", 2);
    send_frame(&c, 0x8a, "", 0);
  }
  assert_false(f.here.closed);
  client_expect_eof(&c);
  client_close(&c);
  RUN_UNTIL(&f.loop, f.here.closed);
  stop(&f);
}

static void a_slow_reader_costs_what_is_agreed(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  char *chunk = mem_new(100000);
  start(&f);
  open_raw(&f, &c);
  uv_read_stop(&c.uv.stream);
  c.reading = false;
  Err err;
  size_t sent = 0;
  while ((err = ws_send(f.here.ws, WS_BINARY, str_make(chunk, 100000))) == OK) {
    sent++;
    uv_run(&f.loop.uv, UV_RUN_NOWAIT);
  }
  assert_int_equal(err, ERR_LIMIT);
  assert_in_range(ws_queued(f.here.ws), LIMIT / 2, LIMIT + 20);
  size_t queued = ws_queued(f.here.ws);
  for (int i = 0; i < 100000; i++)   /* answers to pings do not pile up either */
    send_frame(&c, 0x89, "0123456789", 10);
  send_frame(&c, 0x81, "done", 4);
  RUN_UNTIL(&f.loop, f.here.messages == 1);
  assert_true(ws_queued(f.here.ws) <= queued + 20);
  assert_int_equal(f.here.drains, 0);
  client_read(&c);
  RUN_UNTIL(&f.loop, f.here.drains == 1 && ws_queued(f.here.ws) == 0);
  RUN_UNTIL(&f.loop, c.in.len >= sent * 100010);
  assert_int_equal(ws_send(f.here.ws, WS_BINARY, str_make(chunk, 10)), OK);
  mem_free(chunk);
  client_close(&c);
  stop(&f);
}

static void bounds_the_number_of_messages(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  char *chunk = mem_new(100000);
  start(&f);
  f.accept.queue_messages_max = 4;
  f.accept.queue_max = 100 << 20;
  open_raw(&f, &c);
  uv_read_stop(&c.uv.stream);
  while (ws_send(f.here.ws, WS_BINARY, str_make(chunk, 100000)) == OK)
    uv_run(&f.loop.uv, UV_RUN_NOWAIT);
  assert_in_range(ws_queued(f.here.ws), 300000, 400100);
  mem_free(chunk);
  client_close(&c);
  stop(&f);
}

static void pauses_between_any_two_messages(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  start(&f);
  f.here.pause_after_one = true;
  f.accept.receive_deadline_ms = 5000;
  open_raw(&f, &c);
  for (int i = 0; i < 50; i++)
    client_send_n(&c, "\x81\x81\0\0\0\0a\x81\x81\0\0\0\0b", 14);   /* several in one read */
  for (size_t n = 1; n <= 100; n++) {
    RUN_UNTIL(&f.loop, f.here.messages == n);
    for (int i = 0; i < 3; i++)
      uv_run(&f.loop.uv, UV_RUN_NOWAIT);
    assert_int_equal(f.here.messages, n);
    assert_int_equal(f.here.last.ptr[0], n % 2 ? 'a' : 'b');
    ws_resume(f.here.ws);
    assert_int_equal(f.here.messages, n);   /* not from inside the call */
  }
  client_close(&c);
  stop(&f);
}

static void a_paused_one_can_be_closed(void **state)
{
  (void)state;
  struct fixture f = {0};
  start(&f);
  f.here.pause_after_one = true;
  dial(&f, config_for(&f.there));
  for (int i = 0; i < 10; i++)
    assert_int_equal(ws_send(f.there.ws, WS_TEXT, STR("x")), OK);
  RUN_UNTIL(&f.loop, f.here.messages == 1);
  ws_close(f.here.ws, 4001);
  RUN_UNTIL(&f.loop, f.here.closed && f.there.closed);
  assert_int_equal(f.here.messages, 1);
  assert_int_equal(f.here.err, OK);
  assert_int_equal(f.there.code, 4001);
  stop(&f);
}

static void closes_either_way(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  start(&f);
  f.accept.close_timeout_ms = 50;
  open_raw(&f, &c);                        /* our Close has no payload when it has no code */
  ws_close(f.here.ws, 0);
  expect_bytes(&c, "\x88\0", 2);
  assert_false(f.here.closed);
  send_frame(&c, 0x81, "not delivered", 13);
  send_frame(&c, 0x88, "", 0);
  RUN_UNTIL(&f.loop, f.here.closed);
  assert_int_equal(f.here.err, OK);
  assert_int_equal(f.here.code, 1005);
  assert_int_equal(f.here.messages, 0);
  client_expect_eof(&c);
  client_close(&c);
  f.here.closed = false;
  open_raw(&f, &c);                        /* theirs is answered with its code */
  send_frame(&c, 0x88, "\x0f\xa1" "bye", 5);
  expect_bytes(&c, "\x88\x02\x0f\xa1", 4);
  client_expect_eof(&c);
  assert_int_equal(c.failed, 0);
  RUN_UNTIL(&f.loop, f.here.closed);
  assert_int_equal(f.here.code, 4001);
  assert_non_null(strstr(f.here.why.message, "bye"));
  client_close(&c);
  f.here.closed = false;
  open_raw(&f, &c);                        /* who does not answer is cut off */
  ws_close(f.here.ws, 1000);
  client_expect_eof(&c);
  RUN_UNTIL(&f.loop, f.here.closed);
  assert_int_equal(f.here.err, ERR_TIMEOUT);
  client_close(&c);
  f.here.closed = false;
  open_raw(&f, &c);
  ws_drop(f.here.ws);
  assert_false(f.here.closed);
  client_expect_eof(&c);
  assert_int_equal(c.in.len, 0);
  assert_int_equal(f.here.err, ERR_CANCELLED);
  client_close(&c);
  stop(&f);
}

static void sends_what_is_queued_before_the_close(void **state)
{
  (void)state;
  struct fixture f = {0};
  struct client c;
  struct buf big = BUF_INIT(16 << 20);
  start(&f);
  while (big.len < 12 << 20)
    buf_add(&big, "0123456789abcdef", 16);
  open_raw(&f, &c);
  uv_read_stop(&c.uv.stream);
  c.reading = false;
  assert_int_equal(ws_send(f.here.ws, WS_BINARY, buf_str(&big)), OK);   /* larger than the queue, which is empty */
  assert_true(ws_queued(f.here.ws) > 0);
  ws_close(f.here.ws, 1000);
  client_read(&c);
  RUN_UNTIL(&f.loop, c.in.len == big.len + 10 + 4);
  assert_memory_equal(c.in.ptr + 10, big.ptr, big.len);
  assert_memory_equal(c.in.ptr + 10 + big.len, "\x88\x02\x03\xe8", 4);
  buf_release(&big);
  client_close(&c);
  stop(&f);
}

static void a_stopping_server_says_goodbye(void **state)
{
  (void)state;
  struct fixture f = {0};
  start(&f);
  dial(&f, config_for(&f.there));
  http_server_stop(f.server, on_stopped, &f);
  RUN_UNTIL(&f.loop, f.stopped && f.there.closed);
  assert_true(f.here.closed);
  assert_int_equal(f.there.code, 1001);
  loop_close(&f.loop);
  buf_release(&f.here.last);
  buf_release(&f.there.last);
}

static void wants_a_proper_upgrade(void **state)
{
  (void)state;
  static const char *const rows[] = {
      "POST / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: short\r\n\r\n",
  };
  struct fixture f = {0};
  start(&f);
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct client c;
    client_open(&c, &f.loop, f.port);
    client_send(&c, rows[i]);
    client_expect(&c, "HTTP/1.1 401 ");
    client_close(&c);
  }
  stop(&f);
}

static void survives_every_failed_allocation(void **state)
{
  (void)state;
  enum { LARGE = 8 << 20 };
  char *payload = mem_new(LARGE);
  bool hit = true;
  size_t refused = 0;
  for (long n = 0; hit; n++) {
    struct fixture f = {0};
    struct client c;
    start(&f);
    open_raw(&f, &c);
    client_read(&c);
    mem_fail_after(n);
    refused += ws_send(f.here.ws, WS_BINARY, str_make(payload, LARGE)) != OK;
    send_frame(&c, 0x02, payload, 100000);
    send_frame(&c, 0x80, payload, 100000);
    send_frame(&c, 0x88, "", 0);
    client_expect_eof(&c);
    hit = mem_disarm();
    client_close(&c);
    RUN_UNTIL(&f.loop, f.here.closed);
    stop(&f);
  }
  assert_int_equal(refused, 1);
  mem_free(payload);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(carries_messages_both_ways),
      cmocka_unit_test(reassembles_fragments),
      cmocka_unit_test(accepts_single_bytes),
      cmocka_unit_test(takes_frames_sent_with_the_upgrade),
      cmocka_unit_test(refuses_what_breaks_the_protocol),
      cmocka_unit_test(bounds_a_message_of_many_fragments),
      cmocka_unit_test(pings_when_idle_and_notices_silence),
      cmocka_unit_test(answering_pings_does_not_put_off_its_own),
      cmocka_unit_test(pongs_count_when_told_so),
      cmocka_unit_test(a_slow_reader_costs_what_is_agreed),
      cmocka_unit_test(bounds_the_number_of_messages),
      cmocka_unit_test(pauses_between_any_two_messages),
      cmocka_unit_test(a_paused_one_can_be_closed),
      cmocka_unit_test(closes_either_way),
      cmocka_unit_test(sends_what_is_queued_before_the_close),
      cmocka_unit_test(a_stopping_server_says_goodbye),
      cmocka_unit_test(wants_a_proper_upgrade),
      cmocka_unit_test(survives_every_failed_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
