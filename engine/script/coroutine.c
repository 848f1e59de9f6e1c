/* script/coroutine.c: resume, wrap and yield of user scripts.
 *
 * A coroutine comes back for two reasons: it yields a value to whoever resumed it, or the engine makes the whole script
 * wait or lets its slice end (run->yielded says so). The second kind passes outward through every resume, up to the worker,
 * and when the script goes on each resume continues the coroutine inside it. So generators may wait.
 *
 * A coroutine on the way of such a wait belongs to its task, as the task's own does: another task that resumed or closed it
 * would take over a wait that is not its own. Those are held, and look "normal", as one does that resumed another.
 */
#include "script/run_internal.h"

/* The mark is the lowest bit of the run's address in the extra space of each coroutine. */
static uintptr_t *mark_of(lua_State *co) { return lua_getextraspace(co); }
static bool is_held(lua_State *co) { return *mark_of(co) & 1; }

struct run *run_of(lua_State *L)
{
  _Static_assert(sizeof(uintptr_t) <= LUA_EXTRASPACE, "the run's address fits");
  return (struct run *)(*mark_of(L) & ~(uintptr_t)1);   // NOLINT(performance-no-int-to-ptr)
}

void coroutine_hold(lua_State *co, bool is_on) { *mark_of(co) = (*mark_of(co) & ~(uintptr_t)1) | is_on; }

int coroutine_reset(lua_State *L, lua_State *co)
{
  struct run *run = run_of(L);
  struct worker *w = worker_self();
  run->closing++;
  stop_follow(w, L, co);
  int status = lua_closethread(co, L);
  w->current = L;
  run->closing--;
  return status;
}

static int drive(lua_State *L, lua_State *co, int arguments, bool is_wrap);

static int driven(lua_State *L, int status, lua_KContext ctx)
{
  (void)status;
  lua_State *co = ctx ? lua_tothread(L, lua_upvalueindex(1)) : lua_tothread(L, 1);
  coroutine_hold(co, false);
  return drive(L, co, 0, ctx != 0);
}

static int drive_failed(lua_State *L, lua_State *co, bool is_wrap)
{
  if (!is_wrap) {
    lua_xmove(co, L, 1);   /* no move when a coroutine tried to resume itself */
    lua_pushboolean(L, false);
    lua_insert(L, -2);
    return 2;
  }
  int status = lua_status(co);
  if (status != LUA_OK && status != LUA_YIELD && run_of(L)->closing < CLOSING_MAX)
    coroutine_reset(L, co);   /* its <close> variables run; the error stays on top */
  lua_xmove(co, L, 1);
  if (status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}

static int drive(lua_State *L, lua_State *co, int arguments, bool is_wrap)
{
  struct run *run = run_of(L);
  struct worker *w = worker_self();
  int results = 0;
  bool is_blocked = !lua_isyieldable(L);
  run->blocked += is_blocked;
  stop_follow(w, L, co);
  int status = lua_resume(co, L, arguments, &results);
  w->current = L;
  run->blocked -= is_blocked;
  if (status == LUA_YIELD && run->yielded != YIELD_NONE) {
    if (results)   /* none after a hook, where the stack is not ours */
      lua_pop(co, results);
    coroutine_hold(co, true);
    return lua_yieldk(L, 0, is_wrap, driven);
  }
  if (status != LUA_OK && status != LUA_YIELD)
    return drive_failed(L, co, is_wrap);
  if (!lua_checkstack(L, results + 1)) {
    lua_pop(co, results);
    return luaL_error(L, "too many results to resume");
  }
  if (!is_wrap)
    lua_pushboolean(L, true);
  lua_xmove(co, L, results);
  return results + !is_wrap;
}

static int start_drive(lua_State *L, lua_State *co, int arguments, bool is_wrap)
{
  if (is_held(co) && is_wrap)
    return luaL_error(L, "cannot resume non-suspended coroutine");
  if (is_held(co)) {
    lua_pushboolean(L, false);
    lua_pushliteral(L, "cannot resume non-suspended coroutine");
    return 2;
  }
  if (!lua_checkstack(co, arguments))
    return luaL_error(L, "too many arguments to resume");
  lua_xmove(L, co, arguments);
  return drive(L, co, arguments, is_wrap);
}

static int l_co_resume(lua_State *L)
{
  lua_State *co = lua_tothread(L, 1);
  luaL_argexpected(L, co, 1, "coroutine");
  return start_drive(L, co, lua_gettop(L) - 1, false);
}

static int l_co_wrapped(lua_State *L)
{
  return start_drive(L, lua_tothread(L, lua_upvalueindex(1)), lua_gettop(L), true);
}

static int l_co_wrap(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_State *co = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, co, 1);
  lua_pushcclosure(L, l_co_wrapped, 1);
  return 1;
}

static int l_co_yield(lua_State *L)
{
  if (L == run_of(L)->current->co)
    return luaL_error(L, "attempt to yield from outside a coroutine");
  return lua_yield(L, lua_gettop(L));
}

static int l_co_status(lua_State *L)
{
  lua_Debug ar;
  lua_State *co = lua_tothread(L, 1);
  luaL_argexpected(L, co, 1, "coroutine");
  bool has_frames = lua_getstack(co, 0, &ar);
  if (co == L)
    lua_pushliteral(L, "running");
  else if (lua_status(co) != LUA_YIELD && (lua_status(co) != LUA_OK || (!has_frames && lua_gettop(co) == 0)))
    lua_pushliteral(L, "dead");
  else
    lua_pushstring(L, is_held(co) || (lua_status(co) == LUA_OK && has_frames) ? "normal" : "suspended");
  return 1;
}

static int l_co_close(lua_State *L)
{
  lua_Debug ar;
  lua_State *co = lua_tothread(L, 1);
  luaL_argexpected(L, co, 1, "coroutine");
  if (co == L || is_held(co) || (lua_status(co) == LUA_OK && lua_getstack(co, 0, &ar)))
    return luaL_error(L, "cannot close a coroutine that runs");
  if (run_of(L)->closing >= CLOSING_MAX)
    return luaL_error(L, "too many coroutines close each other");
  bool is_ok = coroutine_reset(L, co) == LUA_OK;
  lua_pushboolean(L, is_ok);
  if (is_ok)
    return 1;
  lua_xmove(co, L, 1);
  return 2;
}

const luaL_Reg coroutine_functions[] = {{"close", l_co_close}, {"resume", l_co_resume}, {"status", l_co_status},
                                        {"wrap", l_co_wrap},   {"yield", l_co_yield},   {NULL, NULL}};
