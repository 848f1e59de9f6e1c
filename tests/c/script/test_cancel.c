/* A cancelled script is over within 100 ms wherever it is (spec lua.md 4).
 *
 * Each place is tried ROUNDS times and its median counts. What the machine took away meanwhile, by giving its processors to
 * others while a thread of this process could have run, is told by the kernel and does not count. With AddressSanitizer
 * everything takes some times as long, and so may this.
 */
#include <dirent.h>

#include "base/buf.h"
#include "run_fixture.h"

#ifdef __SANITIZE_ADDRESS__
enum { ALLOWED_MS = 300 };
#else
enum { ALLOWED_MS = 100 };
#endif
enum { ROUNDS = 9, SETTLE_MS = 5, LATE_MS = 20000, THREADS_MAX = 300 };

static const struct {
  const char *name, *source;
} places[] = {
    {"sleep", "komodo.sleep(1000)"},
    {"answer of the engine", "komodo.read('Keep')"},
    {"waits that are caught", "while true do pcall(komodo.sleep, 1000) end"},
    {"answers that are caught", "while true do pcall(komodo.read, 'Echo') end"},
    {"loop", "while true do end"},
    {"pcall loop", "while true do pcall(function() while true do end end) end"},
    {"xpcall handler", "while true do xpcall(error, function() while true do end end) end"},
    {"pattern", "(('a'):rep(100000)):find(('.-'):rep(30) .. 'b')"},
    {"gsub", "(('a'):rep(30000)):gsub(('a*'):rep(20) .. 'b', '')"},
    {"string.rep", "return (''):rep(math.maxinteger)"},
    {"sort", "table.sort(setmetatable({}, { __len = function() return (1 << 31) - 2 end, __index = function(_, i) return i end, __newindex = function() end }))"},
    {"sort comparator", "local t = {} for i = 1, 100 do t[i] = i end table.sort(t, function() while true do end end)"},
    {"table.concat", "table.concat(setmetatable({}, { __index = function() return '' end }), '', 1, 1 << 60)"},
    {"json encode", "local t = {} for i = 1, 20000 do t[i] = { i, 'x' } end while true do komodo.json.encode(t) end"},
    {"json decode", "local t = ('['):rep(100) .. (']'):rep(100) while true do komodo.json.decode(t) end"},
    {"yaml", "local t = {} for i = 1, 1000 do t[i] = { i, 'x' } end while true do komodo.yaml.decode(komodo.yaml.encode(t)) end"},
    {"load", "while true do load('return ' .. ('1 + '):rep(500) .. '1') end"},
    {"coroutine", "local function nest(n) if n == 0 then while true do end end return coroutine.wrap(function() nest(n - 1) end)() end nest(100)"},
    {"coroutine that sleeps", "while true do coroutine.wrap(function() pcall(komodo.sleep, 1000) end)() end"},
    {"close", "local c <close> = setmetatable({}, { __close = function() while true do end end }) error('x')"},
    {"close after the cancel", "local c <close> = setmetatable({}, { __close = function() while true do end end }) komodo.sleep(1000)"},
    {"tasks that wait", "for i = 1, 200 do komodo.spawn(function() while true do pcall(komodo.sleep, 1000) end end) end komodo.sleep(1000)"},
    {"tasks that work", "for i = 1, 50 do komodo.spawn(function() while true do if i % 2 == 0 then komodo.sleep(0) end end end) end komodo.sleep(1000)"},
    {"all", "komodo.all{ function() komodo.sleep(1000) end, function() while true do end end }"},
    {"log", "while true do print(('x'):rep(100)) end"},
    {"memory", "while true do pcall(function() local t = {} for i = 1, math.huge do t[i] = { i } end end) end"},
};

/* How long each thread of this process was ready to run and did not. */
struct delays {
  size_t count;
  struct { long tid; double ms; } of[THREADS_MAX];
};

