/* tests/e2e/tap/agent_tap.c: an agent without a docker: engines log in through the real link code, and whoever started
 * it decides every answer.
 *
 *   agent_tap KEYFILE      makes the key when it is missing; listens on 127.0.0.1, any port, without TLS
 *
 * One line of JSON each way. Output: {"event":"listening","port","public_key"} · {"event":"up"|"down","who"} ·
 * {"event":"request","id","type","params"}. Input: {"id","ok":value} · {"id","error":{"error","trace":[…]}} · {"id","drop":true}.
 * The end of its input ends it. A Pending goes out after 50 ms instead of 4 s, so that a test can have one cheaply. */
#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"
#include "link/serve_http.h"

enum { LINE_MAX_BYTES = 32 << 20, PENDING_MS = 50 };

struct tap {
  uv_loop_t loop;
  struct op_loop ops;
  uv_pipe_t input;
  struct buf line;             /* what came after the last newline */
  struct map calls;            /* id as text -> struct serve_call that waits for its answer */
  uint64_t next_id;
  struct serve *serve;
  struct serve_http *listener;
  bool stopping;
};

static int fail(const struct diag *d)
{
  fprintf(stderr, "agent_tap: %s\n", d->message);
  return 1;
}

/* ---- out ---- */

static void print_line(const struct buf *line)
{
  fwrite(line->ptr, 1, line->len, stdout);
  fputc('\n', stdout);
  fflush(stdout);
}

static void on_request(struct serve_call *call, struct str type, yyjson_val *params, void *data)
{
  struct tap *t = data;
  if (t->stopping) {
    serve_call_drop(call);
    return;
  }
  char id[24];
  snprintf(id, sizeof id, "%" PRIu64, ++t->next_id);
  map_set(&t->calls, str_of(id), call);
  size_t len;
  char *json = yyjson_val_write(params, 0, &len);
  CLEANUP(buf_release) struct buf line = BUF_INIT(LINE_MAX_BYTES);
  buf_printf(&line, "{\"event\":\"request\",\"id\":%s,\"type\":", id);
  buf_add_json(&line, type);
  buf_add_text(&line, ",\"params\":");
  buf_add(&line, json, len);
  buf_add_char(&line, '}');
  print_line(&line);
  free(json);
}

static void on_state(struct str who, bool connected, void *data)
{
  (void)data;
  CLEANUP(buf_release) struct buf line = BUF_INIT(LINE_MAX_BYTES);
  buf_printf(&line, "{\"event\":\"%s\",\"who\":", connected ? "up" : "down");
  buf_add_json(&line, who);
  buf_add_char(&line, '}');
  print_line(&line);
}

/* ---- in ---- */

static void answer_error(struct serve_call *call, yyjson_val *error)
{
  struct diag d = {0};
  const char *message = yyjson_get_str(yyjson_obj_get(error, "error"));
  size_t i, n;
  yyjson_val *cause;
  diag_set(&d, ERR_INVALID, "%s", message ? message : "no message");
  yyjson_arr_foreach(yyjson_obj_get(error, "trace"), i, n, cause)
    diag_cause(&d, "%s", yyjson_get_str(cause));
  serve_call_error(call, &d);
}

static void answer(struct tap *t, struct str line)
{
  yyjson_doc *doc = yyjson_read(line.ptr, line.len, 0);
  yyjson_val *root = yyjson_doc_get_root(doc), *ok = yyjson_obj_get(root, "ok"), *error = yyjson_obj_get(root, "error");
  char id[24];
  snprintf(id, sizeof id, "%" PRIu64, yyjson_get_uint(yyjson_obj_get(root, "id")));
  struct serve_call *call = map_remove(&t->calls, str_of(id));
  if (!call) {
    fprintf(stderr, "agent_tap: not an answer: %.*s\n", STR_ARG(line));
  } else if (ok) {
    size_t len;
    char *json = yyjson_val_write(ok, 0, &len);
    serve_call_ok(call, str_make(json, len));
    free(json);
  } else if (error) {
    answer_error(call, error);
  } else {
    serve_call_drop(call);
  }
  yyjson_doc_free(doc);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
  (void)handle;
  *buf = uv_buf_init(mem_new_array(suggested, 1), (unsigned)suggested);
}

/* ---- end ---- */

static void on_listener_stopped(void *data)
{
  struct tap *t = data;
  serve_close(t->serve, /* on_closed= */ NULL, /* data= */ NULL);
  op_loop_close(&t->ops);
}

static void stop(struct tap *t)
{
  size_t at = 0;
  void *call;
  t->stopping = true;
  while (map_next(&t->calls, &at, NULL, &call))
    serve_call_drop(call);
  map_release(&t->calls);
  uv_close((uv_handle_t *)&t->input, NULL);
  serve_http_stop(t->listener, on_listener_stopped, t);
}

static void on_input(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
  struct tap *t = stream->data;
  const char *end;
  if (got > 0)
    buf_add(&t->line, buf->base, (size_t)got);
  mem_free(buf->base);
  while (t->line.len && (end = memchr(t->line.ptr, '\n', t->line.len))) {
    size_t len = (size_t)(end - t->line.ptr);
    answer(t, str_make(t->line.ptr, len));
    buf_consume(&t->line, len + 1);
  }
  if (got < 0 || buf_err(&t->line))
    stop(t);
}

/* ---- start ---- */

static Err start(struct tap *t, const char *key_file, struct diag *reterr)
{
  struct link_times times = LINK_TIMES_DEFAULT;
  times.pending_ms = PENDING_MS;
  CLEANUP(mem_free_at) char *key = mem_printf("file:%s", key_file);
  struct serve_config config = {.loop = &t->ops, .private_key = str_of(key), .has_listener = true, .times = &times,
                                .on_request = on_request, .on_state = on_state, .data = t};
  Err err = serve_new(&config, &t->serve, reterr);
  if (err)
    return err;
  struct serve_http_config http = {.loop = &t->ops, .serve = t->serve, .bind_ip = "127.0.0.1"};
  err = serve_http_start(&http, &t->listener, reterr);
  if (err)
    return err;
  uv_pipe_init(&t->loop, &t->input, /* ipc= */ 0);
  t->input.data = t;
  if (uv_pipe_open(&t->input, 0) || uv_read_start((uv_stream_t *)&t->input, on_alloc, on_input))
    return diag_set(reterr, ERR_INVALID, "the input must be a pipe");
  CLEANUP(buf_release) struct buf line = BUF_INIT(LINE_MAX_BYTES);
  buf_printf(&line, "{\"event\":\"listening\",\"port\":%u,\"public_key\":", serve_http_port(t->listener));
  buf_add_json(&line, serve_public_key(t->serve));
  buf_add_char(&line, '}');
  print_line(&line);
  return OK;
}

int main(int argc, char **argv)
{
  struct tap t = {.line = BUF_INIT(LINE_MAX_BYTES)};
  struct diag d = {0};
  if (argc != 2) {
    diag_set(&d, ERR_INVALID, "usage: agent_tap KEYFILE");
    return fail(&d);
  }
  uv_loop_init(&t.loop);
  op_loop_init(&t.ops, &t.loop);
  if (start(&t, argv[1], &d))
    return fail(&d);   /* nothing is wound down: the process ends here */
  uv_run(&t.loop, UV_RUN_DEFAULT);
  buf_release(&t.line);
  return uv_loop_close(&t.loop) ? 1 : 0;
}
