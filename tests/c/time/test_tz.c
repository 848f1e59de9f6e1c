/* tz.h: offsets against the C library's, gaps and overlaps, files and rules that are wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "time/calendar.h"
#include "time/tz.h"

#define DAY INT64_C(86400)

static struct tz *load(const char *name)
{
  struct tz *tz = NULL;
  struct diag d = {0};
  if (tz_load(str_of(name), &tz, &d))
    fail_msg("%s: %s", name, d.message);
  return tz;
}

static struct tz *rule(const char *text)
{
  struct tz *tz = NULL;
  struct diag d = {0};
  if (tz_parse_rule(str_of(text), &tz, &d))
    fail_msg("%s: %s", text, d.message);
  return tz;
}

static int64_t local(int year, int month, int day, int hour, int minute)
{
  return calendar_days((struct date){year, month, day}) * DAY + hour * 3600 + minute * 60;
}

/* The offset of every so many hours until 2200, ours and that of localtime_r. */
static void compare(const struct tz *tz, const char *name, int first_year)
{
  setenv("TZ", name, 1);
  tzset();
  for (int64_t s = local(first_year, 1, 1, 0, 0); s < local(2200, 1, 1, 0, 0); s += 31 * 3600 + 13) {
    time_t t = (time_t)s;
    struct tm tm;
    localtime_r(&t, &tm);
    if (tm.tm_gmtoff != tz_offset(tz, s))
      fail_msg("%s at %lld: %d instead of %ld", name, (long long)s, tz_offset(tz, s), tm.tm_gmtoff);
  }
  unsetenv("TZ");
}

static void offsets(void **state)
{
  (void)state;
  static const char *const names[] = {"Europe/Berlin", "Europe/London", "Europe/Dublin", "America/New_York", "America/Argentina/Buenos_Aires",
                                      "America/Port-au-Prince", "Africa/Casablanca", "Asia/Kathmandu", "Asia/Gaza", "Australia/Lord_Howe",
                                      "Pacific/Apia", "Pacific/Chatham", "Antarctica/Troll", "Etc/GMT+12", "UTC", "GB-Eire"};
  for (size_t i = 0; i < ARRAY_LEN(names); i++) {
    struct tz *tz = load(names[i]);
    compare(tz, names[i], 1900);
    tz_free(tz);
  }
}

static void rules(void **state)
{
  (void)state;
  static const char *const texts[] = {"UTC0", "CET-1CEST,M3.5.0,M10.5.0/3", "<+0330>-3:30:15", "NZST-12NZDT,M9.5.0,M4.1.0/3",
                                      "IST-2IDT,M3.4.4/26,M10.5.0", "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "XXX3YYY2,J60,J300/-2", "XXX3YYY,59,300/100"};
  for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
    struct tz *tz = rule(texts[i]);
    compare(tz, texts[i], 1971);   /* the C library has rules begin in 1970 */
    tz_free(tz);
  }
  struct tz *usual = rule("XST5XDT");   /* without days: those of the United States */
  assert_int_equal(tz_offset(usual, local(2026, 3, 8, 6, 59)), -5 * 3600);
  assert_int_equal(tz_offset(usual, local(2026, 3, 8, 7, 0)), -4 * 3600);
  assert_int_equal(tz_offset(usual, local(2026, 11, 1, 6, 0)), -5 * 3600);
  tz_free(usual);
  struct tz *always = rule("EST5EDT,0/0,J365/25");   /* RFC 9636 chapter 3.3.1: summer time all year */
  for (int64_t s = 0; s < 60 * 365 * DAY; s += 3600)
    assert_int_equal(tz_offset(always, s), -4 * 3600);
  tz_free(always);
}

