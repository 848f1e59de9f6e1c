/* script/run_internal.h: one run of a user script and who may touch what.
 *
 * loop thread      everything marked L
 * under the lock   everything marked S (runner->lock)
 * the owner        everything marked O: the worker while RUNNING, nobody while READY or WAITING, whoever ends it
 * any, atomic      everything marked A
 */
#ifndef SCRIPT_RUN_INTERNAL_H
#define SCRIPT_RUN_INTERNAL_H

#include <lauxlib.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "net/mailbox.h"
#include "script/alloc.h"
#include "script/runner.h"

enum { TRACE_MAX = 4096, MESSAGE_MAX = 2048, LOG_INTERVAL_MS = 200, CANCEL_GRACE_MS = 60, TICK_MS = 5, HARD_MS = 10, SPARE_MAX = 16 };

enum run_state { RUN_READY, RUN_RUNNING, RUN_WAITING, RUN_ENDED };
enum run_kill { KILL_NONE, KILL_CANCEL, KILL_CPU, KILL_TIME, KILL_PANIC };
enum run_yield { YIELD_NONE, YIELD_WAIT, YIELD_SLICE };   /* why the coroutine came back; NONE: its own affair */

/* Scripts that waited or are new come before those that used up their slice (ready.c). */
enum ready_queue { READY_FRESH, READY_BULK, READY_QUEUES };

enum { CORE_PARTS = 12 };   /* rows of core_parts */

enum run_finish { FINISH_NOTHING, FINISH_RESULT, FINISH_ERROR, FINISH_MEMORY };

struct run;
struct worker;

/* From a worker to the loop thread. */
struct message {
  struct mail mail;
  enum { MESSAGE_REQUEST, MESSAGE_ABANDON, MESSAGE_LOG, MESSAGE_ENDED } kind;
  struct run *run;
};

/* What a script waits for. Travels worker -> loop -> worker; answered in place. */
struct request {
  struct message message, abandon;
  struct request *next, *prev;      /* of the run's inbox (S), or of its requests under way (L) */
  struct fiber *task;                /* O: which task of the script waits for it */
  bool is_abandoned;                /* S: nobody waits any more; its abandon message frees it */
  bool is_told;                     /* nobody waits for its answer */
  bool is_linked;                   /* L: it is among the requests under way */
  bool is_answered;                 /* S: it is in the inbox */
  size_t outside;                   /* its share of run->outside */
  bool is_sleep;
  uint64_t sleep_ms;
  enum script_group group;
  char *name, *params;
  size_t params_len;
  struct op *timer;                 /* L: of a sleep */
  struct script_call *call;         /* L: of a call under way */
  /* the answer */
  Err err;
  int status;
  char *json;
  size_t json_len;
  struct diag *diag;
};

/* One thread of control of a script: the main chunk, or what komodo.spawn started. All of it belongs to the owner of the
 * run. Lives in the script's heap, anchored in the registry while it is alive. */
struct fiber {
  lua_State *co;
  struct fiber *parent, *child, *prev, *next;   /* the tree: children end with their parent */
  struct request *request;          /* what it waits for */
  enum task_queue { TASK_UNQUEUED, TASK_READY, TASK_PARKED } queue;
  struct fiber *queue_prev, *queue_next;
  enum task_end { TASK_ALIVE, TASK_DONE, TASK_FAILED, TASK_CANCELLED } end;
};

struct fiber_list { struct fiber *first, *last; };

struct run {
  struct script_run pub;            /* L; first */
  struct runner *runner;
  struct run *prev, *next;          /* L: all runs alive */

  /* what to run: written before the run is ready, then read by its owner */
  char *source, *chunk_name, *args, *info;
  size_t source_len, args_len, info_len;
  struct script_limits limits;
  bool is_rule;
  int64_t seed;                     /* 0: not recorded */
  void (*on_log)(struct script_run *run, struct str lines, void *data);
  void *user, *data;

  enum run_state state;             /* S */
  struct run *queue_prev, *queue_next;   /* S: of a ready queue */
  enum ready_queue queue;           /* S: which one */
  uint64_t debt_ns, debt_at_ms;     /* S: CPU time used lately, as of when (ready.c) */
  struct worker *worker;            /* S: who runs it */
  struct request *inbox, *inbox_last;    /* S: answered requests */
  atomic_uint answered;             /* A: how many there are */
  atomic_int kill;                  /* A: enum run_kill; the first reason stays */
  atomic_bool is_hard;              /* A: a cancelled run had its chance */
  atomic_size_t outside;            /* A: bytes of parameters and answers, which are not in the heap but count as if */

