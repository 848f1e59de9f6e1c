/* net/http_client.c: see http_client.h.
 *
 * libcurl must not be entered again from inside its callbacks. So whatever a callback of a user may ask for (another
 * call, a cancel, the end of the client) is noted while `inside` and done when libcurl has returned.
 */
#include "net/http_client.h"

#include <curl/curl.h>

#include "base/mem.h"

struct call {
  struct http_call pub;                /* first: an op pointer is a call pointer */
  struct http_client *client;          /* NULL: over */
  struct call *next, *prev;
  CURL *easy;
  struct curl_slist *headers;
  char *body;
  size_t body_max;
  bool (*on_chunk)(struct str chunk, void *data);
  bool (*may_connect)(const struct sockaddr *address, void *data);
  void *data;
  uint64_t received;
  bool added, cancelled, too_big, refused;
  bool held, paused;                   /* paused: libcurl keeps a piece back */
  char words[CURL_ERROR_SIZE];
};

struct http_client {
  struct op_loop *loop;
  CURLM *multi;
  uv_timer_t timer;
  struct call *calls;
  bool inside;                         /* libcurl is on the stack */
  bool closing;
  int open_handles;                    /* of libuv: the timer and the polls */
  void (*on_closed)(void *data);
  void *data;
};

struct poll {
  uv_poll_t uv;
  struct http_client *client;
  curl_socket_t fd;
};

/* ---- the end of a call ---- */

static Err err_of(const struct call *call, CURLcode rc)
{
  if (call->cancelled)
    return ERR_CANCELLED;
  if (call->too_big)
    return ERR_TOOBIG;
  if (call->refused && rc == CURLE_COULDNT_CONNECT)
    return ERR_FORBIDDEN;
  switch (rc) {
  case CURLE_OK: return OK;
  case CURLE_OPERATION_TIMEDOUT: return ERR_TIMEOUT;
  case CURLE_OUT_OF_MEMORY: return ERR_NOMEM;
  case CURLE_URL_MALFORMAT:
  case CURLE_UNSUPPORTED_PROTOCOL: return ERR_INVALID;
  case CURLE_WRITE_ERROR:
  case CURLE_ABORTED_BY_CALLBACK: return ERR_CANCELLED;
  case CURLE_SSL_CONNECT_ERROR:
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_WEIRD_SERVER_REPLY:
  case CURLE_TOO_MANY_REDIRECTS: return ERR_PROTOCOL;
  default: return ERR_IO;
  }
}

static void call_free(struct op *op)
{
  struct call *call = (struct call *)op;
  buf_release(&call->pub.head);
  buf_release(&call->pub.body);
  buf_release(&call->pub.redirect);
  mem_free(call);
}

/* libcurl is not on the stack. */
static void finish(struct call *call, CURLcode rc)
{
  struct http_client *client = call->client;
  long status = 0;
  curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
  call->pub.status = (int)status;
  char *redirect = NULL;
  if (curl_easy_getinfo(call->easy, CURLINFO_REDIRECT_URL, &redirect) == CURLE_OK && redirect)
    buf_add_text(&call->pub.redirect, redirect);
  if (call->added)
    curl_multi_remove_handle(client->multi, call->easy);
  if (call->next)
    call->next->prev = call->prev;
  if (call->prev)
    call->prev->next = call->next;
  else
    client->calls = call->next;
  call->client = NULL;
  curl_easy_cleanup(call->easy);
  curl_slist_free_all(call->headers);
  mem_free(call->body);
  call->easy = NULL;
  call->headers = NULL;
  call->body = NULL;
  Err err = err_of(call, rc);
  struct diag d = {0};
  if (err == ERR_TOOBIG)
    diag_set(&d, err, "the answer is larger than %zu bytes", call->body_max);
  else if (err == ERR_CANCELLED)
    diag_set(&d, err, "the request was cancelled");
  else if (err == ERR_FORBIDDEN)
    diag_set(&d, err, "the host has an address that may not be connected to");
  else if (err)
    diag_set(&d, err, "%s", call->words[0] ? call->words : curl_easy_strerror(rc));
  op_complete(&call->pub.op, err, err ? &d : NULL);
  op_unref(&call->pub.op);
}

static void finish_close(struct http_client *client);

