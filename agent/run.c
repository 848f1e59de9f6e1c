/* agent/run.c: see run.h. */
#include "agent/run.h"

#include <unistd.h>

#include "agent/agent.h"
#include "agent/sysinfo.h"
#include "net/trim.h"
#include "base/log.h"
#include "base/mem.h"
#include "link/serve_http.h"

enum { SIGNAL_COUNT = 3 };

struct program {
  const struct conf *conf;
  struct agent agent;
  struct arena arena;
  uv_loop_t loop;
  struct op_loop ops;
  struct serve_http *listener;      /* NULL: none */
  uv_signal_t signals[SIGNAL_COUNT];
  uv_timer_t limit;                 /* of the drain */
  struct trim trim;
  bool stopping;
};

/* ---- requests */

static void on_job_done(struct job *job, void *data)
{
  struct serve_call *call = data;
  struct program *p = CONTAINER_OF(job->agent, struct program, agent);
  if (job->err)
    serve_call_error(call, &job->diag);
  else
    serve_call_ok(call, buf_str(&job->out));
  trim_later(&p->trim);
}

static void on_request(struct serve_call *call, struct str type, yyjson_val *params, void *data)
{
  struct program *p = data;
  const struct request *request = request_find(type);
  struct diag d = {0};
  if (!request || !request_fits(request, params, &d)) {
    log_warn("request not answered: %s", request ? d.message : "its type is unknown");
    serve_call_drop(call);
  } else if (p->stopping) {
    diag_set(&d, ERR_CLOSED, "The agent is stopping");
    serve_call_error(call, &d);
  } else if (request->on_loop) {
    request->on_loop(&p->agent, call, params);
  } else if (request->run) {
    jobs_start(&p->agent.jobs, request, params, on_job_done, call);
  } else {
    diag_set(&d, ERR_UNSUPPORTED, "%s: this agent does not support it yet", request->name);
    serve_call_error(call, &d);
  }
}

/* The links log it themselves. */
static void on_state(struct str who, bool connected, void *data)
{
  struct program *p = data;
  (void)who;
  (void)connected;
  trim_later(&p->trim);
}

/* ---- links and listener */

static const char *const *text_list(struct program *p, const char *key)
{
  size_t count = conf_list_len(p->conf, key);
  const char **list = arena_new(&p->arena, (count + 1) * sizeof *list);
  for (size_t i = 0; i < count; i++)
    list[i] = arena_dup(&p->arena, conf_list_at(p->conf, key, i));
  return count ? list : NULL;
}

static Err start_links(struct program *p, struct diag *reterr)
{
  const struct conf *conf = p->conf;
  struct serve_config config = {
    .loop = &p->ops,
    .private_key = conf_path(conf, "private_key"),
    .onboarding_key = conf_str(conf, "onboarding_key"),
    .core_public_keys = text_list(p, "core_public_keys"),
    .core_pub_path = str_of(arena_printf(&p->arena, "%.*s/keys/core.pub", STR_ARG(p->agent.settings.root_directory))),
    .passkeys = text_list(p, "passkeys"),
    .has_listener = conf_bool(conf, "server_enabled"),
    .core_addresses = text_list(p, "core_addresses"),
    .connect_as = conf_str(conf, "connect_as"),
    .insecure_tls = conf_bool(conf, "core_tls_insecure_skip_verify"),
    .on_request = on_request,
    .on_state = on_state,
    .data = p,
  };
  Err err = serve_new(&config, &p->agent.serve, reterr);
  if (err)
    return err;
  struct str key = serve_public_key(p->agent.serve);
  shared_text_set(&p->agent.public_key, key);
  log_info("Public Key: %.*s", STR_ARG(key));
  if (config.has_listener && serve_is_open(p->agent.serve))
    log_warn("any engine may connect: set core_public_keys to the key of yours");
  return OK;
}

static Err start_listener(struct program *p, struct diag *reterr)
{
  const struct conf *conf = p->conf;
  struct serve_http_config config = {.loop = &p->ops, .serve = p->agent.serve, .port = (uint16_t)conf_int(conf, "port"),
                                     .bind_ip = conf_str(conf, "bind_ip").ptr,
                                     .allowed_ips = text_list(p, "allowed_ips")};
  if (conf_bool(conf, "ssl_enabled")) {
    config.tls_cert_file = arena_dup(&p->arena, conf_path(conf, "ssl_cert_file"));
    config.tls_key_file = arena_dup(&p->arena, conf_path(conf, "ssl_key_file"));
  }
  Err err = serve_http_start(&config, &p->listener, reterr);
  if (!err)
    log_info("listening on %s port %u%s", config.bind_ip, serve_http_port(p->listener),
             config.tls_cert_file ? " (TLS)" : "");
  return err;
}

/* ---- end */

/* Not before the links are gone: those we dialled wait for the engine's Close until then. */
static void on_links_closed(void *data)
{
  struct program *p = data;
  uv_close((uv_handle_t *)&p->limit, NULL);
  op_loop_close(&p->ops);
}

/* No request runs any more and the listener is gone: nothing is left that could want a link. */
static void close_rest(struct program *p)
{
  jobs_close(&p->agent.jobs);
  if (p->agent.serve)
    serve_close(p->agent.serve, on_links_closed, p);
  else
    on_links_closed(p);   /* the start failed before */
}

static void on_listener_stopped(void *data) { close_rest(data); }

