/* An engine (hub behind an HTTP server) and an agent (serve, with its listener) on one loop, on loopback, with short times. */
#ifndef TESTS_LINK_ENV_H
#define TESTS_LINK_ENV_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vectors.h"

#include "base/arena.h"
#include "base/clock.h"
#include "link/hub.h"
#include "link/serve_http.h"
#include "link/session.h"
#include "net/http_server.h"

#define SERVER_ID "0123456789abcdef01234567"
#define OTHER_ID "76543210fedcba9876543210"   /* a second server, called "other" */
#define SERVER_NAME "my server"

enum { WATCHDOG_MS = 20000, EVENTS_MAX = 64 };

struct env {
  uv_loop_t loop;
  struct op_loop ops;
  struct link_times times;
  char dir[32];

  /* the engine */
  struct hub *hub;
  struct http_server *engine_http;
  char engine_address[64];            /* ws://127.0.0.1:port */
  struct key_pair engine_key, agent_key, onboarding_key;
  const char *trusted[2];             /* periphery_public_keys */
  enum hub_who who;
  struct hub_onboarding onboarding;   /* what is known of the onboarding key */
  Err store;                          /* how onboarding ends */
  char stored_name[64], stored_fix[32], stored_key[KEY_PUBLIC_LEN + 1], attempted[KEY_PUBLIC_LEN + 1];
  unsigned stores, connects, disconnects, attempts;

  /* the agent */
  struct serve *serve;
  struct serve_http *listener;
  char agent_address[64];
  char *agent_private;                /* key spec; default inline agent_key */
  const char *agent_passkeys[2], *core_keys[2], *cores[2], *allowed[2];
  bool with_onboarding_key, with_tls, no_listener;
  char connect_as[64];
  unsigned agent_up, agent_down, requests;
  /* Answers the agent's requests instead of env_serve(). */
  void (*on_request)(struct serve_call *call, struct str type, yyjson_val *params, void *data);
  struct serve_call *held;            /* a Hold request waits for its answer */
  struct serve_terminal *terminal;
  char input[256];                    /* what came on the terminal: variant letter and payload */
  unsigned rooms, ends;
  unsigned closed;
};

static inline bool env_until(struct env *e, bool (*done)(struct env *e))
{
  uint64_t deadline = clock_mono_ms() + WATCHDOG_MS;
  while (!done(e)) {
    if (clock_mono_ms() > deadline)
      return false;
    uv_run(&e->loop, UV_RUN_ONCE);
  }
  return true;
}

/* ---- the engine's owner ---- */

static inline enum hub_who env_who(struct str name, char ret_id[25], void *data)
{
  struct env *e = data;
  if (str_eqc(name, "other")) {
    memcpy(ret_id, OTHER_ID, sizeof OTHER_ID);
    return HUB_SERVER;
  }
  if (e->who == HUB_UNKNOWN || !(str_eqc(name, SERVER_NAME) || str_eqc(name, SERVER_ID)))
    return HUB_UNKNOWN;
  memcpy(ret_id, SERVER_ID, sizeof SERVER_ID);
  return e->who;
}

static inline void env_onboarding(struct str key, struct hub_onboarding *ret, void *data)
{
  struct env *e = data;
  if (str_eqc(key, e->onboarding_key.text))
    *ret = e->onboarding;
}

static inline void env_set(struct env *e, const char *address, const char *key, const char *passkey, bool enabled)
{
  struct hub_server s = {.id = STR(SERVER_ID), .enabled = enabled, .address = str_of(address), .public_key = str_of(key),
                         .passkey = str_of(passkey), .insecure_tls = true};
  hub_set(e->hub, &s);
}

