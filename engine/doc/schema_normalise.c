/* doc/schema_normalise.c: checks a document against a type and writes its normal form.
 *
 * The walk goes over the type; an object's members are first sorted into the fields of its struct, in one pass, so that
 * the cost grows with the input alone. Names in the output are borrowed from the schema, values are copies. */
#include <math.h>

#include "base/mem.h"
#include "doc/schema.h"
#include "doc/schema_internal.h"

/* ---- messages ---- */

static size_t place_write(const struct place *at, char *text, size_t size)
{
  if (!at)
    return 0;
  size_t n = place_write(at->up, text, size);
  if (n >= size - 1)
    return n;
  int more = at->name.ptr ? snprintf(text + n, size - n, "%s%.*s", n ? "." : "", (int)(at->name.len > 60 ? 60 : at->name.len),
                                     at->name.ptr)
                          : snprintf(text + n, size - n, "[%zu]", at->index);
  return n + (more > 0 ? (size_t)more : 0);
}

yyjson_mut_val *norm_refuse(struct norm *n, const struct place *at, const char *fmt, ...)
{
  char where[400] = "", what[500];
  place_write(at, where, sizeof where);
  va_list args;
  va_start(args, fmt);
  vsnprintf(what, sizeof what, fmt, args);
  va_end(args);
  n->err = diag_set(n->reterr, ERR_SHAPE, "%s%s%s", where, where[0] ? ": " : "", what);
  return NULL;
}

static const char *described(yyjson_val *in)
{
  switch (yyjson_get_type(in)) {
  case YYJSON_TYPE_NULL: return "null";
  case YYJSON_TYPE_BOOL: return yyjson_get_bool(in) ? "true" : "false";
  case YYJSON_TYPE_NUM: return "a number";
  case YYJSON_TYPE_STR: return yyjson_get_len(in) ? "text" : "empty text";
  case YYJSON_TYPE_ARR: return "a list";
  case YYJSON_TYPE_OBJ: return "an object";
  default: return "nothing";
  }
}

yyjson_mut_val *norm_expected(struct norm *n, const struct place *at, const char *wanted, yyjson_val *in)
{
  return norm_refuse(n, at, "expected %s, got %s", wanted, described(in));
}

/* Words of an enum or union for a message: "one of A, B, C". */
static const char *one_of(const struct schema_type *type, char *text, size_t size)
{
  size_t n = (size_t)snprintf(text, size, "one of ");
  for (size_t i = 0; i < type->count && n < size - 1; i++) {
    struct str s = type->words.word[i].text;
    int more = snprintf(text + n, size - n, "%s%.*s", i ? ", " : "", STR_ARG(s));
    n += more > 0 ? (size_t)more : 0;
  }
  return text;
}

/* ---- building ---- */

yyjson_mut_val *norm_new(struct norm *n, yyjson_mut_val *value)
{
  if (!value && !n->err)
    n->err = diag_set(n->reterr, ERR_NOMEM, "%s", err_words(ERR_NOMEM));
  return value;
}

yyjson_mut_val *norm_copy_text(struct norm *n, struct str text)
{
  return norm_new(n, yyjson_mut_strncpy(n->out, text.ptr, text.len));
}

bool norm_put(struct norm *n, yyjson_mut_val *object, struct str name, yyjson_mut_val *value)
{
  yyjson_mut_val *key = norm_new(n, yyjson_mut_strn(n->out, name.ptr, name.len));
  return key && norm_new(n, value) && yyjson_mut_obj_add(object, key, value);
}

yyjson_mut_val *norm_default(struct norm *n, const struct schema_field *field, const struct place *at)
{
  yyjson_val *v = field->otherwise;
  if (n->raw_defaults && !yyjson_is_null(v)) {   /* null may be declared for any type */
    yyjson_mut_val *made = norm_value(n, field->type, v, SCHEMA_FULL, at);
    if (made || n->err)
      return made;   /* else dropped: "" for a digest, as it stands */
  }
  if (yyjson_is_str(v))
    return norm_new(n, yyjson_mut_strn(n->out, yyjson_get_str(v), yyjson_get_len(v)));
  return norm_new(n, yyjson_val_mut_copy(n->out, v));
}

