/* store/sqlite/sqlite_plan.c: from a filter to one SQL statement.
 *
 * SQLite's planner knows nothing of the match function and has no statistics, so the choice is made here: an index that
 * gives the order wins even when another one would narrow the search more, because pages are read newest first and a
 * page ends early; then the index with most equal paths. INDEXED BY makes SQLite keep to it.
 * No text of a filter ever becomes SQL: paths come from the collection list, values are bound.
 */
#include "store/sqlite/sqlite_internal.h"

enum { CONJUNCTS_MAX = 64 };
struct conjuncts {
  const struct filter_node *nodes[CONJUNCTS_MAX];
  size_t count;
};

/* What must hold for every match. Forgetting one costs time, not truth. */
static void collect(const struct filter_node *n, struct conjuncts *out)
{
  if (n->kind == FILTER_AND) {
    for (size_t i = 0; i < n->child_count; i++)
      collect(n->children[i], out);
  } else if (n->part_count && out->count < CONJUNCTS_MAX) {
    out->nodes[out->count++] = n;
  }
}

static bool is_bindable(const struct value *v)
{
  switch (v->class) {
  case VALUE_NULL:
  case VALUE_NUMBER:
  case VALUE_BOOL: return true;
  case VALUE_STRING: return v->text.len == 0 || !memchr(v->text.ptr, 0, v->text.len);   /* json_extract stops at \u0000 */
  default: return false;
  }
}

/* target = {"type": …} also says target.type = …. */
static bool inside_object(const struct filter_node *n, struct str path, struct value *ret)
{
  if (n->values[0].class != VALUE_OBJECT || path.len <= n->path.len || !str_starts(path, n->path) ||
      path.ptr[n->path.len] != '.')
    return false;
  yyjson_val *at = n->values[0].json;
  struct str rest = str_sub(path, n->path.len + 1, path.len), part;
  while (str_split(&rest, '.', &part)) {
    at = yyjson_obj_getn(at, part.ptr, part.len);
    if (!at)
      return false;
  }
  *ret = value_of(at);
  return is_bindable(ret);
}

static bool find_equal(const struct conjuncts *all, struct str path, struct sqlite_term *ret)
{
  for (size_t i = 0; i < all->count; i++) {
    const struct filter_node *n = all->nodes[i];
    if (n->kind != FILTER_EQ)
      continue;
    struct value v = n->values[0];
    if ((str_eq(n->path, path) && is_bindable(&v)) || inside_object(n, path, &v)) {
      *ret = (struct sqlite_term){.kind = FILTER_EQ, .path = path, .value = v};
      return true;
    }
  }
  return false;
}

static bool is_list(const struct filter_node *n, enum value_class only)
{
  if (n->kind != FILTER_IN || n->value_count > SQLITE_IN_MAX || n->sorted != n->value_count)
    return false;
  for (size_t i = 0; i < n->value_count; i++) {
    const struct value *v = &n->values[i];
    if (v->class == VALUE_NULL || (only == VALUE_OID ? v->class != VALUE_OID : !is_bindable(v)))
      return false;
  }
  return true;
}

/* One lower and one upper bound, or a list of values. */
static size_t find_range(const struct conjuncts *all, struct str path, struct sqlite_term ret[2])
{
  size_t n = 0;
  bool low = false, high = false;
  for (size_t i = 0; i < all->count; i++) {
    const struct filter_node *c = all->nodes[i];
    if (!str_eq(c->path, path))
      continue;
    if (is_list(c, VALUE_STRING)) {
      ret[0] = (struct sqlite_term){.kind = FILTER_IN, .path = path, .in = c};
      return 1;
    }
    bool lower = c->kind == FILTER_GT || c->kind == FILTER_GTE, upper = c->kind == FILTER_LT || c->kind == FILTER_LTE;
    if ((!lower && !upper) || (lower && low) || (upper && high) || c->values[0].class == VALUE_NULL ||
        !is_bindable(&c->values[0]))
      continue;
    low |= lower;
    high |= upper;
    ret[n++] = (struct sqlite_term){.kind = c->kind, .path = path, .value = c->values[0]};
  }
  return n;
}

/* How good an index is; 0: of no use. */
static int weigh(const struct sqlite_index *index, const struct conjuncts *all, const struct store_read *read,
                 struct sqlite_plan *ret)
{
  *ret = (struct sqlite_plan){.index = index};
  while (ret->term_count < index->path_count &&
         find_equal(all, index->paths[ret->term_count], &ret->terms[ret->term_count]))
    ret->term_count++;
  size_t equal = ret->term_count;
  if (equal == index->path_count)
    return index->unique ? 100000 : 10 * (int)equal;
  struct str next = index->paths[equal];
  size_t ranges = find_range(all, next, &ret->terms[equal]);
  ret->term_count += ranges;
  ret->ordered = read->sort && str_eqc(next, read->sort) && equal + 1 == index->path_count;
  return 10 * (int)equal + 3 * (int)ranges + (ret->ordered ? 1000 : 0);
}

