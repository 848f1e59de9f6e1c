/* agent/docker_list.c: see docker_list.h. */
#include "agent/docker_list.h"

#include "agent/runlog.h"

enum { COMPOSE_TIMEOUT_MS = 1000 };

static int compare_texts(const void *a, const void *b) { return str_cmp(*(const struct str *)a, *(const struct str *)b); }

static struct str or_empty(struct str s) { return s.ptr ? s : STR(""); }

/* ---- containers */

/* The last of its names, without slashes (a linked container has several). */
static struct str container_name(struct arena *a, yyjson_val *item)
{
  struct str raw = js_str(yyjson_arr_get_last(yyjson_obj_get(item, "Names")));
  char *name = arena_new(a, raw.len + 1);
  size_t len = 0;
  for (size_t i = 0; i < raw.len; i++)
    if (raw.ptr[i] != '/')
      name[len++] = raw.ptr[i];
  return str_make(name, len);
}

static void read_networks(struct arena *a, yyjson_val *item, struct container *c)
{
  yyjson_val *networks = yyjson_obj_get(yyjson_obj_get(item, "NetworkSettings"), "Networks"), *key, *value;
  struct str *list = arena_new(a, (yyjson_obj_size(networks) + 1) * sizeof *list);
  size_t i, max;
  yyjson_obj_foreach(networks, i, max, key, value)
    list[c->network_count++] = js_str(key);
  qsort(list, c->network_count, sizeof *list, compare_texts);
  c->networks = list;
}

static void read_volumes(struct arena *a, yyjson_val *item, struct container *c)
{
  yyjson_val *mounts = yyjson_obj_get(item, "Mounts"), *mount;
  struct str *list = arena_new(a, (yyjson_arr_size(mounts) + 1) * sizeof *list);
  size_t i, max;
  yyjson_arr_foreach(mounts, i, max, mount) {
    struct str name = js_get_str(mount, "Name");
    if (name.len)
      list[c->volume_count++] = name;
  }
  c->volumes = list;
}

static void read_container(struct arena *a, yyjson_val *item, struct container *c)
{
  struct str skip = js_get_str(yyjson_obj_get(item, "Labels"), "komodo.skip");
  *c = (struct container){.name = container_name(a, item), .id = js_get_str(item, "Id"),
                          .image_id = js_get_str(item, "ImageID"), .state = js_get_str(item, "State"),
                          .network_mode = js_get_str(yyjson_obj_get(item, "HostConfig"), "NetworkMode"),
                          .skip = skip.ptr && !str_eqc(skip, "false"), .item = item};
  read_networks(a, item, c);
  read_volumes(a, item, c);
}

/* `container:<id>` becomes that container's mode. */
static void resolve_network_mode(struct container_list *list, struct container *c)
{
  static const char prefix[] = "container:";
  if (!str_starts(c->network_mode, STR("container:")))
    return;
  struct str id = str_sub(c->network_mode, strlen(prefix), c->network_mode.len);
  c->network_mode = STR_NONE;
  for (size_t i = 0; i < list->count; i++)
    if (str_eq(list->container[i].id, id) && !str_starts(list->container[i].network_mode, STR("container:")))
      c->network_mode = list->container[i].network_mode;
}

static size_t state_rank(struct str state)
{
  static const char *const order[] = {"running", "created", "restarting", "stopping", "removing", "paused", "exited", "dead"};
  size_t i = 0;
  while (i < ARRAY_LEN(order) && !str_eqc(state, order[i]))
    i++;
  return i;
}

static int compare_containers(const void *a, const void *b)
{
  const struct container *x = a, *y = b;
  size_t p = state_rank(x->state), q = state_rank(y->state);
  return p != q ? (p > q) - (p < q) : str_cmp(x->name, y->name);
}

