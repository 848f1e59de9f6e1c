/* doc/schema_text.c: fields that accept several spellings of one value (spec api.md 7.7-7.10, resources.md 2). */
#include "base/mem.h"
#include "doc/schema.h"
#include "doc/schema_internal.h"

enum { TEXT_MAX = 1 << 28 };   /* far above any request body */

static yyjson_mut_val *take_text(struct norm *n, struct buf *b)
{
  if (buf_err(b)) {
    n->err = diag_set(n->reterr, buf_err(b), "%s", err_words(buf_err(b)));
    return NULL;
  }
  return norm_copy_text(n, buf_str(b));
}

/* The part of a line before its comment. */
static struct str without_comment(struct str line)
{
  for (size_t i = 0; i + 1 < line.len; i++)
    if (line.ptr[i] == ' ' && line.ptr[i + 1] == '#')
      return str_sub(line, 0, i);
  return line;
}

/* ---- string lists ---- */

static bool add_text(struct norm *n, yyjson_mut_val *list, struct str text)
{
  yyjson_mut_val *v = norm_copy_text(n, text);
  return v && yyjson_mut_arr_append(list, v);
}

static yyjson_mut_val *strlist_of_text(struct norm *n, struct str text)
{
  yyjson_mut_val *list = norm_new(n, yyjson_mut_arr(n->out));
  struct str line, part;
  while (list && str_split(&text, '\n', &line)) {
    line = str_trim(line);
    if (!line.len || line.ptr[0] == '#')
      continue;
    line = without_comment(line);
    while (str_split(&line, ',', &part)) {
      part = str_trim(part);
      if (part.len && !add_text(n, list, part))
        return NULL;
    }
  }
  return list;
}

yyjson_mut_val *norm_strlist(struct norm *n, const struct schema_type *type, yyjson_val *in, const struct place *at)
{
  (void)type;
  if (yyjson_is_str(in))
    return strlist_of_text(n, json_str(in));
  if (!norm_is_list(n, in))
    return norm_expected(n, at, "a list of texts, or one text", in);
  yyjson_mut_val *list = norm_new(n, yyjson_mut_arr(n->out));
  size_t i, max;
  yyjson_val *item;
  yyjson_arr_foreach(in, i, max, item) {
    struct place here = {at, STR_NONE, i};
    if (!yyjson_is_str(item))
      return norm_expected(n, &here, "text", item);
    if (!list || !add_text(n, list, json_str(item)))
      return NULL;
  }
  return list;
}

/* ---- texts ---- */

/* Trailing white space becomes one newline. */
yyjson_mut_val *norm_filetext(struct norm *n, const struct schema_type *type, yyjson_val *in, const struct place *at)
{
  (void)type;
  if (!yyjson_is_str(in))
    return norm_expected(n, at, "text", in);
  struct str s = json_str(in);
  size_t indent = (size_t)(str_trim(s).ptr - s.ptr);
  size_t end = indent + str_trim(s).len;
  if (end == s.len - 1 && s.ptr[end] == '\n')
    return norm_copy_text(n, s);
  if (!str_trim(s).len)
    return norm_copy_text(n, STR(""));
  CLEANUP(buf_release) struct buf b = BUF_INIT(TEXT_MAX);
  buf_add(&b, s.ptr, end);
  buf_add_char(&b, '\n');
  return take_text(n, &b);
}

static bool signal_name(struct str *name)
{
  static const struct { const char *name, *number; } rows[] = {
      {"SIGHUP", "1"}, {"SIGINT", "2"}, {"SIGQUIT", "3"}, {"SIGTERM", "15"}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++)
    if (str_eqc(*name, rows[i].name) || str_eqc(*name, rows[i].number)) {
      *name = str_of(rows[i].name);
      return true;
    }
  return false;
}

