/* model/status.c: see status.h. */
#include "model/status.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/version.h"

enum { STATUS_MAX = 64 * 1024 * 1024 };

struct status {
  struct model *model;
  struct map servers;   /* id -> struct server_status */
};

static const char *const state_names[] = {"Ok", "NotOk", "Disabled"};
const char *server_state_name(enum server_state state) { return state_names[state]; }

struct status *status_new(struct model *model)
{
  struct status *s = mem_new(sizeof *s);
  s->model = model;
  return s;
}

static void entry_free(struct server_status *e)
{
  if (!e)
    return;
  yyjson_doc_free(e->doc);
  mem_free(e->err);
  mem_free(e);
}

void status_free(struct status *status)
{
  if (!status)
    return;
  size_t at = 0;
  void *e;
  while (map_next(&status->servers, &at, NULL, &e))
    entry_free(e);
  map_release(&status->servers);
  mem_free(status);
}

const struct server_status *status_get(const struct status *status, struct str server_id)
{
  return map_get(&status->servers, server_id);
}

/* Everything on the server may show another state now. */
static void touch_hosted(struct status *status)
{
  model_touch(status->model, KIND_DEPLOYMENT, STR_NONE);
  model_touch(status->model, KIND_STACK, STR_NONE);
}

static void swap(struct status *status, struct str id, struct server_status *fresh)
{
  struct server_status *old = map_get(&status->servers, id);
  if (!old || old->state != fresh->state || old->docker_hash != fresh->docker_hash)
    touch_hosted(status);
  map_set(&status->servers, id, fresh);
  entry_free(old);
  model_touch(status->model, KIND_SERVER, id);
}

/* Is `mount` the folder `prefix` or inside it, by path components? */
static bool mount_below(struct str mount, struct str prefix)
{
  while (prefix.len > 1 && prefix.ptr[prefix.len - 1] == '/')
    prefix.len--;
  return str_starts(mount, prefix) &&
         (mount.len == prefix.len || mount.ptr[prefix.len] == '/' || (prefix.len == 1 && prefix.ptr[0] == '/'));
}

static bool hidden(struct str mount, yyjson_val *ignored)
{
  size_t i, n;
  yyjson_val *v;
  if (mount_below(mount, STR("/var/lib/docker/volumes")))
    return true;
  yyjson_arr_foreach(ignored, i, n, v) if (json_str(v).len && mount_below(mount, json_str(v))) return true;
  return false;
}

static struct str mut_str(yyjson_mut_val *v)
{
  return yyjson_mut_is_str(v) ? str_make(yyjson_mut_get_str(v), yyjson_mut_get_len(v)) : STR_NONE;
}

static void filter_disks(yyjson_mut_val *root, yyjson_val *ignored)
{
  yyjson_mut_val *disks = yyjson_mut_obj_get(yyjson_mut_obj_get(root, "system_stats"), "disks");
  yyjson_mut_arr_iter it;
  if (!yyjson_mut_arr_iter_init(disks, &it))
    return;
  for (yyjson_mut_val *d; (d = yyjson_mut_arr_iter_next(&it));)
    if (hidden(mut_str(yyjson_mut_obj_get(d, "mount")), ignored))
      yyjson_mut_arr_iter_remove(&it);
}

static void stamp_containers(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct row *server)
{
  yyjson_mut_val *containers = yyjson_mut_obj_get(yyjson_mut_obj_get(root, "docker"), "containers");
  yyjson_mut_arr_iter it;
  if (!yyjson_mut_arr_iter_init(containers, &it))
    return;
  for (yyjson_mut_val *c; (c = yyjson_mut_arr_iter_next(&it));) {
    const char *const keys[] = {"server_id", "server_name"};
    const struct str values[] = {server->id, server->name};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
      yyjson_mut_obj_remove_key(c, keys[i]);
      yyjson_mut_obj_insert(c, yyjson_mut_str(doc, keys[i]), yyjson_mut_strncpy(doc, values[i].ptr, values[i].len), i);
    }
  }
}

