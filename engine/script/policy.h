/* script/policy.h: the trusted Lua of the engine: one state on the loop thread, every call a coroutine.
 *
 * Policy modules (stdlib/lua/komodo/) register handlers; C calls them by name. A handler reads like blocking code: it
 * waits on ops (net/op.h) and the loop goes on. User scripts never run here (script/worker.h).
 *
 * Thread   loop thread.
 */
#ifndef SCRIPT_POLICY_H
#define SCRIPT_POLICY_H

#include <lua.h>

#include "doc/json.h"
#include "net/op.h"

struct policy;

struct policy_config {
  struct op_loop *loop;
  const char *stdlib_dir;                         /* serve modules from this folder instead of the embedded ones; may be NULL */
  const struct embed_file *stdlib;                /* the embedded stdlib */
  /* Opens the engine's own namespaces (lib_*.c) in the state before any module loads. */
  void (*open_libs)(lua_State *L, void *data);
  void *data;
};

NODISCARD Err policy_new(const struct policy_config *config, struct policy **ret_policy, struct diag *reterr);
/* Cancels what runs; on_closed when no task is left. */
void policy_close(struct policy *policy, void (*on_closed)(void *data), void *data);
lua_State *policy_state(struct policy *policy);
/* Loads a module (require) at start; a Lua error comes back in words. */
NODISCARD Err policy_require(struct policy *policy, const char *module, struct diag *reterr);

/* A running call. Completes OK with `result` (JSON of the first returned value, empty for none), or with the error: a Lua
 * table { code = "not_found", message =, trace = {..} } keeps its code, any other error is ERR_INTERNAL and is logged. */
struct policy_task {
  struct op op;
  struct buf result;
  int status;            /* HTTP status when the handler's error names one; else err_status() */
};

/* Calls handlers[name](...) registered by policy modules with `engine.handle(name, fn)`. Arguments: `push` puts them on
 * the coroutine's stack and returns their number. ERR_UNSUPPORTED: no such handler. */
bool policy_has(const struct policy *policy, const char *name);
NODISCARD Err policy_call(struct policy *policy, const char *name, int (*push)(lua_State *L, void *data), void *data,
                          struct policy_task **ret_task, struct diag *reterr);

/* ---- for bindings: the five steps of a waiting function (check, box, start, park, finish) ---- */
struct op **op_box(lua_State *L);                                        /* [-0, +1, m] pushes the box userdata */
int op_await(lua_State *L, struct op **box, lua_KFunction finish);       /* yields, or finishes now */
int lua_fail(lua_State *L, const struct op *op, const char *what);       /* nil, err; raises when cancelled */
struct op_loop *script_loop(lua_State *L);                               /* the loop this state lives on */

#endif
