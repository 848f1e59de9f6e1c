/* time/schedule_cron.c: see schedule_cron.h. */
#include "time/schedule_cron.h"

#include "base/buf.h"
#include "time/calendar.h"

enum { SHOWN_MAX = 40 };   /* bytes of a wrong part in its error */
enum field_id { SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY, YEAR, FIELD_COUNT };

static const struct field {
  const char *name;
  int min, max;
} fields[FIELD_COUNT] = {
  [SECOND] = {"second", 0, 59}, [MINUTE] = {"minute", 0, 59},     [HOUR] = {"hour", 0, 23},       [DAY] = {"day of month", 1, 31},
  [MONTH] = {"month", 1, 12},   [WEEKDAY] = {"day of week", 0, 7}, [YEAR] = {"year", 1, CRON_YEAR_MAX},
};

static const char *const macros[][2] = {
  {"@YEARLY", "0 0 0 1 1 *"}, {"@ANNUALLY", "0 0 0 1 1 *"}, {"@MONTHLY", "0 0 0 1 * *"},
  {"@WEEKLY", "0 0 0 * * 0"}, {"@DAILY", "0 0 0 * * *"},    {"@HOURLY", "0 0 * * * *"},
};

/* Replaced wherever they stand, in this order: a range may end in Sunday, as day 7. */
static const char *const names[][2] = {
  {"-SUN", "-7"}, {"SUN", "0"}, {"MON", "1"}, {"TUE", "2"}, {"WED", "3"}, {"THU", "4"},  {"FRI", "5"},  {"SAT", "6"},  {"JAN", "1"},  {"FEB", "2"},
  {"MAR", "3"},   {"APR", "4"}, {"MAY", "5"}, {"JUN", "6"}, {"JUL", "7"}, {"AUG", "8"},  {"SEP", "9"},  {"OCT", "10"}, {"NOV", "11"}, {"DEC", "12"},
};

/* ---- the text ---- */

struct parser {
  struct cron *cron;
  const struct field *field;
  struct diag *reterr;
};

static Err refuse(const struct parser *p, struct str part, const char *why)
{
  return diag_set(p->reterr, ERR_INVALID, "%s: '%.*s' %s", p->field->name, STR_ARG(str_cut(part, SHOWN_MAX)), why);
}

static bool is_digits(struct str s)
{
  for (size_t i = 0; i < s.len; i++)
    if (s.ptr[i] < '0' || s.ptr[i] > '9')
      return false;
  return s.len > 0;
}

static Err read_number(const struct parser *p, struct str text, struct str part, int *ret)
{
  int n = 0;
  if (!is_digits(text))
    return refuse(p, part, "is not a number, a range a-b, a step */n or a list of these");
  for (size_t i = 0; i < text.len && n <= CRON_YEAR_MAX; i++)
    n = n * 10 + (text.ptr[i] - '0');
  *ret = n;
  return OK;
}

static Err read_value(const struct parser *p, struct str text, struct str part, int *ret)
{
  Err err = read_number(p, text, part, ret);
  if (err)
    return err;
  // NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): read_number() sets it when it succeeds
  if (*ret >= p->field->min && *ret <= p->field->max)
    return OK;
  return diag_set(p->reterr, ERR_INVALID, "%s: %.*s is out of bounds, it goes from %d to %d", p->field->name, STR_ARG(str_cut(text, SHOWN_MAX)),
                  p->field->min, p->field->max);
}

// NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): within the bounds of its field, so never negative
static void add(uint64_t *set, int n) { set[n / 64] |= UINT64_C(1) << (n % 64); }
static bool has(const uint64_t *set, int n) { return set[n / 64] >> (n % 64) & 1; }

static uint64_t *set_of(struct cron *c, const struct field *f)
{
  switch ((enum field_id)(f - fields)) {
  case SECOND: return &c->seconds;
  case MINUTE: return &c->minutes;
  case HOUR: return &c->hours;
  case DAY: return &c->days;
  case MONTH: return &c->months;
  case WEEKDAY: return &c->weekdays;
  default: return c->years;
  }
}

/* *  a  a-b, each with /n; a/n goes from a to the end. */
static Err read_range(const struct parser *p, struct str part)
{
  struct str range = part;
  ptrdiff_t slash = str_find(part, '/');
  int from = p->field->min, to = p->field->max, step = 1;
  Err err = OK;
  if (slash >= 0) {
    range = str_sub(part, 0, (size_t)slash);
    err = read_number(p, str_sub(part, (size_t)slash + 1, part.len), part, &step);
    if (!err && step == 0)
      err = refuse(p, part, "has a step of zero");
  }
  ptrdiff_t dash = str_find(range, '-');
  if (err || str_eqc(range, "*")) {
    if (err)
      return err;
  } else if (dash >= 0) {
    err = read_value(p, str_sub(range, 0, (size_t)dash), part, &from);
    if (!err)
      err = read_value(p, str_sub(range, (size_t)dash + 1, range.len), part, &to);
    if (!err && from > to)
      err = refuse(p, part, "ends before it begins");
  } else {
    err = read_value(p, range, part, &from);
    if (slash < 0)
      to = from;
  }
  for (int n = from; !err && n <= to; n += step)
    add(set_of(p->cron, p->field), n);
  return err;
}

