/* script/runner.c: the loop thread's half of user scripts: starting, answering, timing, telling, ending. See runner.h. */
#include "script/runner.h"

#include "base/clock.h"
#include "base/mem.h"
#include "script/run_internal.h"

enum { MONITOR_MS = 10, SOURCE_MAX = 4 * 1024 * 1024, MAX_SCRIPTS = 10000, LOG_NOTE = 256, CLOCK_MAX = 1024 * 1024 };

struct call {
  struct script_call pub;        /* first */
  struct request *request;       /* NULL once the run is over */
};

static void on_timer(uv_timer_t *timer);
static void run_over(struct run *run);

/* ---- limits ---- */
Err script_limits_check(const struct script_limits *l, const struct script_limits *max, struct diag *reterr)
{
  const struct { const char *key; double value, max; } rows[] = {
      {"cpu_seconds", l->cpu_seconds, max->cpu_seconds},
      {"wall_seconds", l->wall_seconds, max->wall_seconds},
      {"memory_mb", (double)l->memory_bytes / (1 << 20), (double)max->memory_bytes / (1 << 20)},
      {"log_kb", (double)l->log_bytes / 1024, (double)max->log_bytes / 1024},
      {"result_kb", (double)l->result_bytes / 1024, (double)max->result_bytes / 1024},
      {"tasks", l->tasks, max->tasks},
      {"api_calls", l->api_calls, max->api_calls},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++)
    if (!(rows[i].value >= 0 && rows[i].value <= rows[i].max))
      return diag_set(reterr, ERR_INVALID, "limits.%s must be between 0 and %.10g", rows[i].key, rows[i].max);
  return OK;
}

static void fill_limits(struct script_limits *l, const struct script_limits *otherwise)
{
  if (!(l->cpu_seconds > 0)) l->cpu_seconds = otherwise->cpu_seconds;
  if (!(l->wall_seconds > 0)) l->wall_seconds = otherwise->wall_seconds;
  if (!l->memory_bytes) l->memory_bytes = otherwise->memory_bytes;
  if (!l->log_bytes) l->log_bytes = otherwise->log_bytes;
  if (!l->result_bytes) l->result_bytes = otherwise->result_bytes;
  if (!l->tasks) l->tasks = otherwise->tasks;
  if (!l->api_calls) l->api_calls = otherwise->api_calls;
}

/* ---- the monitor: keeps workers free while some are stuck ---- */
static void on_monitor(uv_timer_t *timer)
{
  struct runner *r = timer->data;
  uv_mutex_lock(&r->lock);
  workers_balance(r, clock_mono_ms());
  bool is_quiet = r->active == 0 && r->threads == r->base;
  uv_mutex_unlock(&r->lock);
  if (is_quiet)
    uv_timer_stop(timer);
}

static void wake_monitor(struct runner *r)
{
  if (!uv_is_active((uv_handle_t *)&r->monitor))
    uv_timer_start(&r->monitor, on_monitor, MONITOR_MS, MONITOR_MS);
}

/* ---- times of a run ---- */
/* Not uv_now: that may be old by as long as a callback takes. */
static uint64_t now_ms(void) { return clock_mono_ms(); }

static void arm_timer(struct run *run)
{
  uint64_t at = run->wall_at_ms, now = now_ms();
  if (run->log_at_ms && run->log_at_ms < at)
    at = run->log_at_ms;
  if (run->hard_at_ms && run->hard_at_ms < at)
    at = run->hard_at_ms;
  uv_timer_start(&run->timer, on_timer, at > now ? at - now : 0, 0);
}

static void tell_log(struct run *run)
{
  struct buf lines = BUF_INIT(run->log.max);
  uv_mutex_lock(&run->log_lock);
  struct buf got = run->log;
  run->log = lines;
  if (run->log_taken)   /* else the message is still on its way, and may not be posted a second time */
    run->log_posted = false;
  uv_mutex_unlock(&run->log_lock);
  run->log_taken = false;
  run->log_at_ms = 0;
  if (got.len) {
    run->log_told_ms = now_ms();
    if (run->on_log)
      run->on_log(&run->pub, buf_str(&got), run->data);
  }
  buf_release(&got);
}

