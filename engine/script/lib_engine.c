/* script/lib_engine.c: the `engine` table of policy Lua: handlers, tasks, time, log, JSON. Types: komodo/_meta/engine.lua. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "script/policy_internal.h"

static const char TASK[] = "komodo.task";
static const char GATE[] = "komodo.gate";

/* engine.now() -> Unix time in milliseconds                          [-0, +1, -] */
static int l_now(lua_State *L)
{
  lua_pushinteger(L, clock_unix_ms());
  return 1;
}

static int sleep_finish(lua_State *L, int status, lua_KContext ctx)
{
  struct op *op = (struct op *)ctx;
  (void)status;
  if (op->err)
    return lua_fail(L, op, "sleep");
  lua_pushboolean(L, true);
  return 1;
}

/* engine.sleep(ms) -> true                                           [-1, +1, e, waits] */
static int l_sleep(lua_State *L)
{
  lua_Number ms = luaL_checknumber(L, 1);
  luaL_argcheck(L, ms >= 0 && ms < 1e15, 1, "must be milliseconds, not negative");
  struct op **box = op_box(L);
  op_sleep(script_loop(L), (uint64_t)ms, box);
  return op_await(L, box, sleep_finish);
}

/* engine.error(code, message [, trace]) raises an error that keeps its code up to the HTTP answer   [-2|3, +0, e] */
static int l_error(lua_State *L)
{
  const char *code = luaL_checkstring(L, 1);
  const char *message = luaL_checkstring(L, 2);
  lua_settop(L, 3);
  lua_push_err(L, err_from_name(code), NULL, "");
  lua_pushstring(L, message);
  lua_setfield(L, -2, "message");
  if (lua_istable(L, 3)) {
    lua_pushvalue(L, 3);
    lua_setfield(L, -2, "trace");
  }
  return lua_error(L);
}

/* engine.raw(text) -> text, mark: returned by a handler, both are an answer that is JSON text already   [-1, +2, e] */
static int l_raw(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TSTRING);
  lua_settop(L, 1);
  lua_pushlightuserdata(L, (void *)(uintptr_t)&script_json_mark);
  return 2;
}

static int log_at(lua_State *L, enum log_level level)
{
  size_t len;
  const char *text = luaL_tolstring(L, 1, &len);
  log_write(level, "%.*s", (int)(len < INT32_MAX ? len : INT32_MAX), text);
  return 0;
}

static int l_log_error(lua_State *L) { return log_at(L, LOG_ERROR); }
static int l_log_warn(lua_State *L) { return log_at(L, LOG_WARN); }
static int l_log_info(lua_State *L) { return log_at(L, LOG_INFO); }
static int l_log_debug(lua_State *L) { return log_at(L, LOG_DEBUG); }

/* engine.closing() -> true once the engine stops: long-lived tasks should end [-0, +1, -] */
static int l_closing(lua_State *L)
{
  lua_pushboolean(L, policy_of(L)->closing);
  return 1;
}

/* ---- tasks ---- */
static struct task *check_task(lua_State *L) { return *(struct task **)luaL_checkudata(L, 1, TASK); }

/* engine.spawn(fn, ...) -> task: runs from the next turn of the loop on; what it raises is logged [-n, +1, e] */
static int l_spawn(lua_State *L)
{
  struct policy *policy = policy_of(L);
  luaL_checktype(L, 1, LUA_TFUNCTION);
  int n = lua_gettop(L);
  if (policy->closing) {
    lua_push_err(L, ERR_CLOSED, NULL, "engine.spawn");
    return lua_error(L);
  }
  struct task **at = lua_newuserdatauv(L, sizeof *at, 0);
  *at = NULL;
  luaL_setmetatable(L, TASK);
  luaL_checkstack(L, n, NULL);
  struct task *task = *at = task_new(policy, "background task");
  task->background = true;
  if (!lua_checkstack(task->co, n + 1))
    return luaL_error(L, "too many arguments");
  for (int i = 1; i <= n; i++)
    lua_pushvalue(L, i);
  lua_xmove(L, task->co, n);
  task_start_later(task);
  return 1;
}

static int l_task_cancel(lua_State *L)
{
  struct task *task = check_task(L);
  op_cancel(&task->pub.op);
  return 0;
}

static int l_task_is_done(lua_State *L)
{
  lua_pushboolean(L, check_task(L)->pub.op.done);
  return 1;
}

/* A task that nobody holds goes on: only the reference goes. */
static int l_task_gc(lua_State *L)
{
  struct task **at = lua_touserdata(L, 1);
  if (*at)
    op_unref(&(*at)->pub.op);
  *at = NULL;
  return 0;
}

/* ---- gates: an event that tasks wait for ---- */
struct gate {
  struct gate_wait *waits;
  bool is_open;
};