/* L  15W */
static Err read_day(const struct parser *p, struct str part)
{
  if (str_eqc(part, "L")) {
    p->cron->last_day = true;
    return OK;
  }
  if (part.len > 1 && part.ptr[part.len - 1] == 'W') {
    int day;
    Err err = read_value(p, str_sub(part, 0, part.len - 1), part, &day);
    if (!err)
      add(&p->cron->near_days, day);
    return err;
  }
  return read_range(p, part);
}

/* 5#2  5#L  5L */
static Err read_weekday(const struct parser *p, struct str part)
{
  ptrdiff_t hash = str_find(part, '#');
  bool last = hash < 0 && part.len > 1 && part.ptr[part.len - 1] == 'L';
  if (hash < 0 && !last)
    return read_range(p, part);
  struct str which = hash < 0 ? STR("L") : str_sub(part, (size_t)hash + 1, part.len);
  int day;
  Err err = read_value(p, str_sub(part, 0, hash < 0 ? part.len - 1 : (size_t)hash), part, &day);
  if (err)
    return err;
  if (str_eqc(which, "L"))
    add(&p->cron->last_weekdays, day % 7);
  else if (which.len == 1 && which.ptr[0] >= '1' && which.ptr[0] <= '5')
    add(&p->cron->nth_weekdays[which.ptr[0] - '1'], day % 7);
  else
    return refuse(p, part, "must name the first (#1) to fifth (#5) or last (#L) of its month");
  return OK;
}

static Err read_field(const struct parser *p, struct str text)
{
  bool any = false;
  struct str part;
  enum field_id id = (enum field_id)(p->field - fields);
  if (id == WEEKDAY && text.len > 1 && text.ptr[0] == '+')
    text = str_sub(text, 1, text.len);   /* both kinds of days must fit anyway */
  while (str_split(&text, ',', &part)) {
    if (part.len == 0)
      continue;
    any = true;
    Err err = id == DAY ? read_day(p, part) : id == WEEKDAY ? read_weekday(p, part) : read_range(p, part);
    if (err)
      return err;
  }
  return any ? OK : refuse(p, STR(","), "names nothing");
}

/* Upper case; names as numbers; '?' as '*' is left to the fields that know it. */
static void simplify(struct str text, struct buf *out)
{
  for (size_t i = 0; i < text.len;) {
    size_t k = 0;
    while (k < ARRAY_LEN(names) && !str_eq_nocase(str_sub(text, i, strlen(names[k][0])), str_of(names[k][0])))
      k++;
    if (k < ARRAY_LEN(names)) {
      buf_add_text(out, names[k][1]);
      i += strlen(names[k][0]);
      continue;
    }
    char c = text.ptr[i++];
    buf_add_char(out, c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c);
  }
}

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* Cuts the next word off the front. */
static bool take_word(struct str *rest, struct str *ret)
{
  size_t from = 0, to;
  while (from < rest->len && is_space(rest->ptr[from]))
    from++;
  for (to = from; to < rest->len && !is_space(rest->ptr[to]);)
    to++;
  *ret = str_sub(*rest, from, to - from);
  *rest = str_sub(*rest, to, rest->len);
  return ret->len > 0;
}

static Err split(struct str text, struct str ret_parts[FIELD_COUNT], struct diag *reterr)
{
  size_t count = 0;
  struct str word;
  ret_parts[YEAR] = STR("*");
  for (; take_word(&text, &word); count++)
    if (count < FIELD_COUNT)
      ret_parts[count] = word;
  if (count == FIELD_COUNT - 1 || count == FIELD_COUNT)
    return OK;
  return diag_set(reterr, ERR_INVALID, "it has %zu fields, and needs 6 (second minute hour day month weekday), or 7 with a year%s", count,
                  count == 5 ? "; put a 0 in front for the second" : "");
}

