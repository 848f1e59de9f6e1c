/* time/schedule_english.c: see schedule_english.h.
 *
 * A scanner cuts the sentence into tokens and drops every other word. The tokens are read from left to right over a stack
 * of frames: a number waits on it for the unit that follows, a time or a day for the end of its range. Only the last frame
 * is ever looked at. Rules that look odd here are those of the spec: sentences that people have saved must go on meaning
 * what they meant. */
#include "time/schedule_english.h"

#include "time/schedule_cron.h"

enum { FIELD_MAX = 128, FRAMES_MAX = 64, NUMBER_MAX = 99999999, UNSET = -1 };

enum token_kind {
  TOKEN_SECOND, TOKEN_HOUR, TOKEN_MINUTE, TOKEN_MONTH, TOKEN_MONTHS, TOKEN_ORDINAL, TOKEN_CLOCK, TOKEN_DAY, TOKEN_WEEKDAYS,
  TOKEN_YEARS, TOKEN_NUMBER, TOKEN_ONLY, TOKEN_UNTIL, TOKEN_AND, TOKEN_FROM, TOKEN_UNKNOWN,
};

struct token {
  enum token_kind kind;
  struct str text;
  unsigned set;          /* TOKEN_MONTHS: bits 0-11, TOKEN_WEEKDAYS: bits 0-6 from Monday */
  int number;            /* TOKEN_NUMBER, TOKEN_ORDINAL; hour of TOKEN_CLOCK */
  int minute;
};

struct frame {
  enum { FRAME_OTHER, FRAME_NUMBER, FRAME_ORDINAL, FRAME_DAY, FRAME_MONTH, FRAME_FROM, FRAME_UNTIL } kind;
  bool is_between, is_and;
  int number;                 /* of a number or ordinal */
  int start, end, hour;       /* of a range */
  bool has_days;              /* `days` is what a range of weekdays begins with; none: "day" alone */
  unsigned days, months;
};

struct sentence {
  char second[FIELD_MAX], minute[FIELD_MAX], hour[FIELD_MAX], day[FIELD_MAX], month[FIELD_MAX], weekday[FIELD_MAX];
  bool is_hour_list;
  struct frame stack[FRAMES_MAX];
  size_t depth;
  struct diag *reterr;
};

/* ---- the scanner ---- */

static const char *const month_names[] = {"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
                                          "december", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sept", "oct", "nov", "dec"};
static const char *const weekday_names[] = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
                                            "mon", "tue", "wed", "thu", "fri", "sat", "sun"};
