/* script/lib_store.c: engine.store: durable documents and the tables kept in memory. See libs.h. */
#include "script/policy_internal.h"

enum { DOCUMENT_MAX = 64 * 1024 * 1024, FILTER_MAX = 1024 * 1024 };

static const char CHANGE[] = "komodo.change";
static const char config_key;

struct lua_change {
  struct buf arranged;       /* the same in its declared form */
  struct change *change;     /* NULL once it was committed */
  struct buf json;           /* a document on its way; here so that a raise loses nothing */
};

static const struct lib_store *config_of(lua_State *L)
{
  lua_rawgetp(L, LUA_REGISTRYINDEX, &config_key);
  const struct lib_store *config = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return config;
}

static struct table *find_table(lua_State *L, const char *collection)
{
  const struct lib_store *config = config_of(L);
  for (size_t i = 0; i < config->count; i++)
    if (strcmp(table_collection(config->tables[i]), collection) == 0)
      return config->tables[i];
  return NULL;
}

static struct table *check_table(lua_State *L)
{
  const char *collection = luaL_checkstring(L, 1);
  struct table *table = find_table(L, collection);
  if (!table)
    luaL_error(L, "collection '%s' is not kept in memory: use engine.store.find or get", collection);
  return table;
}

/* ---- change objects ---- */
static struct lua_change *check_change(lua_State *L)
{
  struct lua_change *c = luaL_checkudata(L, 1, CHANGE);
  if (!c->change)
    luaL_error(L, "this change was committed already");
  return c;
}

static int l_change(lua_State *L)
{
  struct lua_change *c = lua_newuserdatauv(L, sizeof *c, 0);
  *c = (struct lua_change){.json = BUF_INIT(DOCUMENT_MAX), .arranged = BUF_INIT(DOCUMENT_MAX)};
  luaL_setmetatable(L, CHANGE);
  c->change = change_new(config_of(L)->store);
  return 1;
}

/* The document at `arg` as JSON; a view that lives as long as the argument and the change. */
static struct str document(lua_State *L, int arg, struct lua_change *c)
{
  if (lua_type(L, arg) == LUA_TSTRING)
    return lua_check_str(L, arg);
  luaL_checktype(L, arg, LUA_TTABLE);
  buf_clear(&c->json);
  json_encode(L, arg, &c->json);
  if (buf_err(&c->json))
    luaL_error(L, "the document is too large");
  return buf_str(&c->json);
}

static int put(lua_State *L, void to_table(struct change *, struct table *, struct str, struct str),
               void to_batch(struct store_batch *, const char *, struct str, struct str))
{
  struct lua_change *c = check_change(L);
  const char *collection = luaL_checkstring(L, 2);
  struct str id = lua_check_str(L, 3);
  struct str json = document(L, 4, c);
  const struct lib_store *config = config_of(L);
  buf_clear(&c->arranged);
  if (config->arrange && config->arrange(collection, json, &c->arranged, config->data))
    json = buf_str(&c->arranged);
  struct table *table = find_table(L, collection);
  if (table)
    to_table(c->change, table, id, json);
  else
    to_batch(change_batch(c->change), collection, id, json);
  lua_settop(L, 1);
  return 1;
}

static int l_change_put(lua_State *L) { return put(L, change_put, store_batch_put); }
static int l_change_insert(lua_State *L) { return put(L, change_insert, store_batch_insert); }

static int l_change_delete(lua_State *L)
{
  struct lua_change *c = check_change(L);
  const char *collection = luaL_checkstring(L, 2);
  struct str id = lua_check_str(L, 3);
  struct table *table = find_table(L, collection);
  if (table)
    change_delete(c->change, table, id);
  else
    store_batch_delete(change_batch(c->change), collection, id);
  lua_settop(L, 1);
  return 1;
}

static int commit_finish(lua_State *L, int status, lua_KContext ctx)
{
  struct op *op = (struct op *)ctx;
  (void)status;
  if (op->err)
    return lua_fail(L, op, "commit");
  lua_pushboolean(L, true);
  return 1;
}

static int l_change_commit(lua_State *L)
{
  struct lua_change *c = check_change(L);
  struct op **box = op_box(L);
  change_start(c->change, box);
  c->change = NULL;
  buf_release(&c->json);
  buf_release(&c->arranged);
  return op_await(L, box, commit_finish);
}

