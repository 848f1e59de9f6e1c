/* doc/schema.h: the declared types and requests (stdlib/lua/komodo/schema), compiled into C tables.
 *
 * One declaration serves validation, defaults, normalisation, partial merge and dispatch. Immutable once loaded, so
 * any thread may read it.
 */
#ifndef DOC_SCHEMA_H
#define DOC_SCHEMA_H

#include "doc/json.h"

struct schema;
struct schema_type;

enum schema_group { SCHEMA_LOGIN, SCHEMA_MANAGE, SCHEMA_READ, SCHEMA_WRITE, SCHEMA_EXECUTE, SCHEMA_GROUP_COUNT };
enum schema_access {
  ACCESS_ANY,        /* any enabled user */
  ACCESS_ADMIN,      /* user.admin */
  ACCESS_RESOURCE,   /* `level` and `specific` on the resource that `param` names */
  ACCESS_CREATE,     /* who may create this resource type (spec api.md 10.1) */
  ACCESS_HANDLER,    /* the handler decides; its doc says how */
  ACCESS_NONE,       /* no credentials (login group) */
};

struct schema_request {
  const char *name;
  enum schema_group group;
  const struct schema_type *params;      /* a struct type */
  const char *result;                    /* type expression as declared, for documents */
  const char *doc;
  enum schema_access access;
  const char *resource;                  /* "Stack", … or NULL; also for ACCESS_CREATE */
  const char *param;                     /* which parameter names the resource */
  const char *level;                     /* "Read", "Execute", "Write" */
  const char *const *specific;           /* NULL-ended, may be NULL */
};

/* Calls require("komodo.schema") in L and compiles what it returns. A mistake in a declaration is ERR_INVALID naming it.
 * Call json_open(L) first, so that declared arrays carry the mark. The schema does not need L afterwards. */
NODISCARD Err schema_load(lua_State *L, struct schema **ret_schema, struct diag *reterr);
void schema_free(struct schema *schema);

const struct schema_type *schema_type(const struct schema *schema, const char *name);   /* NULL: unknown */
/* By name or alias. NULL: unknown. */
const struct schema_request *schema_request(const struct schema *schema, enum schema_group group, struct str name);
bool schema_group_parse(struct str text, enum schema_group *ret);    /* "read", "write", "execute", "auth/login", "auth/manage" */
const struct schema_request *schema_request_at(const struct schema *schema, size_t index);   /* NULL past the end */

enum schema_mode {
  SCHEMA_FULL,      /* defaults filled in, every declared field present, declared order; missing mandatory field: ERR_SHAPE */
  SCHEMA_PARTIAL,   /* given fields alone; null top-level fields dropped (spec api.md 10.4) */
  SCHEMA_FROM_LUA,  /* as SCHEMA_FULL, and {} counts as an empty list where one is wanted: an empty table does not say what it is */
};
/* Checks `in` and writes its normal form into `out` (string lists parsed, file contents trimmed, aliases renamed, unknown
 * fields dropped …). `in` NULL counts as {}. ERR_SHAPE: the message names the field by its path and what it wants; ERR_NOMEM.
 * Texts are copied; names of fields, enum values and default texts are borrowed from the schema, which must outlive `out`.
 * A field marked skip_empty is left out when null, false, "", [], {} or version 0.0.0 (not in partials). Whole floats count
 * as integers; fields of type number come out as floats. */
NODISCARD Err schema_normalise(const struct schema_type *type, yyjson_val *in, enum schema_mode mode, yyjson_mut_doc *out,
                               yyjson_mut_val **ret, struct diag *reterr);
/* Merges a normalised partial over a stored full value, field by field, one level deep (spec api.md 10.4; tagged unions of
 * the same variant merge their params). `stored` is normalised first, so fields it lacks have their defaults; `partial` NULL
 * changes nothing. ret_changed: names of changed top-level fields, as a JSON array in `out`; for a union of the same
 * variant those of its params, for another variant tag and content. */
NODISCARD Err schema_merge(const struct schema_type *type, yyjson_val *stored, yyjson_mut_val *partial, yyjson_mut_doc *out,
                           yyjson_mut_val **ret, yyjson_mut_val **ret_changed, struct diag *reterr);
/* The default of every field; mandatory ones are left out. A union: its first variant. NULL: no memory. */
yyjson_mut_val *schema_default(const struct schema_type *type, yyjson_mut_doc *out);

#endif
