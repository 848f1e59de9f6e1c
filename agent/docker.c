/* agent/docker.c: see docker.h. */
#include "agent/docker.h"

#include <errno.h>
#include <fcntl.h>
#include <llhttp.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/js.h"
#include "base/clock.h"
#include "base/mem.h"

static const char default_socket[] = "/var/run/docker.sock";

/* ---- endpoint */

static bool is_socket(const char *path)
{
  struct stat st;
  return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* Podman answers the same API; its own command line and docker's find it by DOCKER_HOST. */
static char *podman_socket(void)
{
  const char *runtime = getenv("XDG_RUNTIME_DIR");
  char *path = runtime ? mem_printf("%s/podman/podman.sock", runtime) : NULL;
  if (path && is_socket(path))
    return path;
  mem_free(path);
  path = mem_strdup("/run/podman/podman.sock");
  if (is_socket(path))
    return path;
  mem_free(path);
  return NULL;
}

static void open_default(struct docker *d)
{
  d->scheme = DOCKER_UNIX;
  char *podman = is_socket(default_socket) ? NULL : podman_socket();
  if (podman) {
    char *host = mem_printf("unix://%s", podman);
    setenv("DOCKER_HOST", host, /* overwrite= */ 1);
    mem_free(host);
  }
  d->path = podman ? podman : mem_strdup(default_socket);
}

/* "host:port", "[v6]:port" or "host", ended by the first '/'. */
static Err open_tcp(struct docker *d, struct str rest, bool tls, struct diag *reterr)
{
  ptrdiff_t slash = str_find(rest, '/');
  if (slash >= 0)
    rest = str_make(rest.ptr, (size_t)slash);
  const char *colon = rest.len ? memrchr(rest.ptr, ':', rest.len) : NULL;
  if (colon && rest.len && memchr(colon, ']', (size_t)(rest.ptr + rest.len - colon)))
    colon = NULL;
  struct str host = colon ? str_make(rest.ptr, (size_t)(colon - rest.ptr)) : rest;
  struct str port = colon ? str_sub(rest, host.len + 1, rest.len) : tls ? STR("2376") : STR("2375");
  if (host.len > 2 && host.ptr[0] == '[')
    host = str_sub(host, 1, host.len - 2);
  if (!host.len || !port.len)
    return diag_set(reterr, ERR_INVALID, "DOCKER_HOST: host or port missing; write e.g. tcp://10.0.0.5:2375");
  d->scheme = tls ? DOCKER_TLS : DOCKER_TCP;
  d->host = str_dup(host);
  d->port = str_dup(port);
  return OK;
}

Err docker_open(struct docker *d, struct diag *reterr)
{
  *d = (struct docker){0};
  struct str host = str_of(getenv("DOCKER_HOST"));
  const char *verify = getenv("DOCKER_TLS_VERIFY"), *certs = getenv("DOCKER_CERT_PATH"), *home = getenv("HOME");
  d->verify = verify && *verify;
  if (certs && *certs)
    d->cert_dir = mem_strdup(certs);
  else if (d->verify && home)
    d->cert_dir = mem_printf("%s/.docker", home);
  if (!host.len) {
    open_default(d);
    return OK;
  }
  static const struct { const char *prefix; bool tls; } tcp[] = {{"tcp://", false}, {"http://", false}, {"https://", true}};
  if (str_starts(host, STR("unix://"))) {
    d->scheme = DOCKER_UNIX;
    d->path = str_dup(str_sub(host, 7, host.len));
    return OK;
  }
  for (size_t i = 0; i < ARRAY_LEN(tcp); i++)
    if (str_starts(host, str_of(tcp[i].prefix))) {
      bool tls = tcp[i].tls || (d->verify && !str_starts(host, STR("http://")));
      return open_tcp(d, str_sub(host, strlen(tcp[i].prefix), host.len), tls, reterr);
    }
  return diag_set(reterr, ERR_INVALID, "DOCKER_HOST: '%.*s' has no form we know (unix://, tcp://, http://, https://)",
                  STR_ARG(host));
}

void docker_close(struct docker *d)
{
  mem_free(d->path);
  mem_free(d->host);
  mem_free(d->port);
  mem_free(d->cert_dir);
  *d = (struct docker){0};
}

bool docker_connected(const struct docker *d)
{
  return d->scheme != DOCKER_NONE && (d->scheme != DOCKER_UNIX || access(d->path, F_OK) == 0);
}

/* ---- one exchange */

struct exchange {
  int fd;
  SSL_CTX *ctx;
  SSL *ssl;
  uint64_t deadline;
  llhttp_t parser;
  struct buf body;
  size_t head;       /* bytes of header seen */
  bool complete;
};

static void exchange_release(struct exchange *x)
{
  SSL_free(x->ssl);
  SSL_CTX_free(x->ctx);
  if (x->fd >= 0)
    close(x->fd);
  buf_release(&x->body);
}

/* Waits for the socket; ERR_TIMEOUT once the request's time is over. */
static Err wait_for(struct exchange *x, short events, struct diag *d)
{
  for (;;) {
    uint64_t now = clock_mono_ms();
    if (now >= x->deadline)
      return diag_set(d, ERR_TIMEOUT, "docker did not answer within %d s", DOCKER_TIMEOUT_MS / 1000);
    struct pollfd p = {.fd = x->fd, .events = events};
    int n = poll(&p, 1, (int)(x->deadline - now));
    if (n > 0)
      return OK;
    if (n < 0 && errno != EINTR)
      return diag_set(d, ERR_IO, "waiting for docker: %s", strerrordesc_np(errno));
  }
}

static Err connect_to(struct exchange *x, const struct sockaddr *address, socklen_t len, int family, struct diag *d)
{
  x->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (x->fd < 0)
    return diag_set(d, ERR_IO, "connecting to docker: %s", strerrordesc_np(errno));
  int err = connect(x->fd, address, len) ? errno : 0;
  if (err == EINPROGRESS) {
    Err waited = wait_for(x, POLLOUT, d);
    if (waited)
      return waited;
    socklen_t size = sizeof err;
    getsockopt(x->fd, SOL_SOCKET, SO_ERROR, &err, &size);
  }
  if (err) {
    close(x->fd);
    x->fd = -1;
    return diag_set(d, ERR_IO, "connecting to docker: %s", strerrordesc_np(err));
  }
  return OK;
}

static Err connect_unix(struct exchange *x, const char *path, struct diag *d)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path)
    return diag_set(d, ERR_INVALID, "the path of the docker socket is too long");
  memcpy(address.sun_path, path, strlen(path));
  return connect_to(x, (struct sockaddr *)&address, sizeof address, AF_UNIX, d);
}

