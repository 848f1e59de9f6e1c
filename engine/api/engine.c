/* api/engine.c: see engine.h. Parts are opened from the bottom up and closed from the top down:
 *
 *   store · schema · policy (its state) · model · status · hub · monitor · runner · libs · policy modules · http
 */
#include "api/engine.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/api.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/version.h"
#include "doc/schema_lua.h"
#include "net/trim.h"
#include "sched/lib_schedule.h"
#include "script/lib_fs.h"
#include "script/lib_git.h"
#include "script/lib_model.h"
#include "script/libs.h"
#include "store/store_collections.h"

extern const struct embed_file engine_stdlib[];   /* stdlib/lua, compiled in */
extern const struct embed_file engine_pages[];    /* api/pages, compiled in */
extern const struct embed_file engine_ui[];       /* the web page, as scripts/build-ui made it */

enum {
  SECRET_LEN = 40,
  DRAIN_MS = 6000,   /* for requests when the engine stops; what follows takes its time too, and 10 s are the limit for all */
};

struct engine {
  struct api api;
  struct lib_model lib_model;
  struct table *tables[KIND_COUNT + TABLE_COUNT];
  const char *keys[65];                /* periphery_public_keys, NULL-ended */
  struct http_header security[8];
  size_t security_count;
  struct policy_task *starting;        /* the start-up tasks */
  struct trim *trim;                   /* what only starting needed goes back to the system */
  struct diag failure;
  engine_stopped_fn *on_stopped;
  void *stopped_data;
  bool stopping;
};

/* ---- the data folder ---- */

/* The JWT secret of this installation: configured, or made once and kept, so that logins outlive a restart. */
static Err load_jwt_secret(const struct conf *conf, char *ret, size_t size, struct diag *reterr)
{
  struct str given = conf_str(conf, "jwt_secret");
  if (given.len) {
    if (given.len >= size)
      return diag_set(reterr, ERR_TOOBIG, "jwt_secret: must be shorter than %zu bytes", size);
    memcpy(ret, given.ptr, given.len + 1);
    return OK;
  }
  CLEANUP(mem_free_at) char *path = mem_printf("%s/jwt-secret", conf_data_dir(conf).ptr);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd >= 0) {
    ssize_t n = read(fd, ret, size - 1);
    close(fd);
    if (n >= SECRET_LEN) {
      ret[n] = 0;
      return OK;
    }
  }
  id_alnum(ret, SECRET_LEN);
  CLEANUP(mem_free_at) char *fresh = mem_printf("%s.new", path);
  fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  bool ok = fd >= 0 && write(fd, ret, SECRET_LEN) == SECRET_LEN && fsync(fd) == 0;
  if (fd >= 0)
    close(fd);
  if (!ok || rename(fresh, path))
    return diag_set(reterr, ERR_IO, "%s cannot be written: %m; set data_dir to a folder of this user", path);
  return OK;
}

static Err make_data_dir(struct str dir, struct diag *reterr)
{
  CLEANUP(mem_free_at) char *path = str_dup(dir);
  for (char *p = path + 1; *p; p++)
    if (*p == '/') {
      *p = 0;
      (void)mkdir(path, 0755);
      *p = '/';
    }
  if (mkdir(path, 0700) && access(path, W_OK))
    return diag_set(reterr, ERR_IO, "data_dir: %s cannot be used: %m", path);
  return OK;
}

/* ---- what the agent link asks ---- */

static enum hub_who who(struct str name_or_id, char ret_id[25], void *data)
{
  struct api *api = data;
  const struct row *row = table_resolve(api->model->resources[KIND_SERVER], name_or_id);
  if (!row)
    return HUB_UNKNOWN;
  snprintf(ret_id, 25, "%.*s", STR_ARG(row->id));
  CLEANUP(json_doc_free) yyjson_doc *doc = NULL;
  if (json_parse(row->json, &doc, /* reterr= */ NULL))
    return HUB_UNKNOWN;
  yyjson_val *config = yyjson_obj_get(yyjson_doc_get_root(doc), "config");
  return json_get_bool(config, "enabled", false) && json_get_str(config, "address").len == 0 ? HUB_SERVER : HUB_FIX;
}

