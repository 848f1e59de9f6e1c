/* script/lib_time.c: engine.time. See libs.h. */
#include "base/clock.h"
#include "script/policy_internal.h"
#include "time/calendar.h"

enum { MS_PER_MINUTE = 60000 };

static int l_iso(lua_State *L)
{
  char text[CLOCK_ISO_LEN + 1];
  lua_Integer ms = luaL_opt(L, luaL_checkinteger, 1, clock_unix_ms());
  luaL_argcheck(L, ms >= -62135596800000 && ms <= 253402300799999, 1, "year out of range");
  clock_format_iso(ms, text);
  lua_pushstring(L, text);
  return 1;
}

static int l_mono(lua_State *L)
{
  lua_pushinteger(L, (lua_Integer)clock_mono_ms());
  return 1;
}

/* Reads exactly `digits` digits. */
static bool take_number(struct str *text, size_t digits, int *ret)
{
  int n = 0;
  for (size_t i = 0; i < digits; i++) {
    if (i >= text->len || text->ptr[i] < '0' || text->ptr[i] > '9')
      return false;
    n = n * 10 + (text->ptr[i] - '0');
  }
  *text = str_sub(*text, digits, text->len);
  *ret = n;
  return true;
}

static bool take_char(struct str *text, const char *any_of)
{
  if (!text->len || !text->ptr[0] || !strchr(any_of, text->ptr[0]))
    return false;
  *text = str_sub(*text, 1, text->len);
  return true;
}

static bool is_date(int year, int month, int day)
{
  return month >= 1 && month <= 12 && day >= 1 && day <= calendar_month_length(year, month);
}

/* RFC 3339, chapter 5.6: 2026-01-31T12:34:56[.789]Z or +01:30 at the end. */
static bool parse_iso(struct str t, int64_t *ret_ms)
{
  int year, month, day, hour, minute, second, offset_hour = 0, offset_minute = 0, sign = 1;
  int64_t ms = 0;
  if (!take_number(&t, 4, &year) || !take_char(&t, "-") || !take_number(&t, 2, &month) || !take_char(&t, "-") ||
      !take_number(&t, 2, &day) || !take_char(&t, "Tt ") || !take_number(&t, 2, &hour) || !take_char(&t, ":") ||
      !take_number(&t, 2, &minute) || !take_char(&t, ":") || !take_number(&t, 2, &second))
    return false;
  if (take_char(&t, ".")) {
    int digit, scale = 100;
    if (!take_number(&t, 1, &digit))
      return false;
    do {
      ms += digit * scale;
      scale /= 10;
    } while (take_number(&t, 1, &digit));
  }
  if (!take_char(&t, "Zz")) {
    if (t.len && t.ptr[0] == '-')
      sign = -1;
    if (!take_char(&t, "+-") || !take_number(&t, 2, &offset_hour) || !take_char(&t, ":") ||
        !take_number(&t, 2, &offset_minute) || offset_hour > 23 || offset_minute > 59)
      return false;
  }
  if (t.len || !is_date(year, month, day) || hour > 23 || minute > 59 || second > 60)
    return false;
  int64_t minutes = calendar_days((struct date){year, month, day}) * 1440 + hour * 60 + minute - sign * (offset_hour * 60 + offset_minute);
  *ret_ms = minutes * MS_PER_MINUTE + second * 1000 + ms;
  return true;
}

static int l_parse(lua_State *L)
{
  int64_t ms;
  if (parse_iso(lua_check_str(L, 1), &ms)) {
    lua_pushinteger(L, ms);
    return 1;
  }
  struct diag d;
  diag_set(&d, ERR_INVALID, "'%.40s' is not a time like 2026-01-31T12:34:56Z", lua_tostring(L, 1));
  return lua_nil_err(L, ERR_INVALID, &d, "time");
}

static const luaL_Reg functions[] = {{"iso", l_iso}, {"parse", l_parse}, {"mono", l_mono}, {NULL, NULL}};

void lib_time_open(lua_State *L) { lua_engine_lib(L, "time", functions); }
