/* script/bridge.c: how a C operation is waited for by a coroutine (policy.h, "for bindings"), and errors as Lua values.
 *
 * A waiting function runs five steps: check the arguments, push a box, start the operation into it, park, finish. What
 * raises owns nothing, what owns does not raise: the box is a userdata, so an error between the steps loses nothing.
 */
#include "base/mem.h"
#include "script/policy_internal.h"

static const char BOX[] = "komodo.op";
static const char ERROR[] = "komodo.error";
static const char BUFFER[] = "komodo.buf";
static const char ARRAY[] = "komodo.array";
const char script_parked = 0;
const char script_json_mark = 0;

struct box {
  struct op *op;            /* first: op_box() hands out its address */
  lua_KFunction finish;
};

struct policy *policy_of(lua_State *L) { return *(struct policy **)lua_getextraspace(L); }
struct op_loop *script_loop(lua_State *L) { return policy_of(L)->loop; }

static int l_box_gc(lua_State *L)
{
  struct box *box = lua_touserdata(L, 1);
  struct op *op = box->op;
  box->op = NULL;
  if (op) {
    op_cancel(op);
    op_unref(op);
  }
  return 0;
}

/* Whoever was cancelled learns it here, before the next operation starts: nothing half-done is left behind. */
struct op **op_box(lua_State *L)
{
  struct task *task = policy_of(L)->current;
  if (!task || !lua_isyieldable(L)) {
    luaL_error(L, "cannot wait here");
  } else if (task->cancel_pending) {
    task->cancel_pending = false;
    lua_push_err(L, ERR_CANCELLED, NULL, "wait");
    lua_error(L);
  }
  struct box *box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = (struct box){0};
  luaL_setmetatable(L, BOX);
  return &box->op;
}

/* Inside the coroutine again. The operation's memory goes as soon as its result is a Lua value, not with the collector. */
static int resumed(lua_State *L, int status, lua_KContext ctx)
{
  struct box *box = (struct box *)ctx;
  if (!box->op || !box->op->done)
    return luaL_error(L, "a coroutine that waits was resumed by somebody else");
  int n = box->finish(L, status, (lua_KContext)box->op);
  op_unref(box->op);
  box->op = NULL;
  return n;
}

static void on_done(struct op *op, void *data)
{
  struct task *task = data;
  task->waiting = NULL;
  op_unref(op);
  task_run(task, 0);
}

int op_await(lua_State *L, struct op **op_at, lua_KFunction finish)
{
  struct box *box = (struct box *)op_at;
  struct task *task = policy_of(L)->current;
  box->finish = finish;
  if (box->op->done)
    return resumed(L, LUA_OK, (lua_KContext)box);
  task->waiting = op_ref(box->op);
  op_wait(box->op, on_done, task);
  lua_pushlightuserdata(L, (void *)(uintptr_t)&script_parked);
  return lua_yieldk(L, 1, (lua_KContext)box, resumed);
}

int lua_fail(lua_State *L, const struct op *op, const char *what)
{
  struct task *task = policy_of(L)->current;
  lua_pushnil(L);
  lua_push_err(L, op->err, op->diag, what);
  if (op->err != ERR_CANCELLED)
    return 2;
  if (task)
    task->cancel_pending = false;
  return lua_error(L);
}

static bool is_text_at(lua_State *L, int list, int i)
{
  bool is = lua_rawgeti(L, list, i) == LUA_TSTRING;
  lua_pop(L, 1);
  return is;
}

/* "message: cause: cause of the cause" */
static int l_error_tostring(lua_State *L)
{
  enum { ERR = 1, TRACE, WORDS, CAUSES_MAX = 8 };
  luaL_Buffer out;
  lua_settop(L, ERR);
  bool has_causes = lua_getfield(L, ERR, "trace") == LUA_TTABLE;
  if (lua_getfield(L, ERR, "message") != LUA_TSTRING) {
    lua_getfield(L, ERR, "code");
    lua_replace(L, WORDS);
  }
  luaL_buffinit(L, &out);
  luaL_tolstring(L, WORDS, NULL);
  luaL_addvalue(&out);
  for (int i = 1; has_causes && i <= CAUSES_MAX && is_text_at(L, TRACE, i); i++) {
    luaL_addstring(&out, ": ");
    lua_rawgeti(L, TRACE, i);
    luaL_addvalue(&out);
  }
  luaL_pushresult(&out);
  return 1;
}

