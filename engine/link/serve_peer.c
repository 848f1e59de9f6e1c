/* link/serve_peer.c: the agent's connections, dialled and accepted; see serve.h. */
#include <string.h>

#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "link/address.h"
#include "link/serve_internal.h"
#include "link/upgrade.h"

/* ---- engines ---- */

static struct engine *engine_find(const struct serve *s, struct str who, bool outbound)
{
  for (struct engine *e = s->engines; e; e = e->next)
    if (e->outbound == outbound && str_eqc(who, e->who))
      return e;
  return NULL;
}

bool serve_is_connected(const struct serve *s, struct str who)
{
  const struct engine *out = engine_find(s, who, true), *in = engine_find(s, who, false);
  return (out && out->connected) || (in && in->connected);
}

static void dial(struct engine *e);
static void on_redial(uv_timer_t *t) { dial(t->data); }
void engine_dial_soon(struct engine *e, uint64_t delay_ms) { uv_timer_start(&e->redial, on_redial, delay_ms, 0); }

static struct engine *engine_new(struct serve *s, struct str who, bool outbound)
{
  struct engine *e = mem_new(sizeof *e);
  e->serve = s;
  e->who = str_dup(who);
  e->outbound = outbound;
  e->outbox.on_room = engine_on_room;
  e->outbox.data = e;
  uv_timer_init(s->loop->loop, &e->redial);
  e->redial.data = e;
  s->handles++;
  s->inbound_count += !outbound;
  e->next = s->engines;
  if (e->next)
    e->next->prev = e;
  s->engines = e;
  return e;
}

static void on_engine_closed(uv_handle_t *h)
{
  struct engine *e = h->data;
  struct serve *s = e->serve;
  outbox_release(&e->outbox);
  mem_free(e->who);
  mem_free(e->url);
  mem_free(e->host);
  mem_free(e->query);
  mem_free(e);
  serve_handle_closed(s);
}

void engine_remove(struct engine *e)
{
  if (e->prev)
    e->prev->next = e->next;
  else
    e->serve->engines = e->next;
  if (e->next)
    e->next->prev = e->prev;
  e->serve->inbound_count -= !e->outbound;
  e->removed = true;
  e->connected = false;
  if (e->session)
    session_stop(e->session, /* drop= */ false);
  e->session = NULL;
  engine_drop_work(e);
  uv_close((uv_handle_t *)&e->redial, on_engine_closed);
}

void engine_tidy(struct engine *e)
{
  if (!e->outbound && !e->removed && !e->connected && !e->calls && !e->terminals && !e->outbox.first)
    engine_remove(e);
}

Err engines_add(struct serve *s, struct str address, struct diag *reterr)
{
  CLEANUP(buf_release) struct buf url = BUF_INIT(2 * ADDRESS_MAX), host = BUF_INIT(ADDRESS_MAX);
  CLEANUP(mem_free_at) char *query = upgrade_query("server", str_of(s->connect_as));
  CLEANUP(mem_free_at) char *tail = mem_printf("/ws/periphery?%s", query);
  Err err = address_url(address, str_of(tail), &url, &host, reterr);
  if (err)
    return err;
  if (engine_find(s, buf_str(&host), true)) {
    log_error("core_addresses: %s is there twice, the second entry is not used", host.ptr);
    return OK;
  }
  struct engine *e = engine_new(s, buf_str(&host), /* outbound= */ true);
  e->url = buf_take(&url);
  e->host = mem_strdup(e->who);
  e->query = mem_strdup(query);
  return OK;
}

/* ---- what both kinds of connection share ---- */

static Err check_engine(struct serve *s, struct str key, struct diag *reterr)
{
  const char *learned;
  Err err = trust_check(&s->trust, key, &learned, reterr);
  if (!err && learned)
    serve_learn(s, learned, key);
  return err;
}

static void engine_connected(struct engine *e, struct session *session)
{
  struct serve *s = e->serve;
  e->session = session;
  e->connected = true;
  e->onboarded = false;
  e->failures = 0;
  e->error = (struct diag){0};
  e->since_ms = uv_now(s->loop->loop);
  log_info("connected to engine %s", e->who);
  session_attach(session, &e->outbox);
  if (s->config.on_state)
    s->config.on_state(str_of(e->who), true, s->config.data);
}

