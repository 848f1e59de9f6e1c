/* doc/json_lua.c: the bridge of json.h between JSON documents and Lua values. */
#include <lauxlib.h>
#include <math.h>

#include "base/err.h"
#include "doc/doc_internal.h"

static const char array_mt_key;   /* its address is the registry key of the array metatable */

/* [-0, +1, m] */
static void push_array_mt(lua_State *L)
{
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &array_mt_key) == LUA_TTABLE)
    return;
  lua_pop(L, 1);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "json.array");
  lua_setfield(L, -2, "__name");
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &array_mt_key);
}

/* ---- memory of the state ---- */

enum { BOX_HEADER = 16 };   /* keeps the size Lua's allocator wants back, and the alignment */

static void *state_realloc(void *ctx, void *ptr, size_t old_size, size_t size)
{
  struct json_box *box = ctx;
  char *at = ptr ? (char *)ptr - BOX_HEADER : NULL;
  (void)old_size;
  size_t was = 0, total;
  if (at)
    memcpy(&was, at, sizeof was);
  if (__builtin_add_overflow(size, (size_t)BOX_HEADER, &total))
    return NULL;
  char *fresh = box->alloc(box->ud, at, was, total);
  if (!fresh)
    return NULL;
  memcpy(fresh, &total, sizeof total);
  return fresh + BOX_HEADER;
}

static void *state_malloc(void *ctx, size_t size) { return state_realloc(ctx, NULL, 0, size); }

static void state_free(void *ctx, void *ptr)
{
  struct json_box *box = ctx;
  if (!ptr)
    return;
  char *at = (char *)ptr - BOX_HEADER;
  size_t was;
  memcpy(&was, at, sizeof was);
  box->alloc(box->ud, at, was, 0);
}

void json_box_release(struct json_box *box)
{
  for (size_t i = 0; i < ARRAY_LEN(box->doc); i++) {
    json_doc_free(&box->doc[i]);
    json_mut_doc_free(&box->mut[i]);
  }
  state_free(box, box->text);
  box->text = NULL;
}

static int box_gc(lua_State *L)
{
  json_box_release(lua_touserdata(L, 1));
  return 0;
}

