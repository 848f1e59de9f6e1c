/* Peers that misbehave: an agent of our making against the hub, an engine of our making against the agent, raw sockets. */
#include "env.h"

#include "link/frame.h"

static struct env env;

/* One end of a link that says what the test wants. */
struct rogue {
  struct session *session;
  struct outbox outbox;
  bool logged_in, ended, gone;
  struct diag why;
  unsigned frames;
  struct frame last;
  char channel[UUID_BYTES], data[1024];
};

static void on_login(struct session *s, void *data)
{
  struct rogue *r = data;
  r->logged_in = true;
  session_attach(s, &r->outbox);
}

static void on_frame(struct session *s, const struct frame *f, void *data)
{
  struct rogue *r = data;
  (void)s;
  r->frames++;
  r->last = *f;
  memcpy(r->channel, f->channel.ptr, UUID_BYTES);
  snprintf(r->data, sizeof r->data, "%.*s", STR_ARG(f->data));
}

static void on_end(struct session *s, enum session_end end, const struct diag *d, void *data)
{
  struct rogue *r = data;
  (void)s;
  (void)end;
  r->ended = true;
  r->session = NULL;
  r->why = *d;
}

static void on_gone(void *home) { ((struct rogue *)home)->gone = true; }

static Err on_check(struct str key, bool onboarding, bool fix, struct diag *reterr, void *data)
{
  (void)key;
  (void)onboarding;
  (void)fix;
  (void)reterr;
  (void)data;
  return OK;
}

static struct rogue rogue, second;

static void rogue_dial(struct rogue *r, enum login_role role, const char *address, const char *tail, const char *query)
{
  static const struct session_events events = {.on_login = on_login, .on_frame = on_frame, .on_end = on_end, .on_gone = on_gone};
  bool agent = role == LOGIN_AGENT_DIALS;
  memset(r, 0, sizeof *r);
  struct session_config c = {.loop = &env.ops, .times = &env.times, .events = &events, .data = r, .home = r,
                             .login = {.role = role, .key = agent ? &env.agent_key : &env.engine_key, .query = str_of(query),
                                       .check_key = on_check}};
  CLEANUP(mem_free_at) char *url = mem_printf("%s%s%s", address, tail, query);
  struct diag d = {0};
  assert_int_equal(session_dial(&c, url, str_of(strstr(address, "//") + 2), true, &r->session, &d), OK);
}

static void rogue_close(struct rogue *r)
{
  if (r->session)
    session_stop(r->session, /* drop= */ true);
  outbox_release(&r->outbox);
}

static int setup(void **state)
{
  (void)state;
  env_init(&env);
  memset(&rogue, 0, sizeof rogue);
  memset(&second, 0, sizeof second);
  return 0;
}

static int teardown(void **state)
{
  (void)state;
  rogue_close(&rogue);
  rogue_close(&second);
  env_close(&env);
  return 0;
}

static bool is_up(struct env *e) { return rogue.logged_in && e->connects > 0; }
static bool is_over(struct env *e)
{
  (void)e;
  return rogue.ended;
}
static bool second_is_over(struct env *e)
{
  (void)e;
  return second.ended;
}
static bool second_is_up(struct env *e)
{
  (void)e;
  return second.logged_in;
}
static bool has_frame(struct env *e)
{
  (void)e;
  return rogue.frames > 0;
}

static void agent_dials(struct rogue *r, const char *query) { rogue_dial(r, LOGIN_AGENT_DIALS, env.engine_address, "/ws/periphery?", query); }

static void start_agent(void)
{
  env.who = HUB_SERVER;
  env_engine(&env);
  env_set(&env, "", env.agent_key.text, "", true);
  agent_dials(&rogue, "server=my%20server");
  assert_true(env_until(&env, is_up));
}

static void say(struct rogue *r, const char *bytes, size_t len)
{
  struct str whole = str_make(bytes, len);
  assert_int_equal(outbox_push(&r->outbox, &whole, 1, true), OK);
}

static void say_frame(struct rogue *r, enum frame_kind kind, enum frame_status status, const char *channel, const char *data)
{
  unsigned char tail[FRAME_TAIL_MAX];
  size_t n = frame_tail(kind, status, str_make(channel, UUID_BYTES), tail);
  struct str parts[] = {str_of(data), str_make((char *)tail, n)};
  assert_int_equal(outbox_push(&r->outbox, parts, 2, true), OK);
}

