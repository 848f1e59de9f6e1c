/* script/run_task.c: the tasks of one user script: komodo.spawn, and what komodo/_core/concurrent.lua builds on it.
 *
 * A script is a tree of tasks, the main chunk its root, each a coroutine that the worker resumes. A task that waits for a
 * request is found again through the request's answer; one that waits for other tasks is parked until any of them ends.
 * The worker alone schedules, so a waiting function never knows whether there are tasks beside its own.
 */
#include "base/mem.h"
#include "script/libs.h"
#include "script/run_internal.h"

static const char TASK[] = "komodo.task";

/* ---- queues ---- */
static struct fiber_list *list_of(struct run *run, enum task_queue queue)
{
  return queue == TASK_READY ? &run->ready : &run->parked;
}

static void unqueue(struct run *run, struct fiber *task)
{
  if (task->queue == TASK_UNQUEUED)
    return;
  struct fiber_list *list = list_of(run, task->queue);
  if (task->queue_prev)
    task->queue_prev->queue_next = task->queue_next;
  else
    list->first = task->queue_next;
  if (task->queue_next)
    task->queue_next->queue_prev = task->queue_prev;
  else
    list->last = task->queue_prev;
  task->queue_prev = task->queue_next = NULL;
  task->queue = TASK_UNQUEUED;
}

static void enqueue(struct run *run, struct fiber *task, enum task_queue queue)
{
  unqueue(run, task);
  struct fiber_list *list = list_of(run, queue);
  task->queue = queue;
  task->queue_prev = list->last;
  if (list->last)
    list->last->queue_next = task;
  else
    list->first = task;
  list->last = task;
}

void task_requeue(struct run *run, struct fiber *task) { enqueue(run, task, TASK_READY); }

/* Whoever waits for the end of a task looks whether it was this one. */
static void wake_parked(struct run *run)
{
  while (run->parked.first)
    enqueue(run, run->parked.first, TASK_READY);
}

struct fiber *task_next(struct run *run)
{
  uv_mutex_lock(&run->runner->lock);
  struct fiber *answered = run->inbox ? run->inbox->task : NULL;
  uv_mutex_unlock(&run->runner->lock);
  if (answered && answered->queue != TASK_READY)
    enqueue(run, answered, TASK_READY);   /* behind the ready ones: neither starves the other */
  struct fiber *task = run->ready.first ? run->ready.first : &run->main;
  if (atomic_load(&run->kill) && !run->cancel_told) {
    run->cancel_told = true;
    task = &run->main;
  }
  unqueue(run, task);
  return run->current = task;
}

/* ---- answers ---- */
/* With the lock held. */
static bool leave_inbox(struct run *run, struct request *q)
{
  if (!q->is_answered)
    return false;
  if (q->prev)
    q->prev->next = q->next;
  else
    run->inbox = q->next;
  if (q->next)
    q->next->prev = q->prev;
  else
    run->inbox_last = q->prev;
  q->is_answered = false;
  atomic_fetch_sub(&run->answered, 1);
  return true;
}

struct request *task_take_answer(struct run *run)
{
  struct request *q = run->current->request;
  if (!q)
    return NULL;
  guard_enter();
  uv_mutex_lock(&run->runner->lock);
  bool is_mine = leave_inbox(run, q);
  uv_mutex_unlock(&run->runner->lock);
  if (is_mine) {
    request_free(run->held);   /* of one that became an error on its way to a value */
    run->held = q;
    run->under_way--;
    run->current->request = NULL;
  }
  guard_leave();
  return is_mine ? q : NULL;
}

void task_drop_answer(struct run *run)
{
  guard_enter();
  struct request *q = run->held;
  run->held = NULL;
  request_free(q);
  guard_leave();
}

void task_abandon(struct run *run, struct fiber *task)
{
  struct request *q = task->request;
  if (!q)
    return;
  guard_enter();
  task->request = NULL;
  run->under_way--;
  uv_mutex_lock(&run->runner->lock);
  bool is_answered = leave_inbox(run, q);
  q->is_abandoned = !is_answered;
  uv_mutex_unlock(&run->runner->lock);
  if (is_answered) {
    request_free(q);
  } else {
    q->abandon = (struct message){.kind = MESSAGE_ABANDON, .run = run};
    atomic_fetch_add(&run->posted, 1);
    mailbox_post(&run->runner->mailbox, &q->abandon.mail);
  }
  guard_leave();
}

/* ---- the end of a task ---- */
/* Takes the task out of the tree and lets the collector have it. [-0, +0, -] */
static void leave_tree(lua_State *L, struct run *run, struct fiber *task, enum task_end end)
{
  task_abandon(run, task);   /* an error may have ended its wait */
  task->end = end;
  if (task->prev)
    task->prev->next = task->next;
  else
    task->parent->child = task->next;
  if (task->next)
    task->next->prev = task->prev;
  run->tasks--;
  wake_parked(run);
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, task);
}

/* One without children. */
static void close_one(lua_State *L, struct run *run, struct fiber *task)
{
  unqueue(run, task);
  lua_rawgetp(L, LUA_REGISTRYINDEX, task);   /* stays alive until it is closed */
  leave_tree(L, run, task, TASK_CANCELLED);
  coroutine_reset(L, task->co);
  lua_pop(L, 1);
}

static void close_tree(lua_State *L, struct run *run, struct fiber *task)
{
  while (task->end == TASK_ALIVE) {
    struct fiber *deepest = task;
    while (deepest->child)
      deepest = deepest->child;
    close_one(L, run, deepest);
  }
}

