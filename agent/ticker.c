/* agent/ticker.c: see ticker.h. */
#include "agent/ticker.h"

#include "base/clock.h"

static void on_timer(uv_timer_t *timer);

static void arm(struct ticker *t)
{
  uint64_t now = (uint64_t)clock_unix_ms();
  uint64_t next = (now - t->offset_ms) / t->period_ms * t->period_ms + t->period_ms + t->offset_ms;
  uv_timer_start(&t->timer, on_timer, next - now, 0);
}

static void on_work(uv_work_t *work)
{
  struct ticker *t = work->data;
  t->run(t->data, t->tick);
}

static void on_worked(uv_work_t *work, int status)
{
  struct ticker *t = work->data;
  t->running = false;
  if (t->on_done && status == 0 && !t->closing)
    t->on_done(t->done_data);
}

static void queue(struct ticker *t, int64_t tick)
{
  if (t->running || t->closing)
    return;
  t->tick = tick;
  t->running = uv_queue_work(t->timer.loop, &t->work, on_work, on_worked) == 0;
}

static void on_timer(uv_timer_t *timer)
{
  struct ticker *t = timer->data;
  uint64_t now = (uint64_t)clock_unix_ms();
  queue(t, (int64_t)((now - t->offset_ms) / t->period_ms * t->period_ms + t->offset_ms));
  arm(t);
}

void ticker_start(struct ticker *t, uv_loop_t *loop, uint64_t period_ms, uint64_t offset_ms,
                  void (*run)(void *data, int64_t tick), void *data)
{
  *t = (struct ticker){.period_ms = period_ms, .offset_ms = offset_ms, .run = run, .data = data};
  uv_timer_init(loop, &t->timer);
  uv_unref((uv_handle_t *)&t->timer);
  t->timer.data = t->work.data = t;
  arm(t);
}

void ticker_now(struct ticker *t) { queue(t, clock_unix_ms()); }

void ticker_close(struct ticker *t)
{
  t->closing = true;
  uv_close((uv_handle_t *)&t->timer, NULL);
  if (t->running)
    uv_cancel((uv_req_t *)&t->work);
}