static Err connect_tcp(struct exchange *x, const char *host, const char *port, struct diag *d)
{
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
  int code = getaddrinfo(host, port, &hints, &list);
  if (code)
    return diag_set(d, ERR_IO, "looking up docker's host: %s", gai_strerror(code));
  Err err = ERR_IO;
  for (struct addrinfo *at = list; at && err == ERR_IO; at = at->ai_next)
    err = connect_to(x, at->ai_addr, at->ai_addrlen, at->ai_family, d);
  freeaddrinfo(list);
  return err;
}

static Err tls_error(struct diag *d, const char *what)
{
  char words[256];
  ERR_error_string_n(ERR_get_error(), words, sizeof words);
  return diag_set(d, ERR_IO, "TLS to docker: %s: %s", what, words);
}

/* Waits as the TLS call `ret` asks for; ERR_IO when it failed for good. */
static Err tls_wait(struct exchange *x, int ret, const char *what, struct diag *d)
{
  switch (SSL_get_error(x->ssl, ret)) {
  case SSL_ERROR_WANT_READ: return wait_for(x, POLLIN, d);
  case SSL_ERROR_WANT_WRITE: return wait_for(x, POLLOUT, d);
  default: return tls_error(d, what);
  }
}

static Err start_tls(struct exchange *x, const struct docker *docker, struct diag *d)
{
  x->ctx = SSL_CTX_new(TLS_client_method());
  if (!x->ctx)
    return tls_error(d, "no context");
  SSL_CTX_set_min_proto_version(x->ctx, TLS1_2_VERSION);
  if (docker->cert_dir) {
    char *ca = mem_printf("%s/ca.pem", docker->cert_dir), *cert = mem_printf("%s/cert.pem", docker->cert_dir),
         *key = mem_printf("%s/key.pem", docker->cert_dir);
    bool good = SSL_CTX_load_verify_locations(x->ctx, ca, NULL) == 1;
    if (access(cert, F_OK) == 0)
      good = good && SSL_CTX_use_certificate_chain_file(x->ctx, cert) == 1 &&
             SSL_CTX_use_PrivateKey_file(x->ctx, key, SSL_FILETYPE_PEM) == 1;
    mem_free(ca);
    mem_free(cert);
    mem_free(key);
    if (!good)
      return tls_error(d, "DOCKER_CERT_PATH: cannot use ca.pem, cert.pem and key.pem");
  } else {
    SSL_CTX_set_default_verify_paths(x->ctx);
  }
  SSL_CTX_set_verify(x->ctx, SSL_VERIFY_PEER, NULL);
  x->ssl = SSL_new(x->ctx);
  if (!x->ssl || !SSL_set_fd(x->ssl, x->fd) || !SSL_set1_host(x->ssl, docker->host) ||
      !SSL_set_tlsext_host_name(x->ssl, docker->host))
    return tls_error(d, "set-up");
  Err err = OK;
  for (int n; !err && (n = SSL_connect(x->ssl)) != 1;)
    err = tls_wait(x, n, "handshake", d);
  return err;
}

