/* conf/duration.c: see duration.h. */
#include "conf/duration.h"

#define LENGTHS(X)                                                                                                     \
  X("1-sec", 1) X("2-sec", 2) X("3-sec", 3) X("5-sec", 5) X("10-sec", 10) X("15-sec", 15) X("30-sec", 30)             \
  X("1-min", 60) X("2-min", 120) X("3-min", 180) X("5-min", 300) X("10-min", 600) X("15-min", 900) X("30-min", 1800)  \
  X("1-hr", 3600) X("2-hr", 7200) X("3-hr", 10800) X("6-hr", 21600) X("8-hr", 28800) X("12-hr", 43200)                \
  X("1-day", 86400) X("2-day", 172800) X("3-day", 259200) X("1-wk", 604800) X("2-wk", 1209600) X("30-day", 2592000)

#define NAME(name, seconds) name,
#define SECONDS(name, seconds) seconds,
static const char *const names[] = {LENGTHS(NAME) NULL};
static const int32_t seconds_of[] = {LENGTHS(SECONDS)};

bool duration_parse(struct str text, int64_t *ret_ms)
{
  for (size_t i = 0; names[i]; i++) {
    if (str_eqc(text, names[i])) {
      *ret_ms = (int64_t)seconds_of[i] * 1000;
      return true;
    }
  }
  return false;
}

const char *const *duration_names(void) { return names; }
