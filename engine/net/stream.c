/* net/stream.c: see stream.h.
 *
 * TLS is OpenSSL over a BIO of our own, whose memory all streams of a loop share: what was read is decrypted at once and
 * what was encrypted is sent at once, so nothing stays in it between two events and an idle connection holds no buffer.
 *
 *   socket -> on_bytes -> scratch.in -> SSL_read -> scratch.plain -> owner
 *   socket <- write_raw <- scratch.out <- SSL_write <- owner
 */
#include "net/stream.h"

#include <openssl/err.h>

#include "base/mem.h"

enum {
  TLS_RECORD_MAX = 16 * 1024,
  TLS_OUT_KEEP = 64 * 1024,          /* encrypted bytes are sent in pieces of about this size */
  TLS_OUT_MAX = 4 * TLS_OUT_KEEP,
  PARTS_MAX = 16,
};

struct stream_scratch {
  BIO_METHOD *bio;
  struct str in;                     /* bytes of `raw` that TLS has not taken yet */
  struct buf out;
  char raw[STREAM_READ_MAX], plain[STREAM_READ_MAX];
};

struct stream {
  union {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  } uv;
  struct op_loop *loop;
  const struct stream_events *on;
  void *data;
  SSL *ssl;
  size_t chatter;              /* bytes TLS wrote by itself since the queue was last empty */
  size_t writes;
  uv_shutdown_t shutdown;
  bool secure, ended, shut, closed;
};

struct write {
  uv_write_t req;
  struct stream *stream;
  struct buf owned;
  char copy[];
};

Err err_from_uv(int status)
{
  if (status >= 0)
    return OK;
  switch (status) {
  case UV_EAI_NODATA:
  case UV_EAI_NONAME: return ERR_NOTFOUND;
  case UV_EAI_MEMORY: return ERR_NOMEM;
  case UV_ECANCELED: return ERR_CANCELLED;
  default: return err_from_errno(-status);
  }
}

/* ---- life ---- */

static int bio_write(BIO *bio, const char *ptr, int len)
{
  struct stream_scratch *scratch = BIO_get_data(bio);
  buf_add(&scratch->out, ptr, (size_t)len);
  return buf_err(&scratch->out) ? -1 : len;
}

