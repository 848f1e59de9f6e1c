/* Bytes into an HTTP connection. However they are cut into pieces, the answers must be the same. */
#include "net_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_request(struct http_req *req, void *data)
{
  (void)data;
  struct http_header h, type = {STR("Content-Type"), STR("text/plain")};
  CLEANUP(buf_release) struct buf b = BUF_INIT(4 << 20);
  buf_printf(&b, "%.*s|%.*s|%.*s|", STR_ARG(http_req_method(req)), STR_ARG(http_req_path(req)), STR_ARG(http_req_query(req)));
  for (size_t at = 0; http_req_next_header(req, &at, &h);)
    buf_printf(&b, "%.*s=%.*s|", STR_ARG(h.name), STR_ARG(h.value));
  struct str key = http_query_get(http_req_arena(req), http_req_query(req), "key");
  buf_add_str(&b, key);
  buf_add_str(&b, http_req_body(req));
  http_respond_take(req, 200, &type, 1, &b);
}

static void on_stopped(void *data) { ((struct fuzz *)data)->stopped = true; }

static struct buf answers(const uint8_t *data, size_t size, uint32_t seed)
{
  struct fuzz f;
  struct stream *stream;
  fuzz_open(&f, &stream);
  struct http_server_config config = {.loop = &f.op, .on_request = on_request, .limits = {.headers_max = 4096, .body_max = 8192}};
  struct http_server *server = http_server_new(&config);
  http_server_add(server, stream);
  fuzz_feed(&f, data, size, seed);
  http_server_stop(server, on_stopped, &f);
  while (!f.stopped)
    fuzz_turn(&f);
  fuzz_close(&f);
  for (char *at = f.out.ptr; at && (at = strstr(at, "Date: ")); at++)
    memset(at, '-', f.out.ptr + f.out.len - at > 35 ? 35 : 0);
  return f.out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size < 1 || size > FUZZ_INPUT_MAX)
    return 0;
  struct buf whole = answers(data + 1, size - 1, 0);
  struct buf cut = answers(data + 1, size - 1, data[0] + 1u);
  FUZZ_ASSERT(str_eq(buf_str(&whole), buf_str(&cut)));
  buf_release(&whole);
  buf_release(&cut);
  return 0;
}