bool norm_is_empty(const struct schema_type *type, yyjson_mut_val *v)
{
  type = type_real(type);
  while (type->kind == KIND_OPTIONAL)
    type = type_real(type->inner);
  if (type->kind == KIND_VERSION) {
    yyjson_mut_obj_iter it = yyjson_mut_obj_iter_with(v);
    for (yyjson_mut_val *key; (key = yyjson_mut_obj_iter_next(&it)) != NULL;)
      if (yyjson_mut_get_sint(yyjson_mut_obj_iter_get_val(key)) != 0)
        return false;
    return true;
  }
  return yyjson_mut_is_null(v) || yyjson_mut_is_false(v) || ((yyjson_mut_is_str(v) || yyjson_mut_is_ctn(v)) && yyjson_mut_get_len(v) == 0);
}

/* ---- plain values ---- */

static yyjson_mut_val *norm_string(struct norm *n, const struct schema_type *type, yyjson_val *in, const struct place *at)
{
  (void)type;
  return yyjson_is_str(in) ? norm_copy_text(n, json_str(in)) : norm_expected(n, at, "text", in);
}

static yyjson_mut_val *norm_bool(struct norm *n, const struct schema_type *type, yyjson_val *in, const struct place *at)
{
  (void)type;
  if (!yyjson_is_bool(in))
    return norm_expected(n, at, "true or false", in);
  return norm_new(n, yyjson_mut_bool(n->out, yyjson_get_bool(in)));
}

static yyjson_mut_val *norm_int(struct norm *n, const struct schema_type *type, yyjson_val *in, const struct place *at)
{
  int64_t v;
  if (json_to_int(in, &v) || (type->kind == KIND_I64 && yyjson_is_str(in) && str_to_i64(json_str(in), &v)))
    return norm_new(n, yyjson_mut_sint(n->out, v));
  return norm_expected(n, at, "a whole number", in);
}

static yyjson_mut_val *norm_uint(struct norm *n, const struct schema_type *type, yyjson_val *in, const struct place *at)
{
  int64_t v;
  (void)type;
  if (yyjson_is_uint(in))
    return norm_new(n, yyjson_mut_uint(n->out, yyjson_get_uint(in)));
  if (json_to_int(in, &v) && v >= 0)
    return norm_new(n, yyjson_mut_uint(n->out, (uint64_t)v));
  return norm_expected(n, at, "a whole number that is not negative", in);
}

static yyjson_mut_val *norm_number(struct norm *n, const struct schema_type *type, yyjson_val *in, const struct place *at)
{
  (void)type;
  if (!yyjson_is_num(in))
    return norm_expected(n, at, "a number", in);
  return norm_new(n, yyjson_mut_real(n->out, yyjson_get_num(in)));
}

static yyjson_mut_val *norm_any(struct norm *n, const struct schema_type *type, yyjson_val *in, const struct place *at)
{
  if (!in || (type->kind == KIND_OBJECT && !yyjson_is_obj(in)))
    return norm_expected(n, at, type->kind == KIND_OBJECT ? "an object" : "a value", in);
  return norm_new(n, yyjson_val_mut_copy(n->out, in));
}

static yyjson_mut_val *norm_enum(struct norm *n, const struct schema_type *type, yyjson_val *in, const struct place *at)
{
  char words[300];
  if (!yyjson_is_str(in))
    return norm_expected(n, at, one_of(type, words, sizeof words), in);
  ptrdiff_t found = words_find(&type->words, json_str(in), 0);
  if (found == WORD_NONE)
    return norm_refuse(n, at, "expected %s, got \"%.*s\"", one_of(type, words, sizeof words),
                       (int)(yyjson_get_len(in) > 40 ? 40 : yyjson_get_len(in)), yyjson_get_str(in));
  struct str s = type->words.word[type->words.word[found].target].text;
  return norm_new(n, yyjson_mut_strn(n->out, s.ptr, s.len));
}

/* ---- containers ---- */

