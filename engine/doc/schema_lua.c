/* doc/schema_lua.c: see schema_lua.h. Every document lives in a box the collector owns (doc_internal.h). */
#include "doc/schema_lua.h"

#include <lauxlib.h>

#include "doc/doc_internal.h"

static const struct schema *of_state(lua_State *L) { return lua_touserdata(L, lua_upvalueindex(1)); }

static const struct schema_type *check_type(lua_State *L, int arg)
{
  const char *name = luaL_checkstring(L, arg);
  const struct schema_type *type = schema_type(of_state(L), name);
  if (!type)
    luaL_error(L, "no type is named %s", name);
  return type;
}

static void check_memory(lua_State *L, bool ok)
{
  if (!ok)
    luaL_error(L, "not enough memory");
}

/* The Lua value at `index` as a document in doc[slot] of the box; NULL for nil. */
static yyjson_val *boxed(lua_State *L, int index, struct json_box *box, size_t slot)
{
  if (lua_isnoneornil(L, index))
    return NULL;
  json_mut_doc_free(&box->mut[0]);
  check_memory(L, (box->mut[0] = yyjson_mut_doc_new(&box->alc)) != NULL);
  yyjson_mut_val *v = json_build(L, index, box->mut[0]);
  check_memory(L, json_freeze(v, &box->alc, &box->doc[slot]) == OK);
  return yyjson_doc_get_root(box->doc[slot]);
}

static void push_built(lua_State *L, yyjson_mut_val *value, struct json_box *box)
{
  check_memory(L, value != NULL);
  json_doc_free(&box->doc[0]);
  check_memory(L, json_freeze(value, &box->alc, &box->doc[0]) == OK);
  json_push(L, yyjson_doc_get_root(box->doc[0]));
}

static int failed(lua_State *L, Err err, const struct diag *d)
{
  check_memory(L, err != ERR_NOMEM);
  return json_fail(L, err, d->message);
}

static int l_normalise(lua_State *L)
{
  static const char *const modes[] = {"full", "partial", NULL};
  const struct schema_type *type = check_type(L, 1);
  enum schema_mode mode = luaL_checkoption(L, 3, "full", modes) == 0 ? SCHEMA_FULL : SCHEMA_PARTIAL;
  struct json_box *box = json_box(L);
  yyjson_val *in = boxed(L, 2, box, 0);
  check_memory(L, (box->mut[1] = yyjson_mut_doc_new(&box->alc)) != NULL);
  yyjson_mut_val *out = NULL;
  struct diag d = {0};
  Err err = schema_normalise(type, in, mode, box->mut[1], &out, &d);
  if (err)
    return failed(L, err, &d);
  push_built(L, out, box);
  json_box_release(box);
  return 1;
}

static int l_merge(lua_State *L)
{
  const struct schema_type *type = check_type(L, 1);
  struct json_box *box = json_box(L);
  yyjson_val *stored = boxed(L, 2, box, 0), *given = boxed(L, 3, box, 1);
  check_memory(L, (box->mut[1] = yyjson_mut_doc_new(&box->alc)) != NULL);
  yyjson_mut_val *partial = NULL, *merged = NULL, *changed = NULL;
  struct diag d = {0};
  Err err = given ? schema_normalise(type, given, SCHEMA_PARTIAL, box->mut[1], &partial, &d) : OK;
  if (!err)
    err = schema_merge(type, stored, partial, box->mut[1], &merged, &changed, &d);
  if (err)
    return failed(L, err, &d);
  push_built(L, merged, box);
  push_built(L, changed, box);
  json_box_release(box);
  return 2;
}

static int l_default(lua_State *L)
{
  const struct schema_type *type = check_type(L, 1);
  struct json_box *box = json_box(L);
  check_memory(L, (box->mut[1] = yyjson_mut_doc_new(&box->alc)) != NULL);
  push_built(L, schema_default(type, box->mut[1]), box);
  json_box_release(box);
  return 1;
}

static void set_text(lua_State *L, const char *key, const char *text)
{
  if (!text)
    return;
  lua_pushstring(L, text);
  lua_setfield(L, -2, key);
}

static int l_request(lua_State *L)
{
  static const char *const groups[] = {[SCHEMA_LOGIN] = "auth/login", [SCHEMA_MANAGE] = "auth/manage", [SCHEMA_READ] = "read",
                                       [SCHEMA_WRITE] = "write", [SCHEMA_EXECUTE] = "execute", NULL};
  static const char *const accesses[] = {[ACCESS_ANY] = "any",           [ACCESS_ADMIN] = "admin",
                                         [ACCESS_RESOURCE] = "resource", [ACCESS_CREATE] = "create",
                                         [ACCESS_HANDLER] = "handler",   [ACCESS_NONE] = "none"};
  enum schema_group group = (enum schema_group)luaL_checkoption(L, 1, NULL, groups);
  struct str name;
  name.ptr = luaL_checklstring(L, 2, &name.len);
  const struct schema_request *r = schema_request(of_state(L), group, name);
  if (!r)
    return 0;
  lua_createtable(L, 0, 9);
  set_text(L, "name", r->name);
  set_text(L, "group", groups[r->group]);
  set_text(L, "doc", r->doc);
  set_text(L, "result", r->result);
  set_text(L, "access", accesses[r->access]);
  set_text(L, "resource", r->resource);
  set_text(L, "param", r->param);
  set_text(L, "level", r->level);
  lua_newtable(L);
  for (lua_Integer i = 0; r->specific && r->specific[i]; i++) {
    lua_pushstring(L, r->specific[i]);
    lua_rawseti(L, -2, i + 1);
  }
  lua_setfield(L, -2, "specific");
  return 1;
}

int schema_open(lua_State *L, const struct schema *schema)
{
  static const luaL_Reg functions[] = {
      {"normalise", l_normalise}, {"merge", l_merge}, {"default", l_default}, {"request", l_request}, {NULL, NULL}};
  luaL_newlibtable(L, functions);
  /* The functions only read it; Lua has no pointer to const. */
  lua_pushlightuserdata(L, (void *)(uintptr_t)schema);
  luaL_setfuncs(L, functions, 1);
  return 1;
}
