/* script/policy_internal.h: what policy.c, task.c, bridge.c and lib_engine.c share. */
#ifndef SCRIPT_POLICY_INTERNAL_H
#define SCRIPT_POLICY_INTERNAL_H

#include <lualib.h>

#include "base/embed.h"
#include "script/libs.h"
#include "script/policy.h"

enum { POLICY_RESULT_MAX = 256 * 1024 * 1024 };   /* a handler's result; ours, so this is a backstop */

/* One coroutine of the policy state. Starts, waits on one op at a time, completes its own op. */
struct task {
  struct policy_task pub;       /* first: an op pointer is a task pointer */
  struct policy *policy;
  struct task *prev, *next;     /* all live tasks */
  char *name;                   /* of the handler; for the log */
  lua_State *co;
  int ref;                      /* keeps co */
  int (*push)(lua_State *L, void *data);
  void *data;
  struct op *waiting;           /* own reference; NULL while it runs */
  struct diag *diag;            /* the error it ended with */
  Err outcome;
  bool cancel_pending;          /* raised at the next wait, once */
  bool background;              /* nobody reads its error: log it */
};

struct policy {
  struct op_loop *loop;
  lua_State *L;
  const char *stdlib_dir;
  const struct embed_file *stdlib;
  struct task *tasks;
  struct task *current;         /* whose code runs now */
  uv_timer_t grace;             /* after policy_close: tasks that do not end by themselves are dropped when it fires */
  bool closing;
  void (*on_closed)(void *data);
  void *on_closed_data;
};

extern const struct embed_file script_core[];     /* stdlib/lua/komodo/_core */

struct policy *policy_of(lua_State *L);

/* ---- task.c ---- */
/* A task that has not started. Put the function and its arguments on the stack of `co`. Two references, as of its op. */
struct task *task_new(struct policy *policy, const char *name);
/* Starts or goes on, until it waits or ends. `arguments` counts at the start only. */
void task_run(struct task *task, int arguments);
/* Starts on the next turn of the loop. */
void task_start_later(struct task *task);
void task_cancel(struct op *op);
void task_drop(struct task *task);
int task_traceback(lua_State *L);                 /* message handler: words become an error table with the traceback */

/* ---- bridge.c ---- */
extern const char script_json_mark;              /* its address beside a result marks JSON text (engine.raw) */
extern const char script_parked;                  /* its address marks the engine's own yields */
void bridge_open(lua_State *L);                   /* metatables */
void errors_open(lua_State *L);                   /* the metatable of lua_mark_err, for those who look for it by name */

/* ---- feed.c: a log, a body, a terminal: what comes piece by piece and is read by one task at a time ---- */
struct feed {                                     /* first in what it is part of; Lua holds it by a handle, a pointer to it */
  unsigned refs;
  struct op *reader;                              /* waits for a piece or the end */
  void (*free)(struct feed *feed);
};
void feed_unref(struct feed *feed);
void feed_wake(struct feed *feed, Err err);       /* the reader, if any, looks again, or ends with the error */
/* Ends a C function that found nothing to read: once woken, `again`, mostly that same function, is called anew. */
int feed_wait(lua_State *L, struct feed *feed, const char *what, lua_CFunction again);
struct feed **feed_handle(lua_State *L, const char *class_name);  /* [-0, +1, m] a handle without a feed yet */
void *feed_check(lua_State *L, const char *class_name);           /* [-0, +0, e] the feed of the handle at 1 */
void *feed_close(lua_State *L, const char *class_name);           /* [-0, +0, e] takes it from the handle; NULL: closed before */

/* ---- lib_engine.c, loader.c ---- */
int lib_engine_open(lua_State *L);                /* [-0, +1, m] the `engine` table */
int lib_engine_handle(lua_State *L);              /* engine.handle, beside policy_call in policy.c */
void loader_open(lua_State *L);                   /* replaces package.searchers */
const struct embed_file *embed_find(const struct embed_file *files, const char *path);

#endif
