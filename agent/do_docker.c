/* agent/do_docker.c: requests that ask docker: inspections, statistics, pulls, all containers at once (spec agent.md 8.2). */
#include "agent/agent.h"
#include "agent/command.h"
#include "agent/docker_list.h"
#include "agent/registry.h"
#include "agent/requests.h"
#include "agent/shape.h"
#include "base/codec.h"

enum { DIGEST_TIMEOUT_MS = 10 * 1000, ALL_AT_A_TIME = 16 };

/* ---- inspections */

/* GET prefix + name + suffix. The name is one path segment, except that slashes of image names stay. */
static Err get_named(struct job *job, const char *prefix, const char *suffix, yyjson_doc **ret_doc)
{
  struct buf path = BUF_INIT(TEXT_MAX);
  struct str rest = job_text(job, "name"), part;
  if (!rest.len)
    return diag_set(&job->diag, ERR_INVALID, "name must not be empty");
  buf_add_text(&path, prefix);
  for (bool first = true; str_split(&rest, '/', &part); first = false) {
    if (str_eqc(part, ".") || str_eqc(part, "..")) {
      buf_release(&path);
      return diag_set(&job->diag, ERR_INVALID, "name must not contain the path component '%.*s'", STR_ARG(part));
    }
    buf_add_text(&path, first ? "" : "/");
    percent_encode(&path, part);
  }
  buf_add_text(&path, suffix);
  struct str text = text_keep(&job->arena, &path);
  return docker_get(&job->agent->docker, text.ptr, ret_doc, &job->diag);
}

static Err inspect(struct job *job, const char *prefix, const char *suffix, const struct shape *shape)
{
  CLEANUP(js_doc_free) yyjson_doc *doc = NULL;
  Err err = get_named(job, prefix, suffix, &doc);
  if (err)
    return err;
  yyjson_val *root = yyjson_doc_get_root(doc);
  if (yyjson_is_arr(root))
    shape_write_list(shape, root, &job->out);
  else
    shape_write(shape, root, &job->out);
  return OK;
}

Err do_inspect_container(struct job *job) { return inspect(job, "/containers/", "/json?size=true", &shape_container); }
Err do_full_container_stats(struct job *job) { return inspect(job, "/containers/", "/stats?stream=false", &shape_full_stats); }
Err do_inspect_image(struct job *job) { return inspect(job, "/images/", "/json", &shape_image); }
Err do_image_history(struct job *job) { return inspect(job, "/images/", "/history", &shape_image_history); }
Err do_inspect_network(struct job *job) { return inspect(job, "/networks/", "?verbose=true", &shape_network); }
Err do_inspect_volume(struct job *job) { return inspect(job, "/volumes/", "", &shape_volume); }

/* ---- statistics */

Err do_container_stats(struct job *job)
{
  struct buf list = BUF_INIT(1 << 20);
  size_t count = 0;
  if (!job_text(job, "name").len)   /* to docker that would mean all of them */
    return diag_set(&job->diag, ERR_INVALID, "name must not be empty");
  Err err = container_stats_query(job_text(job, "name"), &list, &count, &job->diag);
  if (!err && !count)
    err = diag_set(&job->diag, ERR_NOTFOUND, "No stats found for container");
  CLEANUP(js_doc_free) yyjson_doc *doc = NULL;
  if (!err)
    err = js_parse(buf_str(&list), &doc, &job->diag);
  if (!err)
    js_item_value(&job->out, yyjson_arr_get_first(yyjson_doc_get_root(doc)));
  buf_release(&list);
  return err;
}

Err do_container_stats_list(struct job *job)
{
  size_t count = 0;
  return container_stats_query(STR_NONE, &job->out, &count, &job->diag);
}

/* ---- images */