/* Ends a run that nobody executes, or makes its worker leave it. */
static void stop_now(struct run *run)
{
  struct runner *r = run->runner;
  uv_mutex_lock(&r->lock);
  bool is_mine = run->state == RUN_READY || run->state == RUN_WAITING;
  if (run->state == RUN_READY)
    run_dequeue(run);
  if (run->state == RUN_RUNNING)
    worker_interrupt(run->worker);
  if (is_mine)
    run->state = RUN_ENDED;
  uv_mutex_unlock(&r->lock);
  if (!is_mine) {
    run->hard_at_ms = now_ms() + HARD_MS;   /* again, until the worker has let go of it */
    return;
  }
  run_set_killed(run);
  if (run->co) {
    char trace[TRACE_MAX];
    run->outcome.line = trace_format(run->co, run->chunk_name, trace, sizeof trace);
    mem_free(run->outcome.traceback);
    run->outcome.traceback = mem_strdup(trace);
  }
  run_drop_state(run, /* later= */ true);
  run_over(run);
}

static void on_timer(uv_timer_t *timer)
{
  struct run *run = timer->data;
  uint64_t now = now_ms();
  if (run->log_at_ms && now >= run->log_at_ms)
    tell_log(run);
  if (now >= run->wall_at_ms && atomic_load(&run->kill) == KILL_NONE && run_kill_set(run, KILL_TIME) == KILL_TIME)
    run->hard_at_ms = now;
  if (now >= run->wall_at_ms)
    run->wall_at_ms = UINT64_MAX;
  if (run->hard_at_ms && now >= run->hard_at_ms) {
    atomic_store(&run->is_hard, true);
    stop_now(run);
  }
  if (!run->is_over)
    arm_timer(run);
}

void script_run_cancel(struct script_run *pub)
{
  struct run *run = (struct run *)pub;
  struct runner *r = run->runner;
  if (run->is_over || run_kill_set(run, KILL_CANCEL) != KILL_CANCEL || run->hard_at_ms)
    return;
  uv_mutex_lock(&r->lock);
  bool was_never_started = run->state == RUN_READY && !run->L;
  if (run->state == RUN_RUNNING)
    worker_interrupt(run->worker);
  else if (run->state == RUN_WAITING)
    run_enqueue(run, /* used_its_slice= */ false);   /* its wait raises */
  ready_unlock(r);
  run->hard_at_ms = was_never_started ? now_ms() : now_ms() + r->config.cancel_grace_ms;
  arm_timer(run);
  wake_monitor(r);
}

static void run_cancel(struct op *op) { script_run_cancel((struct script_run *)op); }

/* ---- requests ---- */
static void link_request(struct run *run, struct request *q)
{
  q->prev = NULL;
  q->next = run->requests;
  if (q->next)
    q->next->prev = q;
  run->requests = q;
  q->is_linked = true;
}

static void unlink_request(struct run *run, struct request *q)
{
  if (q->prev)
    q->prev->next = q->next;
  else
    run->requests = q->next;
  if (q->next)
    q->next->prev = q->prev;
  q->next = q->prev = NULL;
  q->is_linked = false;
}

/* Hands the answered request back to the script. */
static void deliver(struct run *run, struct request *q)
{
  struct runner *r = run->runner;
  unlink_request(run, q);
  if (q->is_told) {
    request_free(q);
    return;
  }
  uv_mutex_lock(&r->lock);
  if (q->is_abandoned) {
    uv_mutex_unlock(&r->lock);
    return;
  }
  q->prev = run->inbox_last;
  if (run->inbox_last)
    run->inbox_last->next = q;
  else
    run->inbox = q;
  run->inbox_last = q;
  q->is_answered = true;
  atomic_fetch_add(&run->answered, 1);
  if (run->state == RUN_WAITING)
    run_enqueue(run, /* used_its_slice= */ false);
  ready_unlock(r);
  wake_monitor(r);
}

static void on_slept(struct op *op, void *data)
{
  struct request *q = data;
  q->err = op->err;
  q->timer = NULL;
  op_unref(op);
  deliver(q->message.run, q);
}

