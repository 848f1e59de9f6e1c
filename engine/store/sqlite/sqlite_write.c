/* store/sqlite/sqlite_write.c: group commit: one transaction for all batches that wait, one savepoint for each.
 *
 *   BEGIN IMMEDIATE
 *     SAVEPOINT one … writes of batch 1 … RELEASE one
 *     SAVEPOINT one … writes of batch 2, a conflict … ROLLBACK TO one, RELEASE one     -> batch 2 failed, alone
 *   COMMIT                                                                             -> one fsync, all durable
 *
 * What takes the whole transaction with it (disk full, no memory) sends each batch through a transaction of its own, so
 * that a small one still gets through beside one that does not fit. A failing disk fails them all at once.
 */
#include "base/mem.h"
#include "store/sqlite/sqlite_internal.h"

enum {
  PRUNE_PORTION = 500,         /* documents deleted in one go */
  CHECKPOINT_PAGES = 1000,     /* 4 MB of log */
};

static int run(sqlite3_stmt *stmt)
{
  sqlite3_step(stmt);
  return sqlite3_reset(stmt);
}

/* ---- one write ---- */

static int statement(struct sqlite_db *db, struct sqlite_collection *c, enum write_kind kind, sqlite3_stmt **ret)
{
  static const char *const texts[] = {
      [WRITE_PUT] = "INSERT INTO \"%s\"(id, doc) VALUES(?1, ?2) ON CONFLICT(id) DO UPDATE SET doc = excluded.doc",
      [WRITE_INSERT] = "INSERT INTO \"%s\"(id, doc) VALUES(?1, ?2)",
      [WRITE_DELETE] = "DELETE FROM \"%s\" WHERE id = ?1"};
  sqlite3_stmt **at = kind == WRITE_PUT ? &c->put : kind == WRITE_INSERT ? &c->insert : &c->remove;
  int rc = SQLITE_OK;
  if (!*at) {
    CLEANUP(buf_release) struct buf sql = BUF_INIT(1024);
    const char *text = texts[kind], *name = strstr(text, "%s");
    buf_add(&sql, text, (size_t)(name - text));
    buf_add_text(&sql, c->name);
    buf_add_text(&sql, name + 2);
    rc = sqlite3_prepare_v3(db->writer, sql.ptr, (int)sql.len, SQLITE_PREPARE_PERSISTENT, at, NULL);
  }
  *ret = *at;
  return rc;
}

static int apply_write(struct sqlite_db *db, const struct store_batch *b, const struct store_write *w)
{
  sqlite3_stmt *stmt;
  int rc = statement(db, &db->collections[w->collection], w->kind, &stmt);
  struct str key = store_write_key(b, w), json = store_write_json(b, w);
  if (!rc)
    rc = sqlite3_bind_text64(stmt, 1, key.ptr, key.len, SQLITE_STATIC, SQLITE_UTF8);
  if (!rc && w->kind != WRITE_DELETE)
    rc = sqlite3_bind_text64(stmt, 2, json.ptr, json.len, SQLITE_STATIC, SQLITE_UTF8);
  if (!rc)
    rc = run(stmt);
  if (stmt)
    sqlite3_clear_bindings(stmt);
  return rc;
}

static int apply_prune(struct sqlite_db *db, struct store_batch *b, const struct store_write *w)
{
  CLEANUP(buf_release) struct buf sql = BUF_INIT(4096);
  const char *name = db->collections[w->collection].name;
  buf_printf(&sql, "DELETE FROM \"%s\" WHERE rowid IN (SELECT rowid FROM \"%s\" WHERE ", name, name);
  sqlite_add_path(&sql, store_write_key(b, w));
  buf_printf(&sql, " < %lld LIMIT %d)", (long long)w->below, PRUNE_PORTION);
  int rc = sqlite3_exec(db->writer, sql.ptr, NULL, NULL, NULL);
  b->more = !rc && sqlite3_changes(db->writer) == PRUNE_PORTION;
  return rc;
}

static void note_failure(struct sqlite_db *db, const struct sqlite_collection *c, int rc, struct store_batch *b)
{
  struct diag d;
  if (rc == SQLITE_CONSTRAINT_UNIQUE) {
    /* SQLite names the index when it is one of ours, else the column. */
    const char *index = strstr(sqlite3_errmsg(db->writer), ".ux.");
    struct str field = index ? str_of(index + 4) : STR("key");
    if (str_ends(field, STR("'")))
      field.len--;
    diag_set(&d, ERR_CONFLICT, "%s: another document has the same %.*s", c->name, STR_ARG(field));
  } else {
    sqlite_fail(db->writer, rc, c->name, &d);
  }
  store_batch_fail(b, d.err, &d);
}

