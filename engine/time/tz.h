/* time/tz.h: one time zone: what its clocks show at an instant, and at which instant they show something.
 *
 * The C library's own zone is one for the whole process, so zones are read here, from the same files.
 *
 * Format   TZif, RFC 9636 chapter 3 (all versions; files that count leap seconds are refused); the rule after the last
 *          transition is POSIX TZ with the extensions of RFC 9636 chapter 3.3.1.
 * Thread   any: a zone does not change once it is made.
 * Time     seconds since 1970-01-01, of UTC (`unix_s`) or as the wall clock shows them (`local_s`).
 */
#ifndef TIME_TZ_H
#define TIME_TZ_H

#include "base/err.h"
#include "base/str.h"

enum { TZ_NAME_MAX = 64, TZ_FILE_MAX = 64 * 1024 };

struct tz;

/* A zone by its exact IANA name. Empty: the system's own, from TZ or /etc/localtime. Reads a file: not on the loop thread.
 * ERR_INVALID not a name of a zone · ERR_NOTFOUND no such zone here · ERR_CORRUPT, ERR_UNSUPPORTED its file */
NODISCARD Err tz_load(struct str name, struct tz **ret_tz, struct diag *reterr);
/* A zone from the bytes of a TZif file. */
NODISCARD Err tz_parse(struct str tzif, struct tz **ret_tz, struct diag *reterr);
/* A zone from a rule: "CET-1CEST,M3.5.0,M10.5.0/3". */
NODISCARD Err tz_parse_rule(struct str rule, struct tz **ret_tz, struct diag *reterr);
void tz_free(struct tz *tz);   /* NULL is fine */

/* What the wall clock is ahead of UTC, in seconds. */
int32_t tz_offset(const struct tz *tz, int64_t unix_s);

struct tz_instant {
  bool exists;            /* false: the clocks are put forward over this time */
  int64_t unix_s;         /* the first instant that shows it; in a gap, the first after the gap */
  int64_t until_local_s;  /* a later wall clock, before which nothing changes: where that stretch, or the gap, ends */
};
void tz_find(const struct tz *tz, int64_t local_s, struct tz_instant *ret);

#endif
