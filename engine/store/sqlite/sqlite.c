/* store/sqlite/sqlite.c: opens and closes the embedded database, and the helpers all its files share. */
#include <errno.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/sqlite/sqlite_internal.h"

enum { BUSY_MS = 5000 };   /* for a person's sqlite3 shell on the side; engines exclude each other by the lock file */

/* sqlite3_system_errno knows nothing of a failed COMMIT; the files do: the log, where writes go, or the database. */
static int last_errno(sqlite3 *conn)
{
  sqlite3_file *log = NULL;
  int error = 0;
  if (sqlite3_file_control(conn, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK && log && log->pMethods)
    log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error);
  if (!error)
    sqlite3_file_control(conn, "main", SQLITE_FCNTL_LAST_ERRNO, &error);
  return error ? error : sqlite3_system_errno(conn);
}

/* SQLite itself takes only ENOSPC for a full disk; a quota or a limit is one too. */
static Err err_from_io(sqlite3 *conn, int rc)
{
  int error = conn ? last_errno(conn) : 0;
  if (error == ENOSPC || error == EDQUOT || error == EFBIG || rc == SQLITE_IOERR_SHMSIZE)
    return ERR_FULL;
  return rc == SQLITE_IOERR_NOMEM ? ERR_NOMEM : ERR_IO;
}

static Err err_from_sqlite(sqlite3 *conn, int rc)
{
  switch (rc & 0xFF) {
  case SQLITE_OK:
  case SQLITE_ROW:
  case SQLITE_DONE: return OK;
  case SQLITE_FULL: return ERR_FULL;
  case SQLITE_CONSTRAINT: return ERR_CONFLICT;
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB: return ERR_CORRUPT;
  case SQLITE_NOMEM: return ERR_NOMEM;
  case SQLITE_TOOBIG: return ERR_TOOBIG;
  case SQLITE_BUSY:
  case SQLITE_LOCKED: return ERR_BUSY;
  case SQLITE_PERM:
  case SQLITE_READONLY: return ERR_FORBIDDEN;
  case SQLITE_IOERR:
  case SQLITE_CANTOPEN: return err_from_io(conn, rc);
  default: return ERR_INTERNAL;
  }
}

Err sqlite_fail(sqlite3 *conn, int rc, const char *what, struct diag *reterr)
{
  Err err = err_from_sqlite(conn, rc);
  if (err == ERR_FULL)
    return diag_set(reterr, err, "%s: no space left on the disk of the database; free some, then it goes on by itself", what);
  return diag_set(reterr, err, "%s: %s (SQLite %d)", what, conn ? sqlite3_errmsg(conn) : sqlite3_errstr(rc), rc);
}

Err sqlite_run(sqlite3 *conn, const char *sql, const char *what, struct diag *reterr)
{
  int rc = sqlite3_exec(conn, sql, NULL, NULL, NULL);
  return rc ? sqlite_fail(conn, rc, what, reterr) : OK;
}

Err sqlite_prepare(sqlite3 *conn, struct str sql, sqlite3_stmt **ret, struct diag *reterr)
{
  int rc = sqlite3_prepare_v3(conn, sql.ptr, (int)sql.len, SQLITE_PREPARE_PERSISTENT, ret, NULL);
  return rc ? sqlite_fail(conn, rc, "cannot prepare a statement", reterr) : OK;
}

void sqlite_add_path(struct buf *sql, struct str path)
{
  buf_add_text(sql, "json_extract(doc,'$");
  struct str part;
  while (str_split(&path, '.', &part)) {
    buf_add_text(sql, ".\"");
    buf_add_str(sql, part);
    buf_add_char(sql, '"');
  }
  buf_add_text(sql, "')");
}

void sqlite_add_name(struct buf *sql, const char *name) { buf_printf(sql, "\"%s\"", name); }

