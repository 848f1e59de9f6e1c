/* script/ready.c: which ready run is next.
 *
 * Two queues: `fresh` for runs that are new or whose wait is over, `bulk` for those that used up their slice. Fresh ones go
 * first, so that a short script among a hundred busy ones starts within a slice; after FRESH_STREAK of them the bulk has its
 * turn. A run that waits often and yet uses much CPU time is known by its debt: what it used, paid off as time passes.
 *
 * Thread   any, with runner->lock held.
 */
#include "base/clock.h"
#include "script/run_internal.h"

enum {
  FRESH_STREAK = 4,
  DEBT_MAX_NS = 10 * 1000 * 1000,   /* two slices */
  PAID_PER_MS_NS = 50 * 1000,       /* a twentieth of a processor */
};

static void pay(struct run *run, uint64_t now_ms)
{
  uint64_t paid = (now_ms - run->debt_at_ms) * PAID_PER_MS_NS;
  run->debt_ns = run->debt_ns > paid ? run->debt_ns - paid : 0;
  run->debt_at_ms = now_ms;
}

void run_charge(struct run *run, uint64_t cpu_ns)
{
  pay(run, clock_mono_ms());
  run->debt_ns += cpu_ns;
}

void run_enqueue(struct run *run, bool used_its_slice)
{
  struct runner *r = run->runner;
  pay(run, clock_mono_ms());
  run->queue = used_its_slice || run->debt_ns > DEBT_MAX_NS ? READY_BULK : READY_FRESH;
  run->state = RUN_READY;
  run->queue_next = NULL;
  run->queue_prev = r->ready[run->queue].last;
  if (run->queue_prev)
    run->queue_prev->queue_next = run;
  else
    r->ready[run->queue].first = run;
  r->ready[run->queue].last = run;
  atomic_fetch_add(&r->ready_count, 1);
  r->active++;
}

void ready_unlock(struct runner *r)
{
  bool needs_sleeper = r->idle && atomic_load(&r->ready_count);
  uv_mutex_unlock(&r->lock);
  if (needs_sleeper)
    uv_cond_signal(&r->wake);   /* after the unlock: it would wake only to wait for the lock */
}

void run_dequeue(struct run *run)
{
  struct runner *r = run->runner;
  if (run->queue_prev)
    run->queue_prev->queue_next = run->queue_next;
  else
    r->ready[run->queue].first = run->queue_next;
  if (run->queue_next)
    run->queue_next->queue_prev = run->queue_prev;
  else
    r->ready[run->queue].last = run->queue_prev;
  atomic_fetch_sub(&r->ready_count, 1);
  r->active--;
}

struct run *run_take(struct runner *r)
{
  struct run *fresh = r->ready[READY_FRESH].first, *bulk = r->ready[READY_BULK].first;
  bool is_bulk = bulk && (!fresh || r->fresh_streak >= FRESH_STREAK);
  struct run *run = is_bulk ? bulk : fresh;
  r->fresh_streak = is_bulk || !bulk ? 0 : r->fresh_streak + 1;
  if (run)
    run_dequeue(run);
  return run;
}