static Err send_all(struct exchange *x, struct str data, struct diag *d)
{
  Err err = OK;
  while (data.len && !err) {
    ssize_t n = x->ssl ? SSL_write(x->ssl, data.ptr, (int)data.len) : send(x->fd, data.ptr, data.len, MSG_NOSIGNAL);
    if (n > 0)
      data = str_sub(data, (size_t)n, data.len);
    else if (x->ssl)
      err = tls_wait(x, (int)n, "writing", d);
    else if (errno == EAGAIN || errno == EINTR)
      err = wait_for(x, POLLOUT, d);
    else
      err = diag_set(d, ERR_IO, "writing to docker: %s", strerrordesc_np(errno));
  }
  return err;
}

static int on_head(llhttp_t *p, const char *at, size_t len)
{
  struct exchange *x = p->data;
  (void)at;
  x->head += len;
  return x->head > DOCKER_HEAD_MAX ? HPE_USER : HPE_OK;
}

static int on_body(llhttp_t *p, const char *at, size_t len)
{
  struct exchange *x = p->data;
  buf_add(&x->body, at, len);
  return buf_err(&x->body) ? HPE_USER : HPE_OK;
}

static int on_complete(llhttp_t *p)
{
  struct exchange *x = p->data;
  x->complete = true;
  return HPE_PAUSED;
}

/* Reads until the answer is complete. */
static Err receive(struct exchange *x, struct diag *d)
{
  static const llhttp_settings_t settings = {.on_status = on_head, .on_header_field = on_head, .on_header_value = on_head,
                                             .on_body = on_body, .on_message_complete = on_complete};
  llhttp_init(&x->parser, HTTP_RESPONSE, &settings);
  x->parser.data = x;
  char piece[16384];
  while (!x->complete) {
    ssize_t n = x->ssl ? SSL_read(x->ssl, piece, sizeof piece) : recv(x->fd, piece, sizeof piece, 0);
    bool end = x->ssl ? n <= 0 && SSL_get_error(x->ssl, (int)n) == SSL_ERROR_ZERO_RETURN : n == 0;
    if (n < 0 || (x->ssl && n == 0 && !end)) {
      Err err = x->ssl ? tls_wait(x, (int)n, "reading", d)
                : errno == EAGAIN || errno == EINTR ? wait_for(x, POLLIN, d)
                : diag_set(d, ERR_IO, "reading from docker: %s", strerrordesc_np(errno));
      if (err)
        return err;
      continue;
    }
    llhttp_errno_t code = end ? llhttp_finish(&x->parser) : llhttp_execute(&x->parser, piece, (size_t)n);
    if (x->complete)
      break;
    if (buf_err(&x->body) || x->head > DOCKER_HEAD_MAX)
      return diag_set(d, ERR_TOOBIG, "docker's answer is too large");
    if (end || code != HPE_OK)
      return diag_set(d, ERR_PROTOCOL, "docker's answer is no HTTP: %s", end ? "it ends early" : llhttp_errno_name(code));
  }
  return OK;
}

static Err connect_any(struct exchange *x, const struct docker *docker, struct diag *d)
{
  if (docker->scheme == DOCKER_UNIX)
    return connect_unix(x, docker->path, d);
  Err err = connect_tcp(x, docker->host, docker->port, d);
  return err || docker->scheme == DOCKER_TCP ? err : start_tls(x, docker, d);
}

/* An answer other than 2xx: the daemon's own words. */
static Err refused(struct exchange *x, struct diag *d)
{
  yyjson_doc *doc = NULL;
  Err parsed = js_parse(buf_str(&x->body), &doc, NULL);
  struct str words = parsed ? STR_NONE : js_get_str(yyjson_doc_get_root(doc), "message");
  int status = x->parser.status_code;
  Err err = words.len ? diag_set(d, ERR_REMOTE, "Docker responded with status code %d: %.*s", status, STR_ARG(words))
                      : diag_set(d, ERR_REMOTE, "Docker responded with status code %d", status);
  yyjson_doc_free(doc);
  return err;
}

Err docker_get(const struct docker *docker, const char *path, yyjson_doc **ret_doc, struct diag *reterr)
{
  if (!docker_connected(docker))
    return diag_set(reterr, ERR_CLOSED, "Could not connect to docker client");
  CLEANUP(exchange_release) struct exchange x = {.fd = -1, .body = BUF_INIT(DOCKER_BODY_MAX),
                                                 .deadline = clock_mono_ms() + DOCKER_TIMEOUT_MS};
  Err err = connect_any(&x, docker, reterr);
  if (err)
    return err;
  char *request = mem_printf("GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: komodo\r\nConnection: close\r\n\r\n", path,
                             docker->host ? docker->host : "docker");
  err = send_all(&x, str_of(request), reterr);
  mem_free(request);
  if (!err)
    err = receive(&x, reterr);
  if (err)
    return err;
  if (x.parser.status_code < 200 || x.parser.status_code > 299)
    return refused(&x, reterr);
  return js_parse(buf_str(&x.body), ret_doc, reterr);
}
