/* schedule_cron.h: which lines are taken, and the times they match (spec monitoring.md 8.3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "time/calendar.h"
#include "time/schedule_cron.h"

static int64_t local(int year, int month, int day, int hour, int minute, int second)
{
  return calendar_days((struct date){year, month, day}) * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second;
}

static int64_t parse_local(const char *text)
{
  int v[6];
  assert_int_equal(sscanf(text, "%d-%d-%d %d:%d:%d", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5]), 6);
  return local(v[0], v[1], v[2], v[3], v[4], v[5]);
}

static void format_local(int64_t s, char ret[32])
{
  int64_t days = calendar_floor_div(s, SECONDS_PER_DAY), of_day = s - days * SECONDS_PER_DAY;
  struct date d = calendar_date(days);
  snprintf(ret, 32, "%04d-%02d-%02d %02d:%02d:%02d", d.year, d.month, d.day, (int)(of_day / 3600), (int)(of_day / 60 % 60), (int)(of_day % 60));
}

/* Each from the time on the left: the match, and the one after it. */
static const struct {
  const char *cron, *from, *first, *second;
} rows[] = {
  {"* * * * * *", "2026-01-31 23:59:59", "2026-01-31 23:59:59", "2026-02-01 00:00:00"},
  {"0 0 3 * * ?", "2026-03-01 03:00:00", "2026-03-01 03:00:00", "2026-03-02 03:00:00"},
  {"0 */5 * * * *", "2026-03-01 03:00:01", "2026-03-01 03:05:00", "2026-03-01 03:10:00"},
  {"0 0 0 1,15 * ?", "2026-12-02 00:00:00", "2026-12-15 00:00:00", "2027-01-01 00:00:00"},
  {"0 0 9 ? * MON-FRI", "2026-11-20 09:00:01", "2026-11-23 09:00:00", "2026-11-24 09:00:00"},
  {"0 0 9 13 * FRI", "2026-11-20 00:00:00", "2027-08-13 09:00:00", "2028-10-13 09:00:00"},
  {"0 0 0 L * ?", "2028-02-01 00:00:00", "2028-02-29 00:00:00", "2028-03-31 00:00:00"},
  {"0 0 0 15,L * ?", "2027-02-01 00:00:00", "2027-02-15 00:00:00", "2027-02-28 00:00:00"},
  {"0 0 9 * * MON#1,MON#3", "2026-11-01 00:00:00", "2026-11-02 09:00:00", "2026-11-16 09:00:00"},
  {"0 0 9 * * 5#5", "2026-11-01 00:00:00", "2027-01-29 09:00:00", "2027-04-30 09:00:00"},
  {"0 0 9 * * FRIL", "2026-11-01 00:00:00", "2026-11-27 09:00:00", "2026-12-25 09:00:00"},
  {"0 0 9 * * FRI#L", "2026-11-01 00:00:00", "2026-11-27 09:00:00", "2026-12-25 09:00:00"},
  {"0 0 9 * * 7L", "2026-11-01 00:00:00", "2026-11-29 09:00:00", "2026-12-27 09:00:00"},
  {"0 0 0 15W * ?", "2026-11-01 00:00:00", "2026-11-16 00:00:00", "2026-12-15 00:00:00"},   /* the 15th is a Sunday */
  {"0 0 0 1W * ?", "2026-08-01 00:00:00", "2026-08-03 00:00:00", "2026-09-01 00:00:00"},    /* a Saturday, not into July */
  {"0 0 0 31W * ?", "2026-05-01 00:00:00", "2026-05-29 00:00:00", "2026-07-31 00:00:00"},   /* a Sunday, not into June */
  {"0 0 0 29 2 *", "2097-01-01 00:00:00", "2104-02-29 00:00:00", "2108-02-29 00:00:00"},
  {"0 0 0 1 1 * 2030,2035", "2026-11-20 00:00:00", "2030-01-01 00:00:00", "2035-01-01 00:00:00"},
  {"0 0 0 1 1 * 2030/1000", "2031-11-20 00:00:00", "3030-01-01 00:00:00", "4030-01-01 00:00:00"},
  {"0 0 0 * * SAT-SUN", "2026-11-20 00:00:00", "2026-11-21 00:00:00", "2026-11-22 00:00:00"},
  {"0 0 0 * * SUN-MON", "2026-11-20 00:00:00", "2026-11-22 00:00:00", "2026-11-23 00:00:00"},
  {"0 0 0 * * 7", "2026-11-20 00:00:00", "2026-11-22 00:00:00", "2026-11-29 00:00:00"},
  {"0 0 0 * * +FRI", "2026-11-20 00:00:01", "2026-11-27 00:00:00", "2026-12-04 00:00:00"},
  {"0 0 0 * JAN,dec ?", "2026-12-31 00:00:00", "2026-12-31 00:00:00", "2027-01-01 00:00:00"},
  {"0 10/20 * * * *", "2026-01-01 00:00:00", "2026-01-01 00:10:00", "2026-01-01 00:30:00"},
  {"0 0/90 * * * *", "2026-01-01 00:00:01", "2026-01-01 01:00:00", "2026-01-01 02:00:00"},
  {"0 10-30/15 * * * *", "2026-01-01 00:00:00", "2026-01-01 00:10:00", "2026-01-01 00:25:00"},
  {"1,,2 0 0 * * *", "2026-01-01 00:00:00", "2026-01-01 00:00:01", "2026-01-01 00:00:02"},
  {"  0\t30  8 * * *  ", "2026-01-01 00:00:00", "2026-01-01 08:30:00", "2026-01-02 08:30:00"},
  {"@yearly", "2026-01-01 00:00:01", "2027-01-01 00:00:00", "2028-01-01 00:00:00"},
  {"@Annually", "2026-01-01 00:00:01", "2027-01-01 00:00:00", "2028-01-01 00:00:00"},
  {"@monthly", "2026-01-01 00:00:01", "2026-02-01 00:00:00", "2026-03-01 00:00:00"},
  {"@weekly", "2026-11-20 00:00:00", "2026-11-22 00:00:00", "2026-11-29 00:00:00"},
  {"@daily", "2026-11-20 00:00:01", "2026-11-21 00:00:00", "2026-11-22 00:00:00"},
  {"@hourly", "2026-11-20 00:00:01", "2026-11-20 01:00:00", "2026-11-20 02:00:00"},
  {"59 59 23 31 12 * 4999", "2026-11-20 00:00:00", "4999-12-31 23:59:59", NULL},
  {"0 0 0 1 1 * 2030", "2026-11-20 00:00:00", "2030-01-01 00:00:00", NULL},
  {"0 0 0 1 1 * 1", "2026-11-20 00:00:00", NULL, NULL},
  {"0 0 0 30 2 *", "2026-11-20 00:00:00", NULL, NULL},
  {"0 0 0 31 * MON#1", "2026-11-20 00:00:00", NULL, NULL},
};

