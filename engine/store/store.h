/* store/store.h: durable documents: a small interface over the embedded database (sqlite/) and, later, MongoDB.
 *
 * A collection holds JSON documents under text keys. Every call but store_open and store_close is asynchronous: it runs
 * on the store's own thread and its op completes on the loop thread. A commit is acknowledged when it is durable;
 * commits that wait together share one fsync (group commit), yet each stands or falls alone.
 *
 * Thread   loop thread. Memory: batches and finds are ops; texts given are copied.
 * Errors   ERR_CONFLICT unique index · ERR_FULL no space (reads go on, writes recover when space is back) ·
 *          ERR_CORRUPT · ERR_IO · ERR_CLOSED after store_close.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "doc/json.h"
#include "net/op.h"

enum store_kind { STORE_DOCS, STORE_KV };

/* What a collection is and which of its fields are indexed; given once, at open. */
struct store_collection {
  const char *name;                 /* "servers", "updates", … as in spec/monitoring.md */
  const char *unique;               /* dotted path with a unique index, e.g. "name"; may be NULL */
  const char *const *indexes;       /* dotted paths, NULL-ended; may be NULL */
};

struct store;
/* Opens or creates the database file, takes its lock (a second instance fails with ERR_BUSY in words), migrates, checks
 * integrity. Blocks: call it before the loop runs. */
NODISCARD Err store_open(struct op_loop *loop, const char *path, const struct store_collection *collections, size_t count,
                         struct store **ret_store, struct diag *reterr);
/* Finishes what is queued, then closes. */
void store_close(struct store *store, void (*on_closed)(void *data), void *data);

/* Reads a whole collection while opening (blocking, before the loop runs), in key order. */
typedef void store_load_fn(struct str key, struct str json, void *data);
NODISCARD Err store_load(struct store *store, const char *collection, store_load_fn *fn, void *data, struct diag *reterr);

/* ---- writing: all of a batch or nothing ---- */
struct store_batch;
struct store_batch *store_batch_new(struct store *store);
void store_batch_put(struct store_batch *b, const char *collection, struct str key, struct str json);      /* insert or replace */
void store_batch_insert(struct store_batch *b, const char *collection, struct str key, struct str json);   /* ERR_CONFLICT if there */
void store_batch_delete(struct store_batch *b, const char *collection, struct str key);                    /* absent is fine */
void store_batch_free(struct store_batch *b);                                                              /* not started */
/* Takes the batch. Completes when durable. */
void store_commit(struct store_batch *b, struct op **ret_op);

/* ---- reading ---- */
struct store_query {
  const char *collection;
  struct str filter;       /* MongoDB filter document (JSON): equality on dotted paths, $or, $and, $in, $nin, $ne, $gt(e), $lt(e),
                              $exists, $regex refused; extended JSON ({"$oid"}) understood. Empty: all. spec/api.md 8.5 */
  const char *sort;        /* dotted path; NULL: by key */
  bool descending;
  uint64_t skip, limit;    /* limit 0: no limit */
};
struct store_find {
  struct op op;            /* ERR_INVALID: filter not understood, with words */
  struct buf json;         /* a JSON array of the documents */
  uint64_t count;
};
void store_find(struct store *store, const struct store_query *query, struct store_find **ret_find);
/* One document by key: ERR_NOTFOUND when absent; `json` is the document itself. */
void store_get(struct store *store, const char *collection, struct str key, struct store_find **ret_find);
/* Deletes all documents of a collection whose `path` is below `value`: stats older than so many days. */
void store_prune(struct store *store, const char *collection, const char *path, int64_t value, struct op **ret_op);

struct store_stats {
  uint64_t commits, batches, documents;   /* fsyncs, acknowledged batches, documents written */
};
void store_stats(const struct store *store, struct store_stats *ret);

#endif