Err container_list_get(struct arena *a, const struct docker *docker, struct container_list *ret, struct diag *reterr)
{
  yyjson_doc *doc;
  Err err = docker_get(docker, "/containers/json?all=true", &doc, reterr);
  if (err)
    return err;
  yyjson_val *root = yyjson_doc_get_root(doc), *item;
  struct container_list list = {.doc = doc};
  list.container = arena_new(a, (yyjson_arr_size(root) + 1) * sizeof *list.container);
  size_t i, max;
  yyjson_arr_foreach(root, i, max, item) {
    struct container *c = &list.container[list.count];
    read_container(a, item, c);
    if (c->name.len && c->state.ptr)
      list.count++;
  }
  for (i = 0; i < list.count; i++)
    resolve_network_mode(&list, &list.container[i]);
  qsort(list.container, list.count, sizeof *list.container, compare_containers);
  *ret = list;
  return OK;
}

void container_list_release(struct container_list *list) { yyjson_doc_free(list->doc); }

static void put_texts(struct buf *out, const char *key, const struct str *list, size_t count)
{
  if (!count)
    return;
  js_key(out, key);
  buf_add_char(out, '[');
  for (size_t i = 0; i < count; i++)
    js_item_str(out, list[i]);
  buf_add_char(out, ']');
}

static void put_if(struct buf *out, const char *key, yyjson_val *object, const char *from)
{
  if (js_present(object, from))
    js_put_value(out, key, yyjson_obj_get(object, from));
}

static void put_ports(struct buf *out, yyjson_val *ports)
{
  if (!yyjson_arr_size(ports))
    return;
  size_t i, max;
  yyjson_val *p;
  js_key(out, "ports");
  buf_add_char(out, '[');
  yyjson_arr_foreach(ports, i, max, p) {
    js_open(out, '{');
    js_put_str(out, "IP", js_get_str(p, "IP"));
    js_put_value(out, "PrivatePort", yyjson_obj_get(p, "PrivatePort"));
    js_put_value(out, "PublicPort", yyjson_obj_get(p, "PublicPort"));
    js_put_str(out, "Type", or_empty(js_get_str(p, "Type")));
    buf_add_char(out, '}');
  }
  buf_add_char(out, ']');
}

static yyjson_val *find_stats(yyjson_val *stats, struct str name)
{
  size_t i, max;
  yyjson_val *s;
  yyjson_arr_foreach(stats, i, max, s)
    if (str_eq(js_get_str(s, "name"), name))
      return s;
  return NULL;
}

static void write_containers(const struct container_list *list, yyjson_val *stats, struct buf *out)
{
  js_key(out, "containers");
  buf_add_char(out, '[');
  for (size_t i = 0; i < list->count; i++) {
    const struct container *c = &list->container[i];
    js_open(out, '{');
    js_put_str(out, "name", c->name);
    put_if(out, "id", c->item, "Id");
    put_if(out, "image", c->item, "Image");
    put_if(out, "image_id", c->item, "ImageID");
    put_if(out, "created", c->item, "Created");
    put_if(out, "size_rw", c->item, "SizeRw");
    put_if(out, "size_root_fs", c->item, "SizeRootFs");
    js_put_str(out, "state", c->state);
    put_if(out, "status", c->item, "Status");
    if (c->network_mode.ptr)
      js_put_str(out, "network_mode", c->network_mode);
    put_texts(out, "networks", c->networks, c->network_count);
    put_ports(out, yyjson_obj_get(c->item, "Ports"));
    put_texts(out, "volumes", c->volumes, c->volume_count);
    yyjson_val *s = find_stats(stats, c->name);
    if (s)
      js_put_value(out, "stats", s);
    buf_add_char(out, '}');
  }
  buf_add_char(out, ']');
}

/* ---- the lists that are sorted by use, then name */

struct named {
  struct str name;
  bool in_use;
  yyjson_val *item;
};

static int compare_named(const void *a, const void *b)
{
  const struct named *x = a, *y = b;
  return x->in_use != y->in_use ? (x->in_use ? 1 : -1) : str_cmp(x->name, y->name);
}

enum use { USE_NETWORK, USE_IMAGE, USE_VOLUME };

