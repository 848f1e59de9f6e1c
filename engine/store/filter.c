/* store/filter.c: parses filters; filter_match.c applies them. See filter.h. */
#include "store/filter.h"

#include <math.h>
#include <time.h>

#include "base/codec.h"
#include "base/id.h"
#include "base/mem.h"

struct parser {
  struct filter *filter;
  struct diag *diag;
  size_t nodes, values;
  int depth;
};

static Err parse_document(struct parser *p, yyjson_val *object, struct filter_node **ret);
static Err parse_operators(struct parser *p, struct str path, yyjson_val *object, struct filter_node **ret);

Err filter_path_parse(struct str path, struct str parts[FILTER_PARTS_MAX], size_t *ret_count, struct diag *reterr)
{
  if (path.len == 0)
    return diag_set(reterr, ERR_INVALID, "a field path is empty");
  if (path.len > FILTER_PATH_MAX)
    return diag_set(reterr, ERR_INVALID, "a field path is longer than %d bytes", FILTER_PATH_MAX);
  size_t n = 0;
  struct str rest = path, part;
  while (str_split(&rest, '.', &part)) {
    if (n == FILTER_PARTS_MAX)
      return diag_set(reterr, ERR_INVALID, "field path '%.*s' has more than %d steps", STR_ARG(path), FILTER_PARTS_MAX);
    if (part.len == 0)
      return diag_set(reterr, ERR_INVALID, "field path '%.*s' has an empty step", STR_ARG(path));
    if (part.ptr[0] == '$')
      return diag_set(reterr, ERR_INVALID, "field path '%.*s': a step must not start with '$'", STR_ARG(path));
    if (memchr(part.ptr, 0, part.len))
      return diag_set(reterr, ERR_INVALID, "a field path holds a zero byte");
    parts[n++] = part;
  }
  *ret_count = n;
  return OK;
}

/* ---- operands ---- */

/* RFC 3339 with offset or Z, to Unix milliseconds. */
static bool date_parse(struct str text, int64_t *ret_ms)
{
  char copy[40];
  if (text.len >= sizeof copy)
    return false;
  memcpy(copy, text.ptr, text.len);
  copy[text.len] = 0;
  struct tm tm = {0};
  const char *at = strptime(copy, "%Y-%m-%dT%H:%M:%S", &tm);
  if (!at)
    return false;
  int64_t ms = 0;
  if (*at == '.') {
    int64_t unit = 100;
    for (at++; *at >= '0' && *at <= '9'; at++, unit /= 10)
      ms += (*at - '0') * unit;
  }
  int64_t offset = 0;
  if (*at == 'Z') {
    at++;
  } else if (*at == '+' || *at == '-') {
    unsigned h, m;
    if (strlen(at) != 6 || sscanf(at + 1, "%2u:%2u", &h, &m) != 2)
      return false;
    offset = (*at == '-' ? -1 : 1) * (int64_t)(h * 3600 + m * 60);
    at += 6;
  } else {
    return false;
  }
  *ret_ms = ((int64_t)timegm(&tm) - offset) * 1000 + ms;
  return *at == 0;
}

static struct value of_int(int64_t i) { return (struct value){.class = VALUE_NUMBER, .i = i}; }
static struct value of_real(double d) { return (struct value){.class = VALUE_NUMBER, .real = true, .d = d}; }

static struct str text_of(yyjson_val *v) { return str_make(yyjson_get_str(v), yyjson_get_len(v)); }

static struct str json_text(yyjson_val *v) { return yyjson_is_str(v) ? text_of(v) : STR_NONE; }

