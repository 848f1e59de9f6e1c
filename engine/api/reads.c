/* api/reads.c: the requests answered in C: what is hot, and what is the same for every resource type. */
#include "api/api.h"
#include "base/mem.h"
#include "base/version.h"
#include "model/list.h"

static Err viewer_of(const struct read_call *c, struct viewer *ret)
{
  return viewer_init(c->api->model, c->caller->id, ret) ? diag_set(c->reterr, ERR_AUTH, "Invalid user credentials") : OK;
}

static Err get_version(const struct read_call *c)
{
  buf_add_text(c->out, "{\"version\":\"" KOMODO_API_VERSION "\"}");
  return OK;
}

/* ---- every resource type ---- */

static Err get_resource(const struct read_call *c)
{
  buf_add_str(c->out, c->target->json);
  return OK;
}

static Err list_items(const struct read_call *c)
{
  struct viewer viewer;
  Err err = viewer_of(c, &viewer);
  return err ? err : list_run(c->api->model, c->kind, /* full= */ false, c->params, &viewer, c->out, c->reterr);
}

static Err list_full(const struct read_call *c)
{
  struct viewer viewer;
  Err err = viewer_of(c, &viewer);
  return err ? err : list_run(c->api->model, c->kind, /* full= */ true, c->params, &viewer, c->out, c->reterr);
}

static Err summary(const struct read_call *c)
{
  struct viewer viewer;
  Err err = viewer_of(c, &viewer);
  if (!err)
    list_summary(c->api->model, c->kind, &viewer, c->out);
  return err;
}

/* ---- what the last poll of a server said ---- */

static Err server_state(const struct read_call *c)
{
  const struct server_status *s = status_get(c->api->status, c->target->id);
  if (!s)
    return diag_set(c->reterr, ERR_NOTFOUND, "did not find cached status for server");
  buf_printf(c->out, "{\"status\":\"%s\"}", server_state_name(s->state));
  return OK;
}

static Err status_part(const struct read_call *c, const char *path, const char *what)
{
  const struct server_status *s = status_get(c->api->status, c->target->id);
  if (!s)
    return diag_set(c->reterr, ERR_NOTFOUND, "Missing server status");
  yyjson_val *v = json_path(s->root, path);
  if (!v || yyjson_is_null(v))
    return diag_set(c->reterr, ERR_NOTFOUND, "Server status missing %s. The Server may be disconnected.", what);
  json_write(v, c->out);
  return OK;
}

static Err system_information(const struct read_call *c) { return status_part(c, "system_info", "system Info"); }
static Err system_stats(const struct read_call *c) { return status_part(c, "system_stats", "system stats"); }
static Err periphery_information(const struct read_call *c) { return status_part(c, "periphery_info", "Periphery Info"); }

static Err docker_list(const struct read_call *c, const char *path)
{
  const struct server_status *s = status_get(c->api->status, c->target->id);
  yyjson_val *v = s ? json_path(s->root, path) : NULL;
  if (yyjson_is_arr(v))
    json_write(v, c->out);
  else
    buf_add_text(c->out, "[]");
  return OK;
}

static Err list_containers(const struct read_call *c) { return docker_list(c, "docker.containers"); }
static Err list_networks(const struct read_call *c) { return docker_list(c, "docker.networks"); }
static Err list_images(const struct read_call *c) { return docker_list(c, "docker.images"); }
static Err list_volumes(const struct read_call *c) { return docker_list(c, "docker.volumes"); }
static Err list_projects(const struct read_call *c) { return docker_list(c, "docker.projects"); }

/* ---- the table ---- */

static const struct {
  const char *name;
  Err (*run)(const struct read_call *call);
} fixed[] = {
  {"GetVersion", get_version},
  {"GetServerState", server_state},
  {"GetSystemInformation", system_information},
  {"GetSystemStats", system_stats},
  {"GetPeripheryInformation", periphery_information},
  {"ListContainers", list_containers},
  {"ListNetworks", list_networks},
  {"ListImages", list_images},
  {"ListVolumes", list_volumes},
  {"ListComposeProjects", list_projects},
};

/* "Get%s", with the type or its plural. */
static const struct {
  const char *before, *after;
  bool plural;
  Err (*run)(const struct read_call *call);
} generic[] = {
  {"Get", "", false, get_resource},
  {"List", "", true, list_items},
  {"ListFull", "", true, list_full},
  {"Get", "Summary", true, summary},
};

static void add(struct api *api, const char *name, Err (*run)(const struct read_call *call), enum kind kind)
{
  struct read_handler *h = mem_new(sizeof *h);
  *h = (struct read_handler){run, kind};
  char key[96];
  snprintf(key, sizeof key, "read/%s", name);
  mem_free(map_set(&api->handlers, str_of(key), h));
}

void reads_register(struct api *api)
{
  for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
    add(api, fixed[i].name, fixed[i].run, KIND_NONE);
  for (int k = 0; k < KIND_COUNT; k++)
    for (size_t i = 0; i < ARRAY_LEN(generic); i++) {
      char name[80];
      snprintf(name, sizeof name, "%s%s%s", generic[i].before, generic[i].plural ? kinds[k].plural : kinds[k].type, generic[i].after);
      add(api, name, generic[i].run, (enum kind)k);
    }
}

void reads_release(struct api *api)
{
  size_t at = 0;
  void *h;
  while (map_next(&api->handlers, &at, NULL, &h))
    mem_free(h);
  map_release(&api->handlers);
}
