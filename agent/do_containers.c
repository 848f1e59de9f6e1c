/* agent/do_containers.c: stopping, removing and deploying one container (spec agent.md 8.2, 12). */
#include "agent/agent.h"
#include "agent/command.h"
#include "agent/interp.h"
#include "agent/registry.h"
#include "agent/requests.h"
#include "base/mem.h"

/* ---- stop, remove */

struct stop {
  struct str name, signal;     /* signal ptr NULL: docker's choice */
  yyjson_val *time;            /* seconds; NULL: docker's choice */
};

static void add_stop_flags(struct buf *b, const struct stop *s, bool with_signal)
{
  if (with_signal && s->signal.ptr)
    buf_printf(b, " --signal %.*s", STR_ARG(s->signal));
  if (yyjson_is_int(s->time))
    buf_printf(b, " --time %lld", (long long)yyjson_get_sint(s->time));
}

typedef void run_stop_fn(struct job *job, const struct stop *s, bool with_signal, struct runlog *ret);

/* Runs it; docker command lines before 23 do not know --signal: then once more without. */
static void run_stop(struct job *job, const struct stop *s, run_stop_fn *run, const char *note, struct runlog *ret)
{
  static const char unknown[] = "unknown flag: --signal";
  run(job, s, /* with_signal= */ true, ret);
  if (!s->signal.ptr || !ret->err.len || !memmem(ret->err.ptr, ret->err.len, unknown, strlen(unknown)))
    return;
  runlog_release(ret);
  run(job, s, /* with_signal= */ false, ret);
  struct buf words = BUF_INIT(ret->err.max);
  buf_printf(&words, "%s: unable to use --signal flag", note);
  if (ret->err.len)
    buf_printf(&words, "\n\n%.*s", STR_ARG(buf_str(&ret->err)));
  buf_release(&ret->err);
  ret->err = words;
}

static void stop_container(struct job *job, const struct stop *s, bool with_signal, struct runlog *ret)
{
  struct buf text = BUF_INIT(TEXT_MAX);
  buf_add_text(&text, "docker stop");
  add_stop_flags(&text, s, with_signal);
  buf_add_text(&text, " --");
  struct text_words words = text_split_words(&job->arena, buf_str(&text));
  const char **argv = arena_new(&job->arena, (words.count + 2) * sizeof *argv);
  memcpy(argv, words.word, words.count * sizeof *argv);
  argv[words.count] = arena_dup(&job->arena, s->name);
  buf_printf(&text, " %.*s", STR_ARG(s->name));
  run_words("Docker Stop", text_keep(&job->arena, &text), argv, NULL, ret);
}

static void remove_container(struct job *job, const struct stop *s, bool with_signal, struct runlog *ret)
{
  struct buf text = BUF_INIT(TEXT_MAX);
  struct str name = text_escaped(&job->arena, s->name);
  buf_add_text(&text, "docker stop");
  add_stop_flags(&text, s, with_signal);
  buf_printf(&text, " -- %.*s && docker container rm -- %.*s", STR_ARG(name), STR_ARG(name));
  run_command(RUN_SHELL, "Docker Stop and Remove", text_keep(&job->arena, &text), NULL, ret);
}

static struct stop stop_of(const struct job *job, struct str name, const char *signal, const char *time)
{
  return (struct stop){name, signal_name(yyjson_obj_get(job->params, signal)), yyjson_obj_get(job->params, time)};
}

Err do_stop_container(struct job *job)
{
  struct stop s = stop_of(job, job_text(job, "name"), "signal", "time");
  struct runlog log;
  run_stop(job, &s, stop_container, "old docker version", &log);
  return job_answer_log(job, &log);
}

Err do_remove_container(struct job *job)
{
  struct stop s = stop_of(job, job_text(job, "name"), "signal", "time");
  struct runlog log;
  run_stop(job, &s, remove_container, "Old docker version", &log);
  return job_answer_log(job, &log);
}

/* ---- deploy */

