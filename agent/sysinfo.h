/* agent/sysinfo.h: what does not change while the agent runs: the system's names and processors (spec agent.md 15). */
#ifndef AGENT_SYSINFO_H
#define AGENT_SYSINFO_H

#include "base/buf.h"

struct cpu_info {
  size_t cores;           /* distinct (physical id, core id), else processors */
  char brand[128];
};
/* /proc/cpuinfo. */
void sysinfo_parse_cpu(struct str cpuinfo, struct cpu_info *ret);
/* A value of an os-release file, without its quotes; ptr NULL: absent. */
struct str sysinfo_release_value(struct str text, const char *key);
/* SystemInformation as JSON. Reads files: at start, or on a worker thread. */
void sysinfo_write(struct buf *out);

#endif