/* {"$numberLong": "5"} and friends: an object of one field that stands for a plain value. */
static bool extended_of(yyjson_val *object, struct value *ret)
{
  yyjson_obj_iter it = yyjson_obj_iter_with(object);
  yyjson_val *key = yyjson_obj_iter_next(&it);
  if (yyjson_obj_size(object) != 1 || yyjson_get_len(key) < 4 || yyjson_get_str(key)[0] != '$')
    return false;
  yyjson_val *v = yyjson_obj_iter_get_val(key);
  struct str name = text_of(key), text = json_text(v);
  int64_t i;
  if (str_eqc(name, "$oid")) {
    if (!text.ptr || !id_is_object(text))
      return false;
    *ret = (struct value){.class = VALUE_OID, .text = text};
    return true;
  }
  if (str_eqc(name, "$numberLong") || str_eqc(name, "$numberInt")) {
    if (!str_to_i64(text, &i))
      return false;
    *ret = of_int(i);
    return true;
  }
  if (str_eqc(name, "$numberDouble")) {
    char copy[64], *end;
    if (text.len == 0 || text.len >= sizeof copy)
      return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    *ret = of_real(strtod(copy, &end));
    return *end == 0 && !isnan(ret->d);
  }
  if (str_eqc(name, "$date")) {
    if (yyjson_is_obj(v) && yyjson_obj_size(v) == 1)
      text = json_text(yyjson_obj_get(v, "$numberLong"));
    if (yyjson_is_int(v))
      *ret = value_of(v);
    else if (yyjson_is_obj(v) && str_to_i64(text, &i))
      *ret = of_int(i);
    else if (text.ptr && date_parse(text, &i))
      *ret = of_int(i);
    else
      return false;
    return true;
  }
  return false;
}

struct value value_of(yyjson_val *json)
{
  struct value v = {.class = VALUE_NULL};
  switch (yyjson_get_tag(json)) {
  case YYJSON_TYPE_BOOL | YYJSON_SUBTYPE_TRUE:
  case YYJSON_TYPE_BOOL | YYJSON_SUBTYPE_FALSE:
    return (struct value){.class = VALUE_BOOL, .i = yyjson_get_bool(json)};
  case YYJSON_TYPE_NUM | YYJSON_SUBTYPE_UINT:
    return yyjson_get_uint(json) > INT64_MAX ? of_real((double)yyjson_get_uint(json)) : of_int(yyjson_get_sint(json));
  case YYJSON_TYPE_NUM | YYJSON_SUBTYPE_SINT: return of_int(yyjson_get_sint(json));
  case YYJSON_TYPE_NUM | YYJSON_SUBTYPE_REAL: return of_real(yyjson_get_real(json));
  default: break;
  }
  if (yyjson_is_str(json))
    return (struct value){.class = VALUE_STRING, .text = text_of(json)};
  if (yyjson_is_arr(json))
    return (struct value){.class = VALUE_ARRAY, .json = json};
  if (yyjson_is_obj(json) && !extended_of(json, &v))
    return (struct value){.class = VALUE_OBJECT, .json = json};
  return v;
}

/* Does this object hold an operator where a value must stand? Extended JSON counts as a value. */
static Err check_operand(struct parser *p, struct str path, yyjson_val *json)
{
  struct value v = value_of(json);
  if (v.class == VALUE_ARRAY) {
    yyjson_arr_iter items = yyjson_arr_iter_with(json);
    for (yyjson_val *item; (item = yyjson_arr_iter_next(&items));) {
      Err err = check_operand(p, path, item);
      if (err)
        return err;
    }
  }
  if (v.class != VALUE_OBJECT)
    return OK;
  yyjson_obj_iter it = yyjson_obj_iter_with(json);
  for (yyjson_val *key; (key = yyjson_obj_iter_next(&it));) {
    if (yyjson_get_str(key)[0] == '$')
      return diag_set(p->diag, ERR_INVALID, "filter: '%.*s' holds '%.64s' where a plain value is expected", STR_ARG(path),
                      yyjson_get_str(key));
    Err err = check_operand(p, path, yyjson_obj_iter_get_val(key));
    if (err)
      return err;
  }
  return OK;
}