static void expect(const struct cron *c, const char *line, int64_t from, const char *want, int64_t *ret)
{
  char text[32] = "never";
  if (cron_next(c, from, ret))
    format_local(*ret, text);
  if (strcmp(text, want ? want : "never") != 0)
    fail_msg("%s: %s instead of %s", line, text, want ? want : "never");
}

static void matches(void **state)
{
  (void)state;
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct cron c;
    struct diag d = {0};
    int64_t at = 0;
    if (cron_parse(str_of(rows[i].cron), &c, &d))
      fail_msg("%s: %s", rows[i].cron, d.message);
    expect(&c, rows[i].cron, parse_local(rows[i].from), rows[i].first, &at);
    if (rows[i].first)
      expect(&c, rows[i].cron, at + 1, rows[i].second, &at);
  }
}

static void refused(void **state)
{
  (void)state;
  static const struct {
    const char *cron, *why;
  } bad[] = {
    {"", "it has 0 fields"},
    {"*/5 * * * *", "put a 0 in front for the second"},
    {"* * * * * * * *", "it has 8 fields"},
    {"0 0 9 * * MONDAY", "day of week: '1DAY'"},
    {"0 0 0 1 JANUARY *", "month: '1UARY'"},
    {"0 0 9 * * FRI-MON", "day of week: '5-1' ends before it begins"},
    {"0 */0 * * * *", "minute: '*/0' has a step of zero"},
    {"60 * * * * *", "second: 60 is out of bounds, it goes from 0 to 59"},
    {"0 60 * * * *", "minute: 60 is out of bounds"},
    {"0 0 24 * * *", "hour: 24 is out of bounds, it goes from 0 to 23"},
    {"0 0 0 0 * *", "day of month: 0 is out of bounds, it goes from 1 to 31"},
    {"0 0 0 32W * *", "day of month: 32 is out of bounds"},
    {"0 0 0 * 15 *", "month: 15 is out of bounds, it goes from 1 to 12"},
    {"0 0 0 * * 8", "day of week: 8 is out of bounds, it goes from 0 to 7"},
    {"0 0 0 * * * 5000", "year: 5000 is out of bounds, it goes from 1 to 4999"},
    {"0 0 0 * * * 99999999999999999999999", "is out of bounds"},
    {"? 0 0 * * *", "second: '?'"},
    {"0 0 0 ? ? *", "month: '?'"},
    {"0 0 0 LW * *", "day of month: 'LW'"},
    {"0 0 0 L-3 * *", "day of month: 'L-3'"},
    {"0 0 0 * * 5#6", "day of week: '5#6' must name"},
    {"0 0 0 * * 5#", "day of week: '5#' must name"},
    {"0 0 0 * * L", "day of week: 'L'"},
    {"0 -5 * * * *", "minute: '-5'"},
    {"0 1-2-3 * * * *", "minute: '1-2-3'"},
    {"0 1/2/3 * * * *", "minute: '1/2/3'"},
    {"0 , * * * *", "minute: ',' names nothing"},
    {"0 a * * * *", "minute: 'A' is not a number"},
    {"@midnight", "it has 1 fields"},
  };
  for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
    struct cron c;
    struct diag d = {0};
    if (cron_parse(str_of(bad[i].cron), &c, &d) != ERR_INVALID)
      fail_msg("%s: taken", bad[i].cron);
    if (!strstr(d.message, bad[i].why))
      fail_msg("%s: '%s' lacks '%s'", bad[i].cron, d.message, bad[i].why);
  }
  CLEANUP(buf_release) struct buf text = BUF_INIT(4096);
  for (int i = 0; i < 2000; i++)
    buf_add_text(&text, "1,");
  struct cron c;
  struct diag d = {0};
  assert_int_equal(cron_parse(buf_str(&text), &c, &d), ERR_INVALID);
  assert_non_null(strstr(d.message, "longer than 1024"));
}

