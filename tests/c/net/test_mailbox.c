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

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keeps_the_order_of_each_thread),
      cmocka_unit_test(delivers_what_is_inside_when_it_closes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
