/* buf.h: the maximum, the error that sticks, JSON escapes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"

static void stops_at_its_maximum(void **state)
{
  (void)state;
  CLEANUP(buf_release) struct buf b = BUF_INIT(8);
  buf_add_text(&b, "12345678");
  assert_int_equal(buf_err(&b), OK);
  buf_add_char(&b, '9');
  assert_int_equal(buf_err(&b), ERR_TOOBIG);
  buf_add_char(&b, 'x');
  assert_int_equal(b.len, 8);
  buf_clear(&b);
  assert_int_equal(buf_err(&b), OK);
}

static void escapes_json(void **state)
{
  (void)state;
  static const struct { const char *in, *out; } rows[] = {
      {"", "\"\""}, {"a\"b\\", "\"a\\\"b\\\\\""}, {"\n\t\x01", "\"\\n\\t\\u0001\""}, {"é", "\"é\""}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    CLEANUP(buf_release) struct buf b = BUF_INIT(100);
    buf_add_json(&b, str_of(rows[i].in));
    assert_string_equal(b.ptr, rows[i].out);
  }
}

static void survives_every_failed_allocation(void **state)
{
  (void)state;
  for (long n = 0;; n++) {
    CLEANUP(buf_release) struct buf b = BUF_INIT(1 << 20);
    mem_fail_after(n);
    for (int i = 0; i < 100; i++)
      buf_printf(&b, "%d,", i);
    bool hit = mem_disarm();
    assert_int_equal(buf_err(&b), hit ? ERR_NOMEM : OK);
    if (!hit)
      return;
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(stops_at_its_maximum), cmocka_unit_test(escapes_json),
                                     cmocka_unit_test(survives_every_failed_allocation)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
