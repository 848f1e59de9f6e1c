/* net/op.c: see op.h. */
#include "net/op.h"

#include <signal.h>

#include "base/mem.h"

enum { TURN_NS = 4000000 };

/* What is queued meanwhile waits for the next turn, and so does what is more than a turn may take: I/O is never starved. */
static void drain(struct op_loop *l)
{
  struct op *last = l->last;
  uint64_t end = uv_hrtime() + TURN_NS;
  for (struct op *op = NULL; l->first && op != last && uv_hrtime() < end;) {
    op = l->first;
    l->first = op->next;
    if (!l->first)
      l->last = NULL;
    op->next = NULL;
    op->queued = false;
    if (op->on_done && !op->told) {
      op->told = true;
      op->on_done(op, op->data);
    }
    op_unref(op);
  }
  if (!l->first)
    uv_idle_stop(&l->idle);
}

static void on_idle(uv_idle_t *h) { (void)h; }
static void on_check(uv_check_t *h) { drain(h->data); }

void op_loop_init(struct op_loop *l, uv_loop_t *loop)
{
  signal(SIGPIPE, SIG_IGN);
  *l = (struct op_loop){.loop = loop};
  loop->data = l;
  uv_idle_init(loop, &l->idle);
  uv_check_init(loop, &l->check);
  l->check.data = l;
  uv_check_start(&l->check, on_check);
  uv_unref((uv_handle_t *)&l->check);
}

void op_loop_close(struct op_loop *l)
{
  while (l->first)
    drain(l);
  uv_close((uv_handle_t *)&l->idle, NULL);
  uv_close((uv_handle_t *)&l->check, NULL);
  if (l->scratch)
    l->scratch_free(l->scratch);
  l->scratch = NULL;
}

void op_init(struct op *op, struct op_loop *home, op_fn *cancel, op_fn *free)
{
  *op = (struct op){.home = home, .cancel = cancel, .free = free, .refs = 2};
}

struct op *op_ref(struct op *op)
{
  op->refs++;
  return op;
}

void op_unref(struct op *op)
{
  if (!op || --op->refs)
    return;
  mem_free(op->diag);
  op->free(op);
}

static void enqueue(struct op *op)
{
  struct op_loop *l = op->home;
  if (op->queued || op->told || !op->on_done)
    return;
  op->queued = true;
  op_ref(op);
  if (l->last)
    l->last->next = op;
  else
    l->first = op;
  l->last = op;
  uv_idle_start(&l->idle, on_idle);
}

void op_complete(struct op *op, Err err, const struct diag *d)
{
  if (op->done)
    return;
  op->done = true;
  op->err = err;
  if (err && d) {
    op->diag = mem_new(sizeof *op->diag);
    *op->diag = *d;
  }
  enqueue(op);
}

void op_wait(struct op *op, op_done_fn *on_done, void *data)
{
  op->on_done = on_done;
  op->data = data;
  if (op->done)
    enqueue(op);
}

void op_forget(struct op *op) { op->on_done = NULL; }

void op_cancel(struct op *op)
{
  if (!op->done && op->cancel)
    op->cancel(op);
}

void op_drop(struct op *op)
{
  if (!op)
    return;
  op_forget(op);
  op_cancel(op);
  op_unref(op);
}

struct sleep {
  struct op op;
  uv_timer_t timer;
};

static void sleep_free(struct op *op) { mem_free(op); }
static void on_closed(uv_handle_t *h) { op_unref(h->data); }

static void sleep_end(struct sleep *s, Err err)
{
  uv_close((uv_handle_t *)&s->timer, on_closed);
  op_complete(&s->op, err, /* d= */ NULL);
}

static void on_timer(uv_timer_t *t) { sleep_end(t->data, OK); }
static void sleep_cancel(struct op *op) { sleep_end((struct sleep *)op, ERR_CANCELLED); }

void op_sleep(struct op_loop *home, uint64_t ms, struct op **ret_op)
{
  struct sleep *s = mem_new(sizeof *s);
  op_init(&s->op, home, sleep_cancel, sleep_free);
  s->timer.data = s;
  uv_timer_init(home->loop, &s->timer);
  uv_timer_start(&s->timer, on_timer, ms, 0);
  *ret_op = &s->op;
}
