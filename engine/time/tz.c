/* time/tz.c: see tz.h. Time is cut into stretches of one offset: between two changes of the file, and after the last of
 * them between two changes by its rule. */
#include "time/tz.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "time/calendar.h"
#include "time/tz_internal.h"

#define NEVER (INT64_MAX / 4)
/* Some 95,000 years: what is asked for beyond is answered as if it were asked for there. */
#define ASKED_MAX INT64_C(3000000000000)

struct stretch {
  int64_t start, end;   /* unix seconds, end not included */
  int32_t offset;
};

/* ---- looking up ---- */

static int64_t day_in_year(const struct tz_day *d, int year)
{
  int64_t first = calendar_days((struct date){year, 1, 1});
  if (d->how == TZ_DAY_OF_YEAR)
    return first + d->day;
  if (d->how == TZ_DAY_NO_LEAP)
    return first + d->day - 1 + (d->day >= 60 && calendar_is_leap(year) ? 1 : 0);
  int64_t of_month = calendar_days((struct date){year, d->month, 1});
  int day = (d->day - calendar_weekday(of_month) + 7) % 7 + (d->week - 1) * 7;
  return of_month + (day < calendar_month_length(year, d->month) ? day : day - 7);
}

/* The changes by the rule in the years around `unix_s`, ascending. The end comes before the begin at the same instant:
 * that is how summer time all year is written. */
enum { AROUND = 2, RULE_CHANGES = 2 * (2 * AROUND + 1) };
static void rule_changes(const struct tz_rule *r, int64_t unix_s, struct tz_change ret[RULE_CHANGES])
{
  int year = calendar_date(calendar_floor_div(unix_s, SECONDS_PER_DAY)).year;
  size_t n = 0;
  for (int y = year - AROUND; y <= year + AROUND; y++) {
    struct tz_change two[] = {{day_in_year(&r->end, y) * SECONDS_PER_DAY + r->end.time_s - r->summer, r->standard},
                              {day_in_year(&r->begin, y) * SECONDS_PER_DAY + r->begin.time_s - r->standard, r->summer}};
    for (size_t k = 0; k < ARRAY_LEN(two); k++) {
      size_t i = n++;
      for (; i > 0 && ret[i - 1].at_unix_s > two[k].at_unix_s; i--)
        ret[i] = ret[i - 1];
      ret[i] = two[k];
    }
  }
}

static struct stretch rule_stretch(const struct tz_rule *r, int64_t unix_s)
{
  struct stretch s = {-NEVER, NEVER, r->standard};
  if (!r->has_summer)
    return s;
  struct tz_change list[RULE_CHANGES] = {0};
  rule_changes(r, unix_s, list);
  for (size_t i = 0; i < ARRAY_LEN(list); i++) {
    if (list[i].at_unix_s > unix_s) {
      s.end = list[i].at_unix_s;
      break;
    }
    s.start = list[i].at_unix_s;
    s.offset = list[i].offset;
  }
  return s;
}

static struct stretch stretch_at(const struct tz *tz, int64_t unix_s)
{
  size_t low = 0, high = tz->count;   /* of the changes before `low` all are past, of those from `high` on none is */
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (tz->changes[middle].at_unix_s <= unix_s)
      low = middle + 1;
    else
      high = middle;
  }
  const struct tz_change *past = low ? &tz->changes[low - 1] : NULL;
  struct stretch s = {past ? past->at_unix_s : -NEVER, NEVER, past ? past->offset : tz->first};
  if (low < tz->count) {
    s.end = tz->changes[low].at_unix_s;
  } else if (tz->has_rule) {
    s = rule_stretch(&tz->rule, unix_s);
    if (past && s.start < past->at_unix_s)
      s.start = past->at_unix_s;
  }
  return s;
}

static int64_t clamp(int64_t s) { return s > ASKED_MAX ? ASKED_MAX : s < -ASKED_MAX ? -ASKED_MAX : s; }

int32_t tz_offset(const struct tz *tz, int64_t unix_s) { return stretch_at(tz, clamp(unix_s)).offset; }

