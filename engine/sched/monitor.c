/* sched/monitor.c: see monitor.h. One `struct target` per server holds the poll that runs and who waits for the next. */
#include "sched/monitor.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"

enum { TICK_OFFSET_MS = 500, MIN_GAP_MS = 1000, SOON_MS = 100 };

struct waiter {
  struct op op;
  struct waiter *next;
};

struct target {
  struct monitor *monitor;
  char id[OBJECT_ID_LEN + 1];
  struct hub_call *call;        /* the poll that runs; NULL: none */
  struct waiter *now, *later;   /* told by this poll, by the next */
  uint64_t started_mono_ms;
  bool in_pass, gone;
};

/* A refresh that waits for its moment. */
struct soon {
  struct soon *prev, *next;
  struct monitor *monitor;
  struct op *timer;
  char id[OBJECT_ID_LEN + 1];
};

struct monitor {
  struct monitor_config c;
  struct map targets;           /* id -> struct target */
  struct soon *soon;
  uv_timer_t timer;
  size_t pending;               /* targets of the pass that are not done */
  int64_t tick;
  bool in_pass, closing;
  void (*on_closed)(void *data);
  void *closed_data;
};

static void start_poll(struct target *t);

/* ---- a target ---- */

static void target_free_if_idle(struct target *t)
{
  if (!t->gone || t->call || t->now || t->later)
    return;
  map_remove(&t->monitor->targets, str_of(t->id));
  mem_free(t);
}

static struct target *target_of(struct monitor *m, struct str id)
{
  struct target *t = map_get(&m->targets, id);
  if (t)
    return t;
  t = mem_new(sizeof *t);
  t->monitor = m;
  snprintf(t->id, sizeof t->id, "%.*s", STR_ARG(id));
  map_set(&m->targets, id, t);
  return t;
}

static void tell(struct waiter **list)
{
  while (*list) {
    struct waiter *w = *list;
    *list = w->next;
    op_complete(&w->op, OK, /* d= */ NULL);
    op_unref(&w->op);
  }
}

static void record_stats(struct monitor *m);

static void pass_done(struct monitor *m)
{
  if (--m->pending)
    return;
  m->in_pass = false;
  if (m->closing)
    return;
  if (m->tick) {
    record_stats(m);
    if (m->c.on_tick)
      m->c.on_tick(m->tick, m->c.data);
  }
}

static void finish(struct target *t)
{
  struct monitor *m = t->monitor;
  if (m->c.on_refresh && !t->gone && !m->closing)
    m->c.on_refresh(str_of(t->id), m->c.data);
  tell(&t->now);
  if (t->in_pass) {
    t->in_pass = false;
    pass_done(m);
  }
  if (t->later && !m->closing) {
    t->now = t->later;
    t->later = NULL;
    start_poll(t);
    return;
  }
  tell(&t->later);
  target_free_if_idle(t);
}

static void on_reply(struct op *op, void *data)
{
  struct target *t = data;
  struct monitor *m = t->monitor;
  struct hub_call *call = (struct hub_call *)op;
  const struct row *row = table_get(m->c.model->resources[KIND_SERVER], str_of(t->id));
  if (row && !t->gone) {
    struct diag d = {0};
    Err err = op->err ? op->err : status_set_ok(m->c.status, row, buf_str(&call->json));
    if (err && op->diag)
      d = *op->diag;
    else if (err)
      diag_set(&d, err, "The agent's answer could not be used");
    if (err)
      status_set_down(m->c.status, str_of(t->id), SERVER_NOT_OK, &d);
  }
  t->call = NULL;
  op_unref(op);
  finish(t);
}

static bool server_flag(const struct row *row, const char *path, bool otherwise)
{
  CLEANUP(json_doc_free) yyjson_doc *doc = NULL;
  if (json_parse(row->json, &doc, /* reterr= */ NULL))
    return otherwise;
  return json_get_bool(yyjson_obj_get(yyjson_doc_get_root(doc), "config"), path, otherwise);
}

static void start_poll(struct target *t)
{
  struct monitor *m = t->monitor;
  const struct row *row = table_get(m->c.model->resources[KIND_SERVER], str_of(t->id));
  t->started_mono_ms = clock_mono_ms();
  if (!row || m->closing) {
    finish(t);
    return;
  }
  if (!server_flag(row, "enabled", false)) {
    status_set_down(m->c.status, row->id, SERVER_DISABLED, /* why= */ NULL);
    finish(t);
    return;
  }
  char params[64];
  snprintf(params, sizeof params, "{\"include_stats\":%s,\"include_docker\":true}", server_flag(row, "stats_monitoring", true) ? "true" : "false");
  hub_request(m->c.hub, row->id, STR("PollStatus"), str_of(params), &t->call);
  op_wait(&t->call->op, on_reply, t);
}