static inline void env_onboard(struct hub *hub, uint64_t ticket, struct str onboarding_key, struct str name, struct str fix,
                               struct str agent_key, void *data)
{
  struct env *e = data;
  assert_true(str_eqc(onboarding_key, e->onboarding_key.text));
  e->stores++;
  snprintf(e->stored_name, sizeof e->stored_name, "%.*s", STR_ARG(name));
  snprintf(e->stored_fix, sizeof e->stored_fix, "%.*s", STR_ARG(fix));
  snprintf(e->stored_key, sizeof e->stored_key, "%.*s", STR_ARG(agent_key));
  if (!e->store) {
    e->who = HUB_SERVER;
    env_set(e, "", e->stored_key, "", true);
  }
  hub_onboard_done(hub, ticket, e->store, NULL);
}

static inline void env_connected(struct str id, void *data)
{
  assert_int_equal(id.len, OBJECT_ID_LEN);
  ((struct env *)data)->connects++;
}
static inline void env_disconnected(struct str id, void *data)
{
  assert_int_equal(id.len, OBJECT_ID_LEN);
  ((struct env *)data)->disconnects++;
}
static inline void env_attempted(struct str id, struct str key, void *data)
{
  struct env *e = data;
  assert_int_equal(id.len, OBJECT_ID_LEN);
  e->attempts += key.len > 0;
  if (key.len)
    snprintf(e->attempted, sizeof e->attempted, "%.*s", STR_ARG(key));
}

static inline void env_on_request(struct http_req *req, void *data) { hub_accept(((struct env *)data)->hub, req); }

/* ---- the agent's owner ---- */

static inline void env_input(struct serve_terminal *t, int variant, struct str payload, void *data)
{
  struct env *e = data;
  assert_ptr_equal(t, e->terminal);
  size_t n = strlen(e->input);
  snprintf(e->input + n, sizeof e->input - n, "%c%.*s", variant == 0 ? 'B' : variant == 1 ? 'F' : 'R', STR_ARG(payload));
}
static inline void env_room(struct serve_terminal *t, void *data)
{
  (void)t;
  ((struct env *)data)->rooms++;
}
static inline void env_terminal_end(struct serve_terminal *t, const struct diag *d, void *data)
{
  struct env *e = data;
  assert_ptr_equal(t, e->terminal);
  e->terminal = NULL;
  e->ends++;
  size_t n = strlen(e->input);
  snprintf(e->input + n, sizeof e->input - n, "E%s", d->message);
}

/* Echo gives its parameters back, Fail an error, Hold waits, Drop is never answered, Large is as long as `size` says. */
static inline void env_serve(struct serve_call *call, struct str type, yyjson_val *params, void *data)
{
  struct env *e = data;
  struct diag d = {0};
  e->requests++;
  if (str_eqc(type, "Echo")) {
    char *text = yyjson_val_write(params, 0, NULL);
    serve_call_ok(call, str_of(text));
    free(text);
  } else if (str_eqc(type, "Fail")) {
    diag_set(&d, ERR_IO, "it failed");
    diag_cause(&d, "because");
    serve_call_error(call, &d);
  } else if (str_eqc(type, "Hold")) {
    if (e->held)
      serve_call_drop(e->held);
    e->held = call;
  } else if (str_eqc(type, "Large")) {
    size_t size = (size_t)yyjson_get_uint(yyjson_obj_get(params, "size"));
    char *text = mem_new(size);
    memset(text, 'x', size);
    text[0] = text[size - 1] = '"';
    serve_call_ok(call, str_make(text, size));
    mem_free(text);
  } else if (str_eqc(type, "Terminal")) {
    static const struct serve_terminal_config config = {env_input, env_room, env_terminal_end, NULL};
    struct serve_terminal_config c = config;
    char channel[40];
    c.data = e;
    e->terminal = serve_terminal_open(call, &c);
    channel[0] = '"';
    serve_terminal_channel(e->terminal, channel + 1);
    strncat(channel, "\"", 2);
    serve_call_ok(call, str_of(channel));
  } else {
    serve_call_drop(call);
  }
}

static inline void env_state(struct str who, bool connected, void *data)
{
  struct env *e = data;
  (void)who;
  e->agent_up += connected;
  e->agent_down += !connected;
}

/* ---- beginning and end ---- */

