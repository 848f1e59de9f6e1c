/* Engine and agent together, over real sockets on one loop: both directions, every flow, and what can go wrong on the way. */
#include "env.h"

static struct env env;

static int setup(void **state)
{
  (void)state;
  env_init(&env);
  return 0;
}

static int teardown(void **state)
{
  (void)state;
  env_close(&env);
  return 0;
}

static void expect(struct env_reply r, Err err, const char *text)
{
  if (r.err != err)
    print_message("got %s: %s | %s | %s\n", err_name(r.err), r.json, r.diag.message, r.diag.trace);
  assert_int_equal(r.err, err);
  assert_string_equal(err ? r.diag.message : r.json, text);
}

/* The agent listens, the engine dials. */
static void start_inbound(void)
{
  env_agent(&env);
  env_engine(&env);
  env_set(&env, env.agent_address, env.agent_key.text, "", true);
}

/* The engine listens, the agent dials. */
static void start_outbound(void)
{
  env.who = HUB_SERVER;
  env_engine(&env);
  env.cores[0] = env.engine_address;
  env.no_listener = true;
  env_set(&env, "", env.agent_key.text, "", true);
  env_agent(&env);
}

static void serves_requests(void)
{
  assert_true(env_until(&env, env_is_up));
  expect(env_ask(&env, "Echo", "{\"a\":[1,null,\"\\u00e9\"]}"), OK, "{\"a\":[1,null,\"é\"]}");
  expect(env_ask(&env, "Echo", ""), OK, "{}");
  struct env_reply r = env_ask(&env, "Fail", "{}");
  expect(r, ERR_REMOTE, "it failed");
  assert_string_equal(r.diag.trace, "because");
  struct diag d = {0};
  assert_int_equal(hub_error(env.hub, STR(SERVER_ID), &d), OK);
}

static void the_engine_dials_the_agent(void **state)
{
  (void)state;
  start_inbound();
  serves_requests();
  assert_true(serve_is_connected(env.serve, STR("komodo.example.com")));
  assert_true(serve_is_open(env.serve));
}

static void the_agent_dials_the_engine(void **state)
{
  (void)state;
  start_outbound();
  serves_requests();
  assert_false(serve_is_open(env.serve));
  CLEANUP(mem_free_at) char *pub = mem_printf("file:%s/core.pub", env.dir);
  char text[KEY_PUBLIC_LEN + 1];
  struct diag d = {0};
  /* the engine's key was remembered: written on a worker thread, so it may take a moment */
  uint64_t deadline = clock_mono_ms() + WATCHDOG_MS;
  while (key_load_public(str_of(pub), text, &d) && clock_mono_ms() < deadline)
    uv_run(&env.loop, UV_RUN_NOWAIT);
  assert_string_equal(text, env.engine_key.text);
}

static void tls_protects_the_agents_listener(void **state)
{
  (void)state;
  env.with_tls = true;
  start_inbound();
  serves_requests();
  struct hub_server s = {.id = STR(SERVER_ID), .enabled = true, .address = str_of(env.agent_address), .insecure_tls = false};
  hub_set(env.hub, &s);
  assert_true(env_until(&env, env_has_error));
  struct diag d = {0};
  assert_int_not_equal(hub_error(env.hub, STR(SERVER_ID), &d), OK);
  assert_non_null(strstr(d.message, "Failed to connect to websocket | url: wss://127.0.0.1"));
}

static bool is_refused(struct env *e) { return e->attempts > 0 && env_has_error(e); }

static void a_dialling_engine_refuses_another_agent_key(void **state)
{
  (void)state;
  env_agent(&env);
  env_engine(&env);
  env_set(&env, env.agent_address, env.engine_key.text, "", true);
  assert_true(env_until(&env, is_refused));
  struct diag d = {0};
  assert_int_not_equal(hub_error(env.hub, STR(SERVER_ID), &d), OK);
  assert_string_equal(d.message, "Core failed to validate Periphery public key");
  assert_non_null(strstr(d.trace, "Ensure public key matches configured Periphery Public Key"));
  assert_string_equal(env.attempted, env.agent_key.text);
  expect(env_ask(&env, "Echo", "{}"), ERR_AUTH, "Core failed to validate Periphery public key");
  assert_int_equal(env.connects, 0);
}