/* A path such as "file:x" must not be taken for a URI. */
static Err open_connection(const char *path, int flags, sqlite3 **ret, struct diag *reterr)
{
  CLEANUP(mem_free_at) char *name = mem_printf("%s%s", path[0] == '/' ? "" : "./", path);
  int rc = sqlite3_open_v2(name, ret, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
  if (rc)
    return sqlite_fail(*ret, rc, "cannot open the database", reterr);
  sqlite3_busy_timeout(*ret, BUSY_MS);
  sqlite3_db_config(*ret, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  return OK;
}

/* The log must answer "wal": without it (some network file systems) there is no reading beside writing. */
static Err use_wal(sqlite3 *conn, struct diag *reterr)
{
  sqlite3_stmt *stmt = NULL;
  Err err = sqlite_prepare(conn, STR("PRAGMA journal_mode=WAL"), &stmt, reterr);
  if (err)
    return err;
  int rc = sqlite3_step(stmt);
  if (rc != SQLITE_ROW)
    err = sqlite_fail(conn, rc, "cannot open the write-ahead log", reterr);
  else if (strcmp((const char *)sqlite3_column_text(stmt, 0), "wal") != 0)
    err = diag_set(reterr, ERR_IO, "the file system of the database does not support a write-ahead log; use a local disk");
  sqlite3_finalize(stmt);
  return err;
}

static Err prepare_writer(struct sqlite_db *db, struct diag *reterr)
{
  static const struct { const char *sql; size_t at; } statements[] = {
      {"BEGIN IMMEDIATE", offsetof(struct sqlite_db, begin)}, {"COMMIT", offsetof(struct sqlite_db, commit)},
      {"ROLLBACK", offsetof(struct sqlite_db, rollback)},     {"SAVEPOINT one", offsetof(struct sqlite_db, savepoint)},
      {"RELEASE one", offsetof(struct sqlite_db, release)},   {"ROLLBACK TO one", offsetof(struct sqlite_db, undo)}};
  Err err = OK;
  for (size_t i = 0; i < ARRAY_LEN(statements) && !err; i++)
    err = sqlite_prepare(db->writer, str_of(statements[i].sql), (sqlite3_stmt **)(void *)((char *)db + statements[i].at),
                         reterr);
  return err;
}

static void db_close(void *data)
{
  struct sqlite_db *db = data;
  sqlite3_stmt *own[] = {db->begin, db->commit, db->rollback, db->savepoint, db->release, db->undo};
  for (size_t i = 0; i < ARRAY_LEN(own); i++)
    sqlite3_finalize(own[i]);
  sqlite_collections_free(db);
  sqlite3_close(db->reader);
  sqlite3_close(db->writer);   /* the last one writes the log back into the file */
  if (db->lock >= 0)
    close(db->lock);
  mem_free(db);
}

static Err db_start(struct sqlite_db *db, const char *path, const struct store_collection *collections, size_t count,
                    struct diag *reterr)
{
  Err err = sqlite_collections_parse(db, collections, count, reterr);
  if (!err)
    err = sqlite_file_prepare(path, &db->lock, reterr);
  if (!err)
    err = open_connection(path, SQLITE_OPEN_READWRITE, &db->writer, reterr);
  if (!err)
    err = use_wal(db->writer, reterr);
  /* Checkpoints run after the acknowledgements (sqlite_settle), so no writer waits for one. */
  if (!err)
    err = sqlite_run(db->writer,
                     "PRAGMA synchronous=FULL; PRAGMA cache_size=-2000; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY;"
                     "PRAGMA secure_delete=FAST; PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=16777216",
                     "cannot set up the database", reterr);
  if (!err)
    err = sqlite_schema_ready(db, path, reterr);
  if (!err)
    err = prepare_writer(db, reterr);
  if (!err)
    err = open_connection(path, SQLITE_OPEN_READWRITE, &db->reader, reterr);
  if (!err)
    err = sqlite_read_ready(db, reterr);
  if (err)
    return err;
  sqlite3_wal_hook(db->writer, sqlite_on_wal, db);
  sqlite3_db_release_memory(db->writer);   /* the pages of the check */
  return OK;
}

static Err db_open(const char *path, const struct store_collection *collections, size_t count, void **ret_db,
                   struct diag *reterr)
{
  struct sqlite_db *db = mem_new(sizeof *db);
  db->lock = -1;
  Err err = db_start(db, path, collections, count, reterr);
  if (err) {
    db_close(db);
    return err;
  }
  *ret_db = db;
  return OK;
}

static bool accepts(const char *path) { return !strstr(path, "://"); }

const struct store_backend store_sqlite = {accepts, db_open, db_close, sqlite_load, sqlite_write, sqlite_settle, sqlite_find};