static void start_request(struct run *run, struct request *q)
{
  struct runner *r = run->runner;
  link_request(run, q);
  if (q->is_sleep) {
    op_sleep(r->config.loop, q->sleep_ms, &q->timer);
    op_wait(q->timer, on_slept, q);
    return;
  }
  if (q->group == SCRIPT_KOMODO)
    tell_log(run);
  struct call *call = mem_new(sizeof *call);
  call->pub = (struct script_call){.run = &run->pub, .user = run->user};
  call->request = q;
  q->call = &call->pub;
  char *params = q->params;   /* not needed while the answer is on its way; the request may be gone when this returns */
  q->params = NULL;
  r->config.call(&call->pub, q->group, str_of(q->name), str_make(params, q->params_len), r->config.data);
  mem_free(params);
}

/* Copies the answer, as far as the script has memory for it. */
static void keep_answer(struct request *q, struct str json)
{
  struct run *run = q->message.run;
  struct diag d;
  if (atomic_load(&run->outside) + json.len > run->limits.memory_bytes) {
    q->err = diag_set(&d, ERR_LIMIT, "the answer does not fit into limits.memory_mb");
    q->diag = mem_new(sizeof *q->diag);
    *q->diag = d;
    return;
  }
  q->json = mem_try(json.len + 1);
  if (!q->json) {
    q->err = ERR_NOMEM;
    return;
  }
  memcpy(q->json, json.ptr, json.len);
  q->json_len = json.len;
  q->outside += json.len;
  atomic_fetch_add(&run->outside, json.len);
}

void script_call_done(struct script_call *pub, Err err, int status, struct str json, const struct diag *d)
{
  struct call *call = (struct call *)pub;
  struct request *q = call->request;
  mem_free(call);
  if (!q)
    return;
  q->call = NULL;
  q->err = err;
  q->status = status;
  if (err && d) {
    q->diag = mem_new(sizeof *q->diag);
    *q->diag = *d;
  }
  if (!err && json.len)
    keep_answer(q, json);
  deliver(q->message.run, q);
}

static void abandon_request(struct run *run, struct request *q)
{
  unlink_request(run, q);
  op_drop(q->timer);
  if (q->call) {
    struct script_call *call = q->call;
    ((struct call *)call)->request = NULL;
    call->run = NULL;
    call->user = NULL;
    if (call->on_cancel)
      call->on_cancel(call);
  }
  if (!q->is_abandoned)
    request_free(q);
}

/* A task was cancelled while it waited for this. */
static void abandoned(struct run *run, struct request *q)
{
  if (q->is_linked)
    abandon_request(run, q);
  request_free(q);
}

static bool is_abandoned(struct run *run, const struct request *q)
{
  uv_mutex_lock(&run->runner->lock);
  bool is = q->is_abandoned;
  uv_mutex_unlock(&run->runner->lock);
  return is;
}

/* ---- a run's life ---- */
static void outcome_release(struct script_outcome *o)
{
  mem_free(o->message);
  mem_free(o->traceback);
  buf_release(&o->result);
  buf_release(&o->clock);
}

static void run_free(struct op *op)
{
  struct run *run = (struct run *)op;
  outcome_release(&run->pub.outcome);
  outcome_release(&run->outcome);
  uv_mutex_destroy(&run->log_lock);
  buf_release(&run->log);
  mem_free(run->source);
  mem_free(run->chunk_name);
  mem_free(run->args);
  mem_free(run->info);
  mem_free(run);
}

/* The operation's own reference goes when nothing of it is on its way any more. */
static void maybe_unref(struct run *run)
{
  if (run->timer_closed && atomic_load(&run->posted) == 0) {
    run->timer_closed = false;
    op_unref(&run->pub.op);
  }
}

static void maybe_close(struct runner *r);

static void on_timer_closed(uv_handle_t *handle)
{
  struct run *run = handle->data;
  struct runner *r = run->runner;
  run->timer_closed = true;
  r->timers--;
  maybe_unref(run);
  maybe_close(r);
}

static char *clean(char *text)
{
  if (!text || str_is_utf8(str_of(text)))
    return text;
  CLEANUP(buf_release) struct buf out = BUF_INIT(4 * TRACE_MAX);
  text_clean(&out, str_of(text));
  mem_free(text);
  return buf_take(&out);
}

