/* agent/command.h: requests that are one command: its text comes from the request's row in requests.c.
 *
 *   {name}        the parameter; a list gives one word each        {name:50}    with a default
 *   {name!}       escaped for a shell (shell commands only)        {name*}      split into words
 *   [name| …]     only when the parameter is there (and not false) [!name| …]   only when it is not
 *   {COMPOSE}     `docker compose` as configured                   {GREP}       the filter of a log search
 *
 * A parameter of a standard command is always (part of) one argument, whatever blanks or quotes it has.
 * Thread: a job's.
 */
#ifndef AGENT_COMMAND_H
#define AGENT_COMMAND_H

#include "agent/job.h"
#include "agent/runlog.h"

/* The request_fn of such rows: runs the command, answers with its Log. */
request_fn run_request_command;

struct command {
  struct str text;              /* as logs show it */
  const char *const *argv;      /* NULL-ended */
};
/* Fills in a template. Memory: the job's arena. */
void command_expand(struct job *job, const char *template, struct command *ret);
/* Fills in, runs and answers nothing: for handlers of several steps. Release *ret. */
void command_run(struct job *job, const char *stage, const char *template, unsigned timeout_ms, struct runlog *ret);

/* Parameters, read by name. */
struct str job_text(const struct job *job, const char *name);          /* ptr NULL: absent */
/* SIGxxx of a PARAM_SIGNAL; ptr NULL: absent. */
struct str signal_name(yyjson_val *value);
/* Appends a log to the answer, which is that log alone, and releases it. */
Err job_answer_log(struct job *job, struct runlog *log);

#endif
