/* doc/schema_lua.h: the schema for policy Lua.
 *
 *   schema.normalise(type, value, "full" | "partial") -> value | nil, { code, message }     value nil counts as {}
 *   schema.merge(type, stored, partial) -> merged, { changed field names } | nil, { code, message }
 *   schema.default(type) -> value
 *   schema.request(group, name) -> { name, group, doc, result, access, resource, param, level, specific } | nil
 *
 * `type` is the name of a declared type; an unknown one raises. `group` is "read", "write", "execute", "auth/login" or
 * "auth/manage"; `access` "any", "admin", "resource", "create", "handler" or "none". Values follow doc/json.h; memory is the
 * state's own.
 *
 * Thread   that of the lua_State.  Zone: glue.
 */
#ifndef DOC_SCHEMA_LUA_H
#define DOC_SCHEMA_LUA_H

#include "doc/schema.h"

/* Pushes the module. `schema` must outlive the state. */
int schema_open(lua_State *L, const struct schema *schema);   /* [-0, +1, m] */

#endif
