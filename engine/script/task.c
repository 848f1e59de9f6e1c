/* script/task.c: one coroutine of the policy state, from start to completion.
 *
 *   task_new ── task_run ──> running ──op_await──> parked ──op done──> running ── … ──> op_complete
 *                               │                    │
 *                               └── returns, raises  └── task_cancel: its op is cancelled, the wait raises inside
 *
 * The body of every task is task_main: it calls the handler under pcall, so that `<close>` variables run in the coroutine
 * (where they may wait), then turns result or error into C memory. An error outside that pcall is a bug of ours.
 */
#include "base/log.h"
#include "base/mem.h"
#include "script/policy_internal.h"

static void task_free(struct op *op)
{
  struct task *task = (struct task *)op;
  buf_release(&task->pub.result);
  mem_free(task->diag);
  mem_free(task->name);
  mem_free(task);
}

struct task *task_new(struct policy *policy, const char *name)
{
  struct task *task = mem_new(sizeof *task);
  op_init(&task->pub.op, policy->loop, task_cancel, task_free);
  buf_init(&task->pub.result, POLICY_RESULT_MAX);
  task->name = mem_strdup(name);
  task->policy = policy;
  task->co = lua_newthread(policy->L);
  task->ref = luaL_ref(policy->L, LUA_REGISTRYINDEX);
  task->next = policy->tasks;
  if (task->next)
    task->next->prev = task;
  policy->tasks = task;
  return task;
}

/* Copies what an error value says: a table's code, message, status and trace, or the text of anything else. */
static void take_error(struct task *task, lua_State *L, int index)
{
  struct diag *d = task->diag ? task->diag : (task->diag = mem_new(sizeof *d));
  task->outcome = ERR_INTERNAL;
  task->pub.status = 0;
  if (!lua_istable(L, index)) {
    diag_set(d, ERR_INTERNAL, "%s", lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : "error without words");
    return;
  }
  index = lua_absindex(L, index);
  lua_getfield(L, index, "code");
  lua_getfield(L, index, "message");
  lua_getfield(L, index, "status");
  lua_getfield(L, index, "trace");
  const char *code = lua_type(L, -4) == LUA_TSTRING ? lua_tostring(L, -4) : err_name(ERR_INTERNAL);
  task->outcome = err_from_name(code);
  if (task->outcome == OK)
    task->outcome = ERR_INTERNAL;
  diag_set(d, task->outcome, "%s", lua_isstring(L, -3) ? lua_tostring(L, -3) : err_words(task->outcome));
  if (lua_isinteger(L, -2))
    task->pub.status = (int)lua_tointeger(L, -2);
  if (lua_istable(L, -1))
    for (lua_Integer i = 1; lua_geti(L, -1, i) == LUA_TSTRING; i++) {
      diag_cause(d, "%s", lua_tostring(L, -1));
      lua_pop(L, 1);
    }
  else if (lua_type(L, -1) == LUA_TSTRING)
    diag_cause(d, "%s", lua_tostring(L, -1));
  lua_settop(L, index);
}

/* Unexpected errors are logged here, where they stop, with the traceback that task_traceback kept. */
static void log_error_value(struct task *task, lua_State *L, int index)
{
  if (task->outcome == ERR_CANCELLED)
    return;
  const char *traceback = NULL;
  if (lua_istable(L, index) && lua_getfield(L, index, "traceback") == LUA_TSTRING)
    traceback = lua_tostring(L, -1);
  if (traceback || task->outcome == ERR_INTERNAL || task->background)
    log_error("%s: %s", task->name, traceback ? traceback : task->diag->message);
}

int task_traceback(lua_State *L)
{
  bool is_expected = lua_istable(L, 1) && lua_getfield(L, 1, "code") == LUA_TSTRING;
  lua_settop(L, 1);
  if (is_expected)
    return 1;
  const char *words = luaL_tolstring(L, 1, NULL);
  lua_push_err(L, ERR_INTERNAL, NULL, "");
  lua_pushstring(L, words);
  lua_setfield(L, -2, "message");
  luaL_traceback(L, L, words, 1);
  lua_setfield(L, -2, "traceback");
  return 1;
}