struct gate_wait {
  struct op op;
  struct gate *gate;             /* NULL once it is over */
  struct gate_wait *prev, *next;
  uv_timer_t timer;
};

static void gate_wait_free(struct op *op) { mem_free(op); }
static void on_gate_wait_closed(uv_handle_t *h) { op_unref(h->data); }

static void gate_wait_end(struct gate_wait *w, Err err)
{
  if (!w->gate)
    return;
  if (w->prev)
    w->prev->next = w->next;
  else
    w->gate->waits = w->next;
  if (w->next)
    w->next->prev = w->prev;
  w->gate = NULL;
  uv_close((uv_handle_t *)&w->timer, on_gate_wait_closed);
  op_complete(&w->op, err, /* d= */ NULL);
}

static void gate_wait_cancel(struct op *op) { gate_wait_end((struct gate_wait *)op, ERR_CANCELLED); }
static void on_gate_timer(uv_timer_t *timer) { gate_wait_end(timer->data, ERR_TIMEOUT); }

static void gate_wait_start(struct gate *gate, struct op_loop *loop, lua_Integer timeout_ms, struct op **ret_op)
{
  struct gate_wait *w = mem_new(sizeof *w);
  op_init(&w->op, loop, gate_wait_cancel, gate_wait_free);
  w->gate = gate;
  w->next = gate->waits;
  if (w->next)
    w->next->prev = w;
  gate->waits = w;
  w->timer.data = w;
  uv_timer_init(loop->loop, &w->timer);
  if (timeout_ms >= 0)
    uv_timer_start(&w->timer, on_gate_timer, (uint64_t)timeout_ms, 0);
  *ret_op = &w->op;
}

/* engine.gate() -> gate                                              [-0, +1, m] */
static int l_gate(lua_State *L)
{
  struct gate *gate = lua_newuserdatauv(L, sizeof *gate, 0);
  *gate = (struct gate){0};
  luaL_setmetatable(L, GATE);
  return 1;
}

static int gate_finish(lua_State *L, int status, lua_KContext ctx)
{
  struct op *op = (struct op *)ctx;
  (void)status;
  if (op->err)
    return lua_fail(L, op, "gate:wait");
  lua_pushboolean(L, true);
  return 1;
}

/* gate:wait([timeout_ms]) -> true | nil, err (timeout)               [-2, +1|2, e, waits] */
static int l_gate_wait(lua_State *L)
{
  struct gate *gate = luaL_checkudata(L, 1, GATE);
  lua_Integer timeout_ms = luaL_optinteger(L, 2, -1);
  if (gate->is_open) {
    lua_pushboolean(L, true);
    return 1;
  }
  struct op **box = op_box(L);
  gate_wait_start(gate, script_loop(L), timeout_ms, box);
  return op_await(L, box, gate_finish);
}

/* gate:open() lets all through, those who come later too             [-1, +0, -] */
static int l_gate_open(lua_State *L)
{
  struct gate *gate = luaL_checkudata(L, 1, GATE);
  gate->is_open = true;
  while (gate->waits)
    gate_wait_end(gate->waits, OK);
  return 0;
}

static int l_gate_gc(lua_State *L)
{
  struct gate *gate = lua_touserdata(L, 1);
  while (gate->waits)
    gate_wait_end(gate->waits, ERR_CLOSED);
  return 0;
}

static const luaL_Reg engine[] = {
  {"handle", lib_engine_handle}, {"spawn", l_spawn}, {"sleep", l_sleep}, {"now", l_now},
  {"error", l_error}, {"raw", l_raw}, {"gate", l_gate}, {"closing", l_closing}, {NULL, NULL}};
static const luaL_Reg logs[] = {
  {"error", l_log_error}, {"warn", l_log_warn}, {"info", l_log_info}, {"debug", l_log_debug}, {NULL, NULL}};
static const luaL_Reg task_methods[] = {
  {"cancel", l_task_cancel}, {"is_done", l_task_is_done}, {"__gc", l_task_gc}, {NULL, NULL}};
static const luaL_Reg gate_methods[] = {
  {"wait", l_gate_wait}, {"open", l_gate_open}, {"__gc", l_gate_gc}, {NULL, NULL}};

int lib_engine_open(lua_State *L)
{
  lua_new_class(L, TASK, task_methods);
  lua_new_class(L, GATE, gate_methods);
  luaL_newlib(L, engine);
  luaL_newlib(L, logs);
  lua_setfield(L, -2, "log");
  json_open(L);
  lua_getfield(L, -1, "array_mt");
  lua_setfield(L, LUA_REGISTRYINDEX, "komodo.array");   /* for the trace of errors */
  lua_setfield(L, -2, "json");
  return 1;
}