static void onboarding_key(struct str public_key, struct hub_onboarding *ret, void *data)
{
  struct api *api = data;
  *ret = (struct hub_onboarding){0};
  const struct row *row = table_get(api->model->tables[TABLE_ONBOARDING_KEY], public_key);
  CLEANUP(json_doc_free) yyjson_doc *doc = NULL;
  if (!row || json_parse(row->json, &doc, /* reterr= */ NULL))
    return;
  yyjson_val *key = yyjson_doc_get_root(doc);
  int64_t expires = json_get_int(key, "expires", 0);
  ret->found = true;
  ret->usable = json_get_bool(key, "enabled", false) && (expires == 0 || expires > clock_unix_ms());
  ret->privileged = json_get_bool(key, "privileged", false);
}

/* A call into policy with up to four texts. */
struct texts {
  struct str list[4];
  size_t count;
};

static int push_texts(lua_State *L, void *data)
{
  const struct texts *t = data;
  for (size_t i = 0; i < t->count; i++)
    lua_pushlstring(L, t->list[i].ptr ? t->list[i].ptr : "", t->list[i].len);
  return (int)t->count;
}

static void forget_task(struct op *op, void *data)
{
  (void)data;
  op_unref(op);
}

/* Tells policy something; what it makes of it is its own affair. */
static void tell(struct api *api, const char *handler, struct texts texts)
{
  struct policy_task *task;
  if (!api->policy || policy_call(api->policy, handler, push_texts, &texts, &task, /* reterr= */ NULL))
    return;
  op_wait(&task->op, forget_task, NULL);
}

struct onboarding {
  struct hub *hub;
  uint64_t ticket;
};

static void onboarded(struct op *op, void *data)
{
  struct onboarding *o = data;
  hub_onboard_done(o->hub, o->ticket, op->err, op->diag);
  mem_free(o);
  op_unref(op);
}

static void onboard(struct hub *hub, uint64_t ticket, struct str onboarding_public_key, struct str name, struct str fix_id,
                    struct str agent_public_key, void *data)
{
  struct api *api = data;
  struct texts texts = {{onboarding_public_key, name, fix_id, agent_public_key}, 4};
  struct policy_task *task;
  struct diag d;
  Err err = policy_call(api->policy, "hub/onboard", push_texts, &texts, &task, &d);
  if (err) {
    hub_onboard_done(hub, ticket, err, &d);
    return;
  }
  struct onboarding *o = mem_new(sizeof *o);
  *o = (struct onboarding){hub, ticket};
  op_wait(&task->op, onboarded, o);
}

static void on_attempted_key(struct str id, struct str key, void *data)
{
  tell(data, "hub/attempted", (struct texts){{id, key}, 2});
}

static void on_connected(struct str id, void *data)
{
  struct api *api = data;
  if (api->monitor)
    monitor_refresh_soon(api->monitor, id);
}

static void on_disconnected(struct str id, void *data)
{
  (void)id;
  (void)data;
}

static void on_refresh(struct str server_id, void *data)
{
  tell(data, "monitor/refreshed", (struct texts){{server_id}, 1});
}

/* A pass of polls parses megabytes that are gone a moment later; what the allocator kept of them goes back to the system. */
static void on_tick(int64_t tick_unix_ms, void *data)
{
  char tick[24];
  snprintf(tick, sizeof tick, "%lld", (long long)tick_unix_ms);
  malloc_trim(0);
  tell(data, "monitor/tick", (struct texts){{str_of(tick)}, 1});
}

static void on_resource_change(void *data, enum kind kind, struct str id, const struct row *row)
{
  struct api *api = data;
  if (kind == KIND_SERVER && api->monitor)
    monitor_server_changed(api->monitor, id, row);
}

/* ---- starting ---- */

/* The host part of the configured address, for ?core= of dialled agents. */
static struct str host_of(struct str url)
{
  for (size_t i = 0; i + 3 <= url.len; i++)
    if (memcmp(url.ptr + i, "://", 3) == 0) {
      url = str_sub(url, i + 3, url.len);
      break;
    }
  for (size_t i = 0; i < url.len; i++)
    if (url.ptr[i] == '/' || url.ptr[i] == ':' || url.ptr[i] == '?')
      return str_sub(url, 0, i);
  return url;
}