/* After libcurl returned: what it completed, and what was asked for meanwhile. */
static void settle(struct http_client *client)
{
  CURLMsg *message;
  int left;
  while ((message = curl_multi_info_read(client->multi, &left))) {
    if (message->msg != CURLMSG_DONE)
      continue;
    struct call *call = NULL;
    CURLcode rc = message->data.result;   /* the message does not outlive its handle */
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
    finish(call, rc);
  }
  for (struct call *call = client->calls, *next; call; call = next) {
    next = call->next;
    if (call->cancelled || client->closing) {
      call->cancelled = true;
      finish(call, CURLE_OK);
    } else if (!call->added) {
      call->added = curl_multi_add_handle(client->multi, call->easy) == CURLM_OK;
      if (!call->added)
        finish(call, CURLE_FAILED_INIT);
    }
  }
  if (client->closing)
    finish_close(client);
}

static void cancel(struct op *op)
{
  struct call *call = (struct call *)op;
  call->cancelled = true;
  if (call->client && !call->client->inside)
    finish(call, CURLE_OK);
}

/* ---- libcurl on libuv ---- */

static void on_handle_closed(uv_handle_t *h)
{
  struct http_client *client = h->data;
  if (--client->open_handles)
    return;
  void (*on_closed)(void *data) = client->on_closed;
  void *data = client->data;
  mem_free(client);
  curl_global_cleanup();
  if (on_closed)
    on_closed(data);
}

static void on_poll_closed(uv_handle_t *h)
{
  struct poll *p = h->data;
  h->data = p->client;
  on_handle_closed(h);
  mem_free(p);
}

static void act(struct http_client *client, curl_socket_t fd, int what)
{
  int running;
  client->inside = true;
  curl_multi_socket_action(client->multi, fd, what, &running);
  client->inside = false;
  settle(client);
}

static void on_poll(uv_poll_t *uv, int status, int events)
{
  struct poll *p = uv->data;
  int what = status < 0 ? CURL_CSELECT_ERR : 0;
  what |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
  what |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
  act(p->client, p->fd, what);
}

static void on_timer(uv_timer_t *timer) { act(timer->data, CURL_SOCKET_TIMEOUT, 0); }

static int on_curl_timer(CURLM *multi, long ms, void *data)
{
  struct http_client *client = data;
  (void)multi;
  if (ms < 0)
    uv_timer_stop(&client->timer);
  else if (!client->closing)
    uv_timer_start(&client->timer, on_timer, (uint64_t)ms, 0);
  return 0;
}

static struct poll *new_poll(struct http_client *client, curl_socket_t fd)
{
  struct poll *p = mem_new(sizeof *p);
  p->client = client;
  p->fd = fd;
  p->uv.data = p;
  if (uv_poll_init_socket(client->loop->loop, &p->uv, fd) < 0) {
    mem_free(p);
    return NULL;
  }
  client->open_handles++;
  curl_multi_assign(client->multi, fd, p);
  return p;
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *of_socket)
{
  struct http_client *client = data;
  struct poll *p = of_socket;
  (void)easy;
  if (what == CURL_POLL_REMOVE) {
    if (p) {
      uv_close((uv_handle_t *)&p->uv, on_poll_closed);
      curl_multi_assign(client->multi, fd, NULL);
    }
    return 0;
  }
  if (!p)
    p = new_poll(client, fd);
  if (!p)
    return -1;
  int events = what & CURL_POLL_IN ? UV_READABLE : 0;
  events |= what & CURL_POLL_OUT ? UV_WRITABLE : 0;
  return uv_poll_start(&p->uv, events, on_poll) < 0 ? -1 : 0;
}

struct http_client *http_client_new(struct op_loop *loop)
{
  struct http_client *client = mem_new(sizeof *client);
  client->loop = loop;
  client->timer.data = client;
  uv_timer_init(loop->loop, &client->timer);
  client->open_handles = 1;
  curl_global_init(CURL_GLOBAL_DEFAULT);
  client->multi = curl_multi_init();
  curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
  curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
  curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
  curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
  return client;
}

static void finish_close(struct http_client *client)
{
  if (!client->multi)
    return;
  curl_multi_cleanup(client->multi);
  client->multi = NULL;
  uv_close((uv_handle_t *)&client->timer, on_handle_closed);
}

void http_client_close(struct http_client *client, void (*on_closed)(void *data), void *data)
{
  if (client->closing)
    return;
  client->closing = true;
  client->on_closed = on_closed;
  client->data = data;
  if (!client->inside)
    settle(client);
}

/* ---- an answer ---- */

