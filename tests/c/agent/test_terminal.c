/* agent/ring, agent/pty, agent/terminal, agent/view: PTYs, and terminals over a real link between an engine and an agent. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "agent/agent.h"
#include "agent/requests.h"
#include "link/env.h"

/* ---- the history ---- */

static void test_ring(void **state)
{
  (void)state;
  struct ring r = {0};
  assert_int_equal(ring_at(&r, 0).len, 0);
  char piece[1000];
  uint64_t total = 0;
  for (unsigned i = 0; total < 3 * RING_MAX; i++) {
    for (size_t k = 0; k < sizeof piece; k++)
      piece[k] = (char)((total + k) % 251);
    ring_add(&r, str_make(piece, 1 + i * 37 % sizeof piece));
    total += 1 + i * 37 % sizeof piece;
    assert_true(r.cap <= RING_MAX && r.end == total);
  }
  assert_int_equal(ring_start(&r), total - RING_MAX);
  for (uint64_t pos = ring_start(&r); pos < total;) {
    struct str got = ring_at(&r, pos);
    assert_true(got.len > 0);
    for (size_t k = 0; k < got.len; k++)
      assert_int_equal((unsigned char)got.ptr[k], (pos + k) % 251);
    pos += got.len;
  }
  ring_release(&r);
}

/* ---- the PTY ---- */

/* What the program says until it hangs up. */
static char *read_all(struct pty *pty)
{
  struct buf out = BUF_INIT(1 << 20);
  char piece[4096];
  ssize_t n;
  do {
    struct pollfd p = {.fd = pty->fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, WATCHDOG_MS), 1);
    n = read(pty->fd, piece, sizeof piece);
    if (n > 0)
      buf_add(&out, piece, (size_t)n);
  } while (n > 0 || (n < 0 && errno == EAGAIN));
  return buf_take(&out);
}

static void test_pty(void **state)
{
  (void)state;
  struct pty pty;
  int status;
  setenv("HOME", "/tmp", 1);
  const char *argv[] = {"sh", "-c", "echo controlled > /dev/tty; echo $TERM $COLORTERM; pwd; stty size; exit 7", NULL};
  assert_int_equal(pty_open(argv, &pty), 0);
  CLEANUP(mem_free_at) char *said = read_all(&pty);
  assert_string_equal(said, "controlled\r\nxterm-256color truecolor\r\n/tmp\r\n24 80\r\n");
  assert_int_equal(waitpid(pty.pid, &status, 0), pty.pid);
  assert_int_equal(WEXITSTATUS(status), 7);
  close(pty.fd);
  const char *none[] = {"no-such-program", NULL};
  assert_int_equal(pty_open(none, &pty), ENOENT);
}

/* An interactive shell puts its foreground job into a group of its own. */
static void test_pty_kill(void **state)
{
  (void)state;
  struct pty pty;
  const char *argv[] = {"sh", "-m", "-c", "sh -c 'trap \"\" HUP INT TERM; echo up; sleep 100'; true", NULL};
  assert_int_equal(pty_open(argv, &pty), 0);
  struct pollfd p = {.fd = pty.fd, .events = POLLIN};
  assert_int_equal(poll(&p, 1, WATCHDOG_MS), 1);
  pty_resize(&pty, 10, 20);
  pty_kill(&pty);
  CLEANUP(mem_free_at) char *said = read_all(&pty);   /* hung up: nobody is left */
  assert_int_equal(waitpid(pty.pid, NULL, 0), pty.pid);
  close(pty.fd);
}

/* ---- terminals, as an engine has them ---- */

static struct env env;
static struct agent agent;

static void on_request(struct serve_call *call, struct str type, yyjson_val *params, void *data)
{
  const struct request *request = request_find(type);
  struct diag d;
  (void)data;
  agent.serve = env.serve;
  if (request && request->on_loop && request_fits(request, params, &d))
    request->on_loop(&agent, call, params);
  else
    serve_call_drop(call);
}

static int setup(void **state)
{
  (void)state;
  struct diag d;
  yyjson_doc *doc = NULL;
  env_init(&env);
  env.on_request = on_request;
  assert_int_equal(js_parse(STR("{\"default_terminal_command\":\"sh\"}"), &doc, &d), OK);
  memset(&agent, 0, sizeof agent);
  assert_int_equal(settings_load(&agent.settings, doc, &d), OK);
  terminals_init(&agent.terminals, &env.loop);
  env_engine(&env);
  env_agent(&env);
  env_set(&env, env.agent_address, "", "", true);
  assert_true(env_until(&env, env_is_up));
  return 0;
}

static int teardown(void **state)
{
  (void)state;
  terminals_stop(&agent.terminals);
  env_close(&env);
  assert_null(agent.terminals.first);
  settings_release(&agent.settings);
  return 0;
}

#define SERVER_TARGET "\"target\":{\"type\":\"Server\",\"params\":{\"server\":\"" SERVER_ID "\"}}"

