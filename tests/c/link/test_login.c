/* login.h: all flows of spec agent.md 3.4, both sides of each, against the recorded bytes and against each other. */
#include "vectors.h"

#include "link/frame.h"

enum { QUEUE = 16, MESSAGE_MAX = 4096 };

/* One side, with the messages it has sent and the other has not read. */
struct party {
  struct login login;
  struct login_config config;
  enum login_result result;
  char queue[QUEUE][MESSAGE_MAX];
  size_t len[QUEUE];
  unsigned sent, read;
  Err accepts, accepts_onboarding;   /* what check_key answers */
  unsigned checks;
  bool saw_onboarding, saw_fix;
  bool mute;                         /* its messages get lost */
};

static void on_send(struct str message, void *data)
{
  struct party *p = data;
  assert_true(p->sent < QUEUE && message.len <= MESSAGE_MAX);
  memcpy(p->queue[p->sent], message.ptr, message.len);
  p->len[p->sent++] = message.len;
}

static Err on_check(struct str key, bool onboarding, bool fix, struct diag *reterr, void *data)
{
  struct party *p = data;
  p->checks++;
  p->saw_onboarding |= onboarding;
  p->saw_fix |= fix;
  Err err = onboarding ? p->accepts_onboarding : p->accepts;
  if (!err)
    return OK;
  diag_set(reterr, err, "key refused");
  diag_cause(reterr, "%.*s is invalid", STR_ARG(key));
  return err;
}

static struct key_pair engine_key, agent_key, onboarding_key;

static void init(struct party *p, enum login_role role)
{
  bool engine = role == LOGIN_ENGINE_DIALS || role == LOGIN_ENGINE_LISTENS;
  bool engine_dials = role == LOGIN_ENGINE_DIALS || role == LOGIN_AGENT_LISTENS;
  memset(p, 0, sizeof *p);
  p->config = (struct login_config){.role = role, .key = engine ? &engine_key : &agent_key, .check_key = on_check, .send = on_send,
                                    .query = engine_dials ? STR("core=komodo.example.com") : STR("server=my%20server"), .data = p};
}

static void start(struct party *p)
{
  bool engine_dials = p->config.role == LOGIN_ENGINE_DIALS || p->config.role == LOGIN_AGENT_LISTENS;
  p->result = login_start(&p->login, &p->config, engine_dials ? STR("10.0.0.5:8120") : STR("komodo.example.com"), STR(ACCEPT));
}

static bool is_over(const struct party *p) { return p->result >= LOGIN_SESSION; }

/* Delivers one message of `from`; false when there is none. */
static bool deliver(struct party *from, struct party *to)
{
  if (from->read == from->sent || is_over(to) || to->result == LOGIN_STORING)
    return false;
  unsigned i = from->read++;
  if (!from->mute)
    to->result = login_feed(&to->login, str_make(from->queue[i], from->len[i]));
  return true;
}

/* Runs until nothing moves; silence times out, the engine's owner answers `stored`. */
static void run(struct party *dialer, struct party *listener, Err stored)
{
  start(dialer);
  start(listener);
  for (int turns = 0; turns < 50; turns++) {
    if (deliver(listener, dialer) || deliver(dialer, listener))
      continue;
    if (listener->result == LOGIN_STORING)
      listener->result = login_stored(&listener->login, stored, NULL);
    else if (listener->result == LOGIN_MORE)
      listener->result = login_timeout(&listener->login);
    else if (dialer->result == LOGIN_MORE)
      dialer->result = login_timeout(&dialer->login);
    else
      break;
  }
  assert_true(is_over(dialer) && is_over(listener));
}

static void finish(struct party *a, struct party *b)
{
  login_release(&a->login);
  login_release(&b->login);
}

static void assert_sent(const struct party *p, unsigned i, const char *hex)
{
  assert_true(i < p->sent);
  assert_hex(p->queue[i], p->len[i], hex);
}

static struct party dialer, listener;

static void plays_the_recorded_login_of_a_dialling_engine(void **state)
{
  (void)state;
  struct login_fixed e = test_fixed(0x22), a = test_fixed(0x44);
  init(&dialer, LOGIN_ENGINE_DIALS);
  init(&listener, LOGIN_AGENT_LISTENS);
  dialer.config.fixed = &e;
  listener.config.fixed = &a;
  run(&dialer, &listener, OK);
  assert_int_equal(dialer.result, LOGIN_SESSION);
  assert_int_equal(listener.result, LOGIN_SESSION);
  assert_sent(&listener, 0, "00050000");
  assert_sent(&listener, 1, NONCE_HEX "010000");
  assert_sent(&dialer, 0, DIAL_M1 "020000");
  assert_sent(&listener, 2, DIAL_M2 "020000");
  assert_sent(&dialer, 1, DIAL_M3 "020000");
  assert_sent(&listener, 3, "000000");
  assert_int_equal(dialer.sent, 2);
  assert_int_equal(listener.sent, 4);
  assert_string_equal(dialer.login.peer, AGENT_PUBLIC);
  assert_string_equal(listener.login.peer, ENGINE_PUBLIC);
  finish(&dialer, &listener);
}

