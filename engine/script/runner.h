/* script/runner.h: user scripts: sandboxed Lua on worker threads, stopped whatever they do (spec/lua.md 4, 5, 6).
 *
 *   runner_start ──> ready ──> running on any worker ──> waiting (komodo.read, sleep, …) ──> ready … ──> op completes
 *
 * A run belongs to no worker: whoever is free takes the next ready one. A run that waits costs memory alone. A run that
 * does not let go of its worker (a pattern that backtracks for hours) makes the runner add a worker for the others.
 *
 * Thread   loop thread; everything here is called, and calls back, there.
 * Memory   texts given are copied. A run is an op: give the reference back with op_unref.
 */
#ifndef SCRIPT_RUNNER_H
#define SCRIPT_RUNNER_H

#include "base/buf.h"
#include "base/embed.h"
#include "net/op.h"

struct runner;

/* What a script asks the engine for. SCRIPT_EXECUTE is answered with the finished Update (a list for batches), SCRIPT_START
 * with the Update as it was started. SCRIPT_KOMODO is no request of the API but what the module itself needs ("kv_get",
 * "stage_begin", …); on_log has had every line printed before it. */
enum script_group { SCRIPT_READ, SCRIPT_WRITE, SCRIPT_EXECUTE, SCRIPT_START, SCRIPT_KOMODO };

struct script_run;
/* One call of a script. The owner answers it with script_call_done exactly once, also after on_cancel. */
struct script_call {
  struct script_run *run;          /* NULL once the run is over */
  void *user;                      /* script_spec.user of the run; NULL once it is over */
  void *owner;                     /* free for whoever answers */
  void (*on_cancel)(struct script_call *call);   /* the script is gone: the answer will not be read. May be NULL */
};

/* Limits of one run; 0: the default of the runner's config. */
struct script_limits {
  double cpu_seconds, wall_seconds;
  size_t memory_bytes, log_bytes, result_bytes;
  unsigned tasks;                  /* requests of one script under way at once */
  unsigned api_calls;
};
#define SCRIPT_LIMITS_DEFAULT ((struct script_limits){10, 3600, 64 << 20, 1 << 20, 1 << 20, 256, 10000})
#define SCRIPT_LIMITS_MAX ((struct script_limits){3600, 604800, (size_t)1 << 30, 16 << 20, 16 << 20, 10000, 1000000})
/* The message names the key (spec/lua.md 5). */
NODISCARD Err script_limits_check(const struct script_limits *limits, const struct script_limits *max, struct diag *reterr);

struct runner_config {
  struct op_loop *loop;
  unsigned workers;                /* 0: one per core */
  unsigned max_scripts;            /* runs alive at once; 0: 10,000 */
  struct script_limits limits;     /* defaults; zero fields: SCRIPT_LIMITS_DEFAULT */
  struct script_limits limits_max; /* what runs may ask for; zero fields: SCRIPT_LIMITS_MAX */
  unsigned cancel_grace_ms;        /* a cancelled run's `<close>` variables may take so long; 0: 60 */
  /* What require() finds before it asks for the module (SCRIPT_KOMODO, "module"): "komodo.text" is komodo/text.lua of the
   * files, if the names have it. Both NULL-ended; may be NULL. */
  const struct embed_file *modules;
  const char *const *module_names;
  /* Answers calls of scripts, with the rights of the run's user. `name` and `params` (JSON text) are valid until it returns. */
  void (*call)(struct script_call *call, enum script_group group, struct str name, struct str params, void *data);
  void *data;
};

NODISCARD Err runner_new(const struct runner_config *config, struct runner **ret_runner, struct diag *reterr);
/* Stops all runs, then the workers. */
void runner_close(struct runner *runner, void (*on_closed)(void *data), void *data);

struct script_spec {
  struct str source;
  struct str name;                 /* of the Action: how messages call it, "name:12: …" */
  struct str args;                 /* JSON object: komodo.args; empty: {} */
  struct str run;                  /* JSON object: komodo.run; empty: {} */
  struct script_limits limits;
  /* An alert rule: the script is compiled once and called again and again by komodo/_core/rule.lua, which asks for work with
   * SCRIPT_KOMODO "rule_next" until the run is cancelled. CPU, calls and log are limited per poll; wall time is not: whoever
   * answers "rule_next" watches it. */
  bool is_rule;
  int64_t seed;                    /* not 0: the run is recorded; math.random starts from it, and outcome.clock is kept */
  /* Whole lines as they come, each ending in '\n', valid UTF-8: the first at once, then at most five calls a second, the
   * last before the op completes. May be NULL. */
  void (*on_log)(struct script_run *run, struct str lines, void *data);
  void *user;                      /* of the calls: whose rights; must outlive the run */
  void *data;
};

enum script_end { SCRIPT_OK, SCRIPT_ERROR, SCRIPT_LIMIT, SCRIPT_CANCELLED };

struct script_outcome {
  enum script_end end;
  const char *limit;               /* SCRIPT_LIMIT: "cpu", "time", "memory", "result" */
  char *message;                   /* NULL when all went well */
  int line;                        /* of the script; 0: unknown */
  char *traceback;                 /* the script's own frames, one per line, "" without any */
  struct buf result;               /* first returned value as JSON; empty: none */
  struct buf clock;                /* of a recorded run: what the clock said each time, "1700000000000,…" in milliseconds */
  uint64_t cpu_us, wall_ms, peak_bytes, api_calls, log_dropped_bytes;
};

/* Completes OK whatever the outcome. */
struct script_run {
  struct op op;
  struct script_outcome outcome;   /* once the op is done */
};

/* ERR_LIMIT: too many scripts. ERR_INVALID: limits. ERR_CLOSED. */
NODISCARD Err runner_start(struct runner *runner, const struct script_spec *spec, struct script_run **ret_run,
                           struct diag *reterr);
/* The script's waits fail, its `<close>` variables run; 60 ms later it is stopped whatever it does. (op_cancel does the same.) */
void script_run_cancel(struct script_run *run);
/* Answers a call: with JSON text, or with an error and its words. `d` may be NULL. Frees the call. */
void script_call_done(struct script_call *call, Err err, int status, struct str json, const struct diag *d);

struct runner_stats {
  unsigned workers, alive, ready, running, waiting;
};
void runner_stats(struct runner *runner, struct runner_stats *ret);

#endif