static void an_agent_refuses_another_engine_key(void **state)
{
  (void)state;
  env.core_keys[0] = AGENT_PUBLIC;
  start_inbound();
  assert_true(env_until(&env, env_has_error));
  struct diag d = {0};
  assert_int_not_equal(hub_error(env.hub, STR(SERVER_ID), &d), OK);
  assert_non_null(strstr(d.trace, "Periphery failed to validate Core public key"));
  assert_int_equal(env.connects, 0);
}

static void an_unknown_agent_key_is_refused_unless_listed(void **state)
{
  (void)state;
  env.who = HUB_SERVER;
  env_engine(&env);
  env.cores[0] = env.engine_address;
  env.no_listener = true;
  env_set(&env, "", "", "", true);
  env_agent(&env);
  assert_true(env_until(&env, is_refused));
  assert_int_equal(env.connects, 0);
  assert_string_equal(env.attempted, env.agent_key.text);
}

static void an_agent_key_may_be_listed(void **state)
{
  (void)state;
  env.trusted[0] = AGENT_PUBLIC;
  env.who = HUB_SERVER;
  env_engine(&env);
  env.cores[0] = env.engine_address;
  env.no_listener = true;
  env_set(&env, "", "", "", true);
  env_agent(&env);
  serves_requests();
}

static void a_passkey_is_enough_for_old_agents(void **state)
{
  (void)state;
  env.agent_passkeys[0] = "secret";
  env_agent(&env);
  env_engine(&env);
  env_set(&env, env.agent_address, "", "secret", true);
  serves_requests();
  env_set(&env, env.agent_address, "", "wrong", true);
  expect(env_ask(&env, "Echo", "{}"), ERR_REMOTE, "[Client] Failed to receive Login Success message");
}

static void the_engines_passkey_is_the_default(void **state)
{
  (void)state;
  env.agent_passkeys[0] = "everybody";
  start_inbound();
  serves_requests();
}

static bool is_stored_and_up(struct env *e) { return e->stores > 0 && env_is_up(e); }

static void an_agent_onboards_itself(void **state)
{
  (void)state;
  env.onboarding = (struct hub_onboarding){.found = true, .usable = true};
  env_engine(&env);
  env.cores[0] = env.engine_address;
  env.no_listener = env.with_onboarding_key = true;
  env_agent(&env);
  assert_true(env_until(&env, is_stored_and_up));
  assert_string_equal(env.stored_name, SERVER_NAME);
  assert_string_equal(env.stored_fix, "");
  assert_string_equal(env.stored_key, env.agent_key.text);
  assert_int_equal(env.stores, 1);
  serves_requests();
}

static void a_privileged_key_fixes_a_server(void **state)
{
  (void)state;
  env.onboarding = (struct hub_onboarding){.found = true, .usable = true, .privileged = true};
  env.who = HUB_FIX;
  env_engine(&env);
  env_set(&env, "", "", "", false);   /* disabled */
  env.cores[0] = env.engine_address;
  env.no_listener = env.with_onboarding_key = true;
  env_agent(&env);
  assert_true(env_until(&env, is_stored_and_up));
  assert_string_equal(env.stored_fix, SERVER_ID);
}

static void a_privileged_key_repairs_a_failed_login(void **state)
{
  (void)state;
  env.onboarding = (struct hub_onboarding){.found = true, .usable = true, .privileged = true};
  env.who = HUB_SERVER;
  env_engine(&env);
  env_set(&env, "", env.engine_key.text, "", true);   /* expects another key */
  env.cores[0] = env.engine_address;
  env.no_listener = env.with_onboarding_key = true;
  env_agent(&env);
  assert_true(env_until(&env, is_stored_and_up));
  assert_string_equal(env.stored_fix, SERVER_ID);
  assert_int_equal(env.attempts, 1);
  serves_requests();
}

static unsigned refusals;
static void count_refusals(struct str key, struct hub_onboarding *ret, void *data)
{
  env_onboarding(key, ret, data);
  refusals++;
}
static bool is_refused_twice(struct env *e) { return refusals > 1 && e->stores == 0; }