/* Logs an error once, not at every try of a peer that comes again and again. */
static void log_news(struct diag *last, const char *who, const struct diag *d)
{
  if (strcmp(last->message, d->message) != 0 || strcmp(last->trace, d->trace) != 0)
    log_warn("engine %s: %s%s%s", who, d->message, d->trace[0] ? ": " : "", d->trace);
  *last = *d;
}

static void engine_failed(struct engine *e, const struct diag *d) { log_news(&e->error, e->who, d); }

static void engine_lost(struct engine *e, const struct diag *d)
{
  struct serve *s = e->serve;
  e->session = NULL;
  e->connected = false;
  engine_failed(e, d);
  if (e->outbound) {
    uint64_t lived = uv_now(s->loop->loop) - e->since_ms, least = s->times.session_min_ms;
    engine_dial_soon(e, lived < least ? least - lived : 0);
  }
  if (s->config.on_state)
    s->config.on_state(str_of(e->who), false, s->config.data);
  engine_tidy(e);
}

static void on_frame(struct session *session, const struct frame *frame, void *data)
{
  (void)session;
  engine_on_frame(data, frame);
}

static void on_gone(void *home) { serve_handle_closed(home); }

/* ---- dialling ---- */

static Err check_dialled(struct str key, bool onboarding, bool fix, struct diag *reterr, void *data)
{
  struct engine *e = data;
  (void)onboarding;
  (void)fix;
  return check_engine(e->serve, key, reterr);
}

static void on_dial_login(struct session *session, void *data) { engine_connected(data, session); }

/* A failed dial is tried again after 1, 2, 4, 5, 5, ... seconds, a refused login after 5; each a fifth more or less, so that
 * the agents of an engine that restarts do not come all at once. */
static void dial_later(struct engine *e, bool refused)
{
  const struct link_times *t = &e->serve->times;
  unsigned char dice;
  uint64_t delay = t->redial_first_ms << (e->failures < 8 ? e->failures : 8);
  if (refused || delay > t->redial_max_ms)
    delay = t->redial_max_ms;
  id_random(&dice, 1);
  e->failures++;
  engine_dial_soon(e, delay * 4 / 5 + delay * 2 / 5 * dice / 255);
}

static void on_dial_end(struct session *session, enum session_end end, const struct diag *d, void *data)
{
  struct engine *e = data;
  (void)session;
  if (end == SESSION_LOST) {
    engine_lost(e, d);
    return;
  }
  e->session = NULL;
  if (end == SESSION_ONBOARDED) {
    log_info("engine %s has accepted the onboarding key", e->who);
    bool again = e->onboarded;
    e->onboarded = true;
    if (again)
      dial_later(e, /* refused= */ true);
    else
      engine_dial_soon(e, 0);
    return;
  }
  engine_failed(e, d);
  dial_later(e, end == SESSION_REFUSED);
}

static void dial(struct engine *e)
{
  static const struct session_events events = {
      .on_login = on_dial_login, .on_frame = on_frame, .on_end = on_dial_end, .on_gone = on_gone};
  struct serve *s = e->serve;
  struct diag d = {0};
  if (e->session || e->removed)
    return;
  struct session_config c = {.loop = s->loop, .times = &s->times, .events = &events, .data = e, .home = s,
                             .login = {.role = LOGIN_AGENT_DIALS, .key = &s->key, .query = str_of(e->query),
                                       .onboarding_key = s->has_onboarding_key ? &s->onboarding_key : NULL,
                                       .check_key = check_dialled}};
  s->handles++;
  if (session_dial(&c, e->url, str_of(e->host), s->insecure_tls, &e->session, &d)) {
    engine_failed(e, &d);
    dial_later(e, /* refused= */ false);
  }
}

/* ---- accepting ---- */

struct visitor {
  struct serve *serve;
  struct visitor *prev, *next;
  struct session *session;
  char *core;
};

