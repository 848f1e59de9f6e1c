/* script/sandbox.c: the Lua state of one user script: what it can see, and how it starts.
 *
 * The globals are an allow-list. Library tables are proxies: reading goes through, writing raises, and the table behind is
 * not reachable (pairs uses a closure). Left out on purpose: io, package, dofile, loadfile, string.dump (no bytecode in or
 * out), os beyond time, debug beyond traceback, collectgarbage beyond "count", `__gc` (finalizers run with hooks off).
 */
#include <lualib.h>

#include "base/log.h"
#include "base/mem.h"
#include "script/libs.h"
#include "script/policy_internal.h"
#include "script/run_internal.h"

enum { DATE_FORMAT_MAX = 1000 };

/* ---- read-only tables ---- */
static int l_frozen_write(lua_State *L)
{
  return luaL_error(L, "this table is read-only (writing '%s')", luaL_tolstring(L, 2, NULL));
}

static int l_frozen_next(lua_State *L)
{
  lua_settop(L, 2);
  return lua_next(L, lua_upvalueindex(1)) ? 2 : 0;
}

static int l_frozen_pairs(lua_State *L)
{
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushcclosure(L, l_frozen_next, 1);
  return 1;
}

void sandbox_freeze(lua_State *L, lua_CFunction index)
{
  lua_newtable(L);
  lua_createtable(L, 0, 4);
  lua_pushvalue(L, -3);
  if (index)
    lua_pushcclosure(L, index, 1);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, l_frozen_write);
  lua_setfield(L, -2, "__newindex");
  lua_pushvalue(L, -3);
  lua_pushcclosure(L, l_frozen_pairs, 1);
  lua_setfield(L, -2, "__pairs");
  lua_pushboolean(L, false);
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
  lua_remove(L, -2);
}

void sandbox_freeze_data(lua_State *L)
{
  lua_pushvalue(L, -1);
  sandbox_freeze(L, /* index= */ NULL);
  lua_getmetatable(L, -1);
  lua_pushvalue(L, -3);
  lua_setfield(L, -2, "__json");
  lua_pop(L, 1);
  lua_remove(L, -2);
}

/* ---- base library ---- */
/* load(chunk, name?, mode?, env?): text only, whatever mode says. */
static int l_load(lua_State *L)
{
  int top = lua_gettop(L) < 2 ? 2 : lua_gettop(L);
  lua_settop(L, top);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 2);
  lua_pushliteral(L, "t");
  if (top >= 4)
    lua_pushvalue(L, 4);
  lua_call(L, top >= 4 ? 4 : 3, 2);
  if (lua_isnil(L, -2))
    return 2;
  lua_pop(L, 1);
  return 1;
}

/* rawset(table, key, value): not of a library, which it would hide. */
static int l_rawset(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checkany(L, 2);
  luaL_checkany(L, 3);
  lua_settop(L, 3);
  if (lua_getmetatable(L, 1)) {
    lua_pushliteral(L, "__newindex");
    if (lua_rawget(L, -2) == LUA_TFUNCTION && lua_tocfunction(L, -1) == l_frozen_write)
      return l_frozen_write(L);
    lua_settop(L, 3);
  }
  lua_rawset(L, 1);
  return 1;
}

static void make_all(lua_State *L);

static int l_setmetatable(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_argexpected(L, lua_isnoneornil(L, 2) || lua_istable(L, 2), 2, "nil or table");
  lua_settop(L, 2);
  if (lua_istable(L, 2)) {
    lua_pushliteral(L, "__gc");
    if (lua_rawget(L, 2) != LUA_TNIL)
      return luaL_error(L, "'__gc' is not available in scripts; use '__close' and a <close> variable");
    lua_pop(L, 1);
  }
  lua_pushglobaltable(L);
  if (lua_rawequal(L, 1, -1) && lua_getmetatable(L, 1)) {
    make_all(L);
    lua_settop(L, 2);
  }
  if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
    return luaL_error(L, "cannot change a protected metatable");
  lua_settop(L, 2);
  lua_setmetatable(L, 1);
  return 1;
}

static int l_collectgarbage(lua_State *L)
{
  const char *what = luaL_optstring(L, 1, "collect");
  if (strcmp(what, "count") != 0)
    return luaL_error(L, "collectgarbage(\"%s\") is not available in scripts, only \"count\"", what);
  lua_pushnumber(L, (lua_Number)heap_used(run_of(L)->heap) / 1024);
  return 1;
}