static size_t on_head(char *ptr, size_t size, size_t count, void *data)
{
  struct call *call = data;
  struct str line = str_make(ptr, size * count);
  if (str_starts(line, STR("HTTP/")))   /* of a redirect or a 100: the last response counts */
    buf_clear(&call->pub.head);
  buf_add_str(&call->pub.head, line);
  if (buf_err(&call->pub.head) == OK)
    return line.len;
  call->too_big = true;
  return 0;
}

static size_t on_body(char *ptr, size_t size, size_t count, void *data)
{
  struct call *call = data;
  struct str chunk = str_make(ptr, size * count);
  long status = 0;
  if (call->held && !call->cancelled) {
    call->paused = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
  call->pub.status = (int)status;
  call->received += chunk.len;
  if (call->received > call->body_max && (call->body_max || !call->on_chunk)) {
    call->too_big = true;
    return 0;
  }
  if (call->cancelled)
    return 0;
  if (call->on_chunk)
    return call->on_chunk(chunk, call->data) && !call->cancelled ? chunk.len : 0;
  buf_add_str(&call->pub.body, chunk);
  return buf_err(&call->pub.body) ? 0 : chunk.len;
}

Err http_url_host(const char *text, struct buf *ret, struct diag *reterr)
{
  CURLU *url = curl_url();
  char *host = NULL;
  CURLUcode bad = url ? curl_url_set(url, CURLUPART_URL, text, 0) : CURLUE_OUT_OF_MEMORY;
  if (!bad)
    bad = curl_url_get(url, CURLUPART_HOST, &host, 0);
  if (!bad)
    buf_add_text(ret, host);
  curl_free(host);
  curl_url_cleanup(url);
  return bad ? diag_set(reterr, ERR_INVALID, "the URL is not valid: %s", curl_url_strerror(bad)) : OK;
}

struct str http_call_header(const struct http_call *call, const char *name)
{
  struct str rest = buf_str(&call->head), line;
  while (str_split(&rest, '\n', &line)) {
    ptrdiff_t colon = str_find(line, ':');
    if (colon > 0 && str_eq_nocase(str_sub(line, 0, (size_t)colon), str_of(name)))
      return str_trim(str_sub(line, (size_t)colon + 1, line.len));
  }
  return STR_NONE;
}

void http_call_hold(struct http_call *pub, bool hold)
{
  struct call *call = (struct call *)pub;
  struct http_client *client = call->client;
  call->held = hold;
  if (hold || !call->paused || !client || client->inside)
    return;
  call->paused = false;
  client->inside = true;
  curl_easy_pause(call->easy, CURLPAUSE_CONT);   /* tells what was kept back, at once */
  client->inside = false;
  settle(client);
}

/* ---- a request ---- */

static bool is_token(struct str s)
{
  for (size_t i = 0; i < s.len; i++)
    if (s.ptr[i] <= ' ' || s.ptr[i] >= 0x7f || strchr("()<>@,;:\\\"/[]?={}", s.ptr[i]))
      return false;
  return s.len > 0;
}

static bool is_value(struct str s)
{
  for (size_t i = 0; i < s.len; i++)
    if (s.ptr[i] == '\r' || s.ptr[i] == '\n' || s.ptr[i] == 0)
      return false;
  return true;
}

static Err add_line(struct call *call, const char *line)
{
  struct curl_slist *longer = curl_slist_append(call->headers, line);
  if (!longer)
    return ERR_NOMEM;
  call->headers = longer;
  return OK;
}

static Err add_headers(struct call *call, const struct http_send *send, struct diag *reterr)
{
  bool has_type = false;
  for (size_t i = 0; i < send->header_count; i++) {
    struct http_header h = send->headers[i];
    if (!is_token(h.name) || !is_value(h.value))
      return diag_set(reterr, ERR_INVALID, "the request header %.*s has a bad name or a line break in its value",
                      STR_ARG(h.name));
    has_type = has_type || str_eq_nocase(h.name, STR("content-type"));
    /* To libcurl "Name:" means without that header, and "Name;" an empty one. */
    CLEANUP(mem_free_at) char *line = h.value.len ? mem_printf("%.*s: %.*s", STR_ARG(h.name), STR_ARG(h.value))
                                                  : mem_printf("%.*s;", STR_ARG(h.name));
    if (add_line(call, line))
      return ERR_NOMEM;
  }
  if (add_line(call, "Expect:") || (!has_type && add_line(call, "Content-Type:")))
    return ERR_NOMEM;
  return OK;
}

static void set_method(struct call *call, const struct http_send *send)
{
  CURL *e = call->easy;
  bool post = strcmp(send->method, "POST") == 0;
  if (post || send->body.len || strcmp(send->method, "PUT") == 0 || strcmp(send->method, "PATCH") == 0) {
    call->body = str_dup(send->body);
    curl_easy_setopt(e, CURLOPT_POST, 1L);
    curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)send->body.len);
    curl_easy_setopt(e, CURLOPT_POSTFIELDS, call->body);
    if (!post)
      curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, send->method);
  } else if (strcmp(send->method, "HEAD") == 0) {
    curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
  } else if (strcmp(send->method, "GET") != 0) {
    curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, send->method);
  }
}

