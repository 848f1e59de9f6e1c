/* store/table.c: rows of a collection in memory: by id, by name, and sorted. See table.h. */
#include "store/table.h"

#include <assert.h>

#include "base/id.h"
#include "base/mem.h"
#include "store/table_internal.h"

/* ---- rows ---- */

struct str table_name_in(const struct table *t, yyjson_val *doc)
{
  return t->config.name_path ? json_str(json_path(doc, t->config.name_path)) : STR_NONE;
}

/* The row owns one block for id and name; its JSON apart, because a flight hands it over. */
static struct row *row_new(struct table *t, struct str id, struct str name, char *json, size_t json_len, yyjson_doc *doc)
{
  struct row *r = mem_new(sizeof *r + id.len + name.len);
  char *text = (char *)(r + 1);
  memcpy(text, id.ptr, id.len);
  if (name.len)
    memcpy(text + id.len, name.ptr, name.len);
  r->id = str_make(text, id.len);
  r->name = str_make(text + id.len, name.len);
  r->json = str_make(json, json_len);
  if (t->config.derive)
    r->ext = t->config.derive(yyjson_doc_get_root(doc), r->id, t->config.data);
  return r;
}

static void row_free(struct table *t, struct row *r)
{
  if (r->ext && t->config.drop)
    t->config.drop(r->ext, t->config.data);
  union { const char *in; char *out; } json = {.in = r->json.ptr};   /* ours: row_new took it */
  mem_free(json.out);
  mem_free(r);
}

static void bury(struct table *t)
{
  for (size_t i = 0; i < t->dead_count; i++)
    row_free(t, t->dead[i]);
  t->dead_count = 0;
}

/* Fires before any op of the next turn is told, so that what `drop` undoes is undone when the waiter of a change looks. */
struct reaper {
  uv_timer_t timer;
  struct table *table;
};

static void on_reaper_closed(uv_handle_t *handle) { mem_free(CONTAINER_OF(handle, struct reaper, timer)); }

static void reaper_stop(struct table *t)
{
  if (t->reaper)
    uv_close((uv_handle_t *)&t->reaper->timer, on_reaper_closed);
  t->reaper = NULL;
  bury(t);
}

static void on_reap(uv_timer_t *timer) { reaper_stop(CONTAINER_OF(timer, struct reaper, timer)->table); }

/* Someone in this turn of the loop may still look at it. */
static void row_retire(struct table *t, struct row *r)
{
  if (t->dead_count == t->dead_cap) {
    t->dead_cap = t->dead_cap ? t->dead_cap * 2 : 8;
    t->dead = mem_resize(t->dead, t->dead_cap * sizeof *t->dead);
  }
  t->dead[t->dead_count++] = r;
  if (t->reaper)
    return;
  t->reaper = mem_new(sizeof *t->reaper);
  t->reaper->table = t;
  uv_timer_init(t->loop, &t->reaper->timer);
  uv_timer_start(&t->reaper->timer, on_reap, 0, 0);
}

/* ---- the sorted list ---- */

static int row_cmp(const struct row *a, const struct row *b)
{
  int c = str_cmp(a->name, b->name);
  return c ? c : str_cmp(a->id, b->id);
}

static int row_cmp_at(const void *a, const void *b)
{
  return row_cmp(*(const struct row *const *)a, *(const struct row *const *)b);
}

/* Where `r` is, or belongs. */
static size_t sorted_at(const struct table *t, const struct row *r)
{
  size_t low = 0, high = t->count;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    if (row_cmp(t->sorted[mid], r) < 0)
      low = mid + 1;
    else
      high = mid;
  }
  return low;
}

static void sorted_room(struct table *t)
{
  if (t->count < t->cap)
    return;
  t->cap = t->cap ? t->cap * 2 : 16;
  t->sorted = mem_resize(t->sorted, t->cap * sizeof *t->sorted);
}

static void sorted_insert(struct table *t, const struct row *r)
{
  sorted_room(t);
  size_t at = sorted_at(t, r);
  memmove(t->sorted + at + 1, t->sorted + at, (t->count - at) * sizeof *t->sorted);
  t->sorted[at] = r;
  t->count++;
}

static void sorted_remove(struct table *t, const struct row *r)
{
  size_t at = sorted_at(t, r);
  t->count--;
  memmove(t->sorted + at, t->sorted + at + 1, (t->count - at) * sizeof *t->sorted);
}

/* ---- swapping ---- */

static void unname(struct table *t, const struct row *r)
{
  if (r->name.len && map_get(&t->names, r->name) == r)
    map_remove(&t->names, r->name);
}

