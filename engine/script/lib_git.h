/* script/lib_git.h: engine.git: the git program, run to its end beside the loop.  Thread: loop thread. */
#ifndef SCRIPT_LIB_GIT_H
#define SCRIPT_LIB_GIT_H

#include <lua.h>

/* engine.git.run{ args = {…}, env = { "NAME=value", … }, timeout_ms =, file_bytes =, memory_bytes = }
 *   -> { code, stdout, stderr } | nil, err (unsupported: there is no git; timeout; cancelled; limit)              (waits)
 * No shell: `args` are git's own. The environment is `env` and what git needs of the engine's (PATH, proxies, certificates);
 * the program has no stdin and a process group of its own, which is killed at the deadline and when the caller is
 * cancelled. `file_bytes` bounds each file it writes, `memory_bytes` the data of each of its processes, EXEC_OUTPUT_MAX
 * what is kept of an output. */
void lib_git_open(lua_State *L);

#endif
