/* conf/interpolate.h: ${NAME} and $(word) in the merged text of the files (spec auth.md 3.3). */
#ifndef CONF_INTERPOLATE_H
#define CONF_INTERPOLATE_H

#include "base/buf.h"
#include "conf/env.h"

enum { INTERPOLATED_MAX = 16 * 1024 * 1024, SHELL_RUNS_MAX = 200, SHELL_OUTPUT_MAX = 64 * 1024, SHELL_TIMEOUT_MS = 5000 };

/* Appends what `echo $word` (is_command false) or `word` (true) prints in a shell, trimmed; nothing when that fails.
 * `word` is [A-Za-z0-9_]+. */
typedef void interpolate_shell(void *context, struct str word, bool is_command, struct buf *out);

/* Replaces twice ${NAME}, then $(word). Values go in raw: the result need not be JSON any more.
 * ERR_TOOBIG beyond the maximum of `out`; ERR_LIMIT: more than SHELL_RUNS_MAX questions for the shell. */
NODISCARD Err interpolate(struct str text, const struct env *env, interpolate_shell *shell, void *context,
                          struct buf *out);

/* The real shell: /bin/bash, else sh, with the variables of `context`, a struct env. Blocks, at most SHELL_TIMEOUT_MS. */
void shell_ask(void *context, struct str word, bool is_command, struct buf *out);

#endif
