/* conf/yaml.c: see yaml.h. libyaml delivers events; this file builds values from them and decides what plain words mean. */
#include "conf/yaml.h"

#include <math.h>
#include <yaml.h>

#include "base/map.h"

struct reader {
  yaml_parser_t parser;
  yyjson_mut_doc *doc;
  struct map anchors;     /* name -> yyjson_mut_val */
  size_t nodes;           /* made so far, copies of aliases included */
  size_t text_bytes;      /* the same for the bytes of strings */
  struct diag *reterr;
};

static Err fail_at(struct reader *r, yaml_mark_t at, const char *words)
{
  return diag_set(r->reterr, ERR_INVALID, "line %zu, column %zu: %s", at.line + 1, at.column + 1, words);
}

static Err no_memory(struct reader *r) { return diag_set(r->reterr, ERR_NOMEM, "%s", err_words(ERR_NOMEM)); }

static Err next(struct reader *r, yaml_event_t *event)
{
  if (yaml_parser_parse(&r->parser, event))
    return OK;
  if (r->parser.error == YAML_MEMORY_ERROR)
    return no_memory(r);
  return fail_at(r, r->parser.problem_mark, r->parser.problem ? r->parser.problem : "not YAML");
}

static Err count(struct reader *r, yaml_mark_t at, size_t nodes, size_t bytes)
{
  r->nodes += nodes;
  r->text_bytes += bytes;
  if (r->nodes > YAML_NODES_MAX || r->text_bytes > YAML_TEXT_MAX) {
    fail_at(r, at, "too many values (aliases count as what they stand for)");
    return r->reterr ? (r->reterr->err = ERR_TOOBIG) : ERR_TOOBIG;
  }
  return OK;
}

/* ---- plain words (YAML 1.2.2, 10.3.2) ---- */

static bool one_of(struct str s, const char *a, const char *b, const char *c)
{
  return str_eqc(s, a) || str_eqc(s, b) || str_eqc(s, c);
}

