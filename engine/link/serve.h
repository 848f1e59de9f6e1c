/* link/serve.h: the agent's side: engines it dials, engines that dial it, their requests, terminal channels, keys.
 *
 * Wire     spec agent.md 1, 3, 4, 5, 16 (channels).   Thread: the loop's thread, but for serve_new(), which reads and may
 * write key files and is called before the loop runs.
 */
#ifndef LINK_SERVE_H
#define LINK_SERVE_H

#include <yyjson.h>

#include "link/keys.h"
#include "link/times.h"
#include "net/http_server.h"
#include "net/op.h"

struct serve;
struct serve_call;
struct serve_terminal;

enum {
  SERVE_GUESTS_MAX = 64,     /* engines in the middle of their login that dialled us; one more gets 503 */
  SERVE_INBOUND_MAX = 64,    /* engines (distinct `core` values) that dialled us and have calls, terminals or answers left */
  SERVE_TERMINAL_MESSAGES_MAX = 128,      /* waiting for one engine; more terminal output is not taken */
  SERVE_TERMINAL_BYTES_MAX = 2 << 20,
  SERVE_CALLS_MAX = 4096,    /* requests of one engine being worked on; one more is answered with an error */
};

struct serve_config {
  struct op_loop *loop;
  struct str private_key;                    /* key spec: inline or file: (generated when missing) */
  struct str onboarding_key;                 /* private key text; empty: none */
  const char *const *core_public_keys;       /* NULL-ended specs; NULL: not given (3.5) */
  struct str core_pub_path;                  /* {root}/keys/core.pub, where an agent without listener keeps its engine's key */
  const char *const *passkeys;               /* NULL-ended; NULL or empty: none */
  bool has_listener;
  const char *const *core_addresses;         /* NULL-ended; NULL: none */
  struct str connect_as;                     /* empty: no dialling */
  bool insecure_tls;                         /* core_tls_insecure_skip_verify */
  const struct link_times *times;            /* NULL: LINK_TIMES_DEFAULT */
  /* A request has come. `params` is an object or anything else the engine sent, never NULL, valid until the call is
   * answered. Answer with serve_call_ok, _error or _drop, exactly once, now or later. */
  void (*on_request)(struct serve_call *call, struct str type, yyjson_val *params, void *data);
  /* An engine logged in, or a connection ended; `who`: its host, or the `core` value it dialled with. May be NULL. */
  void (*on_state)(struct str who, bool connected, void *data);
  void *data;
};

/* ERR_INVALID and others with words: a key or address is wrong; nothing was started. */
NODISCARD Err serve_new(const struct serve_config *config, struct serve **ret, struct diag *reterr);
/* Starts dialling. False: nothing to dial (no addresses, or no connect_as). */
bool serve_start(struct serve *s);
/* Closes all connections (Close frame); terminals get on_end; calls not answered yet may still be, into the void. Then
 * on_closed (may be NULL). */
void serve_close(struct serve *s, void (*on_closed)(void *data), void *data);

/* `GET /?core=X` with upgrade: answers or takes over the request. */
void serve_accept(struct serve *s, struct http_req *req);
struct str serve_public_key(const struct serve *s);
bool serve_is_connected(const struct serve *s, struct str who);
/* Any engine may log in: no core_public_keys and no passkeys (quirk 9); worth a warning. */
bool serve_is_open(const struct serve *s);

/* ---- answers ---- */
/* `json`: one JSON value; copied. Too large for a message (16 MiB): the engine gets an error instead. */
void serve_call_ok(struct serve_call *call, struct str json);
void serve_call_error(struct serve_call *call, const struct diag *d);
/* Never answered: a type or parameters that cannot be used (spec 5). */
void serve_call_drop(struct serve_call *call);

/* ---- terminal channels ---- */
struct serve_terminal_config {
  /* Begin, Forward (bytes) or Resize (its JSON); enum frame_terminal. The callee may end the terminal. */
  void (*on_input)(struct serve_terminal *t, int variant, struct str payload, void *data);
  void (*on_room)(struct serve_terminal *t, void *data);   /* after ERR_LIMIT: there is room again; may be NULL */
  /* Once, unless serve_terminal_end() came first: the engine has let go. The channel is gone afterwards. */
  void (*on_end)(struct serve_terminal *t, const struct diag *d, void *data);
  void *data;
};

/* A fresh channel to the engine that sent `call` (not answered yet; its answer is the channel's text). NULL: the agent is
 * stopping. */
struct serve_terminal *serve_terminal_open(struct serve_call *call, const struct serve_terminal_config *config);
void serve_terminal_channel(const struct serve_terminal *t, char ret_text[37]);
/* The channel of a DisconnectTerminal request; NULL: unknown. */
struct serve_terminal *serve_terminal_find(const struct serve *s, struct str uuid);
NODISCARD Err serve_terminal_send(struct serve_terminal *t, struct str bytes);   /* ERR_LIMIT: wait for on_room */
/* Sends the Terminal error (`d`; NULL: nothing) and forgets the channel. */
void serve_terminal_end(struct serve_terminal *t, const struct diag *d);

/* ---- keys (3.7) ---- */
/* RotatePrivateKey: a `file:` key is generated, written and switched to; an inline one stays. Completes when that is done;
 * the key is then serve_public_key(). */
void serve_rotate_private_key(struct serve *s, struct op **ret_op);
/* RotateCorePublicKey: the first `file:` entry of core_public_keys takes the key. ERR_INVALID: not a public key. */
void serve_rotate_core_key(struct serve *s, struct str public_key, struct op **ret_op);

#endif