static Err start_data(struct engine *e, struct diag *reterr)
{
  struct api *a = &e->api;
  Err err = make_data_dir(conf_data_dir(a->conf), reterr);
  if (err)
    return err;
  CLEANUP(mem_free_at) char *path = mem_printf("%s/komodo.db", conf_data_dir(a->conf).ptr);
  err = store_open(a->loop, path, store_collections, store_collections_count, &a->store, reterr);
  if (err)
    return err;
  const char *folder = getenv("KOMODO_STDLIB_DIR");
  struct policy_config policy = {.loop = a->loop, .stdlib_dir = folder, .stdlib = engine_stdlib};
  err = policy_new(&policy, &a->policy, reterr);
  if (!err)
    err = schema_load(policy_state(a->policy), &a->schema, reterr);
  if (err)
    return err;
  struct model_config model = {a->loop, a->store, a->schema, conf_bool(a->conf, "transparent_mode"), conf_int(a->conf, "default_pagination_limit")};
  err = model_open(&model, &a->model, reterr);
  if (err)
    return err;
  a->model->on_change = on_resource_change;
  a->model->on_change_data = a;
  a->status = status_new(a->model);
  return OK;
}

static Err start_link(struct engine *e, struct diag *reterr)
{
  struct api *a = &e->api;
  size_t count = conf_list_len(a->conf, "periphery_public_keys");
  for (size_t i = 0; i < count && i + 1 < ARRAY_LEN(e->keys); i++)
    e->keys[i] = conf_list_at(a->conf, "periphery_public_keys", i).ptr;
  struct key_pair key;
  Err err = key_load(conf_path(a->conf, "private_key"), &key, reterr);
  if (err)
    return diag_context(reterr, "private_key: the engine's key cannot be used");
  struct hub_config hub = {
    .loop = a->loop,
    .host = host_of(conf_str(a->conf, "host")),
    .key = &key,
    .passkey = conf_str(a->conf, "passkey"),
    .periphery_public_keys = count ? e->keys : NULL,
    .who = who,
    .onboarding_key = onboarding_key,
    .onboard = onboard,
    .on_connected = on_connected,
    .on_disconnected = on_disconnected,
    .on_attempted_key = on_attempted_key,
    .data = a,
  };
  err = hub_new(&hub, &a->hub, reterr);
  key_pair_release(&key);
  if (err)
    return err;
  log_info("Public Key: %.*s", STR_ARG(hub_public_key(a->hub)));
  struct monitor_config monitor = {.loop = a->loop, .model = a->model, .status = a->status, .hub = a->hub,
                                   .interval_ms = (uint64_t)conf_ms(a->conf, "monitoring_interval"), .on_tick = on_tick, .on_refresh = on_refresh, .data = a};
  a->monitor = monitor_new(&monitor);
  return OK;
}

/* Resources, Updates and alerts are stored as they are declared; other documents keep what their handlers made. */
static bool arrange(const char *collection, struct str json, struct buf *out, void *data)
{
  struct api *api = data;
  if (kind_of(str_of(collection)) == KIND_NONE && strcmp(collection, COLLECTION_UPDATE) != 0 && strcmp(collection, COLLECTION_ALERT) != 0)
    return false;
  CLEANUP(json_doc_free) yyjson_doc *doc = NULL;
  CLEANUP(json_mut_doc_free) yyjson_mut_doc *mut = yyjson_mut_doc_new(NULL);
  yyjson_mut_val *normal;
  struct diag d;
  if (!mut || json_parse(json, &doc, /* reterr= */ NULL))
    return false;
  if (schema_normalise(schema_type(api->schema, collection), yyjson_doc_get_root(doc), SCHEMA_FULL, mut, &normal, &d)) {
    log_warn("a %s is stored that is not as declared: %s", collection, d.message);
    return false;
  }
  json_write_mut(normal, out);
  return buf_err(out) == OK;
}

static Err start_policy(struct engine *e, struct diag *reterr)
{
  struct api *a = &e->api;
  lua_State *L = policy_state(a->policy);
  size_t n = 0;
  for (int i = 0; i < KIND_COUNT; i++)
    e->tables[n++] = a->model->resources[i];
  for (int i = 0; i < TABLE_COUNT; i++)
    e->tables[n++] = a->model->tables[i];
  struct lib_store store = {a->store, e->tables, n, arrange, a};
  lib_store_open(L, &store);
  lib_hub_open(L, a->hub);
  lib_terminal_open(L, a->hub);
  lib_time_open(L);
  lib_crypto_open(L);
  lib_fs_open(L);
  lib_git_open(L);
  lib_schedule_open(L);
  e->lib_model = (struct lib_model){a->model, a->status};
  lib_model_open(L, &e->lib_model);
  lib_api_open(L, a);
  lib_script_open(L, a->runner);
  a->client = http_client_new(a->loop);
  lib_http_open(L, a->client);
  lua_getglobal(L, "engine");
  schema_open(L, a->schema);
  lua_setfield(L, -2, "schema");
  lua_pop(L, 1);
  return policy_require(a->policy, "komodo.policy", reterr);
}

