/* link/hub_accept.c: agents that dial the engine: known, to be fixed, or new; see hub.h and spec agent.md 1.4, 3.4 C to F. */
#include <string.h>

#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "link/hub_internal.h"
#include "link/upgrade.h"

/* An agent in its login. It knows its server by id, not by pointer: servers come and go meanwhile. */
struct guest {
  struct hub *hub;
  struct guest *prev, *next;
  struct session *session;
  enum hub_who who;
  char *name;                    /* the `server` value */
  char id[HUB_ID_MAX];           /* empty: a new server */
  uint64_t ticket;               /* of the onboarding under way, 0: none */
};

static void guest_free(struct guest *g)
{
  if (g->prev)
    g->prev->next = g->next;
  else
    g->hub->guests = g->next;
  if (g->next)
    g->next->prev = g->prev;
  g->hub->guest_count--;
  mem_free(g->name);
  mem_free(g);
}

void guests_close(struct hub *hub, struct str id)
{
  for (struct guest *g = hub->guests, *next; g; g = next) {
    next = g->next;
    if (id.len && !str_eqc(id, g->id))
      continue;
    session_stop(g->session, /* drop= */ false);
    guest_free(g);
  }
}

/* ---- what it may ---- */

static Err check_onboarding(struct guest *g, struct str key, bool fix, struct diag *reterr)
{
  struct hub_onboarding o = {0};
  if (g->hub->config.onboarding_key)
    g->hub->config.onboarding_key(key, &o, g->hub->config.data);
  if (!o.found)
    return diag_set(reterr, ERR_AUTH, "Matching Server onboarding key not found");
  if (!o.usable)
    return diag_set(reterr, ERR_AUTH, "Onboarding key is invalid");
  if ((fix || g->who == HUB_FIX) && !o.privileged)
    return diag_set(reterr, ERR_AUTH, "Onboarding key not able to fix existing servers");
  return OK;
}

static Err check_guest(struct str key, bool onboarding, bool fix, struct diag *reterr, void *data)
{
  struct guest *g = data;
  struct hub *hub = g->hub;
  if (onboarding)
    return check_onboarding(g, key, fix, reterr);
  const struct peer *p = peer_find(hub, str_of(g->id));
  if (p && (p->public_key[0] ? str_eqc(key, p->public_key) : hub_has_peer_key(hub, key)))
    return OK;
  Err err = hub_refuse_key(reterr, key);
  if (p && hub->config.on_attempted_key) {
    char id[HUB_ID_MAX];
    memcpy(id, g->id, sizeof id);
    hub->config.on_attempted_key(str_of(id), key, hub->config.data);
  }
  return err;
}

/* ---- what becomes of it ---- */

static void on_peer_frame(struct session *s, const struct frame *frame, void *data)
{
  (void)s;
  peer_on_frame(data, frame);
}

static void on_peer_end(struct session *s, enum session_end end, const struct diag *d, void *data)
{
  (void)s;
  (void)end;
  peer_lost(data, d);
}

static void on_gone(void *home) { hub_handle_closed(home); }

static void on_login(struct session *s, void *data)
{
  static const struct session_events events = {.on_frame = on_peer_frame, .on_end = on_peer_end, .on_gone = on_gone};
  struct guest *g = data;
  struct peer *p = peer_find(g->hub, str_of(g->id));
  guest_free(g);
  if (!p || !p->enabled || p->address[0] || p->connected) {
    session_stop(s, /* drop= */ false);   /* its server changed meanwhile, or another connection was faster */
    return;
  }
  outbox_release(&p->outbox);   /* the queue of an accepted connection starts empty (spec 1.5) */
  session_own(s, &events, p);
  peer_connected(p, s);
}

