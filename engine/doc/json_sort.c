/* doc/json_sort.c: see json_sort in doc_internal.h. Merge sort over the links that a changeable object is made of: it needs
 * no memory, so it may be left at any moment with the state it works in. */
#include "doc/doc_internal.h"

static int compare(yyjson_mut_val *a, yyjson_mut_val *b)
{
  size_t m = yyjson_mut_get_len(a), n = yyjson_mut_get_len(b);
  int order = memcmp(yyjson_mut_get_str(a), yyjson_mut_get_str(b), m < n ? m : n);
  return order ? order : (m > n) - (m < n);
}

/* The members of two lists key -> value -> key … in one, ended by NULL. */
static yyjson_mut_val *merge(yyjson_mut_val *a, yyjson_mut_val *b)
{
  yyjson_mut_val *first = NULL, **at = &first;
  while (a && b) {
    yyjson_mut_val **from = compare(a, b) <= 0 ? &a : &b;
    *at = *from;
    *from = (*from)->next->next;
    at = &(*at)->next->next;
  }
  *at = a ? a : b;
  return first;
}

/* The first n members from `key` on, sorted; what stood behind them. */
static yyjson_mut_val *sort_members(yyjson_mut_val *key, size_t n, yyjson_mut_val **ret_rest)
{
  if (n == 1) {
    *ret_rest = key->next->next;
    key->next->next = NULL;
    return key;
  }
  yyjson_mut_val *rest;
  yyjson_mut_val *a = sort_members(key, n / 2, &rest);
  return merge(a, sort_members(rest, n - n / 2, ret_rest));
}

static void sort_object(yyjson_mut_val *object)
{
  size_t n = yyjson_mut_obj_size(object);
  if (n < 2)
    return;
  yyjson_mut_val *last = object->uni.ptr, *rest;   /* yyjson.h: the last key, whose value leads to the first */
  yyjson_mut_val *first = sort_members(last->next->next, n, &rest);
  for (last = first; last->next->next;)
    last = last->next->next;
  last->next->next = first;
  object->uni.ptr = last;
}

void json_sort(yyjson_mut_val *value)
{
  size_t i, max;
  yyjson_mut_val *key, *item;
  if (yyjson_mut_is_arr(value)) {
    yyjson_mut_arr_foreach(value, i, max, item) json_sort(item);
  } else if (yyjson_mut_is_obj(value)) {
    sort_object(value);
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the loop ends by its count
    yyjson_mut_obj_foreach(value, i, max, key, item) json_sort(item);
  }
}