/* The link still works: a request is answered by the rogue. */
static void still_serves(void)
{
  struct env_reply r;
  rogue.frames = 0;
  env_send(&env, "Echo", "{}", &r);
  assert_true(env_until(&env, has_frame));
  assert_int_equal(rogue.last.kind, FRAME_REQUEST);
  assert_string_equal(rogue.data, "{\"type\":\"Echo\",\"params\":{}}");
  say_frame(&rogue, FRAME_RESPONSE, FRAME_OK, rogue.channel, "true");
  env_wait(&env, &r);
  assert_int_equal(r.err, OK);
  assert_string_equal(r.json, "true");
}

static void odd_frames_of_an_agent_are_skipped(void **state)
{
  (void)state;
  static const char nobody[] = "nobodys channel.";
  start_agent();
  still_serves();
  say(&rogue, "a\x02\x02", 3);
  say(&rogue, "\x01", 1);
  say(&rogue, "\0\0\0", 3);   /* a login message */
  say_frame(&rogue, FRAME_REQUEST, FRAME_OK, nobody, "{\"type\":\"Echo\",\"params\":{}}");
  for (int i = 0; i < 1000; i++) {
    say_frame(&rogue, FRAME_RESPONSE, FRAME_OK, nobody, "{}");
    say_frame(&rogue, FRAME_RESPONSE, FRAME_PENDING, nobody, "");
    say_frame(&rogue, FRAME_TERMINAL, FRAME_OK, nobody, "x");
    say_frame(&rogue, FRAME_TERMINAL, FRAME_ERROR, nobody, "x");
  }
  still_serves();
  say_frame(&rogue, FRAME_RESPONSE, FRAME_OK, rogue.channel, "again");   /* answered twice */
  still_serves();
  assert_int_equal(env.disconnects, 0);
}

static void an_agents_error_may_be_any_bytes(void **state)
{
  (void)state;
  static const struct { const char *in, *words; } rows[] = {
      {"\xff\xfe", "the other side sent an error that is not text"}, {"plain", "plain"}, {"", ""}, {"{\"error\":\"e\",\"trace\":[1,\"t\"]}", "e"}};
  start_agent();
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct env_reply r;
    rogue.frames = 0;
    env_send(&env, "Echo", "{}", &r);
    assert_true(env_until(&env, has_frame));
    say_frame(&rogue, FRAME_RESPONSE, FRAME_ERROR, rogue.channel, rows[i].in);
    env_wait(&env, &r);
    assert_int_equal(r.err, ERR_REMOTE);
    assert_string_equal(r.diag.message, rows[i].words);
  }
}

static void a_broken_frame_ends_the_link(void **state)
{
  (void)state;
  static const struct { const char *bytes; size_t len; const char *words; } rows[] = {
      {"", 0, "Received an empty message"}, {"abc\x04", 4, "Received a message of unknown type"}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    start_agent();
    say(&rogue, rows[i].bytes, rows[i].len);
    assert_true(env_until(&env, is_over));
    assert_string_equal(rogue.why.message, "The other side closed the connection");   /* with a Close (spec 20) */
    struct diag d = {0};
    assert_int_equal(hub_error(env.hub, STR(SERVER_ID), &d), ERR_PROTOCOL);
    assert_string_equal(d.message, rows[i].words);
    rogue_close(&rogue);
    env_close(&env);
    env_init(&env);
  }
}

static void an_agent_answers_only_its_own_channels(void **state)
{
  (void)state;
  start_agent();
  struct hub_server other = {.id = STR(OTHER_ID), .enabled = true, .public_key = str_of(env.agent_key.text)};
  hub_set(env.hub, &other);
  agent_dials(&second, "server=other");
  assert_true(env_until(&env, second_is_up));
  struct env_reply r;
  rogue.frames = 0;
  env_send(&env, "Echo", "{}", &r);
  assert_true(env_until(&env, has_frame));
  say_frame(&second, FRAME_RESPONSE, FRAME_OK, rogue.channel, "\"stolen\"");
  say_frame(&second, FRAME_TERMINAL, FRAME_ERROR, rogue.channel, "x");
  say(&second, "", 0);
  assert_true(env_until(&env, second_is_over));   /* all of it has been read */
  assert_false(r.done);
  say_frame(&rogue, FRAME_RESPONSE, FRAME_OK, rogue.channel, "1");
  env_wait(&env, &r);
  assert_string_equal(r.json, "1");
}

static void a_second_agent_is_refused(void **state)
{
  (void)state;
  start_agent();
  agent_dials(&second, "server=my%20server");
  assert_true(env_until(&env, second_is_over));
  assert_false(second.logged_in);
  assert_non_null(strstr(second.why.message, "Failed to connect to websocket"));
  assert_non_null(strstr(second.why.trace, "401"));
  still_serves();
}