static void an_onboarding_key_must_be_good(void **state)
{
  (void)state;
  static const struct { struct hub_onboarding key; enum hub_who who; } rows[] = {
      {{.found = false}, HUB_UNKNOWN}, {{.found = true, .usable = false}, HUB_UNKNOWN}, {{.found = true, .usable = true}, HUB_FIX}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    env.onboarding = rows[i].key;
    env.who = rows[i].who;
    refusals = 0;
    struct diag d = {0};
    struct hub_config c = {.loop = &env.ops, .host = STR("k"), .key = &env.engine_key, .times = &env.times, .who = env_who,
                           .onboarding_key = count_refusals, .onboard = env_onboard, .data = &env};
    assert_int_equal(hub_new(&c, &env.hub, &d), OK);
    struct http_server_config h = {.loop = &env.ops, .bind_ip = "127.0.0.1", .on_request = env_on_request, .data = &env};
    assert_int_equal(http_server_start(&h, &env.engine_http, &d), OK);
    snprintf(env.engine_address, sizeof env.engine_address, "ws://127.0.0.1:%u", http_server_port(env.engine_http));
    env.cores[0] = env.engine_address;
    env.no_listener = env.with_onboarding_key = true;
    env_agent(&env);
    assert_true(env_until(&env, is_refused_twice));   /* and it tries again */
    env_close(&env);
    env_init(&env);
  }
}

static bool is_holding(struct env *e) { return e->held; }
static bool is_cut(struct env *e) { return e->agent_down > 0; }
static bool is_back(struct env *e) { return e->connects > 1; }

static void an_answer_survives_a_broken_link(void **state)
{
  (void)state;
  start_inbound();
  assert_true(env_until(&env, env_is_up));
  struct env_reply r;
  env_send(&env, "Hold", "{}", &r);
  assert_true(env_until(&env, is_holding));
  struct hub_server s = {.id = STR(SERVER_ID), .enabled = true, .address = str_of(env.agent_address), .insecure_tls = false};
  hub_set(env.hub, &s);   /* another identity: the link is replaced */
  assert_false(hub_is_connected(env.hub, STR(SERVER_ID)));
  assert_true(env_until(&env, is_cut));
  assert_false(serve_is_connected(env.serve, STR("komodo.example.com")));
  serve_call_ok(env.held, STR("\"late\""));
  env.held = NULL;
  env_wait(&env, &r);
  expect(r, OK, "\"late\"");
  assert_true(env_until(&env, is_back));
  assert_int_equal(env.disconnects, 1);
}

static bool is_asked(struct env *e) { return e->requests > 0; }

static void an_answer_cut_in_half_is_sent_again(void **state)
{
  (void)state;
  start_inbound();
  assert_true(env_until(&env, env_is_up));
  struct env_reply r;
  env_send(&env, "Large", "{\"size\":16000000}", &r);   /* more than the kernel takes at once */
  assert_true(env_until(&env, is_asked));
  assert_false(r.done);
  struct hub_server s = {.id = STR(SERVER_ID), .enabled = true, .address = str_of(env.agent_address), .insecure_tls = false};
  hub_set(env.hub, &s);
  env_wait(&env, &r);
  assert_int_equal(r.err, OK);
  assert_int_equal(r.len, 16000000);
  assert_true(env.connects > 1);
  assert_int_equal(env.requests, 1);
}

static void a_request_waits_for_the_connection(void **state)
{
  (void)state;
  env_agent(&env);
  env_engine(&env);
  env_set(&env, env.agent_address, "", "", true);
  expect(env_ask(&env, "Echo", "{\"early\":1}"), OK, "{\"early\":1}");
}

static void pending_keeps_a_request_alive(void **state)
{
  (void)state;
  env.times.silence_ms = 400;
  env.times.pending_ms = 50;
  start_inbound();
  assert_true(env_until(&env, env_is_up));
  struct env_reply r;
  env_send(&env, "Hold", "{}", &r);
  assert_true(env_until(&env, is_holding));
  uint64_t until = clock_mono_ms() + 3 * env.times.silence_ms;
  while (clock_mono_ms() < until)
    uv_run(&env.loop, UV_RUN_ONCE);   /* the timer of the Pendings wakes it */
  assert_false(r.done);
  serve_call_ok(env.held, STR("1"));
  env.held = NULL;
  env_wait(&env, &r);
  expect(r, OK, "1");
}

static void silence_ends_a_request(void **state)
{
  (void)state;
  env.times.silence_ms = 60;
  start_inbound();
  assert_true(env_until(&env, env_is_up));
  struct env_reply r = env_ask(&env, "Drop", "{}");
  expect(r, ERR_TIMEOUT, "Timed out waiting for message.");
  assert_string_equal(r.diag.trace, "deadline has elapsed");
  env_send(&env, "Hold", "{}", &r);
  env_wait(&env, &r);
  expect(r, ERR_TIMEOUT, "Timed out waiting for message.");
  serve_call_ok(env.held, STR("1"));   /* late: nobody waits */
  env.held = NULL;
  expect(env_ask(&env, "Echo", "{\"still\":true}"), OK, "{\"still\":true}");
}

