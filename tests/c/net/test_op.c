/* op.h: told exactly once, from the list, in order; cancelled and forgotten operations. */
#include "net_test.h"

struct probe {
  struct op op;
  size_t cancels;
  bool *freed;
};

struct seen {
  size_t count;
  const struct op *order[8];
  Err err[8];
};

static void probe_free(struct op *op)
{
  struct probe *p = (struct probe *)op;
  *p->freed = true;
  mem_free(p);
}

static void probe_cancel(struct op *op)
{
  ((struct probe *)op)->cancels++;
  op_complete(op, ERR_CANCELLED, NULL);
}

static struct probe *probe_new(struct test_loop *l, bool *freed)
{
  struct probe *p = mem_new(sizeof *p);
  op_init(&p->op, &l->op, probe_cancel, probe_free);
  p->freed = freed;
  *freed = false;
  return p;
}

static void on_done(struct op *op, void *data)
{
  struct seen *s = data;
  assert_true(op->done);
  s->order[s->count] = op;
  s->err[s->count++] = op->err;
}

static void completes_once_and_never_inside_the_call(void **state)
{
  (void)state;
  struct test_loop l;
  struct seen seen = {0};
  struct diag d = {0};
  bool freed;
  loop_open(&l);
  struct probe *p = probe_new(&l, &freed);
  op_wait(&p->op, on_done, &seen);
  diag_set(&d, ERR_IO, "the words");
  op_complete(&p->op, ERR_IO, &d);
  op_complete(&p->op, OK, NULL);           /* the first word counts */
  op_cancel(&p->op);
  assert_int_equal(seen.count, 0);
  uv_run(&l.uv, UV_RUN_DEFAULT);
  assert_int_equal(seen.count, 1);
  assert_int_equal(seen.err[0], ERR_IO);
  assert_string_equal(p->op.diag->message, "the words");
  assert_int_equal(p->cancels, 0);
  op_wait(&p->op, on_done, &seen);         /* told is told */
  uv_run(&l.uv, UV_RUN_DEFAULT);
  assert_int_equal(seen.count, 1);
  op_unref(&p->op);
  assert_false(freed);
  op_unref(&p->op);
  assert_true(freed);
  loop_close(&l);
}

static void tells_a_late_waiter(void **state)
{
  (void)state;
  struct test_loop l;
  struct seen seen = {0};
  bool freed;
  loop_open(&l);
  struct probe *p = probe_new(&l, &freed);
  op_complete(&p->op, OK, NULL);
  uv_run(&l.uv, UV_RUN_DEFAULT);
  op_wait(&p->op, on_done, &seen);
  assert_int_equal(seen.count, 0);
  uv_run(&l.uv, UV_RUN_DEFAULT);
  assert_int_equal(seen.count, 1);
  op_unref(&p->op);
  op_unref(&p->op);
  loop_close(&l);
}

static void tells_in_the_order_of_completion(void **state)
{
  (void)state;
  struct test_loop l;
  struct seen seen = {0};
  bool freed[3];
  struct probe *p[3];
  loop_open(&l);
  for (int i = 0; i < 3; i++) {
    p[i] = probe_new(&l, &freed[i]);
    op_wait(&p[i]->op, on_done, &seen);
  }
  static const int order[] = {1, 2, 0};
  for (int i = 0; i < 3; i++)
    op_complete(&p[order[i]]->op, OK, NULL);
  uv_run(&l.uv, UV_RUN_DEFAULT);
  assert_int_equal(seen.count, 3);
  for (int i = 0; i < 3; i++) {
    assert_ptr_equal(seen.order[i], &p[order[i]]->op);
    op_unref(&p[i]->op);
    op_unref(&p[i]->op);
  }
  loop_close(&l);
}

static void a_cancelled_one_still_tells(void **state)
{
  (void)state;
  struct test_loop l;
  struct seen seen = {0};
  bool freed;
  loop_open(&l);
  struct probe *p = probe_new(&l, &freed);
  op_wait(&p->op, on_done, &seen);
  op_cancel(&p->op);
  op_cancel(&p->op);
  assert_int_equal(p->cancels, 1);
  uv_run(&l.uv, UV_RUN_DEFAULT);
  assert_int_equal(seen.count, 1);
  assert_int_equal(seen.err[0], ERR_CANCELLED);
  op_unref(&p->op);
  op_unref(&p->op);
  loop_close(&l);
}

static void a_forgotten_waiter_hears_nothing(void **state)
{
  (void)state;
  struct test_loop l;
  struct seen seen = {0};
  bool freed;
  loop_open(&l);
  struct probe *p = probe_new(&l, &freed);
  op_wait(&p->op, on_done, &seen);
  op_complete(&p->op, OK, NULL);
  op_forget(&p->op);
  op_unref(&p->op);
  op_unref(&p->op);
  assert_false(freed);                     /* the list has a reference */
  uv_run(&l.uv, UV_RUN_DEFAULT);
  assert_true(freed);
  assert_int_equal(seen.count, 0);
  loop_close(&l);
}

