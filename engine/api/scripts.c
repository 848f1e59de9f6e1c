/* api/scripts.c: user scripts between the workers that run them and the policy that starts them and answers their calls. */
#include "api/api.h"
#include "base/log.h"
#include "base/mem.h"
#include "script/libs.h"

enum { SCRIPT_TEXT_MAX = 16 * 1024 * 1024 };

static const char api_key;
static const char RUN[] = "komodo.run";

/* ---- what scripts ask ---- */

/* Whose rights the calls of a run have. Referenced by the run's handle and by every call that waits. */
struct rights {
  struct str id;
  unsigned refs;
};

static void rights_unref(struct rights *r)
{
  if (--r->refs)
    return;
  mem_free((char *)(uintptr_t)r->id.ptr);
  mem_free(r);
}

struct asked {
  struct script_call *call;
  struct policy_task *task;
};

struct ask_args {
  const char *group;
  struct str name, params, user_id;
};

static int push_ask(lua_State *L, void *data)
{
  const struct ask_args *a = data;
  lua_pushstring(L, a->group);
  lua_pushlstring(L, a->name.ptr, a->name.len);
  json_push_text(L, a->params);
  lua_newtable(L);
  lua_pushlstring(L, a->user_id.ptr, a->user_id.len);
  lua_setfield(L, -2, "id");
  return 4;
}

static void on_answer(struct op *op, void *data)
{
  struct asked *a = data;
  struct policy_task *task = (struct policy_task *)op;
  script_call_done(a->call, op->err, task->status, buf_str(&task->result), op->diag);
  mem_free(a);
  op_unref(op);
}

/* The script is gone; its request goes on, since it may have changed something already, but nobody reads the answer. */
static void on_script_gone(struct script_call *call) { (void)call; }

static void on_call(struct script_call *call, enum script_group group, struct str name, struct str params, void *data)
{
  static const char *const groups[] = {[SCRIPT_READ] = "read", [SCRIPT_WRITE] = "write", [SCRIPT_EXECUTE] = "execute", [SCRIPT_START] = "start"};
  struct api *api = data;
  const struct rights *rights = call->user;
  struct ask_args args = {groups[group], name, params, rights->id};
  struct policy_task *task;
  struct diag d;
  call->on_cancel = on_script_gone;
  Err err = policy_call(api->policy, "script/call", push_ask, &args, &task, &d);
  if (err) {
    script_call_done(call, err, err_status(err), STR_NONE, &d);
    return;
  }
  struct asked *a = mem_new(sizeof *a);
  *a = (struct asked){call, task};
  op_wait(&task->op, on_answer, a);
}

Err scripts_open(struct api *api, struct diag *reterr)
{
  struct runner_config config = {
    .loop = api->loop,
    .workers = (unsigned)conf_int(api->conf, "script_workers"),
    .max_scripts = (unsigned)conf_int(api->conf, "max_scripts"),
    .call = on_call,
    .data = api,
  };
  return runner_new(&config, &api->runner, reterr);
}

void scripts_close(struct api *api, void (*on_closed)(void *data), void *data)
{
  struct runner *runner = api->runner;
  api->runner = NULL;
  if (runner)
    runner_close(runner, on_closed, data);
  else
    on_closed(data);
}

/* ---- engine.script ---- */

struct lua_run {
  struct script_run *run;   /* own reference; NULL: not started */
  struct rights *rights;
  lua_State *main;
  int on_log;               /* reference to the function, or LUA_NOREF */
};

static struct api *api_of(lua_State *L)
{
  lua_rawgetp(L, LUA_REGISTRYINDEX, &api_key);
  struct api *api = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return api;
}

/* Lines go to a function that does not wait, called outside any task. */
static void on_log(struct script_run *run, struct str lines, void *data)
{
  (void)run;
  struct lua_run *r = data;
  lua_State *L = r->main;
  if (r->on_log == LUA_NOREF)
    return;
  lua_rawgeti(L, LUA_REGISTRYINDEX, r->on_log);
  lua_pushlstring(L, lines.ptr, lines.len);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    log_error("script log: %s", luaL_tolstring(L, -1, NULL));
    lua_pop(L, 2);
  }
}

static lua_Number limit(lua_State *L, const char *key)
{
  lua_getfield(L, -1, key);
  lua_Number n = luaL_optnumber(L, -1, 0);
  lua_pop(L, 1);
  return n;
}

static struct script_limits check_limits(lua_State *L)
{
  struct script_limits l = {0};
  lua_getfield(L, 1, "limits");
  if (lua_istable(L, -1)) {
    l.cpu_seconds = limit(L, "cpu_seconds");
    l.wall_seconds = limit(L, "wall_seconds");
    l.memory_bytes = (size_t)(limit(L, "memory_mb") * 1024 * 1024);
    l.log_bytes = (size_t)(limit(L, "log_kb") * 1024);
    l.result_bytes = (size_t)(limit(L, "result_kb") * 1024);
    l.tasks = (unsigned)limit(L, "tasks");
    l.api_calls = (unsigned)limit(L, "api_calls");
  }
  lua_pop(L, 1);
  return l;
}

