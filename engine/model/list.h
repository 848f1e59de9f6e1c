/* model/list.h: List*, ListFull* and Get*Summary of every resource type, from memory.  Thread: loop thread. */
#ifndef MODEL_LIST_H
#define MODEL_LIST_H

#include "model/model.h"

/* params: normalised {query, page, limit, sort_by, sort_desc}. Appends the JSON array to `out`. */
NODISCARD Err list_run(struct model *model, enum kind kind, bool full, yyjson_val *params, const struct viewer *viewer,
                       struct buf *out, struct diag *reterr);
/* Resources a query selects (spec api.md 8.2), in name order, for requests that only use it to choose.
 * The array is the caller's (mem_free); rows are valid until the loop turns. */
NODISCARD Err list_select(struct model *model, enum kind kind, yyjson_val *query, const struct viewer *viewer, struct perm need,
                          const struct row ***ret_rows, size_t *ret_count, struct diag *reterr);
void list_summary(struct model *model, enum kind kind, const struct viewer *viewer, struct buf *out);

#endif
