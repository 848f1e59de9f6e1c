/* net/ws_dial.c: the client's side (RFC 6455 4.1): URL, DNS, connecting, TLS, the upgrade; see ws.h.
 *
 * The attempt is an object of its own, since a DNS query cannot be called back: when the WebSocket ends meanwhile the
 * attempt is abandoned and frees itself once the query has returned.
 */
#include "base/codec.h"
#include "base/id.h"
#include "base/mem.h"
#include "net/ws_internal.h"

enum { ANSWER_MAX = HTTP_HEADERS_MAX, REFUSAL_MAX = 1024 };

struct ws_dialling {
  struct ws *ws;                       /* NULL: abandoned */
  struct op_loop *loop;
  char *host, *port, *target, *authority, *unix_path, *user_agent;
  uint64_t timeout_ms;
  bool secure, insecure;
  bool working;                        /* a request of libuv is out */
  bool timer_closed;
  uv_getaddrinfo_t dns;
  uv_work_t trust;
  SSL_CTX *tls;
  struct diag tls_why;
  struct addrinfo *found, *next;
  uv_timer_t timer;
  struct diag last;                    /* why the latest address did not do */
  char key[25];
  /* The answer. */
  llhttp_t parser;
  size_t answer_len;
  struct buf name, value, refusal;
  bool upgrade, connection, accept, extension, headers_done, value_last;
};

static void dialling_free(struct ws_dialling *d)
{
  uv_freeaddrinfo(d->found);
  tls_free(d->tls);
  buf_release(&d->name);
  buf_release(&d->value);
  buf_release(&d->refusal);
  char *texts[] = {d->host, d->port, d->target, d->authority, d->unix_path, d->user_agent};
  for (size_t i = 0; i < ARRAY_LEN(texts); i++)
    mem_free(texts[i]);
  mem_free(d);
}

static void on_timer_closed(uv_handle_t *h)
{
  struct ws_dialling *d = h->data;
  d->timer_closed = true;
  if (!d->working)
    dialling_free(d);
}

void ws_dial_abandon(struct ws_dialling *d)
{
  d->ws = NULL;
  uv_close((uv_handle_t *)&d->timer, on_timer_closed);
}

/* The request that was out is back: false when nobody waits for it any more. */
static bool still_wanted(struct ws_dialling *d)
{
  d->working = false;
  if (d->ws)
    return true;
  if (d->timer_closed)
    dialling_free(d);
  return false;
}

/* ---- the URL (RFC 3986) ----
 * Read by hand: libcurl's parser would bring libcurl and the forty libraries behind it into the agent, which is to stay
 * within 4 MB resident. */

/* Host names in their ASCII form, IPv4 addresses; in brackets IPv6. */
static bool is_host(struct str host)
{
  bool v6 = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
  if (v6)
    host = str_sub(host, 1, host.len - 2);
  for (size_t i = 0; i < host.len; i++) {
    char c = host.ptr[i];
    bool digit = c >= '0' && c <= '9', hex = digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    bool name = digit || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
    if (v6 ? !hex && c != ':' && c != '.' : !name)
      return false;
  }
  return host.len > 0;
}

/* Of what may follow the host: nothing, or ':' and a port from 1 to 65535 (*ret empty when none is given). */
static bool is_port(struct str rest, struct str *ret)
{
  uint64_t port;
  *ret = str_sub(rest, 1, rest.len);
  if (!rest.len || (rest.len == 1 && rest.ptr[0] == ':'))
    return true;
  return rest.ptr[0] == ':' && str_to_u64(*ret, &port) && port > 0 && port <= 65535;
}

static Err read_authority(struct ws_dialling *d, struct str authority, struct diag *reterr)
{
  if (str_find(authority, '@') >= 0)
    return diag_set(reterr, ERR_INVALID, "the WebSocket URL must not hold a user name");
  const char *bracket = authority.len ? memchr(authority.ptr, ']', authority.len) : NULL;
  size_t from = bracket ? (size_t)(bracket - authority.ptr) : 0;
  ptrdiff_t colon = str_find(str_sub(authority, from, authority.len), ':');
  size_t host_len = colon < 0 ? authority.len : from + (size_t)colon;
  struct str host = str_sub(authority, 0, host_len), port;
  if (!is_host(host))
    return diag_set(reterr, ERR_INVALID,
                    "the WebSocket URL has no usable host name (international names in their xn-- form)");
  if (!is_port(str_sub(authority, host_len, authority.len), &port))
    return diag_set(reterr, ERR_INVALID, "the port of the WebSocket URL must be a number from 1 to 65535");
  d->authority = str_dup(authority);
  d->host = str_dup(host);
  d->port = port.len ? str_dup(port) : NULL;
  for (char *c = d->host; *c; c++)
    *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
  return OK;
}

