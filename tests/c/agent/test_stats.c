/* agent/stats, agent/ticker: samples of this machine, and work at multiples of a period. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/stats.h"
#include "base/clock.h"
#include "base/mem.h"

struct fixture {
  uv_loop_t loop;
  struct settings settings;
  struct stats stats;
};

static int setup(void **state)
{
  struct fixture *f = calloc(1, sizeof *f);
  yyjson_doc *doc;
  assert_int_equal(js_parse(STR("{\"stats_polling_rate\":\"1-day\"}"), &doc, NULL), OK);   /* no tick comes between */
  assert_int_equal(settings_load(&f->settings, doc, NULL), OK);
  uv_loop_init(&f->loop);
  stats_start(&f->stats, &f->loop, &f->settings);
  *state = f;
  return 0;
}

static int teardown(void **state)
{
  struct fixture *f = *state;
  stats_close(&f->stats);
  uv_run(&f->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&f->loop), 0);
  stats_release(&f->stats);
  settings_release(&f->settings);
  free(f);
  return 0;
}

static yyjson_doc *written(void (*write)(struct stats *s, struct buf *out), struct stats *s)
{
  struct buf out = BUF_INIT(16 << 20);
  yyjson_doc *doc = NULL;
  write(s, &out);
  assert_int_equal(js_parse(buf_str(&out), &doc, NULL), OK);
  buf_release(&out);
  return doc;
}

static double number(yyjson_doc *doc, const char *key) { return yyjson_get_num(yyjson_obj_get(yyjson_doc_get_root(doc), key)); }

static void test_before_the_first_tick(void **state)
{
  struct fixture *f = *state;
  yyjson_doc *doc = written(stats_write, &f->stats);
  yyjson_val *root = yyjson_doc_get_root(doc);
  assert_true(number(doc, "mem_total_gb") <= 0);
  assert_true(str_eqc(js_get_str(root, "polling_rate"), "1-day"));
  assert_true(yyjson_is_arr(yyjson_obj_get(root, "disks")));
  assert_int_equal(js_get_int(root, "refresh_ts", -1), 0);
  yyjson_doc_free(doc);
  doc = written(stats_write_processes, &f->stats);
  assert_int_equal(yyjson_arr_size(yyjson_doc_get_root(doc)), 0);
  yyjson_doc_free(doc);
}

static void test_samples(void **state)
{
  struct fixture *f = *state;
  stats_sample(&f->stats, 1000);
  uint64_t spin = clock_mono_ms() + 60;
  while (clock_mono_ms() < spin) {
  }
  stats_sample(&f->stats, 2000);
  yyjson_doc *doc = written(stats_write, &f->stats);
  assert_true(number(doc, "mem_total_gb") > 0.01);
  assert_true(number(doc, "mem_used_gb") <= number(doc, "mem_total_gb"));
  assert_true(number(doc, "cpu_perc") > 0 && number(doc, "cpu_perc") <= 100);
  assert_int_equal(js_get_int(yyjson_doc_get_root(doc), "refresh_ts", 0), 2000);
  yyjson_doc_free(doc);

  doc = written(stats_write_processes, &f->stats);
  yyjson_val *p, *own = NULL;
  double before = 1e9;
  size_t i, max;
  yyjson_arr_foreach(yyjson_doc_get_root(doc), i, max, p) {
    double cpu = yyjson_get_num(yyjson_obj_get(p, "cpu_perc"));
    assert_true(cpu <= before);   /* the busiest first */
    before = cpu;
    if (js_get_int(p, "pid", 0) == getpid())
      own = p;
  }
  assert_non_null(own);
  assert_true(yyjson_get_num(yyjson_obj_get(own, "cpu_perc")) > 0);
  assert_true(yyjson_get_num(yyjson_obj_get(own, "mem_mb")) > 0.1);
  double started = yyjson_get_num(yyjson_obj_get(own, "start_time")), now = (double)clock_unix_ms();
  assert_true(started > now - 600e3 && started < now + 5e3);
  assert_true(str_ends(js_get_str(own, "exe"), STR("agent_test_stats")));
  assert_int_equal(yyjson_arr_size(yyjson_obj_get(own, "cmd")), 1);
  yyjson_doc_free(doc);
}

/* ---- ticker */

struct ticks {
  struct ticker ticker;
  unsigned runs;
  int64_t last;
};

static void run(void *data, int64_t tick)
{
  struct ticks *t = data;
  t->runs++;
  t->last = tick;
}

static void on_done(void *data)
{
  struct ticks *t = data;
  if (t->runs >= 3)
    ticker_close(&t->ticker);
}

static void test_ticker(void **state)
{
  (void)state;
  uv_loop_t loop;
  struct ticks t = {0};
  uv_loop_init(&loop);
  ticker_start(&t.ticker, &loop, 20, 7, run, &t);
  t.ticker.on_done = on_done;
  t.ticker.done_data = &t;
  uv_ref((uv_handle_t *)&t.ticker.timer);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(t.runs, 3);
  assert_int_equal(t.last % 20, 7);
  assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(test_before_the_first_tick, setup, teardown),
    cmocka_unit_test_setup_teardown(test_samples, setup, teardown),
    cmocka_unit_test(test_ticker),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