static uint64_t hash_docker(yyjson_val *root)
{
  CLEANUP(buf_release) struct buf text = BUF_INIT(STATUS_MAX);
  yyjson_val *docker = yyjson_obj_get(root, "docker");
  if (docker)
    json_write(docker, &text);
  uint64_t h = 0xcbf29ce484222325u;
  for (size_t i = 0; i < text.len; i++)
    h = (h ^ (unsigned char)text.ptr[i]) * 0x100000001b3u;
  return h;
}

Err status_set_ok(struct status *status, const struct row *server, struct str reply)
{
  CLEANUP(json_doc_free) yyjson_doc *doc = NULL, *config = NULL;
  Err err = json_parse(reply, &doc, /* reterr= */ NULL);
  if (!err && !yyjson_is_obj(yyjson_doc_get_root(doc)))
    err = ERR_INVALID;
  if (!err)
    err = json_parse(server->json, &config, /* reterr= */ NULL);
  if (err)
    return err;
  CLEANUP(json_mut_doc_free) yyjson_mut_doc *mut = yyjson_doc_mut_copy(doc, NULL);
  if (!mut)
    return ERR_NOMEM;
  yyjson_mut_val *root = yyjson_mut_doc_get_root(mut);
  filter_disks(root, json_path(yyjson_doc_get_root(config), "config.ignore_mounts"));
  stamp_containers(mut, root, server);
  yyjson_doc *kept = yyjson_mut_doc_imut_copy(mut, NULL);
  if (!kept)
    return ERR_NOMEM;
  struct server_status *e = mem_new(sizeof *e);
  *e = (struct server_status){.state = SERVER_OK, .doc = kept, .root = yyjson_doc_get_root(kept)};
  e->docker_hash = hash_docker(e->root);
  swap(status, server->id, e);
  return OK;
}

void status_set_down(struct status *status, struct str server_id, enum server_state state, const struct diag *why)
{
  struct server_status *e = mem_new(sizeof *e);
  e->state = state;
  if (why && why->err) {
    e->err = mem_new(sizeof *e->err);
    *e->err = *why;
  }
  swap(status, server_id, e);
}

void status_remove(struct status *status, struct str server_id)
{
  entry_free(map_remove(&status->servers, server_id));
  touch_hosted(status);
}

void status_write_error(const struct diag *d, struct buf *out)
{
  buf_add_text(out, "{\"error\":");
  buf_add_json(out, str_of(d->message));
  buf_add_text(out, ",\"trace\":[");
  struct str rest = d->trace[0] ? str_of(d->trace) : STR_NONE, line;
  for (bool first = true; str_split(&rest, '\n', &line); first = false) {
    if (!first)
      buf_add_char(out, ',');
    buf_add_json(out, line);
  }
  buf_add_text(out, "]}");
}

/* ---- the list item of a server ---- */

/* `"key":<value at path>`; a missing value or, with `blank_is_null`, an empty text is null. */
static void field(struct buf *out, const char *key, yyjson_val *value, bool blank_is_null)
{
  buf_printf(out, ",\"%s\":", key);
  if (!value || (blank_is_null && yyjson_is_str(value) && yyjson_get_len(value) == 0))
    buf_add_text(out, "null");
  else
    json_write(value, out);
}

static void flag(struct buf *out, const char *key, yyjson_val *value)
{
  buf_printf(out, ",\"%s\":%s", key, !value || yyjson_get_bool(value) ? "true" : "false");
}