static void rules_refused(void **state)
{
  (void)state;
  static const char *const bad[] = {"", "U0", "UTC", "UTC25", "UTC0x", "<+1>0", "<+01", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
                                    "CET-1CEST,M3.0.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,J0,J5", "CET-1CEST,366,5", "CET-1CEST,M3.5.0/168,M10.5.0",
                                    "CET-1:60", "CET-1CEST,M3.5.0,M10.5.0/3,", "CET--1"};
  for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
    struct tz *tz = NULL;
    struct diag d = {0};
    if (tz_parse_rule(str_of(bad[i]), &tz, &d) != ERR_INVALID)
      fail_msg("%s: taken", bad[i]);
    assert_null(tz);
  }
}

static void expect(const struct tz *tz, int64_t local_s, bool exists, int64_t unix_s, int64_t until_local_s)
{
  struct tz_instant at;
  tz_find(tz, local_s, &at);
  assert_int_equal(at.exists, exists);
  assert_int_equal(at.unix_s, unix_s);
  if (until_local_s)
    assert_int_equal(at.until_local_s, until_local_s);
}

static void gaps_and_overlaps(void **state)
{
  (void)state;
  struct tz *tz = load("Europe/Berlin");
  int64_t spring = local(2026, 3, 29, 1, 0), autumn = local(2026, 10, 25, 1, 0);   /* UTC */
  expect(tz, local(2026, 3, 29, 1, 59), true, spring - 60, local(2026, 3, 29, 2, 0));
  expect(tz, local(2026, 3, 29, 2, 0), false, spring, local(2026, 3, 29, 3, 0));
  expect(tz, local(2026, 3, 29, 2, 59), false, spring, local(2026, 3, 29, 3, 0));
  expect(tz, local(2026, 3, 29, 3, 0), true, spring, local(2026, 10, 25, 3, 0));
  expect(tz, local(2026, 10, 25, 2, 0), true, autumn - 3600, local(2026, 10, 25, 3, 0));
  expect(tz, local(2026, 10, 25, 2, 59), true, autumn - 60, local(2026, 10, 25, 3, 0));
  expect(tz, local(2026, 10, 25, 3, 0), true, autumn + 3600, 0);
  expect(tz, local(4000, 7, 1, 12, 0), true, local(4000, 7, 1, 10, 0), 0);   /* by the rule */
  tz_free(tz);
  /* Samoa had no 30th of December in 2011. */
  tz = load("Pacific/Apia");
  expect(tz, local(2011, 12, 30, 12, 0), false, local(2011, 12, 30, 10, 0), local(2011, 12, 31, 0, 0));
  tz_free(tz);
  /* What is farther away than any calendar is answered too. */
  tz = rule("CET-1CEST,M3.5.0,M10.5.0/3");
  struct tz_instant at;
  tz_find(tz, INT64_MAX, &at);
  tz_find(tz, INT64_MIN, &at);
  tz_free(tz);
}

static void names(void **state)
{
  (void)state;
  static const char *const bad[] = {"europe/berlin", "Europe/", "/Europe", "../UTC", "Europe/../UTC", "Europe//Berlin", "posix/UTC", "right/UTC", "zone.tab",
                                    "localtime", "Europe/Berlin ", "UTC\n", "%s",
                                    "Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
  for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
    struct tz *tz = NULL;
    struct diag d = {0};
    if (tz_load(str_of(bad[i]), &tz, &d) != ERR_INVALID)
      fail_msg("%s: %s", bad[i], d.message);
  }
  static const char *const unknown[] = {"Mars/Olympus", "Europe", "Europe/Berlin/Mitte", "EUROPE/BERLIN"};
  for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
    struct tz *tz = NULL;
    struct diag d = {0};
    if (tz_load(str_of(unknown[i]), &tz, &d) == OK || !strstr(d.message, unknown[i]))
      fail_msg("%s: %s", unknown[i], d.message);
  }
}

static void local_zone(void **state)
{
  (void)state;
  static const struct {
    const char *tz;
    int32_t offset;   /* in January */
  } rows[] = {{"", 0}, {":Asia/Tokyo", 9 * 3600}, {"Asia/Tokyo", 9 * 3600}, {"JST-9", 9 * 3600}, {"/usr/share/zoneinfo/Asia/Tokyo", 9 * 3600}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    setenv("TZ", rows[i].tz, 1);
    struct tz *tz = load("");
    assert_int_equal(tz_offset(tz, 0), rows[i].offset);
    tz_free(tz);
  }
  unsetenv("TZ");
  tz_free(load(""));   /* /etc/localtime, or UTC without it */
}