  struct heap *heap;                /* O */
  lua_State *L, *co;                /* O */
  enum run_yield yielded;           /* O */
  bool cancel_raised;               /* O */
  bool cancel_told;                 /* O: the main task was woken for it */
  struct fiber main, *current;       /* O */
  struct fiber_list ready, parked;   /* O: tasks that can go on; tasks that wait for the end of others */
  unsigned tasks;                   /* O: alive, without the main one */
  int closing;                      /* O: coroutines being closed inside each other */
  int blocked;                      /* O: resumes inside C calls that cannot yield */
  struct request *held;             /* O: an answer that is becoming a Lua value */
  enum run_finish finish;           /* O: what the value left on co is */
  struct evp_md_ctx_st *digest;     /* O: one that is being made */
  unsigned under_way;               /* O: requests not taken yet */
  uint64_t cpu_ns;                  /* O */
  uint64_t api_calls;               /* O */
  uint64_t cpu_base_ns, calls_base; /* O: where they stood when the limits last began anew (rules: each poll) */
  struct script_outcome outcome;    /* O: becomes pub.outcome */

  uv_mutex_t log_lock;
  struct buf log;                   /* log_lock */
  size_t log_total, log_dropped;    /* log_lock */
  bool log_posted;                  /* log_lock: log_message is on its way, or its lines wait for their time */
  bool log_said_full;               /* log_lock */
  struct message log_message, ended_message;
  atomic_uint posted;               /* A: messages the loop thread has not taken */

  struct request *requests;         /* L: under way */
  uv_timer_t timer;                 /* L: the nearest of the times below; 0: none */
  uint64_t wall_at_ms, log_at_ms, hard_at_ms;
  bool log_taken;                   /* log_message came, and its lines have not been told yet */
  uint64_t started_ms, log_told_ms;
  bool is_over, timer_closed;
};

struct worker {
  struct runner *runner;
  struct worker *next;
  uv_thread_t thread;
  bool is_extra, is_finished;       /* S */
  bool is_demoted;                  /* S: it was stuck and got the lowest priority, which it cannot leave: it ends with its run */
  struct run *volatile run;         /* whose code runs now; NULL: no signal matters */
  lua_State *volatile current;      /* the coroutine that runs */
  volatile sig_atomic_t guard;      /* engine code is on the stack: the script may not be left now */
  volatile sig_atomic_t pending;    /* a tick fell into the guard */
  volatile sig_atomic_t in_handler; /* walking a deep stack may take longer than a tick: handlers must not nest */
  sigjmp_buf leave;
  timer_t timer;
  _Atomic pid_t tid;
  uint64_t cpu_begin_ns;
  uint64_t hook_since_ns;           /* when the kill hook was set; 0: it is not */
  _Atomic uint64_t slice_since_ms;  /* A: since when it has this run; 0: idle */
  char trace[TRACE_MAX];
  int trace_line;
};

struct runner {
  struct runner_config config;
  uv_mutex_t lock;
  uv_cond_t wake;
  struct { struct run *first, *last; } ready[READY_QUEUES];   /* S */
  unsigned fresh_streak;            /* S: fresh ones taken since the last of the bulk */
  atomic_uint ready_count;
  unsigned active;                  /* S: ready and running */
  unsigned base, idle, threads;     /* S */
  bool stop;                        /* S */
  struct worker *workers;           /* S */
  struct heap *spare[SPARE_MAX];    /* S: heaps of the default size, kept warm */
  unsigned spares;
  size_t spare_capacity;
  struct heap **grave;              /* S: large heaps of runs that ended on the loop thread; workers free them */
  unsigned graves;

  struct mailbox mailbox;
  uv_timer_t monitor;               /* L: runs while anything is active */
  struct run *runs;                 /* L */
  unsigned alive, timers;           /* L */
  bool closing;
  int closing_handles;
  void (*on_closed)(void *data);
  void *on_closed_data;
  struct { char *code; size_t len; } core[CORE_PARTS];   /* the Lua half of `komodo`, compiled once */
};

/* ---- ready.c: which run is next; with the lock held ---- */
void run_enqueue(struct run *run, bool used_its_slice);
void ready_unlock(struct runner *runner);          /* lets go of the lock and wakes who is needed for what was enqueued */
void run_dequeue(struct run *run);
struct run *run_take(struct runner *runner);       /* NULL: none is ready */
void run_charge(struct run *run, uint64_t cpu_ns); /* it used that much */

/* ---- worker.c ---- */
NODISCARD Err workers_start(struct runner *runner, unsigned count);
void workers_stop(struct runner *runner);          /* joins */
/* Joins threads that ended; adds one while others do not let go of theirs. Called with the lock held. */
void workers_balance(struct runner *runner, uint64_t now_ms);
/* Gives its memory back; the caller owns the run; no lock held. `later`: on the loop thread, where a large heap may not take
 * the time it takes. */
