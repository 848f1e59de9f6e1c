/* agent/stats.h: the machine's load, refreshed in the background (spec agent.md 15).
 *
 * Thread   start and close on the loop thread, the readers on any.
 */
#ifndef AGENT_STATS_H
#define AGENT_STATS_H

#include "agent/files.h"
#include "agent/procfs.h"
#include "agent/settings.h"
#include "agent/ticker.h"

struct process_sample;
struct interface_sample;

struct stats {
  const struct settings *settings;
  struct ticker ticker, disk_ticker;
  struct shared_text numbers;               /* SystemStats from cpu_perc to swap_used_gb, as JSON members */
  struct shared_text disks;                 /* a JSON array */
  struct shared_text rest;                  /* network members and refresh_ts */
  /* of the sampling thread, except `processes`: under `lock` */
  struct cpu_times cpu;
  struct interface_sample *interfaces;
  size_t interface_count;
  uv_mutex_t lock;
  struct process_sample *processes;         /* by pid */
  size_t process_count;
  size_t cpu_count;
  uint64_t boot_time;                       /* Unix seconds */
};

void stats_start(struct stats *s, uv_loop_t *loop, const struct settings *settings);
void stats_close(struct stats *s);          /* then run the loop until it ends, then */
void stats_release(struct stats *s);

/* SystemStats; before the first tick all numbers are zero. */
void stats_write(struct stats *s, struct buf *out);
/* SystemProcess[], the busiest first. Reads /proc: worker threads. */
void stats_write_processes(struct stats *s, struct buf *out);
/* One sample, as the ticker takes it (tests). */
void stats_sample(struct stats *s, int64_t tick);

#endif
