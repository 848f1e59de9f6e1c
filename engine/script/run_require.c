/* script/run_require.c: what require() of user scripts needs of C; the rest is komodo/_core/require.lua. */
#include "script/libs.h"
#include "script/policy_internal.h"
#include "script/run_internal.h"

/* compile(source, name) -> function | nil, words: text only            [-2, +1|2, m] */
static int l_compile(lua_State *L)
{
  size_t len;
  const char *source = luaL_checklstring(L, 1, &len);
  const char *name = lua_pushfstring(L, "=%s", luaL_checkstring(L, 2));
  if (luaL_loadbufferx(L, source, len, name, "t") == LUA_OK)
    return 1;
  lua_pushnil(L);
  lua_insert(L, -2);
  return 2;
}

/* builtin(name) -> function | nil: a module that the engine has        [-1, +1, e] */
static int l_builtin(lua_State *L)
{
  const struct runner_config *config = &run_of(L)->runner->config;
  const char *name = luaL_checkstring(L, 1);
  for (const char *const *at = config->module_names; at && *at; at++) {
    if (strcmp(*at, name) != 0)
      continue;
    luaL_gsub(L, name, ".", "/");
    const struct embed_file *file = embed_find(config->modules, lua_pushfstring(L, "%s.lua", lua_tostring(L, -1)));
    if (!file)
      return 0;
    if (luaL_loadbufferx(L, file->data, file->size, lua_pushfstring(L, "=%s", name), "t") != LUA_OK)
      return lua_error(L);
    return 1;
  }
  return 0;
}

/* lineage() -> { [task] = true }: the task that runs and what started it [-0, +1, m] */
static int l_lineage(lua_State *L)
{
  lua_newtable(L);
  for (struct fiber *task = run_of(L)->current; task; task = task->parent) {
    lua_pushboolean(L, true);
    lua_rawsetp(L, -2, task);
  }
  return 1;
}

/* task() -> what stands for the task that runs, as in lineage()        [-0, +1, -] */
static int l_task(lua_State *L)
{
  lua_pushlightuserdata(L, run_of(L)->current);
  return 1;
}

const luaL_Reg require_functions[] = {
    {"compile", l_compile}, {"builtin", l_builtin}, {"lineage", l_lineage}, {"task", l_task}, {NULL, NULL}};
