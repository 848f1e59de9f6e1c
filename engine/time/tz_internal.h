/* time/tz_internal.h: a zone as tz_parse.c makes it and tz.c reads it. */
#ifndef TIME_TZ_INTERNAL_H
#define TIME_TZ_INTERNAL_H

#include "time/tz.h"

enum { TZ_OFFSET_MAX = 26 * 3600 };   /* RFC 9636 chapter 3.2 recommends -25 h to 26 h */

/* A day of every year, and the wall clock of that day at which the clocks change. */
struct tz_day {
  enum { TZ_DAY_NO_LEAP, TZ_DAY_OF_YEAR, TZ_DAY_OF_WEEK } how;   /* Jn (1-365), n (0-365), Mm.w.d */
  int month, week, day;
  int32_t time_s;   /* -167 h to 167 h */
};

struct tz_rule {
  int32_t standard, summer;   /* offsets */
  bool has_summer;
  struct tz_day begin, end;   /* of summer time */
};

struct tz_change {
  int64_t at_unix_s;
  int32_t offset;             /* from then on */
};

struct tz {
  struct tz_rule rule;        /* after the last change */
  bool has_rule;
  int32_t first;              /* offset before the first change */
  size_t count;
  struct tz_change changes[]; /* ascending */
};

#endif