static void waiter_free(struct op *op) { mem_free(op); }

void monitor_refresh(struct monitor *m, struct str server_id, struct op **ret_op)
{
  struct waiter *w = mem_new(sizeof *w);
  op_init(&w->op, m->c.loop, /* cancel= */ NULL, waiter_free);
  *ret_op = &w->op;
  struct target *t = target_of(m, server_id);
  struct waiter **list = t->call ? &t->later : &t->now;
  w->next = *list;
  *list = w;
  if (!t->call)
    start_poll(t);
}

static void soon_free(struct soon *s)
{
  if (s->prev)
    s->prev->next = s->next;
  else
    s->monitor->soon = s->next;
  if (s->next)
    s->next->prev = s->prev;
  op_unref(s->timer);
  mem_free(s);
}

static void nobody_waits(struct op *op, void *data)
{
  (void)data;
  op_unref(op);
}

static void on_soon(struct op *timer, void *data)
{
  (void)timer;
  struct soon *s = data;
  struct op *op;
  monitor_refresh(s->monitor, str_of(s->id), &op);
  op_wait(op, nobody_waits, NULL);
  soon_free(s);
}

void monitor_refresh_soon(struct monitor *m, struct str server_id)
{
  if (m->closing)
    return;
  struct soon *s = mem_new(sizeof *s);
  s->monitor = m;
  snprintf(s->id, sizeof s->id, "%.*s", STR_ARG(server_id));
  s->next = m->soon;
  if (s->next)
    s->next->prev = s;
  m->soon = s;
  op_sleep(m->c.loop, SOON_MS, &s->timer);
  op_wait(s->timer, on_soon, s);
}

void monitor_server_changed(struct monitor *m, struct str id, const struct row *row)
{
  if (!row) {
    struct target *t = map_get(&m->targets, id);
    hub_remove(m->c.hub, id);
    status_remove(m->c.status, id);
    if (t) {
      t->gone = true;
      target_free_if_idle(t);
    }
    return;
  }
  CLEANUP(json_doc_free) yyjson_doc *doc = NULL;
  if (json_parse(row->json, &doc, /* reterr= */ NULL))
    return;
  yyjson_val *config = yyjson_obj_get(yyjson_doc_get_root(doc), "config");
  struct hub_server s = {
    .id = row->id,
    .enabled = json_get_bool(config, "enabled", false),
    .address = json_get_str(config, "address"),
    .passkey = json_get_str(config, "passkey"),
    .insecure_tls = json_get_bool(config, "insecure_tls", true),
    .public_key = json_str(json_path(yyjson_doc_get_root(doc), "info.public_key")),
  };
  hub_set(m->c.hub, &s);
}

/* ---- the clock ---- */

/* One document per polled server, at the nominal time of the tick (spec monitoring.md 4.1). */
static void write_stats(yyjson_val *stats, int64_t tick, struct str sid, struct buf *out)
{
  static const char *const numbers[] = {"cpu_perc", "mem_used_gb", "mem_total_gb", "mem_buff_cache_gb", "mem_zfs_arc_gb", "swap_total_gb",
                                        "swap_used_gb", "network_ingress_bytes", "network_egress_bytes"};
  double used = 0, total = 0;
  size_t i, n;
  yyjson_val *disk, *disks = yyjson_obj_get(stats, "disks"), *load = yyjson_obj_get(stats, "load_average");
  yyjson_arr_foreach(disks, i, n, disk) {
    used += yyjson_get_num(yyjson_obj_get(disk, "used_gb"));
    total += yyjson_get_num(yyjson_obj_get(disk, "total_gb"));
  }
  buf_printf(out, "{\"ts\":%lld,\"sid\":\"%.*s\",\"disk_used_gb\":%.17g,\"disk_total_gb\":%.17g", (long long)tick, STR_ARG(sid), used, total);
  for (size_t k = 0; k < ARRAY_LEN(numbers); k++)
    buf_printf(out, ",\"%s\":%.17g", numbers[k], yyjson_get_num(yyjson_obj_get(stats, numbers[k])));
  buf_add_text(out, ",\"load_average\":");
  if (load)
    json_write(load, out);
  else
    buf_add_text(out, "{\"one\":0.0,\"five\":0.0,\"fifteen\":0.0}");
  buf_add_text(out, ",\"disks\":");
  if (disks)
    json_write(disks, out);
  else
    buf_add_text(out, "[]");
  buf_add_char(out, '}');
}

static void stats_stored(struct op *op, void *data)
{
  (void)data;
  op_unref(op);
}

