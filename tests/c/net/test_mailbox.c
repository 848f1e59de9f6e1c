/* mailbox.h: from many threads, in order for each, nothing lost when it closes. */
#include "net_test.h"

#include "net/mailbox.h"

enum { THREADS = 4, MESSAGES = 5000 };

struct letter {
  struct mail mail;
  int from, number;
};

struct office {
  struct mailbox box;
  int next[THREADS];
  int total;
  bool closed;
  uv_thread_t main;
};

struct sender {
  struct office *office;
  int id;
};

static void on_letter(struct mail *mail, void *data)
{
  struct office *o = data;
  struct letter *letter = (struct letter *)mail;
  uv_thread_t self = uv_thread_self();
  assert_true(uv_thread_equal(&self, &o->main));
  assert_int_equal(letter->number, o->next[letter->from]++);
  o->total++;
  mem_free(letter);
}

static void post(struct office *o, int from, int number)
{
  struct letter *letter = mem_new(sizeof *letter);
  letter->from = from;
  letter->number = number;
  mailbox_post(&o->box, &letter->mail);
}

static void send_all(void *data)
{
  struct sender *s = data;
  for (int i = 0; i < MESSAGES; i++)
    post(s->office, s->id, i);
}

static void on_closed(uv_handle_t *h)
{
  struct mailbox *box = h->data;
  ((struct office *)box->data)->closed = true;
}

static void keeps_the_order_of_each_thread(void **state)
{
  (void)state;
  struct test_loop l;
  struct office o = {.main = uv_thread_self()};
  struct sender senders[THREADS];
  uv_thread_t threads[THREADS];
  loop_open(&l);
  mailbox_init(&o.box, &l.uv, on_letter, &o);
  for (int i = 0; i < THREADS; i++) {
    senders[i] = (struct sender){&o, i};
    assert_int_equal(uv_thread_create(&threads[i], send_all, &senders[i]), 0);
  }
  RUN_UNTIL(&l, o.total == THREADS * MESSAGES);
  for (int i = 0; i < THREADS; i++)
    uv_thread_join(&threads[i]);
  mailbox_close(&o.box, on_closed);
  RUN_UNTIL(&l, o.closed);
  loop_close(&l);
}

static void delivers_what_is_inside_when_it_closes(void **state)
{
  (void)state;
  struct test_loop l;
  struct office o = {.main = uv_thread_self()};
  loop_open(&l);
  mailbox_init(&o.box, &l.uv, on_letter, &o);
  for (int i = 0; i < 10; i++)
    post(&o, 0, i);
  assert_int_equal(o.total, 0);
  mailbox_close(&o.box, on_closed);
  assert_int_equal(o.total, 10);
  RUN_UNTIL(&l, o.closed);
  loop_close(&l);
}

struct slow_office {
  struct mailbox box;
  uv_timer_t timer;
  int taken, taken_at_first_tick;
};

static void on_slow_letter(struct mail *mail, void *data)
{
  struct slow_office *o = data;
  uint64_t until = uv_hrtime() + 500000;
  while (uv_hrtime() < until)
    continue;
  o->taken++;
  mem_free(mail);
}

static void on_tick(uv_timer_t *timer)
{
  struct slow_office *o = timer->data;
  if (!o->taken_at_first_tick)
    o->taken_at_first_tick = o->taken;
}

/* Whoever posts without end must not keep the loop from everything else. */
static void a_flood_is_taken_in_turns(void **state)
{
  (void)state;
  enum { FLOOD = 200 };
  struct test_loop l;
  struct slow_office o = {0};
  loop_open(&l);
  mailbox_init(&o.box, &l.uv, on_slow_letter, &o);
  uv_timer_init(&l.uv, &o.timer);
  o.timer.data = &o;
  uv_timer_start(&o.timer, on_tick, 1, 1);
  for (int i = 0; i < FLOOD; i++)
    mailbox_post(&o.box, mem_new(sizeof(struct mail)));
  while (o.taken < FLOOD)
    uv_run(&l.uv, UV_RUN_ONCE);
  assert_in_range(o.taken_at_first_tick, 1, FLOOD / 2);
  mailbox_close(&o.box, NULL);
  uv_close((uv_handle_t *)&o.timer, NULL);
  loop_close(&l);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keeps_the_order_of_each_thread),
      cmocka_unit_test(a_flood_is_taken_in_turns),
      cmocka_unit_test(delivers_what_is_inside_when_it_closes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
