/* auth/perm_index.c: see perm_index.h.
 *
 * users, groups: id -> the newest derived object. Records hang on a `subject` (a user or a group by id, whether or not
 * it has a row yet), keyed by type and id of the resource; two rows for the same pair form a chain and are joined.
 * Membership is inverted into user id -> groups when first asked after a change of groups. */
#include "auth/perm_index.h"

#include "base/id.h"
#include "base/map.h"
#include "base/mem.h"

enum { RECORD_KEY_MAX = 200, BUILTIN_COUNT = 9 };

struct record {
  struct record *next;      /* same subject and resource */
  struct subject *subject;  /* NULL once it counts no more */
  struct perm perm;
  char *row_id;
  char key[];               /* of the resource, see record_key */
};

struct subject {
  struct map records;       /* resource key -> struct record, first of a chain */
};

struct user {
  struct perm_user info;    /* first; id points at `id` below */
  struct perm all[RESOURCE_TYPE_COUNT];
  char id[];
};

struct group {
  struct perm all[RESOURCE_TYPE_COUNT];
  bool everyone;
  struct subject *subject;
  char **member;            /* user ids */
  size_t member_count;
  char id[];
};

struct membership {         /* groups of one user id */
  size_t count, cap;
  const void **group;
};

struct perm_index {
  bool transparent;
  struct map users, groups;
  struct map records;                         /* row id -> struct record */
  struct map user_subjects, group_subjects;   /* id -> struct subject, kept until the end */
  bool stale;                                 /* memberships are to be made anew */
  struct map memberships;                     /* user id -> struct membership */
  struct membership everyone;                 /* for users no group lists */
  struct user *builtin[BUILTIN_COUNT];
};

/* ---- subjects and records ---- */

static struct subject *subject_of(struct map *subjects, struct str id)
{
  struct subject *s = map_get(subjects, id);
  if (!s) {
    s = mem_new(sizeof *s);
    map_set(subjects, id, s);
  }
  return s;
}

static void subjects_free(struct map *subjects)
{
  size_t at = 0;
  void *value;
  while (map_next(subjects, &at, NULL, &value)) {
    struct subject *s = value;
    map_release(&s->records);
    mem_free(s);
  }
  map_release(subjects);
}

/* One character for the type, then the id. */
static struct str record_key(char text[RECORD_KEY_MAX], enum resource_type type, struct str id)
{
  size_t n = id.len < RECORD_KEY_MAX - 1 ? id.len : RECORD_KEY_MAX - 1;
  text[0] = (char)('A' + type);
  if (n)
    memcpy(text + 1, id.ptr, n);
  return str_make(text, n + 1);
}

static struct perm records_of(const struct subject *s, struct str key)
{
  struct perm perm = {0};
  for (const struct record *r = map_get(&s->records, key); r; r = r->next)
    perm = perm_join(perm, r->perm);
  return perm;
}

static void record_unlink(struct record *r)
{
  struct map *records = &r->subject->records;
  struct record *first = map_get(records, str_of(r->key));
  if (first == r && r->next)
    map_set(records, str_of(r->key), r->next);
  else if (first == r)
    map_remove(records, str_of(r->key));
  for (; first != r && first; first = first->next)
    if (first->next == r)
      first->next = r->next;
  r->subject = NULL;
  r->next = NULL;
}

static void forget_record(struct perm_index *index, struct str id)
{
  struct record *r = map_remove(&index->records, id);
  if (r)
    record_unlink(r);
}

void *perm_index_derive_record(yyjson_val *doc, struct str id, void *data)
{
  struct perm_index *index = data;
  yyjson_val *user = yyjson_obj_get(doc, "user_target"), *resource = yyjson_obj_get(doc, "resource_target");
  struct str who = json_get_str(user, "type"), user_id = json_get_str(user, "id"), resource_id = json_get_str(resource, "id");
  enum resource_type type;
  forget_record(index, id);
  bool is_group = str_eqc(who, "UserGroup");
  if ((!is_group && !str_eqc(who, "User")) || !user_id.len || !resource_id.len || resource_id.len >= RECORD_KEY_MAX ||
      memchr(resource_id.ptr, 0, resource_id.len) || !resource_type_parse(json_get_str(resource, "type"), &type))
    return NULL;
  char text[RECORD_KEY_MAX];
  struct str key = record_key(text, type, resource_id);
  struct record *r = mem_new(sizeof *r + key.len + 1);
  memcpy(r->key, key.ptr, key.len);
  r->row_id = str_dup(id);
  r->perm = perm_of_json(doc);   /* a record has the fields of a combined value */
  r->subject = subject_of(is_group ? &index->group_subjects : &index->user_subjects, user_id);
  r->next = map_set(&r->subject->records, key, r);
  map_set(&index->records, id, r);
  return r;
}