static int task_end(lua_State *L, int status, lua_KContext ctx)
{
  struct task *task = (struct task *)ctx;
  if (status != LUA_OK && status != LUA_YIELD) {
    take_error(task, L, -1);
    log_error_value(task, L, -1);
    return 0;
  }
  bool is_json = lua_touserdata(L, -1) == &script_json_mark;
  lua_pop(L, 1);
  if (!task->background && !lua_isnil(L, -1)) {
    if (is_json)
      buf_add_str(&task->pub.result, lua_check_str(L, -1));
    else
      json_encode(L, -1, &task->pub.result);
    if (buf_err(&task->pub.result))
      return luaL_error(L, "the result of %s is too large", task->name);
  }
  return 0;
}

/* Called with the function and its arguments, or with the function alone and a `push` that makes the arguments. */
static int task_main(lua_State *L)
{
  struct task *task = policy_of(L)->current;
  lua_pushcfunction(L, task_traceback);
  lua_insert(L, 1);
  int n = lua_gettop(L) - 2;
  if (task->push)
    n = task->push(L, task->data);
  int status = lua_pcallk(L, n, 2, 1, (lua_KContext)task, task_end);
  return task_end(L, status, (lua_KContext)task);
}

static void task_ended(struct task *task)
{
  struct policy *policy = task->policy;
  if (task->prev)
    task->prev->next = task->next;
  else
    policy->tasks = task->next;
  if (task->next)
    task->next->prev = task->prev;
  luaL_unref(policy->L, LUA_REGISTRYINDEX, task->ref);
  task->co = NULL;
  if (!task->pub.status)
    task->pub.status = err_status(task->outcome);
  op_complete(&task->pub.op, task->outcome, task->diag);
  op_unref(&task->pub.op);
  if (policy->closing && !policy->tasks)
    uv_timer_start(&policy->grace, policy->grace.timer_cb, 0, 0);
}

void task_run(struct task *task, int arguments)
{
  struct policy *policy = task->policy;
  struct task *before = policy->current;
  lua_State *co = task->co;
  bool is_first = lua_status(co) == LUA_OK;
  if (is_first) {
    lua_pushcfunction(co, task_main);
    lua_insert(co, 1);
  }
  policy->current = task;
  int results = 0;
  int status = lua_resume(co, before ? before->co : NULL, is_first ? arguments + 1 : 0, &results);
  policy->current = before;
  if (status == LUA_YIELD && task->waiting) {
    lua_pop(co, results);
    return;
  }
  if (status == LUA_YIELD) {
    task->outcome = ERR_INTERNAL;
    task->diag = mem_new(sizeof *task->diag);
    diag_set(task->diag, ERR_INTERNAL, "%s: coroutine.yield outside a coroutine of its own", task->name);
    log_error("%s", task->diag->message);
    lua_resetthread(co);
  } else if (status != LUA_OK) {
    take_error(task, co, -1);
    log_error("%s: %s", task->name, task->diag->message);
    lua_resetthread(co);
  }
  task_ended(task);
}

static void start_free(struct op *op) { mem_free(op); }

static void on_start(struct op *op, void *data)
{
  struct task *task = data;
  task->waiting = NULL;
  op_unref(op);
  task_run(task, lua_gettop(task->co) - 1);
}

void task_start_later(struct task *task)
{
  struct op *op = mem_new(sizeof *op);
  op_init(op, task->policy->loop, /* cancel= */ NULL, start_free);
  task->waiting = op;
  op_wait(op, on_start, task);
  op_complete(op, OK, /* d= */ NULL);
  op_unref(op);
}

void task_cancel(struct op *op)
{
  struct task *task = (struct task *)op;
  task->cancel_pending = true;
  if (task->waiting)
    op_cancel(task->waiting);
}

/* Ends a parked task without running it again; its `<close>` variables run, and may not wait. */
void task_drop(struct task *task)
{
  op_drop(task->waiting);
  task->waiting = NULL;
  task->outcome = ERR_CANCELLED;
  lua_resetthread(task->co);
  task_ended(task);
}