static void put_row(struct table *t, struct row *old, struct row *r)
{
  r->version = ++t->version;
  if (old && str_eq(old->name, r->name)) {
    t->sorted[sorted_at(t, old)] = r;
  } else {
    if (old)
      sorted_remove(t, old);
    sorted_insert(t, r);
  }
  if (old)
    unname(t, old);
  map_set(&t->rows, r->id, r);
  if (r->name.len)
    map_set(&t->names, r->name, r);
}

static void remove_row(struct table *t, struct row *old)
{
  t->version++;
  sorted_remove(t, old);
  unname(t, old);
  map_remove(&t->rows, old->id);
}

void table_apply(struct table *t, struct flight *f)
{
  struct row *old = map_get(&t->rows, f->id_view), *r = NULL;
  if (f->json) {
    r = row_new(t, f->id_view, f->name, f->json, f->json_len, f->doc);
    f->json = NULL;
    put_row(t, old, r);
  } else if (old) {
    remove_row(t, old);
  } else {
    return;
  }
  if (old)
    row_retire(t, old);
  if (t->config.on_change)
    t->config.on_change(t, f->id_view, r, t->config.data);
}

/* ---- opening ---- */

struct loading {
  struct table *table;
  struct diag *diag;
  Err err;
};

static void on_load(struct str key, struct str json, void *data)
{
  struct loading *l = data;
  struct table *t = l->table;
  if (l->err)
    return;
  yyjson_doc *doc = NULL;
  struct str name = STR_NONE;
  if (t->config.derive || t->config.name_path) {
    doc = yyjson_read(json.ptr, json.len, YYJSON_READ_NOFLAG);
    if (!doc) {
      l->err = diag_set(l->diag, ERR_CORRUPT, "%s: the document '%.*s' is damaged", t->config.collection, STR_ARG(key));
      return;
    }
    name = table_name_in(t, yyjson_doc_get_root(doc));
  }
  struct row *r = row_new(t, key, name, str_dup(json), json.len, doc);
  yyjson_doc_free(doc);
  r->version = ++t->version;
  sorted_room(t);
  t->sorted[t->count++] = r;
  map_set(&t->rows, r->id, r);
  if (name.len)
    map_set(&t->names, r->name, r);
}

Err table_open(struct store *store, const struct table_config *config, struct table **ret_table, struct diag *reterr)
{
  struct table *t = mem_new(sizeof *t);
  t->config = *config;
  t->store = store;
  t->loop = store_loop(store)->loop;
  struct loading l = {.table = t, .diag = reterr};
  Err err = store_load(store, config->collection, on_load, &l, reterr);
  if (!err)
    err = l.err;
  if (err) {
    table_free(t);
    return err;
  }
  if (t->count)
    qsort(t->sorted, t->count, sizeof *t->sorted, row_cmp_at);
  *ret_table = t;
  return OK;
}

void table_free(struct table *t)
{
  if (!t)
    return;
  assert(!t->flights.count);
  reaper_stop(t);
  size_t at = 0;
  void *row;
  while (map_next(&t->rows, &at, NULL, &row))
    row_free(t, row);
  map_release(&t->rows);
  map_release(&t->names);
  map_release(&t->flights);
  map_release(&t->claims);
  mem_free(t->sorted);
  mem_free(t->dead);
  mem_free(t);
}

const char *table_collection(const struct table *table) { return table->config.collection; }

/* ---- reading ---- */

const struct row *table_get(const struct table *table, struct str id) { return map_get(&table->rows, id); }
const struct row *table_find(const struct table *table, struct str name) { return map_get(&table->names, name); }
size_t table_count(const struct table *table) { return table->count; }

const struct row *table_resolve(const struct table *table, struct str id_or_name)
{
  if (!id_is_object(id_or_name))
    return table_find(table, id_or_name);
  char lower[OBJECT_ID_LEN];
  for (size_t i = 0; i < OBJECT_ID_LEN; i++) {
    char c = id_or_name.ptr[i];
    lower[i] = c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c;
  }
  return table_get(table, str_make(lower, OBJECT_ID_LEN));
}

struct flight *table_flight(const struct table *t, struct str id) { return map_get(&t->flights, id); }

struct str table_latest(const struct table *table, struct str id)
{
  const struct flight *f = table_flight(table, id);
  if (f)
    return f->json ? str_make(f->json, f->json_len) : STR_NONE;
  const struct row *r = table_get(table, id);
  return r ? r->json : STR_NONE;
}

const struct row *const *table_sorted(struct table *table, size_t *ret_count)
{
  *ret_count = table->count;
  return table->sorted;
}
