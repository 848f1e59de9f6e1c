/* schedule_english.h: sentences and the cron lines they become, those of spec monitoring.md 8.4 and resources.md 16. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "time/schedule_english.h"

static const struct {
  const char *text, *cron;
} rows[] = {
  {"every second", "* * * * * ?"},
  {"every 15 seconds", "0/15 * * * * ?"},
  {"every 10 secs", "0/10 * * * * ?"},
  {"every minute", "0 * * * * ?"},
  {"every 5 minutes", "0 0/5 * * * ?"},
  {"every 5 min", "0 0/5 * * * ?"},
  {"Run every 15 minutes", "0 0/15 * * * ?"},
  {"every hour", "0 0 * * * ?"},
  {"every 3 hours", "0 0 0/3 * * ?"},
  {"every 2 hrs", "0 0 0/2 * * ?"},
  {"Run every 3 hours", "0 0 0/3 * * ?"},
  {"every day", "0 0 0 */1 * ?"},
  {"Every day at 01:00", "0 0 1 */1 * ?"},
  {"every day at 01:30", "0 30 1 */1 * ?"},
  {"every day at 4:30 pm", "0 30 16 */1 * ?"},
  {"every day at noon", "0 0 12 */1 * ?"},
  {"Run every 4 days", "0 0 0 */4 * ?"},
  {"every 2 days at 04:00", "0 0 4 */2 * ?"},
  {"every 3rd day at noon", "0 0 12 3 * ?"},
  {"at 9:30", "0 30 9 * * ?"},
  {"at 10:00 am", "0 0 10 * * ?"},
  {"17:00", "0 0 17 * * ?"},
  {"midnight", "0 0 0 * * ?"},
  {"12am", "0 0 0 * * ?"},
  {"12 pm", "0 0 12 * * ?"},
  {"2pm and 6pm", "0 0 14,18 * * ?"},
  {"4pm, 5pm and 7pm", "0 0 16,17,19 * * ?"},
  {"every day at 2:30 and 14:30", "0 30 2,14 */1 * ?"},
  {"between 7:00 and 7:30", "0 * 7-7 * * ?"},
  {"every monday at 9:00", "0 0 9 ? * MON"},
  {"on Sunday at 12:00", "0 0 12 ? * SUN"},
  {"7pm every Thursday", "0 0 19 ? * THU"},
  {"monday through friday at 8am", "0 0 8 ? * MON-FRI"},
  {"at 6:00 pm every Monday through Friday", "0 0 18 ? * MON-FRI"},
  {"monday, wednesday, friday at 08:00", "0 0 8 ? * MON,WED,FRI"},
  {"friday, monday at 08:00", "0 0 8 ? * MON,FRI"},
  {"monday, wednesday through friday at 08:00", "0 0 8 ? * MON,WED-FRI"},
  {"starting monday ending friday at 8:00", "0 0 8 ? * MON-FRI"},
  {"at 2pm and 6pm on monday through friday", "0 0 14,18 ? * MON-FRI"},
  {"every weekend at 10:00", "0 0 10 ? * SAT,SUN"},
  {"on the 1st day of the month at 03:00", "0 0 3 1 * ?"},
  {"at midnight on the 1st and 15th of the month", "0 0 0 1,15 * ?"},
  {"every 15 minutes between 9:00 am and 5:00 pm", "0 0/15 9-17 * * ?"},
  {"every hour from 9am to 5pm", "0 0 9-17 * * ?"},
  {"every 5 minutes monday through friday between 6:00 am and 9:00 am", "0 0/5 6-9 ? * MON-FRI"},
  {"every 5 minutes Monday through Thursday between 6:00 am and 9:00 am", "0 0/5 6-9 ? * MON-THU"},
  {"every 5 day at 4:30 pm Monday through Thursday", "0 30 16 ? * MON-THU"},
  {"every day from January to March", "0 0 0 */1 JAN-MAR ?"},
  {"Run every day from January to March", "0 0 0 */1 JAN-MAR ?"},
  {"every day in june, july and sept", "0 0 0 */1 JUN,JUL,SEP ?"},
  {"at 10:00 am on 25th december", "0 0 10 25 DEC ?"},
  {"every 20 minutes on weekends", "0 0/20 * ? * SAT,SUN"},
  {"Run every hour only on weekends", "0 0 * ? * SAT,SUN"},
  {"every hour, and only on friday", "0 0 * ? * FRI"},
  /* what people wrote may not mean what they thought, and must not change */
  {"every monday", "0 * * ? * MON"},
  {"every weekday at 9am", "0 0 9 */1 * ?"},
  {"every month", "0 * * * * ?"},
  {"on the 15th at 03:00", "0 0 3 * * ?"},
  {"1st of the month at 03:00", "0 0 3 * 1 ?"},
  {"15th of every month", "0 * * * 15 ?"},
  {"every 6 months", "0 * * * 6 ?"},
  {"every mon-fri at 9:00", "0 0 9 ? * FRI"},
  {"every day except sunday", "0 0 0 ? * SUN"},
  {"every 90 minutes", "0 0/90 * * * ?"},
  {"every 12 hours starting at 6:00", "0 0 0/12 * * ?"},
  {"every day at 24:00", "0 0 24 */1 * ?"},
  {"every day at 9", "0 0 0 */1 * ?"},
  {"between monday and friday at 9:00", "0 * * * * "},
  /* case counts for some words */
  {"Every Hour", "0 * * * * ?"},
  {"every 2 hr", "0 * * * * ?"},
  {"30 Seconds", "0 * * * * ?"},
  {"every day at Noon", "0 0 0 */1 * ?"},
  {"Every 5 MINUTES", "0 0/5 * * * ?"},
  {"EVERY MONDAY AT 9:00 PM", "0 0 21 ? * MON"},
  /* years are read and dropped */
  {"every day at noon in 2030 and 2031", "0 0 12 */1 * ?"},
};