struct json_box *json_box(lua_State *L)
{
  struct json_box *box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = (struct json_box){.alc = {state_malloc, state_realloc, state_free, box}};
  box->alloc = lua_getallocf(L, &box->ud);
  if (luaL_newmetatable(L, "json.box")) {
    lua_pushcfunction(L, box_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return box;
}

/* ---- JSON -> Lua ---- */

static int size_hint(size_t n) { return n > 1 << 20 ? 1 << 20 : (int)n; }

static void push_number(lua_State *L, yyjson_val *v)
{
  if (yyjson_is_sint(v))
    lua_pushinteger(L, yyjson_get_sint(v));
  else if (yyjson_is_uint(v) && yyjson_get_uint(v) <= INT64_MAX)
    lua_pushinteger(L, (lua_Integer)yyjson_get_uint(v));
  else
    lua_pushnumber(L, yyjson_get_num(v));
}

static void push_value(lua_State *L, yyjson_val *v, int array_mt, int depth);

static void push_array(lua_State *L, yyjson_val *v, int array_mt, int depth)
{
  size_t i, max;
  yyjson_val *item;
  lua_createtable(L, size_hint(yyjson_arr_size(v)), 0);
  yyjson_arr_foreach(v, i, max, item) {
    push_value(L, item, array_mt, depth);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_pushvalue(L, array_mt);
  lua_setmetatable(L, -2);
}

static void push_object(lua_State *L, yyjson_val *v, int array_mt, int depth)
{
  size_t i, max;
  yyjson_val *key, *item;
  lua_createtable(L, 0, size_hint(yyjson_obj_size(v)));
  yyjson_obj_foreach(v, i, max, key, item) {
    lua_pushlstring(L, yyjson_get_str(key), yyjson_get_len(key));
    push_value(L, item, array_mt, depth);
    lua_rawset(L, -3);
  }
}

static void push_value(lua_State *L, yyjson_val *v, int array_mt, int depth)
{
  if (depth >= JSON_DEPTH_MAX && yyjson_is_ctn(v) && unsafe_yyjson_get_len(v))
    luaL_error(L, "JSON is nested deeper than %d", JSON_DEPTH_MAX);
  luaL_checkstack(L, 4, "JSON");
  switch (yyjson_get_type(v)) {
  case YYJSON_TYPE_OBJ: push_object(L, v, array_mt, depth + 1); return;
  case YYJSON_TYPE_ARR: push_array(L, v, array_mt, depth + 1); return;
  case YYJSON_TYPE_STR: lua_pushlstring(L, yyjson_get_str(v), yyjson_get_len(v)); return;
  case YYJSON_TYPE_NUM: push_number(L, v); return;
  case YYJSON_TYPE_BOOL: lua_pushboolean(L, yyjson_get_bool(v)); return;
  default: lua_pushlightuserdata(L, NULL); return;
  }
}

void json_push(lua_State *L, yyjson_val *value)
{
  luaL_checkstack(L, 2, "JSON");
  push_array_mt(L);
  push_value(L, value, lua_gettop(L), 0);
  lua_remove(L, -2);
}

/* Pushes the value, or one box and gives the error. */
static Err push_text(lua_State *L, struct str text, struct diag *reterr)
{
  struct json_box *box = json_box(L);
  Err err = json_parse_with(text, &box->alc, &box->doc[0], reterr);
  if (err == ERR_NOMEM) {
    lua_gc(L, LUA_GCCOLLECT, 0);   /* what Lua itself does before it gives up */
    err = json_parse_with(text, &box->alc, &box->doc[0], reterr);
  }
  if (err)
    return err;
  json_push(L, yyjson_doc_get_root(box->doc[0]));
  json_box_release(box);
  lua_remove(L, -2);
  return OK;
}

void json_push_text(lua_State *L, struct str text)
{
  struct diag d = {0};
  if (push_text(L, text, &d))
    luaL_error(L, "%s", d.message);
}

/* ---- Lua -> JSON ---- */

/* One walk serves both outputs: text into `out`, or values inside `doc`. */
struct walk {
  lua_State *L;
  struct buf *out;        /* NULL: build */
  yyjson_mut_doc *doc;
  size_t budget;          /* bytes that building may still use */
  int array_mt;
  int depth;
  struct step {           /* the containers from the root down to here */
    const void *table;
    const char *key;      /* NULL: `index` counts */
    lua_Integer index;
  } path[JSON_DEPTH_MAX];
};

static NORETURN void refuse(struct walk *w, const char *what)
{
  char place[200];
  size_t n = 0;
  place[0] = 0;
  for (int i = 0; i < w->depth && n < sizeof place - 1; i++) {
    const struct step *s = &w->path[i];
    int more = s->key   ? snprintf(place + n, sizeof place - n, "%s%.40s", n ? "." : "", s->key)
               : s->index ? snprintf(place + n, sizeof place - n, "[%lld]", (long long)s->index)
                          : 0;
    n += more > 0 ? (size_t)more : 0;
  }
  luaL_error(w->L, "%s cannot be JSON%s%s", what, place[0] ? ", at " : "", place);
  abort();   /* luaL_error does not return, but is not declared so */
}

static void spend(struct walk *w, size_t bytes)
{
  bytes += sizeof(yyjson_mut_val);
  if (bytes > w->budget)
    refuse(w, "a value of this size");
  w->budget -= bytes;
}

static yyjson_mut_val *built(struct walk *w, yyjson_mut_val *v)
{
  if (!v)
    luaL_error(w->L, "not enough memory");
  return v;
}

static void check_out(struct walk *w)
{
  if (buf_err(w->out) == ERR_NOMEM)
    luaL_error(w->L, "not enough memory");
  else if (buf_err(w->out))
    refuse(w, "a value of this size");
}

static yyjson_mut_val *walk_number(struct walk *w, int index)
{
  if (lua_isinteger(w->L, index)) {
    lua_Integer i = lua_tointeger(w->L, index);
    if (!w->out)
      return built(w, yyjson_mut_sint(w->doc, i));
    char text[24];
    buf_add(w->out, text, (size_t)snprintf(text, sizeof text, "%lld", (long long)i));
    return NULL;
  }
  double d = lua_tonumber(w->L, index);
  if (!isfinite(d))
    refuse(w, isnan(d) ? "NaN" : "an infinite number");
  if (!w->out)
    return built(w, yyjson_mut_real(w->doc, d));
  /* yyjson's writer gives the shortest digits that read back as the same number; its memory is this array. */
  yyjson_mut_val v = {.tag = YYJSON_TYPE_NUM | YYJSON_SUBTYPE_REAL, .uni = {.f64 = d}};
  char pool[1024];
  yyjson_alc alc;
  size_t len = 0;
  yyjson_alc_pool_init(&alc, pool, sizeof pool);
  char *text = yyjson_mut_val_write_opts(&v, YYJSON_WRITE_NOFLAG, &alc, &len, NULL);
  buf_add(w->out, text, len);
  return NULL;
}

static yyjson_mut_val *walk_string(struct walk *w, int index)
{
  struct str s;
  s.ptr = lua_tolstring(w->L, index, &s.len);
  if (!str_is_utf8(s))
    refuse(w, "text that is not UTF-8");
  if (w->out) {
    buf_add_json(w->out, s);
    return NULL;
  }
  spend(w, s.len);
  return built(w, yyjson_mut_strncpy(w->doc, s.ptr, s.len));
}

static yyjson_mut_val *walk_value(struct walk *w, int index);

/* [-0, +0, e] Values 1..n of the table at `index`, which has no others. */
static yyjson_mut_val *walk_array(struct walk *w, int index, lua_Integer n)
{
  struct step *step = &w->path[w->depth - 1];
  yyjson_mut_val *arr = w->out ? NULL : built(w, yyjson_mut_arr(w->doc));
  if (w->out)
    buf_add_char(w->out, '[');
  for (step->index = 1; step->index <= n; step->index++) {
    if (lua_rawgeti(w->L, index, step->index) == LUA_TNIL)
      refuse(w, "an array with a hole");
    if (w->out && step->index > 1)
      buf_add_char(w->out, ',');
    yyjson_mut_val *v = walk_value(w, lua_gettop(w->L));
    if (arr)
      yyjson_mut_arr_append(arr, v);
    lua_pop(w->L, 1);
  }
  if (w->out)
    buf_add_char(w->out, ']');
  return arr;
}

static yyjson_mut_val *walk_object(struct walk *w, int index)
{
  struct step *step = &w->path[w->depth - 1];
  yyjson_mut_val *obj = w->out ? NULL : built(w, yyjson_mut_obj(w->doc));
  bool first = true;
  if (w->out)
    buf_add_char(w->out, '{');
  for (lua_pushnil(w->L); lua_next(w->L, index); lua_pop(w->L, 1)) {
    if (lua_type(w->L, -2) != LUA_TSTRING) {
      step->key = NULL;
      refuse(w, "a table whose keys are neither 1..n nor all text");
    }
    if (w->out && !first)
      buf_add_char(w->out, ',');
    first = false;
    yyjson_mut_val *key = walk_string(w, -2);
    step->key = lua_tostring(w->L, -2);
    if (w->out)
      buf_add_char(w->out, ':');
    yyjson_mut_val *v = walk_value(w, lua_gettop(w->L));
    if (obj)
      yyjson_mut_obj_add(obj, key, v);
  }
  if (w->out)
    buf_add_char(w->out, '}');
  return obj;
}

static bool has_mark(lua_State *L, int index, int array_mt)
{
  if (!lua_getmetatable(L, index))
    return false;
  bool same = lua_rawequal(L, -1, array_mt);
  lua_pop(L, 1);
  return same;
}

/* Number of keys, or more than `limit` when there are more. */
static lua_Integer count_keys(lua_State *L, int index, lua_Integer limit)
{
  lua_Integer n = 0;
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
    if (++n > limit) {
      lua_pop(L, 2);
      return n;
    }
  return n;
}

static yyjson_mut_val *walk_table(struct walk *w, int index)
{
  const void *table = lua_topointer(w->L, index);
  for (int i = 0; i < w->depth; i++)
    if (w->path[i].table == table)
      refuse(w, "a table inside itself");
  lua_Integer n = (lua_Integer)lua_rawlen(w->L, index);
  bool array = n > 0 || has_mark(w->L, index, w->array_mt);
  bool empty = n == 0 && count_keys(w->L, index, 0) == 0;
  if (w->depth == JSON_DEPTH_MAX && !empty)
    refuse(w, "a table nested this deep");
  if (w->depth == JSON_DEPTH_MAX) {   /* an empty table holds nothing deeper, and needs no step */
    if (!w->out)
      return built(w, array ? yyjson_mut_arr(w->doc) : yyjson_mut_obj(w->doc));
    buf_add_text(w->out, array ? "[]" : "{}");
    return NULL;
  }
  luaL_checkstack(w->L, 6, "JSON");
  w->path[w->depth++] = (struct step){.table = table};
  if (array && count_keys(w->L, index, n) != n)
    refuse(w, "a table with both numbered and named keys, or with holes,");
  yyjson_mut_val *v = array ? walk_array(w, index, n) : walk_object(w, index);
  w->depth--;
  return v;
}

/* A table whose metatable has a table in `__json` is written as that one. */
static yyjson_mut_val *walk_shown(struct walk *w, int index)
{
  luaL_checkstack(w->L, 4, "JSON");
  if (!lua_getmetatable(w->L, index))
    return walk_table(w, index);
  lua_pushliteral(w->L, "__json");
  bool stands = lua_rawget(w->L, -2) == LUA_TTABLE;
  yyjson_mut_val *v = walk_table(w, stands ? lua_gettop(w->L) : index);
  lua_pop(w->L, 2);
  return v;
}

static NORETURN void refuse_type(struct walk *w, int index)
{
  char what[40];
  snprintf(what, sizeof what, "a %s", luaL_typename(w->L, index));
  refuse(w, what);
}

static yyjson_mut_val *walk_value(struct walk *w, int index)
{
  if (w->out)
    check_out(w);
  else
    spend(w, 0);
  switch (lua_type(w->L, index)) {
  case LUA_TTABLE: return walk_shown(w, index);
  case LUA_TSTRING: return walk_string(w, index);
  case LUA_TNUMBER: return walk_number(w, index);
  case LUA_TBOOLEAN:
    if (!w->out)
      return built(w, yyjson_mut_bool(w->doc, lua_toboolean(w->L, index)));
    buf_add_text(w->out, lua_toboolean(w->L, index) ? "true" : "false");
    return NULL;
  case LUA_TNIL: break;
  default:
    if (!lua_islightuserdata(w->L, index) || lua_touserdata(w->L, index))
      refuse_type(w, index);
  }
  if (!w->out)
    return built(w, yyjson_mut_null(w->doc));
  buf_add_text(w->out, "null");
  return NULL;
}

static yyjson_mut_val *walk(lua_State *L, int index, struct buf *out, yyjson_mut_doc *doc)
{
  index = lua_absindex(L, index);
  luaL_checkstack(L, 6, "JSON");
  push_array_mt(L);
  struct walk w = {.L = L, .out = out, .doc = doc, .budget = JSON_BUILD_MAX, .array_mt = lua_gettop(L)};
  yyjson_mut_val *v = walk_value(&w, index);
  if (out)
    check_out(&w);
  lua_pop(L, 1);
  return v;
}

void json_encode(lua_State *L, int index, struct buf *out) { walk(L, index, out, NULL); }
yyjson_mut_val *json_build(lua_State *L, int index, yyjson_mut_doc *doc) { return walk(L, index, NULL, doc); }

/* ---- the module ---- */

int json_fail(lua_State *L, Err err, const char *message)
{
  lua_pushnil(L);
  lua_createtable(L, 0, 2);
  lua_pushstring(L, err_name(err));
  lua_setfield(L, -2, "code");
  lua_pushstring(L, message);
  lua_setfield(L, -2, "message");
  luaL_setmetatable(L, "komodo.error");   /* where the state has errors that print well */
  return 2;
}

static int l_decode(lua_State *L)
{
  struct str text;
  text.ptr = luaL_checklstring(L, 1, &text.len);
  struct diag d = {0};
  Err err = push_text(L, text, &d);
  if (err == OK)
    return 1;
  return err == ERR_NOMEM ? luaL_error(L, "not enough memory") : json_fail(L, err, d.message);
}

static bool option(lua_State *L, const char *name)
{
  if (!lua_istable(L, 2))
    return false;
  lua_pushstring(L, name);
  lua_rawget(L, 2);
  bool is_on = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return is_on;
}

static int l_encode(lua_State *L)
{
  luaL_checkany(L, 1);
  luaL_argexpected(L, lua_isnoneornil(L, 2) || lua_istable(L, 2), 2, "nil or table");
  yyjson_write_flag how = option(L, "pretty") ? YYJSON_WRITE_PRETTY_TWO_SPACES : YYJSON_WRITE_NOFLAG;
  bool is_sorted = option(L, "sorted");
  struct json_box *box = json_box(L);
  size_t len = 0;
  box->mut[0] = yyjson_mut_doc_new(&box->alc);
  if (!box->mut[0])
    return luaL_error(L, "not enough memory");
  yyjson_mut_val *v = json_build(L, 1, box->mut[0]);
  if (is_sorted)
    json_sort(v);
  box->text = yyjson_mut_val_write_opts(v, how, &box->alc, &len, NULL);
  if (!box->text)
    return luaL_error(L, "not enough memory");
  lua_pushlstring(L, box->text, len);
  json_box_release(box);
  return 1;
}

/* The table given, or a new one, at stack place 1. */
static void table_or_new(lua_State *L)
{
  if (lua_isnoneornil(L, 1)) {
    lua_settop(L, 0);
    lua_newtable(L);
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
}

static int l_array(lua_State *L)
{
  table_or_new(L);
  push_array_mt(L);
  if (!has_mark(L, 1, 2) && luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
    return luaL_error(L, "this table's metatable is protected");
  lua_settop(L, 2);
  lua_setmetatable(L, 1);
  return 1;
}

static int l_object(lua_State *L)
{
  table_or_new(L);
  push_array_mt(L);
  if (has_mark(L, 1, 2)) {
    lua_pushnil(L);
    lua_setmetatable(L, 1);
  }
  lua_settop(L, 1);
  return 1;
}

static int l_is_array(lua_State *L)
{
  luaL_checkany(L, 1);
  push_array_mt(L);
  lua_pushboolean(L, lua_istable(L, 1) && has_mark(L, 1, lua_gettop(L)));
  return 1;
}

int json_open(lua_State *L)
{
  static const luaL_Reg functions[] = {{"decode", l_decode}, {"encode", l_encode},     {"array", l_array},
                                       {"object", l_object}, {"is_array", l_is_array}, {NULL, NULL}};
  luaL_newlib(L, functions);
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");
  push_array_mt(L);
  lua_setfield(L, -2, "array_mt");
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, "engine.json");
  lua_pop(L, 1);
  return 1;
}
