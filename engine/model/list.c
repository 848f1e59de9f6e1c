/* model/list.c: see list.h. The rules are those of spec api.md 8.2-8.4; the tables behind them are in kinds.c. */
#include "model/list.h"

#include "base/arena.h"
#include "base/id.h"
#include "base/mem.h"

static const struct perm READ = {PERM_READ, 0};

/* ---- the query ---- */

struct query {
  struct arena arena;
  struct str *terms, *names, *ids, *tags;
  size_t term_count, name_count, id_count, tag_count;
  bool any_tag;
  enum { TEMPLATES_INCLUDE, TEMPLATES_EXCLUDE, TEMPLATES_ONLY } templates;
  yyjson_val *specific;
  bool full;
};

static void query_release(struct query *q) { arena_release(&q->arena); }

static size_t collect(struct query *q, yyjson_val *list, struct str **ret)
{
  *ret = arena_new(&q->arena, yyjson_arr_size(list) * sizeof **ret);
  size_t i, n, count = 0;
  yyjson_val *v;
  yyjson_arr_foreach(list, i, n, v) if (json_str(v).len) (*ret)[count++] = json_str(v);
  return count;
}

static Err query_init(struct query *q, struct model *model, yyjson_val *query, bool full, struct diag *reterr)
{
  *q = (struct query){.full = full, .specific = yyjson_obj_get(query, "specific")};
  q->term_count = collect(q, yyjson_obj_get(query, "terms"), &q->terms);
  struct str *given;
  size_t count = collect(q, yyjson_obj_get(query, "names"), &given);
  q->names = arena_new(&q->arena, count * sizeof *given);
  q->ids = arena_new(&q->arena, count * sizeof *given);
  for (size_t i = 0; i < count; i++)
    if (id_is_object(given[i]))
      q->ids[q->id_count++] = given[i];
    else
      q->names[q->name_count++] = given[i];
  q->tag_count = collect(q, yyjson_obj_get(query, "tags"), &q->tags);
  for (size_t i = 0; i < q->tag_count; i++) {
    const struct row *tag = table_resolve(model->tables[TABLE_TAG], q->tags[i]);
    if (!tag)
      return diag_set(reterr, ERR_NOTFOUND, "No tag found matching name or id: %.*s", STR_ARG(q->tags[i]));
    q->tags[i] = str_make(arena_dup(&q->arena, tag->id), tag->id.len);
  }
  q->any_tag = str_eq(json_get_str(query, "tag_behavior"), STR("Any"));
  struct str templates = json_get_str(query, "templates");
  q->templates = str_eq(templates, STR("Only")) ? TEMPLATES_ONLY : str_eq(templates, STR("Exclude")) ? TEMPLATES_EXCLUDE : TEMPLATES_INCLUDE;
  return OK;
}

static bool contains(const struct str *list, size_t count, struct str text)
{
  for (size_t i = 0; i < count; i++)
    if (str_eq(list[i], text))
      return true;
  return false;
}

static bool json_contains(yyjson_val *list, struct str text)
{
  size_t i, n;
  yyjson_val *v;
  yyjson_arr_foreach(list, i, n, v) if (str_eq(json_str(v), text)) return true;
  return false;
}

static bool passes_filter(struct model *model, const struct row *row, const struct kind_filter *f, yyjson_val *want, yyjson_val *doc,
                          bool full)
{
  yyjson_val *have = f->path ? json_path(doc, f->path) : NULL;
  size_t i, n;
  yyjson_val *v;
  switch (f->how) {
  case FILTER_IN: return yyjson_arr_size(want) == 0 || json_contains(want, json_str(have));
  case FILTER_ANY:
    yyjson_arr_foreach(have, i, n, v) if (json_contains(want, json_str(v))) return true;
    return yyjson_arr_size(want) == 0;
  case FILTER_STATE:
    if (yyjson_arr_size(want) == 0)
      return true;
    model_item(model, row);
    return json_contains(want, str_of(model_resource(row)->state));
  case FILTER_BOOL: return !yyjson_is_bool(want) || yyjson_get_bool(want) == yyjson_get_bool(have);
  case FILTER_UPDATE:
    if (full || !yyjson_get_bool(want))
      return true;
    model_item(model, row);
    return model_resource(row)->update_available;
  case FILTER_TEXT: return !yyjson_is_bool(want) || yyjson_get_bool(want) == (json_str(have).len > 0);
  case FILTER_SINCE: return yyjson_get_sint(want) <= 0 || yyjson_get_sint(have) >= yyjson_get_sint(want);
  }
  return true;
}

static bool passes_specific(struct model *model, const struct row *row, const struct query *q)
{
  CLEANUP(json_doc_free) yyjson_doc *doc = NULL;
  const struct resource *r = row->ext;
  for (const struct kind_filter *f = kinds[r->kind].filters; f->name; f++) {
    yyjson_val *want = yyjson_obj_get(q->specific, f->name);
    if (!want)
      continue;
    if (!doc && f->path && json_parse(row->json, &doc, /* reterr= */ NULL))
      return false;
    if (!passes_filter(model, row, f, want, yyjson_doc_get_root(doc), q->full))
      return false;
  }
  return true;
}

