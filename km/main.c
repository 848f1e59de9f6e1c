/* km/main.c: km: opens Lua, finds modules in the program itself, and runs km/main.lua with the words after the options. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/embed.h"
#include "doc/json.h"
#include "km/native.h"
#include "script/libs.h"
#include "script/policy_internal.h"

extern const struct embed_file km_stdlib[], km_commands[];

static const struct embed_file *find(const char *path)
{
  const struct embed_file *const tables[] = {km_commands, km_stdlib};
  for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
    for (const struct embed_file *f = tables[i]; f->path; f++)
      if (strcmp(f->path, path) == 0)
        return f;
  return NULL;
}

/* package searcher(name) -> loader, path | message                  [-0, +1|2, e] */
static int l_search(lua_State *L)
{
  const char *base = luaL_gsub(L, luaL_checkstring(L, 1), ".", "/");
  const char *path = lua_pushfstring(L, "%s.lua", base);
  const struct embed_file *file = find(path);
  if (!file) {
    path = lua_pushfstring(L, "%s/init.lua", base);
    file = find(path);
  }
  if (!file) {
    lua_pushfstring(L, "no module '%s' in km", lua_tostring(L, 1));
    return 1;
  }
  lua_pushfstring(L, "@%s", path);
  if (luaL_loadbufferx(L, file->data, file->size, lua_tostring(L, -1), "t") != LUA_OK)
    return lua_error(L);
  lua_pushstring(L, path);
  return 2;
}

/* Ours comes before the folders of the system, so that nobody's file stands in for a module of km. */
static void add_searcher(lua_State *L)
{
  lua_getglobal(L, "table");
  lua_getfield(L, -1, "insert");
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "searchers");
  lua_remove(L, -2);
  lua_pushinteger(L, 2);
  lua_pushcfunction(L, l_search);
  lua_call(L, 3, 0);
  lua_pop(L, 1);
}

/* Where the distribution has modules, beside the places Lua itself knows. [-0, +0, m] */
static void add_places(lua_State *L)
{
  static const char *const places[][2] = {
    {"path", "/usr/share/lua/5.4/?.lua;/usr/share/lua/5.4/?/init.lua"},
    {"cpath", "/usr/lib/" KM_ARCHITECTURE "/lua/5.4/?.so;/usr/lib/lua/5.4/?.so"}};
  lua_getglobal(L, "package");
  for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
    lua_getfield(L, -1, places[i][0]);
    lua_pushfstring(L, "%s;%s", lua_tostring(L, -1), places[i][1]);
    lua_setfield(L, -3, places[i][0]);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

/* require("komodo.native"): what the engine does in C for scripts, for komodo.testing   [-2, +1, m] */
static int l_native(lua_State *L)
{
  lua_pure_functions(L);
  return 1;
}

static void add_native(lua_State *L)
{
  json_open(L);   /* the marks of arrays, which decoded texts have */
  errors_open(L);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, l_native);
  lua_setfield(L, -2, "komodo.native");
  lua_pop(L, 2);
}

static int l_traceback(lua_State *L)
{
  luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
  return 1;
}

struct start {
  int argc;
  char **argv;
  struct conf_args args;
};

/* [-1, +1, e] require("km.main").run(words...) -> exit code */
static int l_main(lua_State *L)
{
  const struct start *start = lua_touserdata(L, 1);
  luaL_openlibs(L);
  add_searcher(L);
  add_places(L);
  add_native(L);
  native_open(L, &start->args);
  lua_getglobal(L, "require");
  lua_pushliteral(L, "km.main");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, start->args.help ? "help" : start->args.version ? "version" : "run");
  luaL_checkstack(L, start->argc, "too many words");
  for (int i = start->args.rest; i < start->argc; i++)
    lua_pushstring(L, start->argv[i]);
  lua_call(L, start->argc - start->args.rest, 1);
  return 1;
}

static void on_terminate(int number)
{
  (void)number;
  _exit(EXIT_SUCCESS);
}

/* Exit codes: 0 done, 1 something is wrong with what was looked at, 2 wrong use (spec cli.md 6). */
int main(int argc, char **argv)
{
  struct start start = {.argc = argc, .argv = argv};
  struct diag d;
  signal(SIGTERM, on_terminate);
  if (conf_args_parse(CONF_CLI, argc, argv, &start.args, &d)) {
    fprintf(stderr, "km: %s\n", d.message);
    return 2;
  }
  lua_State *L = luaL_newstate();
  if (!L) {
    fputs("km: no memory\n", stderr);
    return EXIT_FAILURE;
  }
  lua_pushcfunction(L, l_traceback);
  lua_pushcfunction(L, l_main);
  lua_pushlightuserdata(L, &start);
  int code = EXIT_FAILURE;
  if (lua_pcall(L, 1, 1, 1) == LUA_OK)
    code = (int)lua_tointeger(L, -1);
  else
    fprintf(stderr, "km: %s\n", lua_tostring(L, -1));
  lua_close(L);
  native_close();
  return code;
}
