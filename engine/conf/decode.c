/* conf/decode.c: the values of the files; see decode.h. */
#include "conf/decode.h"

#include <math.h>

#include "conf/decode_internal.h"

/* ---- words ---- */

/* "logging.level", "git_providers[1].accounts" */
static void path_add(const struct path *p, struct buf *out)
{
  if (!p)
    return;
  path_add(p->up, out);
  if (p->name)
    buf_printf(out, "%s%s", out->len ? "." : "", p->name);
  else
    buf_printf(out, "[%zu]", p->index);
}

static const char *kind_words(enum conf_kind kind)
{
  switch (kind) {
  case CONF_TEXT: return "text in quotes";
  case CONF_BOOL: return "true or false";
  case CONF_U16: return "a whole number from 0 to 65535";
  case CONF_U64: return "a whole number, 0 or more";
  case CONF_NUMBER: return "a number, 0 or more";
  case CONF_LIST: return "a list of texts";
  case CONF_TEXT_LIST: return "a list of texts, or one text with commas";
  case CONF_IP_LIST: return "a list of addresses and networks";
  case CONF_MAP: return "a table of texts";
  case CONF_TABLE: return "a table";
  case CONF_TABLES: return "a list of tables";
  default: return NULL;   /* words: their list is printed */
  }
}

void want_words(enum conf_kind kind, struct buf *out)
{
  const char *const *words = conf_words(kind);
  if (!words) {
    buf_add_text(out, kind_words(kind));
    return;
  }
  buf_add_text(out, "one of");
  for (; *words; words++)
    buf_printf(out, " %s", *words);
}

static void found_words(yyjson_val *val, bool secret, struct buf *out)
{
  if (yyjson_is_str(val) && !secret && yyjson_get_len(val) <= 64)
    buf_printf(out, "text \"%s\"", yyjson_get_str(val));
  else if (yyjson_is_sint(val) && !secret)
    buf_printf(out, "%lld", (long long)yyjson_get_sint(val));
  else if (yyjson_is_uint(val) && !secret)
    buf_printf(out, "%llu", (unsigned long long)yyjson_get_uint(val));
  else
    buf_add_text(out, yyjson_is_str(val)    ? "text"
                      : yyjson_is_int(val)  ? "a whole number"
                      : yyjson_is_num(val)  ? "a number with a point"
                      : yyjson_is_bool(val) ? (yyjson_get_bool(val) ? "true" : "false")
                      : yyjson_is_arr(val)  ? "a list"
                      : yyjson_is_obj(val)  ? "a table"
                                            : "null");
}

static Err wrong(const struct decode *d, const struct conf_key *key, enum conf_kind want, yyjson_val *val,
                 const struct path *path)
{
  CLEANUP(buf_release) struct buf words = BUF_INIT(DIAG_MESSAGE_MAX);
  path_add(path, &words);
  buf_add_text(&words, ": wants ");
  want_words(want, &words);
  buf_add_text(&words, ", found ");
  found_words(val, key->flags & (CONF_SECRET | CONF_KEY_FILE), &words);
  return diag_set(d->reterr, ERR_SHAPE, "%s", words.ptr);
}

static void skipped(const struct decode *d, const struct path *path, const char *want)
{
  if (!d->warnings)
    return;
  CLEANUP(buf_release) struct buf words = BUF_INIT(DIAG_MESSAGE_MAX);
  path_add(path, &words);
  buf_printf(d->warnings, "%.*s is skipped: %s\n", STR_ARG(buf_str(&words)), want);
}

/* ---- single values ---- */

bool is_word_of(enum conf_kind kind, struct str text)
{
  for (const char *const *w = conf_words(kind); w && *w; w++)
    if (str_eqc(text, *w))
      return true;
  return false;
}

static struct str text_of(yyjson_val *val) { return str_make(yyjson_get_str(val), yyjson_get_len(val)); }

yyjson_mut_val *mut_text(yyjson_mut_doc *doc, struct str s)
{
  return yyjson_mut_strncpy(doc, s.len ? s.ptr : "", s.len);
}

static bool kind_fits(enum conf_kind kind, yyjson_val *in)
{
  switch (kind) {
  case CONF_TEXT: return yyjson_is_str(in);
  case CONF_BOOL: return yyjson_is_bool(in);
  case CONF_U16: return yyjson_is_uint(in) && yyjson_get_uint(in) <= UINT16_MAX;
  case CONF_U64: return yyjson_is_uint(in) && yyjson_get_uint(in) <= INT64_MAX;
  case CONF_NUMBER: return yyjson_is_num(in) && isfinite(yyjson_get_num(in)) && yyjson_get_num(in) >= 0;
  case CONF_LIST:
  case CONF_IP_LIST:
  case CONF_TABLES: return yyjson_is_arr(in);
  case CONF_TEXT_LIST: return yyjson_is_arr(in) || yyjson_is_str(in);
  case CONF_MAP:
  case CONF_TABLE: return yyjson_is_obj(in);
  default: return yyjson_is_str(in) && is_word_of(kind, text_of(in));
  }
}

