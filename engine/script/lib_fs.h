/* script/lib_fs.h: engine.fs: files below one folder, off the loop.  Thread: loop thread. */
#ifndef SCRIPT_LIB_FS_H
#define SCRIPT_LIB_FS_H

#include <lua.h>

/* engine.fs.read(folder, path) -> text | nil, err (not_found, too_big, forbidden, invalid)      (waits)
 * `path` is relative; what leads out of `folder`, also by a symbolic link, is forbidden. At most FS_READ_MAX bytes.
 * engine.fs.list(folder) -> names of its entries, in no order | nil, err                          (waits)
 * engine.fs.remove(folder, name) -> true | nil, err: the entry with all that is in it; no link is followed   (waits)
 *   `name` is one name that does not begin with a dot. */
void lib_fs_open(lua_State *L);

#endif
