/* script/loader.c: require() of the policy state: modules come from the embedded stdlib (or its folder while developing),
 * as text, and from nowhere else. `komodo._core.*` is always the embedded one. */
#include "base/mem.h"
#include "script/policy_internal.h"

enum { MODULE_NAME_MAX = 200 };

const struct embed_file *embed_find(const struct embed_file *files, const char *path)
{
  for (; files && files->path; files++)
    if (strcmp(files->path, path) == 0)
      return files;
  return NULL;
}

/* [-0, +1 when found] loads folder/path. */
static bool load_from_dir(lua_State *L, const char *folder, const char *path)
{
  lua_pushfstring(L, "%s/%s", folder, path);
  FILE *f = fopen(lua_tostring(L, -1), "rb");
  if (!f) {
    lua_pop(L, 1);
    return false;
  }
  fclose(f);
  if (luaL_loadfilex(L, lua_tostring(L, -1), "t") != LUA_OK)
    lua_error(L);
  lua_remove(L, -2);
  return true;
}

static bool load_from_table(lua_State *L, const struct embed_file *files, const char *path)
{
  const struct embed_file *file = embed_find(files, path);
  if (!file)
    return false;
  lua_pushfstring(L, "@%s", path);
  if (luaL_loadbufferx(L, file->data, file->size, lua_tostring(L, -1), "t") != LUA_OK)
    lua_error(L);
  lua_remove(L, -2);
  return true;
}

/* package searcher(name) -> loader, path | message                  [-0, +1|2, e] */
static int l_search(lua_State *L)
{
  static const char *const forms[] = {"%s.lua", "%s/init.lua"};
  struct policy *policy = policy_of(L);
  size_t len;
  const char *name = luaL_checklstring(L, 1, &len);
  if (len == 0 || len > MODULE_NAME_MAX || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.") != len || strstr(name, ".."))
    return luaL_error(L, "module names are like 'komodo.stacks'");
  const char *base = luaL_gsub(L, name, ".", "/");
  for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
    const char *path = i == 0 ? lua_pushfstring(L, forms[0], base) : lua_pushfstring(L, forms[1], base);
    bool found = load_from_table(L, script_core, path);
    if (!found && policy->stdlib_dir)
      found = load_from_dir(L, policy->stdlib_dir, path);
    else if (!found)
      found = load_from_table(L, policy->stdlib, path);
    if (found) {
      lua_pushstring(L, path);
      return 2;
    }
  }
  lua_pushfstring(L, "no module '%s' in the standard library", name);
  return 1;
}

void loader_open(lua_State *L)
{
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "searchers");
  lua_createtable(L, 2, 0);
  lua_rawgeti(L, -2, 1);             /* package.preload */
  lua_rawseti(L, -2, 1);
  lua_pushcfunction(L, l_search);
  lua_rawseti(L, -2, 2);
  lua_setfield(L, -3, "searchers");
  lua_pop(L, 2);
}
