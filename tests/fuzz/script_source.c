/* Any text as a script: it ends, with an outcome in valid UTF-8, within its limits. */
#include <stdlib.h>

#include "base/log.h"
#include "script/runner.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
  uv_loop_t loop;
  struct op_loop ops;
  struct runner *runner;
} host;

static void answer(struct script_call *call, enum script_group group, struct str name, struct str params, void *data)
{
  (void)group;
  (void)name;
  (void)data;
  script_call_done(call, OK, 200, params, NULL);
}

static void on_log(struct script_run *run, struct str lines, void *data)
{
  (void)run;
  (void)data;
  if (!str_is_utf8(lines) || lines.ptr[lines.len - 1] != '\n')
    abort();
}

static void told(struct op *op, void *data)
{
  (void)op;
  *(bool *)data = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (!host.runner) {
    log_configure(&(struct log_config){.format = LOG_NONE});
    uv_loop_init(&host.loop);
    op_loop_init(&host.ops, &host.loop);
    struct runner_config config = {.loop = &host.ops, .workers = 1, .call = answer};
    if (runner_new(&config, &host.runner, NULL))
      abort();
  }
  struct script_spec spec = {
      .source = str_make((const char *)data, size),
      .limits = {.cpu_seconds = 0.02, .wall_seconds = 0.2, .memory_bytes = 4 << 20, .log_bytes = 4096, .result_bytes = 4096},
      .on_log = on_log};
  struct script_run *run;
  if (runner_start(host.runner, &spec, &run, NULL))
    abort();
  bool done = false;
  op_wait(&run->op, told, &done);
  while (!done)
    uv_run(&host.loop, UV_RUN_ONCE);
  const struct script_outcome *o = &run->outcome;
  if ((o->message && !str_is_utf8(str_of(o->message))) || !str_is_utf8(str_of(o->traceback)) || o->result.len > 4096)
    abort();
  op_unref(&run->op);
  return 0;
}