static void visitor_free(struct visitor *v)
{
  if (v->prev)
    v->prev->next = v->next;
  else
    v->serve->visitors = v->next;
  if (v->next)
    v->next->prev = v->prev;
  v->serve->visitor_count--;
  mem_free(v->core);
  mem_free(v);
}

void visitors_close(struct serve *s)
{
  while (s->visitors) {
    session_stop(s->visitors->session, /* drop= */ false);
    visitor_free(s->visitors);
  }
}

static Err check_visitor(struct str key, bool onboarding, bool fix, struct diag *reterr, void *data)
{
  struct visitor *v = data;
  (void)onboarding;
  (void)fix;
  return check_engine(v->serve, key, reterr);
}

static void on_inbound_end(struct session *session, enum session_end end, const struct diag *d, void *data)
{
  (void)session;
  (void)end;
  engine_lost(data, d);
}

/* Room for one more: an engine that left with answers it may never fetch gives way. */
static bool make_room(struct serve *s)
{
  for (struct engine *e = s->engines; e && s->inbound_count >= SERVE_INBOUND_MAX; e = e->next)
    if (!e->outbound && !e->connected && !e->calls && !e->terminals) {
      engine_remove(e);
      break;
    }
  return s->inbound_count < SERVE_INBOUND_MAX;
}

static void on_visitor_login(struct session *session, void *data)
{
  static const struct session_events events = {.on_frame = on_frame, .on_end = on_inbound_end, .on_gone = on_gone};
  struct visitor *v = data;
  struct serve *s = v->serve;
  struct engine *e = engine_find(s, str_of(v->core), /* outbound= */ false);
  if (!e && make_room(s))
    e = engine_new(s, str_of(v->core), /* outbound= */ false);
  visitor_free(v);
  if (!e || e->connected) {
    session_stop(session, /* drop= */ false);   /* another connection was faster */
    return;
  }
  session_own(session, &events, e);
  engine_connected(e, session);
}

static void on_visitor_end(struct session *session, enum session_end end, const struct diag *d, void *data)
{
  struct visitor *v = data;
  (void)session;
  (void)end;
  log_news(&v->serve->visitor_error, v->core, d);
  visitor_free(v);
}

static bool refuse_second(struct serve *s, struct http_req *req, struct str core)
{
  const struct engine *e = engine_find(s, core, /* outbound= */ false);
  if (!e || !e->connected)
    return false;
  struct diag d = {0};
  diag_set(&d, ERR_BUSY, "Connection for %.*s is already active", STR_ARG(core));
  diag_cause(&d, "Receiver is already locked");
  diag_cause(&d, "operation would block");
  upgrade_refuse(req, 500, &d);
  return true;
}

void serve_accept(struct serve *s, struct http_req *req)
{
  static const struct session_events events = {.on_login = on_visitor_login, .on_end = on_visitor_end, .on_gone = on_gone};
  struct str core;
  if (!upgrade_check(req, "core", &core) || refuse_second(s, req, core))
    return;
  if (s->closing || s->visitor_count >= SERVE_GUESTS_MAX) {
    upgrade_refusef(req, 503, "Too many logins are in progress");
    return;
  }
  struct visitor *v = mem_new(sizeof *v);
  *v = (struct visitor){.serve = s, .core = str_dup(core), .next = s->visitors};
  if (v->next)
    v->next->prev = v;
  s->visitors = v;
  s->visitor_count++;
  CLEANUP(mem_free_at) char *query = upgrade_query("core", core);
  bool by_passkey = s->has_passkeys && !s->trust.is_explicit;
  struct session_config c = {.loop = s->loop, .times = &s->times, .events = &events, .data = v, .home = s,
                             .login = {.role = LOGIN_AGENT_LISTENS, .key = &s->key, .query = str_of(query), .check_key = check_visitor,
                                       .passkeys = by_passkey ? (const char *const *)s->passkeys : NULL}};
  s->handles++;
  if (session_accept(&c, req, &v->session)) {
    visitor_free(v);
    upgrade_refusef(req, 400, "The request cannot be upgraded to a WebSocket");
  }
}