static int l_change_gc(lua_State *L)
{
  struct lua_change *c = lua_touserdata(L, 1);
  if (c->change)
    change_free(c->change);
  c->change = NULL;
  buf_release(&c->json);
  buf_release(&c->arranged);
  return 0;
}

/* ---- reading what is on disk ---- */
static int find_finish(lua_State *L, int status, lua_KContext ctx)
{
  struct store_find *find = (struct store_find *)ctx;
  (void)status;
  if (find->op.err)
    return lua_fail(L, &find->op, "find");
  return lua_json_result(L, buf_str(&find->json));
}

static lua_Integer option(lua_State *L, int arg, const char *name)
{
  lua_getfield(L, arg, name);
  int is_integer;
  lua_Integer n = lua_tointegerx(L, -1, &is_integer);
  if (!lua_isnil(L, -1) && (!is_integer || n < 0))
    luaL_error(L, "option '%s' must be a whole number, not negative", name);
  lua_pop(L, 1);
  return n;
}

static int l_find(lua_State *L)
{
  struct store_query query = {.collection = luaL_checkstring(L, 1)};
  lua_settop(L, 3);
  if (lua_istable(L, 3)) {
    query.skip = (uint64_t)option(L, 3, "skip");
    query.limit = (uint64_t)option(L, 3, "limit");
    lua_getfield(L, 3, "desc");
    query.descending = lua_toboolean(L, -1);
    lua_getfield(L, 3, "sort");
    query.sort = luaL_optstring(L, -1, NULL);
  }
  if (lua_type(L, 2) == LUA_TSTRING) {
    query.filter = lua_check_str(L, 2);
  } else if (!lua_isnoneornil(L, 2)) {
    luaL_checktype(L, 2, LUA_TTABLE);
    struct buf *json = lua_buf(L, FILTER_MAX);
    json_encode(L, 2, json);
    if (buf_err(json))
      return luaL_error(L, "the filter is too large");
    query.filter = buf_str(json);
  }
  struct op **box = op_box(L);
  struct store_find *find;
  store_find(config_of(L)->store, &query, &find);
  *box = &find->op;
  return op_await(L, box, find_finish);
}

static int l_get(lua_State *L)
{
  const char *collection = luaL_checkstring(L, 1);
  struct str id = lua_check_str(L, 2);
  const struct lib_store *config = config_of(L);
  struct op **box = op_box(L);
  struct store_find *find;
  store_get(config->store, collection, id, &find);
  *box = &find->op;
  return op_await(L, box, find_finish);
}

/* ---- reading what is in memory ---- */
static int push_row(lua_State *L, const struct row *row)
{
  if (row)
    json_push_text(L, row->json);
  else
    lua_pushnil(L);
  return 1;
}

static int l_row(lua_State *L) { return push_row(L, table_get(check_table(L), lua_check_str(L, 2))); }
static int l_resolve(lua_State *L) { return push_row(L, table_resolve(check_table(L), lua_check_str(L, 2))); }

static int l_latest(lua_State *L)
{
  struct str json = table_latest(check_table(L), lua_check_str(L, 2));
  if (json.ptr)
    json_push_text(L, json);
  else
    lua_pushnil(L);
  return 1;
}

static int l_count(lua_State *L)
{
  lua_pushinteger(L, (lua_Integer)table_count(check_table(L)));
  return 1;
}

static int l_list(lua_State *L)
{
  size_t count;
  const struct row *const *rows = table_sorted(check_table(L), &count);
  lua_createtable(L, (int)count, 0);
  luaL_setmetatable(L, "komodo.array");
  for (size_t i = 0; i < count; i++) {
    json_push_text(L, rows[i]->json);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

static const luaL_Reg functions[] = {{"change", l_change}, {"find", l_find},     {"get", l_get},   {"row", l_row},
                                     {"resolve", l_resolve}, {"latest", l_latest}, {"count", l_count}, {"list", l_list}, {NULL, NULL}};
static const luaL_Reg change_methods[] = {{"put", l_change_put},       {"insert", l_change_insert},
                                          {"delete", l_change_delete}, {"commit", l_change_commit},
                                          {"__gc", l_change_gc},       {"__close", l_change_gc},
                                          {NULL, NULL}};

void lib_store_open(lua_State *L, const struct lib_store *config)
{
  struct lib_store *copy = lua_newuserdatauv(L, sizeof *copy, 0);
  *copy = *config;
  lua_rawsetp(L, LUA_REGISTRYINDEX, &config_key);
  lua_new_class(L, CHANGE, change_methods);
  lua_engine_lib(L, "store", functions);
}
