/* script/lib_komodo.c: the C half of the `komodo` module of user scripts; the Lua half is komodo/_core/script.lua.
 *
 * A waiting function posts a request to the loop thread and yields to the worker; the answer is found in the run's inbox
 * when it is resumed. Whatever touches C memory, locks or the mailbox stands between guard_enter and guard_leave, and calls
 * nothing there that may raise a Lua error.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "doc/json.h"
#include "script/libs.h"
#include "script/run_internal.h"

enum { NAME_MAX_LEN = 100, PARAMS_MAX_LEN = 64 * 1024 * 1024 };

/* ---- log ---- */
/* The length of the valid UTF-8 character at `p`, or 0. */
static size_t utf8_len(const unsigned char *p, size_t left)
{
  size_t n = p[0] < 0x80 ? 1 : p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : p[0] < 0xF5 ? 4 : 0;
  return n && n <= left && str_is_utf8(str_make((const char *)p, n)) ? n : 0;
}

void text_clean(struct buf *out, struct str text)
{
  if (str_is_utf8(text)) {
    buf_add_str(out, text);
    return;
  }
  for (size_t i = 0; i < text.len;) {
    size_t n = utf8_len((const unsigned char *)text.ptr + i, text.len - i);
    if (n)
      buf_add(out, text.ptr + i, n);
    else
      buf_add_text(out, "\xEF\xBF\xBD");
    i += n ? n : 1;
  }
}

static void add_line(struct run *run, struct str text)
{
  size_t limit = run->limits.log_bytes;
  if (run->log_said_full || text.len + 1 > limit - run->log_total) {
    run->log_dropped += text.len + 1;
    if (!run->log_said_full)
      buf_printf(&run->log, "(the log limit of %zu KB is reached: later lines are dropped)\n", limit / 1024);
    run->log_said_full = true;
    return;
  }
  size_t before = run->log.len;
  text_clean(&run->log, text);
  if (!text.len || text.ptr[text.len - 1] != '\n')
    buf_add_char(&run->log, '\n');
  run->log_total += text.len + 1;
  if (buf_err(&run->log)) {   /* replaced bytes outgrew the buffer */
    run->log.len = before;
    run->log.err = OK;
    run->log_said_full = true;
  }
}

void run_log(struct run *run, struct str text)
{
  guard_enter();
  uv_mutex_lock(&run->log_lock);
  add_line(run, text);
  bool tell = !run->log_posted && run->log.len;
  if (tell)
    run->log_posted = true;
  uv_mutex_unlock(&run->log_lock);
  if (tell) {
    atomic_fetch_add(&run->posted, 1);
    mailbox_post(&run->runner->mailbox, &run->log_message.mail);
  }
  guard_leave();
}

/* log(text)                                                          [-1, +0, e] */
static int l_log(lua_State *L)
{
  run_log(run_of(L), lua_check_str(L, 1));
  return 0;
}

/* ---- waiting ---- */
void request_free(struct request *request)
{
  if (!request)
    return;
  mem_free(request->name);
  mem_free(request->params);
  mem_free(request->json);
  mem_free(request->diag);
  mem_free(request);
}

static int raise_cancelled(lua_State *L)
{
  run_of(L)->cancel_raised = true;
  lua_push_err(L, ERR_CANCELLED, NULL, "wait");
  return lua_error(L);
}

static bool is_cancelled(struct run *run) { return atomic_load(&run->kill) == KILL_CANCEL; }

/* Takes the answer out of the inbox into run->held. */
static struct request *take_answer(struct run *run, lua_Integer id)
{
  guard_enter();
  uv_mutex_lock(&run->runner->lock);
  struct request *before = NULL, *r = run->inbox;
  while (r && r->id != id) {
    before = r;
    r = r->next;
  }
  if (r) {
    if (before)
      before->next = r->next;
    else
      run->inbox = r->next;
    if (run->inbox_last == r)
      run->inbox_last = before;
    run->held = r;
  }
  uv_mutex_unlock(&run->runner->lock);
  guard_leave();
  return r;
}

static void drop_held(struct run *run)
{
  guard_enter();
  struct request *r = run->held;
  run->held = NULL;
  request_free(r);
  guard_leave();
}

/* Resumed: the answer becomes Lua values. */
static int answered(lua_State *L, int status, lua_KContext ctx)
{
  struct run *run = run_of(L);
  (void)status;
  if (is_cancelled(run))
    return raise_cancelled(L);
  struct request *r = take_answer(run, (lua_Integer)ctx);
  if (!r) {   /* woken for something else */
    run->yielded = YIELD_WAIT;
    return lua_yieldk(L, 0, ctx, answered);
  }
  run->under_way--;
  int n = 1;
  if (r->err) {
    n = 2;
    lua_pushnil(L);
    lua_push_err(L, r->err, r->diag, r->is_sleep ? "sleep" : r->name);
    if (r->status) {
      lua_pushinteger(L, r->status);
      lua_setfield(L, -2, "status");
    }
  } else if (r->is_sleep || !r->json_len) {
    lua_pushboolean(L, true);
  } else {
    n = lua_json_result(L, str_make(r->json, r->json_len));
  }
  drop_held(run);
  return n;
}

