/* time/tz_parse.c: time zone files and rules, see tz.h. A TZif file holds its data twice, with times of 32 and of 64 bits,
 * each block below a header that counts its parts; the rule for the time after its last change is the line at its end. */
#include "base/mem.h"
#include "time/tz_internal.h"

enum { HEADER_LEN = 44, CHANGES_MAX = 2048, TYPES_MAX = 256, TYPE_LEN = 6 };
#define CHANGE_AT_MAX (INT64_C(1) << 60)

/* ---- rules ---- */

/* These take something off the front of the text, or return false. */
static char peek(const struct str *r) { return r->len ? r->ptr[0] : 0; }

static bool take(struct str *r, char c)
{
  if (peek(r) != c)
    return false;
  *r = str_sub(*r, 1, r->len);
  return true;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool take_number(struct str *r, int min, int max, int *ret)
{
  int n = 0, digits = 0;
  for (; is_digit(peek(r)) && digits < 4; digits++) {
    n = n * 10 + (peek(r) - '0');
    *r = str_sub(*r, 1, r->len);
  }
  if (!digits || n < min || n > max)
    return false;
  *ret = n;
  return true;
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(struct str *r, int hours_max, int32_t *ret_s)
{
  int hours, minutes = 0, seconds = 0;
  bool negative = take(r, '-');
  if (!negative)
    take(r, '+');
  if (!take_number(r, 0, hours_max, &hours))
    return false;
  if (take(r, ':') && (!take_number(r, 0, 59, &minutes) || (take(r, ':') && !take_number(r, 0, 59, &seconds))))
    return false;
  *ret_s = (hours * 3600 + minutes * 60 + seconds) * (negative ? -1 : 1);
  return true;
}

/* CEST or <+0330>; what it says is not kept. */
static bool take_designation(struct str *r)
{
  size_t len = 0;
  if (take(r, '<')) {
    while (len < r->len && r->ptr[len] != '>')
      len++;
    *r = str_sub(*r, len, r->len);
    return len >= 3 && take(r, '>');
  }
  while (len < r->len && ((r->ptr[len] | 0x20) >= 'a' && (r->ptr[len] | 0x20) <= 'z'))
    len++;
  *r = str_sub(*r, len, r->len);
  return len >= 3;
}

/* Mm.w.d, Jn or n, then [/time] */
static bool take_day(struct str *r, struct tz_day *ret)
{
  *ret = (struct tz_day){.how = TZ_DAY_OF_YEAR, .time_s = 2 * 3600};
  if (take(r, 'M')) {
    ret->how = TZ_DAY_OF_WEEK;
    if (!take_number(r, 1, 12, &ret->month) || !take(r, '.') || !take_number(r, 1, 5, &ret->week) || !take(r, '.') ||
        !take_number(r, 0, 6, &ret->day))
      return false;
  } else if (take(r, 'J')) {
    ret->how = TZ_DAY_NO_LEAP;
    if (!take_number(r, 1, 365, &ret->day))
      return false;
  } else if (!take_number(r, 0, 365, &ret->day)) {
    return false;
  }
  return !take(r, '/') || take_time(r, 167, &ret->time_s);
}

/* std offset [ dst [offset] [ , begin , end ] ]; offsets count westwards. */
static bool read_rule(struct str text, struct tz_rule *ret)
{
  struct str *const r = &text;
  *ret = (struct tz_rule){0};
  if (!take_designation(r) || !take_time(r, 24, &ret->standard))
    return false;
  ret->standard = -ret->standard;
  if (r->len == 0)
    return true;
  ret->has_summer = true;
  ret->summer = ret->standard + 3600;
  if (!take_designation(r))
    return false;
  if (r->len && peek(r) != ',') {
    if (!take_time(r, 24, &ret->summer))
      return false;
    ret->summer = -ret->summer;
  }
  if (r->len == 0)
    *r = STR(",M3.2.0,M11.1.0");   /* as everybody takes it: the days of the United States */
  return take(r, ',') && take_day(r, &ret->begin) && take(r, ',') && take_day(r, &ret->end) && r->len == 0;
}

Err tz_parse_rule(struct str rule, struct tz **ret_tz, struct diag *reterr)
{
  struct tz_rule r;
  if (!read_rule(rule, &r))
    return diag_set(reterr, ERR_INVALID, "'%.*s' is not a time zone rule", STR_ARG(str_cut(rule, TZ_NAME_MAX)));
  struct tz *tz = mem_new(sizeof *tz);
  *tz = (struct tz){.rule = r, .has_rule = true, .first = r.standard};
  *ret_tz = tz;
  return OK;
}

/* ---- files ---- */

struct block {
  size_t time_len;   /* bytes of a time: 4 or 8 */
  size_t is_ut, is_std, leap, times, types, chars;
};

static uint32_t read_u32(const char *p)
{
  const unsigned char *b = (const unsigned char *)p;
  return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static int64_t read_time(const char *p, size_t len)
{
  return len == 4 ? (int32_t)read_u32(p) : (int64_t)((uint64_t)read_u32(p) << 32 | read_u32(p + 4));
}

static size_t block_len(const struct block *b)
{
  return b->times * (b->time_len + 1) + b->types * TYPE_LEN + b->chars + b->leap * (b->time_len + 4) + b->is_std + b->is_ut;
}

/* Takes a header off the front; false when it, or the block it announces, is not all there. */
static bool take_header(struct str *file, size_t time_len, char *ret_version, struct block *ret)
{
  if (file->len < HEADER_LEN || memcmp(file->ptr, "TZif", 4) != 0)
    return false;
  *ret_version = file->ptr[4];
  size_t counts[6];
  for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
    counts[i] = read_u32(file->ptr + 20 + 4 * i);
    if (counts[i] > TZ_FILE_MAX)
      return false;
  }
  *ret = (struct block){time_len, counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]};
  *file = str_sub(*file, HEADER_LEN, file->len);
  return block_len(ret) <= file->len;
}

/* The changes of a block, into a zone with room for them. */
static Err read_block(const char *data, const struct block *b, struct tz *tz, struct diag *reterr)
{
  const char *index = data + b->times * b->time_len, *types = index + b->times;
  int32_t offsets[TYPES_MAX] = {0};
  for (size_t i = 0; i < b->types; i++) {
    offsets[i] = (int32_t)read_u32(types + i * TYPE_LEN);
    if (offsets[i] > TZ_OFFSET_MAX || offsets[i] < -TZ_OFFSET_MAX)
      return diag_set(reterr, ERR_CORRUPT, "an offset from UTC is out of range");
  }
  tz->first = offsets[0];
  for (size_t i = 0; i < b->times; i++) {
    struct tz_change c = {.at_unix_s = read_time(data + i * b->time_len, b->time_len)};
    size_t type = (unsigned char)index[i];
    if (type >= b->types || c.at_unix_s > CHANGE_AT_MAX || c.at_unix_s < -CHANGE_AT_MAX ||
        (i && c.at_unix_s <= tz->changes[i - 1].at_unix_s))
      return diag_set(reterr, ERR_CORRUPT, "its changes are not in order");
    c.offset = offsets[type];
    tz->changes[tz->count++] = c;
  }
  return OK;
}

/* "\n" rule "\n"; an empty rule says nothing of later times. */
static Err read_footer(struct str footer, struct tz *tz, struct diag *reterr)
{
  ptrdiff_t end = footer.len && footer.ptr[0] == '\n' ? str_find(str_sub(footer, 1, footer.len), '\n') : -1;
  if (end < 0)
    return diag_set(reterr, ERR_CORRUPT, "its end is missing");
  struct str rule = str_sub(footer, 1, (size_t)end);
  tz->has_rule = rule.len > 0;
  if (tz->has_rule && !read_rule(rule, &tz->rule))
    return diag_set(reterr, ERR_CORRUPT, "its rule for later times cannot be read");
  return OK;
}

static void free_at(struct tz **tz) { tz_free(*tz); }

Err tz_parse(struct str tzif, struct tz **ret_tz, struct diag *reterr)
{
  char version = 0;
  struct block b;
  if (!take_header(&tzif, 4, &version, &b))
    return diag_set(reterr, ERR_CORRUPT, "it does not begin as a TZif file");
  if (version) {
    tzif = str_sub(tzif, block_len(&b), tzif.len);
    if (!take_header(&tzif, 8, &version, &b))
      return diag_set(reterr, ERR_CORRUPT, "its 64-bit part is missing");
  }
  if (b.leap)
    return diag_set(reterr, ERR_UNSUPPORTED, "it counts leap seconds; use the zone without \"right/\"");
  if (b.types == 0 || b.types > TYPES_MAX || b.times > CHANGES_MAX)
    return diag_set(reterr, ERR_CORRUPT, "its header is wrong");
  CLEANUP(free_at) struct tz *tz = mem_new(sizeof *tz + b.times * sizeof tz->changes[0]);
  Err err = read_block(tzif.ptr, &b, tz, reterr);
  if (!err && version)
    err = read_footer(str_sub(tzif, block_len(&b), tzif.len), tz, reterr);
  if (err)
    return err;
  *ret_tz = tz;
  tz = NULL;
  return OK;
}