bool norm_is_list(const struct norm *n, yyjson_val *in)
{
  return yyjson_is_arr(in) || (n->empty_is_list && yyjson_is_obj(in) && yyjson_obj_size(in) == 0);
}

static yyjson_mut_val *norm_list(struct norm *n, const struct schema_type *type, yyjson_val *in, const struct place *at)
{
  if (!norm_is_list(n, in))
    return norm_expected(n, at, "a list", in);
  yyjson_mut_val *list = norm_new(n, yyjson_mut_arr(n->out));
  size_t i, max;
  yyjson_val *item;
  yyjson_arr_foreach(in, i, max, item) {
    struct place here = {at, STR_NONE, i};
    yyjson_mut_val *v = norm_value(n, type->inner, item, SCHEMA_FULL, &here);
    if (n->err)
      return NULL;
    if (v)
      yyjson_mut_arr_append(list, v);
  }
  return n->err ? NULL : list;
}

static yyjson_mut_val *norm_one_or_list(struct norm *n, const struct schema_type *type, yyjson_val *in, const struct place *at)
{
  if (norm_is_list(n, in))
    return norm_list(n, type, in, at);
  yyjson_mut_val *list = norm_new(n, yyjson_mut_arr(n->out));
  yyjson_mut_val *v = norm_value(n, type->inner, in, SCHEMA_FULL, at);
  return list && v && yyjson_mut_arr_append(list, v) ? list : NULL;
}

/* Of equal keys the last one counts. */
static yyjson_mut_val *norm_map(struct norm *n, const struct schema_type *type, yyjson_val *in, const struct place *at)
{
  if (!yyjson_is_obj(in))
    return norm_expected(n, at, "an object", in);
  CLEANUP(map_release) struct map seen = {0};
  yyjson_mut_val *object = norm_new(n, yyjson_mut_obj(n->out));
  size_t i, max;
  yyjson_val *key, *item;
  yyjson_obj_foreach(in, i, max, key, item) {
    struct place here = {at, json_str(key), 0};
    yyjson_mut_val *v = norm_value(n, type->inner, item, SCHEMA_FULL, &here);
    if (n->err)
      return NULL;
    if (!v)
      continue;
    yyjson_mut_val *before = map_get(&seen, here.name);
    if (before) {
      before->tag = v->tag;
      before->uni = v->uni;
      continue;
    }
    yyjson_mut_val *name = norm_copy_text(n, here.name);
    if (!name)
      return NULL;
    yyjson_mut_obj_add(object, name, v);
    if (yyjson_obj_size(in) > 1)
      map_set(&seen, here.name, v);
  }
  return n->err ? NULL : object;
}

bool norm_collect(struct norm *n, const struct schema_type *type, yyjson_val *object, yyjson_val **slot, const struct place *at)
{
  memset(slot, 0, type->count * sizeof(yyjson_val *));
  const char *spelling[FIELDS_MAX];
  size_t i, max, hint = 0;
  yyjson_val *key, *value;
  yyjson_obj_foreach(object, i, max, key, value) {
    ptrdiff_t found = words_find(&type->words, json_str(key), hint);
    if (found == WORD_NONE)
      continue;   /* unknown fields are ignored (spec api.md 10.4) */
    size_t field = type->words.word[found].target;
    hint = (size_t)found + 1;
    if (slot[field]) {
      struct place here = {at, type->fields[field].name, 0};
      norm_refuse(n, &here, "given twice, as %s and %s", spelling[field], yyjson_get_str(key));
      return false;
    }
    slot[field] = value;
    spelling[field] = yyjson_get_str(key);
  }
  return true;
}

/* The normal value of one field; NULL with n->err OK: it stays out. */
static yyjson_mut_val *norm_field(struct norm *n, const struct schema_field *f, yyjson_val *in, enum schema_mode mode,
                                  const struct place *at)
{
  const struct schema_type *type = type_real(f->type);
  bool nullable = f->optional || type->kind == KIND_OPTIONAL;
  if (mode == SCHEMA_PARTIAL) {
    if (!in || yyjson_is_null(in))
      return NULL;
    return norm_value(n, type, in, SCHEMA_FULL, at);
  }
  if (in && !(nullable && yyjson_is_null(in))) {
    yyjson_mut_val *v = norm_value(n, type, in, SCHEMA_FULL, at);
    if (v || n->err)
      return v;
  }
  if (f->otherwise)
    return norm_default(n, f, at);
  if (nullable)
    return norm_new(n, yyjson_mut_null(n->out));
  return norm_value(n, type, NULL, SCHEMA_FULL, at);
}