/* ---- library calls that may lock or allocate inside the C library ---- */
/* os.date(format?, time?): under the guard, so the format is short; without a time it is the run's clock that is read. */
static int l_date(lua_State *L)
{
  size_t len = 0;
  const char *format = luaL_optlstring(L, 1, "%c", &len);
  luaL_argcheck(L, len <= DATE_FORMAT_MAX, 1, "longer than 1,000 bytes");
  lua_Integer at = luaL_opt(L, luaL_checkinteger, 2, run_clock_ms(run_of(L)) / 1000);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushlstring(L, format, len);
  lua_pushinteger(L, at);
  guard_enter();
  int status = lua_pcall(L, 2, 1, 0);
  guard_leave();
  return status == LUA_OK ? 1 : lua_error(L);
}

/* os.time(table): a copy of the fields it reads, so that no metamethod runs under the guard. */
static int l_time(lua_State *L)
{
  static const char *const fields[] = {"year", "month", "day", "hour", "min", "sec", "isdst"};
  lua_settop(L, 1);
  if (lua_isnil(L, 1)) {
    lua_pushinteger(L, run_clock_ms(run_of(L)) / 1000);
    return 1;
  }
  lua_pushvalue(L, lua_upvalueindex(1));
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_createtable(L, 0, ARRAY_LEN(fields));
  for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
    lua_getfield(L, 1, fields[i]);
    lua_setfield(L, -2, fields[i]);
  }
  guard_enter();
  int status = lua_pcall(L, 1, 1, 0);
  guard_leave();
  return status == LUA_OK ? 1 : lua_error(L);
}

/* ---- the globals ---- */
static void move_field(lua_State *L, const char *name)
{
  lua_getfield(L, -2, name);
  lua_setfield(L, -2, name);
}

static void wrap_field(lua_State *L, const char *name, lua_CFunction wrapper)
{
  lua_getfield(L, -2, name);
  lua_pushcclosure(L, wrapper, 1);
  lua_setfield(L, -2, name);
}

static void open_base(lua_State *L)
{
  static const char *const gone[] = {"dofile", "loadfile", "warn", "print", "_G"};
  lua_pushcfunction(L, luaopen_base);
  lua_call(L, 0, 1);
  for (size_t i = 0; i < ARRAY_LEN(gone); i++) {
    lua_pushnil(L);
    lua_setfield(L, -2, gone[i]);
  }
  lua_getfield(L, -1, "load");
  lua_pushcclosure(L, l_load, 1);
  lua_setfield(L, -2, "load");
  static const luaL_Reg own[] = {{"setmetatable", l_setmetatable}, {"collectgarbage", l_collectgarbage}, {"rawset", l_rawset}, {NULL, NULL}};
  luaL_setfuncs(L, own, 0);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, LUA_GNAME);
  lua_pop(L, 1);
}

/* [-0, +1, m] a read-only library */
static void new_library(lua_State *L, lua_CFunction open, const luaL_Reg *own, const char *gone)
{
  lua_pushcfunction(L, open);
  lua_call(L, 0, 1);
  if (own)
    luaL_setfuncs(L, own, 0);
  if (gone) {
    lua_pushnil(L);
    lua_setfield(L, -2, gone);
  }
  sandbox_freeze(L, /* index= */ NULL);
}

/* Also the methods and the arithmetic of strings: see open_strings. */
static void new_string(lua_State *L)
{
  new_library(L, luaopen_string, NULL, "dump");
  lua_pushliteral(L, "");
  lua_getmetatable(L, -1);
  lua_pushboolean(L, false);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 2);
}

static void new_table(lua_State *L) { new_library(L, luaopen_table, NULL, NULL); }
static void new_math(lua_State *L)
{
  new_library(L, luaopen_math, NULL, NULL);
  if (!run_of(L)->seed)
    return;
  lua_getfield(L, -1, "randomseed");   /* the same numbers when it is replayed */
  lua_pushinteger(L, run_of(L)->seed);
  lua_pushinteger(L, 0);
  lua_call(L, 2, 0);
}
static void new_utf8(lua_State *L) { new_library(L, luaopen_utf8, NULL, NULL); }
static void new_coroutine(lua_State *L) { new_library(L, luaopen_coroutine, coroutine_functions, NULL); }