static void plays_the_recorded_login_of_a_dialling_agent(void **state)
{
  (void)state;
  struct login_fixed e = test_fixed(0x22), a = test_fixed(0x44);
  init(&dialer, LOGIN_AGENT_DIALS);
  init(&listener, LOGIN_ENGINE_LISTENS);
  dialer.config.fixed = &a;
  listener.config.fixed = &e;
  run(&dialer, &listener, OK);
  assert_int_equal(dialer.result, LOGIN_SESSION);
  assert_int_equal(listener.result, LOGIN_SESSION);
  assert_sent(&listener, 0, "00030000");
  assert_sent(&listener, 1, NONCE_HEX "010000");
  assert_sent(&dialer, 0, LISTEN_M1 "020000");
  assert_sent(&listener, 2, LISTEN_M2 "020000");
  assert_sent(&dialer, 1, LISTEN_M3 "020000");
  assert_sent(&listener, 3, "000000");
  assert_false(listener.saw_onboarding);
  finish(&dialer, &listener);
}

static void plays_the_passkey_flow(void **state)
{
  (void)state;
  static const char *const known[] = {"other", "abc", NULL};
  static const struct { const char *passkey; enum login_result want; unsigned agent_sent; const char *words; } rows[] = {
      {"abc", LOGIN_SESSION, 2, ""}, {"abd", LOGIN_FAILED, 3, "Invalid passkey"}, {"", LOGIN_FAILED, 2, "Periphery requires passkey auth"}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    init(&dialer, LOGIN_ENGINE_DIALS);
    init(&listener, LOGIN_AGENT_LISTENS);
    dialer.config.passkey = str_of(rows[i].passkey);
    listener.config.passkeys = known;
    run(&dialer, &listener, OK);
    assert_int_equal(dialer.result, rows[i].want);
    assert_int_equal(listener.result, rows[i].want);
    assert_sent(&listener, 0, "01050000");
    assert_int_equal(listener.sent, rows[i].agent_sent);   /* a wrong passkey is told twice */
    if (rows[i].passkey[0] == 'a' && rows[i].want == LOGIN_SESSION)
      assert_sent(&dialer, 0, "616263060000");
    const char *said = rows[i].passkey[0] ? listener.login.diag.message : dialer.login.diag.message;
    assert_string_equal(said, rows[i].words);
    assert_false(login_wants_drop(&dialer.login));
    finish(&dialer, &listener);
  }
}

static void onboards_a_new_server(void **state)
{
  (void)state;
  init(&dialer, LOGIN_AGENT_DIALS);
  init(&listener, LOGIN_ENGINE_LISTENS);
  dialer.config.onboarding_key = &onboarding_key;
  listener.config.onboarding = true;
  listener.accepts = ERR_AUTH;   /* an agent key would not do here */
  run(&dialer, &listener, OK);
  assert_int_equal(dialer.result, LOGIN_ONBOARDED);
  assert_int_equal(listener.result, LOGIN_ONBOARDED);
  assert_sent(&listener, 0, "01030000");
  assert_sent(&dialer, 2,
              "4d436f77425159444b32567541794541657731483254516e2b44455259486763"
              "66484d2f324a2b496c7772765351324b6f4f345a704d754b4778513d040000");
  assert_string_equal(listener.login.peer, onboarding_key.text);
  assert_string_equal(listener.login.agent_key, AGENT_PUBLIC);
  assert_true(listener.saw_onboarding);
  assert_false(listener.saw_fix);
  assert_false(login_wants_drop(&listener.login));
  finish(&dialer, &listener);
}

