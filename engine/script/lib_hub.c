/* script/lib_hub.c: engine.hub: requests to agents and who they are. See libs.h. */
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

static const luaL_Reg functions[] = {{"request", l_request}, {"set", l_set}, {"remove", l_remove},
                                     {"is_connected", l_is_connected}, {"error", l_error}, {NULL, NULL}};

void lib_hub_open(lua_State *L, struct hub *hub)
{
  lua_pushlightuserdata(L, hub);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &hub_key);
  lua_engine_lib(L, "hub", functions);
}
