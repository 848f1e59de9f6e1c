/* Any text that parses must survive JSON -> Lua -> JSON unchanged in meaning. */
#include <lauxlib.h>

#include "doc/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int bridge(lua_State *L)
{
  json_push(L, lua_touserdata(L, 1));
  json_encode(L, -1, lua_touserdata(L, 2));
  return 0;
}

/* Lua keeps the last of equal keys and turns 2^63 and above into floats: such documents come back different. */
static bool exact(yyjson_val *v)
{
  size_t i, max;
  yyjson_val *key, *item;
  if (yyjson_is_uint(v))
    return yyjson_get_uint(v) <= INT64_MAX;
  yyjson_arr_foreach(v, i, max, item)
    if (!exact(item))
      return false;
  yyjson_obj_foreach(v, i, max, key, item)
    if (yyjson_obj_getn(v, yyjson_get_str(key), yyjson_get_len(key)) != item || !exact(item))
      return false;
  return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  CLEANUP(json_doc_free) yyjson_doc *doc = NULL;
  if (json_parse(str_make((const char *)data, size), &doc, NULL))
    return 0;
  yyjson_val *root = yyjson_doc_get_root(doc);
  CLEANUP(buf_release) struct buf out = BUF_INIT(16 * size + 64);
  lua_State *L = luaL_newstate();
  lua_pushcfunction(L, bridge);
  lua_pushlightuserdata(L, root);
  lua_pushlightuserdata(L, &out);
  if (lua_pcall(L, 2, 0, 0) != LUA_OK || buf_err(&out))
    abort();
  CLEANUP(json_doc_free) yyjson_doc *again = NULL;
  if (json_parse(buf_str(&out), &again, NULL))
    abort();
  if (exact(root) && !json_equal(root, yyjson_doc_get_root(again)))
    abort();
  lua_close(L);
  return 0;
}
