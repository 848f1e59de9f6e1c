/* store/sqlite/sqlite_read.c: finds, gets and the load at start, on the reader connection. */
#include "base/clock.h"
#include "base/mem.h"
#include "store/sqlite/sqlite_internal.h"

enum { PROGRESS_STEPS = 500 };   /* instructions of SQLite's machine between looks at the clock */

/* ---- matching inside SQL ---- */

/* doc_match(id, doc): does the filter of the running find accept it? */
static void doc_match(sqlite3_context *context, int argc, sqlite3_value **argv)
{
  (void)argc;
  const struct sqlite_db *db = sqlite3_user_data(context);
  const char *json = (const char *)sqlite3_value_text(argv[1]);
  yyjson_doc *doc = json ? yyjson_read(json, (size_t)sqlite3_value_bytes(argv[1]), YYJSON_READ_NOFLAG) : NULL;
  if (!doc) {
    sqlite3_result_error_code(context, SQLITE_CORRUPT);
    return;
  }
  struct str id = str_make((const char *)sqlite3_value_text(argv[0]), (size_t)sqlite3_value_bytes(argv[0]));
  sqlite3_result_int(context, filter_match(db->reading->filter, id, yyjson_doc_get_root(doc)));
  yyjson_doc_free(doc);
}

static bool is_over(const struct store_read *r) { return atomic_load(&r->cancelled) || clock_mono_ms() > r->deadline_ms; }

static int on_progress(void *data)
{
  const struct sqlite_db *db = data;
  return db->reading && is_over(db->reading);
}

Err sqlite_read_ready(struct sqlite_db *db, struct diag *reterr)
{
  Err err = sqlite_run(db->reader, "PRAGMA query_only=1; PRAGMA cache_size=-1000; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY",
                       "cannot set up the database", reterr);
  if (err)
    return err;
  int rc = sqlite3_create_function_v2(db->reader, "doc_match", 2, SQLITE_UTF8 | SQLITE_DIRECTONLY, db, doc_match, NULL, NULL,
                                      NULL);
  if (rc)
    return sqlite_fail(db->reader, rc, "cannot set up the database", reterr);
  sqlite3_progress_handler(db->reader, PROGRESS_STEPS, on_progress, db);
  return OK;
}

/* ---- finding ---- */

static Err fail(struct sqlite_db *db, int rc, struct diag *reterr)
{
  const struct store_read *r = db->reading;
  if ((rc & 0xFF) != SQLITE_INTERRUPT)
    return sqlite_fail(db->reader, rc, "cannot read", reterr);
  if (atomic_load(&r->cancelled))
    return ERR_CANCELLED;
  return diag_set(reterr, ERR_TIMEOUT, "the search took longer than %d s: use a filter on an indexed field, or a limit",
                  STORE_FIND_MS_MAX / 1000);
}

static struct str column(sqlite3_stmt *stmt)
{
  const char *text = (const char *)sqlite3_column_text(stmt, 0);
  return str_make(text, (size_t)sqlite3_column_bytes(stmt, 0));
}

static Err add_document(struct store_read *r, struct str json, struct diag *reterr)
{
  if (!r->key && r->find.count)
    buf_add_char(&r->find.json, ',');
  buf_add_str(&r->find.json, json);
  r->find.count++;
  if (buf_err(&r->find.json))
    return diag_set(reterr, buf_err(&r->find.json), "the result is larger than %d MB: use a limit", STORE_RESULT_MAX >> 20);
  return OK;
}

/* ERR_NOTFOUND without words when there is none. */
static Err add_by_key(struct sqlite_db *db, struct store_read *r, struct str key, struct diag *reterr)
{
  struct sqlite_collection *c = &db->collections[r->collection];
  if (!c->get) {
    CLEANUP(mem_free_at) char *sql = mem_printf("SELECT doc FROM \"%s\" WHERE id = ?1", c->name);
    Err err = sqlite_prepare(db->reader, str_of(sql), &c->get, reterr);
    if (err)
      return err;
  }
  int rc = sqlite3_bind_text64(c->get, 1, key.ptr, key.len, SQLITE_STATIC, SQLITE_UTF8);
  if (!rc)
    rc = sqlite3_step(c->get);
  Err err = rc == SQLITE_ROW    ? add_document(r, column(c->get), reterr)
            : rc == SQLITE_DONE ? ERR_NOTFOUND
                                : fail(db, rc, reterr);
  sqlite3_reset(c->get);
  sqlite3_clear_bindings(c->get);
  return err;
}

