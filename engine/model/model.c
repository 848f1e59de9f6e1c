/* model/model.c: see model.h. */
#include "model/model.h"

#include <assert.h>

#include "base/mem.h"

enum { ITEM_INFO_MAX = 16 * 1024 * 1024 };

static const struct {
  const char *collection, *name_path;
} table_of[TABLE_COUNT] = {
  [TABLE_USER] = {"User", "username"},
  [TABLE_USER_GROUP] = {"UserGroup", "name"},
  [TABLE_PERMISSION] = {"Permission", NULL},
  [TABLE_API_KEY] = {"ApiKey", NULL},
  [TABLE_TAG] = {"Tag", "name"},
  [TABLE_VARIABLE] = {"Variable", "name"},
  [TABLE_GIT_ACCOUNT] = {"GitProviderAccount", NULL},
  [TABLE_REGISTRY_ACCOUNT] = {"ImageRegistryAccount", NULL},
  [TABLE_ONBOARDING_KEY] = {"OnboardingKey", NULL},
};

/* ---- what is kept beside a row ---- */

struct derive_data {
  struct model *model;
  enum kind kind;
  struct map names;   /* id -> name last seen: the items of others show names */
};

static void *resource_derive(yyjson_val *doc, struct str id, void *data)
{
  struct derive_data *d = data;
  struct resource *r = mem_new(sizeof *r);
  r->id = str_make(str_dup(id), id.len);
  r->kind = d->kind;
  r->is_template = json_get_bool(doc, "template", false);
  yyjson_val *tags = yyjson_obj_get(doc, "tags"), *tag;
  size_t i, n;
  r->tags = mem_new_array(yyjson_arr_size(tags), sizeof *r->tags);
  yyjson_arr_foreach(tags, i, n, tag) {
    struct str t = json_str(tag);
    r->tags[r->tag_count++] = str_make(str_dup(t), t.len);
  }
  r->base = perm_of_json(yyjson_obj_get(doc, "base_permission"));
  if (d->kind == KIND_STACK || d->kind == KIND_DEPLOYMENT) {
    yyjson_val *config = yyjson_obj_get(doc, "config");
    struct str swarm = json_get_str(config, "swarm_id"), server = json_get_str(config, "server_id");
    r->attached_kind = swarm.len ? KIND_SWARM : KIND_SERVER;
    r->attached = str_dup(swarm.len ? swarm : server);
  }
  return r;
}

static void resource_drop(void *ext, void *data)
{
  (void)data;
  struct resource *r = ext;
  for (size_t i = 0; i < r->tag_count; i++)
    mem_free((char *)(uintptr_t)r->tags[i].ptr);
  mem_free(r->tags);
  mem_free((char *)(uintptr_t)r->id.ptr);
  mem_free(r->attached);
  mem_free(r->item);
  mem_free(r);
}

static void on_resource_change(struct table *table, struct str id, const struct row *row, void *data)
{
  (void)table;
  struct derive_data *d = data;
  char *known = map_get(&d->names, id);
  if (!row || !known || !str_eqc(row->name, known)) {
    if (row)
      map_set(&d->names, id, str_dup(row->name));
    else
      map_remove(&d->names, id);
    mem_free(known);
    model_touch(d->model, KIND_NONE, STR_NONE);
  }
  d->model->versions[d->kind]++;
  if (d->model->on_change)
    d->model->on_change(d->model->on_change_data, d->kind, id, row);
}

/* ---- life ---- */

struct model_private {
  struct model m;
  struct derive_data derive[KIND_COUNT];
};

static Err open_resources(struct model_private *p, struct diag *reterr)
{
  for (int i = 0; i < KIND_COUNT; i++) {
    p->derive[i] = (struct derive_data){.model = &p->m, .kind = (enum kind)i};
    struct table_config c = {.collection = kinds[i].collection, .name_path = "name", .derive = resource_derive,
                             .drop = resource_drop, .on_change = on_resource_change, .data = &p->derive[i]};
    Err err = table_open(p->m.store, &c, &p->m.resources[i], reterr);
    if (err)
      return err;
  }
  return OK;
}

/* Users, groups and permission records also feed the permission index. */
static Err open_tables(struct model *m, struct diag *reterr)
{
  static const struct {
    void *(*derive)(yyjson_val *doc, struct str id, void *data);
    void (*drop)(void *ext, void *data);
    void (*change)(struct table *table, struct str id, const struct row *row, void *data);
  } access[TABLE_COUNT] = {
    [TABLE_USER] = {perm_index_derive_user, perm_index_drop_user, perm_index_change_user},
    [TABLE_USER_GROUP] = {perm_index_derive_group, perm_index_drop_group, perm_index_change_group},
    [TABLE_PERMISSION] = {perm_index_derive_record, perm_index_drop_record, perm_index_change_record},
  };
  for (int i = 0; i < TABLE_COUNT; i++) {
    struct table_config c = {.collection = table_of[i].collection, .name_path = table_of[i].name_path,
                             .derive = access[i].derive, .drop = access[i].drop, .on_change = access[i].change, .data = m->perms};
    Err err = table_open(m->store, &c, &m->tables[i], reterr);
    if (err)
      return err;
  }
  return OK;
}

Err model_open(const struct model_config *config, struct model **ret_model, struct diag *reterr)
{
  struct model_private *p = mem_new(sizeof *p);
  p->m.loop = config->loop;
  p->m.store = config->store;
  p->m.schema = config->schema;
  p->m.page_limit = config->page_limit;
  p->m.perms = perm_index_new(config->transparent);
  Err err = open_resources(p, reterr);
  if (!err)
    err = open_tables(&p->m, reterr);
  if (err) {
    model_free(&p->m);
    return err;
  }
  *ret_model = &p->m;
  return OK;
}

