/* auth/rate_limit.h: failures per client address (spec api.md 5, auth.md 1.7).
 *
 * Failures alone count. Before an attempt: rate_limit_check(); after a failed one: rate_limit_fail(), which also rewrites
 * the error for the answer. Two instances: local logins, and everything else.
 *
 * Thread   loop thread.  Time: milliseconds of the monotonic clock.
 */
#ifndef AUTH_RATE_LIMIT_H
#define AUTH_RATE_LIMIT_H

#include "base/err.h"
#include "base/str.h"

enum {
  RATE_LIMIT_IPS_MAX = 20000,        /* beyond it the address idle for longest is forgotten */
  RATE_LIMIT_ATTEMPTS_MAX = 1000,    /* a configured maximum above it counts as this */
  RATE_LIMIT_IDLE_MS = 15 * 60 * 1000
};

struct rate_limit_config {
  bool disabled;           /* auth_rate_limit_disabled */
  uint64_t max_attempts;   /* auth_rate_limit_max_attempts */
  uint64_t window_ms;      /* auth_rate_limit_window_seconds */
};

struct rate_limit;
struct rate_limit *rate_limit_new(const struct rate_limit_config *config);
void rate_limit_free(struct rate_limit *limit);

struct rate_attempt {
  uint64_t start_ms;
  uint64_t failures;       /* in the window when the attempt began */
};
/* ERR_RATE "Too many attempts | Try again in 12s". */
NODISCARD Err rate_limit_check(struct rate_limit *limit, struct str ip, uint64_t now_ms, struct rate_attempt *ret_attempt,
                               struct diag *reterr);
/* The attempt failed with `error`, which becomes "<message: causes> | You have N attempts remaining" without a trace. */
void rate_limit_fail(struct rate_limit *limit, struct str ip, const struct rate_attempt *attempt, struct diag *error);
/* Forgets addresses whose last failure is RATE_LIMIT_IDLE_MS old; call it once a minute. */
void rate_limit_sweep(struct rate_limit *limit, uint64_t now_ms);
size_t rate_limit_count(const struct rate_limit *limit);   /* addresses remembered */

#endif
