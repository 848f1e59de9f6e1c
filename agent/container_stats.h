/* agent/container_stats.h: `docker stats`, live and cached (spec agent.md 14.3). */
#ifndef AGENT_CONTAINER_STATS_H
#define AGENT_CONTAINER_STATS_H

#include "agent/docker.h"
#include "agent/files.h"
#include "agent/settings.h"
#include "agent/ticker.h"

struct container_stats {
  const struct docker *docker;
  struct ticker ticker;
  struct shared_text cache;      /* ContainerStats[] as JSON */
};

/* Refreshes the cache now and at every multiple of the configured rate. Loop thread. */
void container_stats_start(struct container_stats *c, uv_loop_t *loop, const struct docker *docker,
                           const struct settings *settings);
void container_stats_close(struct container_stats *c);
void container_stats_release(struct container_stats *c);

/* Asks the command line: all containers (name empty) or one. Appends ContainerStats[]; returns how many in *ret_count.
 * ERR_REMOTE: its own words. Blocks: worker threads. */
NODISCARD Err container_stats_query(struct str name, struct buf *out, size_t *ret_count, struct diag *reterr);

#endif