static yyjson_mut_val *norm_struct(struct norm *n, const struct schema_type *type, yyjson_val *in, enum schema_mode mode,
                                   const struct place *at)
{
  if (!yyjson_is_obj(in))
    return norm_expected(n, at, "an object", in);
  yyjson_val *slot[FIELDS_MAX];
  yyjson_mut_val *object = norm_new(n, yyjson_mut_obj(n->out));
  if (!object || !norm_collect(n, type, in, slot, at))
    return NULL;
  for (size_t i = 0; i < type->count; i++) {
    const struct schema_field *f = &type->fields[i];
    struct place here = {at, f->name, 0};
    yyjson_mut_val *v = norm_field(n, f, slot[i], mode, &here);
    if (n->err)
      return NULL;
    if (!v || (f->skip_empty && mode == SCHEMA_FULL && norm_is_empty(f->type, v)))
      continue;
    if (!norm_put(n, object, f->name, v))
      return NULL;
  }
  return object;
}

static bool is_struct(const struct schema_type *type) { return type_real(type)->kind == KIND_STRUCT; }

static yyjson_mut_val *norm_union(struct norm *n, const struct schema_type *type, yyjson_val *in, enum schema_mode mode,
                                  const struct place *at)
{
  char words[300];
  if (!yyjson_is_obj(in)) {
    snprintf(words, sizeof words, "an object with \"%s\" and \"%s\"", type->tag.ptr, type->content.ptr);
    return norm_expected(n, at, words, in);
  }
  struct place tag_at = {at, type->tag, 0}, content_at = {at, type->content, 0};
  yyjson_val *tag = yyjson_obj_getn(in, type->tag.ptr, type->tag.len);
  yyjson_val *content = yyjson_obj_getn(in, type->content.ptr, type->content.len);
  ptrdiff_t found = yyjson_is_str(tag) ? words_find(&type->words, json_str(tag), 0) : WORD_NONE;
  if (found == WORD_NONE && yyjson_is_str(tag))
    return norm_refuse(n, &tag_at, "expected %s, got \"%.*s\"", one_of(type, words, sizeof words),
                       (int)(yyjson_get_len(tag) > 40 ? 40 : yyjson_get_len(tag)), yyjson_get_str(tag));
  if (found == WORD_NONE)
    return norm_expected(n, &tag_at, one_of(type, words, sizeof words), tag);
  const struct variant *v = &type->variants[type->words.word[found].target];
  yyjson_mut_val *object = norm_new(n, yyjson_mut_obj(n->out));
  if (!object || !norm_put(n, object, type->tag, yyjson_mut_strn(n->out, v->name.ptr, v->name.len)))
    return NULL;
  if (!v->type)
    return object;
  /* A struct whose fields all have defaults need not be sent. */
  static yyjson_val nothing = {.tag = YYJSON_TYPE_OBJ};
  if (is_struct(v->type) && (!content || yyjson_is_null(content)))
    content = &nothing;
  yyjson_mut_val *value = norm_value(n, v->type, content, mode, &content_at);
  return value && norm_put(n, object, type->content, value) ? object : NULL;
}

/* ---- any type ---- */

