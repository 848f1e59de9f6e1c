/* Any bytes as a schedule, in a zone from any bytes: no crash, a refusal has words, and runs go forward in time.
 * Input: one byte that says what, two of a length, the zone of that length, the text. */
#include "time/schedule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tz *zone(unsigned how, struct str bytes)
{
  struct tz *tz = NULL;
  struct diag d = {0};
  if (how & 1 ? tz_parse(bytes, &tz, &d) : tz_parse_rule(bytes, &tz, &d)) {
    if (tz || !d.message[0])
      abort();
    if (tz_parse_rule(STR("CET-1CEST,M3.5.0,M10.5.0/3"), &tz, /* reterr= */ NULL))
      abort();
  }
  return tz;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size < 3)
    return 0;
  struct str rest = {(const char *)data + 3, size - 3};
  size_t len = (size_t)data[1] << 8 | data[2];
  struct tz *tz = zone(data[0], str_sub(rest, 0, len));
  struct schedule s;
  struct diag d = {0};
  if (schedule_parse(data[0] & 2 ? SCHEDULE_CRON : SCHEDULE_ENGLISH, str_sub(rest, len, rest.len), tz, &s, &d)) {
    if (!d.message[0])
      abort();
  } else {
    int64_t at = INT64_C(1774000000000), next;
    for (int i = 0; i < 20 && !schedule_next(&s, at, &next, &d); i++, at = next)
      if (next <= at || next % 1000)
        abort();
    (void)!schedule_next(&s, INT64_MAX, &next, &d);
    (void)!schedule_next(&s, INT64_MIN, &next, &d);
  }
  tz_free(tz);
  return 0;
}