static void read_delays(struct delays *ret)
{
  DIR *tasks = opendir("/proc/self/task");
  ret->count = 0;
  for (struct dirent *task; tasks && ret->count < THREADS_MAX && (task = readdir(tasks));) {
    char path[300];
    unsigned long long ran, waited;
    snprintf(path, sizeof path, "/proc/self/task/%s/schedstat", task->d_name);
    FILE *f = fopen(path, "r");
    if (f && fscanf(f, "%llu %llu", &ran, &waited) == 2) {
      ret->of[ret->count].tid = strtol(task->d_name, NULL, 10);
      ret->of[ret->count++].ms = (double)waited / 1e6;
    }
    if (f)
      fclose(f);
  }
  if (tasks)
    closedir(tasks);
}

/* Of the thread that lost most: several may have waited at the same time. */
static double lost_ms(const struct delays *before, const struct delays *after)
{
  double most = 0;
  for (size_t i = 0; i < after->count; i++)
    for (size_t j = 0; j < before->count; j++)
      if (before->of[j].tid == after->of[i].tid && after->of[i].ms - before->of[j].ms > most)
        most = after->of[i].ms - before->of[j].ms;
  return most;
}

static void settle(struct scripts *s)
{
  struct op *pause;
  bool told = false;
  op_sleep(&s->ops, SETTLE_MS, &pause);
  op_wait(pause, scripts_told, &told);
  while (!told)
    uv_run(&s->loop, UV_RUN_ONCE);
  op_unref(pause);
}

struct took {
  double own_ms, wall_ms;
};

static int by_own(const void *a, const void *b)
{
  double x = ((const struct took *)a)->own_ms, y = ((const struct took *)b)->own_ms;
  return x < y ? -1 : x > y;
}

static struct took cancel_once(struct scripts *s, const char *source)
{
  CLEANUP(mem_free_at) char *text = mem_printf("komodo.read('Tick');\n%s", source);
  struct script_spec spec = {.limits = {.cpu_seconds = 1000, .memory_bytes = 16 << 20}};
  unsigned calls = s->calls;
  struct script_run *run = scripts_start(s, text, &spec);
  while (s->calls == calls)
    uv_run(&s->loop, UV_RUN_ONCE);
  settle(s);
  if (run->op.done)
    fail_msg("%s\n-> it ended: %s", source, run->outcome.message);
  struct delays before, after;
  read_delays(&before);
  uint64_t begin = clock_mono_ns();
  script_run_cancel(run);
  scripts_wait(s, run);
  struct took took = {.wall_ms = (double)(clock_mono_ns() - begin) / 1e6};
  read_delays(&after);
  took.own_ms = took.wall_ms - lost_ms(&before, &after);
  assert_int_equal(run->outcome.end, SCRIPT_CANCELLED);
  assert_true(took.wall_ms < LATE_MS);
  op_unref(&run->op);
  if (s->kept)
    script_call_done(s->kept, OK, 200, STR_NONE, NULL);
  s->kept = NULL;
  return took;
}

static void ends_within_its_time_wherever_it_is(void **state)
{
  (void)state;
  struct scripts s;
  unsigned late = 0;
  scripts_open(&s, 2);
  for (size_t i = 0; i < ARRAY_LEN(places); i++) {
    struct took took[ROUNDS];
    for (int round = 0; round < ROUNDS; round++)
      took[round] = cancel_once(&s, places[i].source);
    qsort(took, ROUNDS, sizeof *took, by_own);
    struct took median = took[ROUNDS / 2], worst = took[ROUNDS - 1];
    bool is_late = median.own_ms > ALLOWED_MS;
    late += is_late;
    print_message("%-24s median %5.1f ms (%5.1f by the clock), worst %5.1f ms%s\n", places[i].name, median.own_ms, median.wall_ms,
                  worst.own_ms, is_late ? ": too late" : "");
  }
  scripts_close(&s);
  assert_int_equal(late, 0);
}

int main(void)
{
#ifdef __SANITIZE_THREAD__
  (void)ends_within_its_time_wherever_it_is;   /* see test_stop.c */
  return 0;
#else
  const struct CMUnitTest tests[] = {cmocka_unit_test(ends_within_its_time_wherever_it_is)};
  return cmocka_run_group_tests(tests, NULL, NULL);
#endif
}