static void sentences(void **state)
{
  (void)state;
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    CLEANUP(buf_release) struct buf out = BUF_INIT(1024);
    struct diag d = {0};
    if (english_to_cron(str_of(rows[i].text), &out, &d))
      fail_msg("%s: %s", rows[i].text, d.message);
    if (strcmp(out.ptr, rows[i].cron) != 0)
      fail_msg("%s: %s instead of %s", rows[i].text, out.ptr, rows[i].cron);
  }
}

static void refused(void **state)
{
  (void)state;
  static const char invalid[] = "Failed to parse english to cron | InvalidInput";
  static const struct {
    const char *text, *message;
  } bad[] = {
    {"", invalid},
    {"daily", invalid},
    {"weekly", invalid},
    {"every week", invalid},
    {"every year", invalid},
    {"hello", invalid},
    {"not a schedule", invalid},
    {"at 9:75", "Failed to parse english to cron | IncorrectValue { state: \"clock_time\", error: \"minute 75 should be lower or equal to 60\" }"},
    {"13:00 pm", "Failed to parse english to cron | IncorrectValue { state: \"clock_time\", error: \"hour 13 should be lower or equal to 12 with am or pm\" }"},
    {"every 99999999999999999999 minutes",
     "Failed to parse english to cron | IncorrectValue { state: \"number\", error: \"a number has too many digits\" }"},
  };
  for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
    CLEANUP(buf_release) struct buf out = BUF_INIT(1024);
    struct diag d = {0};
    assert_int_equal(english_to_cron(str_of(bad[i].text), &out, &d), ERR_INVALID);
    assert_string_equal(d.message, bad[i].message);
    assert_int_equal(out.len, 0);
  }
}

/* A sentence that stacks more than it uses, and one that is too long. */
static void long_ones(void **state)
{
  (void)state;
  CLEANUP(buf_release) struct buf out = BUF_INIT(1024), text = BUF_INIT(8192);
  struct diag d = {0};
  for (int i = 0; i < 300; i++)
    buf_add_text(&text, "1 ");
  buf_add_text(&text, "5 minutes");
  assert_int_equal(english_to_cron(buf_str(&text), &out, &d), OK);
  assert_string_equal(out.ptr, "0 0/5 * * * ?");
  for (int i = 0; i < 300; i++)
    buf_add_text(&text, "1 ");
  assert_int_equal(english_to_cron(buf_str(&text), &out, &d), ERR_INVALID);
  assert_non_null(strstr(d.message, "longer than"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(sentences), cmocka_unit_test(refused), cmocka_unit_test(long_ones)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
