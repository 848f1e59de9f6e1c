/* api/scripts.c: what user scripts ask the engine for, answered by policy with the rights of the run's user. */
#include "api/api.h"
#include "base/mem.h"
#include "script/libs.h"

extern const struct embed_file engine_stdlib[];   /* stdlib/lua, compiled in */

struct asked {
  struct script_call *call;
  struct policy_task *task;
};

struct ask_args {
  const char *group;
  struct str name, params, user_id;
};

static int push_ask(lua_State *L, void *data)
{
  const struct ask_args *a = data;
  lua_pushstring(L, a->group);
  lua_pushlstring(L, a->name.ptr, a->name.len);
  json_push_text(L, a->params);
  lua_newtable(L);
  lua_pushlstring(L, a->user_id.ptr, a->user_id.len);
  lua_setfield(L, -2, "id");
  return 4;
}

static void on_answer(struct op *op, void *data)
{
  struct asked *a = data;
  struct policy_task *task = (struct policy_task *)op;
  script_call_done(a->call, op->err, task->status, buf_str(&task->result), op->diag);
  mem_free(a);
  op_unref(op);
}

/* The script is gone; its request goes on, since it may have changed something already, but nobody reads the answer. */
static void on_script_gone(struct script_call *call) { (void)call; }

/* What the module asked for is given up: a lock must not go to somebody who is gone. */
static void on_wait_gone(struct script_call *call)
{
  struct asked *a = call->owner;
  if (a)
    op_cancel(&a->task->op);
}

static void on_call(struct script_call *call, enum script_group group, struct str name, struct str params, void *data)
{
  static const char *const groups[] = {[SCRIPT_READ] = "read", [SCRIPT_WRITE] = "write", [SCRIPT_EXECUTE] = "execute", [SCRIPT_START] = "start",
                                       [SCRIPT_KOMODO] = "komodo"};
  struct api *api = data;
  struct ask_args args = {groups[group], name, params, str_of(call->user)};   /* lib_script.c: the user's id */
  struct policy_task *task;
  struct diag d;
  call->on_cancel = group == SCRIPT_KOMODO ? on_wait_gone : on_script_gone;
  Err err = policy_call(api->policy, "script/call", push_ask, &args, &task, &d);
  if (err) {
    script_call_done(call, err, err_status(err), STR_NONE, &d);
    return;
  }
  struct asked *a = mem_new(sizeof *a);
  *a = (struct asked){call, task};
  call->owner = a;
  op_wait(&task->op, on_answer, a);
}

/* What scripts may require: pure, and without an effect when it loads. */
static const char *const module_names[] = {"komodo.fail",  "komodo.images", "komodo.interpolate", "komodo.markup", "komodo.match",
                                           "komodo.names", "komodo.text",   NULL};

static struct script_limits limits_of(const struct api *api, const char *key)
{
  yyjson_val *v = conf_json(api->conf, key);
  return (struct script_limits){
    .cpu_seconds = yyjson_get_num(yyjson_obj_get(v, "cpu_seconds")),
    .wall_seconds = yyjson_get_num(yyjson_obj_get(v, "wall_seconds")),
    .memory_bytes = (size_t)(yyjson_get_num(yyjson_obj_get(v, "memory_mb")) * (1 << 20)),
    .log_bytes = (size_t)(yyjson_get_num(yyjson_obj_get(v, "log_kb")) * 1024),
    .result_bytes = (size_t)(yyjson_get_num(yyjson_obj_get(v, "result_kb")) * 1024),
    .tasks = (unsigned)yyjson_get_num(yyjson_obj_get(v, "tasks")),
    .api_calls = (unsigned)yyjson_get_num(yyjson_obj_get(v, "api_calls")),
  };
}

Err scripts_open(struct api *api, struct diag *reterr)
{
  struct runner_config config = {
    .loop = api->loop,
    .workers = (unsigned)conf_int(api->conf, "script_workers"),
    .max_scripts = (unsigned)conf_int(api->conf, "max_scripts"),
    .limits = limits_of(api, "script_limits"),
    .limits_max = limits_of(api, "script_limits_max"),
    .modules = engine_stdlib,
    .module_names = module_names,
    .call = on_call,
    .data = api,
  };
  Err err = runner_new(&config, &api->runner, reterr);
  return err == ERR_INVALID ? diag_context(reterr, "script_limits and script_limits_max do not fit together") : err;
}

void scripts_close(struct api *api, void (*on_closed)(void *data), void *data)
{
  struct runner *runner = api->runner;
  api->runner = NULL;
  if (api->policy)
    lib_script_close(policy_state(api->policy));
  if (runner)
    runner_close(runner, on_closed, data);
  else
    on_closed(data);
}
