/* time/schedule_cron.h: a cron line as sets of numbers, and the wall clock times it matches (spec monitoring.md 8.3).
 *
 *   second minute hour day-of-month month day-of-week [year]
 *
 * Thread   any.      Memory   plain storage.      Time   wall clock, in no zone.
 */
#ifndef TIME_SCHEDULE_CRON_H
#define TIME_SCHEDULE_CRON_H

#include "base/err.h"
#include "base/str.h"

enum { SCHEDULE_TEXT_MAX = 1024, CRON_YEAR_MAX = 4999 };

struct cron {
  uint64_t seconds, minutes, hours;      /* bit n: n is in the set */
  uint64_t days, near_days;              /* of the month, 1-31; near: the closest weekday to it */
  uint64_t months;                       /* 1-12 */
  uint64_t weekdays;                     /* 0 = Sunday; all of them in the month … */
  uint64_t nth_weekdays[5];              /* … its first to fifth … */
  uint64_t last_weekdays;                /* … its last */
  uint64_t years[CRON_YEAR_MAX / 64 + 1];
  bool last_day;                         /* of the month */
  bool is_fixed;                         /* second, minute and hour are one plain number each */
};

NODISCARD Err cron_parse(struct str text, struct cron *ret_cron, struct diag *reterr);
/* The first match not before `local_s` (seconds since 1970-01-01 on the wall clock); false: there is none up to CRON_YEAR_MAX. */
bool cron_next(const struct cron *cron, int64_t local_s, int64_t *ret_local_s);

#endif