static void add_security(struct engine *e, const char *name, const char *key)
{
  struct str value = conf_str(e->api.conf, key);
  if (value.len)
    e->security[e->security_count++] = (struct http_header){str_of(name), value};
}

/* The page runs its own scripts alone, talks to its own engine alone and is framed by nobody. Styles may stand in attributes:
 * what measures and places things writes them there. A policy of the configuration takes its place. */
static const char page_policy[] =
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: https:; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

static Err start_ui(struct api *a, struct diag *reterr)
{
  struct str dir = conf_str(a->conf, "ui_dir");
  if (dir.len && access(dir.ptr, R_OK | X_OK))
    return diag_set(reterr, ERR_INVALID, "ui_dir: cannot read the folder %s", dir.ptr);
  struct static_config config = {
    .loop = a->loop,
    .table = dir.len ? NULL : engine_ui,
    .folder = dir.ptr,
    .fallback_no_cache = conf_bool(a->conf, "ui_index_force_no_cache"),
    .immutable = "assets/",
    .always = {STR("Vary"), STR("origin, access-control-request-method, access-control-request-headers")},
  };
  if (!conf_str(a->conf, "content_security_policy").len)
    config.page = (struct http_header){STR("Content-Security-Policy"), str_of(page_policy)};
  a->ui = static_new(&config);
  return OK;
}

static Err start_http(struct engine *e, struct diag *reterr)
{
  struct api *a = &e->api;
  add_security(e, "X-Content-Type-Options", "x_content_type_options");
  add_security(e, "X-Frame-Options", "x_frame_options");
  add_security(e, "X-XSS-Protection", "x_xss_protection");
  add_security(e, "Referrer-Policy", "referrer_policy");
  add_security(e, "Content-Security-Policy", "content_security_policy");
  bool tls = conf_bool(a->conf, "ssl_enabled");
  struct str ip = conf_str(a->conf, "bind_ip");
  /* "[::]" in the configuration is "::" to the socket. */
  CLEANUP(mem_free_at) char *bind_ip = ip.len > 2 && ip.ptr[0] == '[' ? str_dup(str_sub(ip, 1, ip.len - 2)) : str_dup(ip);
  struct http_server_config http = {
    .loop = a->loop,
    .bind_ip = bind_ip,
    .port = (uint16_t)conf_int(a->conf, "port"),
    .tls_cert_file = tls ? conf_path(a->conf, "ssl_cert_file").ptr : NULL,
    .tls_key_file = tls ? conf_path(a->conf, "ssl_key_file").ptr : NULL,
    .headers = e->security,
    .header_count = e->security_count,
    .limits = {.drain_ms = DRAIN_MS},
    .on_request = http_on_request,
    .data = a,
  };
  Err err = http_server_start(&http, &a->http, reterr);
  if (err)
    return err;
  log_info("listening on %s://%s%s%s:%u", tls ? "https" : "http", strchr(bind_ip, ':') ? "[" : "", bind_ip,
           strchr(bind_ip, ':') ? "]" : "", http_server_port(a->http));
  return OK;
}

static void on_ready(struct op *op, void *data)
{
  struct engine *e = data;
  Err err = op->err;
  if (err && op->diag)
    e->failure = *op->diag;
  op_unref(op);
  e->starting = NULL;
  if (e->stopping)
    return;
  if (!err)
    err = start_http(e, &e->failure);
  if (err) {
    if (!e->failure.err)
      diag_set(&e->failure, err, "the start-up tasks failed");
    engine_stop(e);
    return;
  }
  e->api.serving = true;
  /* Loading the declarations leaves more garbage than the engine will make in a day. */
  lua_gc(policy_state(e->api.policy), LUA_GCCOLLECT);
  lua_gc(policy_state(e->api.policy), LUA_GCINC, /* pause= */ 150, 0, 0);
  trim_later(e->trim);
  tell(&e->api, "engine/listening", (struct texts){0});
}

