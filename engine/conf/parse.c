/* conf/parse.c: the text of one file as a document; see files.h. */
#include "base/map.h"
#include "conf/files.h"
#include "conf/toml.h"
#include "conf/yaml.h"

enum { JSON_DEPTH = 64, KEYS_BY_LOOK = 16 };

/* Small objects compare all pairs; large ones pay for a table. */
static yyjson_val *repeated_key(yyjson_val *object)
{
  size_t i, n;
  yyjson_val *key, *val;
  if (yyjson_obj_size(object) <= KEYS_BY_LOOK) {
    yyjson_val *seen[KEYS_BY_LOOK];
    yyjson_obj_foreach(object, i, n, key, val)
    {
      for (size_t k = 0; k < i; k++)
        if (yyjson_equals_strn(key, yyjson_get_str(seen[k]), yyjson_get_len(seen[k])))
          return key;
      seen[i] = key;
    }
    return NULL;
  }
  CLEANUP(map_release) struct map seen = {0};
  yyjson_obj_foreach(object, i, n, key, val)
  {
    if (map_set(&seen, str_make(yyjson_get_str(key), yyjson_get_len(key)), key))
      return key;
  }
  return NULL;
}

static Err check(yyjson_val *val, unsigned depth, struct diag *reterr)
{
  size_t i, n;
  yyjson_val *key, *item;
  Err err = OK;
  if (!yyjson_is_ctn(val))
    return OK;
  if (depth >= JSON_DEPTH)
    return diag_set(reterr, ERR_INVALID, "nested deeper than %d", JSON_DEPTH);
  if (yyjson_is_arr(val)) {
    yyjson_arr_foreach(val, i, n, item) if ((err = check(item, depth + 1, reterr))) return err;
    return OK;
  }
  if ((key = repeated_key(val)))
    return diag_set(reterr, ERR_INVALID, "the key \"%s\" is there twice", yyjson_get_str(key));
  yyjson_obj_foreach(val, i, n, key, item) if ((err = check(item, depth + 1, reterr))) return err;
  return OK;
}

Err json_strict(struct str text, yyjson_mut_doc **ret_doc, struct diag *reterr)
{
  yyjson_read_err why;
  yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)(text.len ? text.ptr : " "), text.len ? text.len : 1, 0, NULL, &why);
  if (!doc && why.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
    return diag_set(reterr, ERR_NOMEM, "%s", err_words(ERR_NOMEM));
  if (!doc) {
    size_t line = 1, column = 1;
    for (size_t i = 0; i < why.pos && i < text.len; i++) {
      column = text.ptr[i] == '\n' ? 1 : column + 1;
      line += text.ptr[i] == '\n';
    }
    return diag_set(reterr, ERR_INVALID, "line %zu, column %zu: %s", line, column, why.msg);
  }
  Err err = check(yyjson_doc_get_root(doc), 0, reterr);
  yyjson_mut_doc *copy = err ? NULL : yyjson_doc_mut_copy(doc, NULL);
  yyjson_doc_free(doc);
  if (!err && !copy)
    err = diag_set(reterr, ERR_NOMEM, "%s", err_words(ERR_NOMEM));
  if (!err)
    *ret_doc = copy;
  return err;
}

Err file_parse(const char *path, yyjson_mut_doc **ret_doc, struct diag *reterr)
{
  static const struct {
    const char *suffix;
    Err (*parse)(struct str, yyjson_mut_doc **, struct diag *);
  } formats[] = {{".toml", toml_parse}, {".yaml", yaml_parse}, {".yml", yaml_parse}, {".json", json_strict}};
  CLEANUP(buf_release) struct buf text = BUF_INIT(CONF_FILE_MAX);
  for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
    if (!str_ends(str_of(path), str_of(formats[i].suffix)))
      continue;
    yyjson_mut_doc *doc = NULL;
    Err err = file_read(path, &text, reterr);
    if (err || (err = formats[i].parse(buf_str(&text), &doc, reterr)))
      return err;
    if (yyjson_mut_is_null(yyjson_mut_doc_get_root(doc)) && formats[i].parse == yaml_parse)
      yyjson_mut_doc_set_root(doc, yyjson_mut_obj(doc));
    if (!yyjson_mut_is_obj(yyjson_mut_doc_get_root(doc))) {
      yyjson_mut_doc_free(doc);
      return diag_set(reterr, ERR_INVALID, "the top level must be a table");
    }
    *ret_doc = doc;
    return OK;
  }
  return diag_set(reterr, ERR_MEDIA, "is no .toml, .yaml, .yml or .json file");
}
