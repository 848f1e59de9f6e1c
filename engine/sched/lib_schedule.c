/* sched/lib_schedule.c: see lib_schedule.h. */
#include "sched/lib_schedule.h"

#include "base/mem.h"
#include "script/libs.h"
#include "time/schedule.h"
#include "time/zones.h"

/* ---- reading a zone ---- */

struct zone_load {
  struct op op;
  uv_work_t work;
  int (*push)(lua_State *L, const struct tz *tz);   /* what was asked, with its arguments on the stack */
  char *name;
  size_t name_len;      /* a name with a zero byte in it is none, which zones_get says */
  const struct tz *tz;  /* set on the pool's thread, like what follows */
  Err err;
  struct diag diag;
};

static void zone_load_free(struct op *op)
{
  struct zone_load *z = (struct zone_load *)op;
  mem_free(z->name);
  mem_free(z);
}

static void do_load(uv_work_t *work)
{
  struct zone_load *z = work->data;
  z->err = zones_get(str_make(z->name, z->name_len), &z->tz, &z->diag);
}

static void after_load(uv_work_t *work, int status)
{
  struct zone_load *z = work->data;
  if (status)
    z->err = diag_set(&z->diag, ERR_CANCELLED, "%s", err_words(ERR_CANCELLED));
  op_complete(&z->op, z->err, z->err ? &z->diag : NULL);
  op_unref(&z->op);
}

static void cancel(struct op *op) { uv_cancel((uv_req_t *)&((struct zone_load *)op)->work); }

static void zone_load_start(struct op_loop *loop, struct str name, int (*push)(lua_State *L, const struct tz *tz), struct op **ret_op)
{
  struct zone_load *z = mem_new(sizeof *z);
  op_init(&z->op, loop, cancel, zone_load_free);
  z->push = push;
  z->name = str_dup(name);
  z->name_len = name.len;
  z->work.data = z;
  *ret_op = &z->op;
  uv_queue_work(loop->loop, &z->work, do_load, after_load);
}

/* ---- engine.schedule ---- */

static int push_failure(lua_State *L, Err err, const struct diag *d)
{
  lua_pushnil(L);
  lua_push_err(L, err, d, "schedule");
  return 2;
}

static enum schedule_format check_format(lua_State *L, int arg)
{
  static const char *const formats[] = {[SCHEDULE_ENGLISH] = "English", [SCHEDULE_CRON] = "Cron", NULL};
  return (enum schedule_format)luaL_checkoption(L, arg, /* def= */ NULL, formats);
}

/* With the arguments of l_next on the stack. */
static int push_next(lua_State *L, const struct tz *tz)
{
  struct schedule schedule;
  struct diag d = {0};
  int64_t next;
  Err err = schedule_parse(check_format(L, 1), lua_check_str(L, 2), tz, &schedule, &d);
  if (!err)
    err = schedule_next(&schedule, luaL_checkinteger(L, 4), &next, &d);
  if (err)
    return push_failure(L, err, &d);
  lua_pushinteger(L, next);
  return 1;
}

static int loaded(lua_State *L, int status, lua_KContext ctx)
{
  struct zone_load *z = (struct zone_load *)ctx;
  (void)status;
  if (z->op.err == ERR_CANCELLED)
    return lua_fail(L, &z->op, "schedule");
  if (z->op.err) {
    diag_context(&z->diag, "Failed to parse timezone");
    return push_failure(L, z->op.err, &z->diag);
  }
  return z->push(L, z->tz);
}

/* The zone's name is the third of four arguments. */
static int with_zone(lua_State *L, int (*push)(lua_State *L, const struct tz *tz))
{
  struct str name = lua_check_str(L, 3);
  (void)luaL_checkinteger(L, 4);
  lua_settop(L, 4);
  const struct tz *known = zones_known(name);
  if (known)
    return push(L, known);
  struct op **box = op_box(L);
  zone_load_start(script_loop(L), name, push, box);
  return op_await(L, box, loaded);
}

/* engine.schedule.next(format, text, timezone, after_unix_ms)          [-4, +1|2, e, waits] */
static int l_next(lua_State *L)
{
  (void)check_format(L, 1);
  (void)lua_check_str(L, 2);
  return with_zone(L, push_next);
}

static int push_offset(lua_State *L, const struct tz *tz)
{
  lua_pushinteger(L, tz_offset(tz, luaL_checkinteger(L, 4) / 1000));
  return 1;
}

/* engine.schedule.offset(timezone, unix_ms)                            [-2, +1|2, e, waits] */
static int l_offset(lua_State *L)
{
  lua_settop(L, 2);
  lua_pushnil(L);
  lua_pushnil(L);
  lua_rotate(L, 1, 2);
  return with_zone(L, push_offset);
}

static const luaL_Reg functions[] = {{"next", l_next}, {"offset", l_offset}, {NULL, NULL}};

void lib_schedule_open(lua_State *L) { lua_engine_lib(L, "schedule", functions); }
