/* link/session.c: see session.h.
 *
 *   OPENING -> LOGIN -> UP -> ENDED (the owner has been told, or has let go) -> freed
 */
#include "link/session.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"

enum stage { OPENING, LOGIN, UP, ENDED };

enum {
  /* One message always fits an empty queue, and the outbox waits for that: with this, on_drain says that it is empty. */
  SOCKET_QUEUE_MAX = 2,
  FRAME_MESSAGE_MAX = 64 * 1024 * 1024,
};

struct session {
  const struct session_events *events;
  void *data, *home;
  const struct link_times *times;
  struct ws *ws;                    /* NULL once closed */
  struct outbox *outbox;            /* NULL before the login and after the end */
  struct login *login;              /* its keys and words go once the session is UP; NULL then */
  struct login_config login_config;
  enum stage stage;
  enum login_result result;
  bool closes_politely;             /* engine: answers a broken frame with Close (spec 20); the agent drops */
  bool told;                        /* on_end or session_stop has happened */
  uv_timer_t timer;                 /* a login message is due */
  char *query, *passkey, *url, *host;
};

static void login_drop(struct session *s)
{
  if (!s->login)
    return;
  login_release(s->login);
  mem_free(s->login);
  s->login = NULL;
}

static void on_timer_closed(uv_handle_t *h)
{
  struct session *s = h->data;
  void (*on_gone)(void *home) = s->events->on_gone;
  void *home = s->home;
  login_drop(s);
  if (s->passkey)
    mem_wipe(s->passkey, strlen(s->passkey));
  mem_free(s->passkey);
  mem_free(s->query);
  mem_free(s->url);
  mem_free(s->host);
  mem_free(s);
  if (on_gone)
    on_gone(home);
}

/* The socket is given up; its on_close follows and frees us. */
static void leave(struct session *s, bool drop)
{
  if (s->outbox)
    outbox_detach(s->outbox);
  s->outbox = NULL;
  s->stage = ENDED;
  uv_timer_stop(&s->timer);
  if (s->ws && drop)
    ws_drop(s->ws);
  else if (s->ws)
    ws_close(s->ws, 0);
}

static void end(struct session *s, enum session_end how, const struct diag *d, bool drop)
{
  if (s->told)
    return;
  s->told = true;
  struct diag words = *d;   /* the login's own goes away with us */
  leave(s, drop);
  s->events->on_end(s, how, &words, s->data);
}

void session_stop(struct session *s, bool drop)
{
  if (s->told)
    return;
  s->told = true;
  leave(s, drop);
}

/* ---- login ---- */

static void on_login_due(uv_timer_t *t);

static void login_step(struct session *s, enum login_result result)
{
  if (s->stage != LOGIN)
    return;
  uv_timer_stop(&s->timer);
  switch (result) {
  case LOGIN_MORE:
    uv_timer_start(&s->timer, on_login_due, s->times->login_ms, 0);
    return;
  case LOGIN_STORING:
    s->events->on_storing(s, str_of(s->login->peer), str_of(s->login->agent_key), s->login->fallback, s->data);
    return;
  case LOGIN_SESSION:
    s->stage = UP;
    login_drop(s);
    ws_set_limits(s->ws, FRAME_MAX, FRAME_MESSAGE_MAX);
    s->events->on_login(s, s->data);
    return;
  case LOGIN_ONBOARDED: end(s, SESSION_ONBOARDED, &s->login->diag, login_wants_drop(s->login)); return;
  case LOGIN_FAILED: end(s, SESSION_REFUSED, &s->login->diag, login_wants_drop(s->login)); return;
  }
}

static void on_login_due(uv_timer_t *t)
{
  struct session *s = t->data;
  login_step(s, login_timeout(s->login));
}

/* A message that does not fit is one the peer will miss: its 2 s end the login. */
static void on_login_send(struct str message, void *data)
{
  struct session *s = data;
  Err err = s->ws && s->stage == LOGIN ? ws_send(s->ws, WS_BINARY, message) : ERR_CLOSED;
  if (err)
    log_debug("login message not sent: %s", err_words(err));
}

static Err on_login_check(struct str key, bool onboarding, bool fix, struct diag *reterr, void *data)
{
  struct session *s = data;
  return s->login_config.check_key(key, onboarding, fix, reterr, s->data);
}

static void login_begin(struct session *s)
{
  struct login_config c = s->login_config;
  c.send = on_login_send;
  c.check_key = on_login_check;
  c.data = s;
  s->stage = LOGIN;
  login_step(s, login_start(s->login, &c, str_of(s->host), ws_accept_value(s->ws)));
}

void session_stored(struct session *s, Err err, const struct diag *d)
{
  if (s->stage == LOGIN)
    login_step(s, login_stored(s->login, err, d));
}

void session_own(struct session *s, const struct session_events *events, void *data)
{
  s->events = events;
  s->data = data;
}

void session_attach(struct session *s, struct outbox *outbox)
{
  s->outbox = outbox;
  outbox_attach(outbox, s->ws);
}

/* ---- the socket ---- */

static void on_open(struct ws *ws, void *data)
{
  struct session *s = data;
  (void)ws;
  if (s->stage == OPENING)
    login_begin(s);
}

