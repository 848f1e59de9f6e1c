/* link/hub.c: the servers of the hub and their connections; see hub.h. */
#include "link/hub_internal.h"

#include <string.h>

#include "base/codec.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "link/address.h"
#include "link/upgrade.h"

static void dial(struct peer *p);

/* ---- the hub ---- */

static Err read_trusted(struct hub *hub, const char *const *specs, struct diag *reterr)
{
  size_t count = 0;
  while (specs && specs[count])
    count++;
  hub->trusted = mem_new_array(count ? count : 1, sizeof *hub->trusted);
  for (; hub->trusted_count < count; hub->trusted_count++) {
    Err err = key_load_public(str_of(specs[hub->trusted_count]), hub->trusted[hub->trusted_count], reterr);
    if (err) {
      diag_context(reterr, "periphery_public_keys: entry %zu is invalid", hub->trusted_count + 1);
      return err;
    }
  }
  return OK;
}

static void hub_free(struct hub *hub)
{
  map_release(&hub->peers);
  map_release(&hub->calls);
  map_release(&hub->terminals);
  key_pair_release(&hub->key);
  mem_wipe(hub->passkey, strlen(hub->passkey));
  mem_free(hub->passkey);
  mem_free(hub->host);
  mem_free(hub->trusted);
  mem_free(hub);
}

Err hub_new(const struct hub_config *config, struct hub **ret_hub, struct diag *reterr)
{
  struct hub *hub = mem_new(sizeof *hub);
  hub->loop = config->loop;
  hub->times = config->times ? *config->times : LINK_TIMES_DEFAULT;
  hub->key = *config->key;
  hub->config = *config;
  hub->host = str_dup(config->host);
  hub->passkey = str_dup(config->passkey);
  hub->tickets = id_process_seed() >> 32;
  Err err = read_trusted(hub, config->periphery_public_keys, reterr);
  if (err) {
    hub_free(hub);
    return err;
  }
  calls_init(hub);
  *ret_hub = hub;
  return OK;
}

struct str hub_public_key(const struct hub *hub) { return str_of(hub->key.text); }
void hub_set_key(struct hub *hub, const struct key_pair *key) { hub->key = *key; }

bool hub_has_peer_key(const struct hub *hub, struct str key)
{
  for (size_t i = 0; i < hub->trusted_count; i++)
    if (str_eqc(key, hub->trusted[i]))
      return true;
  return false;
}

Err hub_refuse_key(struct diag *reterr, struct str key)
{
  diag_set(reterr, ERR_AUTH, "Core failed to validate Periphery public key");
  diag_cause(reterr, "Ensure public key matches configured Periphery Public Key");
  diag_cause(reterr, "%.*s is invalid", STR_ARG(key));
  return ERR_AUTH;
}

void hub_handle_closed(struct hub *hub)
{
  if (--hub->handles || !hub->closing)
    return;
  void (*on_closed)(void *data) = hub->on_closed;
  void *data = hub->closed_data;
  hub_free(hub);
  if (on_closed)
    on_closed(data);
}

/* ---- a server ---- */

struct peer *peer_find(const struct hub *hub, struct str id) { return map_get(&hub->peers, id); }

static void on_redial(uv_timer_t *t) { dial(t->data); }

static void forget_error(struct peer *p)
{
  mem_free(p->error);
  p->error = NULL;
}

static struct peer *peer_new(struct hub *hub, struct str id)
{
  struct peer *p = mem_new(sizeof *p);
  p->hub = hub;
  memcpy(p->id, id.ptr, id.len);
  uv_timer_init(hub->loop->loop, &p->redial);
  p->redial.data = p;
  hub->handles++;
  map_set(&hub->peers, id, p);
  return p;
}

static void on_peer_closed(uv_handle_t *h)
{
  struct peer *p = h->data;
  struct hub *hub = p->hub;
  outbox_release(&p->outbox);
  if (p->passkey)
    mem_wipe(p->passkey, strlen(p->passkey));
  mem_free(p->passkey);
  mem_free(p->address);
  mem_free(p->public_key);
  mem_free(p->error);
  mem_free(p);
  hub_handle_closed(hub);
}

/* Takes the connection away, whatever it was doing, with a Close frame. */
static void disconnect(struct peer *p)
{
  struct session *s = p->session;
  bool was = p->connected;
  p->session = NULL;
  p->connected = p->stale = false;
  uv_timer_stop(&p->redial);
  if (s)
    session_stop(s, /* drop= */ false);
  if (!was)
    return;
  terminals_watch(p, /* away= */ true);
  if (p->hub->config.on_disconnected && !p->hub->closing)
    p->hub->config.on_disconnected(str_of(p->id), p->hub->config.data);
}