void tz_find(const struct tz *tz, int64_t local_s, struct tz_instant *ret)
{
  local_s = clamp(local_s);
  /* No stretch that shows it ends earlier than this. */
  struct stretch s = stretch_at(tz, local_s - TZ_OFFSET_MAX);
  while (local_s >= s.end + s.offset)
    s = stretch_at(tz, s.end);
  bool gap = local_s < s.start + s.offset;
  ret->exists = !gap;
  ret->unix_s = gap ? s.start : local_s - s.offset;
  ret->until_local_s = (gap ? s.start : s.end) + s.offset;
}

/* ---- files ---- */

/* Every part of an IANA name begins with a capital; what does not is another file of that folder (posix/, zone.tab). */
static bool is_name(struct str name)
{
  if (name.len == 0 || name.len > TZ_NAME_MAX)
    return false;
  bool first = true;
  for (size_t i = 0; i < name.len; i++) {
    char c = name.ptr[i];
    bool upper = c >= 'A' && c <= 'Z';
    bool other = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '+';
    if (first ? !upper : !upper && !other && c != '/')
      return false;
    first = c == '/';
  }
  return !first;
}

static Err read_file(const char *path, struct buf *ret_bytes)
{
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return err_from_errno(errno);
  struct stat st;
  Err err = fstat(fd, &st) ? err_from_errno(errno) : S_ISREG(st.st_mode) ? OK : ERR_NOTFOUND;
  ssize_t n = 1;
  while (!err && n != 0) {
    char chunk[4096];
    n = read(fd, chunk, sizeof chunk);
    if (n > 0)
      buf_add(ret_bytes, chunk, (size_t)n);
    err = n < 0 && errno != EINTR ? err_from_errno(errno) : buf_err(ret_bytes);
  }
  close(fd);
  return err;
}

static Err load_file(const char *path, struct tz **ret_tz, struct diag *reterr)
{
  CLEANUP(buf_release) struct buf bytes = BUF_INIT(TZ_FILE_MAX);
  Err err = read_file(path, &bytes);
  if (err)
    return diag_set(reterr, err, "%s: %s", path, err_words(err));
  err = tz_parse(buf_str(&bytes), ret_tz, reterr);
  return err ? diag_context(reterr, "%s is not a usable time zone file", path) : OK;
}

static Err load_name(struct str name, struct tz **ret_tz, struct diag *reterr)
{
  const char *const folders[] = {getenv("TZDIR"), "/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo"};
  bool any = false;
  if (!is_name(name))
    return diag_set(reterr, ERR_INVALID, "'%.*s' is not a time zone; write a name like Europe/Berlin, in exactly its case",
                    STR_ARG(str_cut(name, TZ_NAME_MAX)));
  for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
    if (!folders[i] || access(folders[i], X_OK))
      continue;
    any = true;
    CLEANUP(mem_free_at) char *path = mem_printf("%s/%.*s", folders[i], STR_ARG(name));
    Err err = load_file(path, ret_tz, reterr);
    if (err != ERR_NOTFOUND)
      return err;
  }
  if (str_eqc(name, "UTC") || str_eqc(name, "Etc/UTC"))
    return tz_parse_rule(STR("UTC0"), ret_tz, reterr);
  if (!any)
    return diag_set(reterr, ERR_NOTFOUND, "there is no time zone data on this host; install the package tzdata");
  return diag_set(reterr, ERR_NOTFOUND, "no time zone '%.*s' is known; write a name like Europe/Berlin, in exactly its case", STR_ARG(name));
}

/* What the C library takes for local time, in its order: TZ as name, file or rule, then /etc/localtime, then UTC. */
static Err load_local(struct tz **ret_tz, struct diag *reterr)
{
  const char *text = getenv("TZ");
  if (text) {
    struct str tz = str_of(text[0] == ':' ? text + 1 : text);
    if (tz.len == 0)
      return tz_parse_rule(STR("UTC0"), ret_tz, reterr);
    if (tz.ptr[0] == '/')
      return load_file(tz.ptr, ret_tz, reterr);
    return load_name(tz, ret_tz, reterr) ? tz_parse_rule(tz, ret_tz, reterr) : OK;
  }
  Err err = load_file("/etc/localtime", ret_tz, reterr);
  return err == ERR_NOTFOUND ? tz_parse_rule(STR("UTC0"), ret_tz, reterr) : err;
}

Err tz_load(struct str name, struct tz **ret_tz, struct diag *reterr)
{
  return name.len ? load_name(name, ret_tz, reterr) : load_local(ret_tz, reterr);
}

void tz_free(struct tz *tz) { mem_free(tz); }
