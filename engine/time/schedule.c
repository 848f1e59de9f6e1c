/* time/schedule.c: see schedule.h. Matches are looked for on the wall clock; each is then placed in real time, where it
 * may not exist (spring) or lie in the past although the clock shows less (the hour that autumn shows twice). */
#include "time/schedule.h"

#include "time/calendar.h"
#include "time/schedule_english.h"

enum { MS_PER_SECOND = 1000, PRODUCED_MAX = 1024 };

Err schedule_parse(enum schedule_format format, struct str text, const struct tz *tz, struct schedule *ret_schedule, struct diag *reterr)
{
  CLEANUP(buf_release) struct buf produced = BUF_INIT(PRODUCED_MAX);
  struct cron cron;
  if (format == SCHEDULE_CRON) {
    if (cron_parse(text, &cron, reterr))
      return diag_context(reterr, "Invalid CRON schedule");
  } else {
    Err err = english_to_cron(text, &produced, reterr);
    if (err)
      return err;
    if (cron_parse(buf_str(&produced), &cron, reterr))
      return diag_context(reterr, "English expression produced invalid CRON schedule | produced: %s", produced.ptr);
  }
  *ret_schedule = (struct schedule){cron, tz};
  return OK;
}

Err schedule_next(const struct schedule *s, int64_t after_unix_ms, int64_t *ret_unix_ms, struct diag *reterr)
{
  int64_t after_s = calendar_floor_div(after_unix_ms, MS_PER_SECOND);
  int64_t from = after_s + tz_offset(s->tz, after_s) + 1, local;
  while (cron_next(&s->cron, from, &local)) {
    struct tz_instant at;
    tz_find(s->tz, local, &at);
    if ((at.exists || s->cron.is_fixed) && at.unix_s > after_s) {
      *ret_unix_ms = at.unix_s * MS_PER_SECOND;
      return OK;
    }
    from = at.until_local_s;
  }
  diag_set(reterr, ERR_NOTFOUND, "Failed to find next run time");
  diag_cause(reterr, "the schedule fits no time from now to the year %d", CRON_YEAR_MAX);
  return ERR_NOTFOUND;
}