void task_close_children(lua_State *L, struct fiber *task)
{
  lua_checkstack(L, 8);
  while (task->child)
    close_tree(L, run_of(L), task->child);
}

/* ---- the body of a task ---- */
/* Keeps what the function returned, or its error, as the task's second user value. */
static int body_ended(lua_State *L, int status, lua_KContext ctx)
{
  (void)ctx;
  struct run *run = run_of(L);
  struct fiber *task = run->current;
  bool is_ok = status == LUA_OK || status == LUA_YIELD;
  luaL_checkstack(L, 8, "task results");
  task_close_children(L, task);
  int n = is_ok ? lua_gettop(L) : 1;
  lua_createtable(L, n, 1);
  lua_insert(L, -n - 1);
  for (int i = n; i >= 1; i--)
    lua_rawseti(L, -i - 1, i);
  lua_pushinteger(L, n);
  lua_setfield(L, -2, "n");
  lua_rawgetp(L, LUA_REGISTRYINDEX, task);
  lua_insert(L, -2);
  lua_setiuservalue(L, -2, 2);
  leave_tree(L, run, task, is_ok ? TASK_DONE : TASK_FAILED);
  return 0;
}

static int body(lua_State *L)
{
  int status = lua_pcallk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, 0, body_ended);
  return body_ended(L, status, 0);
}

/* ---- for the Lua half ---- */
static struct fiber *check_task(lua_State *L) { return luaL_checkudata(L, 1, TASK); }

/* spawn(fn, ...) -> task                                             [-n, +1, e] */
static int l_spawn(lua_State *L)
{
  struct run *run = run_of(L);
  luaL_checktype(L, 1, LUA_TFUNCTION);
  if (run->tasks + 1 >= run->limits.tasks)
    return luaL_error(L, "limits.tasks: %d tasks run already; start fewer at once (komodo.all takes { max = n })",
                      (int)run->tasks + 1);
  int n = lua_gettop(L);
  struct fiber *task = lua_newuserdatauv(L, sizeof *task, 2);
  *task = (struct fiber){.parent = run->current};
  luaL_setmetatable(L, TASK);
  task->co = lua_newthread(L);
  coroutine_hold(task->co, true);
  lua_setiuservalue(L, -2, 1);
  lua_insert(L, 1);
  luaL_argcheck(L, lua_checkstack(task->co, n + 2), 1, "too many arguments");
  lua_pushcfunction(task->co, body);
  lua_xmove(L, task->co, n);
  lua_pushvalue(L, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, task);
  task->next = run->current->child;
  if (task->next)
    task->next->prev = task;
  run->current->child = task;
  run->tasks++;
  enqueue(run, task, TASK_READY);
  return 1;
}

static int resumed(lua_State *L, int status, lua_KContext ctx)
{
  (void)status, (void)ctx;
  return atomic_load(&run_of(L)->kill) == KILL_CANCEL ? raise_cancelled(L) : 0;
}

/* park(): waits until some task ended; may return earlier            [-0, +0, e, waits] */
static int l_park(lua_State *L)
{
  struct run *run = run_of(L);
  resumed(L, LUA_OK, 0);
  if (!lua_isyieldable(L) || run->blocked)
    return luaL_error(L, "cannot wait here (inside table.sort, string.gsub, a metamethod called from C, or __close)");
  enqueue(run, run->current, TASK_PARKED);
  run->yielded = YIELD_WAIT;
  return lua_yieldk(L, 0, 0, resumed);
}

/* wake(): whoever is parked looks again                              [-0, +0, -] */
static int l_wake(lua_State *L)
{
  wake_parked(run_of(L));
  return 0;
}

/* ended(task) -> nil | "done", results | "failed", { err } | "cancelled"   [-1, +1|2, e] */
static int l_ended(lua_State *L)
{
  static const char *const ends[] = {NULL, "done", "failed", "cancelled"};
  lua_pushstring(L, ends[check_task(L)->end]);
  lua_getiuservalue(L, 1, 2);
  return 2;
}

/* cancel(task): it ends where it waits, with all it started; its `<close>` variables run   [-1, +0, e] */
static int l_cancel(lua_State *L)
{
  struct run *run = run_of(L);
  struct fiber *task = check_task(L);
  if (task->end != TASK_ALIVE)
    return 0;
  for (const struct fiber *at = run->current; at; at = at->parent)
    if (at == task)
      return luaL_error(L, "a task cannot cancel itself or what started it");
  if (run->closing >= CLOSING_MAX)
    return luaL_error(L, "too many tasks cancel each other while they end");
  close_tree(L, run, task);
  return 0;
}

/* close_children(): ends what this task started and did not wait for   [-0, +0, e] */
static int l_close_children(lua_State *L)
{
  task_close_children(L, run_of(L)->current);
  return 0;
}

/* task_class(methods): what tasks can do                             [-1, +0, m] */
static int l_task_class(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  if (luaL_newmetatable(L, TASK)) {
    lua_insert(L, 1);
    lua_setfield(L, 1, "__index");
    lua_pushboolean(L, false);
    lua_setfield(L, 1, "__metatable");
  }
  return 0;
}

const luaL_Reg task_functions[] = {{"spawn", l_spawn},   {"park", l_park},
                                   {"wake", l_wake},     {"ended", l_ended},
                                   {"cancel", l_cancel}, {"task_class", l_task_class},
                                   {"close_children", l_close_children}, {NULL, NULL}};