void perm_index_change_record(struct table *table, struct str id, const struct row *row, void *data)
{
  (void)table;
  if (!row)
    forget_record(data, id);
}

void perm_index_drop_record(void *ext, void *data)
{
  struct perm_index *index = data;
  struct record *r = ext;
  if (!r)
    return;
  if (r->subject) {
    map_remove(&index->records, str_of(r->row_id));
    record_unlink(r);
  }
  mem_free(r->row_id);
  mem_free(r);
}

/* ---- users and groups ---- */

static void read_all(yyjson_val *doc, struct perm all[RESOURCE_TYPE_COUNT])
{
  size_t i, max;
  yyjson_val *key, *value;
  yyjson_obj_foreach(yyjson_obj_get(doc, "all"), i, max, key, value) {
    enum resource_type type;
    if (resource_type_parse(json_str(key), &type))
      all[type] = perm_of_json(value);
  }
}

static struct user *user_new(struct str id)
{
  struct user *u = mem_new(sizeof *u + id.len + 1);
  memcpy(u->id, id.ptr, id.len);
  u->info.id = str_make(u->id, id.len);
  return u;
}

void *perm_index_derive_user(yyjson_val *doc, struct str id, void *data)
{
  struct perm_index *index = data;
  struct user *u = user_new(id);
  u->info.enabled = json_get_bool(doc, "enabled", false);
  u->info.admin = json_get_bool(doc, "admin", false);
  u->info.super_admin = json_get_bool(doc, "super_admin", false);
  u->info.create_servers = json_get_bool(doc, "create_server_permissions", false);
  u->info.create_builds = json_get_bool(doc, "create_build_permissions", false);
  read_all(doc, u->all);
  map_set(&index->users, id, u);
  return u;
}

void perm_index_drop_user(void *ext, void *data)
{
  struct perm_index *index = data;
  struct user *u = ext;
  if (!u)
    return;
  if (map_get(&index->users, u->info.id) == u)
    map_remove(&index->users, u->info.id);
  mem_free(u);
}

void perm_index_change_user(struct table *table, struct str id, const struct row *row, void *data)
{
  struct perm_index *index = data;
  (void)table;
  if (!row)
    map_remove(&index->users, id);
}

void *perm_index_derive_group(yyjson_val *doc, struct str id, void *data)
{
  struct perm_index *index = data;
  struct group *g = mem_new(sizeof *g + id.len + 1);
  memcpy(g->id, id.ptr, id.len);
  g->everyone = json_get_bool(doc, "everyone", false);
  g->subject = subject_of(&index->group_subjects, id);
  read_all(doc, g->all);
  yyjson_val *users = yyjson_obj_get(doc, "users"), *item;
  g->member = mem_new_array(yyjson_arr_size(users), sizeof *g->member);
  size_t i, max;
  yyjson_arr_foreach(users, i, max, item)
    if (yyjson_is_str(item))
      g->member[g->member_count++] = str_dup(json_str(item));
  map_set(&index->groups, id, g);
  index->stale = true;
  return g;
}

void perm_index_drop_group(void *ext, void *data)
{
  struct perm_index *index = data;
  struct group *g = ext;
  if (!g)
    return;
  if (map_get(&index->groups, str_of(g->id)) == g)
    map_remove(&index->groups, str_of(g->id));
  index->stale = true;
  for (size_t i = 0; i < g->member_count; i++)
    mem_free(g->member[i]);
  mem_free(g->member);
  mem_free(g);
}

void perm_index_change_group(struct table *table, struct str id, const struct row *row, void *data)
{
  struct perm_index *index = data;
  (void)table;
  if (row || !map_remove(&index->groups, id))
    return;
  index->stale = true;
}

/* ---- memberships ---- */

static void membership_add(struct membership *m, const struct group *g)
{
  if (m->count && m->group[m->count - 1] == g)
    return;   /* listed twice in the group */
  if (m->count == m->cap) {
    m->cap = m->cap ? m->cap * 2 : 4;
    m->group = mem_resize(m->group, m->cap * sizeof *m->group);
  }
  m->group[m->count++] = g;
}

static void memberships_clear(struct perm_index *index)
{
  size_t at = 0;
  void *value;
  while (map_next(&index->memberships, &at, NULL, &value)) {
    struct membership *m = value;
    mem_free(m->group);
    mem_free(m);
  }
  map_release(&index->memberships);
  mem_free(index->everyone.group);
  index->everyone = (struct membership){0};
}