Err cron_parse(struct str text, struct cron *ret_cron, struct diag *reterr)
{
  text = str_trim(text);
  if (text.len > SCHEDULE_TEXT_MAX)
    return diag_set(reterr, ERR_INVALID, "it is longer than %d characters", SCHEDULE_TEXT_MAX);
  for (size_t i = 0; i < ARRAY_LEN(macros); i++)
    if (str_eq_nocase(text, str_of(macros[i][0])))
      text = str_of(macros[i][1]);
  CLEANUP(buf_release) struct buf plain = BUF_INIT(SCHEDULE_TEXT_MAX + 1);
  simplify(text, &plain);
  struct str parts[FIELD_COUNT];
  struct cron c = {0};
  Err err = buf_err(&plain);
  if (!err)
    err = split(buf_str(&plain), parts, reterr);
  for (size_t i = 0; i < FIELD_COUNT && !err; i++) {
    struct parser p = {&c, &fields[i], reterr};
    if (i == DAY || i == WEEKDAY)
      for (size_t k = 0; k < parts[i].len; k++)
        if (parts[i].ptr[k] == '?')
          plain.ptr[(size_t)(parts[i].ptr - plain.ptr) + k] = '*';
    err = read_field(&p, parts[i]);
  }
  if (err)
    return err;
  if (has(&c.weekdays, 7))
    add(&c.weekdays, 0);
  c.is_fixed = is_digits(parts[SECOND]) && is_digits(parts[MINUTE]) && is_digits(parts[HOUR]);
  *ret_cron = c;
  return OK;
}

/* ---- the calendar ---- */

/* The weekday closest to `day` that is in the month; 0 when the month has no such day. */
static int near_weekday(int day, int length, int weekday)
{
  if (day > length)
    return 0;
  if (weekday == 6)
    return day > 1 ? day - 1 : day + 2;
  if (weekday == 0)
    return day < length ? day + 1 : day - 2;
  return day;
}

/* The days of a month that both its day and its weekday fields allow. */
static uint64_t days_of(const struct cron *c, int year, int month)
{
  int length = calendar_month_length(year, month);
  int first = calendar_weekday(calendar_days((struct date){year, month, 1}));
  uint64_t by_day = c->days, by_weekday = 0;
  if (c->last_day)
    add(&by_day, length);
  for (int day = 1; day <= 31; day++) {
    int weekday = (first + day - 1) % 7;
    if (has(&c->near_days, day))
      add(&by_day, near_weekday(day, length, weekday));
    if (day <= length && (has(&c->weekdays, weekday) || has(&c->nth_weekdays[(day - 1) / 7], weekday) ||
                          (day + 7 > length && has(&c->last_weekdays, weekday))))
      add(&by_weekday, day);
  }
  return by_day & by_weekday;
}

/* The smallest number of the set that is at least n, or -1. */
static int at_least(uint64_t set, int n)
{
  set = n < 64 ? set >> n << n : 0;
  return set ? __builtin_ctzll(set) : -1;
}

/* The first matching date from `from` on, as days since 1970-01-01. */
static bool next_date(const struct cron *c, struct date from, int64_t *ret_days)
{
  int month = from.month;
  for (int year = from.year; year <= CRON_YEAR_MAX; year++, month = 1) {
    if (!has(c->years, year))
      continue;
    for (; (month = at_least(c->months, month)) > 0; month++) {
      int day = at_least(days_of(c, year, month), year == from.year && month == from.month ? from.day : 1);
      if (day > 0) {
        *ret_days = calendar_days((struct date){year, month, day});
        return true;
      }
    }
  }
  return false;
}

/* The first matching second of a day that is at least `second`, or -1. */
static int64_t next_of_day(const struct cron *c, int64_t second)
{
  int h = (int)(second / 3600), m = (int)(second / 60 % 60), s = (int)(second % 60);
  for (int hour = at_least(c->hours, h); hour >= 0; hour = at_least(c->hours, hour + 1)) {
    if (hour > h)
      m = s = 0;
    for (int minute = at_least(c->minutes, m); minute >= 0; minute = at_least(c->minutes, minute + 1)) {
      int found = at_least(c->seconds, hour > h || minute > m ? 0 : s);
      if (found >= 0)
        return hour * 3600 + minute * 60 + found;
    }
  }
  return -1;
}

bool cron_next(const struct cron *c, int64_t local_s, int64_t *ret_local_s)
{
  int64_t earliest = calendar_days((struct date){fields[YEAR].min, 1, 1}) * SECONDS_PER_DAY;
  if (local_s < earliest)
    local_s = earliest;
  int64_t today = calendar_floor_div(local_s, SECONDS_PER_DAY), day;
  if (today > calendar_days((struct date){CRON_YEAR_MAX, 12, 31}) || !next_date(c, calendar_date(today), &day))
    return false;
  int64_t second = next_of_day(c, day == today ? local_s - today * SECONDS_PER_DAY : 0);
  if (second < 0) {
    if (!next_date(c, calendar_date(day + 1), &day))
      return false;
    second = next_of_day(c, 0);
  }
  *ret_local_s = day * SECONDS_PER_DAY + second;
  return true;
}
