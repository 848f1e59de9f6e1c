/* script/lib_hub.c: engine.hub: requests to agents and who they are. See libs.h. */
#include "link/key_work.h"
#include "script/policy_internal.h"

enum { PARAMS_MAX = 64 * 1024 * 1024 };

static const char hub_key;

static struct hub *hub_of(lua_State *L)
{
  lua_rawgetp(L, LUA_REGISTRYINDEX, &hub_key);
  struct hub *hub = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return hub;
}

static int request_finish(lua_State *L, int status, lua_KContext ctx)
{
  struct hub_call *call = (struct hub_call *)ctx;
  (void)status;
  if (call->op.err)
    return lua_fail(L, &call->op, "request to the agent");
  return lua_json_result(L, buf_str(&call->json));
}

/* engine.hub.request(server_id, type, params?) -> result | nil, err  [-3, +1|2, e, waits] */
static int l_request(lua_State *L)
{
  struct str id = lua_check_str(L, 1), type = lua_check_str(L, 2), params = STR("{}");
  lua_settop(L, 3);
  if (lua_istable(L, 3)) {
    struct buf *json = lua_buf(L, PARAMS_MAX);
    json_encode(L, 3, json);
    if (buf_err(json))
      return luaL_error(L, "the parameters of %s are too large", type.ptr);
    params = buf_str(json);
  } else if (!lua_isnil(L, 3)) {
    params = lua_check_str(L, 3);
  }
  struct op **box = op_box(L);
  struct hub_call *call;
  hub_request(hub_of(L), id, type, params, &call);
  *box = &call->op;
  return op_await(L, box, request_finish);
}

/* The field of the table at 1; the value stays on the stack, so that the view stays valid. */
static struct str field(lua_State *L, const char *name)
{
  lua_getfield(L, 1, name);
  size_t len = 0;
  const char *ptr = lua_isnil(L, -1) ? "" : lua_tolstring(L, -1, &len);
  if (!ptr)
    luaL_error(L, "field '%s' must be text", name);
  return str_make(ptr, len);
}

/* engine.hub.set{ id =, … }                                           [-1, +0, e] */
static int l_set(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  struct hub_server server = {.id = field(L, "id"),
                              .address = field(L, "address"),
                              .public_key = field(L, "public_key"),
                              .passkey = field(L, "passkey")};
  luaL_argcheck(L, server.id.len, 1, "id is missing");
  lua_getfield(L, 1, "enabled");
  server.enabled = lua_toboolean(L, -1);
  lua_getfield(L, 1, "insecure_tls");
  server.insecure_tls = lua_toboolean(L, -1);
  hub_set(hub_of(L), &server);
  return 0;
}

static int l_remove(lua_State *L)
{
  hub_remove(hub_of(L), lua_check_str(L, 1));
  return 0;
}

static int l_is_connected(lua_State *L)
{
  lua_pushboolean(L, hub_is_connected(hub_of(L), lua_check_str(L, 1)));
  return 1;
}

static int l_error(lua_State *L)
{
  struct diag d = {0};
  Err err = hub_error(hub_of(L), lua_check_str(L, 1), &d);
  if (err)
    lua_push_err(L, err, &d, "connection");
  else
    lua_pushnil(L);
  return 1;
}

/* ---- the engine's own key ---- */

static const char KEY[] = "komodo.key";

static int l_key_gc(lua_State *L)
{
  key_pair_release(luaL_checkudata(L, 1, KEY));
  return 0;
}

/* tostring(key) -> the public key                                     [-1, +1, e] */
static int l_key_text(lua_State *L)
{
  const struct key_pair *pair = luaL_checkudata(L, 1, KEY);
  lua_pushstring(L, pair->text);
  return 1;
}

static int draft_finish(lua_State *L, int status, lua_KContext ctx)
{
  struct key_work *work = (struct key_work *)ctx;
  (void)status;
  if (work->op.err)
    return lua_fail(L, &work->op, "new key");
  struct key_pair *pair = lua_newuserdatauv(L, sizeof *pair, 0);
  *pair = work->pair;
  luaL_setmetatable(L, KEY);
  return 1;
}

/* engine.hub.draft_key(path) -> a new key, written beside `path` | nil, err   [-1, +1|2, e, waits] */
static int l_draft_key(lua_State *L)
{
  struct str path = lua_check_str(L, 1);
  struct op **box = op_box(L);
  struct key_work *work;
  key_draft(policy_of(L)->loop, path, &work);
  *box = &work->op;
  return op_await(L, box, draft_finish);
}

static int adopt_finish(lua_State *L, int status, lua_KContext ctx)
{
  const struct op *op = (const struct op *)ctx;
  (void)status;
  if (op->err)
    return lua_fail(L, op, "new key");
  lua_pushboolean(L, true);
  return 1;
}

/* engine.hub.adopt_key(key, path) -> true | nil, err: used for logins from now on, and written to `path`   [-2, +1|2, e, waits] */
static int l_adopt_key(lua_State *L)
{
  const struct key_pair *pair = luaL_checkudata(L, 1, KEY);
  struct str path = lua_check_str(L, 2);
  struct op **box = op_box(L);
  struct key_work *work;
  hub_set_key(hub_of(L), pair);
  key_adopt(policy_of(L)->loop, path, pair, &work);
  *box = &work->op;
  return op_await(L, box, adopt_finish);
}

static const luaL_Reg key_methods[] = {{"__gc", l_key_gc}, {"__tostring", l_key_text}, {NULL, NULL}};
static const luaL_Reg functions[] = {{"request", l_request}, {"set", l_set}, {"remove", l_remove},
                                     {"is_connected", l_is_connected}, {"error", l_error}, {"draft_key", l_draft_key},
                                     {"adopt_key", l_adopt_key}, {NULL, NULL}};

void lib_hub_open(lua_State *L, struct hub *hub)
{
  luaL_newmetatable(L, KEY);
  luaL_setfuncs(L, key_methods, 0);
  lua_pop(L, 1);
  lua_pushlightuserdata(L, hub);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &hub_key);
  lua_engine_lib(L, "hub", functions);
}