/* A Deployment's configuration, with the agent's secrets put in. */
struct deployment {
  struct str custom_name, deployed_name, image, network, restart;
  struct str environment, ports, volumes, labels, command;
  struct str *extra_args;
  size_t extra_count;
  struct replacers secrets;    /* the engine's, then ours */
};

static Err interpolate(struct job *job, struct deployment *d, yyjson_val *config)
{
  struct { struct str *text; const char *name; } fields[] = {
    {&d->environment, "environment"}, {&d->ports, "ports"}, {&d->volumes, "volumes"}, {&d->labels, "labels"},
    {&d->command, "command"},
  };
  const struct settings *s = &job->agent->settings;
  bool skip = js_get_bool(config, "skip_secret_interp", false);
  Err err = OK;
  for (size_t i = 0; i < ARRAY_LEN(fields) && !err; i++) {
    *fields[i].text = js_get_str(config, fields[i].name);
    if (!skip && fields[i].text->len)
      err = interp_text(&job->arena, s, *fields[i].text, &d->secrets, fields[i].text, &job->diag);
    if (err)
      diag_context(&job->diag, "deployment.config.%s", fields[i].name);
  }
  yyjson_val *args = yyjson_obj_get(config, "extra_args"), *v;
  size_t i, max;
  d->extra_args = arena_new(&job->arena, (yyjson_arr_size(args) + 1) * sizeof *d->extra_args);
  yyjson_arr_foreach(args, i, max, v) {
    struct str *arg = &d->extra_args[d->extra_count++];
    *arg = js_str(v);
    if (!err && !skip && arg->len)
      err = interp_text(&job->arena, s, *arg, &d->secrets, arg, &job->diag);
  }
  return err;
}

static void add_replacers(struct job *job, struct replacers *ret)
{
  size_t i, max;
  yyjson_val *pair;
  yyjson_arr_foreach(yyjson_obj_get(job->params, "replacers"), i, max, pair)
    replacers_add(ret, js_str(yyjson_arr_get(pair, 0)), js_str(yyjson_arr_get(pair, 1)));
}

static struct str restart_mode(struct str configured)
{
  if (str_eqc(configured, "on-failure"))
    return STR("on-failure:10");
  return str_eqc(configured, "always") || str_eqc(configured, "unless-stopped") ? configured : STR("no");
}

static Err read_deployment(struct job *job, struct deployment *d)
{
  yyjson_val *deployment = yyjson_obj_get(job->params, "deployment"), *config = yyjson_obj_get(deployment, "config");
  yyjson_val *image = yyjson_obj_get(config, "image");
  struct str name = js_get_str(deployment, "name");
  if (!str_trim(name).len)
    return diag_set(&job->diag, ERR_SHAPE, "deployment.name is missing");
  struct str custom = str_trim(js_get_str(config, "custom_name"));
  struct str deployed = str_trim(js_get_str(yyjson_obj_get(deployment, "info"), "deployed_name"));
  d->custom_name = custom.len ? custom : str_trim(name);
  d->deployed_name = deployed.len ? deployed : d->custom_name;
  if (str_eqc(js_get_str(image, "type"), "Image"))
    d->image = js_get_str(yyjson_obj_get(image, "params"), "image");
  d->network = js_get_str(config, "network");
  if (!d->network.len)
    d->network = STR("host");
  d->restart = restart_mode(js_get_str(config, "restart"));
  add_replacers(job, &d->secrets);
  return interpolate(job, d, config);
}

/* One word for the shell; the characters of names and image references need no quotes. */
static void add_word(struct buf *b, struct str word)
{
  static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=/,.+:@%";
  for (size_t i = 0; i < word.len; i++)
    if (!word.ptr[i] || !strchr(safe, word.ptr[i])) {
      text_shell_escape(b, word);
      return;
    }
  buf_add_str(b, word);
}

enum pair_style { PAIR_COLON, PAIR_QUOTED };

