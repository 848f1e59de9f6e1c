/* store/change.c: changes of tables: checked early, seen by table_latest while in flight, applied when durable.
 *
 *   change_start   for each write: name and id checked against rows and flights -> a flight joins its row's list
 *   batch durable  flights leave their lists, rows are swapped, on_change is told, then the change's op completes
 *   batch failed   flights leave their lists; what came after them in these lists fails by itself (store_batch_after)
 */
#include "base/mem.h"
#include "store/table_internal.h"

struct planned {
  enum write_kind kind;
  struct flight *flight;
};

struct change {
  struct op op;
  struct store_batch *batch;
  struct op *commit;
  struct planned *planned;
  size_t count, cap;
  size_t flying;              /* so many of them have joined their lists */
};

static void flight_free(struct flight *f)
{
  yyjson_doc_free(f->doc);
  mem_free(f->id);
  mem_free(f->name_text);
  mem_free(f->json);
  mem_free(f);
}

static void change_release(struct op *op)
{
  struct change *c = (struct change *)op;
  for (size_t i = 0; i < c->count; i++)
    if (c->planned[i].flight)
      flight_free(c->planned[i].flight);
  mem_free(c->planned);
  store_batch_free(c->batch);
  mem_free(c);
}

struct change *change_new(struct store *store)
{
  struct change *c = mem_new(sizeof *c);
  op_init(&c->op, store_loop(store), /* cancel= */ NULL, change_release);
  c->batch = store_batch_new(store);
  return c;
}

void change_free(struct change *c)
{
  if (c)
    change_release(&c->op);
}

struct store_batch *change_batch(struct change *c) { return c->batch; }

static void plan(struct change *c, enum write_kind kind, struct table *t, struct str id, struct str json)
{
  if (c->count == c->cap) {
    c->cap = c->cap ? c->cap * 2 : 2;
    c->planned = mem_resize(c->planned, c->cap * sizeof *c->planned);
  }
  struct flight *f = mem_new(sizeof *f);
  f->table = t;
  f->id = str_dup(id);
  f->id_view = str_make(f->id, id.len);
  if (kind != WRITE_DELETE) {
    f->json = str_dup(json);
    f->json_len = json.len;
  }
  c->planned[c->count++] = (struct planned){kind, f};
  const char *collection = t->config.collection;
  if (kind == WRITE_PUT)
    store_batch_put(c->batch, collection, id, json);
  else if (kind == WRITE_INSERT)
    store_batch_insert(c->batch, collection, id, json);
  else
    store_batch_delete(c->batch, collection, id);
}

void change_put(struct change *c, struct table *table, struct str id, struct str json) { plan(c, WRITE_PUT, table, id, json); }
void change_insert(struct change *c, struct table *table, struct str id, struct str json)
{
  plan(c, WRITE_INSERT, table, id, json);
}
void change_delete(struct change *c, struct table *table, struct str id) { plan(c, WRITE_DELETE, table, id, STR_NONE); }

/* ---- taking off ---- */

static Err read_name(struct flight *f, struct diag *reterr)
{
  if (!f->json)
    return OK;
  struct table *t = f->table;
  yyjson_doc *doc = yyjson_read(f->json, f->json_len, YYJSON_READ_NOFLAG);
  if (!doc || !yyjson_is_obj(yyjson_doc_get_root(doc))) {
    yyjson_doc_free(doc);
    return diag_set(reterr, ERR_INVALID, "%s: the document is no JSON object", t->config.collection);
  }
  struct str name = table_name_in(t, yyjson_doc_get_root(doc));
  if (name.len) {
    f->name_text = str_dup(name);
    f->name = str_make(f->name_text, name.len);
  }
  if (t->config.derive)
    f->doc = doc;
  else
    yyjson_doc_free(doc);
  return OK;
}

/* Will another row than `f`'s have this name once everything in flight is durable? */
static bool name_taken(const struct flight *f)
{
  const struct table *t = f->table;
  if (!f->name.len)
    return false;
  const struct flight *claim = map_get(&t->claims, f->name);
  if (claim)
    return !str_eq(claim->id_view, f->id_view);
  const struct row *r = map_get(&t->names, f->name);
  return r && !str_eq(r->id, f->id_view) && !table_flight(t, r->id);   /* in flight without a claim: gives the name up */
}

static Err check(const struct planned *p, struct diag *reterr)
{
  const struct flight *f = p->flight;
  const struct table *t = f->table;
  if (p->kind == WRITE_INSERT && table_latest(t, f->id_view).ptr)
    return diag_set(reterr, ERR_CONFLICT, "%s: another document has the same key", t->config.collection);
  if (name_taken(f))
    return diag_set(reterr, ERR_CONFLICT, "%s: the %s '%.*s' is taken", t->config.collection, t->config.name_path,
                    STR_ARG(f->name));
  return OK;
}

static void unclaim(struct flight *f)
{
  if (f->name.len && map_get(&f->table->claims, f->name) == f)
    map_remove(&f->table->claims, f->name);
}

static void take_off(struct flight *f, struct store_batch *batch)
{
  struct table *t = f->table;
  f->batch = batch;
  f->older = table_flight(t, f->id_view);
  if (f->older) {
    f->older->newer = f;
    unclaim(f->older);
    if (f->older->batch != batch)
      store_batch_after(batch, f->older->batch);
  }
  map_set(&t->flights, f->id_view, f);
  if (f->name.len)
    map_set(&t->claims, f->name, f);
}

/* Usually the oldest leaves; a change refused at the door (queue full) is the newest. */
static void land(struct flight *f)
{
  struct table *t = f->table;
  unclaim(f);
  if (f->older)
    f->older->newer = f->newer;
  if (f->newer) {
    f->newer->older = f->older;
  } else if (f->older) {
    map_set(&t->flights, f->id_view, f->older);
    if (f->older->name.len && !map_get(&t->claims, f->older->name))
      map_set(&t->claims, f->older->name, f->older);
  } else {
    map_remove(&t->flights, f->id_view);
  }
  f->older = f->newer = NULL;
}

/* ---- landing ---- */

static void land_all(struct change *c)
{
  while (c->flying)
    land(c->planned[--c->flying].flight);
}

static void on_commit(struct op *op, void *data)
{
  struct change *c = data;
  land_all(c);
  for (size_t i = 0; i < c->count && !op->err; i++)
    table_apply(c->planned[i].flight->table, c->planned[i].flight);
  op_complete(&c->op, op->err, op->diag);
  op_unref(op);
  op_unref(&c->op);
}

void change_start(struct change *c, struct op **ret_op)
{
  struct diag d;
  Err err = OK;
  *ret_op = &c->op;
  if (store_is_closed(c->batch->store))   /* tables are freed soon: nothing may take off any more */
    err = diag_set(&d, ERR_CLOSED, "the engine is stopping");
  for (size_t i = 0; i < c->count && !err; i++) {
    err = read_name(c->planned[i].flight, &d);
    if (!err)
      err = check(&c->planned[i], &d);
    if (!err) {
      take_off(c->planned[i].flight, c->batch);
      c->flying++;
    }
  }
  if (err) {
    land_all(c);
    op_complete(&c->op, err, &d);
    op_unref(&c->op);
    return;
  }
  struct store_batch *batch = c->batch;
  c->batch = NULL;
  store_commit(batch, &c->commit);
  op_wait(c->commit, on_commit, c);
}
