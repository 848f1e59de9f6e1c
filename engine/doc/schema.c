/* doc/schema.c: looking types and requests up, and merging partials. */
#include "doc/schema.h"

#include "base/mem.h"
#include "doc/schema_internal.h"

/* ---- fixed words ---- */

static size_t word_hash(struct str s)
{
  uint32_t h = 2166136261u;
  for (size_t i = 0; i < s.len; i++)
    h = (h ^ (unsigned char)s.ptr[i]) * 16777619u;
  return h ^ h >> 15;
}

void words_index(struct words *w, struct arena *arena)
{
  size_t cap = 8;
  while (cap < w->count * 2)
    cap *= 2;
  w->mask = cap - 1;
  w->slot = arena_new(arena, cap * sizeof *w->slot);
  for (size_t i = 0; i < w->count; i++) {
    size_t at = word_hash(w->word[i].text) & w->mask;
    while (w->slot[at])
      at = (at + 1) & w->mask;
    w->slot[at] = (uint16_t)(i + 1);
    if (w->word[i].text.len > w->longest)
      w->longest = w->word[i].text.len;
  }
}

ptrdiff_t words_find(const struct words *w, struct str text, size_t hint)
{
  if (hint < w->count && str_eq(w->word[hint].text, text))
    return (ptrdiff_t)hint;
  if (text.len > w->longest || !w->count)
    return WORD_NONE;
  for (size_t at = word_hash(text) & w->mask; w->slot[at]; at = (at + 1) & w->mask)
    if (str_eq(w->word[w->slot[at] - 1].text, text))
      return w->slot[at] - 1;
  return WORD_NONE;
}

/* ---- lookups ---- */

void schema_free(struct schema *schema)
{
  if (!schema)
    return;
  map_release(&schema->types);
  for (size_t i = 0; i < SCHEMA_GROUP_COUNT; i++)
    map_release(&schema->requests[i]);
  json_doc_free(&schema->raw);
  json_doc_free(&schema->defaults);
  arena_release(&schema->arena);
  mem_free(schema);
}

const struct schema_type *schema_type(const struct schema *schema, const char *name)
{
  return map_get(&schema->types, str_of(name));
}

const struct schema_request *schema_request(const struct schema *schema, enum schema_group group, struct str name)
{
  return map_get(&schema->requests[group], name);
}

const struct schema_request *schema_request_at(const struct schema *schema, size_t index)
{
  return index < schema->request_count ? &schema->request[index] : NULL;
}

bool schema_group_parse(struct str text, enum schema_group *ret)
{
  static const struct { const char *text; enum schema_group group; } rows[] = {
      {"read", SCHEMA_READ},         {"write", SCHEMA_WRITE},        {"execute", SCHEMA_EXECUTE},
      {"auth/login", SCHEMA_LOGIN},  {"auth/manage", SCHEMA_MANAGE},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++)
    if (str_eqc(text, rows[i].text)) {
      *ret = rows[i].group;
      return true;
    }
  return false;
}

const struct schema_type *type_real(const struct schema_type *type)
{
  while (type->kind == KIND_ALIAS)
    type = type->inner;
  return type;
}

/* ---- merging ---- */

struct merge {
  struct norm n;
  yyjson_mut_val *changed;   /* array of names */
};

static bool note_change(struct merge *m, struct str name)
{
  yyjson_mut_val *v = norm_new(&m->n, yyjson_mut_strn(m->n.out, name.ptr, name.len));
  return v && yyjson_mut_arr_append(m->changed, v);
}

