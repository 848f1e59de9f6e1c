/* time/schedule.h: when a schedule is due: cron lines and English sentences (spec monitoring.md 8.2-8.4).
 *
 * Pure: no clock, no loop, no file.
 *
 * Thread   any.
 * Memory   `struct schedule` is plain storage; nothing to release. Its time zone is borrowed.
 * Time     milliseconds since 1970-01-01 UTC; a schedule is due on whole seconds.
 */
#ifndef TIME_SCHEDULE_H
#define TIME_SCHEDULE_H

#include "time/schedule_cron.h"
#include "time/tz.h"

enum schedule_format { SCHEDULE_ENGLISH, SCHEDULE_CRON };

struct schedule {
  struct cron cron;
  const struct tz *tz;
};

/* ERR_INVALID: `reterr` says in words what is wrong with the text. It is Komodo's sentence (spec 8.2), our reason below it. */
NODISCARD Err schedule_parse(enum schedule_format format, struct str text, const struct tz *tz, struct schedule *ret_schedule,
                             struct diag *reterr);
/* The first time it is due strictly later than `after_unix_ms`. ERR_NOTFOUND: never again.
 *
 * Times the clocks are put forward over are left out, but a schedule of one fixed time of day is due right after them.
 * Times shown twice count the first time alone. */
NODISCARD Err schedule_next(const struct schedule *schedule, int64_t after_unix_ms, int64_t *ret_unix_ms, struct diag *reterr);

#endif
