/* store/sqlite/sqlite_internal.h: the embedded database: one file, two connections (a writer, a reader), WAL.
 *
 * Layout   a rowid table per collection: "<name>"(id TEXT UNIQUE, doc TEXT). Measured with 1.5 KB documents against WITHOUT
 *          ROWID: inserts 1.8 times, updates 1.6 times, reads by key 2.6 times as fast, and half the file, because fat rows
 *          stay out of inner pages. Indexes are expressions over doc, "<name>.ix.<paths>" and "<name>.ux.<paths>".
 *          application_id says whose file it is, user_version the version of this layout (migrations: sqlite_schema.c).
 * Lock     "<file>.lock", flock: falls with the process, however that ends.
 * Thread   each connection is used by one thread at a time.
 */
#ifndef STORE_SQLITE_SQLITE_INTERNAL_H
#define STORE_SQLITE_SQLITE_INTERNAL_H

#include <sqlite3.h>

#include "store/store_internal.h"

enum { SQLITE_PATHS_MAX = 6 };   /* of one index */

struct sqlite_index {
  struct str paths[SQLITE_PATHS_MAX];   /* borrowed from the collection list */
  size_t path_count;
  bool unique;
  char *name;
};

struct sqlite_collection {
  const char *name;
  struct sqlite_index *indexes;
  size_t index_count;
  sqlite3_stmt *put, *insert, *remove;   /* writer's, made at first use */
  sqlite3_stmt *get;                     /* reader's */
};

struct sqlite_db {
  sqlite3 *writer, *reader;
  sqlite3_stmt *begin, *commit, *rollback, *savepoint, *release, *undo;
  struct sqlite_collection *collections;
  size_t count;
  int lock;                              /* descriptor of the lock file */
  int wal_pages;                         /* in the log after the last commit */
  struct store_read *reading;            /* what the progress handler watches */
};

/* ---- sqlite_file.c ---- */
/* Makes the folders (0700) and the file (0600), takes the lock. ret_lock: descriptor, -1 before. */
NODISCARD Err sqlite_file_prepare(const char *path, int *ret_lock, struct diag *reterr);

/* ---- sqlite_schema.c ---- */
NODISCARD Err sqlite_schema_ready(struct sqlite_db *db, const char *path, struct diag *reterr);
NODISCARD Err sqlite_collections_parse(struct sqlite_db *db, const struct store_collection *list, size_t count,
                                       struct diag *reterr);
void sqlite_collections_free(struct sqlite_db *db);   /* with their statements */

/* ---- sqlite.c ---- */
/* The failure of the last call on `conn` as our code, with words starting with `what`. */
Err sqlite_fail(sqlite3 *conn, int rc, const char *what, struct diag *reterr);
NODISCARD Err sqlite_run(sqlite3 *conn, const char *sql, const char *what, struct diag *reterr);
NODISCARD Err sqlite_prepare(sqlite3 *conn, struct str sql, sqlite3_stmt **ret, struct diag *reterr);
/* Appends json_extract(doc,'$."a"."b"') for a checked path, as the indexes have it. */
void sqlite_add_path(struct buf *sql, struct str path);
/* "name" with quotes; the name was checked at open. */
void sqlite_add_name(struct buf *sql, const char *name);

/* ---- sqlite_write.c ---- */
unsigned sqlite_write(void *db, struct store_batch **batches, size_t count);
void sqlite_settle(void *db);
int sqlite_on_wal(void *db, sqlite3 *conn, const char *name, int pages);

/* ---- sqlite_read.c ---- */
Err sqlite_find(void *db, struct store_read *read, struct diag *reterr);
Err sqlite_load(void *db, size_t collection, store_load_fn *fn, void *data, struct diag *reterr);
NODISCARD Err sqlite_read_ready(struct sqlite_db *db, struct diag *reterr);

/* ---- sqlite_plan.c ---- */
enum { SQLITE_TERMS_MAX = SQLITE_PATHS_MAX + 2, SQLITE_IN_MAX = 500 };
struct sqlite_term {
  enum filter_kind kind;           /* FILTER_EQ, FILTER_IN or an order */
  struct str path;                 /* "": the key */
  struct value value;
  const struct filter_node *in;    /* FILTER_IN */
};
/* The conditions of a filter that one index serves, and the order: all that SQL does. Terms never exclude a document the
 * filter accepts; what they let through is matched with filter_match. */
struct sqlite_plan {
  const struct sqlite_index *index;      /* NULL: none */
  struct sqlite_term terms[SQLITE_TERMS_MAX];
  size_t term_count;
  bool ordered;                          /* rows come in the order asked for, without sorting */
};
void sqlite_plan_make(const struct sqlite_collection *c, const struct store_read *read, struct sqlite_plan *ret_plan);
/* The statement of a find. It gives documents when plan.ordered, else keys, so that sorting moves no documents.
 * Parameters: those of the terms, then limit and skip. */
void sqlite_plan_sql(const struct sqlite_plan *plan, const struct sqlite_collection *c, const struct store_read *read,
                     struct buf *sql);
/* Binds all parameters. */
NODISCARD int sqlite_plan_bind(const struct sqlite_plan *plan, const struct store_read *read, sqlite3_stmt *stmt);

#endif
