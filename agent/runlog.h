/* agent/runlog.h: `Log` objects: what a step of an execution did (spec agent.md 7.2).
 *
 * Thread   any. Memory: a log owns its texts (runlog_release).
 */
#ifndef AGENT_RUNLOG_H
#define AGENT_RUNLOG_H

#include "base/exec.h"
#include "agent/text.h"

/* Secret values and the names shown instead, in the order they are applied. */
struct replacer {
  struct str value, name;
};
struct replacers {
  struct replacer *item;
  size_t count, cap;
};
void replacers_release(struct replacers *r);                       /* the texts are borrowed */
void replacers_add(struct replacers *r, struct str value, struct str name);   /* an empty value is left out */

struct runlog {
  const char *stage;            /* borrowed: a literal, or text that lives as long as the request */
  struct buf command, out, err;
  bool success;
  int64_t start_ts, end_ts;     /* Unix ms */
};

void runlog_release(struct runlog *log);
/* A log that is text alone: on stdout and successful, or on stderr and failed. */
void runlog_simple(struct runlog *ret, const char *stage, struct str text);
void runlog_error(struct runlog *ret, const char *stage, struct str text);
/* Every secret value in command, stdout and stderr becomes <NAME>. */
void runlog_sanitise(struct runlog *log, const struct replacers *secrets);
void runlog_write(const struct runlog *log, struct buf *out);      /* JSON, with a comma in front where one is due */

/* ---- commands that end in a log */

enum run_mode {
  RUN_STANDARD,     /* word split, no shell */
  RUN_SHELL,        /* the text is shell, by the specification: a user's command field, or a pipe of ours */
  RUN_MULTI_LINE    /* a user's command field of several lines */
};
struct run_options {
  const char *cwd;                    /* made canonical first; NULL: the agent's */
  struct str input;
  uint64_t timeout_ms;
  const struct exec_cancel *cancel;
};
/* Runs `command` and describes it. Nothing is run, and *ret has an empty command and no text, when a multi-line command
 * has no line (returns false). `options` may be NULL. */
bool run_command(enum run_mode mode, const char *stage, struct str command, const struct run_options *options,
                 struct runlog *ret);
/* The same for words that are known: nothing in them is split. `command` is what the log shows. */
void run_words(const char *stage, struct str command, const char *const *argv, const struct run_options *options,
               struct runlog *ret);

/* An error as HTML for a log, with its causes. */
void error_html(struct buf *out, const struct diag *d);

#endif