/* Text, or a list of pairs that becomes its lines. */
yyjson_mut_val *norm_kvtext(struct norm *n, const struct schema_type *type, yyjson_val *in, const struct place *at)
{
  static const struct kv { const char *key, *value, *between, *wanted; } rows[KIND_COUNT] = {
      [KIND_KV_ENV] = {"variable", "value", " = ", "text or a list of {variable, value}"},
      [KIND_KV_LABEL] = {"variable", "value", ": ", "text or a list of {variable, value}"},
      [KIND_KV_CONVERSION] = {"local", "container", ": ", "text or a list of {local, container}"},
      [KIND_KV_SIGNAL] = {"signal", "label", ": ", "text or a list of {signal, label}"},
  };
  const struct kv *row = &rows[type->kind];
  CLEANUP(buf_release) struct buf b = BUF_INIT(TEXT_MAX);
  if (yyjson_is_str(in)) {
    struct str s = json_str(in);
    buf_add_str(&b, s);
    if (s.len && s.ptr[s.len - 1] != '\n')
      buf_add_char(&b, '\n');
    return take_text(n, &b);
  }
  if (!yyjson_is_arr(in))
    return norm_expected(n, at, row->wanted, in);
  size_t i, max;
  yyjson_val *item;
  yyjson_arr_foreach(in, i, max, item) {
    struct place here = {at, STR_NONE, i}, key_at = {&here, str_of(row->key), 0}, value_at = {&here, str_of(row->value), 0};
    if (!yyjson_is_obj(item))
      return norm_expected(n, &here, row->wanted + strlen("text or a list of "), item);
    yyjson_val *key = yyjson_obj_get(item, row->key), *value = yyjson_obj_get(item, row->value);
    if (!yyjson_is_str(key))
      return norm_expected(n, &key_at, "text", key);
    if (!yyjson_is_str(value))
      return norm_expected(n, &value_at, "text", value);
    struct str name = json_str(key);
    if (type->kind == KIND_KV_SIGNAL && !signal_name(&name))
      return norm_expected(n, &key_at, "one of SIGHUP, SIGINT, SIGQUIT, SIGTERM", key);
    buf_add_text(&b, "  ");
    buf_add_str(&b, name);
    buf_add_text(&b, row->between);
    buf_add_str(&b, json_str(value));
    buf_add_char(&b, '\n');
  }
  return take_text(n, &b);
}

/* Stored as image@sha256:…; a value that is no digest counts as not given. */
yyjson_mut_val *norm_digest(struct norm *n, const struct schema_type *type, yyjson_val *in, const struct place *at)
{
  (void)type;
  if (!yyjson_is_str(in))
    return norm_expected(n, at, "text", in);
  struct str s = json_str(in);
  if (str_starts(s, STR("sha256:"))) {
    CLEANUP(buf_release) struct buf b = BUF_INIT(TEXT_MAX);
    buf_add_text(&b, "__unknown__@");
    buf_add_str(&b, s);
    return take_text(n, &b);
  }
  ptrdiff_t sign = str_find(s, '@');
  if (sign > 0 && str_starts(str_sub(s, (size_t)sign + 1, s.len), STR("sha256:")))
    return norm_copy_text(n, s);
  return NULL;
}

/* ---- small objects ---- */

enum { VERSION_PARTS = 3 };

static bool version_of_text(struct str text, int64_t part[VERSION_PARTS])
{
  struct str one;
  size_t count = 0;
  while (str_split(&text, '.', &one)) {
    if (count == VERSION_PARTS || !str_to_i64(str_trim(one), &part[count]))
      return false;
    count++;
  }
  return count > 0;
}

