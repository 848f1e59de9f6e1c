/* agent/registry.h: image registries: tokens and `docker login` (spec agent.md 7.5). Thread: a job's. */
#ifndef AGENT_REGISTRY_H
#define AGENT_REGISTRY_H

#include "agent/job.h"

/* The registry an image comes from: its first component when that has a dot, else docker.io. */
struct str registry_domain(struct str image);

/* Logs in. No domain or no account: *ret_logged_in is false and all is well. `token` empty: the agent's own.
 * ERR_NOTFOUND no token · ERR_REMOTE what the command line said. */
NODISCARD Err registry_login(struct job *job, struct str domain, struct str account, struct str token,
                             bool *ret_logged_in, struct diag *reterr);

#endif
