/* doc/json.c: the half of json.h that knows no Lua. */
#include "doc/doc_internal.h"

#include "base/mem.h"

/* ---- memory ---- */

static void *alc_malloc(void *ctx, size_t size)
{
  (void)ctx;
  return mem_try_resize(NULL, size);   /* not zeroed, unlike mem_try: yyjson asks for large pools */
}

static void *alc_realloc(void *ctx, void *ptr, size_t old_size, size_t size)
{
  (void)ctx, (void)old_size;
  return mem_try_resize(ptr, size);
}

static void alc_free(void *ctx, void *ptr)
{
  (void)ctx;
  mem_free(ptr);
}

const yyjson_alc json_alc = {alc_malloc, alc_realloc, alc_free, NULL};

void json_doc_free(yyjson_doc **doc)
{
  yyjson_doc_free(*doc);
  *doc = NULL;
}

void json_mut_doc_free(yyjson_mut_doc **doc)
{
  yyjson_mut_doc_free(*doc);
  *doc = NULL;
}

/* ---- parsing ---- */

/* A document lies in memory in reading order, so its depth is found without recursion: `end` holds where each open
 * container ends. */
static bool depth_ok(const yyjson_doc *doc)
{
  yyjson_val *end[JSON_DEPTH_MAX];
  int depth = 0;
  yyjson_val *at = doc->root, *last = at + doc->val_read;
  for (; at < last; at++) {
    while (depth && at == end[depth - 1])
      depth--;
    if (!unsafe_yyjson_is_ctn(at) || unsafe_yyjson_get_len(at) == 0)
      continue;
    if (depth == JSON_DEPTH_MAX)
      return false;
    end[depth++] = unsafe_yyjson_get_next(at);
  }
  return true;
}

Err json_parse_with(struct str text, const yyjson_alc *alc, yyjson_doc **ret_doc, struct diag *reterr)
{
  yyjson_read_err err = {0};
  /* Without the in-situ flag yyjson only reads the text, whatever its signature says. */
  yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)text.ptr, text.len, YYJSON_READ_NOFLAG, alc, &err);
  if (!doc && err.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
    return diag_set(reterr, ERR_NOMEM, "JSON: %s", err_words(ERR_NOMEM));
  if (!doc) {
    size_t line = 1, column = 1;
    for (size_t i = 0; i < err.pos && i < text.len; i++, column++)
      if (text.ptr[i] == '\n') {
        line++;
        column = 0;
      }
    return diag_set(reterr, ERR_INVALID, "JSON: %s at line %zu, column %zu", text.len ? err.msg : "no text", line, column);
  }
  if (!depth_ok(doc)) {
    yyjson_doc_free(doc);
    return diag_set(reterr, ERR_INVALID, "JSON: nested deeper than %d", JSON_DEPTH_MAX);
  }
  *ret_doc = doc;
  return OK;
}

Err json_parse(struct str text, yyjson_doc **ret_doc, struct diag *reterr)
{
  return json_parse_with(text, &json_alc, ret_doc, reterr);
}

Err json_freeze(yyjson_mut_val *value, const yyjson_alc *alc, yyjson_doc **ret_doc)
{
  yyjson_doc *doc = yyjson_mut_val_imut_copy(value, alc);
  if (!doc)
    return ERR_NOMEM;
  *ret_doc = doc;
  return OK;
}

/* ---- reading ---- */

struct str json_str(yyjson_val *value) { return str_make(yyjson_get_str(value), yyjson_get_len(value)); }

struct str json_get_str(yyjson_val *object, const char *key)
{
  yyjson_val *v = yyjson_obj_get(object, key);
  return yyjson_is_str(v) ? json_str(v) : STR_NONE;
}

bool json_get_bool(yyjson_val *object, const char *key, bool otherwise)
{
  yyjson_val *v = yyjson_obj_get(object, key);
  return yyjson_is_bool(v) ? yyjson_get_bool(v) : otherwise;
}

bool json_to_int(yyjson_val *value, int64_t *ret)
{
  if (yyjson_is_sint(value)) {
    *ret = yyjson_get_sint(value);
    return true;
  }
  if (yyjson_is_uint(value)) {
    if (yyjson_get_uint(value) > INT64_MAX)
      return false;
    *ret = (int64_t)yyjson_get_uint(value);
    return true;
  }
  if (!yyjson_is_real(value))
    return false;
  double d = yyjson_get_real(value);
  // cppcheck-suppress incorrectLogicOperator ; it does not read hexadecimal floats
  if (!(d >= -0x1p63 && d < 0x1p63) || d != (double)(int64_t)d)
    return false;
  *ret = (int64_t)d;
  return true;
}

int64_t json_get_int(yyjson_val *object, const char *key, int64_t otherwise)
{
  int64_t v;
  return json_to_int(yyjson_obj_get(object, key), &v) ? v : otherwise;
}