static void create(const char *name, const char *command)
{
  CLEANUP(mem_free_at) char *params = mem_printf("{\"name\":\"%s\",\"command\":\"%s\",\"recreate\":\"Always\"}", name, command);
  struct env_reply r = env_ask(&env, "CreateServerTerminal", params);
  assert_int_equal(r.err, OK);
}

struct viewer {
  struct hub_terminal *terminal;   /* NULL: ended */
  struct buf text;
  unsigned messages;
  char why[DIAG_MESSAGE_MAX];
};

static void on_data(struct hub_terminal *t, struct str bytes, void *data)
{
  struct viewer *v = data;
  (void)t;
  buf_add_str(&v->text, bytes);
  v->messages++;
}

static void on_end(struct hub_terminal *t, const struct diag *d, void *data)
{
  struct viewer *v = data;
  (void)t;
  v->terminal = NULL;
  snprintf(v->why, sizeof v->why, "%s", d->message);
}

static void view(struct viewer *v, const char *request, const char *params)
{
  struct hub_terminal_config config = {on_data, on_end, v};
  struct diag d;
  *v = (struct viewer){.text = BUF_INIT(64 << 20)};
  struct env_reply r = env_ask(&env, request, params);
  assert_int_equal(r.err, OK);
  assert_int_equal(hub_terminal_open(env.hub, STR(SERVER_ID), str_make(r.json + 1, 36), &config, &v->terminal, &d), OK);
}

static void run_until_ended(struct viewer *v)
{
  uint64_t deadline = clock_mono_ms() + WATCHDOG_MS;
  while (v->terminal && clock_mono_ms() < deadline)
    uv_run(&env.loop, UV_RUN_ONCE);
  assert_null(v->terminal);
}

static void run_until_text(struct viewer *v, const char *text)
{
  uint64_t deadline = clock_mono_ms() + WATCHDOG_MS;
  size_t looked = 0;   /* at what came so far */
  do {
    uv_run(&env.loop, UV_RUN_ONCE);
    size_t from = looked > 100 ? looked - 100 : 0;
    looked = v->text.len;
    if (looked && strstr(v->text.ptr + from, text))
      return;
  } while (clock_mono_ms() < deadline);
  fail_msg("'%s' did not come", text);
}

/* 6 MB through a history of 1 MiB and a small share of the queue: the program is slowed down, nothing is lost. */
static void test_flood(void **state)
{
  (void)state;
  struct viewer v;
  create("f", "sh");
  view(&v, "ExecuteTerminal", "{\"terminal\":\"f\"," SERVER_TARGET ",\"command\":\"seq 1 800000\"}");
  run_until_text(&v, "__KOMODO_END_OF_OUTPUT__");
  struct str rest = buf_str(&v.text), line;
  assert_true(str_split(&rest, '\n', &line) && !line.len);
  for (uint64_t i = 1, n; i <= 800000; i++) {
    assert_true(str_split(&rest, '\n', &line) && str_to_u64(line, &n));
    assert_int_equal(n, i);
  }
  assert_true(str_eqc(rest, "\n__KOMODO_EXIT_CODE:0\n__KOMODO_END_OF_OUTPUT__"));
  assert_true(v.messages < 400000);   /* lines of a flood travel together */
  hub_terminal_close(v.terminal, NULL);
  buf_release(&v.text);
}

static void test_long_line_and_bytes(void **state)
{
  (void)state;
  struct viewer v;
  create("l", "sh");
  view(&v, "ExecuteTerminal", "{\"terminal\":\"l\"," SERVER_TARGET ",\"command\":\"head -c 100000 /dev/zero | tr '\\\\0' x; printf '\\\\377'\"}");
  run_until_text(&v, "__KOMODO_END_OF_OUTPUT__");
  assert_int_equal(v.text.len, 1 + 100000 + 1 + strlen("\n__KOMODO_EXIT_CODE:0\n__KOMODO_END_OF_OUTPUT__"));
  hub_terminal_close(v.terminal, NULL);
  buf_release(&v.text);
}

/* A viewer whose engine never begins holds nothing up, and ends with the terminal. */
static void test_viewers(void **state)
{
  (void)state;
  struct viewer a, b;
  const char *connect = "{\"terminal\":\"v\"," SERVER_TARGET "}";
  create("v", "sh");
  struct env_reply silent = env_ask(&env, "ConnectTerminal", connect);
  assert_int_equal(silent.err, OK);
  view(&a, "ConnectTerminal", connect);
  assert_int_equal(hub_terminal_send(a.terminal, STR("echo one-$((1+1))\n\x01")), OK);
  run_until_text(&a, "one-2");
  view(&b, "ConnectTerminal", connect);
  run_until_text(&b, "one-2");
  hub_terminal_close(a.terminal, "Client disconnected");
  assert_int_equal(hub_terminal_send(b.terminal, STR("exit\n\x01")), OK);
  run_until_ended(&b);
  assert_string_equal(b.why, "pty exited");
  struct env_reply r = env_ask(&env, "ConnectTerminal", connect);
  assert_int_equal(r.err, ERR_REMOTE);
  assert_string_equal(r.diag.message, "No terminal for Server { server: Some(\"" SERVER_ID "\") } at v");
  buf_release(&a.text);
  buf_release(&b.text);
}