/* ---- files that are wrong ---- */

static void read_zone(const char *path, struct buf *out)
{
  char chunk[4096];
  int fd = open(path, O_RDONLY);
  assert_true(fd >= 0);
  for (ssize_t n; (n = read(fd, chunk, sizeof chunk)) > 0;)
    buf_add(out, chunk, (size_t)n);
  close(fd);
}

static Err parse(struct str bytes)
{
  struct tz *tz = NULL;
  struct diag d = {0};
  /* a heap copy of exactly this length: one byte too far is seen */
  char *copy = mem_new(bytes.len + 1);
  memcpy(copy, bytes.ptr, bytes.len);
  char *exact = mem_resize(copy, bytes.len ? bytes.len : 1);
  Err err = tz_parse(str_make(exact, bytes.len), &tz, &d);
  assert_true(err ? d.message[0] && !tz : tz != NULL);
  tz_free(tz);
  mem_free(exact);
  return err;
}

static void files(void **state)
{
  (void)state;
  CLEANUP(buf_release) struct buf file = BUF_INIT(TZ_FILE_MAX);
  read_zone("/usr/share/zoneinfo/America/New_York", &file);
  assert_int_equal(parse(buf_str(&file)), OK);
  for (size_t len = 0; len < file.len; len++)   /* cut anywhere */
    assert_int_equal(parse(str_sub(buf_str(&file), 0, len)), ERR_CORRUPT);
  for (size_t i = 0; i < file.len; i++) {        /* one byte wrong: an answer, whichever */
    char was = file.ptr[i];
    file.ptr[i] = (char)(was ^ 0xff);
    (void)!parse(buf_str(&file));
    file.ptr[i] = was;
  }
  file.ptr[4] = 0;   /* as version 1, which ends with its first block */
  assert_int_equal(parse(buf_str(&file)), file.ptr[39] ? OK : ERR_CORRUPT);
}

/* Version 1, no changes, one type; then with what is not allowed. */
static void small_files(void **state)
{
  (void)state;
  char file[44 + 6 + 4] = "TZif";
  file[39] = 1;         /* types */
  file[43] = 4;         /* characters */
  file[44 + 2] = 0x0e;  /* offset 3600 */
  file[44 + 3] = 0x10;
  struct str bytes = {file, sizeof file};
  struct tz *tz = NULL;
  assert_int_equal(tz_parse(bytes, &tz, /* reterr= */ NULL), OK);
  assert_int_equal(tz_offset(tz, 0), 3600);
  tz_free(tz);
  file[44] = 0x10;      /* an offset of years */
  assert_int_equal(parse(bytes), ERR_CORRUPT);
  file[44] = 0;
  file[39] = 0;         /* no type */
  assert_int_equal(parse(bytes), ERR_CORRUPT);
  file[39] = 1;
  file[31] = 1;         /* a leap second, in the place of the characters */
  file[43] = 0;
  char longer[sizeof file + 8] = {0};
  memcpy(longer, file, sizeof file);
  assert_int_equal(parse(str_make(longer, sizeof longer)), ERR_UNSUPPORTED);
  file[31] = 0;
  file[32] = 0x7f;      /* more changes than the file has bytes */
  assert_int_equal(parse(bytes), ERR_CORRUPT);
  assert_int_equal(parse(STR("")), ERR_CORRUPT);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(offsets),           cmocka_unit_test(rules), cmocka_unit_test(rules_refused),
                                     cmocka_unit_test(gaps_and_overlaps), cmocka_unit_test(names), cmocka_unit_test(local_zone),
                                     cmocka_unit_test(files),             cmocka_unit_test(small_files)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