static inline void env_init(struct env *e)
{
  memset(e, 0, sizeof *e);
  snprintf(e->dir, sizeof e->dir, "/tmp/komodo-link-XXXXXX");
  assert_non_null(mkdtemp(e->dir));
  assert_int_equal(uv_loop_init(&e->loop), 0);
  op_loop_init(&e->ops, &e->loop);
  e->times = LINK_TIMES_DEFAULT;
  e->times.redial_first_ms = e->times.redial_max_ms = 20;
  e->times.session_min_ms = 0;
  e->engine_key = test_key(0x11);
  e->agent_key = test_key(0x33);
  e->onboarding_key = test_key('o');
  snprintf(e->connect_as, sizeof e->connect_as, "%s", SERVER_NAME);
}

static inline void env_engine(struct env *e)
{
  struct diag d = {0};
  struct hub_config c = {.loop = &e->ops, .host = STR("komodo.example.com"), .key = &e->engine_key, .passkey = STR("everybody"),
                         .periphery_public_keys = e->trusted[0] ? e->trusted : NULL, .times = &e->times, .who = env_who,
                         .onboarding_key = env_onboarding, .onboard = env_onboard, .on_connected = env_connected,
                         .on_disconnected = env_disconnected, .on_attempted_key = env_attempted, .data = e};
  assert_int_equal(hub_new(&c, &e->hub, &d), OK);
  struct http_server_config h = {.loop = &e->ops, .bind_ip = "127.0.0.1", .on_request = env_on_request, .data = e};
  assert_int_equal(http_server_start(&h, &e->engine_http, &d), OK);
  snprintf(e->engine_address, sizeof e->engine_address, "ws://127.0.0.1:%u", http_server_port(e->engine_http));
}

static inline void env_agent(struct env *e)
{
  struct diag d = {0};
  char inline_key[KEY_PRIVATE_LEN + 1];
  key_format_private(&e->agent_key, inline_key);
  CLEANUP(mem_free_at) char *pub = mem_printf("%s/core.pub", e->dir);
  char onboarding[KEY_BYTES + 1] = {0};
  memset(onboarding, 'o', KEY_BYTES);
  struct serve_config c = {.loop = &e->ops, .private_key = str_of(e->agent_private ? e->agent_private : inline_key),
                           .onboarding_key = e->with_onboarding_key ? str_of(onboarding) : STR_NONE,
                           .core_public_keys = e->core_keys[0] ? e->core_keys : NULL, .core_pub_path = str_of(pub),
                           .passkeys = e->agent_passkeys[0] ? e->agent_passkeys : NULL, .has_listener = !e->no_listener,
                           .core_addresses = e->cores[0] ? e->cores : NULL, .connect_as = str_of(e->connect_as),
                           .times = &e->times, .on_request = e->on_request ? e->on_request : env_serve, .on_state = env_state, .data = e};
  assert_int_equal(serve_new(&c, &e->serve, &d), OK);
  if (!e->no_listener) {
    CLEANUP(mem_free_at) char *cert = mem_printf("%s/cert.pem", e->dir);
    CLEANUP(mem_free_at) char *key = mem_printf("%s/key.pem", e->dir);
    struct serve_http_config h = {.loop = &e->ops, .serve = e->serve, .bind_ip = "127.0.0.1",
                                  .tls_cert_file = e->with_tls ? cert : NULL, .tls_key_file = e->with_tls ? key : NULL,
                                  .allowed_ips = e->allowed[0] ? e->allowed : NULL};
    assert_int_equal(serve_http_start(&h, &e->listener, &d), OK);
    snprintf(e->agent_address, sizeof e->agent_address, "%s://127.0.0.1:%u", e->with_tls ? "wss" : "ws", serve_http_port(e->listener));
  }
  serve_start(e->serve);
}

static inline void env_on_closed(void *data) { ((struct env *)data)->closed++; }