static bool is_used(const struct container_list *list, enum use use, struct str what)
{
  for (size_t i = 0; i < list->count; i++) {
    const struct container *c = &list->container[i];
    const struct str *names = use == USE_NETWORK ? c->networks : c->volumes;
    size_t count = use == USE_NETWORK ? c->network_count : c->volume_count;
    if (use == USE_IMAGE && str_eq(c->image_id, what))
      return true;
    for (size_t k = 0; use != USE_IMAGE && k < count; k++)
      if (str_eq(names[k], what))
        return true;
  }
  return false;
}

static void write_network(const struct named *n, struct buf *out)
{
  yyjson_val *ipam = yyjson_obj_get(n->item, "IPAM"), *config = yyjson_arr_get_first(yyjson_obj_get(ipam, "Config"));
  static const struct { const char *ours, *docker; } fields[] = {
    {"name", "Name"}, {"id", "Id"}, {"created", "Created"}, {"scope", "Scope"}, {"driver", "Driver"},
    {"enable_ipv6", "EnableIPv6"},
  };
  static const struct { const char *ours, *docker; } flags[] = {
    {"internal", "Internal"}, {"attachable", "Attachable"}, {"ingress", "Ingress"},
  };
  for (size_t i = 0; i < ARRAY_LEN(fields); i++)
    js_put_value(out, fields[i].ours, yyjson_obj_get(n->item, fields[i].docker));
  js_put_str(out, "ipam_driver", js_get_str(ipam, "Driver"));
  js_put_str(out, "ipam_subnet", js_get_str(config, "Subnet"));
  js_put_str(out, "ipam_gateway", js_get_str(config, "Gateway"));
  for (size_t i = 0; i < ARRAY_LEN(flags); i++)
    js_put_value(out, flags[i].ours, yyjson_obj_get(n->item, flags[i].docker));
}

static void put_list(struct buf *out, const char *key, yyjson_val *list)
{
  if (yyjson_is_arr(list))
    js_put_value(out, key, list);
  else
    js_put_raw(out, key, STR("[]"));
}

static void write_image(const struct named *n, struct buf *out)
{
  js_put_str(out, "id", or_empty(js_get_str(n->item, "Id")));
  js_put_str(out, "parent_id", or_empty(js_get_str(n->item, "ParentId")));
  js_put_str(out, "name", n->name);
  put_list(out, "tags", yyjson_obj_get(n->item, "RepoTags"));
  put_list(out, "digests", yyjson_obj_get(n->item, "RepoDigests"));
  js_put_int(out, "created", js_get_int(n->item, "Created", 0));
  js_put_int(out, "size", js_get_int(n->item, "Size", 0));
}

static void write_volume(const struct named *n, struct buf *out)
{
  js_put_str(out, "name", n->name);
  js_put_str(out, "driver", or_empty(js_get_str(n->item, "Driver")));
  js_put_str(out, "mountpoint", or_empty(js_get_str(n->item, "Mountpoint")));
  js_put_str(out, "created", js_get_str(n->item, "CreatedAt"));
  js_put_str(out, "scope", or_empty(js_get_str(n->item, "Scope")));
  js_put_value(out, "size", yyjson_obj_get(yyjson_obj_get(n->item, "UsageData"), "Size"));
}

struct list_kind {
  const char *key, *path;
  const char *member;        /* where the list is in the answer; NULL: it is the answer */
  enum use use;
  void (*write)(const struct named *n, struct buf *out);
};

