/* alloc.h: blocks keep their bytes, neighbours merge, the limit holds, a reset forgets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "script/alloc.h"

static uint32_t seed;
static uint32_t next_random(void) { return seed = seed * 1664525u + 1013904223u; }

/* Random allocations, growth and release, every block filled with a pattern of its own and checked. */
static void keeps_every_byte(void **state)
{
  (void)state;
  enum { SLOTS = 500, STEPS = 200000 };
  static struct { unsigned char *ptr; size_t size; unsigned char fill; } slot[SLOTS];
  struct heap *h = heap_new(4 << 20);
  seed = 7;
  for (int i = 0; i < STEPS; i++) {
    size_t at = next_random() % SLOTS;
    for (size_t k = 0; k < slot[at].size; k++)
      assert_int_equal(slot[at].ptr[k], slot[at].fill);
    uint32_t kind = next_random() >> 16;
    size_t size = kind % 4 == 0 ? 0 : kind % 32 == 1 ? next_random() % 40000 : next_random() % 300;
    unsigned char *p = heap_alloc(h, slot[at].ptr, slot[at].size, size);
    if (size && !p)
      continue;   /* full: the old block stays */
    assert_int_equal((uintptr_t)p % 16, 0);
    for (size_t k = 0; k < size && k < slot[at].size; k++)
      assert_int_equal(p[k], slot[at].fill);
    slot[at].ptr = p;
    slot[at].size = size;
    slot[at].fill = (unsigned char)i;
    if (size)
      memset(p, slot[at].fill, size);
  }
  for (int i = 0; i < SLOTS; i++) {
    heap_alloc(h, slot[i].ptr, slot[i].size, 0);
    slot[i].ptr = NULL;
    slot[i].size = 0;
  }
  assert_int_equal(heap_used(h), 0);
  void *whole = heap_alloc(h, NULL, 0, 3 << 20);   /* everything merged again */
  assert_non_null(whole);
  heap_free(h);
}

static void refuses_beyond_the_limit(void **state)
{
  (void)state;
  struct heap *h = heap_new(1 << 20);
  assert_null(heap_alloc(h, NULL, 0, (1 << 20) + 1));
  assert_true(heap_was_full(h));
  heap_reset(h);
  assert_false(heap_was_full(h));
  size_t got = 0;
  while (heap_alloc(h, NULL, 0, 1000))
    got += 1000;
  assert_in_range(got, (1 << 20) * 9 / 10, 1 << 20);
  assert_true(heap_was_full(h));
  assert_in_range(heap_peak(h), 1000000, 1 << 20);
  heap_reset(h);
  assert_int_equal(heap_used(h), 0);
  assert_null(heap_alloc(h, NULL, 0, SIZE_MAX / 2));
  assert_non_null(heap_alloc(h, NULL, 0, 1 << 19));
  heap_free(h);
}

/* Small blocks given back serve a large one later. */
static void reuses_small_blocks_for_large_ones(void **state)
{
  (void)state;
  enum { COUNT = 20000 };
  static void *p[COUNT];
  struct heap *h = heap_new(2 << 20);
  for (int i = 0; i < COUNT; i++)
    assert_non_null(p[i] = heap_alloc(h, NULL, 0, 56));
  for (int i = 0; i < COUNT; i++)
    heap_alloc(h, p[i], 56, 0);
  assert_non_null(heap_alloc(h, NULL, 0, (2 << 20) - 65536));
  heap_free(h);
}

static void grows_in_place_at_the_top(void **state)
{
  (void)state;
  struct heap *h = heap_new(1 << 20);
  void *p = heap_alloc(h, NULL, 0, 100);
  for (size_t size = 200; size < 900000; size *= 2) {
    void *q = heap_alloc(h, p, size / 2, size);
    assert_ptr_equal(p, q);
  }
  assert_ptr_equal(heap_alloc(h, p, 800000, 50), p);   /* shrinking never moves, never fails */
  assert_in_range(heap_used(h), 50, 80);
  heap_free(h);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keeps_every_byte),
      cmocka_unit_test(refuses_beyond_the_limit),
      cmocka_unit_test(reuses_small_blocks_for_large_ones),
      cmocka_unit_test(grows_in_place_at_the_top),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
