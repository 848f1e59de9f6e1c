/* agent/run.h: the program while it runs: links, listener, requests, orderly end. */
#ifndef AGENT_RUN_H
#define AGENT_RUN_H

#include "conf/conf.h"

enum { RUN_DRAIN_MS = 10 * 1000 };   /* after SIGTERM: for requests that run, then the end all the same */

/* Runs until SIGTERM or SIGINT (SIGHUP reads the TLS files again). Not OK: it could not start, with words. */
NODISCARD Err agent_run(const struct conf *conf, struct diag *reterr);

#endif
