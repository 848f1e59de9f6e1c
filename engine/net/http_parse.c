/* net/http_parse.c: llhttp's callbacks; see http_internal.h.
 *
 * llhttp runs with its strict defaults: it refuses both Content-Length and Transfer-Encoding, two Content-Lengths, bare
 * line feeds, folded and malformed headers. What it leaves to its user is refused here.
 */
#include "base/mem.h"
#include "net/http_internal.h"

void http_req_reset(struct http_req *req, bool release)
{
  arena_release(&req->arena);
  if (release || req->head.cap > HTTP_BUFFER_KEEP)
    buf_release(&req->head);
  if (release || req->body.cap > HTTP_BUFFER_KEEP)
    buf_release(&req->body);
  buf_clear(&req->head);
  buf_clear(&req->body);
  if (release) {
    mem_free(req->fields);
    req->fields = NULL;
    req->field_cap = 0;
  }
  req->field_count = req->target_len = 0;
  req->path = req->query = STR_NONE;
  req->data = NULL;
  req->value_last = req->keep_alive = req->expects_continue = false;
  req->state = RESPOND_NONE;
  req->on_drain = NULL;
}

static int refuse(struct http_conn *conn, int status, const char *words)
{
  conn->refusal = status;
  conn->refusal_words = words;
  return HPE_USER;
}

static int refuse_headers(struct http_conn *conn)
{
  if (buf_err(&conn->req.head) == ERR_NOMEM)
    return refuse(conn, 503, "out of memory");
  return refuse(conn, 431, "the request line and headers are too large");
}

static int on_message_begin(llhttp_t *parser)
{
  struct http_conn *conn = parser->data;
  conn->begun = true;
  conn->overhead = 0;
  conn->deadline = uv_now(conn->server->loop->loop) + conn->server->limits.header_ms;
  return 0;
}

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
  struct http_conn *conn = parser->data;
  buf_add(&conn->req.head, at, len);
  conn->req.target_len = conn->req.head.len;
  return buf_err(&conn->req.head) ? refuse(conn, 414, "the request target is too long") : 0;
}

/* Chunk extensions and trailers: parsed, bounded, dropped. */
static int on_overhead(llhttp_t *parser, const char *at, size_t len)
{
  struct http_conn *conn = parser->data;
  (void)at;
  conn->overhead += len;
  return conn->overhead > HTTP_CHUNK_EXTRA_MAX ? refuse(conn, 431, "chunk extensions and trailers are too large") : 0;
}

static struct http_field *add_field(struct http_req *req)
{
  if (req->field_count == HTTP_FIELDS_MAX)
    return NULL;
  if (req->field_count == req->field_cap) {
    req->field_cap = req->field_cap ? req->field_cap * 2 : 16;
    req->fields = mem_resize(req->fields, req->field_cap * sizeof *req->fields);
  }
  struct http_field *f = &req->fields[req->field_count++];
  *f = (struct http_field){.name = (uint32_t)req->head.len};
  return f;
}

static int on_header_field(llhttp_t *parser, const char *at, size_t len)
{
  struct http_conn *conn = parser->data;
  struct http_req *req = &conn->req;
  if (conn->state == CONN_BODY)
    return on_overhead(parser, at, len);
  if ((req->field_count == 0 || req->value_last) && !add_field(req))
    return refuse(conn, 431, "too many headers");
  req->value_last = false;
  buf_add(&req->head, at, len);
  req->fields[req->field_count - 1].name_len += (uint32_t)len;
  return buf_err(&req->head) ? refuse_headers(conn) : 0;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t len)
{
  struct http_conn *conn = parser->data;
  struct http_req *req = &conn->req;
  if (conn->state == CONN_BODY)
    return on_overhead(parser, at, len);
  struct http_field *f = &req->fields[req->field_count - 1];
  if (!req->value_last)
    f->value = (uint32_t)req->head.len;
  req->value_last = true;
  buf_add(&req->head, at, len);
  f->value_len += (uint32_t)len;
  return buf_err(&req->head) ? refuse_headers(conn) : 0;
}

/* An empty value brings no on_header_value at all. */
static int on_header_value_complete(llhttp_t *parser)
{
  struct http_conn *conn = parser->data;
  conn->req.value_last = true;
  return 0;
}

/* Splits the target; the absolute form ("GET http://host/path") counts as its path. */
static void set_target(struct http_req *req)
{
  struct str target = str_sub(buf_str(&req->head), 0, req->target_len);
  if (target.len && target.ptr[0] != '/' && target.ptr[0] != '*') {
    const char *host = memmem(target.ptr, target.len, "://", 3);
    if (host) {
      target = str_sub(target, (size_t)(host + 3 - target.ptr), target.len);
      size_t at = 0;
      while (at < target.len && target.ptr[at] != '/' && target.ptr[at] != '?')
        at++;
      target = str_sub(target, at, target.len);
    }
  }
  ptrdiff_t mark = str_find(target, '?');
  req->path = mark < 0 ? target : str_sub(target, 0, (size_t)mark);
  req->query = mark < 0 ? STR("") : str_sub(target, (size_t)mark + 1, target.len);
  if (req->path.len == 0)
    req->path = STR("/");
}