static inline void env_stop_agent(struct env *e)
{
  if (e->held)
    serve_call_drop(e->held);
  e->held = NULL;
  if (e->listener)
    serve_http_stop(e->listener, NULL, NULL);
  if (e->serve)
    serve_close(e->serve, env_on_closed, e);
  e->listener = NULL;
  e->serve = NULL;
}

static inline void env_close(struct env *e)
{
  env_stop_agent(e);
  if (e->hub)
    hub_close(e->hub, env_on_closed, e);
  if (e->engine_http)
    http_server_stop(e->engine_http, NULL, NULL);
  uv_run(&e->loop, UV_RUN_DEFAULT);
  op_loop_close(&e->ops);
  uv_run(&e->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&e->loop), 0);
  CLEANUP(mem_free_at) char *command = mem_printf("rm -rf %s", e->dir);
  assert_int_equal(system(command), 0);
  mem_free(e->agent_private);
}

/* ---- what tests wait for ---- */

static inline bool env_is_up(struct env *e) { return e->connects > 0 && e->agent_up > 0 && hub_is_connected(e->hub, STR(SERVER_ID)); }
static inline bool env_is_down(struct env *e) { return e->disconnects > 0 && !hub_is_connected(e->hub, STR(SERVER_ID)); }
static inline bool env_has_error(struct env *e)
{
  struct diag d = {0};
  return hub_error(e->hub, STR(SERVER_ID), &d) && strcmp(d.message, "Server is not currently connected") != 0;
}

/* One request, run to its end. */
struct env_reply {
  bool done;
  Err err;
  char json[4096];
  size_t len;
  struct diag diag;
};

static inline void env_replied(struct op *op, void *data)
{
  struct hub_call *call = (struct hub_call *)op;
  struct env_reply *r = data;
  r->done = true;
  r->err = op->err;
  r->len = call->json.len;
  snprintf(r->json, sizeof r->json, "%.*s", STR_ARG(buf_str(&call->json)));
  if (op->diag)
    r->diag = *op->diag;
  op_unref(op);
}

static inline struct hub_call *env_send(struct env *e, const char *type, const char *params, struct env_reply *r)
{
  struct hub_call *call;
  memset(r, 0, sizeof *r);
  hub_request(e->hub, STR(SERVER_ID), str_of(type), str_of(params), &call);
  op_wait(&call->op, env_replied, r);
  return call;
}

static inline void env_wait(struct env *e, const struct env_reply *r)
{
  uint64_t deadline = clock_mono_ms() + WATCHDOG_MS;
  while (!r->done && clock_mono_ms() < deadline)
    uv_run(&e->loop, UV_RUN_ONCE);
  assert_true(r->done);
}

static inline struct env_reply env_ask(struct env *e, const char *type, const char *params)
{
  struct env_reply r;
  env_send(e, type, params, &r);
  env_wait(e, &r);
  return r;
}

/* A raw HTTP exchange with a server on this loop; the answer up to its end or `max` bytes. Free with mem_free. */
static inline char *env_http(struct env *e, const char *address, const char *request)
{
  enum { ANSWER_MAX = 8192 };
  char *text = mem_new(ANSWER_MAX);
  size_t len = 0;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(strrchr(address, ':') + 1, NULL, 10))};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
  assert_int_equal(write(fd, request, strlen(request)), strlen(request));
  for (;;) {
    struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = uv_backend_fd(&e->loop), .events = POLLIN}};
    uv_run(&e->loop, UV_RUN_NOWAIT);
    int due = uv_backend_timeout(&e->loop), r = poll(fds, 2, due < 0 ? WATCHDOG_MS : due);
    assert_true(r > 0 || due >= 0);
    if (r <= 0 || !fds[0].revents)
      continue;
    ssize_t n = read(fd, text + len, ANSWER_MAX - 1 - len);
    if (n <= 0)
      break;
    len += (size_t)n;
    if (strncmp(text, "HTTP/1.1 101", 12) == 0 && strstr(text, "\r\n\r\n"))
      break;
  }
  close(fd);
  return text;
}

#endif
