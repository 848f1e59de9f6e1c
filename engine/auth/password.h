/* auth/password.h: bcrypt (spec auth.md 1.8), on the threads of the loop's pool.
 *
 * Few run at once and few wait, so that a flood of logins can neither take all threads of the pool (files and DNS need
 * them too) nor pile up. Bytes beyond 72 do not count, as everywhere with bcrypt.
 *
 * Thread   loop thread.  Memory: jobs are ops; texts given are copied and wiped.
 */
#ifndef AUTH_PASSWORD_H
#define AUTH_PASSWORD_H

#include "base/str.h"
#include "net/op.h"

enum {
  PASSWORD_COST = 10,
  PASSWORD_COST_MAX = 14,     /* a stored hash of higher cost is not worth a thread for seconds: it never matches */
  PASSWORD_HASH_LEN = 60,
  PASSWORD_RUNNING = 2,
  PASSWORD_WAITING = 64
};

struct password_config {
  unsigned running, waiting;  /* 0: the defaults above */
  unsigned cost;              /* 0: PASSWORD_COST; tests take 4 */
};

struct passwords;
struct passwords *passwords_new(struct op_loop *loop, const struct password_config *config);   /* config NULL: defaults */
/* Cancels what waits, lets finish what runs, then frees it; `on_closed` may be NULL. */
void passwords_close(struct passwords *p, void (*on_closed)(void *data), void *data);

struct password_job {
  struct op op;
  char hash[PASSWORD_HASH_LEN + 1];   /* of password_hash */
};
/* Both: ERR_RATE (429, in words) when too many wait already; *ret_job is a new reference. */

/* Completes with `hash` set to "$2b$…" · ERR_INVALID the password is empty or holds a zero byte · ERR_CANCELLED. */
NODISCARD Err password_hash(struct passwords *p, struct str password, struct password_job **ret_job, struct diag *reterr);
/* Completes OK when it matches ($2a$, $2b$, $2y$) · ERR_AUTH · ERR_CANCELLED. `hash` empty (unknown user, no password) or
 * malformed: takes as long as a real one, and is ERR_AUTH. */
NODISCARD Err password_verify(struct passwords *p, struct str password, struct str hash, struct password_job **ret_job,
                              struct diag *reterr);

#endif