static Err add_pairs(struct job *job, struct buf *b, const char *flag, struct str list, enum pair_style style,
                     const char *what)
{
  struct text_pairs pairs;
  Err err = text_parse_pairs(&job->arena, list, &pairs, &job->diag);
  if (err)
    return diag_context(&job->diag, "Invalid %s", what);
  for (size_t i = 0; i < pairs.count; i++) {
    buf_printf(b, " %s ", flag);
    if (style == PAIR_COLON)
      buf_printf(b, "%.*s:%.*s", STR_ARG(pairs.pair[i].key), STR_ARG(pairs.pair[i].value));
    else
      text_quoted_arg(b, pairs.pair[i].key, pairs.pair[i].value);
  }
  return OK;
}

/* The `docker run` line. Its lists and command are the user's own shell text, by specification. */
static Err run_text(struct job *job, const struct deployment *d, struct buf *b)
{
  buf_add_text(b, "docker run -d --name ");
  add_word(b, d->custom_name);
  buf_add_text(b, " --network ");
  add_word(b, d->network);
  Err err = add_pairs(job, b, "-p", d->ports, PAIR_COLON, "ports");
  if (!err)
    err = add_pairs(job, b, "-v", d->volumes, PAIR_COLON, "volumes");
  if (!err)
    err = add_pairs(job, b, "--env", d->environment, PAIR_QUOTED, "environment");
  buf_printf(b, " --restart %.*s", STR_ARG(d->restart));
  if (!err)
    err = add_pairs(job, b, "--label", d->labels, PAIR_QUOTED, "labels");
  if (err)
    return diag_context(&job->diag, "Unable to generate valid docker run command");
  for (size_t i = 0; i < d->extra_count; i++)
    buf_printf(b, " %.*s", STR_ARG(d->extra_args[i]));
  buf_add_char(b, ' ');
  add_word(b, d->image);
  if (d->command.len)
    buf_printf(b, " %.*s", STR_ARG(d->command));
  return OK;
}

/* What the old container stands in the way of: fetch the image, then take it down. Results are not looked at: without a
 * registry the local image will do, and there may be no old container. */
static void make_way(struct job *job, const struct deployment *d)
{
  const char *pull[] = {"docker", "pull", "--", arena_dup(&job->arena, d->image), NULL};
  struct stop s = stop_of(job, d->deployed_name, "stop_signal", "stop_time");
  struct runlog log;
  run_words("Docker Pull", STR_NONE, pull, NULL, &log);
  runlog_release(&log);
  run_stop(job, &s, remove_container, "Old docker version", &log);
  runlog_release(&log);
}

static Err answer_error(struct job *job, const char *stage, const struct diag *d)
{
  struct buf words = BUF_INIT(TEXT_MAX);
  struct runlog log;
  error_html(&words, d);
  runlog_error(&log, stage, buf_str(&words));
  buf_release(&words);
  return job_answer_log(job, &log);
}

static Err deploy(struct job *job, struct deployment *d)
{
  struct runlog log;
  Err err = read_deployment(job, d);
  if (err)
    return err;
  if (!d->image.len) {
    runlog_error(&log, "Get Image", STR("Deployment does not have image attached"));
    return job_answer_log(job, &log);
  }
  /* Built before anything is touched: a line that cannot be made must not cost the running container. */
  struct buf b = BUF_INIT(TEXT_MAX);
  err = run_text(job, d, &b);
  struct str command = text_keep(&job->arena, &b);
  if (err)
    return err;
  yyjson_val *config = yyjson_obj_get(yyjson_obj_get(job->params, "deployment"), "config");
  struct diag why = {0};
  bool logged_in;
  if (registry_login(job, registry_domain(d->image), js_get_str(config, "image_registry_account"),
                     job_text(job, "registry_token"), &logged_in, &why))
    return answer_error(job, "Docker Login", &why);
  make_way(job, d);
  run_command(RUN_SHELL, "Docker Run", command, NULL, &log);
  runlog_sanitise(&log, &d->secrets);
  return job_answer_log(job, &log);
}

Err do_run_container(struct job *job)
{
  struct deployment d = {0};
  Err err = deploy(job, &d);
  replacers_release(&d.secrets);
  return err;
}
