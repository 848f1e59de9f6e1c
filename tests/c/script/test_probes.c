/* probes/ *.lua: scripts that try to hold on, to hoard, or to get out, in classes. Each begins with a line
 *
 *   --- name: end | text key=value …
 *
 * `end` is how it must end: cpu, memory, time, result (limits), cancelled, error, ok, or ends (any of them). `text` is part
 * of the error, or the whole result. Keys: cpu (seconds), wall, memory (MB), log (KB), tasks, cancel (after so many ms).
 * Meanwhile another script ticks, and the loop thread turns: neither may be held up.
 */
#include <dirent.h>

#include "base/buf.h"
#include "run_fixture.h"

enum { BUNCH = 4, FILE_MAX = 1 << 20, TICK_GAP_MS = 1500, TURN_GAP_MS = 700, LATE_MS = 20000, CANCEL_LATE_MS = 5000 };

struct probe {
  char name[120], file[64];
  char *source;
  struct str end, text;
  struct script_limits limits;
  unsigned cancel_ms;
  /* while it runs */
  struct script_run *run;
  struct op *cancel;
  uint64_t begin_ms, cancel_at_ms, end_ms;
};

struct probes {
  struct scripts s;
  uv_check_t check;
  uv_timer_t beat;
  uint64_t turn_ms;
  unsigned slowest_turn, slowest_cancel, bad, count;
};

/* ---- reading ---- */
static void set_option(struct probe *p, struct str word)
{
  struct str key;
  str_split(&word, '=', &key);
  char number[32];
  snprintf(number, sizeof number, "%.*s", STR_ARG(word));
  double value = strtod(number, NULL);
  if (str_eqc(key, "cpu")) p->limits.cpu_seconds = value;
  else if (str_eqc(key, "wall")) p->limits.wall_seconds = value;
  else if (str_eqc(key, "memory")) p->limits.memory_bytes = (size_t)value << 20;
  else if (str_eqc(key, "log")) p->limits.log_bytes = (size_t)value << 10;
  else if (str_eqc(key, "tasks")) p->limits.tasks = (unsigned)value;
  else if (str_eqc(key, "cancel")) p->cancel_ms = (unsigned)value;
  else fail_msg("%s: option '%.*s' is unknown", p->name, STR_ARG(key));
}

static struct str trim(struct str s)
{
  while (s.len && s.ptr[s.len - 1] == ' ')
    s.len--;
  while (s.len && s.ptr[0] == ' ')
    s = str_make(s.ptr + 1, s.len - 1);
  return s;
}

/* The words after the last that is no option are options; what stands before them is the text. */
static void read_rest(struct probe *p, struct str rest)
{
  for (;;) {
    rest = trim(rest);
    size_t at = rest.len;
    while (at && rest.ptr[at - 1] != ' ')
      at--;
    struct str word = str_make(rest.ptr + at, rest.len - at);
    if (!word.len || word.ptr[0] < 'a' || word.ptr[0] > 'z' || !memchr(word.ptr, '=', word.len))
      break;
    set_option(p, word);
    rest.len = at;
  }
  p->text = rest;
}

static void read_header(struct probe *p, struct str line, const char *file)
{
  const char *colon = memchr(line.ptr, ':', line.len);
  assert_non_null(colon);
  snprintf(p->file, sizeof p->file, "%s", file);
  snprintf(p->name, sizeof p->name, "%s: %.*s", file, (int)(colon - line.ptr - 4), line.ptr + 4);
  p->limits = (struct script_limits){.cpu_seconds = 0.05, .wall_seconds = 30, .memory_bytes = 8 << 20};
  struct str rest = str_make(colon + 1, line.len - (size_t)(colon + 1 - line.ptr)), end;
  bool more = memchr(rest.ptr, '|', rest.len) != NULL;
  str_split(&rest, '|', &end);
  p->end = trim(end);
  if (more)
    read_rest(p, rest);
  /* Those that must fill their memory get the time for it. */
  if (str_eqc(p->end, "memory") && p->limits.cpu_seconds < 4)
    p->limits.cpu_seconds = 4;
}

/* ---- running ---- */
static void on_over(struct op *op, void *data)
{
  (void)op;
  ((struct probe *)data)->end_ms = clock_mono_ms();
}

static void on_cancel_time(struct op *op, void *data)
{
  struct probe *p = data;
  op_unref(op);
  p->cancel = NULL;
  p->cancel_at_ms = clock_mono_ms();
  script_run_cancel(p->run);
}

static void on_lines(struct script_run *run, struct str lines, void *data)
{
  (void)run, (void)data;
  assert_true(lines.len && lines.ptr[lines.len - 1] == '\n' && str_is_utf8(lines));
}

static void start(struct probes *all, struct probe *p)
{
  struct script_spec spec = {.name = STR("probe"), .limits = p->limits, .on_log = on_lines};
  p->begin_ms = clock_mono_ms();
  p->end_ms = p->cancel_at_ms = 0;
  p->run = scripts_start(&all->s, p->source, &spec);
  op_wait(&p->run->op, on_over, p);
  if (!p->cancel_ms)
    return;
  op_sleep(&all->s.ops, p->cancel_ms, &p->cancel);
  op_wait(p->cancel, on_cancel_time, p);
}

static const char *end_of(const struct script_outcome *o)
{
  static const char *const ends[] = {"ok", "error", NULL, "cancelled"};
  return o->end == SCRIPT_LIMIT ? o->limit : ends[o->end];
}