static void a_request_can_be_cancelled(void **state)
{
  (void)state;
  start_inbound();
  assert_true(env_until(&env, env_is_up));
  struct env_reply r;
  struct hub_call *call = env_send(&env, "Hold", "{}", &r);
  assert_true(env_until(&env, is_holding));
  op_cancel(&call->op);
  env_wait(&env, &r);
  expect(r, ERR_CANCELLED, err_words(ERR_CANCELLED));
  serve_call_ok(env.held, STR("1"));
  env.held = NULL;
  expect(env_ask(&env, "Echo", "{}"), OK, "{}");
}

static void carries_large_messages(void **state)
{
  (void)state;
  start_inbound();
  assert_true(env_until(&env, env_is_up));
  struct env_reply r = env_ask(&env, "Large", "{\"size\":15000000}");
  assert_int_equal(r.err, OK);
  assert_int_equal(r.len, 15000000);
  expect(env_ask(&env, "Large", "{\"size\":17000000}"), ERR_REMOTE,
         "The answer is too large: 17000000 bytes, a message has at most 16 MiB");
  char *text = mem_new(17000001);
  memset(text, ' ', 17000000);
  expect(env_ask(&env, "Echo", text), ERR_TOOBIG, "The request is larger than an agent accepts (16 MiB)");
  text[12000000] = 0;
  text[0] = '{';
  text[11999999] = '}';
  expect(env_ask(&env, "Echo", text), OK, "{}");
  mem_free(text);
}

static void many_requests_run_at_once(void **state)
{
  (void)state;
  enum { MANY = 500 };
  static struct env_reply replies[MANY];
  start_outbound();
  assert_true(env_until(&env, env_is_up));
  for (int i = 0; i < MANY; i++) {
    char params[32];
    snprintf(params, sizeof params, "{\"i\":%d}", i);
    env_send(&env, "Echo", params, &replies[i]);
  }
  for (int i = 0; i < MANY; i++) {
    char params[32];
    snprintf(params, sizeof params, "{\"i\":%d}", i);
    env_wait(&env, &replies[i]);
    expect(replies[i], OK, params);
  }
}

/* ---- terminals ---- */

struct viewer {
  char text[256];
  unsigned ends;
  char why[DIAG_MESSAGE_MAX];
};

static void on_viewer_data(struct hub_terminal *t, struct str bytes, void *data)
{
  struct viewer *v = data;
  size_t n = strlen(v->text);
  (void)t;
  snprintf(v->text + n, sizeof v->text - n, "%.*s", STR_ARG(bytes));
}

static void on_viewer_end(struct hub_terminal *t, const struct diag *d, void *data)
{
  struct viewer *v = data;
  (void)t;
  v->ends++;
  snprintf(v->why, sizeof v->why, "%s", d->message);
}

static struct viewer viewer;

static struct hub_terminal *open_terminal(void)
{
  memset(&viewer, 0, sizeof viewer);
  struct env_reply r = env_ask(&env, "Terminal", "{}");
  assert_int_equal(r.err, OK);
  assert_int_equal(r.len, 38);
  struct hub_terminal_config c = {on_viewer_data, on_viewer_end, &viewer};
  struct hub_terminal *t;
  struct diag d = {0};
  assert_int_equal(hub_terminal_open(env.hub, STR(SERVER_ID), str_make(r.json + 1, 36), &c, &t, &d), OK);
  struct hub_terminal *again;
  assert_int_equal(hub_terminal_open(env.hub, STR(SERVER_ID), str_make(r.json + 1, 36), &c, &again, &d), ERR_REMOTE);
  assert_int_equal(hub_terminal_open(env.hub, STR(SERVER_ID), STR("x"), &c, &again, &d), ERR_REMOTE);
  assert_ptr_equal(serve_terminal_find(env.serve, str_make(r.json + 1, 36)), env.terminal);
  return t;
}

static bool has_resize(struct env *e) { return strstr(e->input, "R{\"rows\":2}"); }
static bool has_end(struct env *e) { return e->ends; }
static bool has_text(struct env *e)
{
  (void)e;
  return strstr(viewer.text, "hello");
}
static bool has_ended(struct env *e)
{
  (void)e;
  return viewer.ends;
}