static bool passes(struct model *model, const struct row *row, const struct query *q)
{
  const struct resource *r = row->ext;
  if (q->templates != TEMPLATES_INCLUDE && r->is_template != (q->templates == TEMPLATES_ONLY))
    return false;
  if ((q->name_count && !contains(q->names, q->name_count, row->name)) || (q->id_count && !contains(q->ids, q->id_count, row->id)))
    return false;
  for (size_t i = 0; i < q->term_count; i++)
    if (!str_contains_nocase(row->name, q->terms[i]))
      return false;
  size_t hits = 0;
  for (size_t i = 0; i < q->tag_count; i++)
    hits += contains(r->tags, r->tag_count, q->tags[i]);
  if (q->tag_count && (q->any_tag ? hits == 0 : hits < q->tag_count))
    return false;
  return !q->specific || passes_specific(model, row, q);
}

/* ---- the order ---- */

struct sort_value {
  int rank;            /* 0: null, 1: a value */
  double number;
  struct str text;
};
struct sorted {
  const struct row *row;
  struct sort_value part[3];
};

static double number_at(yyjson_val *root, const char *path, bool *ret_null)
{
  yyjson_val *v = json_path(root, path);
  if (!yyjson_is_num(v))
    *ret_null = true;
  return yyjson_get_num(v);
}

static struct sort_value sort_value(struct arena *arena, const struct kind_info *kind, const struct sort_part *p, yyjson_val *item, yyjson_val *doc)
{
  yyjson_val *root = str_starts(str_of(p->path), STR("info.")) ? item : doc;
  struct sort_value v = {.rank = 1};
  bool null = false;
  double a, b;
  struct str text;
  switch (p->how) {
  case SORT_TEXT:
    text = json_str(json_path(root, p->path));
    if (!text.len && p->other)
      text = json_str(json_path(root, p->other));
    v.rank = text.ptr != NULL;
    v.text = str_make(arena_dup(arena, text), text.len);
    break;
  case SORT_STATE:
    text = json_str(json_path(root, p->path));
    for (size_t i = 0; kind->states && kind->states[i] && !str_eqc(text, kind->states[i]); i++)
      v.number = (double)i + 1;
    break;
  case SORT_NUMBER: v.number = number_at(root, p->path, &null); break;
  case SORT_RATIO:
  case SORT_SUM:
    a = number_at(root, p->path, &null);
    b = number_at(root, p->other, &null);
    v.number = p->how == SORT_SUM ? a + b : b > 0 ? a / b : 0;
    break;
  case SORT_FLAG: v.number = yyjson_get_bool(json_path(root, p->path)); break;
  case SORT_FLAG_DESC: v.number = !yyjson_get_bool(json_path(root, p->path)); break;
  }
  if (null)
    v.rank = 0;
  return v;
}

static int compare_parts(const struct sorted *a, const struct sorted *b)
{
  for (size_t i = 0; i < ARRAY_LEN(a->part); i++) {
    const struct sort_value *x = &a->part[i], *y = &b->part[i];
    if (x->rank != y->rank)
      return x->rank - y->rank;
    if (x->number < y->number || x->number > y->number)
      return x->number < y->number ? -1 : 1;
    int c = str_cmp(x->text, y->text);
    if (c)
      return c;
  }
  return 0;
}

static int by_parts(const void *a, const void *b)
{
  int c = compare_parts(a, b);
  return c ? c : str_cmp(((const struct sorted *)a)->row->name, ((const struct sorted *)b)->row->name);
}
static int by_parts_desc_name_asc(const void *a, const void *b)
{
  int c = compare_parts(b, a);
  return c ? c : str_cmp(((const struct sorted *)a)->row->name, ((const struct sorted *)b)->row->name);
}

static void reverse(const struct row **rows, size_t count)
{
  for (size_t i = 0; i < count / 2; i++) {
    const struct row *r = rows[i];
    rows[i] = rows[count - 1 - i];
    rows[count - 1 - i] = r;
  }
}

static Err order(struct model *model, enum kind kind, struct str key, bool descending, const struct row **rows, size_t count, struct diag *reterr)
{
  if (key.len && !str_eq(key, STR("Name"))) {
    const struct kind_sort *s = kinds[kind].sorts;
    while (s->name && !str_eqc(key, s->name))
      s++;
    if (!s->name)
      return diag_set(reterr, ERR_SHAPE, "sort_by: %s cannot be sorted by '%.*s'", kinds[kind].plural, STR_ARG(key));
    CLEANUP(arena_release) struct arena arena = {0};
    struct sorted *list = mem_new_array(count, sizeof *list);
    for (size_t i = 0; i < count; i++) {
      CLEANUP(json_doc_free) yyjson_doc *item = NULL, *doc = NULL;
      list[i].row = rows[i];
      if (json_parse(model_item(model, rows[i]), &item, NULL) || json_parse(rows[i]->json, &doc, NULL))
        continue;
      for (size_t p = 0; p < ARRAY_LEN(s->part) && s->part[p].path; p++)
        list[i].part[p] = sort_value(&arena, &kinds[kind], &s->part[p], yyjson_doc_get_root(item), yyjson_doc_get_root(doc));
    }
    qsort(list, count, sizeof *list, s->stored && descending ? by_parts_desc_name_asc : by_parts);
    for (size_t i = 0; i < count; i++)
      rows[i] = list[i].row;
    mem_free(list);
    if (s->stored)
      return OK;
  }
  if (descending)
    reverse(rows, count);
  return OK;
}