yyjson_mut_val *norm_version(struct norm *n, const struct schema_type *type, yyjson_val *in, const struct place *at)
{
  static const char *const names[VERSION_PARTS] = {"major", "minor", "patch"};
  static const char wanted[] = "a version such as \"1.2.3\" or {major, minor, patch}";
  int64_t part[VERSION_PARTS] = {0};
  (void)type;
  if (yyjson_is_str(in)) {
    if (!version_of_text(json_str(in), part))
      return norm_refuse(n, at, "expected %s, got other text", wanted);
  } else if (yyjson_is_obj(in)) {
    for (size_t i = 0; i < VERSION_PARTS; i++) {
      struct place here = {at, str_of(names[i]), 0};
      yyjson_val *v = yyjson_obj_get(in, names[i]);
      if (!json_to_int(v, &part[i]))
        return norm_expected(n, &here, "a whole number", v);
    }
  } else {
    return norm_expected(n, at, wanted, in);
  }
  yyjson_mut_val *object = norm_new(n, yyjson_mut_obj(n->out));
  for (size_t i = 0; object && i < VERSION_PARTS; i++) {
    struct place here = {at, str_of(names[i]), 0};
    if (part[i] < INT32_MIN || part[i] > INT32_MAX)
      return norm_refuse(n, &here, "expected a number of 32 bits");
    if (!norm_put(n, object, str_of(names[i]), yyjson_mut_sint(n->out, part[i])))
      return NULL;
  }
  return object;
}

/* The place of `in` in a NULL-ended list; fails when it is none of them. */
static const char *one_of_texts(struct norm *n, yyjson_val *in, const char *const *texts, const struct place *at)
{
  char words[200];
  size_t used = (size_t)snprintf(words, sizeof words, "one of");
  for (const char *const *t = texts; *t; t++) {
    if (yyjson_is_str(in) && str_eqc(json_str(in), *t))
      return *t;
    used += (size_t)snprintf(words + used, sizeof words - used, "%s %s", t == texts ? "" : ",", *t);
  }
  norm_expected(n, at, words, in);
  return NULL;
}

static const char *const levels[] = {"None", "Read", "Execute", "Write", NULL};
static const char *const specifics[] = {"Terminal", "Attach", "Inspect", "Logs", "Processes", NULL};

static yyjson_mut_val *specifics_of(struct norm *n, yyjson_val *in, const struct place *at)
{
  if (in && !yyjson_is_arr(in))
    return norm_expected(n, at, "a list of specific permissions", in);
  yyjson_mut_val *list = norm_new(n, yyjson_mut_arr(n->out));
  const char *seen[ARRAY_LEN(specifics)] = {0};
  size_t count = 0, i, max;
  yyjson_val *item;
  yyjson_arr_foreach(in, i, max, item) {
    struct place here = {at, STR_NONE, i};
    const char *name = one_of_texts(n, item, specifics, &here);
    if (!name || !list)
      return NULL;
    size_t k = 0;
    while (k < count && seen[k] != name)
      k++;
    if (k < count)
      continue;
    seen[count++] = name;
    if (!yyjson_mut_arr_append(list, norm_new(n, yyjson_mut_str(n->out, name))))
      return NULL;
  }
  return list;
}

/* A level alone, or with specifics (spec api.md 7.7). */
yyjson_mut_val *norm_permission(struct norm *n, const struct schema_type *type, yyjson_val *in, const struct place *at)
{
  (void)type;
  if (yyjson_is_null(in))
    return norm_new(n, yyjson_mut_str(n->out, "None"));
  if (!yyjson_is_obj(in)) {
    if (!yyjson_is_str(in))
      return norm_expected(n, at, "a level or {level, specific}", in);
    const char *level = one_of_texts(n, in, levels, at);
    return level ? norm_new(n, yyjson_mut_str(n->out, level)) : NULL;
  }
  struct place level_at = {at, STR("level"), 0}, specific_at = {at, STR("specific"), 0};
  yyjson_val *given = yyjson_obj_get(in, "level");
  const char *level = given ? one_of_texts(n, given, levels, &level_at) : "None";
  if (!level)
    return NULL;
  yyjson_mut_val *specific = specifics_of(n, yyjson_obj_get(in, "specific"), &specific_at);
  if (!specific)
    return NULL;
  yyjson_mut_val *text = norm_new(n, yyjson_mut_str(n->out, level));
  if (yyjson_mut_arr_size(specific) == 0)
    return text;
  yyjson_mut_val *object = norm_new(n, yyjson_mut_obj(n->out));
  return object && norm_put(n, object, STR("level"), text) && norm_put(n, object, STR("specific"), specific) ? object : NULL;
}