static int apply(struct sqlite_db *db, struct store_batch *b)
{
  int rc = SQLITE_OK;
  for (size_t i = 0; i < b->count && !rc; i++) {
    const struct store_write *w = &b->writes[i];
    rc = w->kind == WRITE_PRUNE ? apply_prune(db, b, w) : apply_write(db, b, w);
    if (rc)
      note_failure(db, &db->collections[w->collection], rc, b);
  }
  return rc;
}

/* ---- a group ---- */

/* Concerns the batch that met it and nothing else. */
static bool is_own_fault(int rc)
{
  int kind = rc & 0xFF;
  return kind == SQLITE_CONSTRAINT || kind == SQLITE_ERROR || kind == SQLITE_TOOBIG || kind == SQLITE_MISMATCH;
}

static bool rests_on_failure(struct store_batch *b)
{
  for (size_t i = 0; i < b->after_count; i++)
    if (b->after[i]->err) {
      struct diag d = {0};
      diag_set(&d, b->after[i]->err, "an earlier change of the same document failed");
      if (b->after[i]->diag)
        diag_cause(&d, "%s", b->after[i]->diag->message);
      store_batch_fail(b, d.err, &d);
      return true;
    }
  return false;
}

static int write_one(struct sqlite_db *db, struct store_batch *b)
{
  if (b->err || rests_on_failure(b))
    return SQLITE_OK;
  int rc = run(db->savepoint);
  if (!rc)
    rc = apply(db, b);
  if (!rc)
    return run(db->release);
  if (!is_own_fault(rc) || sqlite3_get_autocommit(db->writer))
    return rc;
  rc = run(db->undo);
  return rc ? rc : run(db->release);
}

/* One transaction. Not 0: nothing of it is durable, `reterr` has the words. */
static int write_together(struct sqlite_db *db, struct store_batch **batches, size_t count, struct diag *reterr)
{
  int rc = run(db->begin);
  size_t good = 0;
  for (size_t i = 0; i < count && !rc; i++) {
    rc = write_one(db, batches[i]);
    good += !rc && !batches[i]->err;
  }
  if (!rc && good)
    rc = run(db->commit);
  if (rc)
    sqlite_fail(db->writer, rc, "cannot write", reterr);
  if (!sqlite3_get_autocommit(db->writer))
    run(db->rollback);
  return rc;
}

static void fail_all(struct store_batch **batches, size_t count, const struct diag *d)
{
  for (size_t i = 0; i < count; i++)
    if (!batches[i]->err)
      store_batch_fail(batches[i], d->err, d);
}

static unsigned count_good(struct store_batch **batches, size_t count)
{
  unsigned good = 0;
  for (size_t i = 0; i < count; i++)
    good += !batches[i]->err;
  return good;
}

unsigned sqlite_write(void *data, struct store_batch **batches, size_t count)
{
  struct sqlite_db *db = data;
  struct diag d;
  if (!write_together(db, batches, count, &d))
    return count_good(batches, count) > 0;
  if (count == 1 || (d.err != ERR_FULL && d.err != ERR_NOMEM)) {
    fail_all(batches, count, &d);
    return 0;
  }
  unsigned commits = 0;
  for (size_t i = 0; i < count; i++)
    store_batch_unfail(batches[i]);
  for (size_t i = 0; i < count; i++) {
    if (write_together(db, &batches[i], 1, &d))
      fail_all(&batches[i], 1, &d);
    commits += !batches[i]->err;
  }
  return commits;
}

/* ---- housekeeping ---- */

int sqlite_on_wal(void *data, sqlite3 *conn, const char *name, int pages)
{
  (void)conn;
  (void)name;
  ((struct sqlite_db *)data)->wal_pages = pages;
  return SQLITE_OK;
}

/* A checkpoint that fails (disk full) loses nothing: the log keeps what is not yet in the file, and the next one tries
 * again. */
void sqlite_settle(void *data)
{
  struct sqlite_db *db = data;
  if (db->wal_pages >= CHECKPOINT_PAGES &&
      sqlite3_wal_checkpoint_v2(db->writer, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) == SQLITE_OK)
    db->wal_pages = 0;
}
