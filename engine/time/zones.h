/* time/zones.h: the time zones that were asked for, kept until the process ends: some 600 there are in all, and a name that
 * is none is not kept.
 *
 * Thread   any.
 * Memory   what is returned is borrowed and stays as it is; a zone file that changes later counts after a restart.
 */
#ifndef TIME_ZONES_H
#define TIME_ZONES_H

#include "time/tz.h"

/* The zone if it was read before, else NULL. Reads no file. */
const struct tz *zones_known(struct str name);
/* The zone, read when it is not known yet: then not on the loop thread. "UTC" needs no file. Errors of tz_load. */
NODISCARD Err zones_get(struct str name, const struct tz **ret_tz, struct diag *reterr);

#endif