static Err read_url(struct ws_dialling *d, const char *text, struct diag *reterr)
{
  struct str url = str_of(text);
  for (size_t i = 0; i < url.len; i++)
    if ((unsigned char)url.ptr[i] <= ' ' || url.ptr[i] == 0x7F)
      return diag_set(reterr, ERR_INVALID, "the WebSocket URL must not hold blanks or control characters");
  d->secure = str_eq_nocase(str_sub(url, 0, 6), STR("wss://"));
  if (!d->secure && !str_eq_nocase(str_sub(url, 0, 5), STR("ws://")))
    return diag_set(reterr, ERR_INVALID, "the WebSocket URL must begin with ws:// or wss://");
  url = str_sub(url, d->secure ? 6 : 5, url.len);
  size_t authority = 0, end = 0;
  while (authority < url.len && !strchr("/?#", url.ptr[authority]))
    authority++;
  for (end = authority; end < url.len && url.ptr[end] != '#';)
    end++;
  struct str target = str_sub(url, authority, end - authority);
  Err err = read_authority(d, str_sub(url, 0, authority), reterr);
  if (!err)
    d->target = mem_printf("%s%.*s", target.len && target.ptr[0] == '/' ? "" : "/", STR_ARG(target));
  return err;
}

/* ---- the upgrade ---- */

static void refused(struct ws_dialling *d)
{
  struct ws *ws = d->ws;
  int status = d->parser.status_code;
  struct str words = str_trim(buf_str(&d->refusal));
  ws_end(ws, ERR_REMOTE, status, "the server answered %d %s instead of upgrading to WebSocket", status,
         http_status_text(status));
  if (words.len && str_is_utf8(words))
    diag_cause(ws_why(ws), "%.*s", STR_ARG(words));
}

static int end_header(llhttp_t *parser)
{
  struct ws_dialling *d = parser->data;
  struct str name = buf_str(&d->name), value = str_trim(buf_str(&d->value));
  if (str_eq_nocase(name, STR("upgrade")))
    d->upgrade = ws_has_token(value, STR("websocket"));
  else if (str_eq_nocase(name, STR("connection")))
    d->connection = ws_has_token(value, STR("upgrade"));
  else if (str_eq_nocase(name, STR("sec-websocket-accept")))
    d->accept = str_eqc(value, d->ws->accept);
  else if (str_eq_nocase(name, STR("sec-websocket-extensions")) || str_eq_nocase(name, STR("sec-websocket-protocol")))
    d->extension = true;
  buf_clear(&d->name);
  buf_clear(&d->value);
  return 0;
}

static int on_name(llhttp_t *parser, const char *at, size_t len)
{
  struct ws_dialling *d = parser->data;
  buf_add(&d->name, at, len);
  return buf_err(&d->name) ? HPE_USER : 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t len)
{
  struct ws_dialling *d = parser->data;
  buf_add(&d->value, at, len);
  return buf_err(&d->value) ? HPE_USER : 0;
}

static int on_headers_complete(llhttp_t *parser)
{
  struct ws_dialling *d = parser->data;
  d->headers_done = true;
  return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
  struct ws_dialling *d = parser->data;
  size_t room = REFUSAL_MAX - d->refusal.len;
  buf_add(&d->refusal, at, len < room ? len : room);
  return len < room ? 0 : HPE_USER;
}

static int on_complete(llhttp_t *parser)
{
  (void)parser;
  return HPE_PAUSED;
}