static size_t skip_digits(struct str s, size_t at)
{
  while (at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9')
    at++;
  return at;
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_number(struct str s, bool *ret_float)
{
  size_t at = s.len && (s.ptr[0] == '-' || s.ptr[0] == '+'), from = at;
  *ret_float = false;
  at = skip_digits(s, at);
  bool whole = at > from;
  if (at < s.len && s.ptr[at] == '.') {
    *ret_float = true;
    from = ++at;
    at = skip_digits(s, at);
    if (!whole && at == from)
      return false;
  } else if (!whole) {
    return false;
  }
  if (at < s.len && (s.ptr[at] == 'e' || s.ptr[at] == 'E')) {
    *ret_float = true;
    at++;
    at += at < s.len && (s.ptr[at] == '-' || s.ptr[at] == '+');
    from = at;
    at = skip_digits(s, at);
    if (at == from)
      return false;
  }
  return at == s.len;
}

/* 0o17 and 0xff; false when it is neither or does not fit. */
static bool radix_number(struct str s, uint64_t *ret)
{
  if (s.len < 3 || s.ptr[0] != '0' || (s.ptr[1] != 'o' && s.ptr[1] != 'x'))
    return false;
  unsigned radix = s.ptr[1] == 'x' ? 16 : 8;
  uint64_t value = 0;
  for (size_t i = 2; i < s.len; i++) {
    static const char hex[] = "0123456789abcdef";
    char c = s.ptr[i];
    const char *d = c ? strchr(hex, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;
    if (!d || (unsigned)(d - hex) >= radix || value > (UINT64_MAX >> 4))
      return false;
    value = value * radix + (uint64_t)(d - hex);
  }
  *ret = value;
  return true;
}

/* The value of an unquoted word; *ret stays NULL when there is no memory. */
static Err plain(struct reader *r, yaml_mark_t at, struct str s, yyjson_mut_val **ret)
{
  int64_t i;
  uint64_t u;
  bool is_float;
  if (s.len == 0 || str_eqc(s, "~") || one_of(s, "null", "Null", "NULL")) {
    *ret = yyjson_mut_null(r->doc);
  } else if (one_of(s, "true", "True", "TRUE") || one_of(s, "false", "False", "FALSE")) {
    *ret = yyjson_mut_bool(r->doc, s.ptr[0] == 't' || s.ptr[0] == 'T');
  } else if (radix_number(s, &u)) {
    *ret = yyjson_mut_uint(r->doc, u);
  } else if (!is_number(s, &is_float)) {
    struct str name = s.ptr[0] == '-' || s.ptr[0] == '+' ? str_sub(s, 1, s.len) : s;
    if (one_of(name, ".inf", ".Inf", ".INF") || one_of(s, ".nan", ".NaN", ".NAN"))
      return fail_at(r, at, ".inf and .nan are not supported");
    *ret = yyjson_mut_strncpy(r->doc, s.ptr, s.len);
  } else {
    struct str digits = s.ptr[0] == '+' ? str_sub(s, 1, s.len) : s;
    if (!is_float && str_to_i64(digits, &i)) {
      *ret = yyjson_mut_sint(r->doc, i);
    } else if (!is_float && str_to_u64(digits, &u)) {
      *ret = yyjson_mut_uint(r->doc, u);
    } else {
      double real = strtod(s.ptr, NULL);   /* libyaml ends its texts with a zero byte */
      if (!isfinite(real))
        return fail_at(r, at, "this number is too large");
      *ret = yyjson_mut_real(r->doc, real);
    }
  }
  return OK;
}

/* ---- nodes ---- */

static NODISCARD Err node(struct reader *r, yaml_event_t *event, unsigned depth, yyjson_mut_val **ret);

static Err scalar(struct reader *r, const yaml_event_t *event, yyjson_mut_val **ret)
{
  struct str s = str_make((const char *)event->data.scalar.value, event->data.scalar.length);
  const char *tag = (const char *)event->data.scalar.tag;
  bool is_plain = event->data.scalar.plain_implicit;
  if (!is_plain && tag && strcmp(tag, YAML_STR_TAG) != 0 && strcmp(tag, "!") != 0)
    is_plain = strncmp(tag, "tag:yaml.org,2002:", 18) == 0;
  Err err = count(r, event->start_mark, 1, s.len);
  if (!err && is_plain)
    err = plain(r, event->start_mark, s, ret);
  else if (!err)
    *ret = yyjson_mut_strncpy(r->doc, s.ptr, s.len);
  return err;
}

/* Reads the values up to the end of a sequence. */
static Err sequence(struct reader *r, unsigned depth, yyjson_mut_val *list)
{
  for (;;) {
    yaml_event_t event;
    Err err = next(r, &event);
    if (err)
      return err;
    bool end = event.type == YAML_SEQUENCE_END_EVENT;
    yyjson_mut_val *item = NULL;
    if (!end)
      err = node(r, &event, depth, &item);
    yaml_event_delete(&event);
    if (err || end)
      return err;
    if (!yyjson_mut_arr_append(list, item))
      return no_memory(r);
  }
}

/* The text of a key: a scalar, or an alias of one. */
static Err key_text(struct reader *r, const yaml_event_t *event, yyjson_mut_val **ret)
{
  struct str s = STR_NONE;
  if (event->type == YAML_SCALAR_EVENT) {
    s = str_make((const char *)event->data.scalar.value, event->data.scalar.length);
  } else if (event->type == YAML_ALIAS_EVENT) {
    yyjson_mut_val *named = map_get(&r->anchors, str_of((const char *)event->data.alias.anchor));
    s = str_make(yyjson_mut_get_str(named), yyjson_mut_get_len(named));
  }
  if (!s.ptr)
    return fail_at(r, event->start_mark, "a key must be text");
  Err err = count(r, event->start_mark, 1, s.len);
  if (err)
    return err;
  *ret = yyjson_mut_strncpy(r->doc, s.ptr, s.len);
  if (!*ret)
    return no_memory(r);
  if (event->type == YAML_SCALAR_EVENT && event->data.scalar.anchor)
    map_set(&r->anchors, str_of((const char *)event->data.scalar.anchor), *ret);
  return OK;
}

static Err member(struct reader *r, const yaml_event_t *key_event, unsigned depth, struct map *seen,
                  yyjson_mut_val *object)
{
  yyjson_mut_val *key = NULL, *val = NULL;
  Err err = key_text(r, key_event, &key);
  if (err)
    return err;
  if (map_set(seen, str_make(yyjson_mut_get_str(key), yyjson_mut_get_len(key)), key))
    return fail_at(r, key_event->start_mark, "this key is there twice");
  yaml_event_t event;
  if ((err = next(r, &event)))
    return err;
  err = node(r, &event, depth, &val);
  yaml_event_delete(&event);
  if (err)
    return err;
  return yyjson_mut_obj_add(object, key, val) ? OK : no_memory(r);
}

static Err mapping(struct reader *r, unsigned depth, yyjson_mut_val *object)
{
  CLEANUP(map_release) struct map seen = {0};
  for (;;) {
    yaml_event_t event;
    Err err = next(r, &event);
    if (err)
      return err;
    bool end = event.type == YAML_MAPPING_END_EVENT;
    if (!end)
      err = member(r, &event, depth, &seen, object);
    yaml_event_delete(&event);
    if (err || end)
      return err;
  }
}

/* Adds up what a copy of `val` costs. Depth is bounded by that of the document. */
static void measure(yyjson_mut_val *val, size_t *nodes, size_t *bytes)
{
  size_t i, n;
  yyjson_mut_val *key, *item;
  *nodes += 1;
  if (*nodes > YAML_NODES_MAX)
    return;
  if (yyjson_mut_is_str(val)) {
    *bytes += yyjson_mut_get_len(val);
  } else if (yyjson_mut_is_arr(val)) {
    yyjson_mut_arr_foreach(val, i, n, item) measure(item, nodes, bytes);
  } else if (yyjson_mut_is_obj(val)) {
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the loop ends by its count
    yyjson_mut_obj_foreach(val, i, n, key, item)
    {
      measure(key, nodes, bytes);
      measure(item, nodes, bytes);
    }
  }
}

static unsigned depth_of(yyjson_mut_val *val)
{
  size_t i, n;
  yyjson_mut_val *key, *item;
  unsigned deepest = 0, d;
  if (yyjson_mut_is_arr(val)) {
    yyjson_mut_arr_foreach(val, i, n, item) deepest = (d = depth_of(item)) > deepest ? d : deepest;
  } else if (yyjson_mut_is_obj(val)) {
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the loop ends by its count
    yyjson_mut_obj_foreach(val, i, n, key, item) deepest = (d = depth_of(item)) > deepest ? d : deepest;
  }
  return deepest + 1;
}

static Err alias(struct reader *r, const yaml_event_t *event, unsigned depth, yyjson_mut_val **ret)
{
  yyjson_mut_val *named = map_get(&r->anchors, str_of((const char *)event->data.alias.anchor));
  if (!named)
    return fail_at(r, event->start_mark, "this alias names no anchor above it");
  size_t nodes = 0, bytes = 0;
  measure(named, &nodes, &bytes);
  Err err = count(r, event->start_mark, nodes, bytes);
  if (err)
    return err;
  if (depth + depth_of(named) > YAML_DEPTH_MAX)
    return fail_at(r, event->start_mark, "nested too deep");
  *ret = yyjson_mut_val_mut_copy(r->doc, named);
  return OK;
}

static Err node(struct reader *r, yaml_event_t *event, unsigned depth, yyjson_mut_val **ret)
{
  const yaml_char_t *anchor = NULL;
  Err err = OK;
  if (depth >= YAML_DEPTH_MAX)
    return fail_at(r, event->start_mark, "nested too deep");
  switch (event->type) {
  case YAML_SCALAR_EVENT:
    anchor = event->data.scalar.anchor;
    err = scalar(r, event, ret);
    break;
  case YAML_ALIAS_EVENT:
    err = alias(r, event, depth, ret);
    break;
  case YAML_SEQUENCE_START_EVENT:
    anchor = event->data.sequence_start.anchor;
    *ret = yyjson_mut_arr(r->doc);
    err = count(r, event->start_mark, 1, 0);
    if (!err && *ret)
      err = sequence(r, depth + 1, *ret);
    break;
  case YAML_MAPPING_START_EVENT:
    anchor = event->data.mapping_start.anchor;
    *ret = yyjson_mut_obj(r->doc);
    err = count(r, event->start_mark, 1, 0);
    if (!err && *ret)
      err = mapping(r, depth + 1, *ret);
    break;
  default: return fail_at(r, event->start_mark, "expected a value");
  }
  if (err)
    return err;
  if (!*ret)
    return no_memory(r);
  /* Set when the value is complete: an anchor cannot be named inside itself. */
  if (anchor)
    map_set(&r->anchors, str_of((const char *)anchor), *ret);
  return OK;
}

/* ---- the document ---- */

static Err expect(struct reader *r, yaml_event_type_t first, yaml_event_type_t second, yaml_event_type_t *ret_type)
{
  yaml_event_t event;
  Err err = next(r, &event);
  if (err)
    return err;
  *ret_type = event.type;
  if (event.type != first && event.type != second)
    err = fail_at(r, event.start_mark, "only one document is read");
  yaml_event_delete(&event);
  return err;
}

static Err document(struct reader *r)
{
  yaml_event_type_t type;
  Err err = expect(r, YAML_STREAM_START_EVENT, YAML_STREAM_START_EVENT, &type);
  if (err || (err = expect(r, YAML_DOCUMENT_START_EVENT, YAML_STREAM_END_EVENT, &type)))
    return err;
  yyjson_mut_val *root = NULL;
  if (type == YAML_STREAM_END_EVENT) {
    root = yyjson_mut_null(r->doc);
  } else {
    yaml_event_t event;
    if ((err = next(r, &event)))
      return err;
    err = node(r, &event, 0, &root);
    yaml_event_delete(&event);
    if (err || (err = expect(r, YAML_DOCUMENT_END_EVENT, YAML_DOCUMENT_END_EVENT, &type)) ||
        (err = expect(r, YAML_STREAM_END_EVENT, YAML_STREAM_END_EVENT, &type)))
      return err;
  }
  yyjson_mut_doc_set_root(r->doc, root);
  return root ? OK : no_memory(r);
}

Err yaml_parse(struct str text, yyjson_mut_doc **ret_doc, struct diag *reterr)
{
  struct reader r = {.reterr = reterr};
  if (text.len > YAML_TEXT_MAX)
    return diag_set(reterr, ERR_TOOBIG, "larger than %d MB", YAML_TEXT_MAX / (1024 * 1024));
  if (!str_is_utf8(text))
    return diag_set(reterr, ERR_INVALID, "not UTF-8 text");
  if (!yaml_parser_initialize(&r.parser))
    return no_memory(&r);
  yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&r.parser, (const unsigned char *)(text.len ? text.ptr : ""), text.len);
  r.doc = yyjson_mut_doc_new(NULL);
  Err err = r.doc ? document(&r) : no_memory(&r);
  map_release(&r.anchors);
  yaml_parser_delete(&r.parser);
  if (err)
    yyjson_mut_doc_free(r.doc);
  else
    *ret_doc = r.doc;
  return err;
}