static bool by_key(const struct conjuncts *all, struct sqlite_plan *ret)
{
  for (size_t i = 0; i < all->count; i++) {
    const struct filter_node *n = all->nodes[i];
    if (!str_eqc(n->path, "_id"))
      continue;
    if (n->kind == FILTER_EQ && n->values[0].class == VALUE_OID)
      *ret = (struct sqlite_plan){.terms = {{.kind = FILTER_EQ, .value = n->values[0]}}, .term_count = 1};
    else if (is_list(n, VALUE_OID))
      *ret = (struct sqlite_plan){.terms = {{.kind = FILTER_IN, .in = n}}, .term_count = 1};
    else
      continue;
    return true;
  }
  return false;
}

void sqlite_plan_make(const struct sqlite_collection *c, const struct store_read *read, struct sqlite_plan *ret_plan)
{
  struct conjuncts all = {0};
  if (read->filter)
    collect(read->filter->root, &all);
  *ret_plan = (struct sqlite_plan){.ordered = !read->sort};
  if (by_key(&all, ret_plan))
    return;
  int best = 0;
  for (size_t i = 0; i < c->index_count; i++) {
    struct sqlite_plan plan;
    int weight = weigh(&c->indexes[i], &all, read, &plan);
    if (weight > best) {
      best = weight;
      *ret_plan = plan;
    }
  }
}

static void add_term(const struct sqlite_term *t, struct buf *sql)
{
  static const char *const words[] = {
      [FILTER_EQ] = " = ?", [FILTER_GT] = " > ?", [FILTER_GTE] = " >= ?", [FILTER_LT] = " < ?", [FILTER_LTE] = " <= ?"};
  if (t->path.len)
    sqlite_add_path(sql, t->path);
  else
    buf_add_text(sql, "id");
  if (t->kind == FILTER_IN) {
    buf_add_text(sql, " IN (");
    for (size_t i = 0; i < t->in->value_count; i++)
      buf_add_text(sql, i ? ",?" : "?");
    buf_add_char(sql, ')');
  } else if (t->kind == FILTER_EQ && t->value.class == VALUE_NULL) {
    buf_add_text(sql, " IS NULL");
  } else {
    buf_add_text(sql, words[t->kind]);
  }
}

void sqlite_plan_sql(const struct sqlite_plan *plan, const struct sqlite_collection *c, const struct store_read *read,
                     struct buf *sql)
{
  const char *direction = read->descending ? " DESC" : "";
  buf_add_text(sql, plan->ordered ? "SELECT doc FROM " : "SELECT id FROM ");
  sqlite_add_name(sql, c->name);
  if (plan->index) {
    buf_add_text(sql, " INDEXED BY ");
    sqlite_add_name(sql, plan->index->name);
  }
  for (size_t i = 0; i < plan->term_count; i++) {
    buf_add_text(sql, i ? " AND " : " WHERE ");
    add_term(&plan->terms[i], sql);
  }
  if (read->filter)
    buf_add_text(sql, plan->term_count ? " AND doc_match(id, doc)" : " WHERE doc_match(id, doc)");
  buf_add_text(sql, " ORDER BY ");
  if (read->sort) {
    sqlite_add_path(sql, str_of(read->sort));
    buf_printf(sql, "%s, rowid%s", direction, direction);
  } else {
    buf_printf(sql, "id%s", direction);
  }
  buf_add_text(sql, " LIMIT ? OFFSET ?");
}

static int bind_value(sqlite3_stmt *stmt, int at, const struct value *v)
{
  switch (v->class) {
  case VALUE_NUMBER: return v->real ? sqlite3_bind_double(stmt, at, v->d) : sqlite3_bind_int64(stmt, at, v->i);
  case VALUE_BOOL: return sqlite3_bind_int64(stmt, at, v->i);   /* as json_extract gives it */
  default: return sqlite3_bind_text64(stmt, at, v->text.ptr ? v->text.ptr : "", v->text.len, SQLITE_STATIC, SQLITE_UTF8);
  }
}

int sqlite_plan_bind(const struct sqlite_plan *plan, const struct store_read *read, sqlite3_stmt *stmt)
{
  int at = 1, rc = SQLITE_OK;
  for (size_t i = 0; i < plan->term_count && !rc; i++) {
    const struct sqlite_term *t = &plan->terms[i];
    if (t->kind == FILTER_IN) {
      for (size_t k = 0; k < t->in->value_count && !rc; k++)
        rc = bind_value(stmt, at++, &t->in->values[k]);
    } else if (t->kind != FILTER_EQ || t->value.class != VALUE_NULL) {
      rc = bind_value(stmt, at++, &t->value);
    }
  }
  int64_t limit = read->limit && read->limit <= INT64_MAX ? (int64_t)read->limit : -1;
  int64_t skip = read->skip <= INT64_MAX ? (int64_t)read->skip : INT64_MAX;
  if (!rc)
    rc = sqlite3_bind_int64(stmt, at++, limit);
  return rc ? rc : sqlite3_bind_int64(stmt, at, skip);
}
