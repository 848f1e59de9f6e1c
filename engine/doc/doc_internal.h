/* doc/doc_internal.h: what the files of this folder share. */
#ifndef DOC_DOC_INTERNAL_H
#define DOC_DOC_INTERNAL_H

#include "doc/json.h"

/* json_parse with an allocator of one's own. */
NODISCARD Err json_parse_with(struct str text, const yyjson_alc *alc, yyjson_doc **ret_doc, struct diag *reterr);
/* A number that is whole and fits; 2.0 counts. */
bool json_to_int(yyjson_val *value, int64_t *ret);

/* An unchangeable copy of `value`. ERR_NOMEM. */
NODISCARD Err json_freeze(yyjson_mut_val *value, const yyjson_alc *alc, yyjson_doc **ret_doc);

/* Puts the members of every object into the order of their names, bytewise; the first of equal ones stays first. */
void json_sort(yyjson_mut_val *value);

/* nil and an error value { code, message }, for `return json_fail(L, …)`. */
int json_fail(lua_State *L, Err err, const char *message);   /* [-0, +2, m] */

/* Documents in the hands of the Lua collector: whatever is in the box is freed by __gc, so a raise loses nothing. Their
 * memory comes from the state's own allocator and counts against its cap. */
struct json_box {
  lua_Alloc alloc;
  void *ud;
  yyjson_alc alc;
  yyjson_doc *doc[2];
  yyjson_mut_doc *mut[2];
  char *text;
};
struct json_box *json_box(lua_State *L);              /* [-0, +1, m] */
void json_box_release(struct json_box *box);          /* frees what is inside, now */

#endif