static void peer_remove(struct peer *p, const char *words)
{
  map_remove(&p->hub->peers, str_of(p->id));
  p->removed = true;
  p->enabled = false;
  guests_close(p->hub, str_of(p->id));
  disconnect(p);
  calls_fail_all(p, words);
  uv_close((uv_handle_t *)&p->redial, on_peer_closed);
}

void hub_remove(struct hub *hub, struct str id)
{
  struct peer *p = peer_find(hub, id);
  if (p)
    peer_remove(p, "The Server was removed");
}

static void on_queue_closed(uv_handle_t *h)
{
  struct timeq *q = h->data;
  hub_handle_closed(q->data);
}

void hub_close(struct hub *hub, void (*on_closed)(void *data), void *data)
{
  struct str id;
  void *p;
  hub->closing = true;
  hub->on_closed = on_closed;
  hub->closed_data = data;
  for (size_t at = 0; map_next(&hub->peers, &at, &id, &p);)
    peer_remove(p, "The engine is stopping");
  guests_close(hub, STR_NONE);
  timeq_close(&hub->silence, on_queue_closed);
  timeq_close(&hub->wait, on_queue_closed);
  timeq_close(&hub->away, on_queue_closed);
}

static bool replace(char **field, struct str value)
{
  if (*field && str_eqc(value, *field))
    return false;
  if (*field)
    mem_wipe(*field, strlen(*field));
  mem_free(*field);
  *field = str_dup(value);
  return true;
}

void hub_set(struct hub *hub, const struct hub_server *server)
{
  if (hub->closing || server->id.len == 0 || server->id.len >= HUB_ID_MAX)
    return;
  struct peer *p = peer_find(hub, server->id);
  if (!p)
    p = peer_new(hub, server->id);
  bool moved = replace(&p->address, server->address);
  moved |= p->insecure_tls != server->insecure_tls || p->enabled != server->enabled;
  bool rekeyed = replace(&p->public_key, server->public_key);
  rekeyed |= replace(&p->passkey, server->passkey);
  p->insecure_tls = server->insecure_tls;
  p->enabled = server->enabled;
  if (!moved && !rekeyed)
    return;
  if (!moved && p->connected) {
    p->stale = true;   /* its next use replaces the connection (spec 20) */
    return;
  }
  p->failures = 0;
  if (moved) {
    p->had_link = false;
    forget_error(p);
    guests_close(hub, server->id);
  }
  if (moved || p->session)
    disconnect(p);
  if (!p->enabled)
    calls_fail_all(p, "server not enabled");
  else if (p->address[0])
    peer_dial_soon(p, 0);
}

bool hub_is_connected(const struct hub *hub, struct str id)
{
  const struct peer *p = peer_find(hub, id);
  return p && p->connected;
}

Err hub_error(const struct hub *hub, struct str id, struct diag *ret)
{
  const struct peer *p = peer_find(hub, id);
  if (!p)
    return diag_set(ret, ERR_CLOSED, "No connection found for server %.*s", STR_ARG(id));
  if (p->connected)
    return OK;
  if (!p->enabled)
    return diag_set(ret, ERR_CLOSED, "server not enabled");
  if (!p->error)
    return diag_set(ret, ERR_CLOSED, "Server is not currently connected");
  if (ret)
    *ret = *p->error;
  return p->error->err;
}

/* ---- its connection ---- */

void peer_connected(struct peer *p, struct session *s)
{
  struct hub *hub = p->hub;
  p->session = s;
  p->connected = p->had_link = true;
  p->stale = false;
  p->failures = 0;
  forget_error(p);
  p->since_ms = uv_now(hub->loop->loop);
  log_info("connected to the agent of server %s", p->id);
  session_attach(s, &p->outbox);
  terminals_watch(p, /* away= */ false);
  calls_send_waiting(p);
  char id[HUB_ID_MAX];   /* the owner may remove the peer in its callbacks */
  memcpy(id, p->id, sizeof id);
  if (hub->config.on_attempted_key)
    hub->config.on_attempted_key(str_of(id), STR_NONE, hub->config.data);
  if (hub->config.on_connected)
    hub->config.on_connected(str_of(id), hub->config.data);
}