static const char *const month_fields[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
static const char *const weekday_fields[] = {"MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"};
enum { MONTHS = 12, WEEKDAYS = 7, WEEKEND = 1 << 5 | 1 << 6 };

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* The length of `word` when the text begins with it in any case, else 0. */
static size_t word_len(struct str text, const char *word)
{
  size_t len = strlen(word);
  return str_eq_nocase(str_sub(text, 0, len), str_make(word, len)) ? len : 0;
}

/* The first of the words that the text begins with. */
static size_t any_word_len(struct str text, const char *const *words)
{
  size_t len = 0;
  for (; *words && !len; words++)
    len = word_len(text, *words);
  return len;
}

static size_t digits_len(struct str text)
{
  size_t len = 0;
  while (len < text.len && is_digit(text.ptr[len]))
    len++;
  return len;
}

/* What may follow each member of a list: [ ]and, a comma, a space. */
static size_t joint_len(struct str text)
{
  size_t len = word_len(text, " and");
  if (!len)
    len = word_len(text, "and");
  len += word_len(str_sub(text, len, 1), ",");
  return len + word_len(str_sub(text, len, 1), " ");
}

static struct str after(struct str text, size_t len) { return str_sub(text, len, text.len); }

/* january, feb and mar … */
static size_t scan_months(struct str text, unsigned *ret_set)
{
  size_t len = 0, n;
  do {
    n = 0;
    for (size_t i = 0; i < ARRAY_LEN(month_names) && !n; i++)
      if ((n = word_len(after(text, len), month_names[i])))
        *ret_set |= 1u << i % MONTHS;
    len += n;
    if (n)
      len += joint_len(after(text, len));
  } while (n);
  return len;
}

static size_t scan_weekdays(struct str text, unsigned *ret_set)
{
  size_t len = 0, n;
  do {
    n = 0;
    for (size_t i = 0; i < ARRAY_LEN(weekday_names) && !n; i++)
      if ((n = word_len(after(text, len), weekday_names[i])))
        *ret_set |= 1u << i % WEEKDAYS;
    if (!n && (n = word_len(after(text, len), "weekend")))
      *ret_set |= WEEKEND;
    len += n;
    if (n)
      len += joint_len(after(text, len));
  } while (n);
  return len;
}

/* 2030 and 2031: a list of years means nothing to a cron line of six fields; a year alone is a number like others. */
static size_t scan_years(struct str text, bool *ret_list)
{
  size_t len = 0, n;
  while ((n = digits_len(after(text, len))) >= 4)
    len += n + joint_len(after(text, len + n));
  *ret_list = digits_len(text) < str_trim(str_sub(text, 0, len)).len;
  return len;
}

/* 9:30 pm  9pm; without am or pm only the form with a colon */
static size_t scan_clock(struct str text, bool half_day)
{
  size_t len = digits_len(text);
  bool colon = len && len < text.len && text.ptr[len] == ':' && digits_len(after(text, len + 1));
  if (colon)
    len += 1 + digits_len(after(text, len + 1));
  if (!half_day)
    return colon ? len : 0;
  size_t space = len && len < text.len && text.ptr[len] == ' ' ? 1 : 0;
  size_t suffix = any_word_len(after(text, len + space), (const char *const[]){"am", "pm", NULL});
  return len && suffix ? len + space + suffix : 0;
}

/* Words that are whole tokens, in the order in which they are tried around the others. */
static const char *const second_words[] = {"seconds", "second", "secs", "sec", NULL};
static const char *const hour_words[] = {"hours", "hour", "hrs", "hr", NULL};
static const char *const minute_words[] = {"minutes", "minute", "mins", "min", NULL};
static const char *const month_words[] = {"months", "month", NULL};
static const char *const suffixes[] = {"th", "nd", "rd", "st", NULL};
static const char *const noon_words[] = {"noon", "midnight", NULL};
static const char *const day_words[] = {"days", "day", NULL};
static const char *const only_words[] = {"only on", NULL};
static const char *const until_words[] = {"to", "through", "ending", "end", NULL};
static const char *const and_words[] = {"and", NULL};
static const char *const from_words[] = {"between", "starting", "start", NULL};

/* The token the text begins with; 0 when it begins with none. */
static size_t scan(struct str text, struct token *ret)
{
  static const struct {
    enum token_kind kind;
    const char *const *words;
  } first[] = {{TOKEN_SECOND, second_words}, {TOKEN_HOUR, hour_words}, {TOKEN_MINUTE, minute_words}, {TOKEN_MONTH, month_words}},
    last[] = {{TOKEN_ONLY, only_words}, {TOKEN_UNTIL, until_words}, {TOKEN_AND, and_words}, {TOKEN_FROM, from_words}};
  size_t len, digits = digits_len(text);
  bool is_list;
  *ret = (struct token){.kind = TOKEN_UNKNOWN};
  for (size_t i = 0; i < ARRAY_LEN(first); i++) {
    ret->kind = first[i].kind;
    if ((len = any_word_len(text, first[i].words)))
      return len;
  }
  ret->kind = TOKEN_MONTHS;
  if ((len = scan_months(text, &ret->set)))
    return len;
  ret->kind = TOKEN_ORDINAL;
  if (digits && (len = any_word_len(after(text, digits), suffixes)))
    return digits + len;
  ret->kind = TOKEN_CLOCK;
  if ((len = scan_clock(text, /* half_day= */ true)) || (len = scan_clock(text, /* half_day= */ false)) || (len = any_word_len(text, noon_words)))
    return len;
  ret->kind = TOKEN_DAY;
  if ((len = any_word_len(text, day_words)))
    return len;
  ret->kind = TOKEN_WEEKDAYS;
  if ((len = scan_weekdays(text, &ret->set)))
    return len;
  if ((len = scan_years(text, &is_list))) {
    ret->kind = is_list ? TOKEN_YEARS : TOKEN_NUMBER;
    return len;
  }
  ret->kind = TOKEN_NUMBER;
  if (digits)
    return digits;
  for (size_t i = 0; i < ARRAY_LEN(last); i++) {
    ret->kind = last[i].kind;
    if ((len = any_word_len(text, last[i].words)))
      return len;
  }
  return 0;
}

/* ---- values ---- */

static Err incorrect(struct sentence *s, const char *state, const char *why)
{
  diag_set(s->reterr, ERR_INVALID, "Failed to parse english to cron | IncorrectValue { state: \"%s\", error: \"%s\" }", state, why);
  return ERR_INVALID;
}

static Err read_number(struct sentence *s, struct str digits, int *ret)
{
  uint64_t n;
  if (!str_to_u64(digits, &n) || n > NUMBER_MAX)
    return incorrect(s, "number", "a number has too many digits");
  *ret = (int)n;
  return OK;
}

static Err read_clock(struct sentence *s, struct token *t)
{
  char why[80];
  size_t digits = digits_len(t->text);
  if (!digits) {
    t->number = str_eqc(t->text, "noon") ? 12 : 0;
    return OK;
  }
  struct str rest = after(t->text, digits);
  Err err = read_number(s, str_sub(t->text, 0, digits), &t->number);
  if (!err && rest.ptr[0] == ':') {
    err = read_number(s, str_sub(rest, 1, digits_len(after(rest, 1))), &t->minute);
    rest = after(rest, 1 + digits_len(after(rest, 1)));
  }
  if (err)
    return err;
  rest = str_trim(rest);
  if (t->minute >= 60) {
    snprintf(why, sizeof why, "minute %d should be lower or equal to 60", t->minute);
    return incorrect(s, "clock_time", why);
  }
  if (rest.len && t->number > 12) {
    snprintf(why, sizeof why, "hour %d should be lower or equal to 12 with am or pm", t->number);
    return incorrect(s, "clock_time", why);
  }
  if (str_eq_nocase(rest, STR("pm")) && t->number < 12)
    t->number += 12;
  else if (str_eq_nocase(rest, STR("am")) && t->number == 12)
    t->number = 0;
  return OK;
}

/* Case matters for some words, which then are tokens without meaning. */
static bool acts(const struct token *t)
{
  if (t->kind == TOKEN_HOUR)
    return str_eqc(t->text, "hour") || str_eqc(t->text, "hours") || str_eqc(t->text, "hrs");
  for (size_t i = 0; (t->kind == TOKEN_SECOND || t->kind == TOKEN_ORDINAL) && i < t->text.len; i++)
    if (t->text.ptr[i] >= 'A' && t->text.ptr[i] <= 'Z')
      return false;
  return true;
}

/* ---- the reader ---- */

static struct frame *top(struct sentence *s) { return s->depth ? &s->stack[s->depth - 1] : NULL; }
static bool top_is(struct sentence *s, int kind) { return s->depth && s->stack[s->depth - 1].kind == (unsigned)kind; }
static void pop(struct sentence *s) { s->depth -= s->depth > 0; }

static struct frame *push(struct sentence *s, int kind)
{
  /* Only the last frame counts, so the oldest may go when a sentence never uses up what it stacks. */
  if (s->depth == FRAMES_MAX) {
    memmove(s->stack, s->stack + 1, (FRAMES_MAX - 1) * sizeof s->stack[0]);
    s->depth--;
  }
  struct frame *f = &s->stack[s->depth++];
  *f = (struct frame){.kind = (unsigned)kind, .start = UNSET, .end = UNSET, .hour = UNSET};
  return f;
}

static void set(char field[FIELD_MAX], const char *fmt, ...) PRINTF_LIKE(2, 3);
static void set(char field[FIELD_MAX], const char *fmt, ...)
{
  va_list args;
  va_start(args, fmt);
  vsnprintf(field, FIELD_MAX, fmt, args);
  va_end(args);
}

/* The names of a set, in calendar order: "MON,FRI". */
static void set_names(char field[FIELD_MAX], unsigned members, const char *const *names, size_t count)
{
  size_t len = 0;
  field[0] = 0;
  for (size_t i = 0; i < count; i++)
    if (members >> i & 1)
      len += (size_t)snprintf(field + len, FIELD_MAX - len, "%s%s", len ? "," : "", names[i]);
}

static void set_days(char field[FIELD_MAX], unsigned days)
{
  set_names(field, days, weekday_fields, WEEKDAYS);
  if (!days)
    set(field, "?");
}

static void on_number(struct sentence *s, const struct token *t)
{
  if (top_is(s, FRAME_UNTIL))
    top(s)->end = t->number;
  else if (top_is(s, FRAME_FROM))
    top(s)->start = t->number;
  else
    push(s, t->kind == TOKEN_ORDINAL ? FRAME_ORDINAL : FRAME_NUMBER)->number = t->number;
}

static void on_clock(struct sentence *s, const struct token *t)
{
  struct frame *f = top(s);
  if (top_is(s, FRAME_FROM)) {
    f->hour = t->number;
  } else if (top_is(s, FRAME_UNTIL) && f->hour != UNSET) {
    size_t len = strlen(s->hour);
    if (f->hour == t->number)
      set(s->hour, "%d-%d", f->hour, f->hour);
    else if (!f->is_and || f->is_between)
      set(s->hour, "%d-%d", f->hour, t->number);
    else if (s->is_hour_list)
      snprintf(s->hour + len, FIELD_MAX - len, ",%d", t->number);
    else
      set(s->hour, "%d,%d", f->hour, t->number);
    s->is_hour_list = strchr(s->hour, ',') != NULL;
  } else {
    set(s->minute, "%d", t->minute);
    set(s->hour, "%d", t->number);
    s->is_hour_list = false;
    push(s, FRAME_OTHER)->hour = t->number;
  }
}

static void on_day(struct sentence *s)
{
  struct frame *f = top(s);
  set(s->weekday, "?");
  if (str_eqc(str_of(s->minute), "*"))
    set(s->minute, "0");
  if (str_eqc(str_of(s->hour), "*"))
    set(s->hour, "0");
  if (!f) {
    set(s->day, "*/1");
  } else if (f->kind == FRAME_NUMBER) {
    set(s->day, "*/%d", f->number);
    pop(s);
  } else if (f->kind == FRAME_ORDINAL) {
    set(s->day, "%d", f->number);
    pop(s);
  } else {
    set(s->day, "*");
  }
  push(s, FRAME_DAY)->has_days = true;
}

static void on_weekdays(struct sentence *s, const struct token *t)
{
  unsigned first = t->set & ~(t->set - 1);
  struct frame *f = top(s);
  char begin[FIELD_MAX], end[FIELD_MAX];
  if (top_is(s, FRAME_FROM)) {
    f->days = first;
    f->has_days = true;
    s->weekday[0] = 0;
    return;
  }
  set(s->day, "?");
  if (top_is(s, FRAME_UNTIL) && f->has_days) {
    set_days(begin, f->days);
    set_days(end, first);
    set(s->weekday, "%s-%s", begin, end);
    pop(s);
    return;
  }
  set_days(s->weekday, t->set);
  s->depth = 0;
  f = push(s, FRAME_DAY);
  f->days = t->set;
  f->has_days = true;
}

/* n units: every n of them. The nth: that one. */
static bool take_count(struct sentence *s, char field[FIELD_MAX])
{
  struct frame *f = top(s);
  if (!f || (f->kind != FRAME_NUMBER && f->kind != FRAME_ORDINAL))
    return false;
  set(field, f->kind == FRAME_NUMBER ? "0/%d" : "%d", f->number);
  pop(s);
  return true;
}

static void on_second(struct sentence *s)
{
  if (!take_count(s, s->second) && s->depth == 0)
    set(s->second, "*");
  push(s, FRAME_OTHER);
}

static void on_minute(struct sentence *s)
{
  if (take_count(s, s->minute))
    push(s, FRAME_OTHER);
}

static void on_hour(struct sentence *s)
{
  bool counted = take_count(s, s->hour);
  if (counted)
    push(s, FRAME_OTHER);
  if (counted || !(top_is(s, FRAME_FROM) || top_is(s, FRAME_UNTIL)))
    set(s->minute, "0");
}

static void on_month(struct sentence *s)
{
  struct frame *f = top(s);
  if (f && (f->kind == FRAME_NUMBER || f->kind == FRAME_ORDINAL)) {
    set(s->month, "%d", f->number);
    pop(s);
  } else if (top_is(s, FRAME_UNTIL)) {
    set(s->day, "%d,%d", f->start == UNSET ? 0 : f->start, f->end == UNSET ? 0 : f->end);
  } else {
    set(s->month, "*");
  }
  push(s, FRAME_MONTH);
}

static void on_months(struct sentence *s, const struct token *t)
{
  struct frame *f = top(s);
  char begin[FIELD_MAX], end[FIELD_MAX];
  if (top_is(s, FRAME_UNTIL)) {
    if (f->start != UNSET && f->end != UNSET)
      set(s->day, "%d-%d", f->start, f->end);
    if (f->months) {
      set_names(begin, f->months, month_fields, MONTHS);
      set_names(end, t->set & ~(t->set - 1), month_fields, MONTHS);
      set(s->month, "%s-%s", begin, end);
    }
    pop(s);
    return;
  }
  if (f && (f->kind == FRAME_NUMBER || f->kind == FRAME_ORDINAL))
    set(s->day, "%d", f->number);
  pop(s);
  set_names(s->month, t->set, month_fields, MONTHS);
  push(s, FRAME_MONTH)->months = t->set;
}

static void on_until(struct sentence *s, bool is_and)
{
  struct frame *f = top(s);
  if (!f)
    return;
  f->is_and = is_and;
  if (f->kind == FRAME_NUMBER || f->kind == FRAME_ORDINAL)
    f->start = f->number;
  f->kind = FRAME_UNTIL;
}

static Err read_token(struct sentence *s, struct token *t)
{
  Err err = OK;
  if (!acts(t))
    return OK;
  switch (t->kind) {
  case TOKEN_SECOND: on_second(s); break;
  case TOKEN_MINUTE: on_minute(s); break;
  case TOKEN_HOUR: on_hour(s); break;
  case TOKEN_MONTH: on_month(s); break;
  case TOKEN_MONTHS: on_months(s, t); break;
  case TOKEN_DAY: on_day(s); break;
  case TOKEN_WEEKDAYS: on_weekdays(s, t); break;
  case TOKEN_UNTIL: on_until(s, /* is_and= */ false); break;
  case TOKEN_AND: on_until(s, /* is_and= */ true); break;
  case TOKEN_FROM: push(s, FRAME_FROM)->is_between = true; break;
  case TOKEN_CLOCK:
    err = read_clock(s, t);
    if (!err)
      on_clock(s, t);
    break;
  case TOKEN_NUMBER:
  case TOKEN_ORDINAL:
    err = read_number(s, str_sub(t->text, 0, digits_len(t->text)), &t->number);
    if (!err)
      on_number(s, t);
    break;
  case TOKEN_YEARS:
  case TOKEN_ONLY:
  case TOKEN_UNKNOWN: break;
  }
  return err;
}

static void replace(struct str text, struct str from, struct str to, struct buf *out)
{
  while (text.len) {
    bool found = str_starts(text, from);
    buf_add_str(out, found ? to : str_sub(text, 0, 1));
    text = after(text, found ? from.len : 1);
  }
}

Err english_to_cron(struct str text, struct buf *ret_cron, struct diag *reterr)
{
  CLEANUP(buf_release) struct buf joined = BUF_INIT(4 * SCHEDULE_TEXT_MAX), plain = BUF_INIT(4 * SCHEDULE_TEXT_MAX);
  struct sentence s = {.second = "0", .minute = "*", .hour = "*", .day = "*", .month = "*", .weekday = "?", .reterr = reterr};
  if (text.len > SCHEDULE_TEXT_MAX)
    return diag_set(reterr, ERR_INVALID, "Failed to parse english to cron | the text is longer than %d characters", SCHEDULE_TEXT_MAX);
  replace(text, STR(", "), STR(" and "), &joined);
  replace(buf_str(&joined), STR(" and only on"), STR(" only on"), &plain);
  if (buf_err(&joined) || buf_err(&plain))
    return diag_set(reterr, ERR_NOMEM, "%s", err_words(ERR_NOMEM));
  bool any = false;
  for (struct str rest = buf_str(&plain); rest.len;) {
    struct token t;
    size_t len = scan(rest, &t);
    t.text = str_trim(str_sub(rest, 0, len));
    Err err = len ? read_token(&s, &t) : OK;
    if (err)
      return err;
    any |= len > 0;
    rest = after(rest, len ? len : 1);
  }
  if (!any) {
    diag_set(reterr, ERR_INVALID, "Failed to parse english to cron | InvalidInput");
    diag_cause(reterr, "no word of it is a time, a day, a month or an interval; write for example: every day at 03:00");
    return ERR_INVALID;
  }
  buf_printf(ret_cron, "%s %s %s %s %s %s", s.second, s.minute, s.hour, s.day, s.month, s.weekday);
  return buf_err(ret_cron);
}
