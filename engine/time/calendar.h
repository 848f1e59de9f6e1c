/* time/calendar.h: the proleptic Gregorian calendar. Pure; any thread. */
#ifndef TIME_CALENDAR_H
#define TIME_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

enum { SECONDS_PER_DAY = 86400 };

struct date {
  int year;
  int month;   /* 1-12 */
  int day;     /* 1-31 */
};

bool calendar_is_leap(int year);
int calendar_month_length(int year, int month);
int64_t calendar_days(struct date date);      /* since 1970-01-01 */
struct date calendar_date(int64_t days);
int calendar_weekday(int64_t days);           /* 0 = Sunday */
int64_t calendar_floor_div(int64_t a, int64_t b);

#endif
