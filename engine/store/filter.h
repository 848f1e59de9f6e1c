/* store/filter.h: MongoDB filter documents (spec api.md 8.5): parsed once, matched against many documents.
 *
 * Understood   equality on dotted paths, also of whole objects and arrays; null, which also matches a missing field;
 *              $and $or $nor · $eq $ne $gt $gte $lt $lte $in $nin $exists $not; extended JSON operands $oid, $date (counts
 *              as its milliseconds), $numberInt, $numberLong, $numberDouble.
 * As MongoDB   a path leads into each element of an array on its way, or to one by number; a condition holds for an array
 *              when it holds for the array or for one of its elements; order compares values of one type alone; objects are
 *              equal when their fields are, in the same order; 1 equals 1.0.
 * Thread       any, one at a time for parsing; a parsed filter is immutable.
 */
#ifndef STORE_FILTER_H
#define STORE_FILTER_H

#include <yyjson.h>

#include "base/arena.h"
#include "base/err.h"

enum {
  FILTER_BYTES_MAX = 1 << 20,
  FILTER_DEPTH_MAX = 20,     /* nested operators */
  FILTER_VALUE_DEPTH_MAX = 100,
  FILTER_NODES_MAX = 2000,   /* conditions and operators */
  FILTER_VALUES_MAX = 50000, /* in all $in and $nin */
  FILTER_PATH_MAX = 256,     /* bytes of a path */
  FILTER_PARTS_MAX = 16,     /* steps of a path */
};

enum value_class { VALUE_NULL, VALUE_NUMBER, VALUE_STRING, VALUE_OBJECT, VALUE_ARRAY, VALUE_OID, VALUE_BOOL };
/* A JSON value as MongoDB sees it. Borrows from the document. */
struct value {
  enum value_class class;
  bool real;             /* number: `d`, else `i` */
  int64_t i;             /* also the bool */
  double d;
  struct str text;       /* string; hex digits of an oid */
  yyjson_val *json;      /* object, array */
};

enum filter_kind {
  FILTER_AND, FILTER_OR, FILTER_NOR, FILTER_NOT,                              /* children */
  FILTER_EQ, FILTER_GT, FILTER_GTE, FILTER_LT, FILTER_LTE, FILTER_EXISTS,     /* path, values[0] */
  FILTER_IN,                                                                  /* path, values */
};
struct filter_node {
  enum filter_kind kind;
  struct str path;               /* dotted */
  struct str parts[FILTER_PARTS_MAX];
  size_t part_count;
  struct value *values;          /* of FILTER_IN: `sorted` ones first, in the order of value_cmp, then objects and arrays */
  size_t value_count, sorted;
  struct filter_node **children;
  size_t child_count;
};
struct filter {
  struct arena arena;
  yyjson_doc *doc;
  struct filter_node *root;      /* FILTER_AND */
};

/* An empty text gives NULL, which matches all. ERR_INVALID with words naming the field or operator · ERR_TOOBIG */
NODISCARD Err filter_parse(struct str text, struct filter **ret_filter, struct diag *reterr);
void filter_free(struct filter *filter);
/* `id`: the key of the document, which stands in for an `_id` it does not have. */
bool filter_match(const struct filter *filter, struct str id, yyjson_val *doc);

/* Splits and checks a dotted path: 1 to FILTER_PARTS_MAX steps, none empty or starting with '$'. Borrows from `path`. */
NODISCARD Err filter_path_parse(struct str path, struct str parts[FILTER_PARTS_MAX], size_t *ret_count, struct diag *reterr);
struct value value_of(yyjson_val *json);
/* Total order over the classes that compare by value (all but object and array). */
int value_cmp(const struct value *a, const struct value *b);

#endif