static int bio_read(BIO *bio, char *dst, int len)
{
  struct stream_scratch *scratch = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  if (scratch->in.len == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  struct str taken = str_sub(scratch->in, 0, (size_t)len);
  memcpy(dst, taken.ptr, taken.len);
  scratch->in = str_sub(scratch->in, taken.len, scratch->in.len);
  return (int)taken.len;
}

static long bio_ctrl(BIO *bio, int what, long number, void *ptr)
{
  (void)bio;
  (void)number;
  (void)ptr;
  return what == BIO_CTRL_FLUSH;
}

static void scratch_free(struct stream_scratch *scratch)
{
  BIO_meth_free(scratch->bio);
  buf_release(&scratch->out);
  mem_free(scratch);
}

static void make_scratch(struct op_loop *loop)
{
  if (loop->scratch)
    return;
  struct stream_scratch *scratch = loop->scratch = mem_new(sizeof *scratch);
  loop->scratch_free = scratch_free;
  scratch->out = BUF_INIT(TLS_OUT_MAX);
  scratch->bio = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
  if (scratch->bio) {
    BIO_meth_set_write(scratch->bio, bio_write);
    BIO_meth_set_read(scratch->bio, bio_read);
    BIO_meth_set_ctrl(scratch->bio, bio_ctrl);
  }
}

static struct stream *stream_new(struct op_loop *loop)
{
  make_scratch(loop);
  struct stream *s = mem_new(sizeof *s);
  s->loop = loop;
  s->uv.handle.data = s;
  return s;
}

static void on_closed(uv_handle_t *h) { mem_free(h->data); }

void stream_close(struct stream *s)
{
  if (!s || s->closed)
    return;
  s->closed = true;
  s->on = NULL;
  SSL_free(s->ssl);
  s->ssl = NULL;
  uv_close(&s->uv.handle, on_closed);
}

static struct stream *new_tcp(struct op_loop *loop)
{
  struct stream *s = stream_new(loop);
  uv_tcp_init(loop->loop, &s->uv.tcp);
  return s;
}

static struct stream *new_pipe(struct op_loop *loop)
{
  struct stream *s = stream_new(loop);
  uv_pipe_init(loop->loop, &s->uv.pipe, /* ipc= */ 0);
  return s;
}

static Err add_tls(struct stream *s, SSL_CTX *tls)
{
  BIO *bio = BIO_new(s->loop->scratch->bio);
  s->ssl = SSL_new(tls);
  if (!s->ssl || !bio) {
    BIO_free(bio);
    return ERR_NOMEM;
  }
  BIO_set_data(bio, s->loop->scratch);
  BIO_set_init(bio, 1);
  SSL_set_bio(s->ssl, bio, bio);
  return OK;
}

Err stream_accept(struct op_loop *loop, uv_stream_t *listener, SSL_CTX *tls, struct stream **ret)
{
  bool tcp = listener->type == UV_TCP;
  struct stream *s = tcp ? new_tcp(loop) : new_pipe(loop);
  Err err = err_from_uv(uv_accept(listener, &s->uv.stream));
  if (!err && tls)
    err = add_tls(s, tls);
  if (err) {
    stream_close(s);
    return err;
  }
  if (tcp)
    uv_tcp_nodelay(&s->uv.tcp, 1);
  if (tls)
    SSL_set_accept_state(s->ssl);
  *ret = s;
  return OK;
}

Err stream_open(struct op_loop *loop, int fd, struct stream **ret)
{
  struct stream *s = new_pipe(loop);
  Err err = err_from_uv(uv_pipe_open(&s->uv.pipe, fd));
  if (err) {
    stream_close(s);
    return err;
  }
  *ret = s;
  return OK;
}

static void broke(struct stream *s, Err err, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void tls_continue(struct stream *s);

static void on_connect(uv_connect_t *req, int status)
{
  struct stream *s = req->data;
  mem_free(req);
  if (s->closed)
    return;
  if (status < 0) {
    broke(s, err_from_uv(status), "%s", uv_strerror(status));
    return;
  }
  if (s->uv.handle.type == UV_TCP)
    uv_tcp_nodelay(&s->uv.tcp, 1);
  stream_read_start(s);
  if (s->ssl)
    tls_continue(s);
  else
    s->on->on_open(s->data);
}

static uv_connect_t *new_connect(struct stream *s)
{
  uv_connect_t *req = mem_new(sizeof *req);
  req->data = s;
  return req;
}

Err stream_dial(struct op_loop *loop, const struct sockaddr *address, struct stream **ret)
{
  struct stream *s = new_tcp(loop);
  uv_connect_t *req = new_connect(s);
  Err err = err_from_uv(uv_tcp_connect(req, &s->uv.tcp, address, on_connect));
  if (err) {
    mem_free(req);
    stream_close(s);
    return err;
  }
  *ret = s;
  return OK;
}

Err stream_dial_unix(struct op_loop *loop, const char *path, struct stream **ret)
{
  if (strlen(path) > STREAM_UNIX_PATH_MAX)   /* libuv would cut it short */
    return ERR_INVALID;
  struct stream *s = new_pipe(loop);
  uv_pipe_connect(new_connect(s), &s->uv.pipe, path, on_connect);
  *ret = s;
  return OK;
}

Err stream_use_tls(struct stream *s, SSL_CTX *tls, const char *host)
{
  Err err = add_tls(s, tls);
  if (!err)
    err = tls_set_host(s->ssl, host);
  if (!err)
    SSL_set_connect_state(s->ssl);
  return err;
}

void stream_own(struct stream *s, const struct stream_events *events, void *data)
{
  s->on = events;
  s->data = data;
}

/* ---- reading ---- */

static void end(struct stream *s, Err err, const struct diag *d)
{
  if (s->ended || s->closed)
    return;
  s->ended = true;
  uv_read_stop(&s->uv.stream);
  s->on->on_end(s->data, err, d);
}

static void broke(struct stream *s, Err err, const char *fmt, ...)
{
  char words[256];
  va_list args;
  va_start(args, fmt);
  vsnprintf(words, sizeof words, fmt, args);
  va_end(args);
  struct diag d = {0};
  diag_set(&d, err, "%s", words);
  end(s, err, &d);
}

static Err write_raw(struct stream *s, const uv_buf_t *bufs, unsigned count, struct buf *owned);

/* Sends what TLS produced. */
static Err tls_flush(struct stream *s)
{
  struct buf *out = &s->loop->scratch->out;
  Err err = buf_err(out);
  if (!err && out->len) {
    uv_buf_t b = uv_buf_init(out->ptr, (unsigned)out->len);
    err = write_raw(s, &b, 1, NULL);
  }
  buf_clear(out);
  return err;
}

static void tls_broke(struct stream *s)
{
  long verdict = SSL_get_verify_result(s->ssl);
  if (tls_flush(s)) {   /* the alert; when it cannot be sent either, the words below still tell why */
    ERR_clear_error();
  }
  if (verdict != X509_V_OK && SSL_get_verify_mode(s->ssl) != SSL_VERIFY_NONE)
    broke(s, ERR_PROTOCOL, "TLS: %s", X509_verify_cert_error_string(verdict));
  else
    broke(s, ERR_PROTOCOL, "TLS: %s", tls_words("the peer broke off"));
}

/* Runs the handshake, then hands over whatever can be decrypted. */
static void tls_continue(struct stream *s)
{
  ERR_clear_error();
  if (!s->secure) {
    int rc = SSL_do_handshake(s->ssl);
    if (rc != 1 && SSL_get_error(s->ssl, rc) != SSL_ERROR_WANT_READ) {
      tls_broke(s);
      return;
    }
    if (tls_flush(s)) {
      broke(s, ERR_IO, "the peer closed the connection during the TLS handshake");
      return;
    }
    if (rc != 1)
      return;
    s->secure = true;
    if (s->on->on_open)
      s->on->on_open(s->data);
  }
  char *plain = s->loop->scratch->plain;
  while (!s->closed && !s->ended) {
    ERR_clear_error();
    int n = SSL_read(s->ssl, plain, STREAM_READ_MAX);
    if (n > 0) {
      s->on->on_read(s->data, str_make(plain, (size_t)n));
      continue;
    }
    int why = SSL_get_error(s->ssl, n);
    if (why == SSL_ERROR_ZERO_RETURN)
      end(s, OK, NULL);
    else if (why != SSL_ERROR_WANT_READ)
      tls_broke(s);
    break;
  }
  if (s->closed || s->ended)
    return;
  s->chatter += s->loop->scratch->out.len;
  if (tls_flush(s))
    broke(s, ERR_IO, "the peer closed the connection");
  else if (stream_queued(s) == 0)
    s->chatter = 0;
  else if (s->chatter > STREAM_CHATTER_MAX)
    broke(s, ERR_LIMIT, "TLS: the peer asks for answers without reading them");
}

static void tls_input(struct stream *s, struct str bytes)
{
  struct stream_scratch *scratch = s->loop->scratch;
  scratch->in = bytes;
  tls_continue(s);
  scratch->in = STR_NONE;   /* not empty only when the stream ended meanwhile */
}

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *ret)
{
  struct stream *s = h->data;
  (void)hint;
  *ret = uv_buf_init(s->loop->scratch->raw, STREAM_READ_MAX);
}

static void on_bytes(uv_stream_t *h, ssize_t n, const uv_buf_t *buf)
{
  struct stream *s = h->data;
  if (n == 0)
    return;
  if (n == UV_EOF && s->ssl && !s->secure)
    broke(s, ERR_PROTOCOL, "the peer closed the connection during the TLS handshake");
  else if (n == UV_EOF)
    end(s, OK, NULL);
  else if (n < 0)
    broke(s, err_from_uv((int)n), "%s", uv_strerror((int)n));
  else if (!s->ssl)
    s->on->on_read(s->data, str_make(buf->base, (size_t)n));
  else
    tls_input(s, str_make(buf->base, (size_t)n));
}

void stream_read_start(struct stream *s)
{
  if (!s->ended && !s->closed)
    uv_read_start(&s->uv.stream, on_alloc, on_bytes);
}

void stream_read_stop(struct stream *s)
{
  if (!s->closed)
    uv_read_stop(&s->uv.stream);
}

/* ---- writing ---- */

static void on_written(uv_write_t *req, int status)
{
  struct write *w = CONTAINER_OF(req, struct write, req);
  struct stream *s = w->stream;
  s->writes--;
  buf_release(&w->owned);
  mem_free(w);
  if (s->closed)
    return;
  if (status < 0)
    broke(s, err_from_uv(status), "%s", uv_strerror(status));
  else if (s->on->on_drain)
    s->on->on_drain(s->data);
}

/* Queues what is left after `done` bytes; bytes of `owned` are the last of `bufs` and are kept instead of copied. */
static Err queue_rest(struct stream *s, const uv_buf_t *bufs, unsigned count, size_t done, struct buf *owned)
{
  size_t total = 0;
  for (unsigned i = 0; i < count; i++)
    total += bufs[i].len;
  size_t kept = owned ? owned->len : 0;
  size_t first = total - kept;                       /* bytes before the owned ones */
  size_t copied = done < first ? first - done : 0;
  struct write *w = mem_try(sizeof *w + copied);
  if (!w)
    return ERR_NOMEM;
  w->stream = s;
  size_t skip = done, at = 0;
  for (unsigned i = 0; i < count && at < copied; i++) {
    size_t from = skip < bufs[i].len ? skip : bufs[i].len;
    skip -= from;
    size_t take = bufs[i].len - from < copied - at ? bufs[i].len - from : copied - at;
    memcpy(w->copy + at, bufs[i].base + from, take);
    at += take;
  }
  uv_buf_t rest[2];
  unsigned n = 0;
  if (copied)
    rest[n++] = uv_buf_init(w->copy, (unsigned)copied);
  if (kept) {
    size_t from = done > first ? done - first : 0;
    w->owned = *owned;
    *owned = BUF_INIT(owned->max);
    rest[n++] = uv_buf_init(w->owned.ptr + from, (unsigned)(kept - from));
  }
  int rc = uv_write(&w->req, &s->uv.stream, rest, n, on_written);
  if (rc < 0) {
    buf_release(&w->owned);
    mem_free(w);
    return err_from_uv(rc);
  }
  s->writes++;
  return OK;
}

static Err write_raw(struct stream *s, const uv_buf_t *bufs, unsigned count, struct buf *owned)
{
  size_t total = 0;
  for (unsigned i = 0; i < count; i++)
    total += bufs[i].len;
  int n = uv_try_write(&s->uv.stream, bufs, count);
  if (n == UV_EAGAIN)
    n = 0;
  if (n < 0)
    return err_from_uv(n);
  return (size_t)n == total ? OK : queue_rest(s, bufs, count, (size_t)n, owned);
}

static Err tls_encrypt(struct stream *s, const char *ptr, size_t len)
{
  while (len) {
    int n = SSL_write(s->ssl, ptr, (int)(len < TLS_RECORD_MAX ? len : TLS_RECORD_MAX));
    if (n <= 0) {
      ERR_clear_error();
      return ERR_IO;
    }
    ptr += n;
    len -= (size_t)n;
    Err err = s->loop->scratch->out.len >= TLS_OUT_KEEP ? tls_flush(s) : OK;
    if (err)
      return err;
  }
  return OK;
}

/* Small parts share a record: a head and its body must not cost two. */
static Err tls_write(struct stream *s, const uv_buf_t *bufs, unsigned count)
{
  char record[TLS_RECORD_MAX];
  size_t used = 0;
  Err err = OK;
  ERR_clear_error();
  for (unsigned i = 0; i < count && !err; i++) {
    size_t take = bufs[i].len < sizeof record - used ? bufs[i].len : sizeof record - used;
    memcpy(record + used, bufs[i].base, take);
    used += take;
    if (used < sizeof record)
      continue;
    err = tls_encrypt(s, record, used);
    size_t whole = (bufs[i].len - take) / sizeof record * sizeof record;
    if (!err)
      err = tls_encrypt(s, bufs[i].base + take, whole);
    used = bufs[i].len - take - whole;
    memcpy(record, bufs[i].base + take + whole, used);
  }
  if (!err)
    err = tls_encrypt(s, record, used);
  return err ? err : tls_flush(s);
}

Err stream_write(struct stream *s, const struct str *parts, size_t count, struct buf *last)
{
  uv_buf_t bufs[PARTS_MAX + 1];
  unsigned n = 0;
  Err err = s->closed || s->shut || count > PARTS_MAX || (s->ssl && !s->secure) ? ERR_CLOSED : OK;
  for (size_t i = 0; i < count && !err; i++)
    if (parts[i].len)
      bufs[n++] = (uv_buf_t){.base = (char *)(uintptr_t)parts[i].ptr, .len = parts[i].len};
  if (last && last->len && !err)
    bufs[n++] = (uv_buf_t){.base = last->ptr, .len = last->len};
  if (!err && n)
    err = s->ssl ? tls_write(s, bufs, n) : write_raw(s, bufs, n, last);
  if (last)
    buf_release(last);
  return err;
}

size_t stream_queued(const struct stream *s) { return uv_stream_get_write_queue_size(&s->uv.stream); }
size_t stream_queued_writes(const struct stream *s) { return s->writes; }

static void on_shutdown(uv_shutdown_t *req, int status)
{
  (void)req;      /* a failure shows as the end of reading, or by the owner's deadline */
  (void)status;
}

void stream_shutdown(struct stream *s)
{
  if (s->closed || s->shut)
    return;
  if (s->ssl && s->secure) {
    ERR_clear_error();
    SSL_shutdown(s->ssl);
    if (tls_flush(s))
      ERR_clear_error();
  }
  s->shut = true;
  uv_shutdown(&s->shutdown, &s->uv.stream, on_shutdown);
}

void stream_limit_kernel(struct stream *s, size_t bytes)
{
  int value = (int)bytes;
  if (!s->closed)
    (void)uv_send_buffer_size(&s->uv.handle, &value);   /* without it the system's limit holds */
}

bool stream_is_tls(const struct stream *s) { return s->ssl != NULL; }

void stream_peer_ip(const struct stream *s, char ret_ip[STREAM_IP_MAX])
{
  struct sockaddr_storage address;
  int len = sizeof address;
  snprintf(ret_ip, STREAM_IP_MAX, "unix");
  if (s->uv.handle.type != UV_TCP || uv_tcp_getpeername(&s->uv.tcp, (struct sockaddr *)&address, &len) < 0)
    return;
  if (address.ss_family == AF_INET) {
    uv_ip4_name((struct sockaddr_in *)&address, ret_ip, STREAM_IP_MAX);
    return;
  }
  uv_ip6_name((struct sockaddr_in6 *)&address, ret_ip, STREAM_IP_MAX);
  if (strncmp(ret_ip, "::ffff:", 7) == 0 && strchr(ret_ip, '.'))
    memmove(ret_ip, ret_ip + 7, strlen(ret_ip + 7) + 1);
}
