/* A loop and a runner whose calls are answered by the test. */
#ifndef TESTS_SCRIPT_RUN_FIXTURE_H
#define TESTS_SCRIPT_RUN_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "doc/json.h"
#include "script/runner.h"

struct scripts {
  uv_loop_t loop;
  struct op_loop ops;
  struct runner *runner;
  unsigned calls, cancelled;
  void (*on_call)(struct scripts *s, struct str name);   /* may be NULL; before each request is answered */
  struct script_call *kept;       /* of the request "Keep", which nobody answers before the end */
  uint64_t tick_ms;
  unsigned tick_gap;              /* the longest time between two requests "Tick" */
  bool closing;
};

static inline void on_slow_done(struct op *op, void *data)
{
  script_call_done(data, OK, 200, STR("{\"slow\":true}"), NULL);
  op_unref(op);
}

static inline void on_call_cancel(struct script_call *call) { ++*(unsigned *)call->owner; }

/* Tick is answered at once, Echo with its parameters, Slow after 20 ms, Keep never, Batch with a list. */
static inline void scripts_call(struct script_call *call, enum script_group group, struct str name, struct str params, void *data)
{
  struct scripts *s = data;
  (void)group;
  s->calls++;
  if (s->on_call)
    s->on_call(s, name);
  if (str_eqc(name, "Tick")) {
    uint64_t now = clock_mono_ms();
    if (s->tick_ms && now - s->tick_ms > s->tick_gap)
      s->tick_gap = (unsigned)(now - s->tick_ms);
    s->tick_ms = now;
    script_call_done(call, OK, 200, STR("{}"), NULL);
  } else if (str_eqc(name, "Echo")) {
    script_call_done(call, OK, 200, params, NULL);
  } else if (str_eqc(name, "Slow")) {
    struct op *op;
    op_sleep(&s->ops, 20, &op);
    op_wait(op, on_slow_done, call);
  } else if (str_eqc(name, "Keep") && s->closing) {
    script_call_done(call, OK, 200, STR_NONE, NULL);   /* it was on its way when the end began */
  } else if (str_eqc(name, "Keep")) {
    call->owner = &s->cancelled;
    call->on_cancel = on_call_cancel;
    s->kept = call;
  } else if (str_eqc(name, "Failed")) {
    script_call_done(call, OK, 200, 
                     STR("{\"success\":false,\"logs\":[{\"stage\":\"Pull\",\"success\":false,\"stderr\":\"no image\"}]}"), NULL);
  } else if (str_eqc(name, "Caused")) {
    struct diag d;
    diag_set(&d, ERR_INVALID, "it cannot be done");
    diag_cause(&d, "the first cause");
    diag_cause(&d, "the cause of that");
    script_call_done(call, ERR_INVALID, 400, STR_NONE, &d);
  } else if (str_eqc(name, "module") && strstr(params.ptr, "\"slow\"")) {
    script_call_done(call, OK, 200, STR("{\"name\":\"slow\",\"source\":\"komodo.sleep(0.02) loads = (loads or 0) + 1 return { n = loads }\"}"), NULL);
  } else if (str_eqc(name, "module") && strstr(params.ptr, "\"fails\"")) {
    script_call_done(call, OK, 200, STR("{\"name\":\"fails\",\"source\":\"\\nerror('no luck')\"}"), NULL);
  } else if (str_eqc(name, "module") && strstr(params.ptr, "\"ring\"")) {
    script_call_done(call, OK, 200, STR("{\"name\":\"ring\",\"source\":\"return komodo.all{ function() return require('ring') end }\"}"), NULL);
  } else if (str_eqc(name, "Batch")) {
    script_call_done(call, OK, 200,
                     STR("[{\"status\":\"Ok\",\"data\":{\"success\":true}},"
                         "{\"status\":\"Err\",\"data\":{\"name\":\"web\",\"error\":{\"error\":\"busy\"}}}]"), NULL);
  } else {
    struct diag d;
    diag_set(&d, ERR_NOTFOUND, "no %.*s here", STR_ARG(name));
    script_call_done(call, ERR_NOTFOUND, 404, STR_NONE, &d);
  }
}

/* `grace_ms`: how long a cancelled run has; 0: as in the engine. A test that wants it used gives it more than a busy machine takes. */
static inline void scripts_open_grace(struct scripts *s, unsigned workers, unsigned grace_ms)
{
  *s = (struct scripts){0};
  log_configure(&(struct log_config){.level = LOG_WARN});
  uv_loop_init(&s->loop);
  op_loop_init(&s->ops, &s->loop);
  static const struct embed_file modules[] = {
      {.path = "a/one.lua", .data = "return { n = 1 }", .size = 16}, {.path = "a/two.lua", .data = "return 2", .size = 8}, {.path = NULL}};
  static const char *const names[] = {"a.one", NULL};
  struct runner_config config = {.loop = &s->ops, .workers = workers, .cancel_grace_ms = grace_ms, .call = scripts_call, .data = s,
                                 .modules = modules, .module_names = names};
  struct diag d = {0};
  if (runner_new(&config, &s->runner, &d))
    fail_msg("%s", d.message);
}

static inline void scripts_open(struct scripts *s, unsigned workers) { scripts_open_grace(s, workers, 0); }

static inline void scripts_close(struct scripts *s)
{
  s->closing = true;
  runner_close(s->runner, NULL, NULL);
  if (s->kept)
    script_call_done(s->kept, OK, 200, STR_NONE, NULL);
  uv_run(&s->loop, UV_RUN_DEFAULT);
  op_loop_close(&s->ops);
  uv_run(&s->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&s->loop), 0);
}

static inline struct script_run *scripts_start(struct scripts *s, const char *source, const struct script_spec *more)
{
  struct script_spec spec = more ? *more : (struct script_spec){0};
  spec.source = str_of(source);
  if (!spec.name.len)
    spec.name = STR("test");
  struct script_run *run = NULL;
  struct diag d = {0};
  if (runner_start(s->runner, &spec, &run, &d))
    fail_msg("%s", d.message);
  return run;
}

static inline void scripts_told(struct op *op, void *data)
{
  (void)op;
  *(bool *)data = true;
}

static inline void scripts_wait(struct scripts *s, struct script_run *run)
{
  bool told = false;
  op_wait(&run->op, scripts_told, &told);
  while (!told)
    uv_run(&s->loop, UV_RUN_ONCE);
}

static inline struct script_run *scripts_run(struct scripts *s, const char *source, const struct script_spec *more)
{
  struct script_run *run = scripts_start(s, source, more);
  scripts_wait(s, run);
  return run;
}

static inline void scripts_expect(struct scripts *s, const char *source, const char *result)
{
  struct script_run *run = scripts_run(s, source, NULL);
  if (run->outcome.end != SCRIPT_OK)
    fail_msg("%s\n-> %s\n%s", source, run->outcome.message, run->outcome.traceback);
  assert_string_equal(run->outcome.result.ptr ? run->outcome.result.ptr : "", result);
  op_unref(&run->op);
}

static inline void scripts_expect_error(struct scripts *s, const char *source, const char *message)
{
  struct script_run *run = scripts_run(s, source, NULL);
  if (run->outcome.end != SCRIPT_ERROR || !strstr(run->outcome.message, message))
    fail_msg("%s\n-> %d '%s' lacks '%s'", source, run->outcome.end, run->outcome.message ? run->outcome.message : "", message);
  op_unref(&run->op);
}

#endif
