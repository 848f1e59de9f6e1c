/* net/http_conn.c: one connection; see http_internal.h for its states. */
#include "base/mem.h"
#include "net/http_internal.h"

static uint64_t now_plus(const struct http_conn *conn, uint64_t ms) { return uv_now(conn->loop->loop) + ms; }

static void release_when_done(struct http_conn *conn)
{
  if (conn->state != CONN_DONE || conn->busy)
    return;
  http_req_reset(&conn->req, /* release= */ true);
  buf_release(&conn->in);
  mem_free(conn);
}

/* Reads unless there is more to parse or to send than we want to hold for one client. */
static void update_reading(struct http_conn *conn)
{
  bool want = conn->state == CONN_LINGER ||
              (conn->state <= CONN_HANDLED && conn->in.len < HTTP_IN_MAX && stream_queued(conn->stream) <= HTTP_QUEUE_HIGH);
  if (want == conn->reading)
    return;
  conn->reading = want;
  if (want)
    stream_read_start(conn->stream);
  else
    stream_read_stop(conn->stream);
}

static void expect_request(struct http_conn *conn)
{
  conn->state = CONN_HEAD;
  conn->begun = false;
  conn->deadline = now_plus(conn, conn->server->limits.idle_ms);
}

/* ---- the end ---- */

void http_conn_close(struct http_conn *conn)
{
  stream_close(conn->stream);
  conn->stream = NULL;
  http_server_forget(conn);
  if (conn->state == CONN_HANDLED) {
    conn->state = CONN_GONE;
    http_respond_resume(conn);
    return;
  }
  conn->state = CONN_DONE;
  release_when_done(conn);
}

void http_conn_finish(struct http_conn *conn)
{
  conn->state = CONN_LINGER;
  uint64_t linger = conn->server->limits.linger_ms;
  if (conn->server->stopping && linger > HTTP_STOP_LINGER_MS)
    linger = HTTP_STOP_LINGER_MS;
  conn->deadline = now_plus(conn, linger);
  buf_release(&conn->in);
  stream_shutdown(conn->stream);
  if (conn->eof && stream_queued(conn->stream) == 0)
    http_conn_close(conn);
  else
    update_reading(conn);
}

void http_conn_timeout(struct http_conn *conn)
{
  if (conn->state == CONN_BODY || (conn->state == CONN_HEAD && conn->begun))
    http_conn_refuse(conn, 408, "the request took too long to arrive");
  else
    http_conn_close(conn);
}

bool http_conn_is_idle(const struct http_conn *conn)
{
  return conn->state == CONN_HEAD && !conn->begun && conn->in.len == 0;
}

/* ---- input ---- */

static void keep_input(struct http_conn *conn, struct str bytes)
{
  buf_add_str(&conn->in, bytes);
  if (buf_err(&conn->in))
    http_conn_close(conn);
  else
    update_reading(conn);
}

/* Parses and hands requests over until the input ends or a request has to wait for its answer. */
static void conn_input(struct http_conn *conn, struct str bytes)
{
  conn->busy = true;
  while (bytes.len && (conn->state == CONN_HEAD || conn->state == CONN_BODY)) {
    size_t used = http_parse(conn, bytes);
    bytes = str_sub(bytes, used, bytes.len);
    if (conn->refusal) {
      http_conn_refuse(conn, conn->refusal, conn->refusal_words);
    } else if (conn->complete) {
      conn->complete = false;
      conn->state = CONN_HANDLED;
      conn->deadline = 0;
      conn->server->config.on_request(&conn->req, conn->server->config.data);
    }
  }
  conn->busy = false;
  if (conn->state == CONN_TAKEN) {
    if (bytes.len)
      conn->on_taken_input(conn->taken_data, bytes);
    conn->state = CONN_DONE;
  }
  if (conn->state == CONN_DONE)
    release_when_done(conn);
  else if (conn->state == CONN_GONE || conn->state == CONN_LINGER)
    return;
  else if (conn->eof && conn->state <= CONN_BODY)
    http_conn_finish(conn);   /* the rest of this request will never come */
  else if (bytes.len)
    keep_input(conn, bytes);
  else
    update_reading(conn);
}

