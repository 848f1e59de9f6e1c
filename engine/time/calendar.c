/* time/calendar.c: see calendar.h. Years are counted from March here, so that the leap day is the last of its year; 400
 * of them are one era of 146097 days. */
#include "time/calendar.h"

enum { ERA_YEARS = 400, ERA_DAYS = 146097, EPOCH_DAYS = 719468 };

int64_t calendar_floor_div(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a % b < 0) != (b < 0)); }

bool calendar_is_leap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

int calendar_month_length(int year, int month)
{
  static const int length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return length[month - 1] + (month == 2 && calendar_is_leap(year) ? 1 : 0);
}

int64_t calendar_days(struct date d)
{
  int64_t y = d.year - (d.month <= 2), era = calendar_floor_div(y, ERA_YEARS), of_era = y - era * ERA_YEARS;
  int64_t of_year = (153 * (d.month + (d.month > 2 ? -3 : 9)) + 2) / 5 + d.day - 1;
  return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH_DAYS;
}

struct date calendar_date(int64_t days)
{
  days += EPOCH_DAYS;
  int64_t era = calendar_floor_div(days, ERA_DAYS), day = days - era * ERA_DAYS;
  int64_t of_era = (day - day / 1460 + day / 36524 - day / 146096) / 365;
  int64_t of_year = day - (365 * of_era + of_era / 4 - of_era / 100);
  int64_t from_march = (5 * of_year + 2) / 153;
  int month = (int)(from_march < 10 ? from_march + 3 : from_march - 9);
  return (struct date){(int)(of_era + era * ERA_YEARS) + (month <= 2), month, (int)(of_year - (153 * from_march + 2) / 5 + 1)};
}

int calendar_weekday(int64_t days)
{
  int64_t from_thursday = days - calendar_floor_div(days, 7) * 7;
  return (int)((from_thursday + 4) % 7);
}
