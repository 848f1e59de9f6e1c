/* agent/main.c: komodo-agent: reads its configuration and serves engines until it is told to stop (spec agent.md 6). */
#include <malloc.h>
#include <signal.h>

#include "agent/key_command.h"
#include "agent/run.h"
#include "agent/settings.h"
#include "base/log.h"

extern char **environ;

/* Exit codes: 0 done, 1 it cannot start, 2 wrong use. */
static int fail(int code, const struct diag *d)
{
  fprintf(stderr, "komodo-agent: %s%s%s\n", d->message, d->trace[0] ? ": " : "", d->trace);
  return code;
}

static int print_help(void)
{
  CLEANUP(buf_release) struct buf out = BUF_INIT(64 << 10);
  buf_add_text(&out, "komodo-agent [options]\nkomodo-agent key generate [-f standard|json|json-pretty]\n"
                     "komodo-agent key compute <private key> [-f standard|json|json-pretty]\n\n");
  conf_args_help(CONF_AGENT, &out);
  fputs(out.ptr, stdout);
  return 0;
}

static void log_start(const struct conf *conf)
{
  CLEANUP(buf_release) struct buf text = BUF_INIT(16 << 20);
  log_info("komodo-agent %s", AGENT_VERSION);
  conf_print(conf, CONF_PRINT_SANITISED | (conf_bool(conf, "pretty_startup_config") ? CONF_PRINT_PRETTY : 0), &text);
  log_info("%.*s", STR_ARG(buf_str(&text)));
}

static int serve(const struct conf_args *args)
{
  CLEANUP(conf_free_at) struct conf *conf = NULL;
  CLEANUP(buf_release) struct buf warnings = BUF_INIT(1 << 20);
  struct diag d = {0};
  struct log_config log;
  Err err = conf_load(CONF_AGENT, args, environ, &warnings, &conf, &d);
  if (warnings.len)
    fputs(warnings.ptr, stderr);
  if (!err)
    err = conf_check(conf, &d);
  if (err)
    return fail(1, &d);
  conf_log(conf, &log);
  log_configure(&log);
  conf_export_env(conf);
  log_start(conf);
  if (agent_run(conf, &d))
    return fail(1, &d);
  return 0;
}

int main(int argc, char **argv)
{
  struct conf_args args;
  struct diag d = {0};
  mallopt(M_ARENA_MAX, 1);   /* threads come and go, an arena each would stay: see trim.h */
  signal(SIGPIPE, SIG_IGN);
  if (conf_args_parse(CONF_AGENT, argc, argv, &args, &d))
    return fail(2, &d);
  if (args.help)
    return print_help();
  if (args.version) {
    puts("komodo-agent " AGENT_VERSION);
    return 0;
  }
  if (args.rest < argc)
    return key_command(argc - args.rest, argv + args.rest);
  return serve(&args);
}