static void on_storing(struct session *s, struct str onboarding_key, struct str agent_key, bool fix, void *data)
{
  struct guest *g = data;
  struct hub *hub = g->hub;
  struct diag d = {0};
  if (!hub->config.onboard) {
    diag_set(&d, ERR_UNSUPPORTED, "This engine onboards no Servers");
    session_stored(s, ERR_UNSUPPORTED, &d);
    return;
  }
  g->ticket = ++hub->tickets;
  (void)fix;   /* an id says as much */
  hub->config.onboard(hub, g->ticket, onboarding_key, str_of(g->name), str_of(g->id), agent_key, hub->config.data);
}

void hub_onboard_done(struct hub *hub, uint64_t ticket, Err err, const struct diag *d)
{
  for (struct guest *g = hub->guests; g; g = g->next)
    if (ticket && g->ticket == ticket) {
      g->ticket = 0;
      session_stored(g->session, err, d);
      return;
    }
}

static void on_end(struct session *s, enum session_end end, const struct diag *d, void *data)
{
  struct guest *g = data;
  (void)s;
  struct peer *p = g->who == HUB_SERVER ? peer_find(g->hub, str_of(g->id)) : NULL;
  if (end == SESSION_ONBOARDED)
    log_info("server '%s' was %s by its agent's onboarding key", g->name, g->id[0] ? "updated" : "created");
  if (!p)
    log_debug("login of an agent as '%s' ended: %s", g->name, d->message);   /* such an agent may retry in a tight loop */
  guest_free(g);
  if (p && !p->connected && d->err)
    peer_failed(p, d);
}

/* ---- the route ---- */

static void take_over(struct hub *hub, struct http_req *req, enum hub_who who, struct str name, struct str id)
{
  static const struct session_events events = {.on_login = on_login, .on_storing = on_storing, .on_end = on_end, .on_gone = on_gone};
  struct guest *g = mem_new(sizeof *g);
  *g = (struct guest){.hub = hub, .who = who, .name = str_dup(name), .next = hub->guests};
  memcpy(g->id, id.len ? id.ptr : "", id.len);
  if (g->next)
    g->next->prev = g;
  hub->guests = g;
  hub->guest_count++;
  CLEANUP(mem_free_at) char *query = upgrade_query("server", name);
  struct session_config c = {.loop = hub->loop, .times = &hub->times, .events = &events, .data = g, .home = hub,
                             .login = {.role = LOGIN_ENGINE_LISTENS, .key = &hub->key, .query = str_of(query),
                                       .onboarding = who != HUB_SERVER, .check_key = check_guest}};
  hub->handles++;
  if (session_accept(&c, req, &g->session)) {
    guest_free(g);
    upgrade_refusef(req, 400, "The request cannot be upgraded to a WebSocket");
  }
}

void hub_accept(struct hub *hub, struct http_req *req)
{
  struct str name;
  char id[HUB_ID_MAX] = "";
  if (!upgrade_check(req, "server", &name))
    return;
  if (!name.len) {
    upgrade_refusef(req, 401, "Must provide non-empty server specifier");
    return;
  }
  if (hub->closing || hub->guest_count >= HUB_GUESTS_MAX) {
    upgrade_refusef(req, 503, "Too many logins are in progress");
    return;
  }
  enum hub_who who = hub->config.who ? hub->config.who(name, id, hub->config.data) : HUB_UNKNOWN;
  const struct peer *p = who == HUB_UNKNOWN ? NULL : peer_find(hub, str_of(id));
  if (p && p->connected)
    upgrade_refusef(req, 401, "A Server '%.*s' is already connected", STR_ARG(name));
  else if (who == HUB_SERVER && !p)
    upgrade_refusef(req, 500, "No connection found for server %s", id);
  else if (who == HUB_UNKNOWN && id_is_object(name))
    upgrade_refusef(req, 401, "Must provide name based Server specifier for onboarding flow, name cannot be valid ObjectId (hex)");
  else
    take_over(hub, req, who, name, who == HUB_UNKNOWN ? STR_NONE : str_of(id));
}
