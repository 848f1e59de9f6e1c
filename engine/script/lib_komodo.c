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
#include "script/policy_internal.h"
#include "script/run_internal.h"

/* The loop thread reads the parameters: neither may take it long. */
enum { NAME_MAX_LEN = 100, PARAMS_MAX_LEN = 8 << 20, PARAMS_MAX_VALUES = 50000 };

/* ---- waiting ---- */
void request_free(struct request *request)
{
  if (!request)
    return;
  if (request->outside)
    atomic_fetch_sub(&request->message.run->outside, request->outside);
  mem_free(request->name);
  mem_free(request->params);
  mem_free(request->json);
  mem_free(request->diag);
  mem_free(request);
}

int raise_cancelled(lua_State *L)
{
  run_of(L)->cancel_raised = true;
  lua_push_err(L, ERR_CANCELLED, NULL, "wait");
  return lua_error(L);
}

static bool is_cancelled(struct run *run) { return atomic_load(&run->kill) == KILL_CANCEL; }

static void open_json(lua_State *L);

/* Resumed: the answer becomes Lua values. */
static int answered(lua_State *L, int status, lua_KContext ctx)
{
  struct run *run = run_of(L);
  (void)status;
  if (is_cancelled(run))
    return raise_cancelled(L);
  open_json(L);
  struct request *r = task_take_answer(run);
  if (!r) {   /* woken for something else */
    run->yielded = YIELD_WAIT;
    return lua_yieldk(L, 0, ctx, answered);
  }
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
  task_drop_answer(run);
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
  return lua_nil_err(L, ERR_LIMIT, NULL, "requests under way");
}

/* Under the guard, as everything between making a request and this: what is left in between would be lost. */
static void send_request(struct run *run, struct request *request)
{
  request->message.kind = MESSAGE_REQUEST;
  request->message.run = run;
  atomic_fetch_add(&run->posted, 1);
  mailbox_post(&run->runner->mailbox, &request->message.mail);
}

/* The current task waits for it. Under the guard. */
static void wait_for(struct run *run, struct request *request)
{
  if (!request)
    return;
  run->under_way++;
  run->current->request = request;
  request->task = run->current;
  send_request(run, request);
}

static int park(lua_State *L, bool is_sent)
{
  if (!is_sent)
    return lua_nil_err(L, ERR_NOMEM, NULL, "request");
  run_of(L)->yielded = YIELD_WAIT;
  return lua_yieldk(L, 0, 0, answered);
}

static int slept(lua_State *L, int status, lua_KContext ctx)
{
  (void)status, (void)ctx;
  if (is_cancelled(run_of(L)))
    return raise_cancelled(L);
  lua_pushboolean(L, true);
  return 1;
}

/* No time at all: the others have their turn. The loop thread has nothing to do with it. */
static int pass(lua_State *L)
{
  struct run *run = run_of(L);
  task_requeue(run, run->current);
  run->yielded = YIELD_WAIT;
  return lua_yieldk(L, 0, 0, slept);
}

