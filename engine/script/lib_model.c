/* script/lib_model.c: see lib_model.h. */
#include "script/lib_model.h"

#include "base/log.h"
#include "base/mem.h"
#include "model/list.h"
#include "script/libs.h"

enum { MODEL_JSON_MAX = 64 * 1024 * 1024 };

static const char config_key, items_key;

static const struct lib_model *config_of(lua_State *L)
{
  lua_rawgetp(L, LUA_REGISTRYINDEX, &config_key);
  const struct lib_model *c = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return c;
}

static enum kind check_kind(lua_State *L, int arg)
{
  enum kind kind = kind_of(lua_check_str(L, arg));
  luaL_argcheck(L, kind != KIND_NONE, arg, "must be a resource type");
  return kind;
}

/* The user whose table is at `arg`; raises when there is none such. */
static struct viewer check_viewer(lua_State *L, int arg)
{
  struct viewer v;
  luaL_checktype(L, arg, LUA_TTABLE);
  lua_getfield(L, arg, "id");
  if (viewer_init(config_of(L)->model, lua_check_str(L, -1), &v))
    luaL_argerror(L, arg, "is no user");
  return v;
}

static int raise_err(lua_State *L, Err err, const struct diag *d)
{
  lua_push_err(L, err, d, "model");
  return lua_error(L);
}

static enum perm_level check_level(lua_State *L, int arg)
{
  enum perm_level level;
  if (!perm_level_parse(str_of(luaL_optstring(L, arg, "Read")), &level))
    luaL_argerror(L, arg, "must be None, Read, Execute or Write");
  return level;
}

