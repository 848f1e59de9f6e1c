/* libs.h: engine.store over a database on disk, from Lua. */
#include <unistd.h>

#include "policy_fixture.h"
#include "script/libs.h"

static const char source[] =
    "local s = engine.store\n"
    "local A, B = ('a'):rep(24), ('b'):rep(24)\n"
    "engine.handle('write', function()\n"
    "  local c = s.change()\n"
    "  c:insert('Server', A, { _id = { ['$oid'] = A }, name = 'one', tags = engine.json.array{} })\n"
    "  c:put('Server', B, '{\"name\":\"two\"}')\n"
    "  for i = 1, 3 do c:put('Update', ('%024d'):format(i), { n = i, kind = i > 1 and 'x' or 'y' }) end\n"
    "  assert(s.row('Server', A) == nil)\n"
    "  assert(c:commit())\n"
    "  assert(not pcall(c.commit, c))\n"
    "  assert(not pcall(c.put, c, 'Server', A, {}))\n"
    "  assert(s.row('Server', A).name == 'one' and s.resolve('Server', 'two').name == 'two')\n"
    "  assert(s.resolve('Server', B).name == 'two' and s.resolve('Server', 'three') == nil)\n"
    "  assert(engine.json.encode(s.row('Server', A).tags) == '[]')\n"
    "  local names = {}\n"
    "  for i, server in ipairs(s.list('Server')) do names[i] = server.name end\n"
    "  return names\n"
    "end)\n"
    "engine.handle('conflict', function()\n"
    "  local c = s.change()\n"
    "  c:put('Server', ('c'):rep(24), { name = 'one' })\n"
    "  local ok, err = c:commit()\n"
    "  return { ok == nil, err.code }\n"
    "end)\n"
    "engine.handle('latest', function()\n"
    "  local c = s.change()\n"
    "  c:put('Server', A, { name = 'renamed' })\n"
    "  local seen\n"
    "  engine.spawn(function() seen = { s.row('Server', A).name, s.latest('Server', A).name } end)\n"
    "  assert(c:commit())\n"
    "  engine.sleep(1)\n"
    "  return seen\n"
    "end)\n"
    "engine.handle('find', function()\n"
    "  local list = assert(s.find('Update', { kind = 'x' }, { sort = 'n', desc = true, limit = 5 }))\n"
    "  local none = assert(s.find('Update', '{\"n\":99}'))\n"
    "  local all = assert(s.find('Update'))\n"
    "  local bad, err = s.find('Update', { n = { ['$regex'] = 'x' } })\n"
    "  return { list[1].n, #list, engine.json.encode(none), #all, bad == nil, err.code }\n"
    "end)\n"
    "engine.handle('get', function()\n"
    "  local doc, gone, err = assert(s.get('Update', ('%024d'):format(2))), s.get('Update', 'nothing')\n"
    "  return { doc.n, gone == nil, select(2, s.get('Update', 'nothing')).code }\n"
    "end)\n"
    "engine.handle('delete', function()\n"
    "  local c <close> = s.change()\n"
    "  assert(c:delete('Server', A):delete('Update', ('%024d'):format(1)):commit())\n"
    "  return { s.row('Server', A) == nil, #s.find('Update'), #s.list('Server') }\n"
    "end)\n"
    "engine.handle('misuse', function()\n"
    "  assert(not pcall(s.row, 'Update', 'x') and not pcall(s.list, 'Nothing'))\n"
    "  local c = s.change()\n"
    "  assert(not pcall(c.put, c, 'Server', A, 7) and not pcall(c.put, c, 'Server', A, { f = print }))\n"
    "  assert(not pcall(s.find, 'Update', {}, { limit = -1 }))\n"
    "  return 'refused'\n"
    "end)\n";

static void open_libs(lua_State *L, void *data) { lib_store_open(L, data); }

static void close_store(void *data) { store_close(data, NULL, NULL); }

static void documents_from_lua(void **state)
{
  (void)state;
  char dir[] = "/tmp/komodo-test-XXXXXX";
  assert_non_null(mkdtemp(dir));
  char path[64];
  snprintf(path, sizeof path, "%s/komodo.db", dir);

  struct fixture f = {.open_libs = open_libs};
  uv_loop_init(&f.loop);
  op_loop_init(&f.ops, &f.loop);
  static const struct store_collection collections[] = {{.name = "Server", .unique = "name"}, {.name = "Update"}};
  struct store *store;
  struct table *table;
  struct diag d = {0};
  if (store_open(&f.ops, path, collections, ARRAY_LEN(collections), &store, &d))
    fail_msg("%s", d.message);
  struct table_config servers = {.collection = "Server", .name_path = "name"};
  assert_int_equal(table_open(store, &servers, &table, &d), OK);
  struct lib_store config = {.store = store, .tables = &table, .count = 1};
  f.data = &config;
  fixture_start(&f, source);

  fixture_expect(&f, "write", "0", "[\"one\",\"two\"]");
  fixture_expect(&f, "conflict", "0", "[true,\"conflict\"]");
  fixture_expect(&f, "find", "0", "[3,2,\"[]\",3,true,\"invalid\"]");
  fixture_expect(&f, "get", "0", "[2,true,\"not_found\"]");
  fixture_expect(&f, "latest", "0", "[\"one\",\"renamed\"]");
  fixture_expect(&f, "delete", "0", "[true,2,1]");
  fixture_expect(&f, "misuse", "0", "\"refused\"");
  policy_close(f.policy, close_store, store);
  f.policy = NULL;
  uv_run(&f.loop, UV_RUN_DEFAULT);
  table_free(table);
  fixture_close(&f);
  char beside[128];
  snprintf(beside, sizeof beside, "%s-wal", path);
  unlink(beside);
  snprintf(beside, sizeof beside, "%s-shm", path);
  unlink(beside);
  snprintf(beside, sizeof beside, "%s.lock", path);
  unlink(beside);
  unlink(path);
  rmdir(dir);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(documents_from_lua)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
