/* base/clock.c: see clock.h. */
#include "base/clock.h"

#include <time.h>

#include "base/attr.h"

static uint64_t now_ns(clockid_t id)
{
  struct timespec t;
  clock_gettime(id, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int64_t clock_unix_ms(void) { return (int64_t)(now_ns(CLOCK_REALTIME) / 1000000u); }
uint64_t clock_mono_ms(void) { return now_ns(CLOCK_MONOTONIC) / 1000000u; }
uint64_t clock_mono_ns(void) { return now_ns(CLOCK_MONOTONIC); }
uint64_t clock_thread_cpu_ns(void) { return now_ns(CLOCK_THREAD_CPUTIME_ID); }

void clock_format_iso(int64_t unix_ms, char ret_text[CLOCK_ISO_LEN + 1])
{
  int64_t ms = unix_ms % 1000 < 0 ? unix_ms % 1000 + 1000 : unix_ms % 1000;
  time_t s = (time_t)((unix_ms - ms) / 1000);
  struct tm tm = {0};
  gmtime_r(&s, &tm);
  size_t n = strftime(ret_text, CLOCK_ISO_LEN + 1, "%Y-%m-%dT%H:%M:%S", &tm);
  snprintf(ret_text + n, CLOCK_ISO_LEN + 1 - n, ".%03dZ", (int)ms);
}
