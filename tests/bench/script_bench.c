/* How long a user script takes from runner_start to its first line on the loop thread, in microseconds.
 *
 *   script_bench [RUNS]      prints "bare P50 P99", "cold P50 P99" and "warm P50 P99"
 *
 * Bare: no script at all, only what every start needs of the system: the loop thread wakes a thread, which wakes the loop.
 * Cold: the first script of a fresh runner, whose worker has just gone to sleep and which keeps no heap yet. Warm: one script
 * after the other in one runner. Built on demand: cmake --build --preset release --target script_bench
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "script/runner.h"

enum { RUNS = 2000, COLD_RUNS = 200, WARM_UP = 100, SETTLE_MS = 5 };

struct bench {
  uv_loop_t loop;
  struct op_loop ops;
  struct runner *runner;
  uint64_t first_ns;       /* when the first line was there; 0: not yet */
  bool is_over;
};

static void on_call(struct script_call *call, enum script_group group, struct str name, struct str params, void *data)
{
  (void)group, (void)name, (void)params, (void)data;
  script_call_done(call, OK, 200, STR_NONE, NULL);
}

static void on_log(struct script_run *run, struct str lines, void *data)
{
  struct bench *b = data;
  (void)run, (void)lines;
  if (!b->first_ns)
    b->first_ns = clock_mono_ns();
}

static void on_over(struct op *op, void *data)
{
  (void)op;
  ((struct bench *)data)->is_over = true;
}

static void must(Err err, const struct diag *d)
{
  if (err) {
    fprintf(stderr, "script_bench: %s\n", d->message);
    exit(1);
  }
}

static void runner_begin(struct bench *b)
{
  struct diag d = {0};
  struct runner_config config = {.loop = &b->ops, .call = on_call, .data = b};
  must(runner_new(&config, &b->runner, &d), &d);
}

static void runner_end(struct bench *b)
{
  runner_close(b->runner, NULL, NULL);
  uv_run(&b->loop, UV_RUN_DEFAULT);
}

/* Nanoseconds from the call to the first line. */
static uint64_t run_one(struct bench *b)
{
  struct diag d = {0};
  struct script_run *run;
  struct script_spec spec = {.source = STR("print('hello')"), .name = STR("bench"), .on_log = on_log, .data = b};
  b->first_ns = 0;
  b->is_over = false;
  uint64_t begun = clock_mono_ns();
  must(runner_start(b->runner, &spec, &run, &d), &d);
  op_wait(&run->op, on_over, b);
  while (!b->is_over)
    uv_run(&b->loop, UV_RUN_ONCE);
  if (run->outcome.end != SCRIPT_OK || !b->first_ns) {
    fprintf(stderr, "script_bench: %s\n", run->outcome.message ? run->outcome.message : "no line came");
    exit(1);
  }
  op_unref(&run->op);
  return b->first_ns - begun;
}

/* ---- the bare hand-over ---- */
struct relay {
  uv_loop_t loop;
  uv_async_t back;
  uv_sem_t there;
  bool stop, is_back;
};

static void on_back(uv_async_t *async) { ((struct relay *)async->data)->is_back = true; }

static void relay_main(void *data)
{
  struct relay *r = data;
  for (;;) {
    uv_sem_wait(&r->there);
    if (r->stop)
      return;
    uv_async_send(&r->back);
  }
}

static void hand_over(uint64_t *taken, size_t n)
{
  struct relay r = {0};
  uv_thread_t thread;
  uv_loop_init(&r.loop);
  uv_sem_init(&r.there, 0);
  uv_async_init(&r.loop, &r.back, on_back);
  r.back.data = &r;
  if (uv_thread_create(&thread, relay_main, &r) != 0)
    exit(1);
  for (size_t i = 0; i < n; i++) {
    uint64_t begun = clock_mono_ns();
    uv_sem_post(&r.there);
    for (r.is_back = false; !r.is_back;)
      uv_run(&r.loop, UV_RUN_ONCE);
    taken[i] = clock_mono_ns() - begun;
  }
  r.stop = true;
  uv_sem_post(&r.there);
  uv_thread_join(&thread);
  uv_close((uv_handle_t *)&r.back, NULL);
  uv_run(&r.loop, UV_RUN_DEFAULT);
  uv_loop_close(&r.loop);
  uv_sem_destroy(&r.there);
}

static int by_size(const void *a, const void *b)
{
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

static void report(const char *name, uint64_t *taken, size_t n)
{
  qsort(taken, n, sizeof *taken, by_size);
  printf("%s %.1f %.1f\n", name, (double)taken[n / 2] / 1000, (double)taken[n * 99 / 100] / 1000);
}

int main(int argc, char **argv)
{
  size_t runs = argc > 1 ? strtoul(argv[1], NULL, 10) : RUNS;
  if (runs < 100 || runs > 1000000) {
    fprintf(stderr, "script_bench: RUNS is a number from 100 to 1000000\n");
    return 2;
  }
  uint64_t *taken = mem_new(sizeof *taken * (runs > COLD_RUNS ? runs : COLD_RUNS));
  struct bench b = {0};
  log_configure(&(struct log_config){.level = LOG_WARN});
  uv_loop_init(&b.loop);
  op_loop_init(&b.ops, &b.loop);
  hand_over(taken, runs);
  report("bare", taken, runs);
  for (size_t i = 0; i < COLD_RUNS; i++) {
    runner_begin(&b);
    uv_sleep(SETTLE_MS);   /* its threads have started and wait */
    taken[i] = run_one(&b);
    runner_end(&b);
  }
  report("cold", taken, COLD_RUNS);
  runner_begin(&b);
  for (size_t i = 0; i < WARM_UP; i++)
    run_one(&b);
  for (size_t i = 0; i < runs; i++)
    taken[i] = run_one(&b);
  report("warm", taken, runs);
  runner_end(&b);
  op_loop_close(&b.ops);
  uv_run(&b.loop, UV_RUN_DEFAULT);
  mem_free(taken);
  return uv_loop_close(&b.loop) ? 1 : 0;
}
