/* A loop, a policy state and inline modules for the tests of the script folder. */
#ifndef TESTS_SCRIPT_POLICY_FIXTURE_H
#define TESTS_SCRIPT_POLICY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <lauxlib.h>

#include "base/embed.h"
#include "base/log.h"
#include "base/mem.h"
#include "script/policy.h"

struct fixture {
  uv_loop_t loop;
  struct op_loop ops;
  struct policy *policy;
  struct embed_file modules[2];
  void (*open_libs)(lua_State *L, void *data);
  void *data;
};

/* Opens a policy whose module "test" is `source`, on a loop that is there. */
static void fixture_start(struct fixture *f, const char *source)
{
  log_configure(&(struct log_config){.format = LOG_NONE});
  f->modules[0] = (struct embed_file){.path = "test.lua", .data = source, .size = strlen(source)};
  struct policy_config config = {
      .loop = &f->ops, .stdlib = f->modules, .open_libs = f->open_libs, .data = f->data};
  struct diag d = {0};
  if (policy_new(&config, &f->policy, &d) || policy_require(f->policy, "test", &d))
    fail_msg("%s", d.message);
}

static inline void fixture_open(struct fixture *f, const char *source)
{
  uv_loop_init(&f->loop);
  op_loop_init(&f->ops, &f->loop);
  fixture_start(f, source);
}

static void fixture_close(struct fixture *f)
{
  if (f->policy)
    policy_close(f->policy, NULL, NULL);
  uv_run(&f->loop, UV_RUN_DEFAULT);
  op_loop_close(&f->ops);
  uv_run(&f->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&f->loop), 0);
}

static void fixture_told(struct op *op, void *data)
{
  (void)op;
  *(bool *)data = true;
}

/* Runs the loop until the task is over. */
static inline void fixture_wait(struct fixture *f, struct op *op)
{
  bool told = false;
  op_wait(op, fixture_told, &told);
  while (!told)
    uv_run(&f->loop, UV_RUN_ONCE);
}

static int fixture_push_json(lua_State *L, void *data)
{
  json_push_text(L, str_of(data));
  return 1;
}

/* Calls a handler with one JSON argument and waits. */
static inline struct policy_task *fixture_call(struct fixture *f, const char *name, const char *json)
{
  struct policy_task *task = NULL;
  struct diag d = {0};
  char *text = mem_strdup(json);
  Err err = policy_call(f->policy, name, fixture_push_json, text, &task, &d);
  if (err)
    fail_msg("%s: %s", name, d.message);
  fixture_wait(f, &task->op);
  mem_free(text);
  return task;
}

/* The same for calls that succeed: compares the result. */
static inline void fixture_expect(struct fixture *f, const char *name, const char *json, const char *result)
{
  struct policy_task *task = fixture_call(f, name, json);
  if (task->op.err)
    fail_msg("%s: %s", name, task->op.diag ? task->op.diag->message : err_words(task->op.err));
  assert_string_equal(task->result.ptr ? task->result.ptr : "", result);
  op_unref(&task->op);
}

static inline void fixture_expect_error(struct fixture *f, const char *name, const char *json, Err err, const char *message)
{
  struct policy_task *task = fixture_call(f, name, json);
  assert_int_equal(task->op.err, err);
  assert_non_null(task->op.diag);
  if (!strstr(task->op.diag->message, message))
    fail_msg("%s: '%s' lacks '%s'", name, task->op.diag->message, message);
  op_unref(&task->op);
}

#endif