static void two_agents_may_not_win_one_race(void **state)
{
  (void)state;
  env.who = HUB_SERVER;
  env_engine(&env);
  env_set(&env, "", env.agent_key.text, "", true);
  agent_dials(&rogue, "server=my%20server");
  agent_dials(&second, "server=my%20server");   /* both in their login */
  uint64_t deadline = clock_mono_ms() + WATCHDOG_MS;
  while (!rogue.ended && !second.ended && clock_mono_ms() < deadline)
    uv_run(&env.loop, UV_RUN_ONCE);
  assert_true(rogue.ended != second.ended);
  assert_int_equal(env.connects, 1);
  assert_true(hub_is_connected(env.hub, STR(SERVER_ID)));
}

static void a_silent_agent_is_dropped(void **state)
{
  (void)state;
  env.times.receive_ms = 80;   /* the rogue's own pings come every 5 s */
  start_agent();
  assert_true(env_until(&env, env_is_down));
  struct diag d = {0};
  assert_int_equal(hub_error(env.hub, STR(SERVER_ID), &d), ERR_TIMEOUT);
  assert_string_equal(d.message, "Timed out waiting for Ping");
}

static void pings_keep_a_link_alive(void **state)
{
  (void)state;
  env.times.receive_ms = 400;
  env.times.ping_ms = 50;
  start_agent();
  uint64_t until = clock_mono_ms() + 3 * env.times.receive_ms;
  while (clock_mono_ms() < until)
    uv_run(&env.loop, UV_RUN_ONCE);
  assert_int_equal(env.disconnects, 0);
  still_serves();
}

/* ---- raw sockets in a login ---- */

struct raw {
  struct ws *ws;
  bool open, closed;
  Err err;
  int code;
  unsigned messages;
  char last[1024];
  size_t last_len;
};

static void raw_open(struct ws *ws, void *data)
{
  (void)ws;
  ((struct raw *)data)->open = true;
}
static void raw_message(struct ws *ws, enum ws_kind kind, struct str message, void *data)
{
  struct raw *r = data;
  (void)ws;
  (void)kind;
  r->messages++;
  r->last_len = message.len < sizeof r->last ? message.len : sizeof r->last;
  memcpy(r->last, message.len ? message.ptr : "", r->last_len);
}
static void raw_close(struct ws *ws, Err err, int code, const struct diag *d, void *data)
{
  struct raw *r = data;
  (void)ws;
  (void)d;
  r->closed = true;
  r->err = err;
  r->code = code;
  r->ws = NULL;
}

static struct raw raw;

static bool raw_greeted(struct env *e)
{
  (void)e;
  return raw.messages >= 2 || raw.closed;
}
static bool raw_closed(struct env *e)
{
  (void)e;
  return raw.closed;
}

static void raw_dial(const char *address, const char *tail)
{
  struct diag d = {0};
  memset(&raw, 0, sizeof raw);
  CLEANUP(mem_free_at) char *url = mem_printf("%s%s", address, tail);
  struct ws_config c = {.frame_max = 1 << 20, .message_max = 1 << 20, .queue_max = 8 << 20, .on_open = raw_open, .on_message = raw_message,
                        .on_close = raw_close, .data = &raw};
  struct ws_dial dial = {.url = url, .user_agent = "rogue", .connect_timeout_ms = 5000};
  assert_int_equal(ws_connect(&env.ops, &dial, &c, &raw.ws, &d), OK);
  assert_true(env_until(&env, raw_greeted));
  assert_false(raw.closed);
}

static void garbage_in_a_login_ends_it(void **state)
{
  (void)state;
  static const struct { struct str bytes; } rows[] = {
      {{"x", 1}}, {{"", 0}}, {{"\0\0\0", 3}}, {{"\x02\0\0", 3}}, {{"{\"error\":\"no\",\"trace\":[]}\x01\0", 27}},
      {{"0123456789abcdef0123456789abcdef\x02\0\0", 35}}};
  for (int engine = 0; engine < 2; engine++) {
    env.who = HUB_SERVER;
    env.times.login_ms = 100;
    env_engine(&env);
    env_agent(&env);
    env_set(&env, "", env.agent_key.text, "", true);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
      raw_dial(engine ? env.engine_address : env.agent_address, engine ? "/ws/periphery?server=my%20server" : "/?core=x");
      for (int n = 0; n < 4; n++)   /* also after a failure, for flow F */
        assert_int_equal(raw.ws ? ws_send(raw.ws, WS_BINARY, rows[i].bytes) : OK, OK);
      assert_true(env_until(&env, raw_closed));
    }
    env_close(&env);
    env_init(&env);
  }
}

