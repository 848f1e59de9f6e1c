/* store/sqlite/sqlite_schema.c: the layout of the file: ownership, version, migrations, collections, indexes, integrity. */
#include <sys/stat.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "store/sqlite/sqlite_internal.h"

enum {
  APPLICATION_ID = 0x6B6F6D6F,          /* "komo" */
  CHECK_ALL_BYTES_MAX = 1 << 30,        /* a bigger file is checked by collection, while time lasts */
  CHECK_MS_MAX = 3000,
};

/* Each brings the file from the version before to its own. Never edited, only appended to. */
static const struct { const char *name, *sql; } migrations[] = {
    {"meta", "CREATE TABLE meta(key TEXT PRIMARY KEY NOT NULL, value NOT NULL) WITHOUT ROWID;"
             "CREATE TABLE migrations(version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_unix_ms INTEGER NOT NULL);"},
};
enum { SCHEMA_VERSION = ARRAY_LEN(migrations) };

/* ---- the collection list ---- */

static bool is_name(const char *s)
{
  return *s && strlen(s) < 64 && strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == strlen(s) &&
         strcmp(s, "meta") != 0 && strcmp(s, "migrations") != 0 && strncmp(s, "sqlite_", 7) != 0;
}

static bool is_path(struct str s)
{
  for (size_t i = 0; i < s.len; i++)
    if (!((s.ptr[i] >= 'a' && s.ptr[i] <= 'z') || (s.ptr[i] >= 'A' && s.ptr[i] <= 'Z') ||
          (s.ptr[i] >= '0' && s.ptr[i] <= '9') || s.ptr[i] == '_' || s.ptr[i] == '.'))
      return false;
  struct str parts[FILTER_PARTS_MAX];
  size_t count;
  return filter_path_parse(s, parts, &count, NULL) == OK;
}

static Err index_parse(const char *collection, const char *text, bool unique, struct sqlite_index *ret, struct diag *reterr)
{
  struct str rest = str_of(text), path;
  while (str_split(&rest, ',', &path)) {
    if (!is_path(path) || ret->path_count == SQLITE_PATHS_MAX)
      return diag_set(reterr, ERR_INVALID, "collection '%s': bad index '%s'", collection, text);
    ret->paths[ret->path_count++] = path;
  }
  ret->unique = unique;
  ret->name = mem_printf("%s.%s.%s", collection, unique ? "ux" : "ix", text);
  return OK;
}

Err sqlite_collections_parse(struct sqlite_db *db, const struct store_collection *list, size_t count, struct diag *reterr)
{
  db->collections = mem_new_array(count, sizeof *db->collections);
  db->count = count;
  for (size_t i = 0; i < count; i++) {
    struct sqlite_collection *c = &db->collections[i];
    c->name = list[i].name;
    if (!is_name(c->name))
      return diag_set(reterr, ERR_INVALID, "'%s' cannot name a collection", c->name);
    size_t indexes = list[i].unique != NULL;
    for (const char *const *at = list[i].indexes; at && *at; at++)
      indexes++;
    c->indexes = mem_new_array(indexes, sizeof *c->indexes);
    for (size_t k = 0; k < indexes; k++) {
      bool unique = list[i].unique && k == 0;
      const char *text = unique ? list[i].unique : list[i].indexes[k - (list[i].unique != NULL)];
      Err err = index_parse(c->name, text, unique, &c->indexes[k], reterr);
      c->index_count += c->indexes[k].name != NULL;
      if (err)
        return err;
    }
  }
  return OK;
}

void sqlite_collections_free(struct sqlite_db *db)
{
  for (size_t i = 0; i < db->count; i++) {
    struct sqlite_collection *c = &db->collections[i];
    sqlite3_stmt *statements[] = {c->put, c->insert, c->remove, c->get};
    for (size_t k = 0; k < ARRAY_LEN(statements); k++)
      sqlite3_finalize(statements[k]);
    for (size_t k = 0; k < c->index_count; k++)
      mem_free(c->indexes[k].name);
    mem_free(c->indexes);
  }
  mem_free(db->collections);
}