/* ---- files beside a compose file ---- */

/* One text or object per entry; `fill` adds what follows `path`, from an object or (NULL) for a bare path. */
static yyjson_mut_val *norm_files(struct norm *n, yyjson_val *in, const struct place *at, const char *wanted,
                                  bool (*fill)(struct norm *n, yyjson_mut_val *object, yyjson_val *item, const struct place *at))
{
  if (!norm_is_list(n, in))
    return norm_expected(n, at, wanted, in);
  yyjson_mut_val *list = norm_new(n, yyjson_mut_arr(n->out));
  size_t i, max;
  yyjson_val *item;
  yyjson_arr_foreach(in, i, max, item) {
    struct place here = {at, STR_NONE, i}, path_at = {&here, STR("path"), 0};
    if (!yyjson_is_str(item) && !yyjson_is_obj(item))
      return norm_expected(n, &here, "a path or an object with path", item);
    yyjson_val *path = yyjson_is_str(item) ? item : yyjson_obj_get(item, "path");
    if (!yyjson_is_str(path))
      return norm_expected(n, &path_at, "text", path);
    yyjson_mut_val *object = norm_new(n, yyjson_mut_obj(n->out));
    if (!list || !object || !norm_put(n, object, STR("path"), norm_copy_text(n, json_str(path))) ||
        !fill(n, object, yyjson_is_obj(item) ? item : NULL, &here))
      return NULL;
    yyjson_mut_arr_append(list, object);
  }
  return list;
}

static bool fill_env_file(struct norm *n, yyjson_mut_val *object, yyjson_val *item, const struct place *at)
{
  struct place here = {at, STR("track"), 0};
  yyjson_val *track = yyjson_obj_get(item, "track");
  if (track && !yyjson_is_bool(track))
    return norm_expected(n, &here, "true or false", track);
  return norm_put(n, object, STR("track"), yyjson_mut_bool(n->out, !track || yyjson_get_bool(track)));
}

yyjson_mut_val *norm_env_files(struct norm *n, const struct schema_type *type, yyjson_val *in, const struct place *at)
{
  (void)type;
  return norm_files(n, in, at, "a list of paths or {path, track}", fill_env_file);
}

/* The one of two spellings that is there; false when both are. */
static bool either(struct norm *n, yyjson_val *item, const char *a, const char *b, yyjson_val **ret, const struct place *at)
{
  yyjson_val *x = yyjson_obj_get(item, a), *y = yyjson_obj_get(item, b);
  struct place here = {at, str_of(a), 0};
  if (x && y)
    return norm_refuse(n, &here, "given twice, as %s and %s", a, b);
  *ret = x ? x : y;
  return true;
}

static bool fill_config_file(struct norm *n, yyjson_mut_val *object, yyjson_val *item, const struct place *at)
{
  static const char *const requires[] = {"Redeploy", "Restart", "None", "redeploy", "restart", "none", NULL};
  struct place services_at = {at, STR("services"), 0}, requires_at = {at, STR("requires"), 0};
  yyjson_val *services, *need;
  if (!either(n, item, "services", "service", &services, at) || !either(n, item, "requires", "req", &need, at))
    return false;
  if (services) {
    yyjson_mut_val *list = norm_strlist(n, NULL, services, &services_at);
    if (!list || (yyjson_mut_arr_size(list) && !norm_put(n, object, STR("services"), list)))
      return false;
  }
  if (!need)
    return true;
  const char *word = one_of_texts(n, need, requires, &requires_at);
  if (!word)
    return false;
  for (size_t i = 0; i < 3; i++)
    if (str_eq_nocase(str_of(word), str_of(requires[i])))
      word = requires[i];
  return strcmp(word, "None") == 0 || norm_put(n, object, STR("requires"), yyjson_mut_str(n->out, word));
}

yyjson_mut_val *norm_config_files(struct norm *n, const struct schema_type *type, yyjson_val *in, const struct place *at)
{
  (void)type;
  return norm_files(n, in, at, "a list of paths or {path, services, requires}", fill_config_file);
}