/* The stats of a list item: sums instead of single disks. */
static void minimal_stats(struct buf *out, yyjson_val *stats)
{
  if (!yyjson_is_obj(stats)) {
    buf_add_text(out, ",\"stats\":null");
    return;
  }
  static const char *const copied[] = {"cpu_perc", "load_average", "mem_free_gb", "mem_used_gb", "mem_total_gb", "mem_buff_cache_gb",
                                       "mem_zfs_arc_gb", "swap_total_gb", "swap_used_gb", "network_ingress_bytes",
                                       "network_egress_bytes", "polling_rate", "refresh_ts", "refresh_list_ts"};
  double used = 0, total = 0;
  size_t i, n;
  yyjson_val *disk;
  yyjson_arr_foreach(yyjson_obj_get(stats, "disks"), i, n, disk) {
    used += yyjson_get_num(yyjson_obj_get(disk, "used_gb"));
    total += yyjson_get_num(yyjson_obj_get(disk, "total_gb"));
  }
  buf_printf(out, ",\"stats\":{\"disk_total_gb\":%.17g,\"disk_used_gb\":%.17g", total, used);
  for (size_t k = 0; k < ARRAY_LEN(copied); k++)
    if (yyjson_obj_get(stats, copied[k]))
      field(out, copied[k], yyjson_obj_get(stats, copied[k]), false);
  buf_add_char(out, '}');
}

bool status_server_info(const struct status *status, const struct row *server, struct buf *out, char ret_bucket[16])
{
  CLEANUP(json_doc_free) yyjson_doc *doc = NULL;
  if (json_parse(server->json, &doc, /* reterr= */ NULL))
    return false;
  yyjson_val *config = yyjson_obj_get(yyjson_doc_get_root(doc), "config"), *info = yyjson_obj_get(yyjson_doc_get_root(doc), "info");
  const struct server_status *s = status_get(status, server->id);
  enum server_state state = s ? s->state : SERVER_NOT_OK;
  yyjson_val *agent = s ? yyjson_obj_get(s->root, "periphery_info") : NULL, *system = s ? yyjson_obj_get(s->root, "system_info") : NULL;
  struct str version = json_get_str(agent, "version");
  bool warn = state == SERVER_OK && version.len && !str_eqc(version, KOMODO_API_VERSION);
  snprintf(ret_bucket, 16, "%s", warn ? "Warning" : server_state_name(state));

  buf_printf(out, "{\"state\":\"%s\",\"err\":", server_state_name(state));
  if (s && s->err)
    status_write_error(s->err, out);
  else
    buf_add_text(out, "null");
  minimal_stats(out, s ? yyjson_obj_get(s->root, "system_stats") : NULL);
  static const char *const thresholds[] = {"cpu_warning", "cpu_critical", "mem_warning", "mem_critical", "disk_warning", "disk_critical"};
  buf_add_text(out, ",\"alerting_thresholds\":{");
  for (size_t i = 0; i < ARRAY_LEN(thresholds); i++) {
    buf_printf(out, "%s\"%s\":", i ? "," : "", thresholds[i]);
    json_write(yyjson_obj_get(config, thresholds[i]), out);
  }
  buf_add_char(out, '}');
  field(out, "core_count", yyjson_obj_get(system, "core_count"), false);
  field(out, "logical_core_count", yyjson_obj_get(system, "logical_core_count"), false);
  field(out, "region", yyjson_obj_get(config, "region"), false);
  field(out, "address", yyjson_obj_get(config, "address"), true);
  field(out, "external_address", yyjson_obj_get(config, "external_address"), true);
  field(out, "public_ip", yyjson_obj_get(agent, "public_ip"), false);
  static const char *const alerts[] = {"send_unreachable_alerts", "send_cpu_alerts", "send_mem_alerts", "send_disk_alerts", "send_version_mismatch_alerts"};
  for (size_t i = 0; i < ARRAY_LEN(alerts); i++)
    flag(out, alerts[i], yyjson_obj_get(config, alerts[i]));
  field(out, "version", yyjson_obj_get(agent, "version"), false);
  field(out, "public_key", yyjson_obj_get(agent, "public_key"), false);
  field(out, "attempted_public_key", yyjson_obj_get(info, "attempted_public_key"), true);
  flag(out, "terminals_disabled", yyjson_obj_get(agent, "terminals_disabled"));
  flag(out, "container_terminals_disabled", yyjson_obj_get(agent, "container_terminals_disabled"));
  buf_add_char(out, '}');
  return buf_err(out) == OK;
}
