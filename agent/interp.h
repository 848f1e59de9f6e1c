/* agent/interp.h: the agent's own secrets put into `[[NAME]]` (spec agent.md 7.3).
 * Thread: any. Memory: results live in the arena.
 */
#ifndef AGENT_INTERP_H
#define AGENT_INTERP_H

#include "agent/runlog.h"
#include "agent/settings.h"

/* Every secret used is added to `used` once (its texts are views into the settings). `[[[x]]]` gives `[[x]]`, an unknown
 * name stays as it is. ERR_INVALID: an opener without end. */
NODISCARD Err interp_text(struct arena *a, const struct settings *s, struct str text, struct replacers *used,
                          struct str *ret, struct diag *reterr);

#endif