void peer_failed(struct peer *p, const struct diag *d)
{
  if (!p->error || strcmp(p->error->message, d->message) != 0 || strcmp(p->error->trace, d->trace) != 0)
    log_warn("server %s: %s%s%s", p->id, d->message, d->trace[0] ? ": " : "", d->trace);   /* once, not at every try */
  if (!p->error)
    p->error = mem_new(sizeof *p->error);
  *p->error = *d;
}

void peer_lost(struct peer *p, const struct diag *d)
{
  struct hub *hub = p->hub;
  bool was = p->connected;
  p->session = NULL;
  p->connected = p->stale = false;
  if (d->err)
    peer_failed(p, d);
  if (p->enabled && p->address[0]) {
    uint64_t lived = uv_now(hub->loop->loop) - p->since_ms, least = hub->times.session_min_ms;
    peer_dial_soon(p, was && lived < least ? least - lived : 0);
  }
  if (!was)
    return;
  terminals_watch(p, /* away= */ true);
  if (hub->config.on_disconnected)
    hub->config.on_disconnected(str_of(p->id), hub->config.data);
}

void peer_dial_soon(struct peer *p, uint64_t delay_ms) { uv_timer_start(&p->redial, on_redial, delay_ms, 0); }

void peer_refresh(struct peer *p)
{
  if (!p->connected || !p->stale)
    return;
  disconnect(p);   /* an agent that dials us comes back by itself */
  if (p->enabled && p->address[0] && !p->removed)
    peer_dial_soon(p, 0);
}

/* ---- dialling ---- */

static Err check_agent(struct str key, bool onboarding, bool fix, struct diag *reterr, void *data)
{
  struct peer *p = data;
  (void)onboarding;
  (void)fix;
  if (!p->public_key[0] || str_eqc(key, p->public_key))
    return OK;
  Err err = hub_refuse_key(reterr, key);
  if (p->hub->config.on_attempted_key)
    p->hub->config.on_attempted_key(str_of(p->id), key, p->hub->config.data);
  return err;
}

static void on_dial_login(struct session *s, void *data) { peer_connected(data, s); }
static void on_dial_frame(struct session *s, const struct frame *frame, void *data)
{
  (void)s;
  peer_on_frame(data, frame);
}

/* 1, 2, 4, 5, 5, ... seconds, each a fifth more or less, so that engines and agents that restart together spread out. */
static void dial_later(struct peer *p)
{
  const struct link_times *t = &p->hub->times;
  unsigned char dice;
  uint64_t delay = t->redial_first_ms << (p->failures < 8 ? p->failures : 8);
  delay = delay < t->redial_max_ms ? delay : t->redial_max_ms;
  id_random(&dice, 1);
  delay = delay * 4 / 5 + delay * 2 / 5 * dice / 255;
  p->failures++;
  peer_dial_soon(p, delay);
}

static void on_dial_end(struct session *s, enum session_end end, const struct diag *d, void *data)
{
  struct peer *p = data;
  (void)s;
  if (end == SESSION_LOST) {
    peer_lost(p, d);
    return;
  }
  p->session = NULL;
  peer_failed(p, d);
  dial_later(p);
}

static void on_gone(void *home) { hub_handle_closed(home); }

static void dial(struct peer *p)
{
  static const struct session_events events = {
      .on_login = on_dial_login, .on_frame = on_dial_frame, .on_end = on_dial_end, .on_gone = on_gone};
  struct hub *hub = p->hub;
  CLEANUP(buf_release) struct buf url = BUF_INIT(2 * ADDRESS_MAX), host = BUF_INIT(ADDRESS_MAX);
  CLEANUP(mem_free_at) char *query = upgrade_query("core", str_of(hub->host));
  CLEANUP(mem_free_at) char *tail = mem_printf("/?%s", query);
  struct diag d = {0};
  if (p->session || !p->enabled || !p->address[0])
    return;
  Err err = address_url(str_of(p->address), str_of(tail), &url, &host, &d);
  if (!err) {
    struct session_config c = {
        .loop = hub->loop, .times = &hub->times, .events = &events, .data = p, .home = hub,
        .login = {.role = LOGIN_ENGINE_DIALS, .key = &hub->key, .query = str_of(query), .check_key = check_agent,
                  .passkey = p->passkey[0] ? str_of(p->passkey) : str_of(hub->passkey)}};
    hub->handles++;
    err = session_dial(&c, url.ptr, buf_str(&host), p->insecure_tls, &p->session, &d);
  }
  if (err) {
    peer_failed(p, &d);
    dial_later(p);
  }
}