/* sleep(seconds) -> true                                             [-1, +1, e, waits] */
static int l_sleep(lua_State *L)
{
  lua_Number seconds = luaL_checknumber(L, 1);
  luaL_argcheck(L, seconds >= 0 && seconds <= 1e9, 1, "must be seconds, not negative");
  int n = check_wait(L, "komodo.sleep");
  if (n)
    return n;
  uint64_t ms = (uint64_t)(seconds * 1000);
  if (!ms)
    return pass(L);
  task_abandon(run_of(L), run_of(L)->current);
  guard_enter();
  struct request *request = mem_try(sizeof *request);
  if (request) {
    request->is_sleep = true;
    request->sleep_ms = ms;
  }
  wait_for(run_of(L), request);
  guard_leave();
  return park(L, request != NULL);
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

/* At least as many as there are values in the JSON text. */
static size_t count_values(struct str json)
{
  size_t n = 0;
  bool is_text = false;
  for (size_t i = 0; i < json.len; i++) {
    char c = json.ptr[i];
    if (c == '"')
      is_text = !is_text;
    else if (is_text)
      i += c == '\\';
    else
      n += c == ',' || c == '[' || c == '{';
  }
  return n;
}

/* Stack: name, parameters (a table, nil, or nothing). The texts stay on the stack. */
static void check_call(lua_State *L, const char *what, struct str *ret_name, struct str *ret_params)
{
  lua_settop(L, 2);
  if (lua_type(L, 1) != LUA_TSTRING)
    luaL_error(L, "%s: the first argument is the name of a request", what);
  struct str name = lua_check_str(L, 1), params = STR("{}");
  if (!name.len || name.len > NAME_MAX_LEN || memchr(name.ptr, 0, name.len))
    luaL_error(L, "%s: this is no request name", what);
  if (lua_istable(L, 2)) {
    lua_pushnil(L);
    if (lua_next(L, 2)) {
      lua_settop(L, 2);
      lib_komodo_push_encode(L);
      lua_pushvalue(L, 2);
      lua_call(L, 1, 1);
      params = lua_check_str(L, -1);
    }
  } else if (!lua_isnil(L, 2)) {
    luaL_error(L, "%s(\"%s\"): the parameters are a table", what, name.ptr);
  }
  if (params.len > PARAMS_MAX_LEN)
    luaL_error(L, "%s(\"%s\"): the parameters are too large: %d MB at most", what, name.ptr, PARAMS_MAX_LEN >> 20);
  if (count_values(params) > PARAMS_MAX_VALUES)
    luaL_error(L, "%s(\"%s\"): the parameters have more than %d values; send them as one text", what, name.ptr, PARAMS_MAX_VALUES);
  *ret_name = name;
  *ret_params = params;
}

/* Parameters and answers count as memory of the script until it has taken the answer. */
static bool has_room(struct run *run, size_t size)
{
  return heap_used(run->heap) + atomic_load(&run->outside) + size <= run->limits.memory_bytes;
}

/* Under the guard. */
static struct request *new_call(struct run *run, enum script_group group, struct str name, struct str params)
{
  struct request *request = has_room(run, params.len) ? call_request(group, name, params) : NULL;
  if (!request)
    return NULL;
  run->api_calls++;
  request->message.run = run;
  request->outside = params.len;
  atomic_fetch_add(&run->outside, params.len);
  return request;
}

static int call(lua_State *L, enum script_group group, const char *what)
{
  struct run *run = run_of(L);
  struct str name, params;
  check_call(L, what, &name, &params);
  int n = check_wait(L, what);
  if (n)
    return n;
  if (run->api_calls - run->calls_base >= run->limits.api_calls)
    return lua_nil_err(L, ERR_LIMIT, NULL, "API calls of this script");
  task_abandon(run, run->current);   /* an error kept it from taking an answer */
  guard_enter();
  struct request *request = new_call(run, group, name, params);
  wait_for(run, request);
  guard_leave();
  return park(L, request != NULL);
}

/* tell(name, params): as ask, but nobody waits: for what must be said while a task ends   [-2, +0, e] */
static int l_tell(lua_State *L)
{
  struct run *run = run_of(L);
  struct str name, params;
  check_call(L, "komodo", &name, &params);
  guard_enter();
  struct request *request = run->api_calls - run->calls_base < run->limits.api_calls ? new_call(run, SCRIPT_KOMODO, name, params) : NULL;
  if (request) {
    request->is_told = true;
    send_request(run, request);
  }
  guard_leave();
  return 0;
}

/* read(name, params), write, start -> result | nil, err              [-2, +1|2, e, waits] */
static int l_read(lua_State *L) { return call(L, SCRIPT_READ, "komodo.read"); }
static int l_write(lua_State *L) { return call(L, SCRIPT_WRITE, "komodo.write"); }
static int l_start(lua_State *L) { return call(L, SCRIPT_START, "komodo.start"); }
static int l_execute(lua_State *L) { return call(L, SCRIPT_EXECUTE, "komodo.execute"); }
static int l_ask(lua_State *L) { return call(L, SCRIPT_KOMODO, "komodo"); }

int64_t run_clock_ms(struct run *run)
{
  int64_t ms = clock_unix_ms();
  struct buf *clock = &run->outcome.clock;
  if (!run->seed)
    return ms;
  guard_enter();
  buf_printf(clock, clock->len ? ",%lld" : "%lld", (long long)ms);   /* what does not fit any more is not replayed */
  guard_leave();
  return ms;
}

/* now() -> Unix milliseconds                                         [-0, +1, -] */
static int l_now(lua_State *L)
{
  lua_pushinteger(L, run_clock_ms(run_of(L)));
  return 1;
}

/* err(table) gives an error its metatable, so that it prints well    [-1, +1, -] */
static int l_err(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_mark_err(L);
  return 1;
}

/* freeze(table, call?) -> a read-only view of it; call: its __call   [-2, +1, e] */
static int l_freeze(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 2);
  lua_pushvalue(L, 1);
  sandbox_freeze(L, /* index= */ NULL);
  lua_getmetatable(L, -1);
  lua_pushvalue(L, 2);
  lua_setfield(L, -2, "__call");
  lua_pop(L, 1);
  return 1;
}