/* Answers of the last requests go out first: stopping the listener ends the links of the engines that dialled us. */
static void end_if_quiet(void *data)
{
  struct program *p = data;
  struct serve_http *listener = p->listener;
  if (!p->stopping || jobs_open(&p->agent.jobs))
    return;
  p->listener = NULL;
  if (listener)
    serve_http_stop(listener, on_listener_stopped, p);
  else
    close_rest(p);
}

/* Something does not end (a request that runs for hours, a dead mount): everything kept is on disk already. */
static void on_limit(uv_timer_t *timer)
{
  (void)timer;
  log_warn("not everything ended within %d s, leaving it behind", RUN_DRAIN_MS / 1000);
  _exit(0);
}

static void stop(struct program *p)
{
  if (p->stopping)
    return;
  p->stopping = true;
  uv_timer_start(&p->limit, on_limit, RUN_DRAIN_MS, 0);
  uv_unref((uv_handle_t *)&p->limit);
  stats_close(&p->agent.stats);
  container_stats_close(&p->agent.container_stats);
  p->agent.terminals.on_quiet = NULL;
  terminals_stop(&p->agent.terminals);
  trim_close(&p->trim, /* on_closed= */ NULL);
  for (size_t i = 0; i < SIGNAL_COUNT; i++)
    uv_close((uv_handle_t *)&p->signals[i], NULL);
  end_if_quiet(p);
}

static void on_signal(uv_signal_t *handle, int number)
{
  struct program *p = handle->data;
  struct diag d = {0};
  if (number != SIGHUP) {
    log_info("stopping");
    stop(p);
  } else if (p->listener && serve_http_reload_tls(p->listener, &d)) {
    log_warn("the TLS files were not read again: %s", d.message);
  }
}

/* ---- start */

static void on_measured(void *data) { trim_later(&((struct program *)data)->trim); }

static Err load_settings(struct program *p, struct diag *reterr)
{
  struct buf text = BUF_INIT(16 << 20);
  yyjson_doc *doc = NULL;
  conf_print(p->conf, 0, &text);
  Err err = js_parse(buf_str(&text), &doc, reterr);
  mem_wipe(text.ptr, text.len);
  buf_release(&text);
  return err ? err : settings_load(&p->agent.settings, doc, reterr);
}

static void start_background(struct program *p)
{
  static const int numbers[SIGNAL_COUNT] = {SIGTERM, SIGINT, SIGHUP};
  struct agent *a = &p->agent;
  struct diag d = {0};
  if (docker_open(&a->docker, &d))
    log_warn("%s", d.message);
  a->system_info = BUF_INIT(64 << 10);
  sysinfo_write(&a->system_info);
  public_ip_init(&a->public_ip);
  recent_init(&a->pulls);
  shared_text_init(&a->public_key);
  jobs_init(&a->jobs, &p->loop, a);
  a->jobs.on_idle = end_if_quiet;
  a->jobs.idle_data = p;
  terminals_init(&a->terminals, &p->loop);
  a->terminals.on_quiet = on_measured;
  a->terminals.data = p;
  stats_start(&a->stats, &p->loop, &a->settings);
  container_stats_start(&a->container_stats, &p->loop, &a->docker, &a->settings);
  trim_init(&p->trim, &p->loop);
  a->stats.ticker.on_done = a->container_stats.ticker.on_done = on_measured;
  a->stats.ticker.done_data = a->container_stats.ticker.done_data = p;
  uv_timer_init(&p->loop, &p->limit);
  for (size_t i = 0; i < SIGNAL_COUNT; i++) {
    uv_signal_init(&p->loop, &p->signals[i]);
    p->signals[i].data = p;
    uv_signal_start(&p->signals[i], on_signal, numbers[i]);
    uv_unref((uv_handle_t *)&p->signals[i]);
  }
}

static void release(struct program *p)
{
  struct agent *a = &p->agent;
  stats_release(&a->stats);
  container_stats_release(&a->container_stats);
  shared_text_release(&a->public_key);
  public_ip_release(&a->public_ip);
  recent_release(&a->pulls);
  buf_release(&a->system_info);
  docker_close(&a->docker);
}

/* Everything that may fail at start comes before what has to be wound down in order. */
static Err run_loop(struct program *p, struct diag *reterr)
{
  uv_loop_init(&p->loop);
  op_loop_init(&p->ops, &p->loop);
  start_background(p);
  Err err = start_links(p, reterr);
  if (!err && conf_bool(p->conf, "server_enabled"))
    err = start_listener(p, reterr);
  bool dials = !err && serve_start(p->agent.serve);
  if (err || (!dials && !p->listener)) {
    if (!err)
      log_warn("nothing to do: no listener (server_enabled) and nobody to dial (core_addresses, connect_as)");
    stop(p);
  } else {
    trim_later(&p->trim);
  }
  uv_run(&p->loop, UV_RUN_DEFAULT);
  uv_loop_close(&p->loop);
  release(p);
  return err;
}

Err agent_run(const struct conf *conf, struct diag *reterr)
{
  struct program *p = mem_new(sizeof *p);
  p->conf = conf;
  Err err = load_settings(p, reterr);
  if (!err) {
    err = run_loop(p, reterr);
    settings_release(&p->agent.settings);
  }
  arena_release(&p->arena);
  mem_free(p);
  return err;
}
