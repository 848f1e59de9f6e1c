/* agent/job.h: requests at work: each runs on a thread of its own, written as plain blocking code.
 *
 * What the agent does for a request is a sequence of programs run, files written and docker asked; blocking code reads as
 * that sequence, and the loop thread never waits. Threads live only as long as their request; beyond JOBS_MAX at a time
 * requests wait their turn.
 *
 * Thread   jobs_* on the loop thread; a handler (request_fn) on its job's thread.
 * Memory   a job is the loop's; it is freed after on_done returned. What a handler allocates comes from job->arena.
 */
#ifndef AGENT_JOB_H
#define AGENT_JOB_H

#include <uv.h>

#include "agent/js.h"
#include "base/arena.h"
#include "net/mailbox.h"

enum {
  JOBS_MAX = 128,                       /* threads at a time */
  JOB_STACK = 512 << 10,
  JOB_ANSWER_MAX = (16 << 20) - 64      /* what fits into one message to the engine */
};

struct agent;
struct job;
struct jobs;
struct serve_call;
/* Fills job->out with JSON and returns OK, or fills job->diag: the request is answered with an error. */
typedef Err request_fn(struct job *job);
typedef void job_done_fn(struct job *job, void *data);
/* For requests that never wait: works on the loop thread and sees to the answer itself (link/serve.h). */
typedef void request_loop_fn(struct agent *agent, struct serve_call *call, yyjson_val *params);

/* ---- what a request looks like: one row of the table in requests.c */

enum param_kind {
  PARAM_TEXT, PARAM_BOOL, PARAM_UINT, PARAM_INT, PARAM_TEXTS, PARAM_OBJECT, PARAM_LIST, PARAM_MAP,
  PARAM_SIGNAL,       /* SIGHUP, SIGINT, SIGQUIT, SIGTERM or "1", "2", "3", "15" */
  PARAM_COMBINATOR,   /* "Or", "And" */
  PARAM_TARGET,       /* what a terminal belongs to (agent/terminal.h) */
  PARAM_RECREATE,     /* "Never", "Always", "DifferentCommand" */
  PARAM_UUID,
  PARAM_OPTIONAL = 32 /* flag: may be absent or null */
};
struct param {
  const char *name;   /* NULL ends a list */
  int kind;
};
struct request {
  const char *name;
  request_fn *run;              /* on a thread of its own; or */
  request_loop_fn *on_loop;     /* on the loop thread; neither: known, but this agent does not support it */
  const struct param *params;   /* NULL: none */
  /* for run_request_command (agent/command.h) */
  const char *stage, *command;
  int mode;                     /* enum run_mode */
  unsigned timeout_ms;
};

/* NULL: no such request. */
const struct request *request_find(struct str name);
/* Whether params fit the row: an engine's request that does not is never answered (spec agent.md 5). */
bool request_fits(const struct request *request, yyjson_val *params, struct diag *reterr);

/* ---- running them */

struct job {
  struct mail mail;
  struct jobs *home;
  struct agent *agent;
  const struct request *request;
  yyjson_val *params;           /* borrowed */
  struct arena arena;
  struct buf out;
  Err err;
  struct diag diag;
  uv_thread_t thread;
  job_done_fn *on_done;
  void *data;
  struct job *next;             /* waiting its turn */
};

struct jobs {
  struct agent *agent;
  struct mailbox mailbox;
  size_t running;
  struct job *first, *last;     /* waiting */
  void (*on_idle)(void *data);  /* the last one ended; may be NULL */
  void *idle_data;
};

void jobs_init(struct jobs *jobs, uv_loop_t *loop, struct agent *agent);
/* No job may be left. */
void jobs_close(struct jobs *jobs);
size_t jobs_open(const struct jobs *jobs);   /* running and waiting */
/* Starts a request with a `run` whose params fit (request_fits). `params` must stay until on_done was told, once, on the
 * loop thread. */
void jobs_start(struct jobs *jobs, const struct request *request, yyjson_val *params, job_done_fn *on_done, void *data);

#endif
