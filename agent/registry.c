/* agent/registry.c: see registry.h. */
#include "agent/registry.h"

#include "agent/agent.h"
#include "agent/runlog.h"

struct str registry_domain(struct str image)
{
  ptrdiff_t slash = str_find(image, '/');
  struct str first = slash < 0 ? STR_NONE : str_make(image.ptr, (size_t)slash);
  return str_find(first, '.') >= 0 ? first : STR("docker.io");
}

static void add_lines(struct diag *d, struct str text)
{
  struct str line;
  while (str_split(&text, '\n', &line))
    if (str_trim(line).len)
      diag_cause(d, "%.*s", STR_ARG(str_trim(line)));
}

Err registry_login(struct job *job, struct str domain, struct str account, struct str token, bool *ret_logged_in,
                   struct diag *reterr)
{
  *ret_logged_in = false;
  if (!domain.len || !account.len)
    return OK;
  if (!token.len)
    token = settings_token(&job->agent->settings, "image_registries", domain, account);
  if (!token.len)
    return diag_set(reterr, ERR_NOTFOUND, "did not find token in config for docker registry account %.*s | domain %.*s",
                    STR_ARG(account), STR_ARG(domain));
  const char *argv[] = {"docker", "login", "--username", arena_dup(&job->arena, account), "--password-stdin", "--",
                        arena_dup(&job->arena, domain), NULL};
  struct runlog log;
  run_words("Docker Login", STR_NONE, argv, &(struct run_options){.input = token}, &log);
  Err err = OK;
  if (!log.success) {
    struct replacers secret = {0};
    replacers_add(&secret, token, STR("TOKEN"));
    runlog_sanitise(&log, &secret);
    replacers_release(&secret);
    err = diag_set(reterr, ERR_REMOTE, "Registry %.*s login error", STR_ARG(domain));
    add_lines(reterr, buf_str(&log.out));
    add_lines(reterr, buf_str(&log.err));
    diag_cause(reterr, "End of trace");
  }
  *ret_logged_in = log.success;
  runlog_release(&log);
  return err;
}
