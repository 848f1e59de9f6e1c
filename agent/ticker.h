/* agent/ticker.h: work done off the loop at every wall-clock multiple of a period.
 *
 * A tick whose work still runs is skipped: something that hangs (a dead network mount) holds one pool thread, nothing else.
 * Thread: loop thread; `work` runs on a pool thread, never twice at a time.
 */
#ifndef AGENT_TICKER_H
#define AGENT_TICKER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct ticker {
  uv_timer_t timer;
  uv_work_t work;
  uint64_t period_ms, offset_ms;
  int64_t tick;                               /* of the work running: Unix ms */
  void (*run)(void *data, int64_t tick);      /* on a pool thread */
  void *data;
  void (*on_done)(void *data);                /* after each run, on the loop thread; NULL: nobody asks */
  void *done_data;
  bool running, closing;
};

/* Fires `offset_ms` after every multiple of `period_ms` of Unix time. Embedded in an object that outlives the loop. */
void ticker_start(struct ticker *t, uv_loop_t *loop, uint64_t period_ms, uint64_t offset_ms,
                  void (*run)(void *data, int64_t tick), void *data);
/* Runs once now as well, unless it runs already. */
void ticker_now(struct ticker *t);
void ticker_close(struct ticker *t);          /* the loop ends when work that runs has ended */

#endif
