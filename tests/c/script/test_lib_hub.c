/* libs.h: engine.hub from Lua, with an agent that does not answer. */
#include <stdlib.h>
#include <unistd.h>

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
    "  assert(not pcall(hub.draft_key) and not pcall(hub.adopt_key, 'text', '/tmp/x'))\n"
    "  return 'refused'\n"
    "end)\n"
    "local draft\n"
    "engine.handle('draft', function(path) draft = assert(hub.draft_key(path)); return tostring(draft) end)\n"
    "engine.handle('adopt', function(path) return hub.adopt_key(draft, path) end)\n"
    "engine.handle('nowhere', function()\n"
    "  local key, err = hub.draft_key('/proc/nowhere/core.key')\n"
    "  local ok, why = hub.adopt_key(draft, '/proc/nowhere/core.key')\n"
    "  return { not key and err.message ~= '', not ok and why.message:find('core.key.next.key', 1, true) ~= nil }\n"
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

static struct hub *start(struct fixture *f)
{
  uv_loop_init(&f->loop);
  op_loop_init(&f->ops, &f->loop);
  struct key_pair key;
  assert_int_equal(key_generate(&key), OK);
  struct hub *hub;
  struct diag d = {0};
  struct hub_config config = {.loop = &f->ops, .host = STR("localhost"), .key = &key, .who = nobody};
  if (hub_new(&config, &hub, &d))
    fail_msg("%s", d.message);
  key_pair_release(&key);
  f->data = hub;
  fixture_start(f, source);
  return hub;
}

static void asks_agents(void **state)
{
  (void)state;
  struct fixture f = {.open_libs = open_libs};
  struct hub *hub = start(&f);
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

/* What the file holds, as a public key; "" when there is none. */
static void public_of(const char *path, char ret_text[KEY_PUBLIC_LEN + 1])
{
  CLEANUP(mem_free_at) char *spec = mem_printf("file:%s", path);
  struct key_pair pair = {0};
  struct diag d;
  *ret_text = 0;
  if (access(path, F_OK) == 0 && key_load(str_of(spec), &pair, &d) == OK)
    memcpy(ret_text, pair.text, sizeof pair.text);
  key_pair_release(&pair);
}

static void changes_its_key_in_two_steps(void **state)
{
  (void)state;
  struct fixture f = {.open_libs = open_libs};
  struct hub *hub = start(&f);
  char dir[] = "/tmp/komodo-hub-XXXXXX", text[KEY_PUBLIC_LEN + 1], before[KEY_PUBLIC_LEN + 1];
  assert_non_null(mkdtemp(dir));
  CLEANUP(mem_free_at) char *path = mem_printf("%s/core.key", dir), *draft = mem_printf("%s.next.key", path);
  CLEANUP(mem_free_at) char *draft_public = mem_printf("%s.next.pub", path), *public = mem_printf("%s/core.pub", dir);
  CLEANUP(mem_free_at) char *argument = mem_printf("\"%s\"", path);
  memcpy(before, hub_public_key(hub).ptr, sizeof before);

  struct policy_task *task = fixture_call(&f, "draft", argument);
  public_of(draft, text);
  assert_int_equal(text[0], 'M');
  assert_non_null(strstr(task->result.ptr, text));
  op_unref(&task->op);
  assert_string_equal(hub_public_key(hub).ptr, before);
  public_of(path, before);
  assert_string_equal(before, "");

  fixture_expect(&f, "adopt", argument, "true");
  assert_string_equal(hub_public_key(hub).ptr, text);
  public_of(path, before);
  assert_string_equal(before, text);
  assert_int_equal(access(public, F_OK), 0);
  assert_int_not_equal(access(draft, F_OK), 0);
  assert_int_not_equal(access(draft_public, F_OK), 0);
  fixture_expect(&f, "nowhere", "0", "[true,true]");
  unlink(path);
  unlink(public);
  assert_int_equal(rmdir(dir), 0);
  policy_close(f.policy, close_hub, hub);
  f.policy = NULL;
  fixture_close(&f);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(asks_agents), cmocka_unit_test(changes_its_key_in_two_steps)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