/* ---- the answers ---- */

static Err select_rows(struct model *model, enum kind kind, struct query *q, const struct viewer *viewer, struct perm need,
                       const struct row ***ret_rows, size_t *ret_count)
{
  size_t count, kept = 0;
  const struct row *const *all = table_sorted(model->resources[kind], &count);
  const struct row **rows = mem_new_array(count, sizeof *rows);
  bool sees_all = perm_sees_all(&viewer->perm, (enum resource_type)kind, need);
  for (size_t i = 0; i < count; i++) {
    if (!sees_all && !perm_allows(model_perm(model, viewer, all[i]), need))
      continue;
    if (passes(model, all[i], q))
      rows[kept++] = all[i];
  }
  *ret_rows = rows;
  *ret_count = kept;
  return OK;
}

Err list_select(struct model *model, enum kind kind, yyjson_val *query, const struct viewer *viewer, struct perm need,
                const struct row ***ret_rows, size_t *ret_count, struct diag *reterr)
{
  CLEANUP(query_release) struct query q;
  Err err = query_init(&q, model, query, /* full= */ true, reterr);
  return err ? err : select_rows(model, kind, &q, viewer, need, ret_rows, ret_count);
}

static void rows_free(const struct row ***rows) { mem_free(*rows); }

Err list_run(struct model *model, enum kind kind, bool full, yyjson_val *params, const struct viewer *viewer, struct buf *out,
             struct diag *reterr)
{
  CLEANUP(query_release) struct query q;
  CLEANUP(rows_free) const struct row **rows = NULL;
  size_t count;
  Err err = query_init(&q, model, yyjson_obj_get(params, "query"), full, reterr);
  if (!err)
    err = select_rows(model, kind, &q, viewer, READ, &rows, &count);
  if (!err && !full)
    err = order(model, kind, json_get_str(params, "sort_by"), json_get_bool(params, "sort_desc", false), rows, count, reterr);
  if (err)
    return err;
  yyjson_val *given = yyjson_obj_get(params, "limit");
  uint64_t limit = yyjson_is_num(given) ? yyjson_get_uint(given) : model->page_limit;
  uint64_t page = yyjson_get_uint(yyjson_obj_get(params, "page"));
  uint64_t from = 0;
  if (limit && __builtin_mul_overflow(page, limit, &from))
    from = count;
  buf_add_char(out, '[');
  bool first = true;
  for (uint64_t i = from; i < count && (limit == 0 || i - from < limit); i++) {
    struct str text = full ? rows[i]->json : model_item(model, rows[i]);
    if (!text.ptr)
      return diag_set(reterr, ERR_INTERNAL, "The list item of %s %.*s could not be made", kinds[kind].type, STR_ARG(rows[i]->name));
    if (!first)
      buf_add_char(out, ',');
    first = false;
    buf_add_str(out, text);
  }
  buf_add_char(out, ']');
  return buf_err(out);
}

/* Index of the bucket that counts `state`; -1: none. */
static int bucket_of(const struct kind_bucket *buckets, const char *state, bool is_template)
{
  int rest = -1;
  for (int i = 0; buckets[i].name; i++) {
    if (strcmp(buckets[i].states[0], "*") == 0) {
      rest = is_template && buckets[i].not_templates ? -1 : i;
      continue;
    }
    for (size_t s = 0; buckets[i].states[s]; s++)
      if (strcmp(buckets[i].states[s], state) == 0)
        return is_template && buckets[i].not_templates ? -1 : i;
  }
  return rest;
}

void list_summary(struct model *model, enum kind kind, const struct viewer *viewer, struct buf *out)
{
  const struct kind_bucket *buckets = kinds[kind].buckets;
  uint64_t counts[12] = {0}, total = 0;
  size_t count;
  const struct row *const *all = table_sorted(model->resources[kind], &count);
  for (size_t i = 0; i < count; i++) {
    if (!perm_allows(model_perm(model, viewer, all[i]), READ))
      continue;
    total++;
    model_item(model, all[i]);
    const struct resource *r = all[i]->ext;
    int b = bucket_of(buckets, r->bucket[0] ? r->bucket : r->state, r->is_template);
    if (b >= 0)
      counts[b]++;
  }
  buf_printf(out, "{\"total\":%llu", (unsigned long long)total);
  for (int i = 0; buckets[i].name; i++)
    buf_printf(out, ",\"%s\":%llu", buckets[i].name, (unsigned long long)counts[i]);
  buf_add_char(out, '}');
}
