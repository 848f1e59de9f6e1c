/* store/filter_match.c: applies a filter to a document. See filter.h. */
#include "base/id.h"
#include "store/filter.h"

/* ---- comparing ---- */

/* Exact also where a double cannot hold the integer. */
static int int_real_cmp(int64_t i, double d)
{
  if (d >= 9223372036854775808.0)
    return -1;
  if (d < -9223372036854775808.0)
    return 1;
  int64_t whole = (int64_t)d;
  if (i != whole)
    return i < whole ? -1 : 1;
  double fraction = d - (double)whole;
  return fraction > 0 ? -1 : fraction < 0;
}

static int number_cmp(const struct value *a, const struct value *b)
{
  if (a->real && b->real)
    return (a->d > b->d) - (a->d < b->d);
  if (a->real)
    return -int_real_cmp(b->i, a->d);
  if (b->real)
    return int_real_cmp(a->i, b->d);
  return (a->i > b->i) - (a->i < b->i);
}

int value_cmp(const struct value *a, const struct value *b)
{
  if (a->class != b->class)
    return a->class < b->class ? -1 : 1;
  switch (a->class) {
  case VALUE_NUMBER: return number_cmp(a, b);
  case VALUE_BOOL: return (a->i > b->i) - (a->i < b->i);
  case VALUE_STRING:
  case VALUE_OID: return str_cmp(a->text, b->text);
  case VALUE_NULL:
  case VALUE_OBJECT:
  case VALUE_ARRAY: break;
  }
  return 0;
}

static bool value_equal(const struct value *a, const struct value *b);

static bool json_same(yyjson_val *a, yyjson_val *b)
{
  struct value x = value_of(a), y = value_of(b);
  return value_equal(&x, &y);
}

static bool objects_equal(yyjson_val *a, yyjson_val *b)
{
  if (yyjson_obj_size(a) != yyjson_obj_size(b))
    return false;
  yyjson_obj_iter ia = yyjson_obj_iter_with(a), ib = yyjson_obj_iter_with(b);
  for (yyjson_val *ka, *kb; (ka = yyjson_obj_iter_next(&ia)) && (kb = yyjson_obj_iter_next(&ib));)
    if (!yyjson_equals(ka, kb) || !json_same(yyjson_obj_iter_get_val(ka), yyjson_obj_iter_get_val(kb)))
      return false;
  return true;
}

static bool arrays_equal(yyjson_val *a, yyjson_val *b)
{
  if (yyjson_arr_size(a) != yyjson_arr_size(b))
    return false;
  yyjson_arr_iter ia = yyjson_arr_iter_with(a), ib = yyjson_arr_iter_with(b);
  for (yyjson_val *va, *vb; (va = yyjson_arr_iter_next(&ia)) && (vb = yyjson_arr_iter_next(&ib));)
    if (!json_same(va, vb))
      return false;
  return true;
}

/* Recursion ends with the operand, whose depth the parser bounds. */
static bool value_equal(const struct value *a, const struct value *b)
{
  if (a->class != b->class)
    return false;
  if (a->class == VALUE_OBJECT)
    return objects_equal(a->json, b->json);
  if (a->class == VALUE_ARRAY)
    return arrays_equal(a->json, b->json);
  return value_cmp(a, b) == 0;
}

static bool is_in(const struct filter_node *n, const struct value *v)
{
  size_t low = 0, high = n->sorted;
  if (v->class != VALUE_OBJECT && v->class != VALUE_ARRAY)
    while (low < high) {
      size_t mid = low + (high - low) / 2;
      int c = value_cmp(v, &n->values[mid]);
      if (c == 0)
        return true;
      if (c < 0)
        high = mid;
      else
        low = mid + 1;
    }
  for (size_t i = n->sorted; i < n->value_count; i++)
    if (value_equal(v, &n->values[i]))
      return true;
  return false;
}

static bool is_ordered(const struct filter_node *n, const struct value *v)
{
  const struct value *o = &n->values[0];
  if (v->class != o->class || v->class == VALUE_OBJECT || v->class == VALUE_ARRAY)
    return false;
  int c = value_cmp(v, o);
  switch (n->kind) {
  case FILTER_GT: return c > 0 && v->class != VALUE_NULL;
  case FILTER_GTE: return c >= 0;
  case FILTER_LT: return c < 0 && v->class != VALUE_NULL;
  case FILTER_LTE: return c <= 0;
  default: return false;
  }
}

static bool holds(const struct filter_node *n, const struct value *v)
{
  switch (n->kind) {
  case FILTER_EQ: return value_equal(v, &n->values[0]);
  case FILTER_IN: return is_in(n, v);
  default: return is_ordered(n, v);
  }
}

/* ---- paths ---- */

/* The condition at the end of a path: for the value, or for one element of it. A missing field counts as null. */
static bool at_end(const struct filter_node *n, yyjson_val *json)
{
  if (n->kind == FILTER_EXISTS)
    return json != NULL;
  struct value v = value_of(json);
  if (holds(n, &v))
    return true;
  if (v.class != VALUE_ARRAY)
    return false;
  yyjson_arr_iter it = yyjson_arr_iter_with(json);
  for (yyjson_val *item; (item = yyjson_arr_iter_next(&it));) {
    struct value e = value_of(item);
    if (holds(n, &e))
      return true;
  }
  return false;
}

static bool along(const struct filter_node *n, size_t part, yyjson_val *json)
{
  if (part == n->part_count)
    return at_end(n, json);
  struct str name = n->parts[part];
  if (yyjson_is_obj(json)) {
    yyjson_val *child = yyjson_obj_getn(json, name.ptr, name.len);
    return child ? along(n, part + 1, child) : at_end(n, NULL);
  }
  if (!yyjson_is_arr(json))
    return at_end(n, NULL);
  uint64_t index;
  if (str_to_u64(name, &index)) {
    yyjson_val *item = yyjson_arr_get(json, index);
    if (item && along(n, part + 1, item))
      return true;
  }
  yyjson_arr_iter it = yyjson_arr_iter_with(json);
  for (yyjson_val *item; (item = yyjson_arr_iter_next(&it));)
    if (yyjson_is_obj(item) && along(n, part, item))
      return true;
  return false;
}

static bool of_key(const struct filter_node *n, struct str id)
{
  struct value v = {.class = id_is_object(id) ? VALUE_OID : VALUE_STRING, .text = id};
  return n->kind == FILTER_EXISTS || holds(n, &v);
}

static bool matches(const struct filter_node *n, struct str id, yyjson_val *doc)
{
  size_t i;
  switch (n->kind) {
  case FILTER_AND:
    for (i = 0; i < n->child_count && matches(n->children[i], id, doc); i++)
      ;
    return i == n->child_count;
  case FILTER_OR:
  case FILTER_NOR:
    for (i = 0; i < n->child_count && !matches(n->children[i], id, doc); i++)
      ;
    return (i < n->child_count) == (n->kind == FILTER_OR);
  case FILTER_NOT: return !matches(n->children[0], id, doc);
  default: break;
  }
  if (n->part_count == 1 && str_eqc(n->path, "_id") && !yyjson_obj_get(doc, "_id"))
    return of_key(n, id);
  return along(n, 0, doc);
}

bool filter_match(const struct filter *filter, struct str id, yyjson_val *doc)
{
  return !filter || matches(filter->root, id, doc);
}
