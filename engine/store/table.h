/* store/table.h: a collection kept in memory, written through.
 *
 * Reads are map lookups on the loop thread. A write goes to the store first; when it is durable the row is swapped, and
 * then the op of the commit completes. Whoever changes a row starts from table_latest(), which also sees writes still on
 * their way, so that two changes in flight do not lose one. A change of a row that has another change in flight rests on
 * that one: when the first fails, the second fails too, with the same code, and nothing of either is stored.
 * A name is taken as soon as a change that gives it is started; it is free again when the change that gave it up is
 * started. The database has the last word (unique index), the check here only answers sooner.
 *
 * Thread   loop thread. Memory: the table owns its rows; a row pointer is valid until the next turn of the loop (keep
 * the id, not the row).
 */
#ifndef STORE_TABLE_H
#define STORE_TABLE_H

#include "base/map.h"
#include "store/store.h"

struct table;
struct row {
  struct str id;            /* store key: 24-hex id, variable name, API key … */
  struct str name;          /* value of the name path; empty without one */
  struct str json;          /* the document, compact */
  void *ext;                /* what `derive` made of it */
  uint64_t version;         /* grows with every change of the table */
};

struct table_config {      /* copied; the texts are borrowed for the life of the table */
  const char *collection;
  const char *name_path;    /* unique field for lookups by name: "name", "username"; NULL: none */
  /* Makes `ext` from a parsed document (NULL allowed); `drop` frees it. Called at load and at every swap: derive of the
   * new row first, drop of the old one before the waiter of the change is told. */
  void *(*derive)(yyjson_val *doc, struct str id, void *data);
  void (*drop)(void *ext, void *data);
  /* Tells that a row changed (row NULL: it was removed), after the swap. May be NULL. */
  void (*on_change)(struct table *table, struct str id, const struct row *row, void *data);
  void *data;
};

NODISCARD Err table_open(struct store *store, const struct table_config *config, struct table **ret_table, struct diag *reterr);
/* When no change is in flight: in the callback of store_close, or before anything was changed. */
void table_free(struct table *table);
const char *table_collection(const struct table *table);

const struct row *table_get(const struct table *table, struct str id);            /* NULL: absent */
const struct row *table_find(const struct table *table, struct str name);         /* NULL: absent */
/* By id when the text is a 24-hex id, else by name (spec api.md 8.1). */
const struct row *table_resolve(const struct table *table, struct str id_or_name);
struct str table_latest(const struct table *table, struct str id);                /* newest JSON, also uncommitted; ptr NULL */
size_t table_count(const struct table *table);
/* All rows by name (bytes, ascending; by id when there are no names). Valid until the table changes. */
const struct row *const *table_sorted(struct table *table, size_t *ret_count);

/* A change over several tables and plain collections: all or nothing, durable, then visible, then the op completes. */
struct change;
struct change *change_new(struct store *store) NODISCARD;
void change_put(struct change *c, struct table *table, struct str id, struct str json);
void change_insert(struct change *c, struct table *table, struct str id, struct str json);
void change_delete(struct change *c, struct table *table, struct str id);
struct store_batch *change_batch(struct change *c);         /* to add documents of collections that are no tables */
void change_free(struct change *c);                         /* not started */
/* Takes it. Completes OK · ERR_CONFLICT name taken, or inserted id there already, with words · ERR_INVALID no JSON object ·
 * what a commit completes with (store.h). Cancel does nothing. */
void change_start(struct change *c, struct op **ret_op);

#endif
