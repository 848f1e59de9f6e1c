/* script/lib_zone.c: time zones and schedules for user scripts; komodo/_core/time.lua builds komodo.time on them.
 *
 * A zone is read on the script's thread while the guard is up: one file of at most TZ_FILE_MAX bytes, the first time alone.
 */
#include "script/libs.h"
#include "script/run_internal.h"
#include "time/schedule.h"
#include "time/zones.h"

static int push_failure(lua_State *L, Err err, const struct diag *d)
{
  return lua_nil_err(L, err, d, "komodo.time");
}

static Err find_zone(lua_State *L, int arg, const struct tz **ret_tz, struct diag *reterr)
{
  struct str name = lua_check_str(L, arg);
  if (!name.len)
    return diag_set(reterr, ERR_INVALID, "a time zone has a name such as 'UTC' or 'Europe/Berlin'");
  guard_enter();
  Err err = zones_get(name, ret_tz, reterr);
  guard_leave();
  return err;
}

/* zone_offset(zone, unix_s) -> seconds that its clocks are ahead of UTC | nil, err   [-2, +1|2, e] */
static int l_zone_offset(lua_State *L)
{
  int64_t unix_s = luaL_checkinteger(L, 2);
  const struct tz *tz;
  struct diag d = {0};
  Err err = find_zone(L, 1, &tz, &d);
  if (err)
    return push_failure(L, err, &d);
  lua_pushinteger(L, tz_offset(tz, unix_s));
  return 1;
}

/* zone_find(zone, local_s) -> unix_s, exists | nil, err              [-2, +2, e] */
static int l_zone_find(lua_State *L)
{
  int64_t local_s = luaL_checkinteger(L, 2);
  const struct tz *tz;
  struct diag d = {0};
  Err err = find_zone(L, 1, &tz, &d);
  if (err)
    return push_failure(L, err, &d);
  struct tz_instant at;
  tz_find(tz, local_s, &at);
  lua_pushinteger(L, at.unix_s);
  lua_pushboolean(L, at.exists);
  return 2;
}

/* schedule_next(format, text, zone, after_unix_ms) -> unix_ms | nil, err   [-4, +1|2, e] */
static int l_schedule_next(lua_State *L)
{
  static const char *const formats[] = {[SCHEDULE_ENGLISH] = "English", [SCHEDULE_CRON] = "Cron", NULL};
  enum schedule_format format = (enum schedule_format)luaL_checkoption(L, 1, /* def= */ NULL, formats);
  struct str text = lua_check_str(L, 2);
  int64_t after = luaL_checkinteger(L, 4), next = 0;
  const struct tz *tz;
  struct diag d = {0};
  struct schedule schedule;
  Err err = find_zone(L, 3, &tz, &d);
  guard_enter();
  if (!err)
    err = schedule_parse(format, text, tz, &schedule, &d);
  if (!err)
    err = schedule_next(&schedule, after, &next, &d);
  guard_leave();
  if (err)
    return push_failure(L, err, &d);
  lua_pushinteger(L, next);
  return 1;
}

const luaL_Reg zone_functions[] = {
    {"zone_offset", l_zone_offset}, {"zone_find", l_zone_find}, {"schedule_next", l_schedule_next}, {NULL, NULL}};