void run_drop_state(struct run *run, bool later);
void run_set_killed(struct run *run);              /* the outcome of a run that was stopped */
int run_kill_set(struct run *run, enum run_kill kill);   /* returns the reason that holds: the first */

/* ---- stop.c: leaving a script ---- */
void stop_open(struct worker *worker);             /* on the worker's thread */
void stop_close(struct worker *worker);
void stop_arm(struct worker *worker, struct run *run);
void stop_disarm(struct worker *worker, struct run *run);
/* `from` is about to run the coroutine `to`: what asked it to stop goes along. */
void stop_follow(struct worker *worker, lua_State *from, lua_State *to);
void stop_ticks(struct worker *worker, bool on);   /* the timer, while the worker has anything to do */
struct worker *worker_self(void);
void worker_interrupt(struct worker *worker);      /* makes its script look at run->kill. Called with the lock held */
void guard_enter(void);
void guard_leave(void);
/* The script's frames of L as lines "name:12: in function 'f'"; allocates nothing. Returns the innermost line or 0. */
int trace_format(lua_State *L, const char *chunk_name, char *dst, size_t size);

/* ---- run_task.c ---- */
/* The task to resume next; it becomes run->current. */
struct fiber *task_next(struct run *run);
void task_requeue(struct run *run, struct fiber *task);   /* its slice ended: it goes on after the others */
/* Ends whatever the current task started and did not wait for; their `<close>` variables run. [-0, +0, -] */
void task_close_children(lua_State *L, struct fiber *task);
/* The answer to what the current task waits for, now run->held; NULL: not yet. */
struct request *task_take_answer(struct run *run);
void task_drop_answer(struct run *run);            /* run->held */
void task_abandon(struct run *run, struct fiber *task);   /* its request, if it has one, goes without an answer */
extern const luaL_Reg task_functions[];            /* for the Lua half */
extern const luaL_Reg require_functions[];         /* run_require.c: for the Lua half */
extern const luaL_Reg format_functions[], zone_functions[];   /* lib_formats.c, lib_zone.c: parts of lua_pure_functions */
int raise_cancelled(lua_State *L);                 /* lib_komodo.c */
int64_t run_clock_ms(struct run *run);             /* what the script is told about now; kept when the run is recorded */

/* ---- sandbox.c ---- */
/* Makes run->L and run->co, ready to resume with one function that loads and runs the script. ERR_NOMEM. */
NODISCARD Err sandbox_open(struct run *run);
/* The parts of the Lua half, each run when a script first uses one of its names. */
struct core_part { const char *file, *names; };   /* names: separated and surrounded by spaces */
extern const struct core_part core_parts[CORE_PARTS];
NODISCARD Err sandbox_compile_core(struct runner *runner, struct diag *reterr);
/* Makes the table on top read-only: replaces it with a proxy. */
void sandbox_freeze(lua_State *L, lua_CFunction index);   /* index: its __index instead, upvalue 1 the table behind */

void sandbox_freeze_data(lua_State *L);             /* the same of a table without functions; it prints, and is JSON, as before */

/* ---- coroutine.c ---- */
struct run *run_of(lua_State *L);
void coroutine_hold(lua_State *co, bool is_on);    /* scripts may neither resume nor close it meanwhile */
extern const luaL_Reg coroutine_functions[];
/* Lua counts C calls anew in a coroutine that is closed, so closing inside closing inside … would outgrow the C stack. */
enum { CLOSING_MAX = 3 };
int coroutine_reset(lua_State *L, lua_State *co);  /* lua_closethread, its `<close>` variables running as co */

/* ---- lib_komodo.c, run_log.c ---- */
void lib_komodo_open(lua_State *L);                /* [-0, +1, m] the read-only module */
void lib_komodo_push(lua_State *L);                /* [-0, +1, -] it again */
void lib_komodo_push_rule(lua_State *L);           /* [-0, +4, e] the loop of an alert rule and its first three arguments */
void lib_komodo_push_encode(lua_State *L);         /* [-0, +1, m] komodo.json.encode */
int lib_print(lua_State *L);
/* One value as people read it: a table as JSON where that is possible, anything else as tostring does. [-0, +1, e] */
void run_push_shown(lua_State *L, int index);
void request_free(struct request *request);        /* NULL is fine; heap: under the guard on workers */
/* Adds whole lines of valid UTF-8; takes the guard itself. Text longer than the limit is dropped and may be anything. */
void run_log(struct run *run, struct str text);
/* Text from a script as valid UTF-8: what is not becomes U+FFFD. */
void text_clean(struct buf *out, struct str text);

#endif