static void run_over(struct run *run)
{
  struct runner *r = run->runner;
  run->is_over = true;
  while (run->requests)
    abandon_request(run, run->requests);
  for (struct request *q = run->inbox, *next; q; q = next) {
    next = q->next;
    request_free(q);
  }
  run->inbox = run->inbox_last = NULL;
  request_free(run->held);
  run->held = NULL;
  tell_log(run);

  struct script_outcome *o = &run->outcome;
  o->message = clean(o->message);
  o->traceback = o->traceback ? clean(o->traceback) : mem_strdup("");
  o->cpu_us = run->cpu_ns / 1000;
  o->wall_ms = clock_mono_ms() - run->started_ms;
  o->api_calls = run->api_calls;
  o->log_dropped_bytes = run->log_dropped;
  run->pub.outcome = *o;
  *o = (struct script_outcome){0};

  if (run->prev)
    run->prev->next = run->next;
  else
    r->runs = run->next;
  if (run->next)
    run->next->prev = run->prev;
  r->alive--;
  op_complete(&run->pub.op, OK, /* d= */ NULL);
  uv_close((uv_handle_t *)&run->timer, on_timer_closed);
}

static void on_message(struct mail *mail, void *data)
{
  (void)data;
  struct message *m = (struct message *)mail;
  struct run *run = m->run;
  atomic_fetch_sub(&run->posted, 1);
  switch (m->kind) {
  case MESSAGE_REQUEST:
    if (is_abandoned(run, (struct request *)m))
      break;
    if (run->is_over)
      request_free((struct request *)m);
    else
      start_request(run, (struct request *)m);
    break;
  case MESSAGE_ABANDON:
    abandoned(run, CONTAINER_OF(m, struct request, abandon));
    break;
  case MESSAGE_LOG:
    run->log_taken = true;
    if (run->is_over)
      break;
    if (!run->log_told_ms || now_ms() >= run->log_told_ms + LOG_INTERVAL_MS) {
      tell_log(run);
    } else {
      run->log_at_ms = run->log_told_ms + LOG_INTERVAL_MS;
      arm_timer(run);
    }
    break;
  case MESSAGE_ENDED:
    run_over(run);
    break;
  }
  maybe_unref(run);
}

static char *copy(struct str text, const char *otherwise, size_t *ret_len)
{
  struct str s = text.len ? text : str_of(otherwise);
  *ret_len = s.len;
  return str_dup(s);
}

/* "=name" as messages show it: no control characters, at most what Lua prints of it. */
static char *chunk_name(struct str name)
{
  struct buf out = BUF_INIT(64);
  buf_add_char(&out, '=');
  for (size_t i = 0; i < name.len && i < 50; i++)
    buf_add_char(&out, (unsigned char)name.ptr[i] < 0x20 || (unsigned char)name.ptr[i] >= 0x7F ? '_' : name.ptr[i]);
  if (out.len == 1)
    buf_add_text(&out, "script");
  return buf_take(&out);
}

Err runner_start(struct runner *r, const struct script_spec *spec, struct script_run **ret_run, struct diag *reterr)
{
  if (r->closing)
    return diag_set(reterr, ERR_CLOSED, "the engine is stopping");
  if (r->alive >= r->config.max_scripts)
    return diag_set(reterr, ERR_LIMIT, "%u scripts run already", r->alive);
  if (spec->source.len > SOURCE_MAX)
    return diag_set(reterr, ERR_TOOBIG, "the script is larger than %d MB", SOURCE_MAX >> 20);
  Err err = script_limits_check(&spec->limits, &r->config.limits_max, reterr);
  if (err)
    return err;
  struct run *run = mem_new(sizeof *run);
  op_init(&run->pub.op, r->config.loop, run_cancel, run_free);
  run->runner = r;
  run->source = copy(spec->source, "", &run->source_len);
  run->args = copy(spec->args, "{}", &run->args_len);
  run->info = copy(spec->run, "{}", &run->info_len);
  run->chunk_name = chunk_name(spec->name);
  run->limits = spec->limits;
  run->is_rule = spec->is_rule;
  run->seed = spec->seed;
  buf_init(&run->outcome.clock, CLOCK_MAX);
  fill_limits(&run->limits, &r->config.limits);
  run->on_log = spec->on_log;
  run->user = spec->user;
  run->data = spec->data;
  uv_mutex_init(&run->log_lock);
  buf_init(&run->log, run->limits.log_bytes + LOG_NOTE);
  run->log_message = (struct message){.kind = MESSAGE_LOG, .run = run};
  run->ended_message = (struct message){.kind = MESSAGE_ENDED, .run = run};
  run->started_ms = clock_mono_ms();
  uv_timer_init(r->config.loop->loop, &run->timer);
  run->timer.data = run;
  r->timers++;
  run->wall_at_ms = run->is_rule ? UINT64_MAX : now_ms() + (uint64_t)(run->limits.wall_seconds * 1000);
  arm_timer(run);
  run->next = r->runs;
  if (run->next)
    run->next->prev = run;
  r->runs = run;
  r->alive++;
  uv_mutex_lock(&r->lock);
  run_enqueue(run, /* used_its_slice= */ false);
  ready_unlock(r);
  wake_monitor(r);
  *ret_run = &run->pub;
  return OK;
}

