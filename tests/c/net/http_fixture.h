/* An HTTP server that answers on a few paths, for the tests of its files. */
#ifndef HTTP_FIXTURE_H
#define HTTP_FIXTURE_H

#include "net_test.h"

#include "base/arena.h"
#include "net/http_server.h"

struct fixture {
  struct test_loop loop;
  struct http_server *server;
  struct http_req *held;          /* answered by the test */
  size_t requests;
  bool stopped, gone, drained;
  struct buf big;
  struct str path;
  uint16_t port;
};

/* /echo answers method, path, query and body; /hold waits for the test; /big answers f->big. */
static inline void on_request(struct http_req *req, void *data)
{
  struct fixture *f = data;
  f->requests++;
  struct http_header type = {STR("Content-Type"), STR("text/plain")};
  if (str_eqc(http_req_path(req), "/hold")) {
    f->held = req;
  } else if (str_eqc(http_req_path(req), "/big")) {
    http_respond(req, 200, &type, 1, buf_str(&f->big));
  } else if (str_eqc(http_req_path(req), "/empty")) {
    http_respond(req, 204, NULL, 0, STR(""));
  } else {
    const char *text = arena_printf(http_req_arena(req), "[%.*s %.*s ? %.*s | %.*s]", STR_ARG(http_req_method(req)),
                                    STR_ARG(http_req_path(req)), STR_ARG(http_req_query(req)), STR_ARG(http_req_body(req)));
    http_respond(req, 200, &type, 1, str_of(text));
  }
}

static inline void start(struct fixture *f, struct http_server_config config)
{
  struct diag d = {0};
  loop_open(&f->loop);
  config.loop = &f->loop.op;
  config.bind_ip = config.bind_ip ? config.bind_ip : "127.0.0.1";
  config.on_request = config.on_request ? config.on_request : on_request;
  config.data = f;
  if (http_server_start(&config, &f->server, &d))
    fail_msg("%s", d.message);
  f->port = http_server_port(f->server);
}

static void on_stopped(void *data) { ((struct fixture *)data)->stopped = true; }

static inline void stop(struct fixture *f)
{
  http_server_stop(f->server, on_stopped, f);
  RUN_UNTIL(&f->loop, f->stopped);
  loop_close(&f->loop);
  buf_release(&f->big);
}

static inline void fill(struct buf *b, size_t len)
{
  *b = BUF_INIT(len);
  while (b->len < len)
    buf_add(b, "0123456789abcdef", len - b->len < 16 ? len - b->len : 16);
}

#endif