void lua_mark_err(lua_State *L)
{
  if (luaL_newmetatable(L, ERROR)) {
    lua_pushcfunction(L, l_error_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
  }
  lua_setmetatable(L, -2);
}

void errors_open(lua_State *L)
{
  lua_newtable(L);
  lua_mark_err(L);
  lua_pop(L, 1);
}

void lua_push_err(lua_State *L, Err err, const struct diag *d, const char *what)
{
  lua_createtable(L, 0, 4);
  lua_pushstring(L, err_name(err));
  lua_setfield(L, -2, "code");
  if (d && d->message[0])
    lua_pushstring(L, d->message);
  else
    lua_pushfstring(L, "%s: %s", what, err_words(err));
  lua_setfield(L, -2, "message");
  lua_pushinteger(L, err_status(err));
  lua_setfield(L, -2, "status");
  lua_newtable(L);
  struct str rest = str_of(d ? d->trace : ""), line;
  for (int i = 1; rest.len && str_split(&rest, '\n', &line); i++) {
    lua_pushlstring(L, line.ptr, line.len);
    lua_rawseti(L, -2, i);
  }
  luaL_setmetatable(L, ARRAY);
  lua_setfield(L, -2, "trace");
  lua_mark_err(L);
}

int lua_nil_err(lua_State *L, Err err, const struct diag *d, const char *what)
{
  lua_pushnil(L);
  lua_push_err(L, err, d, what);
  return 2;
}

/* ---- small helpers of the lib_*.c files ---- */
static int l_buf_gc(lua_State *L)
{
  buf_release(lua_touserdata(L, 1));
  return 0;
}

struct buf *lua_buf(lua_State *L, size_t max)
{
  struct buf *buf = lua_newuserdatauv(L, sizeof *buf, 0);
  buf_init(buf, max);
  luaL_setmetatable(L, BUFFER);
  return buf;
}

static int push_text(lua_State *L)
{
  const struct str *json = lua_touserdata(L, 1);
  json_push_text(L, *json);
  return 1;
}

int lua_json_result(lua_State *L, struct str json)
{
  lua_pushcfunction(L, push_text);
  lua_pushlightuserdata(L, &json);
  if (lua_pcall(L, 1, 1, 0) == LUA_OK)
    return 1;
  struct diag d;
  diag_set(&d, ERR_PROTOCOL, "Failed to parse JSON bytes");   /* spec agent.md 20 */
  if (lua_type(L, -1) == LUA_TSTRING)
    diag_cause(&d, "%s", lua_tostring(L, -1));
  return lua_nil_err(L, ERR_PROTOCOL, &d, "");
}

void lua_engine_lib(lua_State *L, const char *name, const luaL_Reg *functions)
{
  lua_getglobal(L, "engine");
  lua_newtable(L);
  luaL_setfuncs(L, functions, 0);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
}

void lua_new_class(lua_State *L, const char *name, const luaL_Reg *methods)
{
  luaL_newmetatable(L, name);
  luaL_setfuncs(L, methods, 0);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

struct str lua_check_str(lua_State *L, int arg)
{
  size_t len;
  const char *ptr = luaL_checklstring(L, arg, &len);
  return str_make(ptr, len);
}

void bridge_open(lua_State *L)
{
  static const luaL_Reg box[] = {{"__gc", l_box_gc}, {"__close", l_box_gc}, {NULL, NULL}};
  luaL_newmetatable(L, BOX);
  luaL_setfuncs(L, box, 0);
  luaL_newmetatable(L, BUFFER);
  lua_pushcfunction(L, l_buf_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 2);
}
