/* schedule.h: cron and English in a time zone, and the two nights of the year on which clocks are changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "time/calendar.h"
#include "time/schedule.h"

static const char BERLIN[] = "CET-1CEST,M3.5.0,M10.5.0/3";
static const char UTC[] = "UTC0";

static int64_t parse_unix_ms(const char *text)
{
  int v[6], ms = 0;
  assert_true(sscanf(text, "%d-%d-%dT%d:%d:%d.%d", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &ms) >= 6);
  return (calendar_days((struct date){v[0], v[1], v[2]}) * SECONDS_PER_DAY + v[3] * 3600 + v[4] * 60 + v[5]) * 1000 + ms;
}

/* `next` are the next runs in UTC, each after the one before. */
static const struct {
  const char *zone;
  enum schedule_format format;
  const char *text, *after;
  const char *next[4];
} rows[] = {
  {UTC, SCHEDULE_ENGLISH, "every day at 01:30", "2026-11-20T01:29:59.999", {"2026-11-20T01:30:00", "2026-11-21T01:30:00"}},
  /* strictly later, by whole seconds */
  {UTC, SCHEDULE_CRON, "0 30 1 * * *", "2026-11-20T01:30:00.000", {"2026-11-21T01:30:00"}},
  {UTC, SCHEDULE_CRON, "* * * * * *", "2026-11-20T01:30:00.001", {"2026-11-20T01:30:01", "2026-11-20T01:30:02"}},
  {UTC, SCHEDULE_CRON, "* * * * * *", "1969-12-31T23:59:58.500", {"1969-12-31T23:59:59", "1970-01-01T00:00:00"}},
  {BERLIN, SCHEDULE_ENGLISH, "every day at 01:30", "2026-11-20T18:00:00", {"2026-11-21T00:30:00"}},
  {BERLIN, SCHEDULE_CRON, "0 0 0 1 7 *", "2026-11-20T18:00:00", {"2027-06-30T22:00:00"}},
  /* spring: 01:00 UTC, 02:00 becomes 03:00; one time of day is made up for, a series is not */
  {BERLIN, SCHEDULE_CRON, "0 30 2 * * *", "2026-03-28T01:00:00", {"2026-03-28T01:30:00", "2026-03-29T01:00:00", "2026-03-30T00:30:00"}},
  {BERLIN, SCHEDULE_CRON, "0 30 2 * * SUN", "2026-03-29T00:59:59", {"2026-03-29T01:00:00", "2026-04-05T00:30:00"}},
  {BERLIN, SCHEDULE_CRON, "0 0 3 * * *", "2026-03-29T00:59:59", {"2026-03-29T01:00:00", "2026-03-30T01:00:00"}},
  {BERLIN, SCHEDULE_CRON, "0 0,30 2 * * *", "2026-03-28T12:00:00", {"2026-03-30T00:00:00", "2026-03-30T00:30:00"}},
  {BERLIN, SCHEDULE_CRON, "0 */30 * * * *", "2026-03-29T00:00:00",
   {"2026-03-29T00:30:00", "2026-03-29T01:00:00", "2026-03-29T01:30:00", "2026-03-29T02:00:00"}},
  {BERLIN, SCHEDULE_CRON, "0-1 59 2 29 3 * 2026", "2026-03-01T00:00:00", {NULL}},   /* only in the gap */
  /* autumn: 01:00 UTC, 03:00 becomes 02:00; what is shown twice counts once */
  {BERLIN, SCHEDULE_CRON, "0 30 2 * * *", "2026-10-24T12:00:00", {"2026-10-25T00:30:00", "2026-10-26T01:30:00"}},
  {BERLIN, SCHEDULE_CRON, "0 30 2 * * *", "2026-10-25T01:10:00", {"2026-10-26T01:30:00"}},   /* the second 02:10 */
  {BERLIN, SCHEDULE_CRON, "0 */30 * * * *", "2026-10-25T00:00:00", {"2026-10-25T00:30:00", "2026-10-25T02:00:00", "2026-10-25T02:30:00"}},
  {BERLIN, SCHEDULE_CRON, "0 */30 * * * *", "2026-10-25T01:10:00", {"2026-10-25T02:00:00"}},   /* never in the past */
  {BERLIN, SCHEDULE_CRON, "0 */30 * * * *", "2026-10-25T01:59:59", {"2026-10-25T02:00:00"}},
  /* a zone west of UTC, and one that changes by half an hour */
  {"EST5EDT,M3.2.0,M11.1.0", SCHEDULE_ENGLISH, "every day at 2:30", "2026-03-07T12:00:00", {"2026-03-08T07:00:00", "2026-03-09T06:30:00"}},
  {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", SCHEDULE_CRON, "0 15 2 * * *", "2026-10-03T00:00:00", {"2026-10-03T15:30:00", "2026-10-04T15:15:00"}},
  {UTC, SCHEDULE_CRON, "0 0 0 1 1 * 2030", "2030-01-01T00:00:00", {NULL}},
  {UTC, SCHEDULE_CRON, "0 0 0 30 2 *", "2026-01-01T00:00:00", {NULL}},
  {UTC, SCHEDULE_CRON, "0 0 0 * * *", "5000-01-01T00:00:00", {NULL}},
};

static void next_runs(void **state)
{
  (void)state;
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct tz *tz = NULL;
    struct schedule s;
    struct diag d = {0};
    assert_int_equal(tz_parse_rule(str_of(rows[i].zone), &tz, &d), OK);
    if (schedule_parse(rows[i].format, str_of(rows[i].text), tz, &s, &d))
      fail_msg("%s: %s", rows[i].text, d.message);
    int64_t at = parse_unix_ms(rows[i].after);
    for (size_t k = 0; k < ARRAY_LEN(rows[i].next) && (k == 0 || rows[i].next[k]); k++) {
      char got[CLOCK_ISO_LEN + 1] = "never", want[CLOCK_ISO_LEN + 1] = "never";
      if (schedule_next(&s, at, &at, &d) == OK)
        clock_format_iso(at, got);
      else
        assert_string_equal(d.message, "Failed to find next run time");
      if (rows[i].next[k])
        clock_format_iso(parse_unix_ms(rows[i].next[k]), want);
      if (strcmp(got, want) != 0)
        fail_msg("%s after %s: run %zu at %s instead of %s", rows[i].text, rows[i].after, k + 1, got, want);
    }
    tz_free(tz);
  }
}