static void record_stats(struct monitor *m)
{
  enum { STATS_DOC_MAX = 256 * 1024 };
  struct store_batch *batch = store_batch_new(m->c.model->store);
  size_t count, added = 0;
  const struct row *const *rows = table_sorted(m->c.model->resources[KIND_SERVER], &count);
  for (size_t i = 0; i < count; i++) {
    const struct server_status *s = status_get(m->c.status, rows[i]->id);
    yyjson_val *stats = s ? yyjson_obj_get(s->root, "system_stats") : NULL;
    if (!yyjson_is_obj(stats))
      continue;
    CLEANUP(buf_release) struct buf doc = BUF_INIT(STATS_DOC_MAX);
    write_stats(stats, m->tick, rows[i]->id, &doc);
    char key[OBJECT_ID_LEN + 24];
    snprintf(key, sizeof key, "%.*s-%lld", STR_ARG(rows[i]->id), (long long)m->tick);
    if (!buf_err(&doc)) {
      store_batch_put(batch, "Stats", str_of(key), buf_str(&doc));
      added++;
    }
  }
  if (!added) {
    store_batch_free(batch);
    return;
  }
  struct op *op;
  store_commit(batch, &op);   /* a failure is the store's to report; the next tick records again */
  op_wait(op, stats_stored, NULL);
}

static void run_pass(struct monitor *m, int64_t tick)
{
  if (m->in_pass)
    return;
  m->tick = tick;
  m->in_pass = true;
  m->pending = 1;   /* held until all are started */
  size_t count;
  const struct row *const *rows = table_sorted(m->c.model->resources[KIND_SERVER], &count);
  char (*ids)[OBJECT_ID_LEN + 1] = mem_new_array(count, sizeof *ids);
  for (size_t i = 0; i < count; i++)
    snprintf(ids[i], sizeof ids[i], "%.*s", STR_ARG(rows[i]->id));
  uint64_t now = clock_mono_ms();
  for (size_t i = 0; i < count; i++) {
    struct target *t = target_of(m, str_of(ids[i]));
    if (t->call || (t->started_mono_ms && now - t->started_mono_ms < MIN_GAP_MS))
      continue;
    t->in_pass = true;
    m->pending++;
    start_poll(t);
  }
  mem_free(ids);
  pass_done(m);
}

static void arm(struct monitor *m);

static void on_timer(uv_timer_t *timer)
{
  struct monitor *m = timer->data;
  int64_t now = clock_unix_ms();
  run_pass(m, (now - TICK_OFFSET_MS) / (int64_t)m->c.interval_ms * (int64_t)m->c.interval_ms);
  arm(m);
}

static void arm(struct monitor *m)
{
  uint64_t into = (uint64_t)clock_unix_ms() % m->c.interval_ms;
  uint64_t wait = into < TICK_OFFSET_MS ? TICK_OFFSET_MS - into : m->c.interval_ms - into + TICK_OFFSET_MS;
  uv_timer_start(&m->timer, on_timer, wait, 0);
}

static void on_first(uv_timer_t *timer)
{
  struct monitor *m = timer->data;
  run_pass(m, /* tick= */ 0);   /* no stats, no alerts for this one */
  arm(m);
}

struct monitor *monitor_new(const struct monitor_config *config)
{
  struct monitor *m = mem_new(sizeof *m);
  m->c = *config;
  uv_timer_init(config->loop->loop, &m->timer);
  m->timer.data = m;
  uv_timer_start(&m->timer, on_first, 0, 0);
  size_t count;
  const struct row *const *rows = table_sorted(config->model->resources[KIND_SERVER], &count);
  for (size_t i = 0; i < count; i++)
    monitor_server_changed(m, rows[i]->id, rows[i]);
  return m;
}

static void on_timer_closed(uv_handle_t *handle)
{
  struct monitor *m = handle->data;
  size_t at = 0;
  void *t;
  while (map_next(&m->targets, &at, NULL, &t))
    mem_free(t);
  map_release(&m->targets);
  void (*on_closed)(void *) = m->on_closed;
  void *data = m->closed_data;
  mem_free(m);
  on_closed(data);
}

void monitor_close(struct monitor *m, void (*on_closed)(void *data), void *data)
{
  m->closing = true;
  m->on_closed = on_closed;
  m->closed_data = data;
  while (m->soon) {
    op_forget(m->soon->timer);
    op_cancel(m->soon->timer);
    soon_free(m->soon);
  }
  size_t at = 0;
  void *v;
  while (map_next(&m->targets, &at, NULL, &v)) {
    struct target *t = v;
    if (t->call)
      op_drop(&t->call->op);
    t->call = NULL;
    tell(&t->now);
    tell(&t->later);
  }
  uv_close((uv_handle_t *)&m->timer, on_timer_closed);
}