/* Completes another from inside the waiter. */
static void on_done_chain(struct op *op, void *data)
{
  (void)op;
  op_complete(data, OK, NULL);
}

static void a_chain_takes_one_turn_each(void **state)
{
  (void)state;
  struct test_loop l;
  struct seen seen = {0};
  bool freed[2];
  loop_open(&l);
  struct probe *a = probe_new(&l, &freed[0]), *b = probe_new(&l, &freed[1]);
  op_wait(&a->op, on_done_chain, &b->op);
  op_wait(&b->op, on_done, &seen);
  op_complete(&a->op, OK, NULL);
  uv_run(&l.uv, UV_RUN_NOWAIT);
  assert_int_equal(seen.count, 0);         /* I/O gets its turn in between */
  uv_run(&l.uv, UV_RUN_NOWAIT);
  assert_int_equal(seen.count, 1);
  struct probe *both[] = {a, b};
  for (int i = 0; i < 2; i++) {
    op_unref(&both[i]->op);
    op_unref(&both[i]->op);
  }
  loop_close(&l);
}

/* Takes a millisecond. */
static void on_done_slowly(struct op *op, void *data)
{
  for (uint64_t until = uv_hrtime() + 1000000; uv_hrtime() < until;)
    continue;
  ++*(unsigned *)data;
  op_unref(op);
}

struct look {
  uv_timer_t timer;
  unsigned *done, seen;
};

static void on_look(uv_timer_t *timer)
{
  struct look *look = timer->data;
  look->seen = *look->done;
}

static void a_turn_tells_no_more_than_it_has_time_for(void **state)
{
  (void)state;
  enum { COUNT = 60 };
  struct test_loop l;
  bool freed[COUNT];
  unsigned done = 0;
  struct look look = {.done = &done};
  loop_open(&l);
  for (int i = 0; i < COUNT; i++) {
    struct probe *p = probe_new(&l, &freed[i]);
    op_wait(&p->op, on_done_slowly, &done);
    op_complete(&p->op, OK, NULL);
    op_unref(&p->op);
  }
  uv_timer_init(&l.uv, &look.timer);
  look.timer.data = &look;
  uv_run(&l.uv, UV_RUN_NOWAIT);
  assert_in_range(done, 1, 5);             /* a turn has four milliseconds */
  uv_timer_start(&look.timer, on_look, 0, 0);
  RUN_UNTIL(&l, look.seen);
  assert_in_range(look.seen, 1, 15);       /* others are served long before the list is empty */
  RUN_UNTIL(&l, done == COUNT);
  for (int i = 0; i < COUNT; i++)
    assert_true(freed[i]);
  uv_close((uv_handle_t *)&look.timer, NULL);
  loop_close(&l);
}

static void sleeps_and_can_be_woken(void **state)
{
  (void)state;
  struct test_loop l;
  struct seen seen = {0};
  struct op *slow, *fast, *dropped;
  loop_open(&l);
  op_sleep(&l.op, 1000000, &slow);
  op_sleep(&l.op, 1, &fast);
  op_sleep(&l.op, 1, &dropped);
  op_unref(dropped);                       /* nobody waits: it ends by itself */
  op_wait(slow, on_done, &seen);
  op_wait(fast, on_done, &seen);
  RUN_UNTIL(&l, seen.count == 1);
  assert_ptr_equal(seen.order[0], fast);
  op_cancel(slow);
  RUN_UNTIL(&l, seen.count == 2);
  assert_int_equal(seen.err[1], ERR_CANCELLED);
  op_unref(slow);
  op_unref(fast);
  loop_close(&l);
}

static void the_list_is_drained_when_the_loop_closes(void **state)
{
  (void)state;
  struct test_loop l;
  struct seen seen = {0};
  bool freed;
  loop_open(&l);
  struct probe *p = probe_new(&l, &freed);
  op_wait(&p->op, on_done, &seen);
  op_complete(&p->op, OK, NULL);
  op_unref(&p->op);
  op_unref(&p->op);
  op_loop_close(&l.op);
  assert_int_equal(seen.count, 1);
  assert_true(freed);
  uv_close((uv_handle_t *)&l.watchdog, NULL);
  uv_run(&l.uv, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&l.uv), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(completes_once_and_never_inside_the_call),
      cmocka_unit_test(tells_a_late_waiter),
      cmocka_unit_test(tells_in_the_order_of_completion),
      cmocka_unit_test(a_cancelled_one_still_tells),
      cmocka_unit_test(a_forgotten_waiter_hears_nothing),
      cmocka_unit_test(a_chain_takes_one_turn_each),
      cmocka_unit_test(a_turn_tells_no_more_than_it_has_time_for),
      cmocka_unit_test(sleeps_and_can_be_woken),
      cmocka_unit_test(the_list_is_drained_when_the_loop_closes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
