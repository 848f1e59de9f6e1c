/* store/table_internal.h: what table.c (rows) and change.c (writes on their way to them) share. Not for others. */
#ifndef STORE_TABLE_INTERNAL_H
#define STORE_TABLE_INTERNAL_H

#include "store/store_internal.h"
#include "store/table.h"

/* One write of a started change. Those of one row form a list, oldest first, whose newest is what table_latest sees. */
struct flight {
  struct table *table;
  struct flight *older, *newer;
  struct store_batch *batch;   /* of its change */
  char *id;
  struct str id_view, name;
  char *name_text;             /* NULL: no name, or a deletion */
  char *json;                  /* NULL: a deletion */
  size_t json_len;
  yyjson_doc *doc;             /* kept for `derive`; NULL when nobody derives */
};

struct table {
  struct table_config config;
  struct store *store;
  struct map rows;             /* id -> struct row */
  struct map names;            /* name -> struct row */
  struct map flights;          /* id -> newest struct flight */
  struct map claims;           /* name -> struct flight: a newest one, which will have that name */
  const struct row **sorted;
  size_t count, cap;
  struct row **dead;           /* swapped out, freed at the next turn of the loop */
  size_t dead_count, dead_cap;
  struct reaper *reaper;       /* NULL: none are dead */
  uv_loop_t *loop;
  uint64_t version;
};

/* The value at the dotted path when it is text; ptr NULL otherwise. Borrows from the document. */
struct str table_name_in(const struct table *t, yyjson_val *doc);
/* What a durable write makes of the row. Takes the flight's JSON and document. */
void table_apply(struct table *t, struct flight *f);
struct flight *table_flight(const struct table *t, struct str id);   /* the newest; NULL: none */

#endif