/* The field as JSON text, in a buffer that stays on the stack. */
static struct str json_field(lua_State *L, const char *key)
{
  lua_getfield(L, 1, key);
  struct buf *text = lua_buf(L, SCRIPT_TEXT_MAX);
  if (lua_istable(L, -2))
    json_encode(L, -2, text);
  return buf_str(text);
}

static struct str text_field(lua_State *L, const char *key)
{
  lua_getfield(L, 1, key);
  return lua_check_str(L, -1);
}

/* engine.script.start{ source, name, args, user, run, limits, on_log } -> run | raises   [-1, +1, e] */
static int l_start(lua_State *L)
{
  struct api *api = api_of(L);
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  struct lua_run *r = lua_newuserdatauv(L, sizeof *r, 0);
  *r = (struct lua_run){.on_log = LUA_NOREF};
  luaL_setmetatable(L, RUN);
  struct script_spec spec = {.source = text_field(L, "source"), .name = text_field(L, "name"), .args = json_field(L, "args"),
                             .run = json_field(L, "run"), .limits = check_limits(L), .on_log = on_log, .data = r};
  lua_getfield(L, 1, "user");
  luaL_checktype(L, -1, LUA_TTABLE);
  lua_getfield(L, -1, "id");
  struct str user_id = lua_check_str(L, -1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  r->main = lua_tothread(L, -1);
  lua_getfield(L, 1, "on_log");
  if (lua_isfunction(L, -1))
    r->on_log = luaL_ref(L, LUA_REGISTRYINDEX);
  r->rights = mem_new(sizeof *r->rights);
  *r->rights = (struct rights){str_make(str_dup(user_id), user_id.len), 1};
  spec.user = r->rights;
  struct diag d;
  Err err = api->runner ? runner_start(api->runner, &spec, &r->run, &d) : diag_set(&d, ERR_CLOSED, "the engine is stopping");
  if (err) {
    lua_push_err(L, err, &d, "script");
    return lua_error(L);
  }
  lua_pushvalue(L, 2);
  return 1;
}

static struct lua_run *check_run(lua_State *L)
{
  struct lua_run *r = luaL_checkudata(L, 1, RUN);
  luaL_argcheck(L, r->run, 1, "was not started");
  return r;
}

static void set_integer(lua_State *L, const char *key, uint64_t value)
{
  lua_pushinteger(L, (lua_Integer)value);
  lua_setfield(L, -2, key);
}

static void set_text(lua_State *L, const char *key, const char *value)
{
  lua_pushstring(L, value);
  lua_setfield(L, -2, key);
}

static int wait_finish(lua_State *L, int status, lua_KContext ctx)
{
  static const char *const ends[] = {[SCRIPT_OK] = "ok", [SCRIPT_ERROR] = "error", [SCRIPT_LIMIT] = "limit", [SCRIPT_CANCELLED] = "cancelled"};
  (void)status;
  const struct script_run *run = (const struct script_run *)ctx;
  if (run->op.err)
    return lua_fail(L, &run->op, "script");
  const struct script_outcome *o = &run->outcome;
  lua_newtable(L);
  set_text(L, "status", ends[o->end]);
  set_text(L, "limit", o->limit);
  set_text(L, "message", o->message);
  set_text(L, "traceback", o->traceback);
  set_integer(L, "line", (uint64_t)o->line);
  set_integer(L, "cpu_us", o->cpu_us);
  set_integer(L, "wall_ms", o->wall_ms);
  set_integer(L, "peak_bytes", o->peak_bytes);
  set_integer(L, "api_calls", o->api_calls);
  set_integer(L, "log_dropped_bytes", o->log_dropped_bytes);
  if (o->result.len) {
    lua_pushlstring(L, o->result.ptr, o->result.len);
    lua_setfield(L, -2, "result");
  }
  return 1;
}

/* run:wait() -> { status, limit?, message?, traceback?, line, result? (JSON), cpu_us, wall_ms, … }   [-1, +1, e, waits] */
static int l_wait(lua_State *L)
{
  struct lua_run *r = check_run(L);
  struct op **box = op_box(L);
  *box = op_ref(&r->run->op);
  return op_await(L, box, wait_finish);
}

static int l_cancel(lua_State *L)
{
  script_run_cancel(check_run(L)->run);
  return 0;
}

static int l_run_gc(lua_State *L)
{
  struct lua_run *r = lua_touserdata(L, 1);
  if (r->run) {
    script_run_cancel(r->run);
    op_unref(&r->run->op);
    r->run = NULL;
  }
  luaL_unref(L, LUA_REGISTRYINDEX, r->on_log);
  r->on_log = LUA_NOREF;
  if (r->rights)
    rights_unref(r->rights);
  r->rights = NULL;
  return 0;
}

static const luaL_Reg functions[] = {{"start", l_start}, {NULL, NULL}};
static const luaL_Reg methods[] = {{"wait", l_wait}, {"cancel", l_cancel}, {"__gc", l_run_gc}, {NULL, NULL}};

void lib_script_open(lua_State *L, struct api *api)
{
  lua_pushlightuserdata(L, api);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &api_key);
  lua_new_class(L, RUN, methods);
  lua_engine_lib(L, "script", functions);
}
