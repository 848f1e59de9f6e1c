/* script/worker.c: the threads that run scripts: they take the next ready run, resume it, and put it where it belongs. */
#include <openssl/evp.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "script/run_internal.h"

enum {
  STACK_BYTES = 8 * 1024 * 1024,   /* 220 nested C calls of Lua with 20 KB of frames each, as with sanitizers, and room to spare */
  EXTRA_IDLE_NS = 1000000000,      /* a worker beyond the configured number ends after a second without work */
  NICENESS = 10,                   /* the loop thread goes first */
  STUCK_MS = 25,                   /* five slices without a yield */
  EXTRA_MAX = 256,
  NICENESS_STUCK = 19,
  LATER_BYTES = 1024 * 1024,       /* dropping more takes longer than the loop thread should */
};

int run_kill_set(struct run *run, enum run_kill kill)
{
  int none = KILL_NONE;
  return atomic_compare_exchange_strong(&run->kill, &none, (int)kill) ? (int)kill : none;
}

/* ---- a run's end ---- */
/* With the lock held. */
static void bury(struct runner *r, struct heap *heap)
{
  r->grave = mem_resize(r->grave, (r->graves + 1) * sizeof *r->grave);
  r->grave[r->graves++] = heap;
  uv_cond_signal(&r->wake);
}

/* With the lock held, which it leaves meanwhile. */
static void empty_grave(struct runner *r)
{
  while (r->graves) {
    struct heap *heap = r->grave[--r->graves];
    uv_mutex_unlock(&r->lock);
    heap_free(heap);
    uv_mutex_lock(&r->lock);
  }
}

void run_drop_state(struct run *run, bool later)
{
  struct runner *r = run->runner;
  struct heap *heap = run->heap;
  run->heap = NULL;
  run->L = run->co = NULL;
  if (!heap)
    return;
  run->outcome.peak_bytes = heap_peak(heap);
  EVP_MD_CTX_free(run->digest);
  run->digest = NULL;
  if (later && heap_peak(heap) > LATER_BYTES) {
    uv_mutex_lock(&r->lock);
    bury(r, heap);
    uv_mutex_unlock(&r->lock);
    return;
  }
  if (heap_capacity(heap) == r->spare_capacity) {
    heap_reset(heap);
    uv_mutex_lock(&r->lock);
    if (r->spares < SPARE_MAX) {
      r->spare[r->spares++] = heap;
      heap = NULL;
    }
    uv_mutex_unlock(&r->lock);
  }
  heap_free(heap);
}

static void set_error(struct run *run, const char *message, size_t len)
{
  struct script_outcome *o = &run->outcome;
  o->end = SCRIPT_ERROR;
  mem_free(o->message);
  o->message = mem_strndup(message, len < MESSAGE_MAX ? len : MESSAGE_MAX);
  /* "name:12: …" says the line of the error itself. */
  size_t name = strlen(run->chunk_name + 1);
  // NOLINTNEXTLINE(bugprone-not-null-terminated-result): the prefix is compared without its end on purpose
  if (strncmp(o->message, run->chunk_name + 1, name) == 0 && o->message[name] == ':') {
    char *end;
    long line = strtol(o->message + name + 1, &end, 10);
    if (*end == ':' && line > 0 && line < INT32_MAX)
      o->line = (int)line;
  }
}

static void set_limit(struct run *run, const char *limit, const char *words)
{
  struct script_outcome *o = &run->outcome;
  o->end = SCRIPT_LIMIT;
  o->limit = limit;
  mem_free(o->message);
  o->message = mem_printf("limit: %s (%s)", limit, words);
}

static void set_memory_limit(struct run *run)
{
  char words[64];
  snprintf(words, sizeof words, "more than %.6g MB", (double)run->limits.memory_bytes / (1 << 20));
  set_limit(run, "memory", words);
}

/* The reason it was stopped for, if it was. */
void run_set_killed(struct run *run)
{
  char words[64];
  switch (atomic_load(&run->kill)) {
  case KILL_CANCEL:
    run->outcome.end = SCRIPT_CANCELLED;
    mem_free(run->outcome.message);
    run->outcome.message = mem_strdup("cancelled");
    return;
  case KILL_CPU:
    snprintf(words, sizeof words, "more than %.6g s of CPU time", run->limits.cpu_seconds);
    set_limit(run, "cpu", words);
    return;
  case KILL_TIME:
    snprintf(words, sizeof words, "longer than %.6g s", run->limits.wall_seconds);
    set_limit(run, "time", words);
    return;
  case KILL_PANIC: set_error(run, "error outside every call", 24); return;
  default: return;
  }
}