static void terminals_stream_both_ways(void **state)
{
  (void)state;
  start_inbound();
  assert_true(env_until(&env, env_is_up));
  struct hub_terminal *t = open_terminal();
  assert_int_equal(hub_terminal_send(t, STR("ls\n\x01")), OK);
  assert_int_equal(hub_terminal_send(t, STR("?\x07")), OK);   /* no known kind: ignored */
  assert_int_equal(hub_terminal_send(t, STR_NONE), OK);
  assert_int_equal(hub_terminal_send(t, STR("{\"rows\":2}\xff")), OK);
  assert_true(env_until(&env, has_resize));
  assert_string_equal(env.input, "BFls\nR{\"rows\":2}");
  assert_int_equal(serve_terminal_send(env.terminal, STR("hel")), OK);
  assert_int_equal(serve_terminal_send(env.terminal, STR("lo")), OK);
  assert_true(env_until(&env, has_text));
  hub_terminal_close(t, "Client disconnected");
  assert_true(env_until(&env, has_end));
  assert_string_equal(env.input, "BFls\nR{\"rows\":2}EClient disconnected");
  assert_int_equal(viewer.ends, 0);

  open_terminal();
  struct diag d = {0};
  diag_set(&d, ERR_CLOSED, "pty exited");
  serve_terminal_end(env.terminal, &d);
  env.terminal = NULL;
  assert_true(env_until(&env, has_ended));
  assert_string_equal(viewer.why, "pty exited");
}

static void terminals_end_when_the_server_stays_away(void **state)
{
  (void)state;
  env.times.away_ms = 50;
  start_inbound();
  assert_true(env_until(&env, env_is_up));
  open_terminal();
  env_stop_agent(&env);   /* ends its own side */
  assert_int_equal(env.ends, 1);
  assert_true(env_until(&env, has_ended));
  assert_string_equal(viewer.why, "The connection to the Server was lost");
}

static void terminals_end_with_their_server(void **state)
{
  (void)state;
  start_inbound();
  assert_true(env_until(&env, env_is_up));
  open_terminal();
  hub_remove(env.hub, STR(SERVER_ID));
  assert_int_equal(viewer.ends, 1);
  assert_string_equal(viewer.why, "The Server was removed");
}

static void a_full_queue_is_told(void **state)
{
  (void)state;
  start_inbound();
  assert_true(env_until(&env, env_is_up));
  open_terminal();
  static char chunk[256 * 1024];
  memset(chunk, 'x', sizeof chunk);
  unsigned sent = 0;
  Err err = OK;
  while (!err && sent < 100000) {   /* the loop does not turn: nothing is read on the other side */
    err = serve_terminal_send(env.terminal, str_make(chunk, sizeof chunk));
    sent += !err;
  }
  assert_int_equal(err, ERR_LIMIT);
  assert_in_range(sent, SERVE_TERMINAL_BYTES_MAX / sizeof chunk, SERVE_TERMINAL_MESSAGES_MAX);   /* answers still have room */
  struct env_reply r = env_ask(&env, "Echo", "{}");
  assert_int_equal(r.err, OK);
  uint64_t deadline = clock_mono_ms() + WATCHDOG_MS;
  while (!env.rooms && clock_mono_ms() < deadline)
    uv_run(&env.loop, UV_RUN_ONCE);
  assert_int_equal(env.rooms, 1);
}

/* ---- identities ---- */

static void without_a_connection_requests_fail_with_words(void **state)
{
  (void)state;
  env.times.wait_ms = 50;
  env_engine(&env);
  expect(env_ask(&env, "Echo", "{}"), ERR_CLOSED, "No connection found for server " SERVER_ID);
  env_set(&env, "", "", "", true);
  expect(env_ask(&env, "Echo", "{}"), ERR_CLOSED, "Server " SERVER_ID " is not connected");
  env_set(&env, "", "", "", false);
  expect(env_ask(&env, "Echo", "{}"), ERR_CLOSED, "server not enabled");
  env_set(&env, "not an address", "", "", true);
  expect(env_ask(&env, "Echo", "{}"), ERR_INVALID, "Address is not a URL, host:port or IP: write it like https://host:8120");
  env_set(&env, "ws://127.0.0.1:1", "", "", true);
  struct env_reply r = env_ask(&env, "Echo", "{}");
  assert_non_null(strstr(r.diag.message, "Failed to connect to websocket | url: ws://127.0.0.1:1/?core=komodo.example.com"));
  struct hub_terminal *t;
  struct hub_terminal_config c = {on_viewer_data, on_viewer_end, &viewer};
  assert_int_equal(hub_terminal_open(env.hub, STR(SERVER_ID), STR("00112233-4455-4677-8899-aabbccddeeff"), &c, &t, &r.diag), ERR_CLOSED);
}

