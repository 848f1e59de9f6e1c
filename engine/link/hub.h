/* link/hub.h: the engine's side of all agents: who is connected, who is dialled, requests to them.
 *
 * The hub knows servers by id and how to reach them; what a server is called or means it does not know. Questions about
 * resources (who is this that dials us? may it onboard?) go to the owner through callbacks, which may call the hub.
 *
 * Wire     spec agent.md 1, 3, 4, 5, 16 (terminal channels), 20.   Thread: loop thread.
 */
#ifndef LINK_HUB_H
#define LINK_HUB_H

#include "link/keys.h"
#include "link/times.h"
#include "net/op.h"
#include "net/ws.h"

struct hub;
struct hub_call;

enum {
  HUB_GUESTS_MAX = 256,              /* agents in the middle of their login that dialled us; one more gets 503 */
  HUB_ANSWER_MAX = 64 * 1024 * 1024, /* an agent's answer; the socket takes no longer message */
};

/* How one server is reached. Any difference from the stored identity replaces the connection: a changed address,
 * insecure_tls or enabled at once, a changed key or passkey at the next request (spec 20, 1.6). */
struct hub_server {
  struct str id;                 /* 24 hex */
  bool enabled;
  struct str address;            /* empty: the agent dials us */
  struct str public_key;         /* expected agent key; empty: see spec 3.5 */
  struct str passkey;
  bool insecure_tls;
};

/* What the owner says about a `server=` value of an agent that dials us (spec 1.4).
 * HUB_SERVER: enabled and without address · HUB_FIX: disabled, or with an address. Both set ret_id. */
enum hub_who { HUB_UNKNOWN, HUB_SERVER, HUB_FIX };
/* An onboarding key as stored (spec 3.6). usable: enabled and not expired. */
struct hub_onboarding { bool found, usable, privileged; };

struct hub_config {
  struct op_loop *loop;
  struct str host;                                  /* host part of the engine's configured address, for ?core= */
  const struct key_pair *key;                       /* ours, see key_load(); copied */
  struct str passkey;                               /* engine-wide legacy passkey */
  const char *const *periphery_public_keys;         /* NULL-ended specs as for key_load_public(), read at start; NULL: none */
  const struct link_times *times;                   /* NULL: LINK_TIMES_DEFAULT */
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

/* Reads the files of periphery_public_keys: call it before the loop runs. All strings are copied. */
NODISCARD Err hub_new(const struct hub_config *config, struct hub **ret_hub, struct diag *reterr);
/* Closes all connections (Close frame), fails all calls with ERR_CLOSED, then calls on_closed (may be NULL). */
void hub_close(struct hub *hub, void (*on_closed)(void *data), void *data);
struct str hub_public_key(const struct hub *hub);            /* 60 characters, SPKI base64 */
/* The key of logins from now on; live connections stay. Tell the agents first (RotateCorePublicKey), save it with key_save(). */
void hub_set_key(struct hub *hub, const struct key_pair *key);

void hub_set(struct hub *hub, const struct hub_server *server);
void hub_remove(struct hub *hub, struct str id);
bool hub_is_connected(const struct hub *hub, struct str id);
/* Why it is not connected, in words (`{"error","trace"}`); OK when connected. */
Err hub_error(const struct hub *hub, struct str id, struct diag *ret);
/* The /ws/periphery route: answers or takes over the request. */
void hub_accept(struct hub *hub, struct http_req *req);
/* Late or unknown tickets do nothing. */
void hub_onboard_done(struct hub *hub, uint64_t ticket, Err err, const struct diag *d);

/* One request. `type` and `params` (JSON object text) are copied. Not connected: waits up to 1.5 s, then fails with
 * the stored connection error (spec 1.6). Completes OK with `json`, as the agent sent it and not parsed yet: text that does
 * not parse is the reader's `Failed to parse JSON bytes` · ERR_REMOTE the agent's error in diag (message, trace lines) ·
 * ERR_TIMEOUT 10 s of silence on the channel · ERR_CLOSED not connected, disabled, removed · ERR_LIMIT too many messages
 * wait for this agent · ERR_TOOBIG · ERR_CANCELLED (the agent is not told, its late answer is dropped). */
struct hub_call {
  struct op op;
  struct buf json;
};
void hub_request(struct hub *hub, struct str id, struct str type, struct str params, struct hub_call **ret_call);

/* ---- terminal channels ---- */
struct hub_terminal;
struct hub_terminal_config {
  /* What the agent sends: raw output bytes, borrowed. The callee may close the terminal. */
  void (*on_data)(struct hub_terminal *t, struct str bytes, void *data);
  /* Once, unless hub_terminal_close() came first: the agent ended the channel, the server was removed or disabled, or its
   * connection stayed away for 10 s. The terminal is gone afterwards. */
  void (*on_end)(struct hub_terminal *t, const struct diag *d, void *data);
  void *data;
};

/* Registers the channel an agent answered to ConnectTerminal or ExecuteTerminal (`uuid`: its text) and sends Begin. */
NODISCARD Err hub_terminal_open(struct hub *hub, struct str id, struct str uuid, const struct hub_terminal_config *config,
                                struct hub_terminal **ret, struct diag *reterr);
/* Bytes of the client as they are: [payload][variant] of spec 16, empty ones are not sent. ERR_LIMIT: the agent does not
 * keep up. */
NODISCARD Err hub_terminal_send(struct hub_terminal *t, struct str bytes);
/* Tells the agent (Terminal error `words`, e.g. "Client disconnected") and forgets the channel; NULL: without a word. A
 * DisconnectTerminal request is the owner's to send, after this. */
void hub_terminal_close(struct hub_terminal *t, const char *words);

#endif
