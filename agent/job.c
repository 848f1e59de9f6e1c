/* agent/job.c: see job.h. */
#include "agent/job.h"

#include "agent/terminal.h"
#include "base/id.h"
#include "base/mem.h"

static bool is_signal(struct str s)
{
  static const char *const names[] = {"SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "1", "2", "3", "15"};
  for (size_t i = 0; i < ARRAY_LEN(names); i++)
    if (str_eqc(s, names[i]))
      return true;
  return false;
}

static bool is_recreate(struct str s)
{
  return str_eqc(s, "Never") || str_eqc(s, "Always") || str_eqc(s, "DifferentCommand");
}

static bool all_texts(yyjson_val *list)
{
  size_t i, max;
  yyjson_val *v;
  yyjson_arr_foreach(list, i, max, v)
    if (!yyjson_is_str(v))
      return false;
  return yyjson_is_arr(list);
}

static bool kind_fits(int kind, yyjson_val *v)
{
  switch (kind) {
  case PARAM_TEXT: return yyjson_is_str(v);
  case PARAM_BOOL: return yyjson_is_bool(v);
  case PARAM_UINT: return yyjson_is_uint(v);
  case PARAM_INT: return yyjson_is_int(v);
  case PARAM_TEXTS: return all_texts(v);
  case PARAM_OBJECT:
  case PARAM_MAP: return yyjson_is_obj(v);
  case PARAM_LIST: return yyjson_is_arr(v);
  case PARAM_SIGNAL: return is_signal(js_str(v));
  case PARAM_COMBINATOR: return str_eqc(js_str(v), "Or") || str_eqc(js_str(v), "And");
  case PARAM_TARGET: return target_read(v, &(struct target){0});
  case PARAM_RECREATE: return is_recreate(js_str(v));
  case PARAM_UUID: return id_uuid_parse(js_str(v), (unsigned char[UUID_BYTES]){0});
  default: return false;
  }
}

bool request_fits(const struct request *request, yyjson_val *params, struct diag *reterr)
{
  if (!yyjson_is_obj(params)) {
    diag_set(reterr, ERR_SHAPE, "%s: params must be an object", request->name);
    return false;
  }
  for (const struct param *p = request->params; p && p->name; p++) {
    yyjson_val *v = yyjson_obj_get(params, p->name);
    bool absent = !v || yyjson_is_null(v);
    if (absent ? !(p->kind & PARAM_OPTIONAL) : !kind_fits(p->kind & ~PARAM_OPTIONAL, v)) {
      diag_set(reterr, ERR_SHAPE, "%s: params.%s %s", request->name, p->name, absent ? "is missing" : "has the wrong type");
      return false;
    }
  }
  return true;
}

/* ---- threads */

static void job_free(struct job *job)
{
  arena_release(&job->arena);
  buf_release(&job->out);
  mem_free(job);
}

static void job_thread(void *data)
{
  struct job *job = data;
  job->err = job->request->run(job);
  if (!job->err && buf_err(&job->out))
    job->err = diag_set(&job->diag, buf_err(&job->out), "the answer is too large");
  mailbox_post(&job->home->mailbox, &job->mail);
}

static void finish(struct job *job)
{
  job->on_done(job, job->data);
  job_free(job);
}

static void one_less(struct jobs *jobs)
{
  if (--jobs->running == 0)
    uv_unref((uv_handle_t *)&jobs->mailbox.async);
}

static void launch(struct jobs *jobs, struct job *job)
{
  uv_thread_options_t options = {.flags = UV_THREAD_HAS_STACK_SIZE, .stack_size = JOB_STACK};
  if (jobs->running++ == 0)
    uv_ref((uv_handle_t *)&jobs->mailbox.async);   /* the loop turns as long as a job runs */
  if (uv_thread_create_ex(&job->thread, &options, job_thread, job) == 0)
    return;
  one_less(jobs);
  job->err = diag_set(&job->diag, ERR_LIMIT, "the agent cannot start another thread");
  finish(job);
}

static void on_mail(struct mail *mail, void *data)
{
  struct jobs *jobs = data;
  struct job *job = CONTAINER_OF(mail, struct job, mail);
  uv_thread_join(&job->thread);   /* it has posted and is leaving */
  one_less(jobs);
  finish(job);
  while (jobs->first && jobs->running < JOBS_MAX) {
    struct job *next = jobs->first;
    jobs->first = next->next;
    if (!jobs->first)
      jobs->last = NULL;
    launch(jobs, next);
  }
  if (!jobs_open(jobs) && jobs->on_idle)
    jobs->on_idle(jobs->idle_data);
}

void jobs_init(struct jobs *jobs, uv_loop_t *loop, struct agent *agent)
{
  *jobs = (struct jobs){.agent = agent};
  mailbox_init(&jobs->mailbox, loop, on_mail, jobs);
  uv_unref((uv_handle_t *)&jobs->mailbox.async);
}

void jobs_close(struct jobs *jobs) { mailbox_close(&jobs->mailbox, NULL); }

size_t jobs_open(const struct jobs *jobs)
{
  size_t n = jobs->running;
  for (const struct job *j = jobs->first; j; j = j->next)
    n++;
  return n;
}

void jobs_start(struct jobs *jobs, const struct request *request, yyjson_val *params, job_done_fn *on_done, void *data)
{
  struct job *job = mem_new(sizeof *job);
  job->home = jobs;
  job->agent = jobs->agent;
  job->request = request;
  job->out = BUF_INIT(JOB_ANSWER_MAX);
  job->on_done = on_done;
  job->data = data;
  job->params = params;
  if (jobs->running < JOBS_MAX) {
    launch(jobs, job);
    return;
  }
  if (jobs->last)
    jobs->last->next = job;
  else
    jobs->first = job;
  jobs->last = job;
}
