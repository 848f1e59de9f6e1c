/* model/model.h: what the engine knows: all resources, users, tags … in memory, with the list item of each resource.
 *
 * A list item's `info` depends on more than the stored document (states, names of linked resources), so it is made by
 * policy and kept until something it depends on changes: model_touch(). Between changes a list is spliced from text.
 *
 * Thread   loop thread.
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "auth/perm.h"
#include "auth/perm_index.h"
#include "doc/schema.h"
#include "model/kinds.h"
#include "store/table.h"

/* What the tables keep beside a resource's JSON. */
struct resource {
  struct str id;
  enum kind kind;
  bool is_template;
  struct str *tags;
  size_t tag_count;
  struct perm base;             /* base_permission */
  char *attached;               /* swarm id, else server id, of stacks and deployments: specifics are inherited from it */
  enum kind attached_kind;
  char *item;                   /* list item JSON; NULL: to be made */
  size_t item_len;
  char state[16];               /* `info.state` of the item, "" without one */
  char bucket[16];              /* state the summary counts it under when that is another one, else "" */
  bool update_available;
};

enum table_id {
  TABLE_USER, TABLE_USER_GROUP, TABLE_PERMISSION, TABLE_API_KEY, TABLE_TAG, TABLE_VARIABLE, TABLE_GIT_ACCOUNT,
  TABLE_REGISTRY_ACCOUNT, TABLE_ONBOARDING_KEY, TABLE_COUNT
};

struct model {
  struct op_loop *loop;
  struct store *store;
  const struct schema *schema;
  struct table *resources[KIND_COUNT];
  struct table *tables[TABLE_COUNT];
  struct perm_index *perms;
  uint64_t page_limit;           /* config default_pagination_limit */
  /* Makes the `info` of a list item as JSON, and the summary's state where it is not info.state; set by the script
   * layer. False: `out` is to be ignored. */
  bool (*make_info)(void *data, enum kind kind, const struct row *row, struct buf *out, char ret_bucket[16]);
  void *make_info_data;
  /* A resource changed (row NULL: it is gone). Set by the layers above; may be NULL. */
  void (*on_change)(void *data, enum kind kind, struct str id, const struct row *row);
  void *on_change_data;
  uint64_t versions[KIND_COUNT]; /* how often a resource of the kind changed */
};

struct model_config {
  struct op_loop *loop;
  struct store *store;
  const struct schema *schema;
  bool transparent;
  uint64_t page_limit;
};

/* Loads every table (blocking: before the loop runs). */
NODISCARD Err model_open(const struct model_config *config, struct model **ret_model, struct diag *reterr);
void model_free(struct model *model);

struct table *model_table(const struct model *model, struct str collection);   /* resource or other table; NULL: unknown */
static inline struct resource *model_resource(const struct row *row) { return row->ext; }

/* The list item of a resource must be made anew; KIND_NONE: of all; id empty: of all of the kind. */
void model_touch(struct model *model, enum kind kind, struct str id);
/* The whole list item, made now if need be; ptr NULL when policy failed to make one. */
struct str model_item(struct model *model, const struct row *row);

/* Who asks, with what is the same for every resource worked out once. Built-in users (spec api.md 11.3) are known too. */
struct viewer {
  bool admin;
  struct perm_viewer perm;
};
/* ERR_AUTH: no such user. */
NODISCARD Err viewer_init(const struct model *model, struct str user_id, struct viewer *ret);

struct perm model_perm(const struct model *model, const struct viewer *viewer, const struct row *row);
/* ERR_NOTFOUND, ERR_FORBIDDEN with the words clients know, or OK and the row. */
NODISCARD Err model_require(const struct model *model, const struct viewer *viewer, enum kind kind, struct str id_or_name,
                            struct perm need, const struct row **ret_row, struct diag *reterr);

#endif
