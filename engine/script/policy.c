/* script/policy.c: life of the policy state: open, call, close. See policy.h. */
#include "base/log.h"
#include "base/mem.h"
#include "script/policy_internal.h"

enum { CLOSE_GRACE_MS = 3000 };

static const char handlers_key;

static void *alloc(void *data, void *ptr, size_t old_size, size_t size)
{
  (void)data;
  (void)old_size;
  if (size == 0) {
    mem_free(ptr);
    return NULL;
  }
  return mem_try_resize(ptr, size);
}

static int panic(lua_State *L)
{
  log_error("policy: %s", lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "error outside every call");
  return 0;   /* Lua aborts */
}

/* Everything that may raise while opening runs in here. */
static int open_state(lua_State *L)
{
  const struct policy_config *config = lua_touserdata(L, 1);
  luaL_openlibs(L);
  loader_open(L);
  bridge_open(L);
  lua_newtable(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &handlers_key);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lib_engine_open(L);
  lua_pushvalue(L, -1);
  lua_setglobal(L, "engine");
  lua_setfield(L, -2, "engine");
  lua_pop(L, 1);
  static const char *const core[] = {"komodo._core.coroutine", "komodo._core.tasks"};
  for (size_t i = 0; i < ARRAY_LEN(core); i++) {
    lua_getglobal(L, "require");
    lua_pushstring(L, core[i]);
    lua_call(L, 1, 1);
    lua_pushlightuserdata(L, (void *)(uintptr_t)&script_parked);
    lua_pushcfunction(L, task_traceback);
    lua_call(L, 2, 0);
  }
  if (config->open_libs)
    config->open_libs(L, config->data);
  return 0;
}

/* Calls what is on the stack (function and n arguments); the error in words. */
static Err call_protected(lua_State *L, int n, struct diag *reterr)
{
  lua_pushcfunction(L, task_traceback);
  lua_insert(L, -n - 2);
  int at = lua_gettop(L) - n - 1;
  Err err = OK;
  if (lua_pcall(L, n, 0, at) != LUA_OK) {
    const char *words = "error without words";
    if (lua_istable(L, -1) && (lua_getfield(L, -1, "traceback") == LUA_TSTRING || lua_getfield(L, -2, "message") == LUA_TSTRING))
      words = lua_tostring(L, -1);
    else if (lua_type(L, -1) == LUA_TSTRING)
      words = lua_tostring(L, -1);
    err = diag_set(reterr, ERR_INVALID, "%s", words);
  }
  lua_settop(L, at - 1);
  return err;
}

Err policy_new(const struct policy_config *config, struct policy **ret_policy, struct diag *reterr)
{
  struct policy *policy = mem_new(sizeof *policy);
  policy->loop = config->loop;
  policy->stdlib_dir = config->stdlib_dir;
  policy->stdlib = config->stdlib;
  policy->L = lua_newstate(alloc, NULL);
  if (!policy->L) {
    mem_free(policy);
    return diag_set(reterr, ERR_NOMEM, "no memory for a Lua state");
  }
  lua_atpanic(policy->L, panic);
  *(struct policy **)lua_getextraspace(policy->L) = policy;
  lua_pushcfunction(policy->L, open_state);
  lua_pushlightuserdata(policy->L, (void *)(uintptr_t)config);
  Err err = call_protected(policy->L, 1, reterr);
  if (err) {
    lua_close(policy->L);
    mem_free(policy);
    return err;
  }
  uv_timer_init(policy->loop->loop, &policy->grace);
  policy->grace.data = policy;
  *ret_policy = policy;
  return OK;
}

lua_State *policy_state(struct policy *policy) { return policy->L; }

Err policy_require(struct policy *policy, const char *module, struct diag *reterr)
{
  lua_getglobal(policy->L, "require");
  lua_pushstring(policy->L, module);
  return call_protected(policy->L, 1, reterr);
}

/* ---- closing ---- */
static void on_grace_closed(uv_handle_t *handle)
{
  struct policy *policy = handle->data;
  void (*on_closed)(void *data) = policy->on_closed;
  void *data = policy->on_closed_data;
  mem_free(policy);
  if (on_closed)
    on_closed(data);
}

static void on_grace(uv_timer_t *timer)
{
  struct policy *policy = timer->data;
  while (policy->tasks)
    task_drop(policy->tasks);
  lua_close(policy->L);
  uv_close((uv_handle_t *)timer, on_grace_closed);
}

void policy_close(struct policy *policy, void (*on_closed)(void *data), void *data)
{
  policy->closing = true;
  policy->on_closed = on_closed;
  policy->on_closed_data = data;
  for (struct task *task = policy->tasks; task; task = task->next)
    op_cancel(&task->pub.op);
  uv_timer_start(&policy->grace, on_grace, policy->tasks ? CLOSE_GRACE_MS : 0, 0);
}

/* ---- calling ---- */
bool policy_has(const struct policy *policy, const char *name)
{
  lua_rawgetp(policy->L, LUA_REGISTRYINDEX, &handlers_key);
  lua_getfield(policy->L, -1, name);
  bool has = !lua_isnil(policy->L, -1);
  lua_pop(policy->L, 2);
  return has;
}

Err policy_call(struct policy *policy, const char *name, int (*push)(lua_State *L, void *data), void *data,
                struct policy_task **ret_task, struct diag *reterr)
{
  if (policy->closing)
    return diag_set(reterr, ERR_CLOSED, "the engine is stopping");
  if (!policy_has(policy, name))
    return diag_set(reterr, ERR_UNSUPPORTED, "no handler for %s", name);
  struct task *task = task_new(policy, name);
  task->push = push;
  task->data = data;
  lua_rawgetp(policy->L, LUA_REGISTRYINDEX, &handlers_key);
  lua_getfield(policy->L, -1, name);
  lua_xmove(policy->L, task->co, 1);
  lua_pop(policy->L, 1);
  *ret_task = &task->pub;
  task_run(task, 0);
  return OK;
}

/* engine.handle(name, fn)                                            [-2, +0, e] */
int lib_engine_handle(lua_State *L)
{
  const char *name = luaL_checkstring(L, 1);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &handlers_key);
  if (lua_getfield(L, -1, name) != LUA_TNIL)
    return luaL_error(L, "%s is handled already", name);
  lua_pushvalue(L, 2);
  lua_setfield(L, -3, name);
  return 0;
}
