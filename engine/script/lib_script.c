/* script/lib_script.c: engine.script: policy Lua starts user scripts, reads their log and their outcome. See libs.h.
 *
 * The run tells its log and its end to a stream, which outlives both the run and the Lua handle: each holds a reference.
 */
#include "base/mem.h"
#include "script/policy_internal.h"
#include "script/runner.h"

enum { ARGUMENTS_MAX = 16 * 1024 * 1024 };

static const char SCRIPT[] = "script";
static const char runner_key;

struct stream {
  struct feed feed;
  struct script_run *run;
  struct buf lines;          /* not read yet; the log limit of the run bounds them */
  char *user;
  bool is_over;
};

static void stream_free(struct feed *feed)
{
  struct stream *s = (struct stream *)feed;
  op_unref(&s->run->op);
  buf_release(&s->lines);
  mem_free(s->user);
  mem_free(s);
}

static void on_log(struct script_run *run, struct str lines, void *data)
{
  struct stream *s = data;
  (void)run;
  buf_add_str(&s->lines, lines);
  feed_wake(&s->feed, OK);
}

static void on_over(struct op *op, void *data)
{
  struct stream *s = data;
  (void)op;
  s->is_over = true;
  feed_wake(&s->feed, OK);
  feed_unref(&s->feed);
}

/* ---- start ---- */
static struct str field_str(lua_State *L, const char *name, bool is_needed)
{
  size_t len = 0;
  lua_getfield(L, 1, name);   /* stays on the stack: the view must stay valid */
  if (lua_isnil(L, -1) && !is_needed)
    return STR_NONE;
  if (lua_type(L, -1) != LUA_TSTRING)
    luaL_error(L, "field '%s' must be text", name);
  const char *ptr = lua_tolstring(L, -1, &len);
  return str_make(ptr, len);
}

static struct str field_json(lua_State *L, const char *name)
{
  lua_getfield(L, 1, name);
  if (lua_isnil(L, -1))
    return STR_NONE;
  luaL_checktype(L, -1, LUA_TTABLE);
  struct buf *json = lua_buf(L, ARGUMENTS_MAX);
  json_encode(L, -2, json);
  if (buf_err(json))
    luaL_error(L, "field '%s' is too large", name);
  return buf_str(json);
}

static lua_Integer field_integer(lua_State *L, const char *name)
{
  lua_getfield(L, 1, name);
  lua_Integer n = luaL_optinteger(L, -1, 0);
  lua_pop(L, 1);
  return n;
}

/* Unknown keys and wrong types are refused by name; what is too large runner_start refuses. */
static struct script_limits field_limits(lua_State *L)
{
  static const char *const keys[] = {"cpu_seconds", "wall_seconds", "memory_mb", "log_kb", "result_kb", "tasks", "api_calls"};
  double value[ARRAY_LEN(keys)] = {0};
  lua_getfield(L, 1, "limits");
  if (!lua_isnil(L, -1)) {
    luaL_checktype(L, -1, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
      size_t i = 0;
      while (i < ARRAY_LEN(keys) && !(lua_type(L, -2) == LUA_TSTRING && strcmp(lua_tostring(L, -2), keys[i]) == 0))
        i++;
      if (i == ARRAY_LEN(keys)) {
        luaL_error(L, "limits.%s is unknown", luaL_tolstring(L, -2, NULL));
        break;   /* not reached: it raises */
      }
      value[i] = lua_tonumber(L, -1);
      if (lua_type(L, -1) != LUA_TNUMBER || !(value[i] > 0 && value[i] < 1e9))
        luaL_error(L, "limits.%s must be a number above 0", keys[i]);
    }
  }
  lua_pop(L, 1);
  return (struct script_limits){.cpu_seconds = value[0],
                                .wall_seconds = value[1],
                                .memory_bytes = (size_t)(value[2] * (1 << 20)),
                                .log_bytes = (size_t)(value[3] * 1024),
                                .result_bytes = (size_t)(value[4] * 1024),
                                .tasks = (unsigned)value[5],
                                .api_calls = (unsigned)value[6]};
}

/* engine.script.start{ … } -> script | nil, err                      [-1, +1|2, e] */
static int l_start(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &runner_key);
  struct runner *runner = lua_touserdata(L, -1);
  struct script_spec spec = {.source = field_str(L, "source", true),
                             .name = field_str(L, "name", false),
                             .args = field_json(L, "args"),
                             .run = field_json(L, "run"),
                             .limits = field_limits(L),
                             .seed = field_integer(L, "seed"),
                             .on_log = on_log};
  lua_getfield(L, 1, "rule");
  spec.is_rule = lua_toboolean(L, -1);
  struct str user = field_str(L, "user", false);
  struct feed **handle = feed_handle(L, SCRIPT);
  struct stream *s = mem_new(sizeof *s);
  s->user = str_dup(user);
  size_t log_max = SCRIPT_LIMITS_MAX.log_bytes;
  if (spec.limits.log_bytes > log_max)
    log_max = spec.limits.log_bytes;
  buf_init(&s->lines, 3 * log_max + 4096);
  spec.user = s->user;
  spec.data = s;
  struct diag d = {0};
  Err err = runner ? runner_start(runner, &spec, &s->run, &d) : diag_set(&d, ERR_CLOSED, "the engine is stopping");
  if (err) {
    mem_free(s->user);
    mem_free(s);
    return lua_nil_err(L, err, &d, "script");
  }
  s->feed = (struct feed){.refs = 2, .free = stream_free};
  op_wait(&s->run->op, on_over, s);
  *handle = &s->feed;
  return 1;
}