/* Two years of Berlin by the half hour: in order, never twice the same, never more than an hour too far apart. */
static void steady(void **state)
{
  (void)state;
  struct tz *tz = NULL;
  struct schedule s;
  assert_int_equal(tz_parse_rule(str_of(BERLIN), &tz, /* reterr= */ NULL), OK);
  assert_int_equal(schedule_parse(SCHEDULE_ENGLISH, STR("every 30 minutes"), tz, &s, /* reterr= */ NULL), OK);
  int64_t at = parse_unix_ms("2026-01-01T00:00:00"), end = parse_unix_ms("2028-01-01T00:00:00"), next, count = 0;
  for (; at < end; at = next, count++) {
    assert_int_equal(schedule_next(&s, at, &next, /* reterr= */ NULL), OK);
    int64_t step = (next - at) / 60000;
    if (step != 30 && step != 90)
      fail_msg("%lld: %lld minutes", (long long)at, (long long)step);
  }
  assert_int_equal(count, 2 * 365 * 48 - 2 * 2);   /* each autumn leaves out one hour */
  tz_free(tz);
}

static void refused(void **state)
{
  (void)state;
  static const struct {
    enum schedule_format format;
    const char *text, *message, *trace;
  } bad[] = {
    {SCHEDULE_CRON, "every day", "Invalid CRON schedule", "it has 2 fields"},
    {SCHEDULE_CRON, "0 75 * * * *", "Invalid CRON schedule", "minute: 75 is out of bounds, it goes from 0 to 59"},
    {SCHEDULE_ENGLISH, "daily", "Failed to parse english to cron | InvalidInput", "every day at 03:00"},
    {SCHEDULE_ENGLISH, "15th of every month", "English expression produced invalid CRON schedule | produced: 0 * * * 15 ?", "month: 15 is out of bounds"},
    {SCHEDULE_ENGLISH, "every day at 24:00", "English expression produced invalid CRON schedule | produced: 0 0 24 */1 * ?", "hour: 24"},
    {SCHEDULE_ENGLISH, "x-schedule", "Failed to parse english to cron | InvalidInput", ""},
  };
  for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
    struct schedule s;
    struct diag d = {0};
    if (schedule_parse(bad[i].format, str_of(bad[i].text), /* tz= */ NULL, &s, &d) != ERR_INVALID)
      fail_msg("%s: taken", bad[i].text);
    assert_string_equal(d.message, bad[i].message);
    if (!strstr(d.trace, bad[i].trace))
      fail_msg("%s: '%s' lacks '%s'", bad[i].text, d.trace, bad[i].trace);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(next_runs), cmocka_unit_test(steady), cmocka_unit_test(refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
