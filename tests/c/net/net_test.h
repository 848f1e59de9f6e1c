/* What the tests of net/ share: a loop that must end empty, and a client that sends and expects raw bytes. */
#ifndef NET_TEST_H
#define NET_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <uv.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/op.h"

enum { TICK_MS = 5, PATIENCE_MS = 20000 };

struct test_loop {
  uv_loop_t uv;
  struct op_loop op;
  uv_timer_t watchdog;   /* also ends a turn of the loop in which a timer alone fired */
  int ticks;
};

static void on_watchdog(uv_timer_t *timer)
{
  struct test_loop *l = timer->data;
  if (++l->ticks * TICK_MS > PATIENCE_MS)
    fail_msg("what the test waits for did not happen");
}

static inline void loop_open(struct test_loop *l)
{
  l->ticks = 0;
  assert_int_equal(uv_loop_init(&l->uv), 0);
  op_loop_init(&l->op, &l->uv);
  uv_timer_init(&l->uv, &l->watchdog);
  l->watchdog.data = l;
  uv_timer_start(&l->watchdog, on_watchdog, TICK_MS, TICK_MS);
  uv_unref((uv_handle_t *)&l->watchdog);
}

static inline void loop_close(struct test_loop *l)
{
  uv_run(&l->uv, UV_RUN_DEFAULT);
  uv_close((uv_handle_t *)&l->watchdog, NULL);
  op_loop_close(&l->op);
  uv_run(&l->uv, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&l->uv), 0);
}

/* Turns the loop until `condition` holds. */
#define RUN_UNTIL(l, condition)      \
  while (!(condition))               \
  uv_run(&(l)->uv, UV_RUN_ONCE)

/* ---- a client of raw bytes ---- */

struct client {
  union {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  } uv;
  uv_connect_t connect;
  struct test_loop *loop;
  struct buf in;
  bool connected, eof, reading, closed;
  int failed;
  char chunk[65536];
};

static void client_on_connect(uv_connect_t *req, int status)
{
  struct client *c = req->data;
  assert_int_equal(status, 0);
  c->connected = true;
}

static inline void client_open(struct client *c, struct test_loop *l, uint16_t port)
{
  struct sockaddr_in address;
  *c = (struct client){.loop = l, .in = BUF_INIT(256 << 20)};
  uv_ip4_addr("127.0.0.1", port, &address);
  uv_tcp_init(&l->uv, &c->uv.tcp);
  c->uv.handle.data = c->connect.data = c;
  assert_int_equal(uv_tcp_connect(&c->connect, &c->uv.tcp, (struct sockaddr *)&address, client_on_connect), 0);
  RUN_UNTIL(l, c->connected);
}

static inline void client_open_unix(struct client *c, struct test_loop *l, const char *path)
{
  *c = (struct client){.loop = l, .in = BUF_INIT(256 << 20)};
  uv_pipe_init(&l->uv, &c->uv.pipe, 0);
  c->uv.handle.data = c->connect.data = c;
  uv_pipe_connect(&c->connect, &c->uv.pipe, path, client_on_connect);
  RUN_UNTIL(l, c->connected);
}

static void client_alloc(uv_handle_t *h, size_t hint, uv_buf_t *ret)
{
  struct client *c = h->data;
  (void)hint;
  *ret = uv_buf_init(c->chunk, sizeof c->chunk);
}

static void client_on_read(uv_stream_t *h, ssize_t n, const uv_buf_t *b)
{
  struct client *c = h->data;
  if (n > 0)
    buf_add(&c->in, b->base, (size_t)n);
  if (buf_err(&c->in))   /* an allocation was made to fail: give up like a broken connection */
    n = UV_ENOMEM;
  if (n < 0) {
    c->eof = true;
    c->failed = n == UV_EOF ? 0 : (int)n;
    uv_read_stop(h);
  }
}

static inline void client_read(struct client *c)
{
  if (!c->reading && !c->eof)
    uv_read_start(&c->uv.stream, client_alloc, client_on_read);
  c->reading = true;
}

struct client_write {
  uv_write_t req;
  char bytes[];
};

static void client_on_write(uv_write_t *req, int status)
{
  (void)status;
  mem_free(req->data);
}

static inline void client_send_n(struct client *c, const void *bytes, size_t len)
{
  struct client_write *w = mem_new(sizeof *w + len);
  memcpy(w->bytes, bytes, len);
  w->req.data = w;
  uv_buf_t b = uv_buf_init(w->bytes, (unsigned)len);
  assert_int_equal(uv_write(&w->req, &c->uv.stream, &b, 1, client_on_write), 0);
}

static inline void client_send(struct client *c, const char *text) { client_send_n(c, text, strlen(text)); }

static inline bool client_has(struct client *c, const char *text, size_t *from)
{
  size_t len = strlen(text), start = *from > len ? *from - len : 0;   /* not from the start each time */
  *from = c->in.len;
  return c->in.ptr && memmem(c->in.ptr + start, c->in.len - start, text, len);
}

/* Waits until what came contains `text`. */
static inline void client_expect(struct client *c, const char *text)
{
  size_t from = 0;
  bool found = false;
  client_read(c);
  RUN_UNTIL(c->loop, (found = client_has(c, text, &from)) || c->eof);
  if (!found && !client_has(c, text, &from))
    fail_msg("wanted \"%s\", got \"%.*s\"", text, (int)(c->in.len < 2000 ? c->in.len : 2000), c->in.ptr ? c->in.ptr : "");
}

static inline void client_expect_eof(struct client *c)
{
  client_read(c);
  RUN_UNTIL(c->loop, c->eof);
}

static inline size_t client_count(const struct client *c, const char *text)
{
  size_t n = 0;
  for (const char *at = c->in.ptr; at && (at = strstr(at, text)); at++)
    n++;
  return n;
}

static void client_on_closed(uv_handle_t *h)
{
  struct client *c = h->data;
  c->closed = true;
}

static inline void client_close(struct client *c)
{
  uv_close(&c->uv.handle, client_on_closed);
  RUN_UNTIL(c->loop, c->closed);
  buf_release(&c->in);
}

#endif
