/* auth/perm_index.h: who may do what, in memory: an index over users, user groups and permission records.
 *
 * The functions perm_index_derive_*, _drop_* and _change_* have the shape of a table's derive, drop and on_change hooks
 * (store/table.h), with the index as data: at load and at every swap of a row the index follows by itself. Whoever
 * keeps more than this beside a row calls them from hooks of its own. A row replaced stops counting when the new one is
 * derived, a row removed when its change is told; tables drop old rows later, which only frees them.
 *
 * Where Komodo's lists look at one record only, all records are joined (spec auth.md 6).
 *
 * Thread   loop thread.
 * Memory   the index outlives its tables; every derived object is freed by its drop.
 */
#ifndef AUTH_PERM_INDEX_H
#define AUTH_PERM_INDEX_H

#include "auth/perm.h"
#include "store/table.h"

struct perm_index;
struct perm_index *perm_index_new(bool transparent_mode);
void perm_index_free(struct perm_index *index);   /* after the tables; NULL is fine */

/* What is known of a user besides permissions; built-in users (spec auth.md 2.1) are there without a row. */
struct perm_user {
  struct str id;
  bool enabled, admin, super_admin;
  bool create_servers, create_builds;
};
const struct perm_user *perm_index_user(const struct perm_index *index, struct str user_id);   /* NULL: none such */

/* ---- hooks ---- */
void *perm_index_derive_user(yyjson_val *doc, struct str id, void *index);
void perm_index_drop_user(void *ext, void *index);
void perm_index_change_user(struct table *table, struct str id, const struct row *row, void *index);
void *perm_index_derive_group(yyjson_val *doc, struct str id, void *index);
void perm_index_drop_group(void *ext, void *index);
void perm_index_change_group(struct table *table, struct str id, const struct row *row, void *index);
/* NULL for a record that names nothing we know. */
void *perm_index_derive_record(yyjson_val *doc, struct str id, void *index);
void perm_index_drop_record(void *ext, void *index);
void perm_index_change_record(struct table *table, struct str id, const struct row *row, void *index);

/* ---- answers ---- */

/* One user looking at many resources: what is the same for all is worked out once. Valid until the index changes. */
struct perm_viewer {
  const struct perm_user *user;
  const void *subject;                       /* records of the user */
  const void *const *group;                  /* groups, and their records */
  size_t group_count;
  bool transparent;
  struct perm all[RESOURCE_TYPE_COUNT];      /* what the user has on every resource of the type */
  const struct perm_index *index;
};
/* ERR_NOTFOUND: no such user. A disabled user has what was granted: whether they may call at all is asked elsewhere. */
NODISCARD Err perm_viewer_init(struct perm_viewer *v, struct perm_index *index, struct str user_id);

/* The resource a Stack or Deployment is attached to: its Swarm, else its Server (spec auth.md 2.5). */
struct perm_parent {
  enum resource_type type;
  struct str id;
  struct perm base;         /* base_permission of it */
};
/* Effective permission on one resource; `parent` NULL: none. */
struct perm perm_effective(const struct perm_viewer *v, enum resource_type type, struct str id, struct perm base,
                           const struct perm_parent *parent);
/* Everything of this type passes, so a list need not look at single resources. */
bool perm_sees_all(const struct perm_viewer *v, enum resource_type type, struct perm need);
/* The groups of the user, by id, for lists of groups and their permissions. */
struct str perm_viewer_group(const struct perm_viewer *v, size_t at);

#endif
