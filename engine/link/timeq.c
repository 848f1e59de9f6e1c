/* link/timeq.c: see timeq.h. */
#include "link/timeq.h"

#include <stddef.h>

static void on_timer(uv_timer_t *t);

static void arm(struct timeq *q)
{
  if (!q->first) {
    uv_timer_stop(&q->timer);
    return;
  }
  uint64_t now = uv_now(q->timer.loop);
  uv_timer_start(&q->timer, on_timer, q->first->due_ms > now ? q->first->due_ms - now : 0, 0);
}

static void on_timer(uv_timer_t *t)
{
  struct timeq *q = t->data;
  uint64_t now = uv_now(t->loop);
  while (q->first && q->first->due_ms <= now) {
    struct timeq_item *item = q->first;
    timeq_remove(q, item);
    q->on_due(item, q->data);
  }
  arm(q);
}

void timeq_init(struct timeq *q, uv_loop_t *loop, uint64_t period_ms, void (*on_due)(struct timeq_item *item, void *data), void *data)
{
  *q = (struct timeq){.period_ms = period_ms, .on_due = on_due, .data = data};
  uv_timer_init(loop, &q->timer);
  q->timer.data = q;
}

void timeq_add(struct timeq *q, struct timeq_item *item)
{
  timeq_remove(q, item);
  /* At least one: an item added by on_due must not be due in the same round. */
  item->due_ms = uv_now(q->timer.loop) + (q->period_ms ? q->period_ms : 1);
  item->queued = true;
  item->prev = q->last;
  item->next = NULL;
  if (q->last)
    q->last->next = item;
  else
    q->first = item;
  q->last = item;
  if (q->first == item && !uv_is_closing((uv_handle_t *)&q->timer))
    arm(q);
}

void timeq_remove(struct timeq *q, struct timeq_item *item)
{
  if (!item->queued)
    return;
  if (item->prev)
    item->prev->next = item->next;
  else
    q->first = item->next;
  if (item->next)
    item->next->prev = item->prev;
  else
    q->last = item->prev;
  item->queued = false;
  if (!q->first && !uv_is_closing((uv_handle_t *)&q->timer))
    uv_timer_stop(&q->timer);   /* an idle queue keeps no loop alive; a timer too early finds nothing due and arms again */
}

void timeq_close(struct timeq *q, uv_close_cb on_closed) { uv_close((uv_handle_t *)&q->timer, on_closed); }
