/* net/http_respond.c: the answer; see http_server.h. */
#include "base/mem.h"
#include "net/http_internal.h"

enum framing { FRAME_NONE, FRAME_LENGTH, FRAME_CHUNKED, FRAME_GIVEN, FRAME_CLOSE };   /* GIVEN: Content-Length is a header */

struct answer {
  int status;
  const struct http_header *headers;
  size_t count;
  enum framing framing;
  size_t length;
  enum http_gzip gzip;
};

/* ---- the head ---- */

static void add_number(struct buf *b, uint64_t n)
{
  char digits[20];
  size_t at = sizeof digits;
  do
    digits[--at] = (char)('0' + n % 10);
  while (n /= 10);
  buf_add(b, digits + at, sizeof digits - at);
}

/* A line break in a value would let it write headers of its own. */
static void add_header(struct buf *b, struct str name, struct str value)
{
  buf_add_str(b, name);
  buf_add(b, ": ", 2);
  size_t from = b->len;
  buf_add_str(b, value);
  for (size_t i = from; i < b->len; i++)
    if (b->ptr[i] == '\r' || b->ptr[i] == '\n' || b->ptr[i] == 0)
      b->ptr[i] = ' ';
  buf_add(b, "\r\n", 2);
}

static bool has_header(const struct http_header *headers, size_t count, struct str name)
{
  for (size_t i = 0; i < count; i++)
    if (headers[i].name.len == name.len && str_eq_nocase(headers[i].name, name))
      return true;
  return false;
}

/* The configured headers, without those the answer has itself. */
static void add_common(struct buf *b, const struct http_server *server, const struct answer *a)
{
  const struct http_header *common = server->config.headers;
  bool overrides = false;
  for (size_t i = 0; i < server->config.header_count; i++)
    overrides = overrides || has_header(a->headers, a->count, common[i].name);
  if (!overrides) {
    buf_add_str(b, buf_str(&server->common));
    return;
  }
  for (size_t i = 0; i < server->config.header_count; i++)
    if (!has_header(a->headers, a->count, common[i].name))
      add_header(b, common[i].name, common[i].value);
}

/* The compressed bytes are not the ones a strong ETag was made of. */
static void add_own(struct buf *b, const struct answer *a)
{
  for (size_t i = 0; i < a->count; i++) {
    struct http_header h = a->headers[i];
    bool weaken = a->gzip == HTTP_GZIP_YES && str_eq_nocase(h.name, STR("etag")) && !str_starts(h.value, STR("W/"));
    if (!weaken) {
      add_header(b, h.name, h.value);
      continue;
    }
    buf_add_text(b, "ETag: W/");
    buf_add_str(b, h.value);
    buf_add(b, "\r\n", 2);
  }
}

static struct str make_head(struct http_req *req, const struct answer *a)
{
  struct http_conn *conn = req->conn;
  struct http_server *server = conn->server;
  struct buf *b = &server->head;
  buf_clear(b);
  buf_add(b, "HTTP/1.1 ", 9);
  add_number(b, (uint64_t)a->status);
  buf_add_char(b, ' ');
  buf_add_text(b, http_status_text(a->status));
  buf_add(b, "\r\n", 2);
  buf_add_str(b, http_server_date(server));
  add_common(b, server, a);
  add_own(b, a);
  if (a->gzip == HTTP_GZIP_YES)
    buf_add_text(b, "Content-Encoding: gzip\r\n");
  if (a->gzip != HTTP_GZIP_NO)
    buf_add_text(b, "Vary: Accept-Encoding\r\n");
  if (a->framing == FRAME_LENGTH) {
    buf_add(b, "Content-Length: ", 16);
    add_number(b, a->length);
    buf_add(b, "\r\n", 2);
  } else if (a->framing == FRAME_CHUNKED) {
    buf_add_text(b, "Transfer-Encoding: chunked\r\n");
  }
  req->keep_alive = req->keep_alive && !server->stopping && a->framing != FRAME_CLOSE;
  if (!req->keep_alive)
    buf_add_text(b, "Connection: close\r\n");
  else if (conn->parser.http_minor == 0)
    buf_add_text(b, "Connection: keep-alive\r\n");
  buf_add(b, "\r\n", 2);
  return buf_str(b);
}

static bool has_body(int status) { return status >= 200 && status != 204 && status != 304; }
static bool is_head(const struct http_req *req) { return req->conn->parser.method == HTTP_HEAD; }

/* ---- a whole answer ---- */