static void test_command_dies(void **state)
{
  (void)state;
  struct env_reply waits;
  struct viewer v;
  create("d", "sh");
  view(&v, "ExecuteTerminal", "{\"terminal\":\"d\"," SERVER_TARGET ",\"command\":\"echo last; exit 3\"}");
  run_until_ended(&v);
  assert_non_null(strstr(v.text.ptr, "last\n"));
  create("d", "cat");   /* never prints the mark */
  env_send(&env, "ExecuteTerminal", "{\"terminal\":\"d\"," SERVER_TARGET ",\"command\":\"x\"}", &waits);
  struct env_reply r = env_ask(&env, "DeleteTerminal", "{\"terminal\":\"d\"," SERVER_TARGET "}");
  assert_int_equal(r.err, OK);
  env_wait(&env, &waits);
  assert_string_equal(waits.diag.message, "Stdout stream terminated before start sentinel received");
  buf_release(&v.text);
}

static void test_refusals(void **state)
{
  (void)state;
  static const struct { const char *request, *params, *message, *cause; } cases[] = {
    {"CreateServerTerminal", "{\"command\":\"false\"}", "Failed to init terminal", "Child process exited immediately with code 1"},
    {"CreateServerTerminal", "{\"command\":\"no-such-program\"}", "Failed to init terminal", "no-such-program: No such file or directory"},
    {"CreateServerTerminal", "{\"command\":\"a\\u0000b\"}", "Failed to init terminal: its command has no words, an open quote, or is too long", ""},
    {"CreateContainerExecTerminal", "{\"target\":{\"type\":\"Deployment\",\"params\":{\"deployment\":\"x\"}},\"container\":\"--privileged\"}",
     "'--privileged' is no name of a container", ""},
    {"CreateContainerExecTerminal", "{\"target\":{\"type\":\"Deployment\",\"params\":{\"deployment\":\"x\"}},\"container\":\"-u root box\"}",
     "'-u root box' is no name of a container", ""},
    {"CreateContainerAttachTerminal", "{\"target\":{\"type\":\"Deployment\",\"params\":{\"deployment\":\"x\"}},\"container\":\"a && b\"}",
     "The use of '&&' is forbidden in the container name", ""},
  };
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    struct env_reply r = env_ask(&env, cases[i].request, cases[i].params);
    assert_int_equal(r.err, ERR_REMOTE);
    assert_string_equal(r.diag.message, cases[i].message);
    assert_string_equal(r.diag.trace, cases[i].cause);
  }
  agent.settings.disable_container_terminals = true;
  struct env_reply r = env_ask(&env, cases[3].request, cases[3].params);
  assert_string_equal(r.diag.message, "Container Terminals are disabled in the Periphery config");
  agent.settings.disable_terminals = true;
  r = env_ask(&env, "CreateServerTerminal", "{}");
  assert_string_equal(r.diag.message, "Terminals are disabled in the Periphery config");
}

/* The agent stops in the middle of everything: being started, printing, watched. teardown() looks at what is left. */
static void test_stop(void **state)
{
  (void)state;
  struct viewer v;
  struct env_reply waits, starting;
  create("a", "yes");
  view(&v, "ConnectTerminal", "{\"terminal\":\"a\"," SERVER_TARGET "}");
  run_until_text(&v, "y\r\n");
  create("b", "cat");
  env_send(&env, "ExecuteTerminal", "{\"terminal\":\"b\"," SERVER_TARGET ",\"command\":\"x\"}", &waits);
  env_send(&env, "CreateServerTerminal", "{\"command\":\"cat\"}", &starting);
  while (agent.terminals.count < 3)
    uv_run(&env.loop, UV_RUN_ONCE);
  terminals_stop(&agent.terminals);
  run_until_ended(&v);
  env_wait(&env, &waits);
  env_wait(&env, &starting);
  assert_int_equal(starting.err, ERR_REMOTE);
  buf_release(&v.text);
}

static int teardown_stopped(void **state)
{
  (void)state;
  env_close(&env);
  assert_null(agent.terminals.first);
  settings_release(&agent.settings);
  return 0;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_ring),
    cmocka_unit_test(test_pty),
    cmocka_unit_test(test_pty_kill),
    cmocka_unit_test_setup_teardown(test_flood, setup, teardown),
    cmocka_unit_test_setup_teardown(test_long_line_and_bytes, setup, teardown),
    cmocka_unit_test_setup_teardown(test_viewers, setup, teardown),
    cmocka_unit_test_setup_teardown(test_command_dies, setup, teardown),
    cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
    cmocka_unit_test_setup_teardown(test_stop, setup, teardown_stopped),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