static void disabling_ends_everything(void **state)
{
  (void)state;
  start_inbound();
  assert_true(env_until(&env, env_is_up));
  struct env_reply r;
  env_send(&env, "Hold", "{}", &r);
  assert_true(env_until(&env, is_holding));
  env_set(&env, env.agent_address, env.agent_key.text, "", false);
  env_wait(&env, &r);
  expect(r, ERR_CLOSED, "server not enabled");
  assert_int_equal(env.disconnects, 1);
  env_set(&env, env.agent_address, env.agent_key.text, "", true);
  assert_true(env_until(&env, is_back));
}

static void a_changed_key_replaces_the_connection_at_its_next_use(void **state)
{
  (void)state;
  for (int outbound = 0; outbound < 2; outbound++) {
    env.times.wait_ms = 300;
    if (outbound)
      start_outbound();
    else
      start_inbound();
    assert_true(env_until(&env, env_is_up));
    env_set(&env, outbound ? "" : env.agent_address, env.agent_key.text, "other", true);
    assert_true(hub_is_connected(env.hub, STR(SERVER_ID)));   /* not touched yet */
    expect(env_ask(&env, "Echo", "{}"), OK, "{}");
    assert_int_equal(env.connects, 2);
    assert_int_equal(env.disconnects, 1);
    env_set(&env, outbound ? "" : env.agent_address, env.engine_key.text, "other", true);
    struct env_reply r = env_ask(&env, "Echo", "{}");
    assert_int_equal(r.err, ERR_AUTH);
    env_close(&env);
    env_init(&env);
  }
}

/* ---- keys ---- */

static struct { bool done; Err err; } rotation;
static void on_rotated(struct op *op, void *data)
{
  (void)data;
  rotation.done = true;
  rotation.err = op->err;
  op_unref(op);
}
static bool has_rotated(struct env *e)
{
  (void)e;
  return rotation.done;
}

static void rotate(bool core, const char *key)
{
  struct op *op;
  memset(&rotation, 0, sizeof rotation);
  if (core)
    serve_rotate_core_key(env.serve, str_of(key), &op);
  else
    serve_rotate_private_key(env.serve, &op);
  op_wait(op, on_rotated, NULL);
  assert_true(env_until(&env, has_rotated));
}

static void keys_rotate(void **state)
{
  (void)state;
  CLEANUP(mem_free_at) char *core = mem_printf("file:%s/engine.pub", env.dir);
  struct diag d = {0};
  assert_int_equal(key_save_public(str_of(core + 5), env.engine_key.text, &d), OK);
  env.agent_private = mem_printf("file:%s/keys/periphery.key", env.dir);
  env.core_keys[0] = core;
  env_agent(&env);
  env_engine(&env);
  char first[KEY_PUBLIC_LEN + 1];
  snprintf(first, sizeof first, "%.*s", STR_ARG(serve_public_key(env.serve)));
  env_set(&env, env.agent_address, first, "", true);
  assert_true(env_until(&env, env_is_up));

  rotate(false, NULL);
  assert_int_equal(rotation.err, OK);
  struct str second = serve_public_key(env.serve);
  assert_false(str_eqc(second, first));
  char stored[KEY_PUBLIC_LEN + 1];
  CLEANUP(mem_free_at) char *pub = mem_printf("file:%s/keys/periphery.pub", env.dir);
  assert_int_equal(key_load_public(str_of(pub), stored, &d), OK);
  assert_true(str_eqc(second, stored));
  expect(env_ask(&env, "Echo", "{}"), OK, "{}");   /* the session goes on */
  assert_int_equal(env.connects, 1);

  struct key_pair fresh = test_key(0x77);
  rotate(true, "nonsense");
  assert_int_equal(rotation.err, ERR_INVALID);
  rotate(true, fresh.text);
  assert_int_equal(rotation.err, OK);
  assert_int_equal(key_load_public(str_of(core), stored, &d), OK);
  assert_string_equal(stored, fresh.text);
  hub_set_key(env.hub, &fresh);
  assert_true(str_eqc(hub_public_key(env.hub), fresh.text));
  env_set(&env, env.agent_address, stored, "", true);
  CLEANUP(mem_free_at) char *now = str_dup(serve_public_key(env.serve));
  env_set(&env, env.agent_address, now, "", true);   /* both keys are new */
  expect(env_ask(&env, "Echo", "{}"), OK, "{}");
  assert_int_equal(env.connects, 2);
}

