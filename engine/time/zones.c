/* time/zones.c: see zones.h. */
#include "time/zones.h"

#include <pthread.h>

#include "base/map.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct map zones;   /* under the lock: name -> struct tz */

const struct tz *zones_known(struct str name)
{
  pthread_mutex_lock(&lock);
  const struct tz *tz = map_get(&zones, name);
  pthread_mutex_unlock(&lock);
  return tz;
}

Err zones_get(struct str name, const struct tz **ret_tz, struct diag *reterr)
{
  *ret_tz = zones_known(name);
  if (*ret_tz)
    return OK;
  struct tz *tz;
  Err err = str_eqc(name, "UTC") ? tz_parse_rule(STR("UTC0"), &tz, reterr) : tz_load(name, &tz, reterr);
  if (err)
    return err;
  pthread_mutex_lock(&lock);
  struct tz *first = map_get(&zones, name);   /* another thread was faster */
  if (!first)
    (void)map_set(&zones, name, tz);
  pthread_mutex_unlock(&lock);
  if (first)
    tz_free(tz);
  *ret_tz = first ? first : tz;
  return OK;
}
