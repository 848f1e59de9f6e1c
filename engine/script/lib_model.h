/* script/lib_model.h: the model as policy Lua sees it: engine.model, engine.status, engine.items.  Thread: loop thread. */
#ifndef SCRIPT_LIB_MODEL_H
#define SCRIPT_LIB_MODEL_H

#include <lua.h>

#include "model/status.h"

/* engine.model
 *   touch(kind, id?)                                        its list item is made anew
 *   require(user, kind, id_or_name, level, specifics?) -> document; raises not_found or forbidden
 *   perm(user, kind, id) -> "Read" or { level, specific }; raises not_found
 *   select(user, kind, query, level) -> documents by name; raises
 *   readable(user) -> { Kind = { id, … } }
 *   version(kind) -> integer, another one once any resource of the kind changed
 * engine.status
 *   state(server_id) -> "Ok" | "NotOk" | "Disabled" | nil
 *   container(server_id, name) -> container | nil
 *   part(server_id, path) -> value | nil                     of the last poll: "docker.images"
 *   text(server_id, path) -> the same as JSON text | nil
 * engine.items(functions)                                    sets the makers of list items, by kind
 * `user` is a table with id and admin. */
struct lib_model {
  struct model *model;
  struct status *status;
};
void lib_model_open(lua_State *L, const struct lib_model *config);   /* borrowed for the life of the state */

#endif
