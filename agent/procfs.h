/* agent/procfs.h: what the kernel tells in /proc and /sys, as numbers (spec agent.md 15).
 * The parsers take the file's text, so that tests need no machine of a certain kind. Thread: any.
 */
#ifndef AGENT_PROCFS_H
#define AGENT_PROCFS_H

#include "base/arena.h"
#include "base/buf.h"

struct cpu_times {
  uint64_t busy, total;    /* clock ticks since boot */
};
/* The `cpu` line of /proc/stat. */
bool procfs_cpu(struct str stat, struct cpu_times *ret);
size_t procfs_cpu_count(struct str stat);                 /* `cpuN` lines */
uint64_t procfs_boot_time(struct str stat);               /* Unix seconds */
/* Percent busy between two readings, 0 to 100. */
double procfs_cpu_percent(const struct cpu_times *before, const struct cpu_times *now);

struct memory {
  uint64_t total, free, used, buff_cache, zfs_arc, swap_total, swap_used;   /* bytes */
};
/* /proc/meminfo, and /proc/spl/kstat/zfs/arcstats ("" when there is no ZFS). */
void procfs_memory(struct str meminfo, struct str arcstats, struct memory *ret);

bool procfs_load(struct str loadavg, double ret[3]);

struct mount {
  struct str device, path, fs;   /* path with its octal escapes decoded */
};
/* The mounts of /proc/mounts that stand for disks, in order, each (path, device, fs) once. Memory: the arena. */
size_t procfs_disks(struct arena *a, struct str mounts, struct mount **ret);

struct process_stat {
  uint64_t cpu;              /* ticks of user and system time */
  uint64_t start;            /* ticks since boot */
  uint64_t rss_pages;
  char name[64];
};
/* /proc/PID/stat, whose name may contain blanks and parentheses. */
bool procfs_process(struct str stat, struct process_stat *ret);
/* /proc/PID/io. */
void procfs_process_io(struct str io, uint64_t *ret_read_bytes, uint64_t *ret_write_bytes);

#endif