static void set_traceback(struct run *run, const char *trace, int line)
{
  mem_free(run->outcome.traceback);
  run->outcome.traceback = mem_strdup(trace);
  if (!run->outcome.line)
    run->outcome.line = line;
}

/* Turns what the coroutine ended with into C memory. */
static void take_outcome(struct worker *w, struct run *run, int status, bool was_left)
{
  lua_State *co = run->current->co;
  if (was_left) {
    run_set_killed(run);
    set_traceback(run, w->trace, w->trace_line);
    return;
  }
  size_t len = 0;
  const char *text = lua_gettop(co) > 0 && lua_type(co, -1) == LUA_TSTRING ? lua_tolstring(co, -1, &len) : NULL;
  bool is_memory = status == LUA_ERRMEM || run->finish == FINISH_MEMORY ||
                   (heap_was_full(run->heap) && text && len >= 17 && strcmp(text + len - 17, "not enough memory") == 0);
  bool failed = status != LUA_OK || run->finish == FINISH_ERROR || run->finish == FINISH_MEMORY;
  if (atomic_load(&run->kill) == KILL_CANCEL)
    run_set_killed(run);
  else if (failed && is_memory)
    set_memory_limit(run);
  else if (failed)
    set_error(run, text ? text : "the error is no text", text ? len : 20);
  else if (run->finish == FINISH_RESULT && text && len > run->limits.result_bytes)
    set_limit(run, "result", "the returned value is too large");
  else if (run->finish == FINISH_RESULT && text) {
    buf_init(&run->outcome.result, len + 1);
    buf_add(&run->outcome.result, text, len);
  }
}

/* ---- running ---- */
enum step { STEP_SLICE, STEP_WAIT, STEP_ENDED };

/* The C frames above sigsetjmp may be left at any moment; this one may not be, so it holds no state of its own. */
static enum step resume(struct worker *w, struct run *run)
{
  struct fiber *const task = task_next(run);
  int results = 0;
  volatile int status = LUA_OK;
  volatile bool was_left = true;
  if (sigsetjmp(w->leave, /* savemask= */ 0) == 0) {
    stop_arm(w, run);
    run->yielded = YIELD_NONE;
    status = lua_resume(task->co, NULL, lua_status(task->co) == LUA_YIELD ? 0 : lua_gettop(task->co) - 1, &results);
    was_left = false;
#ifdef KOMODO_DEBUG
    if (w->guard)
      abort();   /* from here on nothing would stop the script */
#endif
  }
  stop_disarm(w, run);
  bool has_ended = was_left || (status != LUA_YIELD && (status != LUA_OK || task == &run->main));
  if (has_ended) {
    take_outcome(w, run, status, was_left);
    return STEP_ENDED;
  }
  if (status == LUA_YIELD && results)   /* none after a hook, where the stack is not ours */
    lua_pop(task->co, results);
  if (status == LUA_YIELD && run->yielded == YIELD_SLICE)
    task_requeue(run, task);
  return run->ready.first ? STEP_SLICE : STEP_WAIT;
}

/* One slice: several tasks of a script may share it. */
static enum step run_slice(struct worker *w, struct run *run)
{
  if (!run->L && sandbox_open(run)) {
    set_memory_limit(run);
    return STEP_ENDED;
  }
  uint64_t until_ms = clock_mono_ms() + TICK_MS;
  enum step step = resume(w, run);
  while (step == STEP_SLICE && clock_mono_ms() < until_ms)
    step = resume(w, run);
  return step;
}

static void put_back(struct worker *w, struct run *run, enum step step, uint64_t cpu_ns)
{
  struct runner *r = w->runner;
  if (step == STEP_ENDED)
    run_drop_state(run, /* later= */ false);
  uv_mutex_lock(&r->lock);
  r->active--;
  run->worker = NULL;
  run_charge(run, cpu_ns);
  if (step == STEP_ENDED) {
    run->state = RUN_ENDED;
    atomic_fetch_add(&run->posted, 1);
  } else if (step == STEP_SLICE || run->inbox || (atomic_load(&run->kill) && !run->cancel_told)) {
    run_enqueue(run, step == STEP_SLICE);
  } else {
    run->state = RUN_WAITING;
  }
  ready_unlock(r);
  if (step == STEP_ENDED)
    mailbox_post(&r->mailbox, &run->ended_message.mail);
}