/* Ids are compared as bytes; the stored ones are lower case. */
static struct value operand_of(struct parser *p, yyjson_val *json)
{
  struct value v = value_of(json);
  if (v.class == VALUE_OID) {
    char *lower = arena_dup(&p->filter->arena, v.text);
    for (char *c = lower; *c; c++)
      if (*c >= 'A' && *c <= 'F')
        *c = (char)(*c - 'A' + 'a');
    v.text.ptr = lower;
  }
  return v;
}

/* ---- nodes ---- */

static Err node_new(struct parser *p, enum filter_kind kind, size_t children, struct filter_node **ret)
{
  if (++p->nodes > FILTER_NODES_MAX)
    return diag_set(p->diag, ERR_TOOBIG, "filter: more than %d conditions", FILTER_NODES_MAX);
  struct filter_node *n = arena_new(&p->filter->arena, sizeof *n);
  n->kind = kind;
  if (children)
    n->children = arena_new(&p->filter->arena, children * sizeof(struct filter_node *));
  *ret = n;
  return OK;
}

static Err leaf_new(struct parser *p, enum filter_kind kind, struct str path, size_t values, struct filter_node **ret)
{
  Err err = node_new(p, kind, 0, ret);
  if (err)
    return err;
  (*ret)->path = path;
  (*ret)->values = arena_new(&p->filter->arena, (values ? values : 1) * sizeof(struct value));
  (*ret)->value_count = values;
  return filter_path_parse(path, (*ret)->parts, &(*ret)->part_count, p->diag);
}

static Err negate(struct parser *p, struct filter_node *child, struct filter_node **ret)
{
  Err err = node_new(p, FILTER_NOT, 1, ret);
  if (err)
    return err;
  (*ret)->children[0] = child;
  (*ret)->child_count = 1;
  return OK;
}

static Err parse_compare(struct parser *p, enum filter_kind kind, struct str path, yyjson_val *json, struct filter_node **ret)
{
  Err err = check_operand(p, path, json);
  if (!err)
    err = leaf_new(p, kind, path, 1, ret);
  if (!err)
    (*ret)->values[0] = operand_of(p, json);
  return err;
}

static int by_value(const void *a, const void *b) { return value_cmp(a, b); }

static bool is_scalar(const struct value *v) { return v->class != VALUE_OBJECT && v->class != VALUE_ARRAY; }

static Err parse_in(struct parser *p, struct str path, yyjson_val *json, struct filter_node **ret)
{
  p->values += yyjson_arr_size(json);
  if (p->values > FILTER_VALUES_MAX)
    return diag_set(p->diag, ERR_TOOBIG, "filter: more than %d values in $in and $nin", FILTER_VALUES_MAX);
  if (!yyjson_is_arr(json))
    return diag_set(p->diag, ERR_INVALID, "filter: $in and $nin of '%.*s' need a list", STR_ARG(path));
  Err err = check_operand(p, path, json);
  if (!err)
    err = leaf_new(p, FILTER_IN, path, yyjson_arr_size(json), ret);
  if (err)
    return err;
  struct filter_node *n = *ret;
  size_t back = n->value_count;
  yyjson_arr_iter it = yyjson_arr_iter_with(json);
  for (yyjson_val *item; (item = yyjson_arr_iter_next(&it));) {
    struct value v = operand_of(p, item);
    if (is_scalar(&v))
      n->values[n->sorted++] = v;
    else
      n->values[--back] = v;
  }
  qsort(n->values, n->sorted, sizeof *n->values, by_value);
  return OK;
}

static Err parse_exists(struct parser *p, struct str path, yyjson_val *json, struct filter_node **ret)
{
  if (!yyjson_is_bool(json) && !yyjson_is_num(json))
    return diag_set(p->diag, ERR_INVALID, "filter: $exists of '%.*s' needs true or false", STR_ARG(path));
  Err err = leaf_new(p, FILTER_EXISTS, path, 1, ret);
  if (err)
    return err;
  bool wanted = yyjson_is_bool(json) ? yyjson_get_bool(json) : yyjson_get_num(json) != 0;
  return wanted ? OK : negate(p, *ret, ret);
}