/* ---- the runner's life ---- */
Err runner_new(const struct runner_config *config, struct runner **ret_runner, struct diag *reterr)
{
  struct runner *r = mem_new(sizeof *r);
  r->config = *config;
  if (!r->config.max_scripts)
    r->config.max_scripts = MAX_SCRIPTS;
  if (!r->config.cancel_grace_ms)
    r->config.cancel_grace_ms = CANCEL_GRACE_MS;
  fill_limits(&r->config.limits, &SCRIPT_LIMITS_DEFAULT);
  fill_limits(&r->config.limits_max, &SCRIPT_LIMITS_MAX);
  r->spare_capacity = r->config.limits.memory_bytes;
  Err err = script_limits_check(&r->config.limits, &r->config.limits_max, reterr);
  if (!err)
    err = sandbox_compile_core(r, reterr);
  if (err) {
    for (size_t i = 0; i < CORE_PARTS; i++)
      mem_free(r->core[i].code);
    mem_free(r);
    return err;
  }
  uv_mutex_init(&r->lock);
  uv_cond_init(&r->wake);
  mailbox_init(&r->mailbox, config->loop->loop, on_message, r);
  uv_unref((uv_handle_t *)&r->mailbox.async);   /* what a script waits for keeps the loop alive, and its wall timer */
  uv_timer_init(config->loop->loop, &r->monitor);
  r->monitor.data = r;
  unsigned cores = uv_available_parallelism();
  err = workers_start(r, config->workers ? config->workers : cores);
  *ret_runner = r;
  return err ? diag_set(reterr, err, "cannot start the script workers") : OK;
}

static void handle_closed(struct runner *r)
{
  if (--r->closing_handles)
    return;
  void (*on_closed)(void *data) = r->on_closed;
  void *data = r->on_closed_data;
  uv_mutex_destroy(&r->lock);
  uv_cond_destroy(&r->wake);
  for (size_t i = 0; i < CORE_PARTS; i++)
    mem_free(r->core[i].code);
  mem_free(r);
  if (on_closed)
    on_closed(data);
}

static void on_monitor_closed(uv_handle_t *handle) { handle_closed(handle->data); }

static void on_mailbox_closed(uv_handle_t *handle)
{
  struct mailbox *mailbox = handle->data;
  handle_closed(CONTAINER_OF(mailbox, struct runner, mailbox));
}

static void maybe_close(struct runner *r)
{
  if (!r->closing || r->alive || r->timers || r->closing_handles)
    return;
  workers_stop(r);
  r->closing_handles = 2;
  mailbox_close(&r->mailbox, on_mailbox_closed);
  uv_close((uv_handle_t *)&r->monitor, on_monitor_closed);
}

void runner_close(struct runner *r, void (*on_closed)(void *data), void *data)
{
  r->closing = true;
  r->on_closed = on_closed;
  r->on_closed_data = data;
  for (struct run *run = r->runs; run; run = run->next)
    script_run_cancel(&run->pub);
  maybe_close(r);
}

void runner_stats(struct runner *r, struct runner_stats *ret)
{
  *ret = (struct runner_stats){.alive = r->alive};
  uv_mutex_lock(&r->lock);
  ret->workers = r->threads;
  ret->ready = atomic_load(&r->ready_count);
  ret->running = r->active - ret->ready;
  ret->waiting = r->alive > r->active ? r->alive - r->active : 0;
  uv_mutex_unlock(&r->lock);
}
