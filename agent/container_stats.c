/* agent/container_stats.c: see container_stats.h. */
#include "agent/container_stats.h"

#include "agent/runlog.h"
#include "base/mem.h"

enum { QUERY_TIMEOUT_MS = 10 * 1000 };

/* One line of `docker stats --format '{{json .}}'`. */
static bool write_item(struct str line, struct buf *out)
{
  static const struct { const char *ours, *docker; } fields[] = {
    {"name", "Name"}, {"cpu_perc", "CPUPerc"}, {"mem_perc", "MemPerc"}, {"mem_usage", "MemUsage"}, {"net_io", "NetIO"},
    {"block_io", "BlockIO"}, {"pids", "PIDs"},
  };
  CLEANUP(js_doc_free) yyjson_doc *doc = NULL;
  if (js_parse(line, &doc, NULL))
    return false;
  yyjson_val *root = yyjson_doc_get_root(doc);
  js_open(out, '{');
  for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
    struct str v = js_get_str(root, fields[i].docker);
    js_put_str(out, fields[i].ours, v.ptr ? v : STR(""));
  }
  buf_add_char(out, '}');
  return true;
}

static Err failed(const struct exec_result *r, struct diag *reterr)
{
  if (r->end == EXEC_TIMED_OUT)
    return diag_set(reterr, ERR_TIMEOUT, "docker stats took longer than %d s", QUERY_TIMEOUT_MS / 1000);
  if (r->end == EXEC_NOT_RUN)
    return diag_set(reterr, ERR_IO, "cannot run docker: %s", strerrordesc_np(r->code));
  struct buf words = BUF_INIT(64 << 10);
  struct str rest = str_trim(buf_str(&r->output[EXEC_STDERR])), line;
  while (str_split(&rest, '\n', &line)) {
    buf_add_text(&words, words.len ? " | " : "");
    buf_add_str(&words, line);
  }
  Err err = diag_set(reterr, ERR_REMOTE, "%.*s", STR_ARG(buf_str(&words)));
  buf_release(&words);
  return err;
}

Err container_stats_query(struct str name, struct buf *out, size_t *ret_count, struct diag *reterr)
{
  char *one = str_dup(name);
  const char *argv[] = {"docker", "stats", "--no-stream", "--format", "{{json .}}", name.len ? "--" : NULL, one, NULL};
  struct exec_result r;
  exec_run(&(struct exec_spec){.argv = argv, .timeout_ms = QUERY_TIMEOUT_MS}, &r);
  mem_free(one);
  Err err = r.end == EXEC_EXITED && r.code == 0 ? OK : failed(&r, reterr);
  if (!err) {
    struct str rest = buf_str(&r.output[EXEC_STDOUT]), line;
    js_open(out, '[');
    while (str_split(&rest, '\n', &line))
      if (str_trim(line).len)
        *ret_count += write_item(str_trim(line), out);
    buf_add_char(out, ']');
  }
  exec_release(&r);
  return err;
}

/* A failure keeps what is known. */
static void refresh(void *data, int64_t tick)
{
  struct container_stats *c = data;
  (void)tick;
  struct buf out = BUF_INIT(16 << 20);
  size_t count = 0;
  if (docker_connected(c->docker) && !container_stats_query(STR_NONE, &out, &count, NULL))
    shared_text_set(&c->cache, buf_str(&out));
  buf_release(&out);
}

void container_stats_start(struct container_stats *c, uv_loop_t *loop, const struct docker *docker,
                           const struct settings *settings)
{
  c->docker = docker;
  shared_text_init(&c->cache);
  ticker_start(&c->ticker, loop, settings->container_stats_ms, 200, refresh, c);
  ticker_now(&c->ticker);
}

void container_stats_close(struct container_stats *c) { ticker_close(&c->ticker); }
void container_stats_release(struct container_stats *c) { shared_text_release(&c->cache); }
