/* script/lib_fs.h: engine.fs: files below one folder, read off the loop.  Thread: loop thread. */
#ifndef SCRIPT_LIB_FS_H
#define SCRIPT_LIB_FS_H

#include <lua.h>

/* engine.fs.read(folder, path) -> text | nil, err (not_found, too_big, forbidden, invalid)      (waits)
 * `path` is relative; what leads out of `folder`, also by a symbolic link, is forbidden. At most FS_READ_MAX bytes. */
void lib_fs_open(lua_State *L);

#endif
