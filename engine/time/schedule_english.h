/* time/schedule_english.h: English sentences as cron lines (spec monitoring.md 8.4). Thread: any. */
#ifndef TIME_SCHEDULE_ENGLISH_H
#define TIME_SCHEDULE_ENGLISH_H

#include "base/buf.h"

/* Appends six fields, "0 30 9 * * ?". What they say need not be a valid cron line: a sentence may ask for month 15.
 * ERR_INVALID: nothing in it can be read, or a time of day is no such. */
NODISCARD Err english_to_cron(struct str text, struct buf *ret_cron, struct diag *reterr);

#endif