/* ---- the handle ---- */
/* script:read() -> lines, as many as there are; nil when the script is over   [-1, +1, e, waits] */
static int l_read(lua_State *L)
{
  struct stream *s = feed_check(L, SCRIPT);
  if (!s->lines.len && !s->is_over)
    return feed_wait(L, &s->feed, "script:read", l_read);
  if (s->lines.len)
    lua_pushlstring(L, s->lines.ptr, s->lines.len);
  else
    lua_pushnil(L);
  buf_clear(&s->lines);
  return 1;
}

/* script:take() -> lines | nil: as read, without waiting               [-1, +1, e] */
static int l_take(lua_State *L)
{
  struct stream *s = feed_check(L, SCRIPT);
  if (!s->lines.len)
    return 0;
  lua_pushlstring(L, s->lines.ptr, s->lines.len);
  buf_clear(&s->lines);
  return 1;
}

static void set_text(lua_State *L, const char *name, const char *text)
{
  lua_pushstring(L, text);   /* NULL gives nil */
  lua_setfield(L, -2, name);
}

static void set_number(lua_State *L, const char *name, uint64_t n)
{
  lua_pushinteger(L, (lua_Integer)n);
  lua_setfield(L, -2, name);
}

static void push_clock(lua_State *L, struct str times)
{
  struct str ms;
  lua_createtable(L, 0, 0);
  for (lua_Integer i = 1; str_split(&times, ',', &ms); i++) {
    int64_t at = 0;
    (void)str_to_i64(ms, &at);
    lua_pushinteger(L, at);
    lua_rawseti(L, -2, i);
  }
  lua_setfield(L, -2, "clock");
}

static int push_outcome(lua_State *L, const struct script_outcome *o)
{
  static const char *const ends[] = {"ok", "error", "limit", "cancelled"};
  lua_createtable(L, 0, 12);
  set_text(L, "status", ends[o->end]);
  lua_pushboolean(L, o->end == SCRIPT_OK);
  lua_setfield(L, -2, "ok");
  set_text(L, "limit", o->limit);
  set_text(L, "message", o->message);
  set_text(L, "traceback", o->traceback);
  if (o->line)
    set_number(L, "line", (uint64_t)o->line);
  if (o->result.len) {
    json_push_text(L, buf_str(&o->result));
    lua_setfield(L, -2, "result");
  }
  push_clock(L, buf_str(&o->clock));
  lua_pushnumber(L, (lua_Number)o->cpu_us / 1000);
  lua_setfield(L, -2, "cpu_ms");
  set_number(L, "wall_ms", o->wall_ms);
  set_number(L, "peak_bytes", o->peak_bytes);
  set_number(L, "api_calls", o->api_calls);
  set_number(L, "log_dropped_bytes", o->log_dropped_bytes);
  return 1;
}

/* script:outcome() -> table, once it is over                         [-1, +1, e, waits] */
static int l_outcome(lua_State *L)
{
  struct stream *s = feed_check(L, SCRIPT);
  return s->is_over ? push_outcome(L, &s->run->outcome) : feed_wait(L, &s->feed, "script:outcome", l_outcome);
}

static int l_cancel(lua_State *L)
{
  struct stream *s = feed_check(L, SCRIPT);
  script_run_cancel(s->run);
  return 0;
}

static int l_gc(lua_State *L)
{
  struct stream *s = feed_close(L, SCRIPT);
  if (s) {
    op_cancel(&s->run->op);
    feed_unref(&s->feed);
  }
  return 0;
}

static const luaL_Reg functions[] = {{"start", l_start}, {NULL, NULL}};
static const luaL_Reg methods[] = {{"read", l_read}, {"take", l_take}, {"outcome", l_outcome}, {"cancel", l_cancel},
                                   {"__gc", l_gc},   {"__close", l_gc},      {NULL, NULL}};

void lib_script_close(lua_State *L)
{
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &runner_key);
}

void lib_script_open(lua_State *L, struct runner *runner)
{
  lua_pushlightuserdata(L, runner);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &runner_key);
  lua_new_class(L, SCRIPT, methods);
  lua_engine_lib(L, "script", functions);
  lua_getglobal(L, "require");
  lua_pushliteral(L, "komodo._core.scripts");
  lua_call(L, 1, 0);
}