/* One text in the place of a list: lines, comments, commas. */
static yyjson_mut_val *split_text(yyjson_mut_doc *doc, struct str text)
{
  yyjson_mut_val *list = yyjson_mut_arr(doc);
  struct str line, part;
  while (list && str_split(&text, '\n', &line)) {
    ptrdiff_t comment = str_find(line, '#');
    if (comment >= 0)
      line = str_sub(line, 0, (size_t)comment);
    while (str_split(&line, ',', &part)) {
      part = str_trim(part);
      if (part.len && !yyjson_mut_arr_append(list, mut_text(doc, part)))
        return NULL;
    }
  }
  return list;
}

static Err no_memory(const struct decode *d) { return diag_set(d->reterr, ERR_NOMEM, "%s", err_words(ERR_NOMEM)); }

static NODISCARD Err table(const struct decode *d, const struct conf_key *shape, yyjson_val *in,
                           const struct path *path, yyjson_mut_val **ret);

/* One item of a list; *ret stays NULL when it is skipped. */
static Err item(const struct decode *d, const struct conf_key *key, yyjson_val *in, const struct path *path,
                yyjson_mut_val **ret)
{
  bool forgiving = key->flags & CONF_FORGIVING;
  if (key->kind == CONF_TABLES) {
    if (!yyjson_is_obj(in)) {
      if (!forgiving)
        return wrong(d, key, CONF_TABLE, in, path);
      skipped(d, path, "wants a table");
      return OK;
    }
    struct diag why = {0};
    struct decode inner = *d;
    inner.given = NULL;
    inner.reterr = forgiving ? &why : d->reterr;
    Err err = table(&inner, key->shape, in, path, ret);
    if (err == ERR_SHAPE && forgiving) {
      if (d->warnings)
        buf_printf(d->warnings, "%s (skipped)\n", why.message);
      *ret = NULL;
      return OK;
    }
    return err;
  }
  char network[NETWORK_MAX];
  if (yyjson_is_str(in) && key->kind != CONF_IP_LIST) {
    *ret = yyjson_val_mut_copy(d->doc, in);
  } else if (yyjson_is_str(in) && network_parse(text_of(in), network)) {
    *ret = yyjson_mut_strcpy(d->doc, network);
  } else if (forgiving) {
    skipped(d, path, key->kind == CONF_IP_LIST ? "wants an address or a network (10.0.0.0/8)" : "wants text");
    return OK;
  } else {
    return wrong(d, key, CONF_TEXT, in, path);
  }
  return *ret ? OK : no_memory(d);
}

static Err list(const struct decode *d, const struct conf_key *key, yyjson_val *in, const struct path *path,
                yyjson_mut_val **ret)
{
  size_t i, n;
  yyjson_val *val;
  *ret = yyjson_mut_arr(d->doc);
  yyjson_arr_foreach(in, i, n, val)
  {
    struct path here = {.up = path, .index = i};
    yyjson_mut_val *out = NULL;
    Err err = item(d, key, val, &here, &out);
    if (err)
      return err;
    if (out && !yyjson_mut_arr_append(*ret, out))
      return no_memory(d);
  }
  return *ret ? OK : no_memory(d);
}

static Err map(const struct decode *d, const struct conf_key *key, yyjson_val *in, const struct path *path,
               yyjson_mut_val **ret)
{
  size_t i, n;
  yyjson_val *name, *val;
  *ret = yyjson_mut_obj(d->doc);
  yyjson_obj_foreach(in, i, n, name, val)
  {
    struct path here = {.up = path, .name = yyjson_get_str(name)};
    if (!yyjson_is_str(val))
      return wrong(d, key, CONF_TEXT, val, &here);
    if (!yyjson_mut_obj_put(*ret, yyjson_val_mut_copy(d->doc, name), yyjson_val_mut_copy(d->doc, val)))
      return no_memory(d);
  }
  return *ret ? OK : no_memory(d);
}

static Err value(const struct decode *d, const struct conf_key *key, yyjson_val *in, const struct path *path,
                 yyjson_mut_val **ret)
{
  Err err = OK;
  if (yyjson_is_null(in) && (key->flags & CONF_OPTIONAL))
    *ret = yyjson_mut_null(d->doc);
  else if (!kind_fits(key->kind, in))
    return wrong(d, key, key->kind, in, path);
  else if (key->kind == CONF_TABLE)
    err = table(d, key->shape, in, path, ret);
  else if (key->kind == CONF_MAP)
    err = map(d, key, in, path, ret);
  else if (yyjson_is_arr(in))
    err = list(d, key, in, path, ret);
  else if (key->kind == CONF_TEXT_LIST)
    *ret = split_text(d->doc, text_of(in));
  else
    *ret = yyjson_val_mut_copy(d->doc, in);
  return err ? err : *ret ? OK : no_memory(d);
}