static void new_os(lua_State *L)
{
  lua_pushcfunction(L, luaopen_os);
  lua_call(L, 0, 1);
  lua_createtable(L, 0, 4);
  move_field(L, "clock");
  move_field(L, "difftime");
  wrap_field(L, "date", l_date);
  wrap_field(L, "time", l_time);
  lua_remove(L, -2);
  sandbox_freeze(L, /* index= */ NULL);
}

static void new_debug(lua_State *L)
{
  lua_pushcfunction(L, luaopen_debug);
  lua_call(L, 0, 1);
  lua_createtable(L, 0, 1);
  move_field(L, "traceback");
  lua_remove(L, -2);
  sandbox_freeze(L, /* index= */ NULL);
}

/* require, which may wait: komodo/_core/require.lua. */
static void new_require(lua_State *L)
{
  lib_komodo_push(L);
  lua_getfield(L, -1, "require");
  lua_remove(L, -2);
}

static void new_args(lua_State *L)
{
  lib_komodo_push(L);
  lua_getfield(L, -1, "args");
  lua_remove(L, -2);
}

/* ---- globals made when they are first used: a script that sleeps by the thousand should not carry them ---- */
static const struct {
  const char *name;
  void (*make)(lua_State *L);   /* [-0, +1, m] */
} lazy[] = {
    {LUA_MATHLIBNAME, new_math}, {LUA_UTF8LIBNAME, new_utf8}, {LUA_COLIBNAME, new_coroutine}, {LUA_OSLIBNAME, new_os},
    {LUA_DBLIBNAME, new_debug},  {LUA_TABLIBNAME, new_table}, {LUA_STRLIBNAME, new_string},   {"require", new_require},
    {"ARGS", new_args},
};

/* [-0, +0, m] `string` as it was made, or made now; whatever the script keeps under its name stays. */
static void make_strings(lua_State *L)
{
  lua_pushglobaltable(L);
  lua_pushliteral(L, LUA_STRLIBNAME);
  new_string(L);
  lua_pushvalue(L, -2);
  if (lua_rawget(L, -4) == LUA_TNIL && lua_getmetatable(L, -4)) {
    lua_pop(L, 2);
    lua_rawset(L, -3);
  }
  lua_settop(L, 2);
}

static int string_arith(lua_State *L, int op)
{
  lua_settop(L, 2);
  make_strings(L);
  lua_arith(L, op);
  return 1;
}

static int l_string_add(lua_State *L) { return string_arith(L, LUA_OPADD); }
static int l_string_sub(lua_State *L) { return string_arith(L, LUA_OPSUB); }
static int l_string_mul(lua_State *L) { return string_arith(L, LUA_OPMUL); }
static int l_string_mod(lua_State *L) { return string_arith(L, LUA_OPMOD); }
static int l_string_pow(lua_State *L) { return string_arith(L, LUA_OPPOW); }
static int l_string_div(lua_State *L) { return string_arith(L, LUA_OPDIV); }
static int l_string_idiv(lua_State *L) { return string_arith(L, LUA_OPIDIV); }

static int l_string_unm(lua_State *L)
{
  lua_settop(L, 1);
  lua_pushvalue(L, 1);   /* what make_strings expects */
  make_strings(L);
  lua_settop(L, 1);
  lua_arith(L, LUA_OPUNM);
  return 1;
}

static int l_string_index(lua_State *L)
{
  lua_settop(L, 2);
  make_strings(L);
  lua_gettable(L, 1);
  return 1;
}

/* A metatable of strings that puts the library in its own place when it is needed. */
static void open_strings(lua_State *L)
{
  static const luaL_Reg metamethods[] = {
      {"__index", l_string_index}, {"__add", l_string_add}, {"__sub", l_string_sub},   {"__mul", l_string_mul},
      {"__mod", l_string_mod},     {"__pow", l_string_pow}, {"__div", l_string_div},   {"__idiv", l_string_idiv},
      {"__unm", l_string_unm},     {NULL, NULL}};
  lua_pushliteral(L, "");
  luaL_newlib(L, metamethods);
  lua_pushboolean(L, false);
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
  lua_pop(L, 1);
}

