/* Any document against any type: a normal form must be its own normal form, and merging it over itself changes nothing.
 * The first two bytes choose type and mode. */
#include "../c/doc/small_schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct schema *schema;

static const struct schema_type *chosen(uint8_t byte)
{
  static const char *const names[] = {"Config", "Small", "Perms", "Many", "Builder", "Create", "Command", "Level"};
  return schema_type(schema, names[byte % ARRAY_LEN(names)]);
}

static yyjson_doc *frozen(yyjson_mut_val *value)
{
  yyjson_doc *doc = yyjson_mut_val_imut_copy(value, NULL);
  if (!doc)
    abort();
  return doc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (!schema) {
    lua_State *L = schema_state(small_schema);
    if (schema_load(L, &schema, NULL))
      abort();
    lua_close(L);
  }
  if (size < 2)
    return 0;
  const struct schema_type *type = chosen(data[0]);
  enum schema_mode mode = data[1] & 1 ? SCHEMA_PARTIAL : SCHEMA_FULL;
  CLEANUP(json_doc_free) yyjson_doc *in = NULL;
  if (json_parse(str_make((const char *)data + 2, size - 2), &in, NULL))
    return 0;
  CLEANUP(json_mut_doc_free) yyjson_mut_doc *out = yyjson_mut_doc_new(NULL);
  struct diag d = {0};
  yyjson_mut_val *first = NULL, *second = NULL, *merged = NULL, *changed = NULL;
  if (schema_normalise(type, yyjson_doc_get_root(in), mode, out, &first, &d)) {
    if (d.err != ERR_SHAPE || !d.message[0])
      abort();
    return 0;
  }
  CLEANUP(json_doc_free) yyjson_doc *once = frozen(first);
  if (schema_normalise(type, yyjson_doc_get_root(once), mode, out, &second, &d))
    abort();
  CLEANUP(json_doc_free) yyjson_doc *twice = frozen(second);
  if (!json_equal(yyjson_doc_get_root(once), yyjson_doc_get_root(twice)))
    abort();
  if (mode == SCHEMA_FULL && yyjson_is_obj(yyjson_doc_get_root(once)) &&
      (schema_merge(type, yyjson_doc_get_root(once), second, out, &merged, &changed, &d) || yyjson_mut_arr_size(changed)))
    abort();
  return 0;
}