/* `take` (may be NULL) holds the memory of `body`. */
static void send_whole(struct http_req *req, const struct answer *a, struct str body, struct buf *take)
{
  struct http_conn *conn = req->conn;
  struct str head = make_head(req, a);
  Err err = buf_err(&conn->server->head);
  if (!err && (is_head(req) || !has_body(a->status)))
    err = stream_write(conn->stream, &head, 1, NULL);
  else if (!err && take)
    err = stream_write(conn->stream, &head, 1, take);
  else if (!err)
    err = stream_write(conn->stream, (struct str[]){head, body}, 2, NULL);
  if (err)
    http_conn_close(conn);
  http_conn_answered(conn);
}

struct gzip_job {
  uv_work_t work;
  struct http_req *req;
  struct answer answer;
  struct buf body, packed;
  Err err;
};

static void gzip_work(uv_work_t *work)
{
  struct gzip_job *job = CONTAINER_OF(work, struct gzip_job, work);
  z_stream zip;
  job->err = http_gzip_init(&zip);
  if (job->err)
    return;
  job->err = http_gzip(&zip, buf_str(&job->body), &job->packed);
  deflateEnd(&zip);
}

static void gzip_after(uv_work_t *work, int status)
{
  struct gzip_job *job = CONTAINER_OF(work, struct gzip_job, work);
  struct http_req *req = job->req;
  bool packed = status == 0 && !job->err;
  struct buf *body = packed ? &job->packed : &job->body;
  job->answer.gzip = packed ? HTTP_GZIP_YES : HTTP_GZIP_ASK;
  job->answer.length = body->len;
  if (http_req_is_gone(req))
    http_conn_answered(req->conn);
  else
    send_whole(req, &job->answer, buf_str(body), body);
  buf_release(&job->body);
  buf_release(&job->packed);
  mem_free(job);
}

/* Compresses on another thread; the connection waits as if the handler had not answered yet. */
static void send_gzip_later(struct http_req *req, const struct answer *a, struct buf *body)
{
  struct gzip_job *job = mem_new(sizeof *job);
  job->req = req;
  job->answer = *a;
  job->body = *body;
  *body = BUF_INIT(body->max);
  struct http_header *copy = arena_new(&req->arena, a->count * sizeof *copy);
  for (size_t i = 0; i < a->count; i++) {
    struct http_header h = a->headers[i];
    copy[i].name = str_make(arena_dup(&req->arena, h.name), h.name.len);
    copy[i].value = str_make(arena_dup(&req->arena, h.value), h.value.len);
  }
  job->answer.headers = copy;
  uv_queue_work(req->conn->loop->loop, &job->work, gzip_work, gzip_after);
}

static Err gzip_now(struct http_server *server, struct str body, struct buf *ret)
{
  if (!server->zip_ready) {
    Err err = http_gzip_init(&server->zip);
    if (err)
      return err;
    server->zip_ready = true;
  }
  return http_gzip(&server->zip, body, ret);
}

static void respond(struct http_req *req, int status, const struct http_header *headers, size_t count, struct str body,
                    struct buf *take)
{
  struct http_conn *conn = req->conn;
  if (http_req_is_gone(req)) {
    http_conn_answered(conn);
    return;
  }
  struct answer a = {.status = status, .headers = headers, .count = count, .length = body.len};
  a.framing = has_body(status) ? FRAME_LENGTH : FRAME_NONE;
  if (has_body(status))
    a.gzip = http_gzip_choose(req, headers, count, body.len);
  if (a.gzip == HTTP_GZIP_YES && is_head(req))
    a.gzip = HTTP_GZIP_ASK;
  if (a.gzip == HTTP_GZIP_YES && body.len > HTTP_GZIP_INLINE_MAX) {
    CLEANUP(buf_release) struct buf copy = BUF_INIT(body.len);
    if (!take)
      buf_add_str(&copy, body);
    if (buf_err(&copy) == OK) {
      send_gzip_later(req, &a, take ? take : &copy);
      return;
    }
    a.gzip = HTTP_GZIP_ASK;
  }
  CLEANUP(buf_release) struct buf packed = {0};
  if (a.gzip == HTTP_GZIP_YES && gzip_now(conn->server, body, &packed) == OK) {
    body = buf_str(&packed);
    take = &packed;
    a.length = body.len;
  } else if (a.gzip == HTTP_GZIP_YES) {
    a.gzip = HTTP_GZIP_ASK;
  }
  send_whole(req, &a, body, take);
}

void http_respond(struct http_req *req, int status, const struct http_header *headers, size_t count, struct str body)
{
  respond(req, status, headers, count, body, NULL);
}