/* budget(anew) -> CPU milliseconds since it began; with `anew`, CPU, calls and log are limited from here on   [-1, +1, -] */
static int l_budget(lua_State *L)
{
  struct run *run = run_of(L);
  bool is_anew = lua_toboolean(L, 1);
  guard_enter();
  uint64_t now_ns = run->cpu_ns + (clock_thread_cpu_ns() - worker_self()->cpu_begin_ns), used_ns = now_ns - run->cpu_base_ns;
  if (is_anew) {
    run->cpu_base_ns = now_ns;
    run->calls_base = run->api_calls;
    uv_mutex_lock(&run->log_lock);
    run->log_total = 0;
    run->log_said_full = false;
    uv_mutex_unlock(&run->log_lock);
  }
  guard_leave();
  lua_pushnumber(L, (lua_Number)used_ns / 1e6);
  return 1;
}

/* freeze_data(table) -> the same of a table without functions: it prints, and is JSON, as before   [-1, +1, e] */
static int l_freeze_data(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  sandbox_freeze_data(L);
  return 1;
}

/* part(name) -> what komodo/_core/<name>.lua returns: pieces that parts share with policy   [-1, +1, e] */
static int l_part(lua_State *L)
{
  const struct embed_file *file = embed_find(script_core, lua_pushfstring(L, "komodo/_core/%s.lua", luaL_checkstring(L, 1)));
  if (!file || luaL_loadbufferx(L, file->data, file->size, "=komodo", "t") != LUA_OK)
    return luaL_error(L, "komodo: there is no part '%s'", lua_tostring(L, 1));
  lua_call(L, 0, 1);
  return 1;
}

/* ---- the module: what is not used is not made ---- */
static const char json_key, encode_key, module_key, behind_key;

/* [-0, +1, m] komodo.json; made once. */
static void push_json(lua_State *L)
{
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &json_key) == LUA_TTABLE)
    return;
  lua_pop(L, 1);
  errors_open(L);   /* json.decode fails with them */
  json_open(L);
  lua_getfield(L, -1, "array_mt");
  lua_pushliteral(L, "array");
  lua_setfield(L, -2, "__metatable");
  lua_setfield(L, LUA_REGISTRYINDEX, "komodo.array");
  lua_pushnil(L);
  lua_setfield(L, -2, "array_mt");
  lua_getfield(L, -1, "encode");
  lua_rawsetp(L, LUA_REGISTRYINDEX, &encode_key);
  sandbox_freeze(L, /* index= */ NULL);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &json_key);
}

void lib_komodo_push_encode(lua_State *L)
{
  open_json(L);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &encode_key);
}

/* Whoever makes arrays needs their mark first. */
static void open_json(lua_State *L)
{
  push_json(L);
  lua_pop(L, 1);
}