static uint8_t check_specifics(lua_State *L, int arg)
{
  uint8_t specific = 0, bit;
  if (lua_isnoneornil(L, arg))
    return 0;
  luaL_checktype(L, arg, LUA_TTABLE);
  for (lua_Integer i = 1; lua_geti(L, arg, i) != LUA_TNIL; i++) {
    if (!perm_specific_parse(lua_check_str(L, -1), &bit))
      luaL_argerror(L, arg, "unknown specific permission");
    specific = (uint8_t)(specific | bit);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return specific;
}

/* engine.model.touch(kind, id?)                                       [-2, +0, e] */
static int l_touch(lua_State *L)
{
  model_touch(config_of(L)->model, check_kind(L, 1), lua_isnoneornil(L, 2) ? STR_NONE : lua_check_str(L, 2));
  return 0;
}

/* engine.model.version(kind) -> integer: another one once any resource of the kind changed   [-1, +1, e] */
static int l_version(lua_State *L)
{
  lua_pushinteger(L, (lua_Integer)config_of(L)->model->versions[check_kind(L, 1)]);
  return 1;
}

/* engine.model.require(user, kind, id_or_name, level, specifics?) -> document   [-5, +1, e] */
static int l_require(lua_State *L)
{
  lua_settop(L, 5);
  enum kind kind = check_kind(L, 2);
  struct str key = lua_check_str(L, 3);
  struct perm need = {(uint8_t)check_level(L, 4), check_specifics(L, 5)};
  struct viewer viewer = check_viewer(L, 1);
  const struct row *row;
  struct diag d;
  Err err = model_require(config_of(L)->model, &viewer, kind, key, need, &row, &d);
  if (err)
    return raise_err(L, err, &d);
  struct str latest = table_latest(config_of(L)->model->resources[kind], row->id);
  json_push_text(L, latest.ptr ? latest : row->json);
  return 1;
}

/* engine.model.perm(user, kind, id) -> permission value               [-3, +1, e] */
static int l_perm(lua_State *L)
{
  lua_settop(L, 3);
  enum kind kind = check_kind(L, 2);
  struct str key = lua_check_str(L, 3);
  struct viewer viewer = check_viewer(L, 1);
  const struct row *row = table_resolve(config_of(L)->model->resources[kind], key);
  struct diag d;
  if (!row)
    return raise_err(L, diag_set(&d, ERR_NOTFOUND, "Did not find any %s matching %.*s", kinds[kind].type, STR_ARG(key)), &d);
  struct buf *out = lua_buf(L, 1024);
  perm_write(model_perm(config_of(L)->model, &viewer, row), out);
  json_push_text(L, buf_str(out));
  return 1;
}

/* Holds the rows of a selection while they become Lua values, which may raise. */
static int push_rows(lua_State *L)
{
  const struct row **rows = lua_touserdata(L, 1);
  lua_Integer count = lua_tointeger(L, 2);
  lua_createtable(L, (int)count, 0);
  luaL_setmetatable(L, "komodo.array");
  for (lua_Integer i = 0; i < count; i++) {
    json_push_text(L, rows[i]->json);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

/* engine.model.select(user, kind, query, level) -> documents          [-4, +1, e] */
static int l_select(lua_State *L)
{
  lua_settop(L, 4);
  enum kind kind = check_kind(L, 2);
  struct perm need = {(uint8_t)check_level(L, 4), 0};
  struct buf *text = lua_buf(L, MODEL_JSON_MAX);
  if (lua_isnil(L, 3))
    buf_add_text(text, "{}");
  else
    json_encode(L, 3, text);
  struct viewer viewer = check_viewer(L, 1);
  yyjson_doc *doc = NULL;
  const struct row **rows = NULL;
  size_t count = 0;
  struct diag d;
  Err err = json_parse(buf_str(text), &doc, &d);
  if (!err)
    err = list_select(config_of(L)->model, kind, yyjson_doc_get_root(doc), &viewer, need, &rows, &count, &d);
  yyjson_doc_free(doc);
  if (err)
    return raise_err(L, err, &d);
  lua_pushcfunction(L, push_rows);
  lua_pushlightuserdata(L, rows);
  lua_pushinteger(L, (lua_Integer)count);
  int status = lua_pcall(L, 2, 1, 0);
  mem_free(rows);
  return status == LUA_OK ? 1 : lua_error(L);
}

/* engine.model.readable(user) -> { Kind = { id, … } }                 [-1, +1, e] */
static int l_readable(lua_State *L)
{
  struct model *model = config_of(L)->model;
  struct viewer viewer = check_viewer(L, 1);
  lua_newtable(L);
  for (int k = 0; k < KIND_COUNT; k++) {
    size_t count;
    const struct row *const *rows = table_sorted(model->resources[k], &count);
    lua_newtable(L);
    luaL_setmetatable(L, "komodo.array");
    lua_Integer n = 0;
    for (size_t i = 0; i < count; i++) {
      if (!perm_allows(model_perm(model, &viewer, rows[i]), (struct perm){PERM_READ, 0}))
        continue;
      lua_pushlstring(L, rows[i]->id.ptr, rows[i]->id.len);
      lua_rawseti(L, -2, ++n);
    }
    if (n)
      lua_setfield(L, -2, kinds[k].type);
    else
      lua_pop(L, 1);
  }
  return 1;
}

/* ---- engine.status ---- */

static const struct server_status *status_at(lua_State *L) { return status_get(config_of(L)->status, lua_check_str(L, 1)); }

static int l_state(lua_State *L)
{
  const struct server_status *s = status_at(L);
  if (s)
    lua_pushstring(L, server_state_name(s->state));
  else
    lua_pushnil(L);
  return 1;
}

static int l_container(lua_State *L)
{
  const struct server_status *s = status_at(L);
  struct str name = lua_check_str(L, 2);
  yyjson_val *list = s ? json_path(s->root, "docker.containers") : NULL, *c;
  size_t i, n;
  yyjson_arr_foreach(list, i, n, c) {
    if (str_eq(json_get_str(c, "name"), name)) {
      json_push(L, c);
      return 1;
    }
  }
  lua_pushnil(L);
  return 1;
}

static int l_part(lua_State *L)
{
  const struct server_status *s = status_at(L);
  yyjson_val *v = s ? json_path(s->root, luaL_checkstring(L, 2)) : NULL;
  if (v)
    json_push(L, v);
  else
    lua_pushnil(L);
  return 1;
}

static int l_text(lua_State *L)
{
  const struct server_status *s = status_at(L);
  yyjson_val *v = s ? json_path(s->root, luaL_checkstring(L, 2)) : NULL;
  struct buf *out = lua_buf(L, MODEL_JSON_MAX);
  if (!v)
    return 0;
  json_write(v, out);
  lua_pushlstring(L, out->ptr ? out->ptr : "null", out->len);
  return 1;
}

/* ---- engine.items ---- */

static int l_items(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &items_key);
  return 0;
}

struct item_call {
  enum kind kind;
  const struct row *row;
  struct buf *out;
  char *bucket;
};

/* items[kind](document) -> info, bucket?                              protected */
static int make_item(lua_State *L)
{
  const struct item_call *c = lua_touserdata(L, 1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &items_key);
  lua_getfield(L, -1, kinds[c->kind].type);
  json_push_text(L, c->row->json);
  lua_call(L, 1, 2);
  snprintf(c->bucket, 16, "%s", luaL_optstring(L, -1, ""));
  json_encode(L, -2, c->out);
  return 0;
}

static bool make_info(void *data, enum kind kind, const struct row *row, struct buf *out, char ret_bucket[16])
{
  lua_State *L = data;
  if (kind == KIND_SERVER)
    return status_server_info(config_of(L)->status, row, out, ret_bucket);
  struct item_call call = {kind, row, out, ret_bucket};
  lua_pushcfunction(L, make_item);
  lua_pushlightuserdata(L, &call);
  if (lua_pcall(L, 1, 0, 0) == LUA_OK)
    return buf_err(out) == OK;
  log_error("list item of %s %.*s: %s", kinds[kind].type, STR_ARG(row->name), luaL_tolstring(L, -1, NULL));
  lua_pop(L, 2);
  return false;
}

static const luaL_Reg model_functions[] = {{"touch", l_touch}, {"version", l_version}, {"require", l_require}, {"perm", l_perm},
                                           {"select", l_select}, {"readable", l_readable}, {NULL, NULL}};
static const luaL_Reg status_functions[] = {{"state", l_state}, {"container", l_container}, {"part", l_part}, {"text", l_text}, {NULL, NULL}};

void lib_model_open(lua_State *L, const struct lib_model *config)
{
  lua_pushlightuserdata(L, (void *)(uintptr_t)config);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &config_key);
  lua_engine_lib(L, "model", model_functions);
  lua_engine_lib(L, "status", status_functions);
  lua_getglobal(L, "engine");
  lua_pushcfunction(L, l_items);
  lua_setfield(L, -2, "items");
  lua_pop(L, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  config->model->make_info_data = lua_tothread(L, -1);
  config->model->make_info = make_info;
  lua_pop(L, 1);
}