/* Refuses where waiting is not possible or not allowed any more; raises or returns an error on the stack (then 2). */
static int check_wait(lua_State *L, const char *what)
{
  struct run *run = run_of(L);
  if (is_cancelled(run))
    return raise_cancelled(L);
  if (!lua_isyieldable(L) || run->blocked)
    return luaL_error(L, "%s: cannot wait here (inside table.sort, string.gsub, a metamethod called from C, or __close)", what);
  if (run->under_way < run->limits.tasks)
    return 0;
  lua_pushnil(L);
  lua_push_err(L, ERR_LIMIT, NULL, "requests under way");
  return 2;
}

static int post(lua_State *L, struct request *request)
{
  struct run *run = run_of(L);
  if (!request) {
    lua_pushnil(L);
    lua_push_err(L, ERR_NOMEM, NULL, "request");
    return 2;
  }
  run->under_way++;
  lua_Integer id = request->id = ++run->last_id;
  request->message.kind = MESSAGE_REQUEST;
  request->message.run = run;
  guard_enter();
  atomic_fetch_add(&run->posted, 1);
  mailbox_post(&run->runner->mailbox, &request->message.mail);
  guard_leave();
  run->yielded = YIELD_WAIT;
  return lua_yieldk(L, 0, (lua_KContext)id, answered);
}

/* sleep(ms) -> true                                                  [-1, +1|2, e, waits] */
static int l_sleep(lua_State *L)
{
  lua_Number ms = luaL_checknumber(L, 1);
  luaL_argcheck(L, ms >= 0 && ms <= 1e12, 1, "must be a duration, not negative");
  int n = check_wait(L, "komodo.sleep");
  if (n)
    return n;
  guard_enter();
  struct request *request = mem_try(sizeof *request);
  if (request) {
    request->is_sleep = true;
    request->sleep_ms = (uint64_t)ms;
  }
  guard_leave();
  return post(L, request);
}

static struct request *call_request(enum script_group group, struct str name, struct str params)
{
  struct request *request = mem_try(sizeof *request);
  if (!request)
    return NULL;
  request->group = group;
  request->name = mem_try(name.len + 1);
  request->params = mem_try(params.len + 1);
  if (!request->name || !request->params) {
    request_free(request);
    return NULL;
  }
  memcpy(request->name, name.ptr, name.len);
  memcpy(request->params, params.ptr, params.len);
  request->params_len = params.len;
  return request;
}

/* call(group, name, params as JSON text) -> result | nil, err       [-3, +1|2, e, waits] */
static int l_call(lua_State *L)
{
  static const char *const groups[] = {"read", "write", "execute", "start", NULL};
  struct run *run = run_of(L);
  enum script_group group = (enum script_group)luaL_checkoption(L, 1, NULL, groups);
  struct str name = lua_check_str(L, 2), params = lua_check_str(L, 3);
  luaL_argcheck(L, name.len && name.len <= NAME_MAX_LEN && !memchr(name.ptr, 0, name.len), 2, "is no request name");
  luaL_argcheck(L, params.len <= PARAMS_MAX_LEN, 3, "are too large");
  int n = check_wait(L, name.ptr);
  if (n)
    return n;
  if (run->api_calls >= run->limits.api_calls) {
    lua_pushnil(L);
    lua_push_err(L, ERR_LIMIT, NULL, "API calls of this script");
    return 2;
  }
  run->api_calls++;
  guard_enter();
  struct request *request = call_request(group, name, params);
  guard_leave();
  return post(L, request);
}

/* now() -> Unix milliseconds                                         [-0, +1, -] */
static int l_now(lua_State *L)
{
  lua_pushinteger(L, clock_unix_ms());
  return 1;
}

/* err(table) gives an error its metatable, so that it prints well    [-1, +1, -] */
static int l_err(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  luaL_setmetatable(L, "komodo.error");
  return 1;
}

/* freeze(table) -> a read-only view of it                            [-1, +1, e] */
static int l_freeze(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  sandbox_freeze(L);
  return 1;
}

void lib_komodo_open(lua_State *L)
{
  static const luaL_Reg functions[] = {{"log", l_log}, {"sleep", l_sleep}, {"call", l_call}, {"now", l_now},
                                       {"err", l_err}, {"freeze", l_freeze}, {NULL, NULL}};
  luaL_newlib(L, functions);
}