Err do_image_digest(struct job *job)
{
  struct str name = job_text(job, "name");
  bool logged_in;
  Err err = registry_login(job, registry_domain(name), job_text(job, "account"), job_text(job, "token"), &logged_in,
                           &job->diag);
  if (err)
    return err;
  const char *argv[] = {"docker", "buildx", "imagetools", "inspect", "--format", "{{json .Manifest}}",
                        arena_dup(&job->arena, name), NULL};
  struct runlog log;
  run_words("Get digest", STR_NONE, argv, &(struct run_options){.timeout_ms = DIGEST_TIMEOUT_MS}, &log);
  CLEANUP(js_doc_free) yyjson_doc *doc = NULL;
  if (!log.success) {
    struct str words = str_trim(buf_str(log.err.len ? &log.err : &log.out));
    err = diag_set(&job->diag, ERR_REMOTE, "%.*s", STR_ARG(words));
  } else {
    err = js_parse(buf_str(&log.out), &doc, &job->diag);
  }
  struct str digest = js_get_str(yyjson_doc_get_root(doc), "digest");
  runlog_release(&log);
  if (!err && !digest.len)
    err = diag_set(&job->diag, ERR_REMOTE, "no digest in the manifest of %.*s", STR_ARG(name));
  if (err)
    return err;
  js_open(&job->out, '{');
  js_put_str(&job->out, "digest", digest);
  buf_add_char(&job->out, '}');
  return OK;
}

static Err pull_image(struct job *job, struct str name)
{
  bool logged_in;
  Err err = registry_login(job, registry_domain(name), job_text(job, "account"), job_text(job, "token"), &logged_in,
                           &job->diag);
  if (err)
    return err;
  struct runlog log;
  command_run(job, "Docker Pull", "docker pull -- {name}", 0, &log);
  return job_answer_log(job, &log);
}

Err do_pull_image(struct job *job)
{
  struct recent *pulls = &job->agent->pulls;
  struct str name = job_text(job, "name");
  if (recent_enter(pulls, name, job))
    return job->err;
  Err err = pull_image(job, name);
  recent_leave(pulls, name, job, err);
  return err;
}

/* ---- all containers */

struct all {
  const char *verb, *stage;        /* stage NULL: the command's text */
  const struct container_list *list;
  struct runlog *log;              /* by index; those of skipped containers stay empty */
  const char **stages;
  uv_mutex_t lock;
  size_t next;
};

static void all_thread(void *data)
{
  struct all *all = data;
  for (;;) {
    uv_mutex_lock(&all->lock);
    size_t i = all->next++;
    uv_mutex_unlock(&all->lock);
    if (i >= all->list->count)
      return;
    const struct container *c = &all->list->container[i];
    if (c->skip)
      continue;
    CLEANUP(arena_release) struct arena a = {0};
    struct str command = text_printf(&a, "docker %s -- %.*s", all->verb, STR_ARG(c->name));
    const char *argv[] = {"docker", all->verb, "--", arena_dup(&a, c->name), NULL};
    run_words(all->stages[i], command, argv, NULL, &all->log[i]);
  }
}

static void run_all(struct all *all)
{
  uv_thread_t thread[ALL_AT_A_TIME];
  uv_thread_options_t options = {.flags = UV_THREAD_HAS_STACK_SIZE, .stack_size = JOB_STACK};
  size_t started = 0;
  uv_mutex_init(&all->lock);
  while (started < ALL_AT_A_TIME && started < all->list->count &&
         uv_thread_create_ex(&thread[started], &options, all_thread, all) == 0)
    started++;
  if (!started)
    all_thread(all);
  while (started)
    uv_thread_join(&thread[--started]);
  uv_mutex_destroy(&all->lock);
}

Err do_all_containers(struct job *job)
{
  CLEANUP(container_list_release) struct container_list list = {0};
  Err err = container_list_get(&job->arena, &job->agent->docker, &list, &job->diag);
  if (err)
    return diag_context(&job->diag, "failed to list all containers on host");
  struct all all = {.verb = job->request->command, .stage = job->request->stage, .list = &list};
  all.log = arena_new(&job->arena, (list.count + 1) * sizeof *all.log);
  all.stages = arena_new(&job->arena, (list.count + 1) * sizeof *all.stages);
  for (size_t i = 0; i < list.count; i++) {
    struct str name = list.container[i].name;
    all.stages[i] = all.stage ? arena_printf(&job->arena, "%s %.*s", all.stage, STR_ARG(name))
                              : arena_printf(&job->arena, "docker %s -- %.*s", all.verb, STR_ARG(name));
  }
  run_all(&all);
  js_open(&job->out, '[');
  for (size_t i = 0; i < list.count; i++)
    if (!list.container[i].skip) {
      runlog_write(&all.log[i], &job->out);
      runlog_release(&all.log[i]);
    }
  buf_add_char(&job->out, ']');
  return OK;
}
