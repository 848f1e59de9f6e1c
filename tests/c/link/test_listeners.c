/* The HTTP side of both listeners (spec agent.md 1.3, 1.4): statuses, bodies, headers, who may come. */
#include "env.h"

#include "link/outbox.h"
#include "link/timeq.h"

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

#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define END "Connection: close\r\n\r\n"

struct row {
  const char *request, *status, *body;   /* body: how the answer ends */
};

static void check(const char *address, const struct row *row)
{
  CLEANUP(mem_free_at) char *answer = env_http(&env, address, row->request);
  CLEANUP(mem_free_at) char *line = mem_printf("HTTP/1.1 %s ", row->status);
  size_t n = strlen(answer), b = strlen(row->body);
  if (strncmp(answer, line, strlen(line)) != 0 || n < b || strcmp(answer + n - b, row->body) != 0)
    print_message("asked %s\ngot %s\n", row->request, answer);
  assert_true(strncmp(answer, line, strlen(line)) == 0);
  assert_true(n >= b && strcmp(answer + n - b, row->body) == 0);
}

static void the_agents_listener_answers(void **state)
{
  (void)state;
  static const struct row rows[] = {
      {"GET /version HTTP/1.1\r\nHost: a\r\n" END, "200", "\r\n\r\n2.3.2"},
      {"GET /other HTTP/1.1\r\nHost: a\r\n" END, "404", "\r\n\r\n"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n" END, "405", "\r\n\r\n"},
      {"GET / HTTP/1.1\r\nHost: a\r\n" END, "400", "missing field `core`"},
      {"GET /?core=x HTTP/1.1\r\nHost: a\r\n" END, "400", "Connection header did not include 'upgrade'"},
      {"GET /?core=x HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" END, "401",
       "{\"error\":\"Headers do not contain Sec-Websocket-Key\",\"trace\":[]}"},
      {"GET /?core=x HTTP/1.0\r\nUpgrade: websocket\r\n" KEY END, "401", "{\"error\":\"Failed to get connection host\",\"trace\":[]}"}};
  env_agent(&env);
  for (size_t i = 0; i < ARRAY_LEN(rows); i++)
    check(env.agent_address, &rows[i]);
  CLEANUP(mem_free_at) char *answer = env_http(&env, env.agent_address, rows[0].request);
  assert_non_null(strcasestr(answer, "\r\nx-content-type-options: nosniff\r\n"));
  assert_non_null(strcasestr(answer, "\r\nx-frame-options: DENY\r\n"));
  assert_non_null(strcasestr(answer, "\r\nx-xss-protection: 1; mode=block\r\n"));
  assert_non_null(strcasestr(answer, "\r\nreferrer-policy: strict-origin-when-cross-origin\r\n"));
}

static void allowed_ips_guard_every_path(void **state)
{
  (void)state;
  static const struct row row = {"GET /version HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\n" END, "401",
                                 "{\"error\":\"requesting ip 127.0.0.1 not allowed\",\"trace\":[]}"};
  static const struct row good = {"GET /version HTTP/1.1\r\nHost: a\r\n" END, "200", "2.3.2"};
  env.allowed[0] = "10.0.0.0/8";
  env_agent(&env);
  check(env.agent_address, &row);
  env_close(&env);
  env_init(&env);
  env.allowed[0] = "127.0.0.0/8";
  env_agent(&env);
  check(env.agent_address, &good);
}

static void the_engines_listener_refuses(void **state)
{
  (void)state;
  static const struct row rows[] = {
      {"GET /ws/periphery HTTP/1.1\r\nHost: a\r\n" END, "400", "missing field `server`"},
      {"GET /ws/periphery?server=x HTTP/1.1\r\nHost: a\r\n" END, "400", "Connection header did not include 'upgrade'"},
      {"GET /ws/periphery?server=x HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n" END, "401",
       "{\"error\":\"Headers do not contain Sec-Websocket-Key\",\"trace\":[]}"},
      {"GET /ws/periphery?server= HTTP/1.1\r\nHost: a\r\n" UPGRADE KEY "\r\n", "401",
       "{\"error\":\"Must provide non-empty server specifier\",\"trace\":[]}"},
      {"GET /ws/periphery?server=aaaabbbbccccddddeeeeffff HTTP/1.1\r\nHost: a\r\n" UPGRADE KEY "\r\n", "401",
       "{\"error\":\"Must provide name based Server specifier for onboarding flow, name cannot be valid ObjectId (hex)\",\"trace\":[]}"},
      {"GET /ws/periphery?server=my+server HTTP/1.1\r\nHost: a\r\n" UPGRADE KEY "\r\n", "401",
       "{\"error\":\"A Server 'my server' is already connected\",\"trace\":[]}"},
      {"GET /ws/periphery?server=" SERVER_ID " HTTP/1.1\r\nHost: a\r\n" UPGRADE KEY "\r\n", "401",
       "{\"error\":\"A Server '" SERVER_ID "' is already connected\",\"trace\":[]}"}};
  env.who = HUB_SERVER;
  env_engine(&env);
  env.cores[0] = env.engine_address;
  env.no_listener = true;
  env_set(&env, "", env.agent_key.text, "", true);
  env_agent(&env);
  assert_true(env_until(&env, env_is_up));
  for (size_t i = 0; i < ARRAY_LEN(rows); i++)
    if (!strstr(rows[i].request, UPGRADE)) {
      check(env.engine_address, &rows[i]);
    } else {
      /* an upgrade that is refused keeps its connection; asking the next thing with close ends it */
      CLEANUP(mem_free_at) char *request = mem_printf("%sGET /ws/periphery HTTP/1.1\r\nHost: a\r\n" END, rows[i].request);
      CLEANUP(mem_free_at) char *answer = env_http(&env, env.engine_address, request);
      CLEANUP(mem_free_at) char *line = mem_printf("HTTP/1.1 %s ", rows[i].status);
      if (strncmp(answer, line, strlen(line)) != 0 || !strstr(answer, rows[i].body))
        print_message("asked %s\ngot %s\n", rows[i].request, answer);
      assert_true(strncmp(answer, line, strlen(line)) == 0);
      assert_non_null(strstr(answer, rows[i].body));
      assert_non_null(strcasestr(answer, "content-type: application/json"));
    }
}

/* A reverse proxy in front: X-Forwarded-Host is what the dialler hashed. */
static void a_forwarded_host_counts(void **state)
{
  (void)state;
  env_agent(&env);
  CLEANUP(mem_free_at) char *answer =
      env_http(&env, env.agent_address, "GET /?core=x HTTP/1.1\r\nX-Forwarded-Host: front.example.com\r\nHost: a\r\n" UPGRADE KEY "\r\n");
  assert_true(strncmp(answer, "HTTP/1.1 101 ", 13) == 0);
  assert_non_null(strcasestr(answer, "sec-websocket-accept: " ACCEPT));
}

/* ---- the outbox and the queue of waits, alone ---- */

static unsigned rooms;
static void on_room(void *data)
{
  (void)data;
  rooms++;
}

static void the_outbox_is_bounded(void **state)
{
  (void)state;
  struct outbox o = {.on_room = on_room};
  struct str parts[] = {STR("ab"), STR_NONE, STR("c")};
  rooms = 0;
  for (int i = 0; i < OUTBOX_MESSAGES_MAX; i++)
    assert_int_equal(outbox_push(&o, parts, 3, false), OK);
  assert_int_equal(outbox_push(&o, parts, 3, false), ERR_LIMIT);
  assert_int_equal(outbox_push(&o, parts, 3, true), OK);
  assert_int_equal(o.count, OUTBOX_MESSAGES_MAX + 1);
  assert_int_equal(o.bytes, 3 * (OUTBOX_MESSAGES_MAX + 1));
  struct str large = str_make(mem_new(17 << 20), 17 << 20);
  assert_int_equal(outbox_push(&o, &large, 1, true), ERR_TOOBIG);
  outbox_release(&o);
  assert_int_equal(o.count + o.bytes, 0);
  large.len = 16 << 20;
  for (int i = 0; i < 4; i++)
    assert_int_equal(outbox_push(&o, &large, 1, false), OK);
  assert_int_equal(outbox_push(&o, parts, 3, false), ERR_LIMIT);
  outbox_release(&o);
  mem_fail_after(0);
  assert_int_equal(outbox_push(&o, parts, 3, false), ERR_NOMEM);
  assert_true(mem_disarm());
  assert_int_equal(o.count, 0);
  union { const char *read; char *own; } memory = {.read = large.ptr};
  mem_free(memory.own);
}

struct wait {
  struct timeq_item item;
  unsigned fired, again;
};

static struct timeq queue;

static void on_due(struct timeq_item *item, void *data)
{
  struct wait *w = CONTAINER_OF(item, struct wait, item);
  unsigned *order = data;
  w->fired = ++*order;
  if (w->again) {
    w->again--;
    timeq_add(&queue, item);
  }
}

static void waits_end_in_order(void **state)
{
  (void)state;
  unsigned order = 0;
  struct wait a = {0}, b = {.again = 2}, c = {0}, d = {0};
  timeq_init(&queue, &env.loop, 5, on_due, &order);
  timeq_add(&queue, &a.item);
  timeq_add(&queue, &b.item);
  timeq_add(&queue, &c.item);
  timeq_add(&queue, &d.item);
  timeq_remove(&queue, &c.item);
  timeq_remove(&queue, &c.item);
  timeq_add(&queue, &a.item);   /* moved behind d */
  uv_run(&env.loop, UV_RUN_DEFAULT);
  assert_int_equal(c.fired, 0);
  assert_int_equal(d.fired, 2);
  assert_int_equal(a.fired, 3);
  assert_int_equal(b.fired, 5);   /* 1, 4, 5 */
  timeq_close(&queue, NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {TEST(the_agents_listener_answers), TEST(allowed_ips_guard_every_path), TEST(the_engines_listener_refuses),
                                     TEST(a_forwarded_host_counts), TEST(the_outbox_is_bounded), TEST(waits_end_in_order)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