void http_respond_take(struct http_req *req, int status, const struct http_header *headers, size_t count, struct buf *body)
{
  respond(req, status, headers, count, buf_str(body), body);
  buf_release(body);
}

void http_conn_refuse(struct http_conn *conn, int status, const char *words)
{
  CLEANUP(buf_release) struct buf body = BUF_INIT(4096);
  buf_add_text(&body, "{\"error\":");
  buf_add_json(&body, str_of(words));
  buf_add_text(&body, ",\"trace\":[]}");
  conn->state = CONN_HANDLED;
  conn->req.keep_alive = false;
  struct http_header type = {STR("Content-Type"), STR("application/json")};
  http_respond(&conn->req, status, &type, 1, buf_str(&body));
}

/* ---- an answer in pieces ---- */

/* The connection broke under a write: the caller learns it from there, so on_drain has nothing to tell. */
static void lose(struct http_req *req)
{
  req->on_drain = NULL;
  http_conn_close(req->conn);
}

static bool given_length(const struct http_header *headers, size_t count, uint64_t *ret)
{
  for (size_t i = 0; i < count; i++)
    if (str_eq_nocase(headers[i].name, STR("content-length")))
      return str_to_u64(headers[i].value, ret);
  return false;
}

void http_respond_begin(struct http_req *req, int status, const struct http_header *headers, size_t count,
                        void (*on_drain)(struct http_req *req, void *data), void *data)
{
  struct http_conn *conn = req->conn;
  req->state = RESPOND_PIECES;
  req->on_drain = on_drain;
  req->drain_data = data;
  if (http_req_is_gone(req))
    return;
  struct answer a = {.status = status, .headers = headers, .count = count};
  req->sized = given_length(headers, count, &req->left);
  if (req->sized)
    a.framing = FRAME_GIVEN;
  else if (!has_body(status))
    a.framing = FRAME_NONE;
  else
    a.framing = conn->parser.http_minor == 0 ? FRAME_CLOSE : FRAME_CHUNKED;
  req->chunked = a.framing == FRAME_CHUNKED;
  req->drop_body = is_head(req) || !has_body(status);
  struct str head = make_head(req, &a);
  if (buf_err(&conn->server->head) || stream_write(conn->stream, &head, 1, NULL))
    lose(req);
}

bool http_respond_write(struct http_req *req, struct str chunk, bool *ret_full)
{
  struct http_conn *conn = req->conn;
  if (ret_full)
    *ret_full = false;
  if (http_req_is_gone(req))
    return false;
  if (req->drop_body || chunk.len == 0)
    return true;
  req->state = RESPOND_PIECES;
  Err err;
  if (req->chunked) {
    char size[24];
    int n = snprintf(size, sizeof size, "%zx\r\n", chunk.len);
    err = stream_write(conn->stream, (struct str[]){{size, (size_t)n}, chunk, STR("\r\n")}, 3, NULL);
  } else {
    err = req->sized && chunk.len > req->left ? ERR_TOOBIG : stream_write(conn->stream, &chunk, 1, NULL);
    req->left -= req->sized && !err ? chunk.len : 0;
  }
  if (err) {
    lose(req);
    return false;
  }
  if (ret_full && stream_queued(conn->stream) > HTTP_QUEUE_HIGH) {
    *ret_full = true;
    req->state = RESPOND_WAITS;
  }
  return true;
}

void http_respond_end(struct http_req *req)
{
  struct http_conn *conn = req->conn;
  req->state = RESPOND_NONE;
  if (!http_req_is_gone(req)) {
    struct str last = STR("0\r\n\r\n");
    bool short_of = req->sized && req->left && !req->drop_body;
    if (short_of || (req->chunked && !req->drop_body && stream_write(conn->stream, &last, 1, NULL)))
      http_conn_close(conn);
  }
  http_conn_answered(conn);
}

void http_respond_abort(struct http_req *req)
{
  struct http_conn *conn = req->conn;
  req->state = RESPOND_NONE;
  if (!http_req_is_gone(req))
    http_conn_close(conn);
  http_conn_answered(conn);
}

void http_respond_resume(struct http_conn *conn)
{
  struct http_req *req = &conn->req;
  bool gone = !conn->stream;
  if (req->state == RESPOND_NONE || (!gone && req->state != RESPOND_WAITS))
    return;
  if (!gone && stream_queued(conn->stream) >= HTTP_QUEUE_LOW)
    return;
  req->state = RESPOND_PIECES;
  if (req->on_drain)
    req->on_drain(req, req->drain_data);
}