static void write_named_list(struct arena *a, const struct docker *docker, const struct list_kind *kind,
                             const struct container_list *containers, struct buf *out)
{
  CLEANUP(js_doc_free) yyjson_doc *doc = NULL;
  yyjson_val *root = docker_get(docker, kind->path, &doc, NULL) ? NULL : yyjson_doc_get_root(doc), *item;
  if (kind->member)
    root = yyjson_obj_get(root, kind->member);
  struct named *list = arena_new(a, (yyjson_arr_size(root) + 1) * sizeof *list);
  size_t i, max, count = 0;
  yyjson_arr_foreach(root, i, max, item) {
    struct str name = js_get_str(item, "Name"), id = js_get_str(item, "Id");
    if (kind->use == USE_IMAGE)
      name = js_str(yyjson_arr_get_first(yyjson_obj_get(item, "RepoTags")));
    name = name.len ? name : or_empty(id);
    list[count++] = (struct named){name, is_used(containers, kind->use, kind->use == USE_IMAGE ? id : name), item};
  }
  qsort(list, count, sizeof *list, compare_named);
  js_key(out, kind->key);
  buf_add_char(out, '[');
  for (i = 0; i < count; i++) {
    js_open(out, '{');
    kind->write(&list[i], out);
    js_put_bool(out, "in_use", list[i].in_use);
    buf_add_char(out, '}');
  }
  buf_add_char(out, ']');
}

/* ---- compose projects */

static struct str either(yyjson_val *item, const char *upper, const char *lower)
{
  struct str s = js_get_str(item, upper);
  return or_empty(s.ptr ? s : js_get_str(item, lower));
}

static int compare_projects(const void *a, const void *b)
{
  yyjson_val *x = *(yyjson_val *const *)a, *y = *(yyjson_val *const *)b;
  int by_status = str_cmp(either(x, "Status", "status"), either(y, "Status", "status"));
  return by_status ? by_status : str_cmp(either(x, "Name", "name"), either(y, "Name", "name"));
}

static void write_project(yyjson_val *item, struct buf *out)
{
  struct str rest = either(item, "ConfigFiles", "configFiles"), file;
  js_open(out, '{');
  js_put_str(out, "name", either(item, "Name", "name"));
  js_put_str(out, "status", either(item, "Status", "status"));
  js_key(out, "compose_files");
  buf_add_char(out, '[');
  while (str_split(&rest, ',', &file))
    js_item_str(out, file);
  buf_add_text(out, "]}");
}

static void write_projects(struct arena *a, const struct settings *settings, struct buf *out)
{
  struct str command = text_printf(a, "%.*s ls --all --format json", STR_ARG(settings_compose(settings)));
  struct exec_result r;
  exec_run(&(struct exec_spec){.argv = text_split_words(a, command).word, .timeout_ms = COMPOSE_TIMEOUT_MS}, &r);
  CLEANUP(js_doc_free) yyjson_doc *doc = NULL;
  bool good = r.end == EXEC_EXITED && r.code == 0 && !js_parse(buf_str(&r.output[EXEC_STDOUT]), &doc, NULL);
  exec_release(&r);
  yyjson_val *root = good ? yyjson_doc_get_root(doc) : NULL, *item;
  yyjson_val **list = arena_new(a, (yyjson_arr_size(root) + 1) * sizeof *list);
  size_t i, max, count = 0;
  yyjson_arr_foreach(root, i, max, item)
    if (either(item, "Name", "name").len)
      list[count++] = item;
  qsort(list, count, sizeof *list, compare_projects);
  js_key(out, "projects");
  buf_add_char(out, '[');
  for (i = 0; i < count; i++)
    write_project(list[i], out);
  buf_add_char(out, ']');
}

void docker_lists_write(struct arena *a, const struct docker *docker, const struct settings *settings, struct str stats,
                        struct buf *out)
{
  static const struct list_kind kinds[] = {
    {"networks", "/networks", NULL, USE_NETWORK, write_network},
    {"images", "/images/json", NULL, USE_IMAGE, write_image},
    {"volumes", "/volumes", "Volumes", USE_VOLUME, write_volume},
  };
  CLEANUP(js_doc_free) yyjson_doc *cached = NULL;
  struct container_list list = {0};
  if (container_list_get(a, docker, &list, NULL))
    list = (struct container_list){0};
  yyjson_val *known = stats.len && !js_parse(stats, &cached, NULL) ? yyjson_doc_get_root(cached) : NULL;
  js_open(out, '{');
  write_containers(&list, known, out);
  for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
    write_named_list(a, docker, &kinds[i], &list, out);
  write_projects(a, settings, out);
  buf_add_char(out, '}');
  container_list_release(&list);
}