/* [-0, +0, m] the globals are plain from here on. */
static void make_all(lua_State *L)
{
  lua_pushglobaltable(L);
  lua_pushnil(L);
  lua_setmetatable(L, -2);
  for (size_t i = 0; i < ARRAY_LEN(lazy); i++) {
    lua_pushstring(L, lazy[i].name);
    if (lua_rawget(L, -2) == LUA_TNIL) {
      lazy[i].make(L);
      lua_setfield(L, -3, lazy[i].name);
    }
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

static int l_globals_index(lua_State *L)
{
  const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  for (size_t i = 0; i < ARRAY_LEN(lazy); i++)
    if (strcmp(lazy[i].name, name) == 0) {
      lazy[i].make(L);
      lua_pushvalue(L, 2);
      lua_pushvalue(L, -2);
      lua_rawset(L, 1);
      return 1;
    }
  return 0;
}

/* Whoever assigns such a name before reading it (math = nil) means it: all others are made, then it is a plain table. */
static int l_globals_newindex(lua_State *L)
{
  const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  lua_settop(L, 3);
  for (size_t i = 0; i < ARRAY_LEN(lazy); i++)
    if (strcmp(lazy[i].name, name) == 0)
      make_all(L);
  lua_rawset(L, 1);
  return 0;
}

static int l_globals_pairs(lua_State *L)
{
  make_all(L);
  lua_getglobal(L, "next");
  lua_pushvalue(L, 1);
  return 2;
}

static void open_globals(lua_State *L)
{
  static const luaL_Reg metamethods[] = {
      {"__index", l_globals_index}, {"__newindex", l_globals_newindex}, {"__pairs", l_globals_pairs}, {NULL, NULL}};
  lua_pushglobaltable(L);
  luaL_newlib(L, metamethods);
  lua_pushboolean(L, false);
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
  lua_pop(L, 1);
}

/* ---- running the script: the body of run->co ---- */
/* A helpful word for what is plainly TypeScript; else the syntax error as it is. [-1, +1, e] */
static void explain_syntax_error(lua_State *L, const struct run *run)
{
  const struct embed_file *file = embed_find(script_core, "komodo/_core/typescript.lua");
  if (!file || luaL_loadbufferx(L, file->data, file->size, "=typescript", "t") != LUA_OK)
    return;
  lua_call(L, 0, 1);
  lua_pushlstring(L, run->source, run->source_len);
  lua_pushvalue(L, -3);
  lua_call(L, 2, 1);
  lua_remove(L, -2);
}

/* Keeps the traceback at the place of the error; the value goes on as it is. */
static int l_on_error(lua_State *L)
{
  struct run *run = run_of(L);
  struct worker *w = worker_self();
  int line = trace_format(L, run->chunk_name, w->trace, sizeof w->trace);
  guard_enter();
  mem_free(run->outcome.traceback);
  run->outcome.traceback = mem_strdup(w->trace);
  run->outcome.line = line;
  guard_leave();
  lua_settop(L, 1);
  return 1;
}

static int script_end(lua_State *L, int status, lua_KContext ctx)
{
  struct run *run = (struct run *)ctx;
  if (status == LUA_ERRMEM) {
    run->finish = FINISH_MEMORY;
    return 0;
  }
  if (status != LUA_OK && status != LUA_YIELD) {
    run->finish = FINISH_ERROR;
    task_close_children(L, &run->main);
    run_push_shown(L, lua_gettop(L));
    return 1;
  }
  task_close_children(L, &run->main);
  if (lua_isnil(L, -1))
    return 0;
  run->finish = FINISH_ERROR;   /* until the value proves to be JSON */
  lib_komodo_push_encode(L);
  lua_insert(L, -2);
  lua_call(L, 1, 1);
  run->finish = FINISH_RESULT;
  return 1;
}

static int script_main(lua_State *L)
{
  struct run *run = run_of(L);
  lua_pushcfunction(L, l_on_error);
  if (luaL_loadbufferx(L, run->source, run->source_len, run->chunk_name, "t") != LUA_OK) {
    if (lua_type(L, -1) == LUA_TSTRING)
      explain_syntax_error(L, run);
    run->finish = FINISH_ERROR;
    return 1;
  }
  int arguments = 0;
  if (run->is_rule) {
    lib_komodo_push_rule(L);
    arguments = 4;
    lua_rotate(L, -arguments - 1, arguments);
  }
  int status = lua_pcallk(L, arguments, 1, -arguments - 2, (lua_KContext)run, script_end);
  return script_end(L, status, (lua_KContext)run);
}

/* ---- opening ---- */
static int open_all(lua_State *L)
{
  struct run *run = run_of(L);
  lua_gc(L, LUA_GCSTOP);
  open_base(L);
  open_strings(L);
  lib_komodo_open(L);
  lua_setglobal(L, "komodo");
  lua_pushcfunction(L, lib_print);
  lua_setglobal(L, "print");
  open_globals(L);
  run->main.co = run->co = lua_newthread(L);
  coroutine_hold(run->co, true);
  run->current = &run->main;
  lua_rawsetp(L, LUA_REGISTRYINDEX, run->co);
  lua_pushcfunction(run->co, script_main);
  lua_gc(L, LUA_GCRESTART);
  return 0;
}

static int panic(lua_State *L)
{
  struct worker *w = worker_self();
  if (w && w->run) {
    run_kill_set(run_of(L), KILL_PANIC);
    w->run = NULL;
    siglongjmp(w->leave, 1);
  }
  log_error("script: error outside every call");
  return 0;   /* Lua aborts */
}

Err sandbox_open(struct run *run)
{
  struct runner *r = run->runner;
  size_t limit = run->limits.memory_bytes;
  uv_mutex_lock(&r->lock);
  if (limit <= r->spare_capacity && r->spares)
    run->heap = r->spare[--r->spares];
  uv_mutex_unlock(&r->lock);
  if (!run->heap)
    run->heap = heap_new(limit < r->spare_capacity ? r->spare_capacity : limit);
  if (!run->heap)
    return ERR_NOMEM;
  heap_set_limit(run->heap, limit);
  lua_State *L = lua_newstate(heap_alloc, run->heap);
  if (!L)
    return ERR_NOMEM;
  lua_atpanic(L, panic);
  *(struct run **)lua_getextraspace(L) = run;
  run->L = L;
  lua_pushcfunction(L, open_all);
  if (lua_pcall(L, 0, 0, 0) == LUA_OK)
    return OK;
  if (lua_type(L, -1) == LUA_TSTRING)
    log_error("script: cannot open the sandbox: %s", lua_tostring(L, -1));
  return ERR_NOMEM;
}

/* ---- the prelude as bytecode of our own, made once ---- */
static int add_code(lua_State *L, const void *ptr, size_t len, void *data)
{
  (void)L;
  buf_add(data, ptr, len);
  return 0;
}

const struct core_part core_parts[CORE_PARTS] = {
    {"komodo/_core/script.lua", " execute wait log "},
    {"komodo/_core/concurrent.lua", " spawn all race timeout "},
    {"komodo/_core/state.lua", " stage var secret kv lock "},
    {"komodo/_core/http.lua", " http "},
    {"komodo/_core/event.lua", " event respond "},
    {"komodo/_core/terminal.lua", " terminal "},
    {"komodo/_core/sugar.lua",
     " swarms servers stacks deployments builds repos procedures actions builders alerters syncs "},
    {"komodo/_core/pure.lua", " base64 hex hash hmac url glob template semver "},
    {"komodo/_core/time.lua", " time "},
    {"komodo/_core/formats.lua", " toml yaml "},
    {"komodo/_core/require.lua", " require "},
    {"komodo/_core/rule.lua", " "},   /* the main function of rules, never reached by a name */
};

static Err compile(lua_State *L, const char *path, struct buf *code, struct diag *reterr)
{
  const struct embed_file *file = embed_find(script_core, path);
  if (!file || luaL_loadbufferx(L, file->data, file->size, "=komodo", "t") != LUA_OK)
    return diag_set(reterr, ERR_INTERNAL, "%s: %s", path, file ? lua_tostring(L, -1) : "missing");
  if (lua_dump(L, add_code, code, /* strip= */ 1) || buf_err(code))
    return diag_set(reterr, ERR_NOMEM, "no memory for the prelude");
  lua_pop(L, 1);
  return OK;
}

Err sandbox_compile_core(struct runner *runner, struct diag *reterr)
{
  lua_State *L = luaL_newstate();
  if (!L)
    return diag_set(reterr, ERR_NOMEM, "no memory for a Lua state");
  Err err = OK;
  for (size_t i = 0; i < CORE_PARTS && !err; i++) {
    struct buf code = BUF_INIT(1 << 20);
    err = compile(L, core_parts[i].file, &code, reterr);
    runner->core[i].len = code.len;
    runner->core[i].code = buf_take(&code);
  }
  lua_close(L);
  return err;
}