yyjson_val *json_path(yyjson_val *object, const char *dotted)
{
  struct str rest = str_of(dotted), part;
  while (object && str_split(&rest, '.', &part))
    object = yyjson_obj_getn(object, part.ptr, part.len);
  return object;
}

/* ---- writing ---- */

static void add_written(struct buf *out, char *text, size_t len)
{
  if (text)
    buf_add(out, text, len);
  else if (!out->err)
    out->err = ERR_NOMEM;   /* documents hold nothing else that could fail: parsed, or checked while built */
  mem_free(text);
}

void json_write(yyjson_val *value, struct buf *out)
{
  size_t len = 0;
  char *text = yyjson_val_write_opts(value, YYJSON_WRITE_NOFLAG, &json_alc, &len, NULL);
  add_written(out, text, len);
}

void json_write_mut(yyjson_mut_val *value, struct buf *out)
{
  size_t len = 0;
  char *text = yyjson_mut_val_write_opts(value, YYJSON_WRITE_NOFLAG, &json_alc, &len, NULL);
  add_written(out, text, len);
}

/* ---- comparing ---- */

static bool numbers_equal(yyjson_val *a, yyjson_val *b)
{
  int64_t x, y;
  bool a_int = json_to_int(a, &x), b_int = json_to_int(b, &y);
  if (a_int || b_int)
    return a_int && b_int && x == y;
  if (yyjson_is_uint(a) && yyjson_is_uint(b))
    return yyjson_get_uint(a) == yyjson_get_uint(b);
  return yyjson_get_num(a) == yyjson_get_num(b);
}

/* By bytes; equal keys in the order of the document. */
static int compare_keys(const void *pa, const void *pb)
{
  yyjson_val *a = *(yyjson_val *const *)pa, *b = *(yyjson_val *const *)pb;
  int c = str_cmp(json_str(a), json_str(b));
  return c ? c : (a > b) - (a < b);
}

static yyjson_val **sorted_keys(yyjson_val *object)
{
  yyjson_val **keys = mem_new_array(yyjson_obj_size(object), sizeof *keys);
  size_t n = 0, i, max;
  yyjson_val *key, *value;
  yyjson_obj_foreach(object, i, max, key, value)
    keys[n++] = key;
  qsort(keys, n, sizeof *keys, compare_keys);
  return keys;
}

/* Keys in different orders: sorted first, so that an object of many keys stays cheap. */
static bool objects_equal_sorted(yyjson_val *a, yyjson_val *b)
{
  CLEANUP(mem_free_at) yyjson_val **x = sorted_keys(a);
  CLEANUP(mem_free_at) yyjson_val **y = sorted_keys(b);
  for (size_t i = 0, n = yyjson_obj_size(a); i < n; i++)
    if (!str_eq(json_str(x[i]), json_str(y[i])) || !json_equal(x[i] + 1, y[i] + 1))
      return false;
  return true;
}

static bool objects_equal(yyjson_val *a, yyjson_val *b)
{
  if (yyjson_obj_size(a) != yyjson_obj_size(b))
    return false;
  yyjson_obj_iter x = yyjson_obj_iter_with(a), y = yyjson_obj_iter_with(b);
  for (yyjson_val *k; (k = yyjson_obj_iter_next(&x)) != NULL;)
    if (!str_eq(json_str(k), json_str(yyjson_obj_iter_next(&y))))
      return objects_equal_sorted(a, b);
  size_t i, max;
  yyjson_val *key, *value;
  y = yyjson_obj_iter_with(b);
  yyjson_obj_foreach(a, i, max, key, value)
    if (!json_equal(value, yyjson_obj_iter_get_val(yyjson_obj_iter_next(&y))))
      return false;
  return true;
}

static bool arrays_equal(yyjson_val *a, yyjson_val *b)
{
  if (yyjson_arr_size(a) != yyjson_arr_size(b))
    return false;
  yyjson_arr_iter y = yyjson_arr_iter_with(b);
  size_t i, max;
  yyjson_val *value;
  yyjson_arr_foreach(a, i, max, value)
    if (!json_equal(value, yyjson_arr_iter_next(&y)))
      return false;
  return true;
}

bool json_equal(yyjson_val *a, yyjson_val *b)
{
  if (!a || !b)
    return a == b;
  if (yyjson_get_type(a) != yyjson_get_type(b))
    return false;
  switch (yyjson_get_type(a)) {
  case YYJSON_TYPE_OBJ: return objects_equal(a, b);
  case YYJSON_TYPE_ARR: return arrays_equal(a, b);
  case YYJSON_TYPE_STR: return str_eq(json_str(a), json_str(b));
  case YYJSON_TYPE_NUM: return numbers_equal(a, b);
  case YYJSON_TYPE_BOOL: return yyjson_get_bool(a) == yyjson_get_bool(b);
  default: return true;   /* null */
  }
}
