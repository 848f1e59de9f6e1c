/* The order in which ready runs get a worker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "script/run_internal.h"

enum { RUNS = 8 };

struct fixture {
  struct runner runner;
  struct run runs[RUNS];
};

static void open_fixture(struct fixture *f)
{
  *f = (struct fixture){0};
  uv_mutex_init(&f->runner.lock);
  uv_cond_init(&f->runner.wake);
  for (size_t i = 0; i < RUNS; i++) {
    f->runs[i].runner = &f->runner;
    f->runs[i].debt_at_ms = clock_mono_ms();
  }
}

static void close_fixture(struct fixture *f)
{
  uv_mutex_destroy(&f->runner.lock);
  uv_cond_destroy(&f->runner.wake);
}

static void expect(struct fixture *f, const char *order)
{
  char got[RUNS + 1] = "";
  size_t n = 0;
  for (struct run *run; n < RUNS && (run = run_take(&f->runner)); n++)
    got[n] = (char)('0' + (run - f->runs));
  assert_string_equal(got, order);
  assert_int_equal(atomic_load(&f->runner.ready_count), 0);
}

static void test_fresh_first(void **state)
{
  (void)state;
  struct fixture f;
  open_fixture(&f);
  for (size_t i = 0; i < 4; i++)
    run_enqueue(&f.runs[i], /* used_its_slice= */ i < 2);
  expect(&f, "2301");
  close_fixture(&f);
}

static void test_bulk_has_its_turn(void **state)
{
  (void)state;
  struct fixture f;
  open_fixture(&f);
  for (size_t i = 0; i < RUNS; i++)
    run_enqueue(&f.runs[i], /* used_its_slice= */ i == 0);
  expect(&f, "12340567");
  close_fixture(&f);
}

/* It waits between, yet uses a processor: it is not served before the others. */
static void test_debt(void **state)
{
  (void)state;
  struct fixture f;
  open_fixture(&f);
  run_charge(&f.runs[0], 3600ull * 1000 * 1000 * 1000);
  for (size_t i = 0; i < 3; i++)
    run_enqueue(&f.runs[i], /* used_its_slice= */ false);
  expect(&f, "120");
  close_fixture(&f);
}

static void test_dequeue(void **state)
{
  (void)state;
  struct fixture f;
  open_fixture(&f);
  for (size_t i = 0; i < 6; i++)
    run_enqueue(&f.runs[i], /* used_its_slice= */ i % 2);
  run_dequeue(&f.runs[0]);
  run_dequeue(&f.runs[5]);
  run_dequeue(&f.runs[3]);
  expect(&f, "241");
  close_fixture(&f);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_fresh_first), cmocka_unit_test(test_bulk_has_its_turn),
                                     cmocka_unit_test(test_debt), cmocka_unit_test(test_dequeue)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
