/* doc/json.h: yyjson documents and their bridge to Lua.
 *
 * In Lua: an object is a plain table; an array is a table whose metatable is the engine's array mark (so `[]` stays `[]`);
 * null is the light userdata NULL (json.null); 64-bit integers are Lua integers, other numbers floats (1.0 stays 1.0);
 * unsigned values beyond 2^63-1 become floats. Tables without the mark: all keys 1..n -> array, {} -> object.
 *
 * Thread   that of the lua_State.  Zone: glue, raises Lua errors; owns nothing across a raise.
 */
#ifndef DOC_JSON_H
#define DOC_JSON_H

#include <lua.h>
#include <yyjson.h>

#include "base/buf.h"

enum {
  JSON_DEPTH_MAX = 128,              /* arrays and objects inside each other; one more is refused, by parser and bridge alike */
  JSON_BUILD_MAX = 64 * 1024 * 1024  /* bytes that json_build may put into a document: a table may name itself many times */
};

/* Registers the array metatable in this state and returns the module: { decode, encode, null, array, is_array, object,
 * array_mt }; also as require("engine.json").
 *   decode(text) -> value | nil, { code, message }     encode(value, { pretty, sorted }?) -> text, raises; memory is the state's own
 *   array(t?) marks and returns t      object(t?) takes the mark away      is_array(v) -> has it the mark? */
int json_open(lua_State *L);                                     /* [-0, +1, m] */
void json_push(lua_State *L, yyjson_val *value);                 /* [-0, +1, m] */
void json_push_text(lua_State *L, struct str text);              /* [-0, +1, e]  raises on bad JSON */
/* The Lua value at `index` as JSON text appended to `out`; raises "…cannot be JSON…" for functions, cycles, NaN, depth,
 * holes, mixed keys and text that is not UTF-8, naming the place. Reads raw: no metamethod runs, but a table in the
 * metatable's `__json` is written instead of its table. `out` must not be lost by the raise. */
void json_encode(lua_State *L, int index, struct buf *out);      /* [-0, +0, e] */
/* Builds it inside `doc` (strings are copied). */
yyjson_mut_val *json_build(lua_State *L, int index, yyjson_mut_doc *doc);   /* [-0, +0, e] */

/* ---- no Lua ---- */
/* mem_try and friends as an allocator for yyjson documents. */
extern const yyjson_alc json_alc;
/* Parses `text` strictly (RFC 8259, valid UTF-8). ERR_INVALID with position in words. Free with yyjson_doc_free. */
NODISCARD Err json_parse(struct str text, yyjson_doc **ret_doc, struct diag *reterr);
void json_doc_free(yyjson_doc **doc);                            /* for CLEANUP */
void json_mut_doc_free(yyjson_mut_doc **doc);
struct str json_str(yyjson_val *value);                          /* string value as view; ptr NULL for anything else */
struct str json_get_str(yyjson_val *object, const char *key);
bool json_get_bool(yyjson_val *object, const char *key, bool otherwise);
int64_t json_get_int(yyjson_val *object, const char *key, int64_t otherwise);
yyjson_val *json_path(yyjson_val *object, const char *dotted);   /* "config.server_id"; NULL when absent */
void json_write(yyjson_val *value, struct buf *out);             /* compact */
void json_write_mut(yyjson_mut_val *value, struct buf *out);
bool json_equal(yyjson_val *a, yyjson_val *b);                   /* objects in any key order; 1 and 1.0 equal */

#endif