/* ---- the file ---- */

static Err read_int(struct sqlite_db *db, const char *sql, int64_t *ret, struct diag *reterr)
{
  sqlite3_stmt *stmt = NULL;
  Err err = sqlite_prepare(db->writer, str_of(sql), &stmt, reterr);
  int rc = err ? SQLITE_OK : sqlite3_step(stmt);
  if (rc == SQLITE_ROW)
    *ret = sqlite3_column_int64(stmt, 0);
  else if (!err)
    err = sqlite_fail(db->writer, rc, "cannot read the database", reterr);
  sqlite3_finalize(stmt);
  return err;
}

static Err check_owner(struct sqlite_db *db, const char *path, int64_t *ret_version, struct diag *reterr)
{
  int64_t application = 0, objects = 0;
  Err err = read_int(db, "PRAGMA application_id", &application, reterr);
  if (!err)
    err = read_int(db, "PRAGMA user_version", ret_version, reterr);
  if (!err)
    err = read_int(db, "SELECT count(*) FROM sqlite_schema", &objects, reterr);
  if (err)
    return err;
  if (application != APPLICATION_ID && (application || *ret_version || objects))
    return diag_set(reterr, ERR_INVALID, "'%s' is the database of another program", path);
  if (*ret_version > SCHEMA_VERSION)
    return diag_set(reterr, ERR_UNSUPPORTED,
                    "the database '%s' has version %lld, written by a newer engine; this one knows versions up to %d: "
                    "use the newer engine or another database",
                    path, (long long)*ret_version, SCHEMA_VERSION);
  return OK;
}

