/* store/store.h: durable documents: a small interface over the embedded database (sqlite/) and, later, MongoDB.
 *
 * A collection holds JSON documents under text keys. Every call but store_open, store_load and store_stats is
 * asynchronous: it runs on the store's own threads (one writes, one reads) and its op completes on the loop thread. A
 * commit is acknowledged when it is durable; commits that wait together share one fsync (group commit), yet each stands
 * or falls alone. A read sees everything acknowledged before it started.
 *
 * Thread   loop thread. Memory: batches and finds are ops; texts given are copied.
 * Errors   ERR_CONFLICT unique index · ERR_FULL no space (reads go on, writes recover when space is back) ·
 *          ERR_CORRUPT · ERR_IO · ERR_BUSY another program holds the database · ERR_LIMIT queue full ·
 *          ERR_TOOBIG · ERR_CLOSED after store_close.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "doc/json.h"
#include "net/op.h"

enum {
  STORE_DOC_MAX = 16 << 20,       /* bytes of one document, as in MongoDB */
  STORE_KEY_MAX = 1024,           /* bytes of a key, at least 1 */
  STORE_BATCH_MAX = 64 << 20,     /* bytes of keys and documents in one batch */
  STORE_QUEUE_MAX = 10000,        /* batches not acknowledged yet; the next one is ERR_LIMIT */
  STORE_QUEUE_BYTES_MAX = 128 << 20,
  STORE_FINDS_MAX = 1000,         /* finds and gets not answered yet; the next one is ERR_LIMIT */
  STORE_RESULT_MAX = 64 << 20,    /* bytes of one result; more is ERR_TOOBIG */
  STORE_FIND_MS_MAX = 5000,       /* a find that runs longer is ERR_TIMEOUT, so that others get their turn */
};

/* What a collection is and which of its fields are indexed; given once, at open, and borrowed until the store is closed. An index is a dotted path or several,
 * joined by commas ("target.type,target.id,start_ts"): equality on the first paths, then order or range on the next.
 * Documents must not hold arrays on an indexed path: finds would miss them. */
struct store_collection {
  const char *name;                 /* "Server", "Update", …: store/store_collections.h */
  const char *unique;               /* a unique index, e.g. "name"; may be NULL. Documents without the field are free */
  const char *const *indexes;       /* NULL-ended; may be NULL */
};

struct store;
/* Opens or creates the database at `path` (a file), takes its lock (a second instance fails with ERR_BUSY in words),
 * migrates, checks integrity. Blocks: call it before the loop runs.
 * Errors   ERR_UNSUPPORTED written by a newer engine · ERR_CORRUPT · ERR_INVALID not our file, bad collection name ·
 *          ERR_CONFLICT stored documents break a new unique index · ERR_IO, ERR_FULL, ERR_FORBIDDEN */
NODISCARD Err store_open(struct op_loop *loop, const char *path, const struct store_collection *collections, size_t count,
                         struct store **ret_store, struct diag *reterr);
/* Finishes what is queued, then closes; every op completes before `on_closed` (may be NULL), its waiter may be told after. */
void store_close(struct store *store, void (*on_closed)(void *data), void *data);

/* Reads a whole collection while opening (blocking, before the loop runs), in key order. The texts live for the call. */
typedef void store_load_fn(struct str key, struct str json, void *data);
NODISCARD Err store_load(struct store *store, const char *collection, store_load_fn *fn, void *data, struct diag *reterr);

/* ---- writing: all of a batch or nothing ---- */
struct store_batch;
struct store_batch *store_batch_new(struct store *store) NODISCARD;
void store_batch_put(struct store_batch *b, const char *collection, struct str key, struct str json);      /* insert or replace */
void store_batch_insert(struct store_batch *b, const char *collection, struct str key, struct str json);   /* ERR_CONFLICT if there */
void store_batch_delete(struct store_batch *b, const char *collection, struct str key);                    /* absent is fine */
void store_batch_free(struct store_batch *b);                                                              /* not started */
/* Takes the batch. Completes when durable; a mistake made while filling it (unknown collection, text too big) is told
 * here. Cancel does nothing: a write may be on the disk already. After an error nothing of it is visible, but when the
 * disk itself failed in the middle (ERR_IO), it may come back when the database is opened again. */
void store_commit(struct store_batch *b, struct op **ret_op);

/* ---- reading ---- */
struct store_query {
  const char *collection;
  struct str filter;       /* MongoDB filter document (JSON), store/filter.h. Empty: all. spec/api.md 8.5 */
  const char *sort;        /* dotted path; NULL: by key. Ties: in order of first insertion (newest first when descending) */
  bool descending;
  uint64_t skip, limit;    /* limit 0: no limit */
};
struct store_find {
  struct op op;            /* ERR_INVALID: filter not understood, with words · ERR_TIMEOUT · ERR_TOOBIG · ERR_CANCELLED */
  struct buf json;         /* a JSON array of the documents */
  uint64_t count;
};
void store_find(struct store *store, const struct store_query *query, struct store_find **ret_find);
/* One document by key: ERR_NOTFOUND when absent; `json` is the document itself. */
void store_get(struct store *store, const char *collection, struct str key, struct store_find **ret_find);
/* Deletes all documents of a collection whose number at `path` is below `value`: stats older than so many days. Works in
 * portions between other writes; completes when none is left, ERR_CLOSED when the store closes first. */
void store_prune(struct store *store, const char *collection, const char *path, int64_t value, struct op **ret_op);

struct store_stats {
  uint64_t commits, batches, documents;   /* fsyncs, acknowledged batches, documents written */
};
void store_stats(const struct store *store, struct store_stats *ret);

#endif