static void broken(struct session *s, const char *words)
{
  struct diag d = {0};
  diag_set(&d, ERR_PROTOCOL, "%s", words);
  end(s, SESSION_LOST, &d, !s->closes_politely);
}

static void on_message(struct ws *ws, enum ws_kind kind, struct str message, void *data)
{
  struct session *s = data;
  (void)ws;
  (void)kind;
  if (s->stage == LOGIN) {
    login_step(s, login_feed(s->login, message));
    return;
  }
  if (s->stage != UP)
    return;
  struct frame frame;
  Err err = frame_decode(message, &frame);
  if (err == ERR_PROTOCOL)
    broken(s, message.len ? "Received a message of unknown type" : "Received an empty message");
  else if (err)
    log_warn("a message of %zu bytes is too short for its channel id and was skipped", message.len);
  else if (frame.kind != FRAME_LOGIN)
    s->events->on_frame(s, &frame, s->data);
}

static void on_drain(struct ws *ws, void *data)
{
  struct session *s = data;
  (void)ws;
  if (s->outbox)
    outbox_drained(s->outbox);
}

static void on_close(struct ws *ws, Err err, int code, const struct diag *d, void *data)
{
  struct session *s = data;
  struct diag words = {0};
  bool unreached = s->stage == OPENING && s->url;
  enum session_end how = unreached ? SESSION_UNREACHED : s->stage == UP ? SESSION_LOST : SESSION_REFUSED;
  (void)ws;
  (void)code;
  if (err == ERR_TIMEOUT && s->stage == UP)
    diag_set(&words, err, "Timed out waiting for Ping");
  else if (err)
    words = *d;
  else
    diag_set(&words, ERR_CLOSED, "The other side closed the connection");
  if (how == SESSION_UNREACHED)
    diag_context(&words, "Failed to connect to websocket | url: %s", s->url);
  else if (how == SESSION_REFUSED && s->login && s->login->fallback)
    words = s->login->first;   /* flow F came to nothing: what counts is why it was tried (spec 3.4 F) */
  else if (how == SESSION_REFUSED)
    diag_context(&words, "The connection ended during the login");
  if (s->outbox)
    outbox_detach(s->outbox);
  s->outbox = NULL;
  s->ws = NULL;
  end(s, how, &words, /* drop= */ true);
  uv_close((uv_handle_t *)&s->timer, on_timer_closed);
}

/* ---- beginning ---- */

static struct session *session_new(const struct session_config *config)
{
  struct session *s = mem_new(sizeof *s);
  s->events = config->events;
  s->data = config->data;
  s->home = config->home;
  s->times = config->times;
  s->login = mem_new(sizeof *s->login);
  s->login_config = config->login;
  s->closes_politely = config->login.role == LOGIN_ENGINE_DIALS || config->login.role == LOGIN_ENGINE_LISTENS;
  s->query = str_dup(config->login.query);
  s->passkey = str_dup(config->login.passkey);
  s->login_config.query = str_of(s->query);
  s->login_config.passkey = str_of(s->passkey);
  uv_timer_init(config->loop->loop, &s->timer);
  s->timer.data = s;
  return s;
}

static struct ws_config socket_config(struct session *s, bool dials)
{
  return (struct ws_config){.frame_max = LOGIN_MESSAGE_MAX, .message_max = LOGIN_MESSAGE_MAX, .queue_max = SOCKET_QUEUE_MAX,
                            .ping_after_idle_ms = s->times->ping_ms, .receive_deadline_ms = s->times->receive_ms,
                            .on_open = dials ? on_open : NULL, .on_message = on_message, .on_drain = on_drain,
                            .on_close = on_close, .data = s};
}

/* It never came to a socket: nobody is told but on_gone. */
static void abandon(struct session *s)
{
  s->told = true;
  s->stage = ENDED;
  uv_close((uv_handle_t *)&s->timer, on_timer_closed);
}

Err session_dial(const struct session_config *config, const char *url, struct str host, bool insecure_tls,
                 struct session **ret, struct diag *reterr)
{
  struct session *s = session_new(config);
  s->url = mem_strdup(url);
  s->host = str_dup(host);
  struct ws_config c = socket_config(s, /* dials= */ true);
  struct ws_dial dial = {.url = url, .user_agent = "komodo/2.3.2", .insecure_tls = insecure_tls,
                         .connect_timeout_ms = s->times->connect_ms};
  Err err = ws_connect(config->loop, &dial, &c, &s->ws, reterr);
  if (err) {
    diag_context(reterr, "Failed to connect to websocket | url: %s", url);
    abandon(s);
    return err;
  }
  *ret = s;
  return OK;
}

static void on_accepted(uv_timer_t *t) { login_begin(t->data); }

Err session_accept(const struct session_config *config, struct http_req *req, struct session **ret)
{
  struct session *s = session_new(config);
  struct ws_config c = socket_config(s, /* dials= */ false);
  Err err = ws_accept(req, &c, &s->ws);
  if (err) {
    abandon(s);
    return err;
  }
  *ret = s;
  s->host = str_dup(ws_host(s->ws));
  uv_timer_start(&s->timer, on_accepted, 0, 0);   /* the owner has its pointer before it hears of anything */
  return OK;
}
