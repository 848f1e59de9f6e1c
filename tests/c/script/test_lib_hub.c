/* libs.h: engine.hub from Lua, with an agent that does not answer. */
#include "policy_fixture.h"
#include "script/libs.h"

static const char source[] =
    "local hub = engine.hub\n"
    "local A, B = ('a'):rep(24), ('b'):rep(24)\n"
    "engine.handle('closed', function()\n"
    "  hub.set{ id = A, enabled = false, address = '' }\n"
    "  local answer, err = hub.request(A, 'GetVersion')\n"
    "  assert(answer == nil and #err.message > 0 and type(err.trace) == 'table' and err.code == 'closed')\n"
    "  assert(not hub.is_connected(A) and hub.error(A) ~= nil)\n"
    "  hub.remove(A)\n"
    "  return hub.is_connected(A)\n"
    "end)\n"
    "engine.handle('refused', function()\n"
    "  hub.set{ id = B, enabled = true, address = 'ws://127.0.0.1:1' }\n"
    "  local answer, err = hub.request(B, 'GetVersion', { a = 1 })\n"
    "  return { answer == nil, #err.message > 0 }\n"
    "end)\n"
    "engine.handle('waits', function() hub.request(B, 'GetVersion', '{}') end)\n"
    "engine.handle('misuse', function()\n"
    "  assert(not pcall(hub.set, {}) and not pcall(hub.set, { id = A, address = {} }))\n"
    "  assert(not pcall(hub.request, A, 'X', { f = print }) and not pcall(hub.request, A))\n"
    "  return 'refused'\n"
    "end)\n";

static void open_libs(lua_State *L, void *data) { lib_hub_open(L, data); }
static void close_hub(void *data) { hub_close(data, NULL, NULL); }

static enum hub_who nobody(struct str name_or_id, char ret_id[25], void *data)
{
  (void)name_or_id;
  (void)ret_id;
  (void)data;
  return HUB_UNKNOWN;
}

static void asks_agents(void **state)
{
  (void)state;
  struct fixture f = {.open_libs = open_libs};
  uv_loop_init(&f.loop);
  op_loop_init(&f.ops, &f.loop);
  struct key_pair key;
  assert_int_equal(key_generate(&key), OK);
  struct hub *hub;
  struct diag d = {0};
  struct hub_config config = {.loop = &f.ops, .host = STR("localhost"), .key = &key, .who = nobody};
  if (hub_new(&config, &hub, &d))
    fail_msg("%s", d.message);
  key_pair_release(&key);
  f.data = hub;
  fixture_start(&f, source);
  fixture_expect(&f, "closed", "0", "false");
  fixture_expect(&f, "refused", "0", "[true,true]");
  fixture_expect(&f, "misuse", "0", "\"refused\"");
  struct policy_task *task;
  assert_int_equal(policy_call(f.policy, "waits", NULL, NULL, &task, NULL), OK);
  policy_close(f.policy, close_hub, hub);
  f.policy = NULL;
  fixture_close(&f);
  assert_int_equal(task->op.err, ERR_CANCELLED);
  op_unref(&task->op);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(asks_agents)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