static curl_socket_t on_open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
  struct call *call = data;
  (void)purpose;
  if (!call->may_connect(&address->addr, call->data)) {
    call->refused = true;
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* A connection that another call opened was not asked about. */
static void set_guard(struct call *call)
{
  CURL *e = call->easy;
  curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
  curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, call);
  curl_easy_setopt(e, CURLOPT_PROXY, "");
  curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
  curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
}

static void set_options(struct call *call, const struct http_send *send)
{
  CURL *e = call->easy;
  uint64_t connect = send->connect_timeout_ms ? send->connect_timeout_ms : HTTP_CLIENT_CONNECT_TIMEOUT_MS;
  curl_easy_setopt(e, CURLOPT_PRIVATE, call);
  curl_easy_setopt(e, CURLOPT_ERRORBUFFER, call->words);
  curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
  /* Without this the loop would wait for a DNS query that nobody wants any more. */
  curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(e, CURLOPT_HTTPHEADER, call->headers);
  curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_head);
  curl_easy_setopt(e, CURLOPT_HEADERDATA, call);
  curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(e, CURLOPT_WRITEDATA, call);
  curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)send->timeout_ms);
  curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)connect);
  curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, send->follow_redirects ? 1L : 0L);
  curl_easy_setopt(e, CURLOPT_MAXREDIRS, (long)HTTP_CLIENT_REDIRECTS_MAX);
  curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, send->insecure_tls ? 0L : 1L);
  curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, send->insecure_tls ? 0L : 2L);
  if (call->may_connect)
    set_guard(call);
  if (send->unix_socket) {
    curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, send->unix_socket);
    curl_easy_setopt(e, CURLOPT_PROXY, "");
  }
}

static Err prepare(struct call *call, const struct http_send *send, struct diag *reterr)
{
  if (!is_token(str_of(send->method)))
    return diag_set(reterr, ERR_INVALID, "the request method is not valid");
  CURLU *url = curl_url();
  CURLUcode bad = url ? curl_url_set(url, CURLUPART_URL, send->url, 0) : CURLUE_OUT_OF_MEMORY;
  curl_url_cleanup(url);
  if (bad)
    return diag_set(reterr, ERR_INVALID, "the request URL is not valid: %s", curl_url_strerror(bad));
  Err err = add_headers(call, send, reterr);
  call->easy = err ? NULL : curl_easy_init();
  if (!call->easy)
    return err ? err : ERR_NOMEM;
  set_options(call, send);
  set_method(call, send);
  return curl_easy_setopt(call->easy, CURLOPT_URL, send->url) == CURLE_OK ? OK : ERR_NOMEM;
}

Err http_client_send(struct http_client *client, const struct http_send *send, struct http_call **ret_call,
                     struct diag *reterr)
{
  if (client->closing)
    return diag_set(reterr, ERR_CLOSED, "the HTTP client is closed");
  struct call *call = mem_new(sizeof *call);
  call->body_max = send->body_max;
  call->on_chunk = send->on_chunk;
  call->may_connect = send->may_connect;
  call->data = send->data;
  call->pub.head = BUF_INIT(HTTP_CLIENT_HEAD_MAX);
  call->pub.body = BUF_INIT(send->body_max);
  call->pub.redirect = BUF_INIT(HTTP_CLIENT_HEAD_MAX);
  Err err = prepare(call, send, reterr);
  if (err) {
    curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->headers);
    mem_free(call->body);
    mem_free(call);
    return err == ERR_NOMEM ? diag_set(reterr, err, "out of memory") : err;
  }
  op_init(&call->pub.op, client->loop, cancel, call_free);
  call->client = client;
  call->next = client->calls;
  if (call->next)
    call->next->prev = call;
  client->calls = call;
  if (!client->inside) {
    call->added = curl_multi_add_handle(client->multi, call->easy) == CURLM_OK;
    if (!call->added)
      finish(call, CURLE_FAILED_INIT);
  }
  *ret_call = &call->pub;
  return OK;
}