/* [-0, +1, e] the value of a JSON text; arrays are marked as those of komodo.json. */
static void push_decoded(lua_State *L, const char *text, size_t len)
{
  open_json(L);
  json_push_text(L, str_make(text, len));
}

static void push_args(lua_State *L) { push_decoded(L, run_of(L)->args, run_of(L)->args_len); }

/* Read-only, as is its event; what those hold is the script's own copy. */
static void push_run(lua_State *L)
{
  push_decoded(L, run_of(L)->info, run_of(L)->info_len);
  if (lua_getfield(L, -1, "event") == LUA_TTABLE) {
    sandbox_freeze_data(L);
    lua_setfield(L, -2, "event");
  } else {
    lua_pop(L, 1);
  }
  sandbox_freeze_data(L);
}

/* A part of the Lua half, and its arguments: the module at `module`, what only the Lua half has, komodo.json. [-0, +4, e] */
static void push_core(lua_State *L, size_t part, int module)
{
  struct runner *runner = run_of(L)->runner;
  static const luaL_Reg core[] = {
      {"log", lib_print}, {"execute", l_execute}, {"ask", l_ask}, {"tell", l_tell}, {"start", l_start}, {"sleep", l_sleep}, {"err", l_err}, {"freeze", l_freeze}, {"freeze_data", l_freeze_data}, {"budget", l_budget}, {"part", l_part}, {NULL, NULL}};
  if (luaL_loadbufferx(L, runner->core[part].code, runner->core[part].len, "=komodo", "b") != LUA_OK)
    lua_error(L);
  lua_pushvalue(L, module);
  lua_pure_functions(L);
  luaL_setfuncs(L, core, 0);
  luaL_setfuncs(L, task_functions, 0);
  luaL_setfuncs(L, require_functions, 0);
  lib_komodo_push(L);
  lua_setfield(L, -2, "public");
  push_json(L);
}

void lib_komodo_push_rule(lua_State *L)
{
  size_t part = 0;
  while (strcmp(core_parts[part].file, "komodo/_core/rule.lua") != 0)
    part++;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &behind_key);
  push_core(L, part, lua_gettop(L));
  lua_remove(L, -5);
}

static bool has_name(const char *names, struct str name)
{
  struct str rest = str_of(names), part;
  while (str_split(&rest, ' ', &part))
    if (part.len && str_eq(part, name))
      return true;
  return false;
}

/* The index of the read-only `komodo`. Upvalue 1: the module behind it. */
static int l_komodo_index(lua_State *L)
{
  static const struct { const char *name; void (*push)(lua_State *L); } lazy[] = {
      {"args", push_args}, {"run", push_run}, {"json", push_json}};
  int module = lua_upvalueindex(1);
  lua_pushvalue(L, 2);
  if (lua_rawget(L, module) != LUA_TNIL || lua_type(L, 2) != LUA_TSTRING)
    return 1;
  const char *name = lua_tostring(L, 2);
  for (size_t i = 0; i < ARRAY_LEN(lazy); i++)
    if (strcmp(lazy[i].name, name) == 0) {
      lazy[i].push(L);
      lua_pushvalue(L, -1);
      lua_setfield(L, module, name);
      return 1;
    }
  for (size_t i = 0; i < CORE_PARTS; i++)
    if (has_name(core_parts[i].names, lua_check_str(L, 2))) {
      push_core(L, i, module);   /* adds its functions to the module */
      lua_call(L, 3, 0);
      break;
    }
  lua_pushvalue(L, 2);
  lua_rawget(L, module);
  return 1;
}

void lib_komodo_open(lua_State *L)
{
  static const luaL_Reg functions[] = {{"read", l_read}, {"write", l_write}, {"start", l_start},
                                       {"sleep", l_sleep}, {"now", l_now}, {NULL, NULL}};
  luaL_newlib(L, functions);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &behind_key);
  sandbox_freeze(L, l_komodo_index);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &module_key);
}

void lib_komodo_push(lua_State *L) { lua_rawgetp(L, LUA_REGISTRYINDEX, &module_key); }