void model_free(struct model *model)
{
  if (!model)
    return;
  for (int i = 0; i < KIND_COUNT; i++)
    table_free(model->resources[i]);
  for (int i = 0; i < TABLE_COUNT; i++)
    table_free(model->tables[i]);
  perm_index_free(model->perms);
  struct model_private *p = CONTAINER_OF(model, struct model_private, m);
  for (int i = 0; i < KIND_COUNT; i++) {
    size_t at = 0;
    void *name;
    while (map_next(&p->derive[i].names, &at, NULL, &name))
      mem_free(name);
    map_release(&p->derive[i].names);
  }
  mem_free(p);
}

struct table *model_table(const struct model *model, struct str collection)
{
  for (int i = 0; i < KIND_COUNT; i++)
    if (str_eqc(collection, kinds[i].collection))
      return model->resources[i];
  for (int i = 0; i < TABLE_COUNT; i++)
    if (str_eqc(collection, table_of[i].collection))
      return model->tables[i];
  return NULL;
}

/* ---- list items ---- */

static void forget_item(const struct row *row)
{
  struct resource *r = row->ext;
  mem_free(r->item);
  r->item = NULL;
}

void model_touch(struct model *model, enum kind kind, struct str id)
{
  if (id.len) {
    const struct row *row = table_get(model->resources[kind], id);
    if (row)
      forget_item(row);
    return;
  }
  for (int i = 0; i < KIND_COUNT; i++) {
    if (kind != KIND_NONE && (int)kind != i)
      continue;
    size_t count;
    const struct row *const *rows = table_sorted(model->resources[i], &count);
    for (size_t k = 0; k < count; k++)
      forget_item(rows[k]);
  }
}

static void write_item(const struct row *row, struct str info, struct buf *out)
{
  const struct resource *r = row->ext;
  buf_printf(out, "{\"id\":\"%.*s\",\"type\":\"%s\",\"name\":", STR_ARG(row->id), kinds[r->kind].type);
  buf_add_json(out, row->name);
  buf_printf(out, ",\"template\":%s,\"tags\":[", r->is_template ? "true" : "false");
  for (size_t i = 0; i < r->tag_count; i++) {
    if (i)
      buf_add_char(out, ',');
    buf_add_json(out, r->tags[i]);
  }
  buf_add_text(out, "],\"info\":");
  buf_add_str(out, info);
  buf_add_char(out, '}');
}

struct str model_item(struct model *model, const struct row *row)
{
  struct resource *r = row->ext;
  if (r->item)
    return str_make(r->item, r->item_len);
  CLEANUP(buf_release) struct buf info = BUF_INIT(ITEM_INFO_MAX);
  if (!model->make_info || !model->make_info(model->make_info_data, r->kind, row, &info, r->bucket))
    return STR_NONE;
  CLEANUP(json_doc_free) yyjson_doc *doc = NULL;
  if (json_parse(buf_str(&info), &doc, /* reterr= */ NULL))
    return STR_NONE;
  yyjson_val *root = yyjson_doc_get_root(doc);
  snprintf(r->state, sizeof r->state, "%.*s", STR_ARG(json_get_str(root, "state")));
  r->update_available = json_get_bool(root, "update_available", false);
  CLEANUP(buf_release) struct buf item = BUF_INIT(ITEM_INFO_MAX * 2);
  write_item(row, buf_str(&info), &item);
  if (buf_err(&item))
    return STR_NONE;
  r->item_len = item.len;
  r->item = buf_take(&item);
  return str_make(r->item, r->item_len);
}

/* ---- permissions ---- */

/* The two tables of resource types are in one order (spec api.md 4). */
static_assert((int)KIND_SWARM == RESOURCE_SWARM && (int)KIND_RESOURCE_SYNC == RESOURCE_SYNC && (int)KIND_COUNT == RESOURCE_TYPE_COUNT,
              "kinds.h and auth/perm.h differ");
static enum resource_type type_of(enum kind kind) { return (enum resource_type)kind; }

Err viewer_init(const struct model *model, struct str user_id, struct viewer *ret)
{
  *ret = (struct viewer){0};
  if (perm_viewer_init(&ret->perm, model->perms, user_id))
    return ERR_AUTH;
  ret->admin = ret->perm.user->admin;
  return OK;
}

struct perm model_perm(const struct model *model, const struct viewer *viewer, const struct row *row)
{
  const struct resource *r = row->ext;
  const struct row *host = r->attached && r->attached[0]
    ? table_get(model->resources[r->attached_kind], str_of(r->attached)) : NULL;
  if (!host)
    return perm_effective(&viewer->perm, type_of(r->kind), r->id, r->base, /* parent= */ NULL);
  struct perm_parent parent = {type_of(r->attached_kind), host->id, model_resource(host)->base};
  return perm_effective(&viewer->perm, type_of(r->kind), r->id, r->base, &parent);
}

Err model_require(const struct model *model, const struct viewer *viewer, enum kind kind, struct str id_or_name,
                  struct perm need, const struct row **ret_row, struct diag *reterr)
{
  const char *type = kinds[kind].type;
  if (id_or_name.len == 0)
    return diag_set(reterr, ERR_NOTFOUND, "Cannot find %s with empty name / id", type);
  const struct row *row = table_resolve(model->resources[kind], id_or_name);
  if (!row)
    return diag_set(reterr, ERR_NOTFOUND, "Did not find any %s matching %.*s", type, STR_ARG(id_or_name));
  if (!perm_allows(model_perm(model, viewer, row), need))
    return perm_refuse(reterr, type_of(kind), need);
  *ret_row = row;
  return OK;
}