static Err add_documents(struct sqlite_db *db, struct store_read *r, sqlite3_stmt *stmt, struct diag *reterr)
{
  int rc;
  while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
    Err err = add_document(r, column(stmt), reterr);
    if (err)
      return err;
  }
  return rc == SQLITE_DONE ? OK : fail(db, rc, reterr);
}

static Err add_by_keys(struct sqlite_db *db, struct store_read *r, sqlite3_stmt *stmt, struct diag *reterr)
{
  CLEANUP(buf_release) struct buf keys = BUF_INIT(STORE_RESULT_MAX);   /* each with its zero byte */
  int rc;
  while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
    buf_add_str(&keys, column(stmt));
    buf_add_char(&keys, 0);
  }
  if (rc != SQLITE_DONE || buf_err(&keys))
    return fail(db, rc != SQLITE_DONE ? rc : SQLITE_TOOBIG, reterr);
  struct str rest = buf_str(&keys), key;
  while (rest.len && str_split(&rest, '\0', &key)) {
    Err err = is_over(r) ? fail(db, SQLITE_INTERRUPT, reterr) : add_by_key(db, r, key, reterr);
    if (err)
      return err;
  }
  return OK;
}

/* One snapshot for keys and documents. */
static Err add_sorted(struct sqlite_db *db, struct store_read *r, sqlite3_stmt *stmt, struct diag *reterr)
{
  Err err = sqlite_run(db->reader, "BEGIN", "cannot read", reterr);
  if (err)
    return err;
  err = add_by_keys(db, r, stmt, reterr);
  sqlite3_reset(stmt);
  sqlite3_exec(db->reader, "ROLLBACK", NULL, NULL, NULL);
  return err;
}

static Err find_many(struct sqlite_db *db, struct store_read *r, struct diag *reterr)
{
  const struct sqlite_collection *c = &db->collections[r->collection];
  struct sqlite_plan plan;
  sqlite_plan_make(c, r, &plan);
  CLEANUP(buf_release) struct buf sql = BUF_INIT(65536);
  sqlite_plan_sql(&plan, c, r, &sql);
  sqlite3_stmt *stmt = NULL;
  int rc = buf_err(&sql) ? SQLITE_NOMEM : sqlite3_prepare_v2(db->reader, sql.ptr, (int)sql.len, &stmt, NULL);
  if (!rc)
    rc = sqlite_plan_bind(&plan, r, stmt);
  Err err = rc ? fail(db, rc, reterr) : OK;
  if (!err) {
    buf_add_char(&r->find.json, '[');
    err = plan.ordered ? add_documents(db, r, stmt, reterr) : add_sorted(db, r, stmt, reterr);
    buf_add_char(&r->find.json, ']');
  }
  sqlite3_finalize(stmt);
  if (!err && buf_err(&r->find.json))
    err = diag_set(reterr, buf_err(&r->find.json), "the result is too large: use a limit");
  return err;
}

Err sqlite_find(void *data, struct store_read *r, struct diag *reterr)
{
  struct sqlite_db *db = data;
  db->reading = r;
  Err err = OK;
  if (atomic_load(&r->cancelled))
    err = ERR_CANCELLED;
  else if (r->key)
    err = add_by_key(db, r, str_of(r->key), reterr);
  else
    err = find_many(db, r, reterr);
  db->reading = NULL;
  if (err == ERR_NOTFOUND)
    diag_set(reterr, err, "no such document in %s", db->collections[r->collection].name);
  return err;
}

/* ---- loading ---- */

Err sqlite_load(void *backend, size_t collection, store_load_fn *fn, void *data, struct diag *reterr)
{
  struct sqlite_db *db = backend;
  CLEANUP(mem_free_at) char *sql = mem_printf("SELECT id, doc FROM \"%s\" ORDER BY id", db->collections[collection].name);
  sqlite3_stmt *stmt = NULL;
  Err err = sqlite_prepare(db->reader, str_of(sql), &stmt, reterr);
  if (err)
    return err;
  int rc;
  while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
    struct str key = column(stmt);
    fn(key, str_make((const char *)sqlite3_column_text(stmt, 1), (size_t)sqlite3_column_bytes(stmt, 1)), data);
  }
  if (rc != SQLITE_DONE)
    err = sqlite_fail(db->reader, rc, "cannot read a collection", reterr);
  sqlite3_finalize(stmt);
  sqlite3_db_release_memory(db->reader);   /* these pages are in memory as rows now */
  return err;
}