static yyjson_mut_val *norm_plain(struct norm *n, const struct schema_type *type, yyjson_val *in, const struct place *at)
{
  static norm_fn *const fns[KIND_COUNT] = {
      [KIND_STRING] = norm_string,         [KIND_BOOL] = norm_bool,
      [KIND_INT] = norm_int,               [KIND_I64] = norm_int,
      [KIND_UINT] = norm_uint,             [KIND_NUMBER] = norm_number,
      [KIND_ANY] = norm_any,               [KIND_OBJECT] = norm_any,
      [KIND_LIST] = norm_list,             [KIND_ONE_OR_LIST] = norm_one_or_list,
      [KIND_MAP] = norm_map,               [KIND_ENUM] = norm_enum,
      [KIND_STRLIST] = norm_strlist,       [KIND_FILETEXT] = norm_filetext,
      [KIND_KV_ENV] = norm_kvtext,         [KIND_KV_LABEL] = norm_kvtext,
      [KIND_KV_CONVERSION] = norm_kvtext,  [KIND_KV_SIGNAL] = norm_kvtext,
      [KIND_VERSION] = norm_version,       [KIND_PERMISSION] = norm_permission,
      [KIND_ENV_FILES] = norm_env_files,   [KIND_CONFIG_FILES] = norm_config_files,
      [KIND_DIGEST] = norm_digest,
  };
  return fns[type->kind](n, type, in, at);
}

yyjson_mut_val *norm_value(struct norm *n, const struct schema_type *type, yyjson_val *in, enum schema_mode mode,
                           const struct place *at)
{
  type = type_real(type);
  if (n->depth >= JSON_DEPTH_MAX)
    return norm_refuse(n, at, "nested deeper than %d", JSON_DEPTH_MAX);
  n->depth++;
  yyjson_mut_val *v;
  switch (type->kind) {
  case KIND_STRUCT: v = norm_struct(n, type, in, mode, at); break;
  case KIND_UNION: v = norm_union(n, type, in, mode, at); break;
  case KIND_PARTIAL: v = norm_value(n, type->inner, in, SCHEMA_PARTIAL, at); break;
  case KIND_OPTIONAL:
    v = !in || yyjson_is_null(in) ? norm_new(n, yyjson_mut_null(n->out)) : norm_value(n, type->inner, in, mode, at);
    break;
  default: v = norm_plain(n, type, in, at); break;
  }
  n->depth--;
  return v;
}

Err schema_normalise(const struct schema_type *type, yyjson_val *in, enum schema_mode mode, yyjson_mut_doc *out,
                     yyjson_mut_val **ret, struct diag *reterr)
{
  static yyjson_val nothing = {.tag = YYJSON_TYPE_OBJ};
  struct norm n = {.out = out, .reterr = reterr, .empty_is_list = mode == SCHEMA_FROM_LUA};
  yyjson_mut_val *v = norm_value(&n, type, in ? in : &nothing, mode == SCHEMA_PARTIAL ? mode : SCHEMA_FULL, NULL);
  if (!v && !n.err)
    return diag_set(reterr, ERR_SHAPE, "not a value of this type");
  if (!v)
    return n.err;
  *ret = v;
  return OK;
}

/* The default of a struct field that has none itself. */
yyjson_mut_val *schema_default(const struct schema_type *type, yyjson_mut_doc *out)
{
  type = type_real(type);
  if (type->kind == KIND_PARTIAL)
    return yyjson_mut_obj(out);
  if (type->kind == KIND_UNION && type->count) {
    yyjson_mut_val *object = yyjson_mut_obj(out);
    const struct variant *v = &type->variants[0];
    struct norm n = {.out = out};
    if (!object || !norm_put(&n, object, type->tag, yyjson_mut_strn(out, v->name.ptr, v->name.len)))
      return NULL;
    if (v->type && !norm_put(&n, object, type->content, schema_default(v->type, out)))
      return NULL;
    return object;
  }
  if (type->kind != KIND_STRUCT)
    return yyjson_mut_null(out);
  yyjson_mut_val *object = yyjson_mut_obj(out);
  struct norm n = {.out = out};
  for (size_t i = 0; object && i < type->count; i++) {
    const struct schema_field *f = &type->fields[i];
    if (f->skip_empty || (!f->otherwise && !f->optional && type_real(f->type)->kind != KIND_OPTIONAL))
      continue;   /* mandatory: nobody can know it */
    yyjson_mut_val *v = f->otherwise ? norm_default(&n, f, NULL) : yyjson_mut_null(out);
    if (!norm_put(&n, object, f->name, v))
      return NULL;
  }
  return object;
}