static Err parse_not(struct parser *p, struct str path, yyjson_val *json, struct filter_node **ret)
{
  if (!yyjson_is_obj(json) || yyjson_obj_size(json) == 0)
    return diag_set(p->diag, ERR_INVALID, "filter: $not of '%.*s' needs an object of operators", STR_ARG(path));
  struct filter_node *child;
  Err err = parse_operators(p, path, json, &child);
  return err ? err : negate(p, child, ret);
}

static Err parse_operator(struct parser *p, struct str path, struct str name, yyjson_val *json, struct filter_node **ret)
{
  static const struct { const char *name; enum filter_kind kind; bool negated; } compares[] = {
      {"$eq", FILTER_EQ, false}, {"$ne", FILTER_EQ, true}, {"$gt", FILTER_GT, false}, {"$gte", FILTER_GTE, false},
      {"$lt", FILTER_LT, false}, {"$lte", FILTER_LTE, false}};
  for (size_t i = 0; i < ARRAY_LEN(compares); i++)
    if (str_eqc(name, compares[i].name)) {
      Err err = parse_compare(p, compares[i].kind, path, json, ret);
      return err || !compares[i].negated ? err : negate(p, *ret, ret);
    }
  if (str_eqc(name, "$in"))
    return parse_in(p, path, json, ret);
  if (str_eqc(name, "$nin")) {
    Err err = parse_in(p, path, json, ret);
    return err ? err : negate(p, *ret, ret);
  }
  if (str_eqc(name, "$exists"))
    return parse_exists(p, path, json, ret);
  if (str_eqc(name, "$not"))
    return parse_not(p, path, json, ret);
  return diag_set(p->diag, ERR_INVALID,
                  "filter: operator '%.*s' of '%.*s' is not supported; known are $eq $ne $gt $gte $lt $lte $in $nin $exists $not",
                  (int)(name.len < 64 ? name.len : 64), name.ptr, STR_ARG(path));
}

/* {"$gte": 1, "$lt": 5}: all of them. */
static Err parse_operators(struct parser *p, struct str path, yyjson_val *object, struct filter_node **ret)
{
  if (++p->depth > FILTER_DEPTH_MAX)
    return diag_set(p->diag, ERR_TOOBIG, "filter: nested deeper than %d", FILTER_DEPTH_MAX);
  struct filter_node *all;
  Err err = node_new(p, FILTER_AND, yyjson_obj_size(object), &all);
  yyjson_obj_iter it = yyjson_obj_iter_with(object);
  for (yyjson_val *key; !err && (key = yyjson_obj_iter_next(&it));) {
    if (yyjson_get_str(key)[0] != '$')
      return diag_set(p->diag, ERR_INVALID, "filter: '%.*s' mixes operators with the field '%.64s'", STR_ARG(path),
                      yyjson_get_str(key));
    err = parse_operator(p, path, text_of(key), yyjson_obj_iter_get_val(key), &all->children[all->child_count]);
    all->child_count += !err;
  }
  p->depth--;
  *ret = all;
  return err;
}

static Err parse_field(struct parser *p, struct str path, yyjson_val *json, struct filter_node **ret)
{
  if (value_of(json).class == VALUE_OBJECT && yyjson_obj_size(json)) {
    yyjson_obj_iter it = yyjson_obj_iter_with(json);
    if (yyjson_get_str(yyjson_obj_iter_next(&it))[0] == '$')
      return parse_operators(p, path, json, ret);
  }
  return parse_compare(p, FILTER_EQ, path, json, ret);
}