static void judge(struct probes *all, struct probe *p)
{
  const struct script_outcome *o = &p->run->outcome;
  unsigned took = (unsigned)(p->end_ms - p->begin_ms);
  unsigned after_cancel = p->cancel_at_ms ? (unsigned)(p->end_ms - p->cancel_at_ms) : 0;
  const char *words = o->message ? o->message : buf_str(&o->result).ptr;
  struct str result = buf_str(&o->result);
  bool ok = str_eqc(p->end, "ends") || str_eqc(p->end, end_of(o));
  if (ok && p->text.len && o->end == SCRIPT_OK)
    ok = str_eq(result, p->text);
  else if (ok && p->text.len)
    ok = memmem(words, strlen(words), p->text.ptr, p->text.len) != NULL;
  if (!ok)
    print_message("%s: ended with %s: %.200s\n", p->name, end_of(o), words);
  if (took > LATE_MS || after_cancel > CANCEL_LATE_MS || (double)o->cpu_us / 1e6 > p->limits.cpu_seconds + 0.5) {
    print_message("%s: %u ms, %u ms of CPU, %u ms after its cancel\n", p->name, took, (unsigned)(o->cpu_us / 1000), after_cancel);
    ok = false;
  }
  if (after_cancel > all->slowest_cancel)
    all->slowest_cancel = after_cancel;
  all->bad += !ok;
  all->count++;
  op_unref(&p->run->op);
  p->run = NULL;
}

static void run_bunch(struct probes *all, struct probe *p, size_t count)
{
  for (size_t i = 0; i < count; i++)
    start(all, &p[i]);
  for (size_t i = 0; i < count; i++) {
    while (!p[i].end_ms || p[i].cancel)
      uv_run(&all->s.loop, UV_RUN_ONCE);
    judge(all, &p[i]);
  }
}

static void run_file(struct probes *all, const char *file)
{
  CLEANUP(mem_free_at) char *path = mem_printf("%s/tests/c/script/probes/%s", SOURCE_DIR, file);
  CLEANUP(mem_free_at) char *text = mem_new(FILE_MAX);
  FILE *f = fopen(path, "r");
  assert_non_null(f);
  struct str rest = {text, fread(text, 1, FILE_MAX - 1, f)}, line;
  fclose(f);
  struct probe bunch[BUNCH];
  struct buf source[BUNCH];
  size_t n = 0;
  for (bool more = true; more;) {
    more = rest.len && str_split(&rest, '\n', &line);
    bool is_header = more && line.len > 4 && memcmp(line.ptr, "--- ", 4) == 0;
    if ((!more || is_header) && n && (n == BUNCH || !more)) {
      for (size_t i = 0; i < n; i++)
        bunch[i].source = source[i].ptr;
      run_bunch(all, bunch, n);
      for (size_t i = 0; i < n; i++)
        buf_release(&source[i]);
      n = 0;
    }
    if (is_header) {
      bunch[n] = (struct probe){0};
      buf_init(&source[n], FILE_MAX);
      read_header(&bunch[n++], line, file);
    } else if (more && n) {
      buf_add_str(&source[n - 1], line);
      buf_add_char(&source[n - 1], '\n');
    }
  }
}

/* ---- who must not notice ---- */
static void on_turn(uv_check_t *check)
{
  struct probes *all = check->data;
  uint64_t now = clock_mono_ms();
  if (all->turn_ms && now - all->turn_ms > all->slowest_turn)
    all->slowest_turn = (unsigned)(now - all->turn_ms);
  all->turn_ms = now;
}

static void on_beat(uv_timer_t *timer) { (void)timer; }

static int compare(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }
static int is_lua(const struct dirent *entry) { return strstr(entry->d_name, ".lua") != NULL; }

static void every_probe_ends_as_it_must(void **state)
{
  (void)state;
  struct probes all = {0};
  scripts_open(&all.s, 2);
  uv_check_init(&all.s.loop, &all.check);
  uv_timer_init(&all.s.loop, &all.beat);
  all.check.data = &all;
  uv_check_start(&all.check, on_turn);
  uv_timer_start(&all.beat, on_beat, 1, 1);
  struct script_spec forever = {.limits = {.cpu_seconds = 1000}};
  struct script_run *other = scripts_start(&all.s, "while true do komodo.sleep(0.002) komodo.read('Tick') end", &forever);
  struct dirent **files;
  int count = scandir(SOURCE_DIR "/tests/c/script/probes", &files, is_lua, compare);
  assert_true(count > 0);
  const char *only = getenv("PROBES");
  for (int i = 0; i < count; i++) {
    uint64_t begin = clock_mono_ms();
    all.s.tick_gap = all.slowest_turn = 0;
    if (!only || strstr(files[i]->d_name, only))
      run_file(&all, files[i]->d_name);
    print_message("%-18s %5u ms; slowest tick %u ms, slowest turn of the loop %u ms\n", files[i]->d_name,
                  (unsigned)(clock_mono_ms() - begin), all.s.tick_gap, all.slowest_turn);
    all.bad += all.s.tick_gap > TICK_GAP_MS || all.slowest_turn > TURN_GAP_MS;
    free(files[i]);
  }
  free(files);
  print_message("%u probes, slowest cancel %u ms\n", all.count, all.slowest_cancel);
  assert_false(other->op.done);
  script_run_cancel(other);
  scripts_wait(&all.s, other);
  op_unref(&other->op);
  uv_close((uv_handle_t *)&all.check, NULL);
  uv_close((uv_handle_t *)&all.beat, NULL);
  scripts_close(&all.s);
  assert_int_equal(all.bad, 0);
}

int main(void)
{
#ifdef __SANITIZE_THREAD__
  (void)every_probe_ends_as_it_must;   /* see test_stop.c */
  return 0;
#else
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_probe_ends_as_it_must)};
  return cmocka_run_group_tests(tests, NULL, NULL);
#endif
}
