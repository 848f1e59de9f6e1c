/* agent/recent.h: work that is not worth doing twice within seconds (image pulls, git pulls; spec agent.md 8.2, 9.3).
 *
 * One job at a time works on a name; those who wait meanwhile, and whoever asks within RECENT_MS of its end, get its result.
 * Thread: jobs' threads; waiting blocks.
 */
#ifndef AGENT_RECENT_H
#define AGENT_RECENT_H

#include <uv.h>

#include "agent/job.h"
#include "base/map.h"

enum { RECENT_MS = 5000 };

struct recent {
  uv_mutex_t lock;
  uv_cond_t ended;
  struct map entries;
};
void recent_init(struct recent *r);
void recent_release(struct recent *r);

/* True: a fresh result was copied into the job (out, err, diag). False: the caller works on `name` now and calls
 * recent_leave with what the job then holds. */
bool recent_enter(struct recent *r, struct str name, struct job *job);
void recent_leave(struct recent *r, struct str name, const struct job *job, Err err);

#endif
