/* store/store_internal.h: what store.c, the backends and table's changes share. Not for other folders.
 *
 * store.c owns ops, queues and threads; a backend is a handful of blocking functions over one database. `write` and
 * `settle` run on the writing thread, `find` and `load` on one other thread at a time, open and close while no other call
 * runs. A backend never touches a `struct op`.
 */
#ifndef STORE_STORE_INTERNAL_H
#define STORE_STORE_INTERNAL_H

#include <stdatomic.h>

#include "net/mailbox.h"
#include "store/filter.h"
#include "store/store.h"

enum { STORE_GROUP_MAX = 512, STORE_GROUP_BYTES_MAX = 8 << 20 };   /* of one group commit */

enum mail_kind { MAIL_BATCH, MAIL_FIND, MAIL_FAREWELL };
struct store_mail {
  struct mail mail;
  enum mail_kind kind;
};

enum write_kind { WRITE_PUT, WRITE_INSERT, WRITE_DELETE, WRITE_PRUNE };
struct store_write {
  enum write_kind kind;
  size_t collection;        /* index in the list given at open */
  size_t key_at, key_len;   /* in batch.text; of a prune: the path */
  size_t json_at, json_len;
  int64_t below;            /* prune */
};

struct store_batch {
  struct op op;
  struct store_mail mail;
  struct store *store;
  struct store_batch *next;       /* in the queue or its group */
  struct store_write *writes;
  size_t count, cap;
  struct buf text;
  struct store_batch **after;     /* earlier batches this one rests on; a reference to each */
  size_t after_count;
  /* the writing thread's, until the mail arrives */
  Err err;
  struct diag *diag;
  bool more;                      /* a prune that is not through */
};

struct op_loop *store_loop(const struct store *store);
bool store_is_closed(const struct store *store);   /* store_close was called */
/* The batch fails when `earlier`, committed before it, fails: it was made from documents that were never stored. */
void store_batch_after(struct store_batch *b, struct store_batch *earlier);
struct str store_write_key(const struct store_batch *b, const struct store_write *w);
struct str store_write_json(const struct store_batch *b, const struct store_write *w);
/* Records the failure of a batch, with words. `d` may be NULL. */
void store_batch_fail(struct store_batch *b, Err err, const struct diag *d);
void store_batch_unfail(struct store_batch *b);

struct store_read {
  struct store_find find;
  struct store_mail mail;
  struct store *store;
  struct store_read *next;
  size_t collection;
  char *key;                  /* of a get; NULL for a find */
  struct buf filter_text;
  struct filter *filter;      /* parsed on the reading thread; NULL: all */
  char *sort;                 /* NULL: by key */
  bool descending;
  uint64_t skip, limit;
  atomic_bool cancelled;
  uint64_t deadline_ms;       /* monotonic; set when it starts to run */
  Err err;
  struct diag *diag;
};

struct store_backend {
  bool (*accepts)(const char *path);
  Err (*open)(const char *path, const struct store_collection *collections, size_t count, void **ret_db,
              struct diag *reterr);
  void (*close)(void *db);
  Err (*load)(void *db, size_t collection, store_load_fn *fn, void *data, struct diag *reterr);
  /* Makes the batches durable, in order: each failure is recorded in its batch (store_batch_fail). Returns the number of
   * durable transactions it took. */
  unsigned (*write)(void *db, struct store_batch **batches, size_t count);
  /* Housekeeping after the batches were acknowledged. */
  void (*settle)(void *db);
  /* Fills find.json and find.count. Stops soon after `cancelled` or the deadline. */
  Err (*find)(void *db, struct store_read *read, struct diag *reterr);
};

extern const struct store_backend store_sqlite;

#endif