static const llhttp_settings_t answer_settings = {
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_header_value_complete = end_header,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

static void upgraded(struct ws_dialling *d, struct str rest)
{
  struct ws *ws = d->ws;
  if (!d->upgrade || !d->connection || !d->accept || d->extension) {
    ws_end(ws, ERR_PROTOCOL, WS_CODE_BROKEN, "the server's WebSocket upgrade is not valid: %s",
           d->extension ? "it has an extension or a protocol nobody asked for"
           : !d->accept ? "Sec-WebSocket-Accept does not match"
                        : "the Upgrade or Connection header is missing");
    return;
  }
  ws->dialling = NULL;
  ws_dial_abandon(d);
  ws_begin(ws);
  if (ws->state == WS_OPEN && ws->config.on_open)
    ws->config.on_open(ws, ws->config.data);
  if (rest.len)
    ws_input(ws, rest);
}

static void on_read(void *data, struct str bytes)
{
  struct ws_dialling *d = data;
  llhttp_errno_t err = llhttp_execute(&d->parser, bytes.ptr, bytes.len);
  d->answer_len += bytes.len;
  if (d->headers_done && d->parser.status_code != 101) {
    if (err != HPE_OK)
      refused(d);
  } else if (err == HPE_PAUSED_UPGRADE || err == HPE_PAUSED) {
    size_t used = (size_t)(llhttp_get_error_pos(&d->parser) - bytes.ptr);
    upgraded(d, str_sub(bytes, used, bytes.len));
    return;
  } else if (err != HPE_OK) {
    ws_end(d->ws, ERR_PROTOCOL, WS_CODE_BROKEN, "the server did not answer in HTTP/1.1: %s",
           llhttp_get_error_reason(&d->parser));
    return;
  }
  if (d->ws && d->answer_len > ANSWER_MAX)
    ws_end(d->ws, ERR_TOOBIG, WS_CODE_BROKEN, "the server's answer to the upgrade is too large");
}

static void send_request(struct ws_dialling *d)
{
  CLEANUP(buf_release) struct buf b = BUF_INIT(64 * 1024);
  unsigned char raw[16];
  id_random(raw, sizeof raw);
  base64_encode(&b, raw, sizeof raw, BASE64_STANDARD);
  snprintf(d->key, sizeof d->key, "%s", b.ptr);
  ws_make_accept(str_of(d->key), d->ws->accept);
  buf_clear(&b);
  buf_printf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n", d->target, d->authority, d->key);
  if (d->user_agent)
    buf_printf(&b, "User-Agent: %s\r\n", d->user_agent);
  buf_add_text(&b, "\r\n");
  Err err = buf_err(&b);
  struct str request = buf_str(&b);
  if (!err)
    err = stream_write(d->ws->stream, &request, 1, NULL);
  if (err)
    ws_end(d->ws, err, WS_CODE_BROKEN, "cannot send the WebSocket upgrade: %s", err_words(err));
}

/* ---- connecting ---- */

static void try_next(struct ws_dialling *d);

static void on_open(void *data)
{
  struct ws_dialling *d = data;
  stream_peer_ip(d->ws->stream, d->ws->ip);
  send_request(d);
}

static void on_end(void *data, Err err, const struct diag *why)
{
  struct ws_dialling *d = data;
  if (d->headers_done) {   /* a refusal whose body ends with the connection */
    refused(d);
    return;
  }
  if (d->answer_len) {
    ws_end(d->ws, ERR_CLOSED, WS_CODE_BROKEN, "the server hung up during the WebSocket upgrade");
    return;
  }
  diag_set(&d->last, err ? err : ERR_CLOSED, "%s", why ? why->message : "the server hung up");
  stream_close(d->ws->stream);
  d->ws->stream = NULL;
  try_next(d);
}

static const struct stream_events dial_events = {.on_open = on_open, .on_read = on_read, .on_end = on_end};

static Err prepare(struct ws_dialling *d, struct stream *stream)
{
  d->ws->stream = stream;
  stream_own(stream, &dial_events, d);
  if (!d->secure)
    return OK;
  struct str name = str_of(d->host);
  if (str_starts(name, STR("[")))
    name = str_sub(name, 1, name.len - 2);
  CLEANUP(mem_free_at) char *bare = str_dup(name);
  return stream_use_tls(stream, d->tls, bare);
}

static void failed(struct ws_dialling *d)
{
  Err err = d->last.err ? d->last.err : ERR_IO;
  ws_end(d->ws, err, WS_CODE_BROKEN, "cannot connect to %s: %s", d->unix_path ? d->unix_path : d->authority,
         d->last.message);
}

/* The addresses of a name one after the other, until one takes the connection. */
static void try_next(struct ws_dialling *d)
{
  while (d->next) {
    struct addrinfo *address = d->next;
    d->next = address->ai_next;
    struct stream *stream;
    Err err = stream_dial(d->loop, address->ai_addr, &stream);
    if (!err)
      err = prepare(d, stream);
    if (!err)
      return;
    diag_set(&d->last, err, "%s", err_words(err));
    stream_close(d->ws->stream);
    d->ws->stream = NULL;
  }
  failed(d);
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
  struct ws_dialling *d = CONTAINER_OF(req, struct ws_dialling, dns);
  d->found = found;
  if (!still_wanted(d))
    return;
  if (status < 0) {
    diag_set(&d->last, err_from_uv(status), "%s", uv_strerror(status));
    failed(d);
    return;
  }
  d->next = found;
  try_next(d);
}

static void dial(struct ws_dialling *d)
{
  struct stream *stream;
  if (d->unix_path) {
    Err err = stream_dial_unix(d->loop, d->unix_path, &stream);
    if (!err)
      err = prepare(d, stream);
    if (err) {
      diag_set(&d->last, err, "%s", err_words(err));
      failed(d);
    }
    return;
  }
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
  struct str name = str_of(d->host);
  if (str_starts(name, STR("[")))
    name = str_sub(name, 1, name.len - 2);
  CLEANUP(mem_free_at) char *bare = str_dup(name);
  const char *port = d->port ? d->port : d->secure ? "443" : "80";
  int rc = uv_getaddrinfo(d->loop->loop, &d->dns, on_resolved, bare, port, &hints);
  if (rc < 0) {
    diag_set(&d->last, err_from_uv(rc), "%s", uv_strerror(rc));
    failed(d);
    return;
  }
  d->working = true;
}

static void load_trust(uv_work_t *work)
{
  struct ws_dialling *d = CONTAINER_OF(work, struct ws_dialling, trust);
  if (tls_client_new(d->insecure, &d->tls, &d->tls_why))
    d->tls = NULL;
}

static void on_trust(uv_work_t *work, int status)
{
  struct ws_dialling *d = CONTAINER_OF(work, struct ws_dialling, trust);
  (void)status;
  if (!still_wanted(d))
    return;
  if (d->tls) {
    dial(d);
    return;
  }
  d->last = d->tls_why;
  failed(d);
}

static void on_timer(uv_timer_t *timer)
{
  struct ws_dialling *d = timer->data;
  ws_end(d->ws, ERR_TIMEOUT, WS_CODE_BROKEN, "cannot connect to %s: no WebSocket in time%s%s", d->authority,
           d->last.err ? "; before: " : "", d->last.message);
}

/* On the next turn of the loop, so that nothing fails before ws_connect has returned. */
static void on_start(uv_timer_t *timer)
{
  struct ws_dialling *d = timer->data;
  if (d->timeout_ms)
    uv_timer_start(timer, on_timer, d->timeout_ms, 0);
  if (d->secure) {
    d->working = true;
    uv_queue_work(d->loop->loop, &d->trust, load_trust, on_trust);
  } else {
    dial(d);
  }
}

static bool is_header_text(const char *text)
{
  for (const char *c = text; c && *c; c++)
    if ((unsigned char)*c < 0x20 || *c == 0x7f)
      return false;
  return true;
}

Err ws_connect(struct op_loop *loop, const struct ws_dial *how, const struct ws_config *config, struct ws **ret_ws,
               struct diag *reterr)
{
  struct ws_dialling *d = mem_new(sizeof *d);
  d->loop = loop;
  Err err = read_url(d, how->url, reterr);
  if (!err && !is_header_text(how->user_agent))
    err = diag_set(reterr, ERR_INVALID, "the user agent must be one line of text");
  if (err) {
    dialling_free(d);
    return err;
  }
  d->insecure = how->insecure_tls;
  d->unix_path = mem_strdup(how->unix_path);
  d->user_agent = mem_strdup(how->user_agent);
  d->name = BUF_INIT(ANSWER_MAX);
  d->value = BUF_INIT(ANSWER_MAX);
  d->refusal = BUF_INIT(REFUSAL_MAX);
  llhttp_init(&d->parser, HTTP_RESPONSE, &answer_settings);
  d->parser.data = d;
  struct ws *ws = ws_new(loop, config, /* is_client= */ true);
  bool named = d->port && strcmp(d->port, d->secure ? "443" : "80") != 0;
  ws->host = mem_printf("%s%s%s", d->host, named ? ":" : "", named ? d->port : "");
  ws->dialling = d;
  d->ws = ws;
  d->timer.data = d;
  uv_timer_init(loop->loop, &d->timer);
  d->timeout_ms = how->connect_timeout_ms;
  uv_timer_start(&d->timer, on_start, 0, 0);
  *ret_ws = ws;
  return OK;
}
