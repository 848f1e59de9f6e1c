/* engine/main.c: the komodo program: configuration, signals, exit codes. Everything else is api/engine.c. */
#include <signal.h>
#include <sys/resource.h>

#include "api/engine.h"
#include "base/log.h"
#include "base/version.h"

extern char **environ;

struct program {
  struct op_loop loop;
  struct engine *engine;
  uv_signal_t signals[3];
  struct diag failure;
  bool stopping;
};

static void on_closed_signal(uv_handle_t *handle) { (void)handle; }

static void on_stopped(const struct diag *failure, void *data)
{
  struct program *p = data;
  p->engine = NULL;
  p->failure = *failure;
  for (size_t i = 0; i < ARRAY_LEN(p->signals); i++)
    uv_close((uv_handle_t *)&p->signals[i], on_closed_signal);
  op_loop_close(&p->loop);
}

static void on_signal(uv_signal_t *signal, int number)
{
  struct program *p = signal->data;
  if (number == SIGHUP) {
    engine_reload_tls(p->engine);
    return;
  }
  if (p->stopping)
    return;
  p->stopping = true;
  log_info("stopping");
  engine_stop(p->engine);
}

static void print_configuration(const struct conf *conf)
{
  CLEANUP(buf_release) struct buf text = BUF_INIT(1024 * 1024);
  conf_files(conf, &text);
  conf_placed(conf, &text);
  conf_print(conf, CONF_PRINT_SANITISED | (conf_bool(conf, "pretty_startup_config") ? CONF_PRINT_PRETTY : 0), &text);
  log_info("configuration:\n%s", text.ptr);
}

static int fail(const struct diag *d)
{
  fprintf(stderr, "komodo: %s%s%s\n", d->message, d->trace[0] ? ": " : "", d->trace);
  return 1;
}

static int run(const struct conf *conf)
{
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
  struct program p = {0};
  struct diag d;
  uv_loop_t loop;
  uv_loop_init(&loop);
  op_loop_init(&p.loop, &loop);
  Err err = engine_start(&p.loop, conf, on_stopped, &p, &p.engine, &d);
  for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
    uv_signal_init(&loop, &p.signals[i]);
    p.signals[i].data = &p;
    uv_signal_start(&p.signals[i], on_signal, numbers[i]);
    uv_unref((uv_handle_t *)&p.signals[i]);
  }
  if (err)
    engine_stop(p.engine);
  uv_run(&loop, UV_RUN_DEFAULT);
  if (uv_loop_close(&loop))
    log_debug("the loop did not close empty");
  log_forget_secrets();
  if (!err && p.failure.err) {
    err = p.failure.err;
    d = p.failure;
  }
  return err ? fail(&d) : 0;
}

/* Every agent, browser and file is a descriptor, and the usual soft limit of 1,024 is meant for programs that use select(). */
static void raise_file_limit(void)
{
  enum { FILES_WANTED = 65536 };
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= FILES_WANTED)
    return;
  limit.rlim_cur = limit.rlim_max < FILES_WANTED ? limit.rlim_max : FILES_WANTED;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
  signal(SIGPIPE, SIG_IGN);
  raise_file_limit();
  CLEANUP(conf_free_at) struct conf *conf = NULL;
  CLEANUP(buf_release) struct buf text = BUF_INIT(1024 * 1024);
  struct conf_args args;
  struct diag d;
  if (conf_args_parse(CONF_CORE, argc, argv, &args, &d)) {
    fail(&d);
    return 2;
  }
  if (args.version) {
    printf("komodo %s (API %s)\n", KOMODO_VERSION, KOMODO_API_VERSION);
    return 0;
  }
  if (args.help) {
    conf_args_help(CONF_CORE, &text);
    fputs(text.ptr, stdout);
    return 0;
  }
  Err err = conf_load(CONF_CORE, &args, environ, &text, &conf, &d);
  if (!err) {
    struct log_config log;
    conf_log(conf, &log);
    log_configure(&log);
    err = conf_check(conf, &d);
  }
  if (text.len)
    log_warn("%s", text.ptr);
  if (err)
    return fail(&d);
  conf_export_env(conf);
  log_info("komodo %s, API %s", KOMODO_VERSION, KOMODO_API_VERSION);
  print_configuration(conf);
  return run(conf);
}
