/* api/api.h: the engine as its parts, and how a request goes through it.
 *
 *   http.c      bytes to route: CORS, request forms, error bodies
 *   inbound.c   what nobody logs in for: /listener, /hook
 *   documents.c descriptions of the API that are made once
 *   credentials.c   who asks
 *   dispatch.c  schema, access gate, handler (C for hot reads, policy Lua for the rest)
 *   reads.c     the handlers in C
 *   ws_login.c  the upgrade and the login of both sockets below
 *   live.c      /ws/update
 *   terminal.c  /terminal/execute, /ws/terminal
 *
 * Thread   loop thread.
 */
#ifndef API_API_H
#define API_API_H

#include "auth/apikey.h"
#include "auth/client_ip.h"
#include "auth/jwt.h"
#include "auth/rate_limit.h"
#include "conf/conf.h"
#include "net/http_client.h"
#include "net/static.h"
#include "sched/monitor.h"
#include "script/policy.h"
#include "script/runner.h"

struct live;

/* Documents that are made once, on first demand (documents.c). */
enum { API_DOCUMENTS = 3 };
struct api_document {
  char *text;   /* owned */
  size_t len;
};

/* One engine. Built and taken apart by main.c (engine.c); the parts know each other through it alone. */
struct api {
  struct op_loop *loop;
  const struct conf *conf;
  struct store *store;
  struct schema *schema;
  struct model *model;
  struct status *status;
  struct hub *hub;
  struct monitor *monitor;
  struct policy *policy;
  struct runner *runner;
  struct http_client *client;        /* what policy sends */
  struct http_server *http;
  struct live *live;
  struct jwt *jwt;
  struct passwords *passwords;
  struct apikeys *api_keys;
  struct rate_limit *limit_login, *limit_general;
  uint64_t swept_ms;               /* when idle addresses were last forgotten */
  size_t checks;                   /* credentials that wait for bcrypt */
  void (*on_checks_done)(void *data);   /* set while stopping: told when none waits any more */
  void *checks_data;
  struct map handlers;             /* "read/ListServers" -> struct read_handler */
  const struct embed_file *docs;   /* embedded files of /docs */
  struct static_files *ui;         /* the web page */
  struct api_document documents[API_DOCUMENTS];
  bool serving;                    /* start-up tasks are done */
};

/* Who asks. Texts live as long as the request. */
struct caller {
  struct str id, username;
  bool admin, enabled;
  struct str by;        /* id of the run whose script or Procedure asks; empty: nobody but the user */
};
/* A caller by user id: stored or built-in; false: nobody. The texts point into the tables. */
bool caller_find(const struct api *api, struct str user_id, struct caller *ret);

/* ---- dispatch.c ---- */
struct answer {
  Err err;
  int status;           /* HTTP status when err is set */
  struct diag diag;     /* the words, when err is set */
  struct buf body;      /* JSON, when it is not */
};
void answer_init(struct answer *answer);
void answer_release(struct answer *answer);

/* Runs a request of the schema: checks its parameters, the caller's right, and hands it to its handler. NULL: `answer`
 * has the outcome. Else a policy task is at work (its reference is the caller's); when it is done, answer_take() it. */
struct policy_task *dispatch(struct api *api, enum schema_group group, struct str name, yyjson_val *params, const struct caller *caller,
                             struct str client_ip, struct answer *answer);
/* The same for a route of its own: `params` as the type is declared, then the handler of that name. */
struct policy_task *dispatch_typed(struct api *api, const char *type, const char *handler, yyjson_val *params,
                                   const struct caller *caller, struct str client_ip, struct answer *answer);
void answer_take(struct answer *answer, struct policy_task *task);
/* Brings the fields of an answer made by policy into their declared order, where its type is a declared one. */
void answer_order(const struct api *api, enum schema_group group, struct str name, struct answer *answer);

/* ---- reads.c ---- */
struct read_call {
  struct api *api;
  enum kind kind;                /* of generic requests */
  yyjson_val *params;            /* normalised */
  const struct caller *caller;
  const struct row *target;      /* the resource the access rule named; may be NULL */
  struct buf *out;
  struct diag *reterr;
};
struct read_handler {
  Err (*run)(const struct read_call *call);
  enum kind kind;
};
void reads_register(struct api *api);
void reads_release(struct api *api);

/* ---- credentials.c ---- */
void credentials_open(struct api *api);
/* Refuses further checks; those under way are told before on_done. Then the parts they lead to may be closed. */
void credentials_drain(struct api *api, void (*on_done)(void *data), void *data);
void credentials_close(struct api *api, void (*on_closed)(void *data), void *data);
/* Finds out who sent `req` and calls back once, now or later: err OK and the caller, or status and words. */
typedef void credentials_fn(void *data, Err err, const struct diag *d, const struct caller *caller);
struct http_credentials {
  struct str authorization, key, secret, signature;
};
void credentials_check(struct api *api, const struct http_credentials *given, struct str client_ip, bool need_enabled,
                       credentials_fn *done, void *data);

/* ---- http.c ---- */
void http_on_request(struct http_req *req, void *api);
/* Answers with {"error","trace"}. */
void http_answer_error(struct http_req *req, int status, const struct diag *d);
/* Begins an answer 200 in pieces, without a Content-Type (net/http_server.h, http_respond_begin). */
void http_answer_stream(struct http_req *req, void (*on_drain)(struct http_req *req, void *data), void *data);

/* ---- live.c: /ws/update ---- */
struct live *live_new(struct api *api);
void live_free(struct live *live);
void live_accept(struct live *live, struct http_req *req);
/* Sends the list item of an Update to everybody who may see its target. */
void live_broadcast(struct live *live, struct str target_type, struct str target_id, struct str item);

/* ---- ws_login.c: how the sockets of users begin ---- */
/* Whether an upgrade is asked for, and from which address; false: the request is answered. */
bool ws_login_begin(struct http_req *req, char ip[CLIENT_IP_MAX]);
/* ws_accept; false: the request is answered. */
bool ws_login_accept(struct http_req *req, const struct ws_config *config, struct ws **ret_ws);
/* Reads the first frame, {"type":"Jwt","params":{"jwt"}} or {"type":"ApiKeys","params":{"key","secret"}}, and finds out who it is:
 * calls back as credentials_check. */
void ws_login_check(struct api *api, struct str message, const char *ip, credentials_fn *on_login, void *data);
/* Why a login was refused, as its text frame says it. */
void ws_login_refusal(Err err, const struct diag *d, struct buf *out);

/* ---- terminal.c: /terminal/execute, /ws/terminal ---- */
/* Runs the command that `body` asks for; answers with its output as it comes. */
void terminal_execute(struct api *api, struct http_req *req, yyjson_val *body, const struct caller *caller, struct str client_ip);
void terminal_accept(struct api *api, struct http_req *req);

/* ---- scripts.c: what user scripts ask for ---- */
NODISCARD Err scripts_open(struct api *api, struct diag *reterr);
void scripts_close(struct api *api, void (*on_closed)(void *data), void *data);

/* ---- lib_api.c ---- */
/* engine.dispatch, engine.broadcast, engine.monitor, engine.conf, engine.auth, engine.parse, engine.regex, engine.timelength_ms */
void lib_api_open(lua_State *L, struct api *api);

#endif
