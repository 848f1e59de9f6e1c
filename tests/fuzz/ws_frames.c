/* Frames into either end of a WebSocket. However they are cut into pieces, the messages must be the same. */
#include "net_fuzz.h"

#include "net/ws_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
  struct ws *ws;
  struct buf messages;
  int code;
  Err err;
  bool closed;
};

static void on_message(struct ws *ws, enum ws_kind kind, struct str message, void *data)
{
  struct seen *seen = data;
  FUZZ_ASSERT(message.len <= 5000 && (kind == WS_BINARY || str_is_utf8(message)));
  buf_printf(&seen->messages, "%d,%zu:", kind, message.len);
  buf_add_str(&seen->messages, message);
  if (message.len == 1) {   /* let the owner's calls happen at any point, too */
    ws_pause(ws);
    ws_resume(ws);
  } else if (message.len == 2) {
    ws_close(ws, 1000);
  } else if (ws_send(ws, kind, message)) {
    FUZZ_ASSERT(ws->state != WS_OPEN || ws_queued(ws) > 0);
  }
}

static void on_close(struct ws *ws, Err err, int code, const struct diag *d, void *data)
{
  struct seen *seen = data;
  (void)ws;
  FUZZ_ASSERT(!seen->closed && d);
  seen->closed = true;
  seen->err = err;
  seen->code = code;
}

static struct seen run(const uint8_t *data, size_t size, bool client, uint32_t seed)
{
  struct fuzz f;
  struct stream *stream;
  struct seen seen = {.messages = BUF_INIT(64 << 20)};
  fuzz_open(&f, &stream);
  struct ws_config config = {.frame_max = 4000, .message_max = 5000, .queue_max = 1 << 20, .close_timeout_ms = 1,
                             .on_message = on_message, .on_close = on_close, .data = &seen};
  struct ws *ws = ws_new(&f.op, &config, client);
  ws->stream = stream;
  ws_begin(ws);
  fuzz_feed(&f, data, size, seed);
  while (!seen.closed)
    uv_run(&f.uv, UV_RUN_ONCE);
  fuzz_close(&f);
  buf_release(&f.out);
  return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size < 2 || size > FUZZ_INPUT_MAX)
    return 0;
  bool client = data[0] & 1;
  struct seen whole = run(data + 2, size - 2, client, 0), cut = run(data + 2, size - 2, client, data[1] + 1u);
  FUZZ_ASSERT(str_eq(buf_str(&whole.messages), buf_str(&cut.messages)));
  buf_release(&whole.messages);
  buf_release(&cut.messages);
  return 0;
}