/* ---- tables ---- */

static bool is_spelling(const struct conf_key *key, struct str name)
{
  struct str aliases = str_of(key->aliases), alias;
  if (str_eqc(name, key->name))
    return true;
  while (str_split(&aliases, ',', &alias))
    if (str_eq(name, alias))
      return true;
  return false;
}

/* The member of `in` that is `key` under any of its names. */
static Err find_member(const struct decode *d, const struct conf_key *key, yyjson_val *in, const struct path *path,
                       yyjson_val **ret)
{
  size_t i, n;
  yyjson_val *name, *val, *found = NULL;
  yyjson_obj_foreach(in, i, n, name, val)
  {
    if (!is_spelling(key, text_of(name)))
      continue;
    if (found) {
      CLEANUP(buf_release) struct buf words = BUF_INIT(DIAG_MESSAGE_MAX);
      path_add(path, &words);
      return diag_set(d->reterr, ERR_SHAPE, "%.*s: is there twice, as \"%s\" and as \"%s\"; keep one spelling in all files",
                      STR_ARG(buf_str(&words)), yyjson_get_str(found), yyjson_get_str(name));
    }
    found = name;
    *ret = val;
  }
  return OK;
}

/* A table is given when one of its keys is. */
static bool mark_given(const struct decode *d, const struct conf_key *key, const struct path *path)
{
  if (!d->given || key->kind == CONF_TABLE)
    return true;
  for (; path; path = path->up) {
    CLEANUP(buf_release) struct buf dotted = BUF_INIT(DIAG_MESSAGE_MAX);
    path_add(path, &dotted);
    if (buf_err(&dotted))
      return false;
    map_set(d->given, buf_str(&dotted), d->given);
  }
  return true;
}

static Err table(const struct decode *d, const struct conf_key *shape, yyjson_val *in, const struct path *path,
                 yyjson_mut_val **ret)
{
  *ret = yyjson_mut_obj(d->doc);
  for (const struct conf_key *key = shape; key->name; key++) {
    struct path here = {.up = path, .name = key->name};
    yyjson_val *found = NULL;
    yyjson_mut_val *out = NULL;
    Err err = find_member(d, key, in, &here, &found);
    if (!err && found && !mark_given(d, key, &here))
      err = no_memory(d);
    if (!err && found)
      err = value(d, key, found, &here, &out);
    if (!err && !found && (key->flags & CONF_REQUIRED)) {
      CLEANUP(buf_release) struct buf words = BUF_INIT(DIAG_MESSAGE_MAX);
      path_add(&here, &words);
      err = diag_set(d->reterr, ERR_SHAPE, "%.*s: is missing", STR_ARG(buf_str(&words)));
    }
    if (err)
      return err;
    if (!found)
      out = decode_default(d->doc, key);
    if (!out || !yyjson_mut_obj_add_val(d->doc, *ret, key->name, out))
      return no_memory(d);
  }
  return OK;
}

Err decode_table(const struct decode *d, const struct conf_key *shape, yyjson_val *in, yyjson_mut_val **ret)
{
  return table(d, shape, in, /* path= */ NULL, ret);
}

/* ---- defaults ---- */

static yyjson_mut_val *from_text(yyjson_mut_doc *doc, const char *json)
{
  yyjson_doc *parsed = yyjson_read(json, strlen(json), 0);
  yyjson_mut_val *val = parsed ? yyjson_val_mut_copy(doc, yyjson_doc_get_root(parsed)) : NULL;
  yyjson_doc_free(parsed);
  return val;
}

yyjson_mut_val *decode_default(yyjson_mut_doc *doc, const struct conf_key *key)
{
  if (key->kind != CONF_TABLE)
    return key->dflt ? from_text(doc, key->dflt) : yyjson_mut_null(doc);
  yyjson_mut_val *out = yyjson_mut_obj(doc), *absent = key->absent ? from_text(doc, key->absent) : NULL;
  for (const struct conf_key *k = key->shape; k->name; k++) {
    yyjson_mut_val *val = yyjson_mut_obj_get(absent, k->name);
    val = val ? yyjson_mut_val_mut_copy(doc, val) : decode_default(doc, k);
    if (!val || !yyjson_mut_obj_add_val(doc, out, k->name, val))
      return NULL;
  }
  return out;
}