static Err parse_list(struct parser *p, enum filter_kind kind, struct str name, yyjson_val *json, struct filter_node **ret)
{
  if (!yyjson_is_arr(json) || yyjson_arr_size(json) == 0)
    return diag_set(p->diag, ERR_INVALID, "filter: '%.*s' needs a list of filters", STR_ARG(name));
  struct filter_node *n;
  Err err = node_new(p, kind, yyjson_arr_size(json), &n);
  yyjson_arr_iter it = yyjson_arr_iter_with(json);
  for (yyjson_val *item; !err && (item = yyjson_arr_iter_next(&it));) {
    if (!yyjson_is_obj(item))
      return diag_set(p->diag, ERR_INVALID, "filter: '%.*s' holds something that is no object", STR_ARG(name));
    err = parse_document(p, item, &n->children[n->child_count]);
    n->child_count += !err;
  }
  *ret = n;
  return err;
}

static Err parse_member(struct parser *p, struct str name, yyjson_val *json, struct filter_node **ret)
{
  if (str_eqc(name, "$and"))
    return parse_list(p, FILTER_AND, name, json, ret);
  if (str_eqc(name, "$or"))
    return parse_list(p, FILTER_OR, name, json, ret);
  if (str_eqc(name, "$nor"))
    return parse_list(p, FILTER_NOR, name, json, ret);
  if (name.len && name.ptr[0] == '$')
    return diag_set(p->diag, ERR_INVALID, "filter: operator '%.*s' is not supported here; known are $and $or $nor",
                    (int)(name.len < 64 ? name.len : 64), name.ptr);
  return parse_field(p, name, json, ret);
}

static Err parse_document(struct parser *p, yyjson_val *object, struct filter_node **ret)
{
  if (++p->depth > FILTER_DEPTH_MAX)
    return diag_set(p->diag, ERR_TOOBIG, "filter: nested deeper than %d", FILTER_DEPTH_MAX);
  struct filter_node *all;
  Err err = node_new(p, FILTER_AND, yyjson_obj_size(object), &all);
  yyjson_obj_iter it = yyjson_obj_iter_with(object);
  for (yyjson_val *key; !err && (key = yyjson_obj_iter_next(&it));) {
    err = parse_member(p, text_of(key), yyjson_obj_iter_get_val(key), &all->children[all->child_count]);
    all->child_count += !err;
  }
  p->depth--;
  *ret = all;
  return err;
}

/* How deep values nest: check_operand and value_equal recurse over them. */
static bool too_deep(struct str text)
{
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.len; i++) {
    char c = text.ptr[i];
    if (quoted) {
      i += c == '\\';
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (++depth > FILTER_VALUE_DEPTH_MAX)
        return true;
    } else if (c == '}' || c == ']') {
      depth--;
    }
  }
  return false;
}

Err filter_parse(struct str text, struct filter **ret_filter, struct diag *reterr)
{
  if (text.len == 0) {
    *ret_filter = NULL;
    return OK;
  }
  if (text.len > FILTER_BYTES_MAX)
    return diag_set(reterr, ERR_TOOBIG, "filter: longer than %d bytes", FILTER_BYTES_MAX);
  if (too_deep(text))
    return diag_set(reterr, ERR_TOOBIG, "filter: values nested deeper than %d", FILTER_VALUE_DEPTH_MAX);
  yyjson_read_err bad = {0};
  char *input = mem_strndup(text.ptr, text.len);
  yyjson_doc *doc = yyjson_read_opts(input, text.len, YYJSON_READ_NOFLAG, NULL, &bad);
  mem_free(input);
  if (!doc)
    return diag_set(reterr, ERR_INVALID, "filter: no JSON: %s at byte %zu", bad.msg, bad.pos);
  struct filter *f = mem_new(sizeof *f);
  f->doc = doc;
  struct parser p = {.filter = f, .diag = reterr};
  Err err = OK;
  if (yyjson_is_obj(yyjson_doc_get_root(doc)))
    err = parse_document(&p, yyjson_doc_get_root(doc), &f->root);
  else
    err = diag_set(reterr, ERR_INVALID, "filter: must be an object");
  if (err) {
    filter_free(f);
    return err;
  }
  *ret_filter = f;
  return OK;
}

void filter_free(struct filter *filter)
{
  if (!filter)
    return;
  arena_release(&filter->arena);
  yyjson_doc_free(filter->doc);
  mem_free(filter);
}