static Err start_parts(struct engine *e, struct diag *reterr)
{
  struct api *a = &e->api;
  char secret[4096];
  Err err = start_data(e, reterr);
  if (!err)
    err = load_jwt_secret(a->conf, secret, sizeof secret, reterr);
  if (err)
    return err;
  a->jwt = jwt_new(str_of(secret), conf_ms(a->conf, "jwt_ttl"));
  mem_wipe(secret, sizeof secret);
  credentials_open(a);
  a->live = live_new(a);
  a->docs = engine_pages;
  reads_register(a);
  err = start_ui(a, reterr);
  if (!err)
    err = start_link(e, reterr);
  if (!err)
    err = scripts_open(a, reterr);
  if (!err)
    err = start_policy(e, reterr);
  if (!err)
    err = policy_call(a->policy, "engine/start", push_texts, &(struct texts){0}, &e->starting, reterr);
  if (!err)
    op_wait(&e->starting->op, on_ready, e);
  return err;
}

Err engine_start(struct op_loop *loop, const struct conf *conf, engine_stopped_fn *on_stopped, void *data, struct engine **ret_engine,
                 struct diag *reterr)
{
  struct engine *e = mem_new(sizeof *e);
  e->api.loop = loop;
  e->api.conf = conf;
  e->trim = mem_new(sizeof *e->trim);
  trim_init(e->trim, loop->loop);
  e->on_stopped = on_stopped;
  e->stopped_data = data;
  Err err = start_parts(e, reterr);
  *ret_engine = e;
  return err;
}

void engine_reload_tls(struct engine *engine)
{
  struct diag d;
  if (!conf_bool(engine->api.conf, "ssl_enabled") || !engine->api.http)
    return;
  if (http_server_reload_tls(engine->api.http, &d))
    log_error("the TLS files were not reloaded: %s", d.message);
  else
    log_info("the TLS files were reloaded");
}

/* ---- stopping: each step ends in the next ---- */

static void stopped_credentials(void *data)
{
  struct engine *e = data;
  struct api *a = &e->api;
  status_free(a->status);
  model_free(a->model);
  schema_free(a->schema);
  live_free(a->live);
  reads_release(a);
  jwt_free(a->jwt);
  for (size_t i = 0; i < API_DOCUMENTS; i++)
    mem_free(a->documents[i].text);
  e->on_stopped(&e->failure, e->stopped_data);
  mem_free(e);
}

static void stopped_store(void *data)
{
  struct engine *e = data;
  credentials_close(&e->api, stopped_credentials, e);
}

static void stopped_hub(void *data)
{
  struct engine *e = data;
  if (e->api.store)
    store_close(e->api.store, stopped_store, e);
  else
    stopped_store(e);
}

static void stopped_monitor(void *data)
{
  struct engine *e = data;
  e->api.monitor = NULL;
  if (e->api.hub)
    hub_close(e->api.hub, stopped_hub, e);
  else
    stopped_hub(e);
}

static void stopped_client(void *data)
{
  struct engine *e = data;
  e->api.client = NULL;
  if (e->api.monitor)
    monitor_close(e->api.monitor, stopped_monitor, e);
  else
    stopped_monitor(e);
}

static void stopped_policy(void *data)
{
  struct engine *e = data;
  e->api.policy = NULL;
  if (e->api.client)
    http_client_close(e->api.client, stopped_client, e);
  else
    stopped_client(e);
}

static void stopped_scripts(void *data)
{
  struct engine *e = data;
  if (e->api.policy)
    policy_close(e->api.policy, stopped_policy, e);
  else
    stopped_policy(e);
}

static void stopped_checks(void *data)
{
  struct engine *e = data;
  scripts_close(&e->api, stopped_scripts, e);
}

static void stopped_http(void *data)
{
  struct engine *e = data;
  e->api.http = NULL;
  static_close(e->api.ui);
  e->api.ui = NULL;
  credentials_drain(&e->api, stopped_checks, e);
}

static void on_trim_closed(uv_handle_t *timer) { mem_free(CONTAINER_OF(timer, struct trim, timer)); }

void engine_stop(struct engine *e)
{
  if (e->stopping)
    return;
  e->stopping = true;
  trim_close(e->trim, on_trim_closed);
  if (e->api.http)
    http_server_stop(e->api.http, stopped_http, e);
  else
    stopped_http(e);
}
