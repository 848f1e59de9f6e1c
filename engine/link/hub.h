/* link/hub.h: the engine's side of all agents: who is connected, who is dialled, requests to them.
 *
 * The hub knows servers by id and how to reach them; what a server is called or means it does not know. Questions about
 * resources (who is this that dials us? may it onboard?) go to the owner through callbacks.
 *
 * Wire     spec agent.md 1, 3, 4, 5.   Thread: loop thread.
 */
#ifndef LINK_HUB_H
#define LINK_HUB_H

#include "net/op.h"
#include "net/ws.h"

struct hub;
struct hub_call;

/* How one server is reached. Any difference from the stored identity replaces the connection. */
struct hub_server {
  struct str id;                 /* 24 hex */
  bool enabled;
  struct str address;            /* empty: the agent dials us */
  struct str public_key;         /* expected agent key; empty: see spec 3.5 */
  struct str passkey;
  bool insecure_tls;
};

/* What the owner says about a `server=` value of an agent that dials us (spec 1.4). */
enum hub_who { HUB_UNKNOWN, HUB_SERVER, HUB_FIX };
/* An onboarding key as stored (spec 3.6). */
struct hub_onboarding { bool found, usable, privileged; };

struct hub_config {
  struct op_loop *loop;
  struct str host;                                  /* host part of the engine's configured address, for ?core= */
  struct str private_key;                           /* key spec as configured (spec 2) */
  struct str passkey;                               /* engine-wide legacy passkey */
  const char *const *periphery_public_keys;         /* NULL-ended; NULL: none configured */
  enum hub_who (*who)(struct str name_or_id, char ret_id[25], void *data);
  void (*onboarding_key)(struct str public_key, struct hub_onboarding *ret, void *data);
  /* Create or fix the server (asynchronous: complete with hub_onboard_done). fix_id empty: create one called `name`. */
  void (*onboard)(struct hub *hub, uint64_t ticket, struct str onboarding_public_key, struct str name, struct str fix_id,
                  struct str agent_public_key, void *data);
  void (*on_connected)(struct str id, void *data);          /* logged in: poll it in 100 ms */
  void (*on_disconnected)(struct str id, void *data);
  void (*on_attempted_key)(struct str id, struct str key, void *data);   /* refused key, "" after a success */
  void *data;
};

NODISCARD Err hub_new(const struct hub_config *config, struct hub **ret_hub, struct diag *reterr);
void hub_close(struct hub *hub, void (*on_closed)(void *data), void *data);
struct str hub_public_key(const struct hub *hub);            /* 60 characters, SPKI base64 */

void hub_set(struct hub *hub, const struct hub_server *server);
void hub_remove(struct hub *hub, struct str id);
bool hub_is_connected(const struct hub *hub, struct str id);
/* Why it is not connected, in words (`{"error","trace"}`); OK when connected. */
Err hub_error(const struct hub *hub, struct str id, struct diag *ret);
/* The /ws/periphery route: answers or takes over the request. */
void hub_accept(struct hub *hub, struct http_req *req);
void hub_onboard_done(struct hub *hub, uint64_t ticket, Err err, const struct diag *d);

/* One request. `type` and `params` (JSON object text) are copied. Not connected: waits up to 3 x 500 ms, then fails with
 * the stored connection error (spec 1.6). Completes OK with `json` · ERR_REMOTE the agent's error in diag (message, trace
 * lines) · ERR_TIMEOUT 10 s of silence on the channel · ERR_CLOSED · ERR_CANCELLED (the agent is not told). */
struct hub_call {
  struct op op;
  struct buf json;
};
void hub_request(struct hub *hub, struct str id, struct str type, struct str params, struct hub_call **ret_call);

#endif