static void a_login_takes_no_large_messages(void **state)
{
  (void)state;
  env_engine(&env);
  env_agent(&env);
  char *large = mem_new(1 << 20);
  raw_dial(env.agent_address, "/?core=x");
  assert_int_equal(ws_send(raw.ws, WS_BINARY, str_make(large, 1 << 20)), OK);
  assert_true(env_until(&env, raw_closed));
  assert_int_equal(raw.code, 1009);
  mem_free(large);
}

static void a_guest_that_says_nothing_is_sent_away(void **state)
{
  (void)state;
  env.times.login_ms = 50;
  env.who = HUB_SERVER;
  env_engine(&env);
  env_set(&env, "", env.agent_key.text, "", true);
  raw_dial(env.engine_address, "/ws/periphery?server=my%20server");
  assert_true(env_until(&env, raw_closed));
  /* OnboardingFlow, Nonce, error; then flow F: Nonce, error */
  assert_int_equal(raw.messages, 5);
  struct diag d = {0};
  assert_int_equal(hub_error(env.hub, STR(SERVER_ID), &d), ERR_TIMEOUT);
  assert_string_equal(d.message, "[Server] Failed to get handshake_m1");
}

/* ---- an engine against the agent ---- */

static void engine_dials(struct rogue *r) { rogue_dial(r, LOGIN_ENGINE_DIALS, env.agent_address, "/?", "core=rogue"); }

static bool rogue_is_up(struct env *e) { return rogue.logged_in && e->agent_up > 0; }

static void odd_frames_of_an_engine_are_skipped(void **state)
{
  (void)state;
  static const char channel[] = "nobodys channel.", mine[] = "my own channel..";
  env_agent(&env);
  engine_dials(&rogue);
  assert_true(env_until(&env, rogue_is_up));
  say_frame(&rogue, FRAME_RESPONSE, FRAME_OK, channel, "{}");
  say_frame(&rogue, FRAME_TERMINAL, FRAME_OK, channel, "x\x01");
  say_frame(&rogue, FRAME_REQUEST, FRAME_OK, channel, "not json");
  say_frame(&rogue, FRAME_REQUEST, FRAME_OK, channel, "{\"type\":\"Echo\"}");
  say_frame(&rogue, FRAME_REQUEST, FRAME_OK, channel, "{\"type\":7,\"params\":{}}");
  say_frame(&rogue, FRAME_REQUEST, FRAME_OK, channel, "[]");
  say(&rogue, "\0\0\0", 3);
  say(&rogue, "a\x02", 2);
  say_frame(&rogue, FRAME_REQUEST, FRAME_OK, channel, "{\"type\":\"Hold\",\"params\":{}}");
  say_frame(&rogue, FRAME_REQUEST, FRAME_OK, channel, "{\"type\":\"Echo\",\"params\":{}}");   /* the channel is in use */
  say_frame(&rogue, FRAME_REQUEST, FRAME_OK, mine, "{\"params\":[1],\"type\":\"Echo\",\"more\":0}");
  assert_true(env_until(&env, has_frame));
  assert_memory_equal(rogue.channel, mine, UUID_BYTES);
  assert_string_equal(rogue.data, "[1]");
  assert_int_equal(env.requests, 2);
  say(&rogue, "abc\x09", 4);
  assert_true(env_until(&env, is_over));
  assert_string_equal(rogue.why.message, "the other side hung up without a Close");
}

static void one_engine_has_one_connection(void **state)
{
  (void)state;
  env_agent(&env);
  engine_dials(&rogue);
  assert_true(env_until(&env, rogue_is_up));
  engine_dials(&second);
  assert_true(env_until(&env, second_is_over));
  assert_false(second.logged_in);
  assert_non_null(strstr(second.why.trace, "500"));
  assert_false(rogue.ended);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(odd_frames_of_an_agent_are_skipped),
      TEST(an_agents_error_may_be_any_bytes),
      TEST(a_broken_frame_ends_the_link),
      TEST(an_agent_answers_only_its_own_channels),
      TEST(a_second_agent_is_refused),
      TEST(two_agents_may_not_win_one_race),
      TEST(a_silent_agent_is_dropped),
      TEST(pings_keep_a_link_alive),
      TEST(garbage_in_a_login_ends_it),
      TEST(a_login_takes_no_large_messages),
      TEST(a_guest_that_says_nothing_is_sent_away),
      TEST(odd_frames_of_an_engine_are_skipped),
      TEST(one_engine_has_one_connection)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