static void memberships_make(struct perm_index *index)
{
  if (!index->stale)
    return;
  memberships_clear(index);
  index->stale = false;
  size_t at = 0;
  void *value;
  while (map_next(&index->groups, &at, NULL, &value)) {
    const struct group *g = value;
    if (g->everyone)
      membership_add(&index->everyone, g);
    for (size_t i = 0; i < g->member_count && !g->everyone; i++) {
      struct membership *m = map_get(&index->memberships, str_of(g->member[i]));
      if (!m) {
        m = mem_new(sizeof *m);
        map_set(&index->memberships, str_of(g->member[i]), m);
      }
      membership_add(m, g);
    }
  }
  at = 0;
  while (map_next(&index->memberships, &at, NULL, &value))
    for (size_t i = 0; i < index->everyone.count; i++)
      membership_add(value, index->everyone.group[i]);
}

/* ---- the index ---- */

struct perm_index *perm_index_new(bool transparent_mode)
{
  struct perm_index *index = mem_new(sizeof *index);
  index->transparent = transparent_mode;
  for (size_t i = 0; i < BUILTIN_COUNT; i++) {
    char id[OBJECT_ID_LEN + 1];
    snprintf(id, sizeof id, "%024zu", i);
    struct user *u = index->builtin[i] = user_new(str_of(id));
    u->info.enabled = u->info.admin = u->info.create_servers = u->info.create_builds = true;
  }
  return index;
}

void perm_index_free(struct perm_index *index)
{
  if (!index)
    return;
  memberships_clear(index);
  for (size_t i = 0; i < BUILTIN_COUNT; i++)
    mem_free(index->builtin[i]);
  subjects_free(&index->user_subjects);
  subjects_free(&index->group_subjects);
  map_release(&index->records);
  map_release(&index->users);
  map_release(&index->groups);
  mem_free(index);
}

static const struct user *find_user(const struct perm_index *index, struct str id)
{
  const struct user *u = map_get(&index->users, id);
  for (size_t i = 0; i < BUILTIN_COUNT && !u; i++)
    if (str_eq(index->builtin[i]->info.id, id))
      u = index->builtin[i];
  return u;
}

const struct perm_user *perm_index_user(const struct perm_index *index, struct str user_id)
{
  const struct user *u = find_user(index, user_id);
  return u ? &u->info : NULL;
}

Err perm_viewer_init(struct perm_viewer *v, struct perm_index *index, struct str user_id)
{
  const struct user *u = find_user(index, user_id);
  if (!u)
    return ERR_NOTFOUND;
  memberships_make(index);
  const struct membership *m = map_get(&index->memberships, user_id);
  if (!m)
    m = &index->everyone;
  *v = (struct perm_viewer){.user = &u->info,
                            .subject = map_get(&index->user_subjects, user_id),
                            .group = m->group,
                            .group_count = m->count,
                            .transparent = index->transparent,
                            .index = index};
  for (size_t t = 0; t < RESOURCE_TYPE_COUNT; t++) {
    v->all[t] = u->all[t];
    for (size_t i = 0; i < m->count; i++)
      v->all[t] = perm_join(v->all[t], ((const struct group *)m->group[i])->all[t]);
  }
  return OK;
}

struct str perm_viewer_group(const struct perm_viewer *v, size_t at)
{
  return at < v->group_count ? str_of(((const struct group *)v->group[at])->id) : STR_NONE;
}

struct perm perm_effective(const struct perm_viewer *v, enum resource_type type, struct str id, struct perm base,
                           const struct perm_parent *parent)
{
  struct perm_sources s = {.admin = v->user->admin, .transparent = v->transparent, .base = base};
  if (s.admin)
    return perm_evaluate(&s);
  char text[RECORD_KEY_MAX];
  struct str key = record_key(text, type, id);
  struct perm grant = v->all[type];
  if (v->subject)
    grant = perm_join(grant, records_of(v->subject, key));
  for (size_t i = 0; i < v->group_count; i++)
    grant = perm_join(grant, records_of(((const struct group *)v->group[i])->subject, key));
  s.grant = &grant;
  s.grant_count = 1;
  if (parent && (type == RESOURCE_STACK || type == RESOURCE_DEPLOYMENT))
    s.inherited = perm_effective(v, parent->type, parent->id, parent->base, NULL).specific;
  return perm_evaluate(&s);
}

bool perm_sees_all(const struct perm_viewer *v, enum resource_type type, struct perm need)
{
  struct perm_sources s = {.admin = v->user->admin, .transparent = v->transparent, .grant = &v->all[type], .grant_count = 1};
  return perm_allows(perm_evaluate(&s), need);
}