static void an_inline_key_is_not_rotated(void **state)
{
  (void)state;
  env_agent(&env);
  rotate(false, NULL);
  assert_int_equal(rotation.err, OK);
  assert_true(str_eqc(serve_public_key(env.serve), AGENT_PUBLIC));
  rotate(true, ENGINE_PUBLIC);   /* no explicit list: nothing to do */
  assert_int_equal(rotation.err, OK);
}

/* ---- configuration ---- */

static void bad_configuration_is_told(void **state)
{
  (void)state;
  static const char *const bad_address[] = {"https://a b", NULL}, *const bad_key[] = {"x", NULL};
  const struct serve_config rows[] = {
      {.private_key = STR("0123456789012345678901234567890123")},
      {.private_key = STR("k"), .onboarding_key = STR("0123456789012345678901234567890123")},
      {.private_key = STR("k"), .core_public_keys = bad_key},
      {.private_key = STR("k"), .core_addresses = bad_address, .connect_as = STR("x")}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct serve_config c = rows[i];
    struct serve *s = NULL;
    struct diag d = {0};
    c.loop = &env.ops;
    assert_int_equal(serve_new(&c, &s, &d), ERR_INVALID);
    assert_int_not_equal(d.message[0], 0);
    assert_null(s);
    uv_run(&env.loop, UV_RUN_DEFAULT);
  }
  struct hub_config h = {.loop = &env.ops, .key = &env.engine_key, .periphery_public_keys = bad_key};
  struct hub *hub = NULL;
  struct diag d = {0};
  assert_int_equal(hub_new(&h, &hub, &d), ERR_INVALID);
  static const char *const bad_ips[] = {"nonsense", NULL};
  struct serve_http_config l = {.loop = &env.ops, .bind_ip = "127.0.0.1", .allowed_ips = bad_ips};
  struct serve_http *http = NULL;
  assert_int_equal(serve_http_start(&l, &http, &d), ERR_INVALID);
}

static void nothing_to_dial(void **state)
{
  (void)state;
  struct serve_config c = {.loop = &env.ops, .private_key = STR("k")};
  struct diag d = {0};
  assert_int_equal(serve_new(&c, &env.serve, &d), OK);
  assert_false(serve_start(env.serve));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(the_engine_dials_the_agent),
      TEST(the_agent_dials_the_engine),
      TEST(tls_protects_the_agents_listener),
      TEST(a_dialling_engine_refuses_another_agent_key),
      TEST(an_agent_refuses_another_engine_key),
      TEST(an_unknown_agent_key_is_refused_unless_listed),
      TEST(an_agent_key_may_be_listed),
      TEST(a_passkey_is_enough_for_old_agents),
      TEST(the_engines_passkey_is_the_default),
      TEST(an_agent_onboards_itself),
      TEST(a_privileged_key_fixes_a_server),
      TEST(a_privileged_key_repairs_a_failed_login),
      TEST(an_onboarding_key_must_be_good),
      TEST(an_answer_survives_a_broken_link),
      TEST(an_answer_cut_in_half_is_sent_again),
      TEST(a_request_waits_for_the_connection),
      TEST(pending_keeps_a_request_alive),
      TEST(silence_ends_a_request),
      TEST(a_request_can_be_cancelled),
      TEST(carries_large_messages),
      TEST(many_requests_run_at_once),
      TEST(terminals_stream_both_ways),
      TEST(terminals_end_when_the_server_stays_away),
      TEST(terminals_end_with_their_server),
      TEST(a_full_queue_is_told),
      TEST(without_a_connection_requests_fail_with_words),
      TEST(disabling_ends_everything),
      TEST(a_changed_key_replaces_the_connection_at_its_next_use),
      TEST(keys_rotate),
      TEST(an_inline_key_is_not_rotated),
      TEST(bad_configuration_is_told),
      TEST(nothing_to_dial)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