/* Both are objects in normal form; a field of `partial` wins. */
static yyjson_mut_val *merge_fields(struct merge *m, const struct schema_type *type, yyjson_val *stored, yyjson_val *partial)
{
  yyjson_val *old[FIELDS_MAX], *given[FIELDS_MAX];
  yyjson_mut_val *merged = norm_new(&m->n, yyjson_mut_obj(m->n.out));
  if (!merged || !norm_collect(&m->n, type, stored, old, NULL) || !norm_collect(&m->n, type, partial, given, NULL))
    return NULL;
  for (size_t i = 0; i < type->count; i++) {
    const struct schema_field *f = &type->fields[i];
    bool empty_before = f->skip_empty && !old[i];
    yyjson_val *v = given[i] ? given[i] : old[i];
    if (!v)
      continue;
    yyjson_mut_val *copy = norm_new(&m->n, yyjson_val_mut_copy(m->n.out, v));
    if (!copy)
      return NULL;
    bool empty = f->skip_empty && norm_is_empty(f->type, copy);
    if (given[i] && !(empty_before && empty) && !json_equal(old[i], given[i]) && !note_change(m, f->name))
      return NULL;
    if (!empty && !norm_put(&m->n, merged, f->name, copy))
      return NULL;
  }
  return merged;
}

static yyjson_val *member(yyjson_val *object, struct str name) { return yyjson_obj_getn(object, name.ptr, name.len); }

static yyjson_mut_val *merge_union(struct merge *m, const struct schema_type *type, yyjson_val *stored, yyjson_val *partial)
{
  struct str tag = json_str(member(partial, type->tag));
  ptrdiff_t at = words_find(&type->words, tag, 0);
  if (at == WORD_NONE)
    return norm_expected(&m->n, NULL, "a known variant", NULL);
  const struct variant *v = &type->variants[at];
  const struct schema_type *inner = v->type ? type_real(v->type) : NULL;
  if (!str_eq(tag, json_str(member(stored, type->tag)))) {
    if (!note_change(m, type->tag) || (inner && !note_change(m, type->content)))
      return NULL;
    return norm_value(&m->n, type, partial, SCHEMA_FULL, NULL);
  }
  yyjson_val *old = member(stored, type->content), *given = member(partial, type->content);
  yyjson_mut_val *merged = norm_new(&m->n, yyjson_mut_obj(m->n.out));
  if (!merged || !norm_put(&m->n, merged, type->tag, yyjson_mut_strn(m->n.out, v->name.ptr, v->name.len)))
    return NULL;
  if (!inner)
    return merged;
  yyjson_mut_val *content;
  if (inner->kind == KIND_STRUCT && given) {
    content = merge_fields(m, inner, old, given);
  } else {
    if (given && !json_equal(old, given) && !note_change(m, type->content))
      return NULL;
    content = norm_new(&m->n, yyjson_val_mut_copy(m->n.out, given ? given : old));
  }
  return content && norm_put(&m->n, merged, type->content, content) ? merged : NULL;
}

Err schema_merge(const struct schema_type *type, yyjson_val *stored, yyjson_mut_val *partial, yyjson_mut_doc *out,
                 yyjson_mut_val **ret, yyjson_mut_val **ret_changed, struct diag *reterr)
{
  type = type_real(type);
  if (type->kind != KIND_STRUCT && type->kind != KIND_UNION)
    return diag_set(reterr, ERR_INVALID, "only structs and unions can be merged");
  yyjson_mut_val *before = NULL;
  Err err = schema_normalise(type, stored, SCHEMA_FULL, out, &before, reterr);
  if (err)
    return err;
  CLEANUP(json_doc_free) yyjson_doc *old = NULL;
  CLEANUP(json_doc_free) yyjson_doc *given = NULL;
  struct merge m = {.n = {.out = out, .reterr = reterr}, .changed = yyjson_mut_arr(out)};
  if (!m.changed || json_freeze(before, &json_alc, &old) || (partial && json_freeze(partial, &json_alc, &given)))
    return diag_set(reterr, ERR_NOMEM, "%s", err_words(ERR_NOMEM));
  yyjson_mut_val *merged = before;
  if (given)
    merged = (type->kind == KIND_UNION ? merge_union : merge_fields)(&m, type, old->root, given->root);
  if (!merged)
    return m.n.err;
  *ret = merged;
  *ret_changed = m.changed;
  return OK;
}
