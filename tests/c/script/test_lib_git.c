/* lib_git.h, lib_fs.h: the real git, and folders. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy_fixture.h"
#include "script/lib_fs.h"
#include "script/lib_git.h"

static const char source[] =
    "local function run(args, env, ms)\n"
    "  return engine.git.run{ args = args, env = env or {}, timeout_ms = ms or 20000, file_bytes = 1 << 20, memory_bytes = 1 << 30 }\n"
    "end\n"
    "engine.handle('runs', function(dir)\n"
    "  local out = assert(run{ '--version' })\n"
    "  assert(out.code == 0 and out.stdout:find('^git version') and out.stderr == '')\n"
    "  assert(run({ 'init', '--bare', '--quiet', '--template=', dir .. '/repo' }, { 'GIT_CONFIG_GLOBAL=/dev/null' }).code == 0)\n"
    "  out = assert(run({ 'var', 'GIT_AUTHOR_IDENT' }, { 'GIT_AUTHOR_NAME=me', 'GIT_AUTHOR_EMAIL=me@here', 'GIT_DIR=' .. dir .. '/repo' }))\n"
    "  assert(out.stdout:find('^me <me@here>'), out.stderr)\n"
    "  out = assert(run({ '-c', 'alias.x=!env', 'x' }, { 'ONLY=this', 'HOME=' .. dir }))\n"
    "  assert(out.stdout:find('ONLY=this') and not out.stdout:find('KOMODO_TEST'), out.stdout)\n"
    "  assert(run{ 'no-such-command' }.code ~= 0)\n"
    "end)\n"
    "engine.handle('hangs', function()\n"
    "  local out, err = run({ '-c', 'alias.x=!sleep 60 & sleep 60', 'x' }, { 'HOME=/' }, 50)\n"
    "  return { out == nil, err.code, err.message }\n"
    "end)\n"
    "engine.handle('waits', function() run({ '-c', 'alias.x=!sleep 60', 'x' }, { 'HOME=/' }) end)\n"
    "engine.handle('missing', function() local out, err = run{ '--version' } return { out == nil, err.code } end)\n"
    "engine.handle('misuse', function()\n"
    "  assert(not pcall(run, { 1 }) and not pcall(run, { 'a\\0b' }) and not pcall(run, 'a') and not pcall(run, {}, {}, 0))\n"
    "  local many = {}\n"
    "  for i = 1, 65 do many[i] = 'x' end\n"
    "  assert(not pcall(run, many))\n"
    "  for _, name in ipairs{ '', '..', '.', 'a/b', '/', 'a\\0b' } do assert(not pcall(engine.fs.remove, '/tmp', name), name) end\n"
    "end)\n"
    "engine.handle('folders', function(dir)\n"
    "  local fs = engine.fs\n"
    "  local names = assert(fs.list(dir))\n"
    "  table.sort(names)\n"
    "  assert(engine.json.encode(names) == '[\"keep\",\"link\",\"repo\"]', engine.json.encode(names))\n"
    "  assert(fs.remove(dir, 'link') and fs.remove(dir, 'repo'))\n"
    "  assert(engine.json.encode(fs.list(dir)) == '[\"keep\"]' and fs.list(dir .. '/keep')[1] == 'file')\n"
    "  local ok, err = fs.remove(dir, 'repo')\n"
    "  assert(ok == nil and err.code == 'not_found')\n"
    "  ok, err = fs.list(dir .. '/repo')\n"
    "  assert(ok == nil and err.code == 'not_found')\n"
    "  assert(fs.remove(dir, 'keep'))\n"
    "end)\n";

static void open_libs(lua_State *L, void *data)
{
  (void)data;
  lib_git_open(L);
  lib_fs_open(L);
}

/* A folder `keep` with a file in it, and a link to that folder. */
static void make_folder(char dir[])
{
  char path[200], link[200];
  assert_non_null(mkdtemp(dir));
  snprintf(path, sizeof path, "%s/keep", dir);
  snprintf(link, sizeof link, "%s/link", dir);
  assert_int_equal(mkdir(path, 0700), 0);
  assert_int_equal(symlink(path, link), 0);
  snprintf(path, sizeof path, "%s/keep/file", dir);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fclose(file);
}

static void git_and_folders(void **state)
{
  (void)state;
  char dir[] = "/tmp/komodo-lib-git-XXXXXX", json[100];
  make_folder(dir);
  snprintf(json, sizeof json, "\"%s\"", dir);
  setenv("KOMODO_TEST", "1", 1);
  struct fixture f = {.open_libs = open_libs};
  fixture_open(&f, source);
  fixture_expect(&f, "runs", json, "");
  fixture_expect(&f, "hangs", "0", "[true,\"timeout\",\"git did not end within 0.05 s\"]");
  fixture_expect(&f, "misuse", "0", "");
  fixture_expect(&f, "folders", json, "");
  fixture_close(&f);
  assert_int_equal(rmdir(dir), 0);
}

/* The engine stops: git does not outlive it. */
static void stopped(void **state)
{
  (void)state;
  struct fixture f = {.open_libs = open_libs};
  fixture_open(&f, source);
  struct policy_task *task;
  struct diag d;
  char nothing[] = "0";
  assert_int_equal(policy_call(f.policy, "waits", fixture_push_json, nothing, &task, &d), OK);
  op_unref(&task->op);
  fixture_close(&f);
}

static void no_git(void **state)
{
  (void)state;
  char *path = mem_strdup(getenv("PATH"));
  setenv("PATH", "/nowhere", 1);
  struct fixture f = {.open_libs = open_libs};
  fixture_open(&f, source);
  fixture_expect(&f, "missing", "0", "[true,\"unsupported\"]");
  fixture_close(&f);
  setenv("PATH", path, 1);
  mem_free(path);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(git_and_folders), cmocka_unit_test(stopped), cmocka_unit_test(no_git)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