static size_t count_header(const struct http_req *req, const char *name)
{
  struct http_header h;
  size_t n = 0;
  for (size_t at = 0; http_req_next_header(req, &at, &h);)
    n += str_eq_nocase(h.name, str_of(name));
  return n;
}

/* What RFC 9112 asks of a server beyond the grammar. Returns 0 or the status, with words. */
static int check(struct http_conn *conn, const char **ret_words)
{
  struct http_req *req = &conn->req;
  const llhttp_t *p = &conn->parser;
  bool http11 = p->http_minor == 1;
  if (p->http_major != 1 || p->http_minor > 1) {
    *ret_words = "HTTP/1.0 and HTTP/1.1 are spoken here";
    return 505;
  }
  if (p->method == HTTP_CONNECT) {
    *ret_words = "CONNECT is not supported";
    return 405;
  }
  size_t hosts = count_header(req, "host");
  if (hosts > 1 || (hosts == 0 && http11)) {
    *ret_words = "exactly one Host header is required";
    return 400;
  }
  struct str coding = http_req_header(req, "transfer-encoding");
  if (coding.ptr) {
    if (!http11 || count_header(req, "transfer-encoding") > 1 || http_req_header(req, "content-length").ptr) {
      *ret_words = "ambiguous Transfer-Encoding";
      return 400;
    }
    if (!str_eq_nocase(coding, STR("chunked"))) {
      *ret_words = "only the transfer coding chunked is supported";
      return 501;
    }
  }
  struct str expect = http_req_header(req, "expect");
  if (expect.ptr && http11) {
    if (!str_eq_nocase(expect, STR("100-continue"))) {
      *ret_words = "unknown expectation";
      return 417;
    }
    req->expects_continue = true;
  }
  if (!coding.ptr && p->content_length > conn->server->limits.body_max) {
    *ret_words = "Failed to buffer the request body: length limit exceeded";
    return 413;
  }
  return 0;
}

static int on_headers_complete(llhttp_t *parser)
{
  struct http_conn *conn = parser->data;
  struct http_req *req = &conn->req;
  struct http_server *server = conn->server;
  parser->upgrade = 0;   /* a WebSocket is taken over after the request was handed on; other upgrades are ignored */
  set_target(req);
  req->keep_alive = llhttp_should_keep_alive(parser) != 0;
  const char *words = NULL;
  int status = check(conn, &words);
  if (status)
    return refuse(conn, status, words);
  conn->state = CONN_BODY;
  conn->deadline = uv_now(server->loop->loop) + server->limits.body_ms;
  if (server->config.on_headers) {
    Err err = server->config.on_headers(req, server->config.data);
    if (err)
      return refuse(conn, err_status(err), err_words(err));
  }
  if (req->expects_continue && (parser->content_length > 0 || (parser->flags & F_CHUNKED))) {
    struct str go_on = STR("HTTP/1.1 100 Continue\r\n\r\n");
    if (stream_write(conn->stream, &go_on, 1, NULL))
      return refuse(conn, 503, "cannot continue");
  }
  return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
  struct http_conn *conn = parser->data;
  buf_add(&conn->req.body, at, len);
  switch (buf_err(&conn->req.body)) {
  case OK:
    if (http_server_count_body(conn, conn->req.body.len))
      return 0;
    return refuse(conn, 503, "too many large requests at once, try again");
  case ERR_TOOBIG: return refuse(conn, 413, "Failed to buffer the request body: length limit exceeded");
  default: return refuse(conn, 503, "out of memory");
  }
}

static int on_message_complete(llhttp_t *parser)
{
  struct http_conn *conn = parser->data;
  conn->complete = true;
  return HPE_PAUSED;
}

const llhttp_settings_t http_parse_settings = {
    .on_message_begin = on_message_begin,
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_chunk_extension_name = on_overhead,
    .on_chunk_extension_value = on_overhead,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* Malformed input in words a client's author can use: llhttp names the rule that was broken, in constant text. */
static void refuse_malformed(struct http_conn *conn)
{
  const char *reason = llhttp_get_error_reason(&conn->parser);
  refuse(conn, 400, reason && *reason ? reason : "malformed request");
}

size_t http_parse(struct http_conn *conn, struct str bytes)
{
  llhttp_t *parser = &conn->parser;
  llhttp_errno_t err = llhttp_execute(parser, bytes.ptr, bytes.len);
  if (err == HPE_OK)
    return bytes.len;
  size_t used = (size_t)(llhttp_get_error_pos(parser) - bytes.ptr);
  if (err == HPE_PAUSED && conn->complete) {
    llhttp_resume(parser);
    return used;
  }
  if (!conn->refusal)
    refuse_malformed(conn);
  return used;
}
