/* link/timeq.h: many waits of one and the same length, with one timer: a list that is always in order of time.
 *
 * Thread   the loop's thread. Memory: items are embedded by their owners; the queue must outlive its timer's close.
 */
#ifndef LINK_TIMEQ_H
#define LINK_TIMEQ_H

#include <stdbool.h>
#include <uv.h>

struct timeq_item {
  struct timeq_item *prev, *next;
  uint64_t due_ms;
  bool queued;
};

struct timeq {
  uv_timer_t timer;
  uint64_t period_ms;
  struct timeq_item *first, *last;
  void (*on_due)(struct timeq_item *item, void *data);   /* the item is out of the queue; it may be added again */
  void *data;
};

void timeq_init(struct timeq *q, uv_loop_t *loop, uint64_t period_ms, void (*on_due)(struct timeq_item *item, void *data), void *data);
void timeq_add(struct timeq *q, struct timeq_item *item);      /* due one period from now; moves it when it is inside */
void timeq_remove(struct timeq *q, struct timeq_item *item);   /* nothing happens when it is not inside */
void timeq_close(struct timeq *q, uv_close_cb on_closed);      /* timer.data is `q` */

#endif
