/* conf/merge.h: laying one document over another (spec auth.md 3.2). Thread: any. */
#ifndef CONF_MERGE_H
#define CONF_MERGE_H

#include <yyjson.h>

#include "base/err.h"

/* Lays the object `src` over the object `dst`: members of both are merged when `nested`, lists of both joined when
 * `extend`; else the later value counts. `dst` belongs to `doc`; what it needs of `src` is copied. A table or list that meets something
 * else is ERR_INVALID naming the key, and `dst` is then untouched. ERR_NOMEM leaves
 * it half merged. */
NODISCARD Err merge_into(yyjson_mut_doc *doc, yyjson_mut_val *dst, yyjson_mut_val *src, bool nested, bool extend,
                         struct diag *reterr);

#endif