void http_conn_continue(struct http_conn *conn)
{
  CLEANUP(buf_release) struct buf in = conn->in;
  conn->in = BUF_INIT(conn->in.max);
  conn_input(conn, buf_str(&in));
}

static void on_read(void *data, struct str bytes)
{
  struct http_conn *conn = data;
  if (conn->state == CONN_LINGER)
    return;
  if (conn->in.len || conn->state > CONN_BODY)
    keep_input(conn, bytes);
  else
    conn_input(conn, bytes);
}

static void on_end(void *data, Err err, const struct diag *d)
{
  struct http_conn *conn = data;
  (void)d;
  conn->eof = true;
  bool wants_more = conn->state <= CONN_BODY && conn->in.len == 0;
  /* Who asked once may end its direction and wait for the answer. Of an answer in pieces, which can take for ever, it is
   * taken as leaving: nothing else tells before the next piece. */
  bool leaves = conn->state == CONN_HANDLED && conn->req.state != RESPOND_NONE && conn->in.len == 0;
  if (err || leaves)
    http_conn_close(conn);
  else if (conn->state == CONN_LINGER || wants_more)
    http_conn_finish(conn);
}

static void on_drain(void *data)
{
  struct http_conn *conn = data;
  size_t queued = stream_queued(conn->stream);
  switch (conn->state) {
  case CONN_HANDLED:
    update_reading(conn);
    http_respond_resume(conn);
    break;
  case CONN_SENDING:
    if (queued >= HTTP_QUEUE_LOW)
      break;
    expect_request(conn);
    http_conn_continue(conn);
    break;
  case CONN_LINGER:
    if (conn->eof && queued == 0)
      http_conn_close(conn);
    break;
  default: update_reading(conn);
  }
}

static const struct stream_events events = {.on_read = on_read, .on_end = on_end, .on_drain = on_drain};

struct http_conn *http_conn_new(struct http_server *server, struct stream *stream)
{
  struct http_conn *conn = mem_new(sizeof *conn);
  conn->server = server;
  conn->loop = server->loop;
  conn->stream = stream;
  conn->tls = stream_is_tls(stream);
  conn->in = BUF_INIT(HTTP_IN_MAX + 4 * STREAM_READ_MAX);
  conn->req.conn = conn;
  conn->req.head = BUF_INIT(server->limits.headers_max);
  conn->req.body = BUF_INIT(server->limits.body_max);
  stream_peer_ip(stream, conn->ip);
  llhttp_init(&conn->parser, HTTP_REQUEST, &http_parse_settings);
  conn->parser.data = conn;
  stream_own(stream, &events, conn);
  expect_request(conn);
  conn->deadline = now_plus(conn, server->limits.header_ms);   /* who connects has something to say */
  update_reading(conn);
  return conn;
}

/* ---- answers ---- */

void http_conn_answered(struct http_conn *conn)
{
  if (conn->state == CONN_GONE) {
    conn->state = CONN_DONE;
    release_when_done(conn);
    return;
  }
  bool keep = conn->req.keep_alive;
  http_server_count_body(conn, 0);
  http_req_reset(&conn->req, /* release= */ false);
  if (!keep || (conn->eof && conn->in.len == 0)) {
    http_conn_finish(conn);
  } else if (stream_queued(conn->stream) > HTTP_QUEUE_HIGH) {
    conn->state = CONN_SENDING;
    update_reading(conn);
  } else {
    expect_request(conn);
    if (conn->in.len && !conn->busy)
      http_server_ready(conn);
    else if (!conn->busy)
      update_reading(conn);
  }
}

struct stream *http_conn_take(struct http_conn *conn, struct buf *ret_in,
                              void (*on_input)(void *data, struct str bytes), void *data)
{
  struct stream *stream = conn->stream;
  *ret_in = conn->in;
  conn->in = (struct buf){0};
  conn->on_taken_input = on_input;
  conn->taken_data = data;
  conn->stream = NULL;
  http_server_forget(conn);
  conn->state = CONN_TAKEN;
  if (!conn->busy) {
    conn->state = CONN_DONE;
    release_when_done(conn);
  }
  return stream;
}