/* A wrong part is shown in its error, cut between two characters wherever the cut falls. */
static void errors_are_text(void **state)
{
  (void)state;
  for (size_t lead = 0; lead < 4; lead++) {
    char text[128] = "0 0 0 * * zzz";
    size_t len = strlen(text) - 3 + lead;
    for (int i = 0; i < 15; i++, len += 3)
      snprintf(text + len, sizeof text - len, "€");
    struct cron c;
    struct diag d = {0};
    assert_int_equal(cron_parse(str_of(text), &c, &d), ERR_INVALID);
    assert_true(str_is_utf8(str_of(d.message)));
    assert_non_null(strstr(d.message, "€' is not a number"));
  }
}

/* Against a count of every second of some days: nothing is left out, nothing comes too early. */
static void no_gaps(void **state)
{
  (void)state;
  struct cron c;
  assert_int_equal(cron_parse(STR("7/13 3-50/9 */5 2,L,15W 2-4 *"), &c, /* reterr= */ NULL), OK);
  int64_t from = local(2026, 2, 1, 0, 0, 0), to = local(2026, 4, 3, 0, 0, 0), next;
  assert_true(cron_next(&c, from, &next));
  for (int64_t s = from; s < to; s++) {
    struct date d = calendar_date(calendar_floor_div(s, SECONDS_PER_DAY));
    int hour = (int)(s / 3600 % 24), minute = (int)(s / 60 % 60), second = (int)(s % 60);
    int near = d.month == 2 ? 16 : d.month == 3 ? 16 : 15;   /* the 15th is a Sunday in February and March */
    bool match = second % 13 == 7 && minute >= 3 && minute <= 50 && minute % 9 == 3 && hour % 5 == 0 && d.month <= 4 &&
                 (d.day == 2 || d.day == near || d.day == calendar_month_length(d.year, d.month));
    if (match != (s == next))
      fail_msg("%lld", (long long)s);
    if (match)
      assert_true(cron_next(&c, s + 1, &next));
  }
}

static void calendar(void **state)
{
  (void)state;
  assert_int_equal(calendar_days((struct date){1970, 1, 1}), 0);
  assert_int_equal(calendar_weekday(0), 4);
  int64_t day = calendar_days((struct date){-401, 12, 31});
  for (int year = -400; year <= 2400; year++)
    for (int month = 1; month <= 12; month++)
      for (int of_month = 1; of_month <= calendar_month_length(year, month); of_month++) {
        struct date back = calendar_date(++day);
        if (calendar_days((struct date){year, month, of_month}) != day || back.year != year || back.month != month || back.day != of_month)
          fail_msg("%d-%d-%d", year, month, of_month);
        if (calendar_weekday(day) != (calendar_weekday(day - 1) + 1) % 7)
          fail_msg("weekday of %d-%d-%d", year, month, of_month);
      }
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(matches), cmocka_unit_test(refused), cmocka_unit_test(errors_are_text),
                                     cmocka_unit_test(no_gaps), cmocka_unit_test(calendar)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
