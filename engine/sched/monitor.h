/* sched/monitor.h: polls every enabled server, on the clock and when asked (spec monitoring.md 1, 2, 4.1).
 *
 * Ticks are exact multiples of the interval plus half a second; a pass that takes longer skips ticks. A background refresh
 * of a server is left out while one runs or when the last began under a second ago; a forced one waits and then runs.
 *
 * Thread   loop thread.
 */
#ifndef SCHED_MONITOR_H
#define SCHED_MONITOR_H

#include "base/id.h"
#include "link/hub.h"
#include "model/status.h"

struct monitor;
struct monitor_config {
  struct op_loop *loop;
  struct model *model;
  struct status *status;
  struct hub *hub;
  uint64_t interval_ms;
  /* After each pass of a tick (not of forced refreshes): time for alert checks. May be NULL. */
  void (*on_tick)(int64_t tick_unix_ms, void *data);
  /* After each refresh of one server, whether it worked or not. May be NULL. */
  void (*on_refresh)(struct str server_id, void *data);
  void *data;
};

struct monitor *monitor_new(const struct monitor_config *config);   /* the first pass begins when the loop runs */
void monitor_close(struct monitor *monitor, void (*on_closed)(void *data), void *data);

/* A server was created, changed or deleted: tells the hub and forgets what is gone. Does not poll. */
void monitor_server_changed(struct monitor *monitor, struct str id, const struct row *row);
/* Polls now; completes OK when the status cache has the answer, good or bad. */
void monitor_refresh(struct monitor *monitor, struct str server_id, struct op **ret_op);
/* The same in a moment (spec agent.md 1.5: 100 ms after a login), with nobody waiting. */
void monitor_refresh_soon(struct monitor *monitor, struct str server_id);

#endif
