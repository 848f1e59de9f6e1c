/* agent/do_info.c: requests about the agent and its machine (spec agent.md 8.1). */
#include <sys/stat.h>

#include "agent/agent.h"
#include "agent/command.h"
#include "agent/docker_list.h"
#include "agent/requests.h"

enum { GIT_TIMEOUT_MS = 1000 };

static void write_periphery_info(struct agent *agent, struct buf *out)
{
  const struct settings *s = &agent->settings;
  struct buf key = BUF_INIT(128);
  shared_text_add(&agent->public_key, &key);
  js_key(out, "periphery_info");
  js_open(out, '{');
  js_put_text(out, "version", AGENT_VERSION);
  js_put_str(out, "public_key", buf_str(&key));
  buf_release(&key);
  js_put_bool(out, "terminals_disabled", s->disable_terminals);
  js_put_bool(out, "container_terminals_disabled", s->disable_container_terminals);
  js_put_str(out, "stats_polling_rate", s->stats_polling_rate);
  js_put_bool(out, "docker_connected", docker_connected(&agent->docker));
  js_put_str(out, "public_ip", public_ip_get(&agent->public_ip));
  buf_add_char(out, '}');
}

Err do_poll_status(struct job *job)
{
  struct agent *agent = job->agent;
  struct buf *out = &job->out;
  js_open(out, '{');
  write_periphery_info(agent, out);
  js_put_raw(out, "system_info", buf_str(&agent->system_info));
  js_key(out, "system_stats");
  if (js_get_bool(job->params, "include_stats", false))
    stats_write(&agent->stats, out);
  else
    buf_add_text(out, "null");
  js_key(out, "docker");
  if (js_get_bool(job->params, "include_docker", false) && docker_connected(&agent->docker)) {
    struct buf stats = BUF_INIT(16 << 20);
    shared_text_add(&agent->container_stats.cache, &stats);
    docker_lists_write(&job->arena, &agent->docker, &agent->settings, buf_str(&stats), out);
    buf_release(&stats);
  } else {
    buf_add_text(out, "null");
  }
  buf_add_char(out, '}');
  return OK;
}

Err do_get_health(struct job *job)
{
  buf_add_text(&job->out, "{}");
  return OK;
}

Err do_get_version(struct job *job)
{
  buf_add_text(&job->out, "{\"version\":\"" AGENT_VERSION "\"}");
  return OK;
}

Err do_get_system_processes(struct job *job)
{
  stats_write_processes(&job->agent->stats, &job->out);
  return OK;
}

/* ---- the commit a folder is at */

static bool is_folder(struct str path)
{
  struct stat st;
  return stat(path.ptr, &st) == 0 && S_ISDIR(st.st_mode);
}

/* One line or text of git, trimmed; "" and ERR_REMOTE when it fails. */
static Err ask_git(struct job *job, struct str dir, const char *const *argv, struct str *ret)
{
  struct runlog log;
  run_words("Latest Commit", STR_NONE, argv, &(struct run_options){.cwd = dir.ptr, .timeout_ms = GIT_TIMEOUT_MS}, &log);
  bool success = log.success;
  if (success)
    *ret = text_copy(&job->arena, str_trim(buf_str(&log.out)));
  else
    diag_set(&job->diag, ERR_REMOTE, "%.*s", STR_ARG(str_trim(buf_str(&log.err))));
  runlog_release(&log);
  return success ? OK : diag_context(&job->diag, "Failed to get latest commit");
}

Err do_get_latest_commit(struct job *job)
{
  struct str path = job_text(job, "path");
  struct str dir = path.ptr ? text_copy(&job->arena, path)
                            : text_path_join(&job->arena, job->agent->settings.repo_dir, job_text(job, "name"));
  if (!is_folder(dir) || !is_folder(text_path_join(&job->arena, dir, STR(".git")))) {
    buf_add_text(&job->out, "null");
    return OK;
  }
  static const char *const hash_of[] = {"git", "rev-parse", "--short", "HEAD", NULL};
  static const char *const message_of[] = {"git", "log", "-1", "--pretty=%B", NULL};
  struct str hash = STR_NONE, message = STR_NONE;
  Err err = ask_git(job, dir, hash_of, &hash);
  if (!err)
    err = ask_git(job, dir, message_of, &message);
  if (err)
    return err;
  js_open(&job->out, '{');
  js_put_str(&job->out, "hash", hash);
  js_put_str(&job->out, "message", message);
  buf_add_char(&job->out, '}');
  return OK;
}

/* ---- what the configuration has */

/* The row's command names the list. Tokens stay here. */
Err do_list_providers(struct job *job)
{
  struct buf *out = &job->out;
  bool git = !strcmp(job->request->command, "git_providers");
  size_t i, max, j, count;
  yyjson_val *entry, *account;
  js_open(out, '[');
  yyjson_arr_foreach(yyjson_obj_get(job->agent->settings.root, job->request->command), i, max, entry) {
    js_open(out, '{');
    js_put_str(out, "domain", js_get_str(entry, "domain"));
    if (git)
      js_put_bool(out, "https", js_get_bool(entry, "https", true));
    js_key(out, "accounts");
    buf_add_char(out, '[');
    yyjson_arr_foreach(yyjson_obj_get(entry, "accounts"), j, count, account) {
      js_open(out, '{');
      js_put_str(out, "username", js_get_str(account, "username"));
      buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
    yyjson_val *organizations = yyjson_obj_get(entry, "organizations");
    if (!git && organizations)
      js_put_value(out, "organizations", organizations);
    else if (!git)
      js_put_raw(out, "organizations", STR("[]"));
    buf_add_char(out, '}');
  }
  buf_add_char(out, ']');
  return OK;
}

Err do_list_secrets(struct job *job)
{
  size_t i, max;
  yyjson_val *key, *value;
  js_open(&job->out, '[');
  yyjson_obj_foreach(yyjson_obj_get(job->agent->settings.root, "secrets"), i, max, key, value)
    js_item_str(&job->out, js_str(key));
  buf_add_char(&job->out, ']');
  return OK;
}