/* Runs "PRAGMA quick_check…"; any answer but "ok" is damage. */
static Err check(struct sqlite_db *db, const char *path, const char *sql, struct diag *reterr)
{
  sqlite3_stmt *stmt = NULL;
  Err err = sqlite_prepare(db->writer, str_of(sql), &stmt, reterr);
  if (err)
    return err;
  int rc = sqlite3_step(stmt);
  if (rc != SQLITE_ROW)
    err = sqlite_fail(db->writer, rc, "cannot check the database", reterr);
  else if (strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") != 0)
    err = diag_set(reterr, ERR_CORRUPT, "the database '%s' is damaged (%s); restore a backup", path,
                   (const char *)sqlite3_column_text(stmt, 0));
  sqlite3_finalize(stmt);
  return err;
}

static Err check_integrity(struct sqlite_db *db, const char *path, struct diag *reterr)
{
  struct stat st;
  if (stat(path, &st) == 0 && st.st_size <= CHECK_ALL_BYTES_MAX)
    return check(db, path, "PRAGMA quick_check(1)", reterr);
  Err err = OK;
  uint64_t end = clock_mono_ms() + CHECK_MS_MAX;
  for (size_t i = 0; i < db->count && !err && clock_mono_ms() < end; i++) {
    CLEANUP(mem_free_at) char *sql = mem_printf("PRAGMA quick_check(\"%s\")", db->collections[i].name);
    err = check(db, path, sql, reterr);
  }
  return err;
}

static Err migrate(struct sqlite_db *db, int64_t version, struct diag *reterr)
{
  Err err = OK;
  for (int64_t v = version; v < SCHEMA_VERSION && !err; v++) {
    err = sqlite_run(db->writer, migrations[v].sql, "cannot migrate the database", reterr);
    if (err)
      break;
    CLEANUP(mem_free_at) char *note =
        mem_printf("INSERT INTO migrations VALUES(%lld,'%s',%lld);"
                   "INSERT OR REPLACE INTO meta VALUES('schema_version',%lld);"
                   "PRAGMA user_version=%lld; PRAGMA application_id=%d;",
                   (long long)v + 1, migrations[v].name, (long long)clock_unix_ms(), (long long)v + 1, (long long)v + 1,
                   APPLICATION_ID);
    err = sqlite_run(db->writer, note, "cannot migrate the database", reterr);
  }
  return err;
}

/* Names of all tables and indexes there are. */
static Err read_objects(struct sqlite_db *db, struct map *ret, struct diag *reterr)
{
  sqlite3_stmt *stmt = NULL;
  Err err = sqlite_prepare(db->writer, STR("SELECT name FROM sqlite_schema"), &stmt, reterr);
  if (err)
    return err;
  int rc;
  while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
    map_set(ret, str_make((const char *)sqlite3_column_text(stmt, 0), (size_t)sqlite3_column_bytes(stmt, 0)), ret);
  if (rc != SQLITE_DONE)
    err = sqlite_fail(db->writer, rc, "cannot read the database", reterr);
  sqlite3_finalize(stmt);
  return err;
}

static Err make_index(struct sqlite_db *db, const struct sqlite_collection *c, const struct sqlite_index *index,
                      struct diag *reterr)
{
  CLEANUP(buf_release) struct buf sql = BUF_INIT(8192);
  buf_add_text(&sql, index->unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ");
  sqlite_add_name(&sql, index->name);
  buf_add_text(&sql, " ON ");
  sqlite_add_name(&sql, c->name);
  for (size_t i = 0; i < index->path_count; i++) {
    buf_add_char(&sql, i ? ',' : '(');
    sqlite_add_path(&sql, index->paths[i]);
  }
  buf_add_char(&sql, ')');
  CLEANUP(mem_free_at) char *what = mem_printf("cannot make the index %s", index->name);
  return sqlite_run(db->writer, buf_str(&sql).ptr, what, reterr);
}

static Err make_collection(struct sqlite_db *db, const struct sqlite_collection *c, struct map *left, struct diag *reterr)
{
  Err err = OK;
  if (!map_remove(left, str_of(c->name))) {
    CLEANUP(mem_free_at) char *sql =
        mem_printf("CREATE TABLE \"%s\"(id TEXT NOT NULL UNIQUE, doc TEXT NOT NULL)", c->name);
    err = sqlite_run(db->writer, sql, "cannot make a collection", reterr);
  }
  for (size_t i = 0; i < c->index_count && !err; i++)
    if (!map_remove(left, str_of(c->indexes[i].name)))
      err = make_index(db, c, &c->indexes[i], reterr);
  return err;
}

/* Only what is missing is made and only indexes nobody asks for any more are dropped, so a usual start writes nothing. */
static Err make_collections(struct sqlite_db *db, struct diag *reterr)
{
  CLEANUP(map_release) struct map left = {0};
  Err err = read_objects(db, &left, reterr);
  for (size_t i = 0; i < db->count && !err; i++)
    err = make_collection(db, &db->collections[i], &left, reterr);
  size_t at = 0;
  struct str name;
  void *value;
  while (!err && map_next(&left, &at, &name, &value)) {
    ptrdiff_t dot = str_find(name, '.');
    struct str kind = dot < 0 ? STR_NONE : str_sub(name, (size_t)dot, 4);
    if (!str_eqc(kind, ".ix.") && !str_eqc(kind, ".ux."))
      continue;
    CLEANUP(buf_release) struct buf sql = BUF_INIT(4096);
    buf_printf(&sql, "DROP INDEX \"%.*s\"", STR_ARG(name));
    err = sqlite_run(db->writer, buf_str(&sql).ptr, "cannot drop an index", reterr);
  }
  return err;
}

Err sqlite_schema_ready(struct sqlite_db *db, const char *path, struct diag *reterr)
{
  int64_t version = 0;
  Err err = check_owner(db, path, &version, reterr);
  if (!err && version)
    err = check_integrity(db, path, reterr);
  if (!err)
    err = sqlite_run(db->writer, "BEGIN IMMEDIATE", "cannot begin", reterr);
  if (err)
    return err;
  err = migrate(db, version, reterr);
  if (!err)
    err = make_collections(db, reterr);
  if (!err)
    err = sqlite_run(db->writer, "COMMIT", "cannot make the collections", reterr);
  if (err && !sqlite3_get_autocommit(db->writer))
    sqlite3_exec(db->writer, "ROLLBACK", NULL, NULL, NULL);
  return err;
}