/* Waits for a run. NULL: this thread should end. With the lock held. */
static struct run *next_run(struct worker *w)
{
  struct runner *r = w->runner;
  bool ticks = true;
  empty_grave(r);
  while (!atomic_load(&r->ready_count) && !r->stop) {
    if (ticks)
      stop_ticks(w, ticks = false);
    r->idle++;
    int late = w->is_extra ? uv_cond_timedwait(&r->wake, &r->lock, EXTRA_IDLE_NS) : 0;
    if (!w->is_extra)
      uv_cond_wait(&r->wake, &r->lock);
    r->idle--;
    empty_grave(r);
    if (late && !atomic_load(&r->ready_count) && r->threads > r->base)
      return NULL;
    w->is_extra = w->is_extra && r->threads > r->base;   /* it takes the place of one that got stuck and has ended since */
  }
  if (r->stop)
    return NULL;
  if (!ticks)
    stop_ticks(w, true);
  struct run *run = run_take(r);
  r->active++;
  run->state = RUN_RUNNING;
  run->worker = w;
  return run;
}

static void worker_main(void *data)
{
  struct worker *w = data;
  struct runner *r = w->runner;
  stop_open(w);
  setpriority(PRIO_PROCESS, (id_t)w->tid, NICENESS);
  stop_ticks(w, true);
  for (;;) {
    uv_mutex_lock(&r->lock);
    struct run *run = w->is_demoted ? NULL : next_run(w);
    if (!run)
      break;
    uv_mutex_unlock(&r->lock);
    uint64_t before_ns = run->cpu_ns;
    enum step step = run_slice(w, run);
    put_back(w, run, step, run->cpu_ns - before_ns);
  }
  r->threads--;
  w->is_finished = true;
  uv_mutex_unlock(&r->lock);
  stop_close(w);
}

static Err add(struct runner *r, bool is_extra)
{
  struct worker *w = mem_new(sizeof *w);
  w->runner = r;
  w->is_extra = is_extra;
  uv_thread_options_t options = {.flags = UV_THREAD_HAS_STACK_SIZE, .stack_size = STACK_BYTES};
  if (uv_thread_create_ex(&w->thread, &options, worker_main, w) != 0) {
    mem_free(w);
    return ERR_LIMIT;
  }
  w->next = r->workers;
  r->workers = w;
  r->threads++;
  return OK;
}

Err workers_start(struct runner *r, unsigned count)
{
  r->base = count;
  Err err = OK;
  uv_mutex_lock(&r->lock);
  for (unsigned i = 0; i < count && !err; i++)
    err = add(r, /* is_extra= */ false);
  uv_mutex_unlock(&r->lock);
  return err;
}

static void workers_reap(struct runner *r)
{
  for (struct worker **at = &r->workers; *at;) {
    struct worker *w = *at;
    if (!w->is_finished) {
      at = &w->next;
      continue;
    }
    *at = w->next;
    uv_thread_join(&w->thread);
    mem_free(w);
  }
}

void workers_balance(struct runner *r, uint64_t now_ms)
{
  unsigned stuck = 0;
  workers_reap(r);
  for (struct worker *w = r->workers; w; w = w->next) {
    uint64_t since = atomic_load(&w->slice_since_ms);
    if (!since || now_ms <= since || now_ms - since <= STUCK_MS)
      continue;
    stuck++;
    if (!w->is_demoted && setpriority(PRIO_PROCESS, (id_t)w->tid, NICENESS_STUCK) == 0)
      w->is_demoted = true;
  }
  bool is_wanted = r->threads < r->base || (atomic_load(&r->ready_count) && !r->idle && r->threads - stuck < r->base);
  if (is_wanted && r->threads < r->base + EXTRA_MAX && add(r, /* is_extra= */ r->threads >= r->base))
    log_warn("scripts: no further worker thread can be started");
}

void workers_stop(struct runner *r)
{
  uv_mutex_lock(&r->lock);
  r->stop = true;
  uv_cond_broadcast(&r->wake);
  uv_mutex_unlock(&r->lock);
  while (r->workers) {
    struct worker *w = r->workers;
    r->workers = w->next;
    uv_thread_join(&w->thread);
    mem_free(w);
  }
  for (unsigned i = 0; i < r->spares; i++)
    heap_free(r->spare[i]);
  r->spares = 0;
  while (r->graves)
    heap_free(r->grave[--r->graves]);
  mem_free(r->grave);
  r->grave = NULL;
}