static void tells_why_onboarding_failed(void **state)
{
  (void)state;
  init(&dialer, LOGIN_AGENT_DIALS);
  init(&listener, LOGIN_ENGINE_LISTENS);
  dialer.config.onboarding_key = &onboarding_key;
  listener.config.onboarding = true;
  run(&dialer, &listener, ERR_CONFLICT);
  assert_int_equal(dialer.result, LOGIN_FAILED);
  assert_int_equal(listener.result, LOGIN_FAILED);
  assert_string_equal(dialer.login.diag.message, "[Client] Failed to receive Login Success message");
  assert_string_equal(dialer.login.diag.trace, "Decoded error message over Core-Periphery communication channel\nalready exists");
  finish(&dialer, &listener);

  init(&dialer, LOGIN_AGENT_DIALS);   /* no onboarding key */
  init(&listener, LOGIN_ENGINE_LISTENS);
  listener.config.onboarding = true;
  run(&dialer, &listener, OK);
  assert_int_equal(dialer.result, LOGIN_FAILED);
  assert_int_equal(dialer.sent, 0);
  assert_true(login_wants_drop(&dialer.login));
  finish(&dialer, &listener);
}

static void falls_back_to_the_onboarding_key(void **state)
{
  (void)state;
  init(&dialer, LOGIN_AGENT_DIALS);
  init(&listener, LOGIN_ENGINE_LISTENS);
  dialer.config.onboarding_key = &onboarding_key;
  listener.accepts = ERR_AUTH;
  run(&dialer, &listener, OK);
  assert_int_equal(dialer.result, LOGIN_ONBOARDED);
  assert_int_equal(listener.result, LOGIN_ONBOARDED);
  assert_true(listener.saw_fix);
  assert_string_equal(listener.login.agent_key, AGENT_PUBLIC);
  assert_string_equal(listener.login.diag.message, "key refused");   /* the stored error is the first */
  assert_true(login_wants_drop(&listener.login));
  finish(&dialer, &listener);
}

static void keeps_the_first_error_when_the_fallback_fails(void **state)
{
  (void)state;
  for (int with_key = 0; with_key < 2; with_key++) {
    init(&dialer, LOGIN_AGENT_DIALS);
    init(&listener, LOGIN_ENGINE_LISTENS);
    dialer.config.onboarding_key = with_key ? &onboarding_key : NULL;
    listener.accepts = ERR_AUTH;
    listener.accepts_onboarding = ERR_FORBIDDEN;
    run(&dialer, &listener, OK);
    assert_int_equal(dialer.result, LOGIN_FAILED);
    assert_int_equal(listener.result, LOGIN_FAILED);
    assert_string_equal(listener.login.diag.message, "key refused");
    assert_string_equal(dialer.login.diag.message, "[Client] Failed to receive Login Success message");
    assert_non_null(strstr(dialer.login.diag.trace, "key refused\n" AGENT_PUBLIC " is invalid"));
    assert_int_equal(listener.checks, with_key ? 2 : 1);
    finish(&dialer, &listener);
  }
}

static void closes_on_a_refused_key(void **state)
{
  (void)state;
  static const enum login_role roles[][2] = {{LOGIN_ENGINE_DIALS, LOGIN_AGENT_LISTENS}, {LOGIN_AGENT_DIALS, LOGIN_ENGINE_LISTENS}};
  for (int r = 0; r < 2; r++)
    for (int who = 0; who < 2; who++) {
      init(&dialer, roles[r][0]);
      init(&listener, roles[r][1]);
      (who ? &dialer : &listener)->accepts = ERR_AUTH;
      dialer.config.onboarding_key = &onboarding_key;
      if (r && !who)
        continue;   /* flow F, above */
      run(&dialer, &listener, OK);
      assert_int_equal(dialer.result, LOGIN_FAILED);
      assert_int_equal(listener.result, LOGIN_FAILED);
      struct party *refuser = who ? &dialer : &listener, *other = who ? &listener : &dialer;
      assert_string_equal(refuser->login.diag.message, "key refused");
      assert_non_null(strstr(other->login.diag.trace, "key refused"));
      finish(&dialer, &listener);
    }
}

static void fails_when_the_two_sides_differ(void **state)
{
  (void)state;
  init(&dialer, LOGIN_ENGINE_DIALS);
  init(&listener, LOGIN_AGENT_LISTENS);
  listener.config.query = STR("core=other.example.com");
  run(&dialer, &listener, OK);
  assert_int_equal(dialer.result, LOGIN_FAILED);
  assert_int_equal(listener.result, LOGIN_FAILED);
  assert_string_equal(dialer.login.diag.message, "[Client] Failed to read handshake_m2");
  finish(&dialer, &listener);
}

static void ends_in_silence(void **state)
{
  (void)state;
  static const enum login_role roles[] = {LOGIN_ENGINE_DIALS, LOGIN_AGENT_LISTENS, LOGIN_ENGINE_LISTENS, LOGIN_AGENT_DIALS};
  static const char *const words[] = {"Failed to receive Login V1PasskeyFlow message", "[Server] Failed to get handshake_m1",
                                      "[Server] Failed to get handshake_m1", "Failed to receive Login OnboardingFlow message"};
  for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
    init(&dialer, roles[i]);
    start(&dialer);
    for (int turns = 0; turns < 4 && !is_over(&dialer); turns++)
      dialer.result = login_timeout(&dialer.login);
    assert_int_equal(dialer.result, LOGIN_FAILED);
    assert_string_equal(dialer.login.diag.message, words[i]);
    assert_string_equal(dialer.login.diag.trace, "Timed out waiting for message.");
    login_release(&dialer.login);
  }
}

static void refuses_foreign_messages(void **state)
{
  (void)state;
  static const struct { struct str message; const char *cause; } rows[] = {
      {{"", 0}, "Expected a Login message"},
      {{"\0", 1}, "Expected a Login message"},
      {{"\x02", 1}, "Expected a Login message"},
      {{"\0\0\x01", 3}, "Expected a Login message"},
      {{"\0\0", 2}, "The Login message has no known status"},
      {{"\x00\x05\x02\x00", 4}, "The Login message has no known status"},
      {{"\0\0\0", 3}, "Received another Login message than expected"},
      {{"\x02\x05\0\0", 4}, "the flag is neither 0 nor 1"},
      {{"\x05\0\0", 3}, "the flag is neither 0 nor 1"}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    init(&dialer, LOGIN_ENGINE_DIALS);
    start(&dialer);
    dialer.result = login_feed(&dialer.login, rows[i].message);
    assert_int_equal(dialer.result, LOGIN_FAILED);
    assert_string_equal(dialer.login.diag.trace, rows[i].cause);
    assert_int_equal(login_feed(&dialer.login, STR("more")), LOGIN_FAILED);   /* it stays over */
    assert_int_equal(login_timeout(&dialer.login), LOGIN_FAILED);
    login_release(&dialer.login);
  }
}

static void refuses_a_public_key_that_is_none(void **state)
{
  (void)state;
  init(&dialer, LOGIN_AGENT_DIALS);
  init(&listener, LOGIN_ENGINE_LISTENS);
  dialer.config.onboarding_key = &onboarding_key;
  listener.config.onboarding = true;
  start(&dialer);
  start(&listener);
  memcpy(dialer.login.key.text, "not a key", 10);
  while (deliver(&listener, &dialer) || deliver(&dialer, &listener))
    ;
  assert_int_equal(listener.result, LOGIN_FAILED);
  assert_string_equal(listener.login.diag.message, "Failed to read Login PublicKey message");
  assert_int_equal(dialer.result, LOGIN_FAILED);
  finish(&dialer, &listener);
}

/* Flow F as a published agent plays it whose own check failed first: its error comes instead of m3. */
static void survives_an_agent_that_refuses_first(void **state)
{
  (void)state;
  init(&dialer, LOGIN_AGENT_DIALS);
  init(&listener, LOGIN_ENGINE_LISTENS);
  dialer.config.onboarding_key = &onboarding_key;
  dialer.accepts = ERR_AUTH;
  run(&dialer, &listener, OK);
  assert_int_equal(dialer.result, LOGIN_FAILED);
  assert_int_equal(listener.result, LOGIN_FAILED);
  assert_string_equal(listener.login.diag.message, "[Server] Failed to get handshake_m3");
  finish(&dialer, &listener);
}

static int setup(void **state)
{
  (void)state;
  engine_key = test_key(0x11);
  agent_key = test_key(0x33);
  onboarding_key = test_key(0x55);
  return 0;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(plays_the_recorded_login_of_a_dialling_engine),
      cmocka_unit_test(plays_the_recorded_login_of_a_dialling_agent),
      cmocka_unit_test(plays_the_passkey_flow),
      cmocka_unit_test(onboards_a_new_server),
      cmocka_unit_test(tells_why_onboarding_failed),
      cmocka_unit_test(falls_back_to_the_onboarding_key),
      cmocka_unit_test(keeps_the_first_error_when_the_fallback_fails),
      cmocka_unit_test(closes_on_a_refused_key),
      cmocka_unit_test(fails_when_the_two_sides_differ),
      cmocka_unit_test(ends_in_silence),
      cmocka_unit_test(refuses_foreign_messages),
      cmocka_unit_test(refuses_a_public_key_that_is_none),
      cmocka_unit_test(survives_an_agent_that_refuses_first)};
  return cmocka_run_group_tests(tests, setup, NULL);
}
