/* auth/perm.h: permission values and their evaluation, as pure functions (spec auth.md 2.4, 2.5; api.md 9).
 *
 * Permissions only ever add: a source that says None takes nothing away. Thread: any.
 */
#ifndef AUTH_PERM_H
#define AUTH_PERM_H

#include "doc/json.h"

enum perm_level { PERM_NONE, PERM_READ, PERM_EXECUTE, PERM_WRITE, PERM_LEVEL_COUNT };

enum perm_specific {   /* bits */
  PERM_TERMINAL = 1 << 0,
  PERM_ATTACH = 1 << 1,
  PERM_INSPECT = 1 << 2,
  PERM_LOGS = 1 << 3,
  PERM_PROCESSES = 1 << 4,
  PERM_ALL_SPECIFICS = (1 << 5) - 1,
};
enum { PERM_SPECIFIC_COUNT = 5 };

struct perm {
  uint8_t level;      /* enum perm_level */
  uint8_t specific;   /* enum perm_specific bits */
};

/* The types of resources, in the order of the variants of ResourceTarget. */
enum resource_type {
  RESOURCE_SWARM, RESOURCE_SERVER, RESOURCE_STACK, RESOURCE_DEPLOYMENT, RESOURCE_BUILD, RESOURCE_REPO, RESOURCE_PROCEDURE,
  RESOURCE_ACTION, RESOURCE_BUILDER, RESOURCE_ALERTER, RESOURCE_SYNC, RESOURCE_TYPE_COUNT
};
const char *resource_type_name(enum resource_type type);              /* "Swarm" … "ResourceSync" */
bool resource_type_parse(struct str name, enum resource_type *ret);

const char *perm_level_name(enum perm_level level);
bool perm_level_parse(struct str name, enum perm_level *ret);
const char *perm_specific_name(unsigned bit_index);                   /* 0 … PERM_SPECIFIC_COUNT - 1 */
bool perm_specific_parse(struct str name, uint8_t *ret_bit);

/* A stored combined value: "Read", { level, specific } or null. Unknown words count as nothing, as they grant nothing. */
struct perm perm_of_json(yyjson_val *value);
/* "Read" or {"level":"Read","specific":["Logs"]}; specifics in the order of their bits. */
void perm_write(struct perm perm, struct buf *out);

struct perm perm_join(struct perm a, struct perm b);                  /* the higher level, all specifics */
bool perm_allows(struct perm have, struct perm need);

/* Everything that bears on one user and one resource. */
struct perm_sources {
  bool admin;                 /* the user is one: everything */
  bool transparent;           /* config transparent_mode: everybody reads */
  struct perm base;           /* base_permission of the resource */
  const struct perm *grant;   /* all[type] of the user and of each group, records of the user and of each group */
  size_t grant_count;
  uint8_t inherited;          /* specifics on the attached Swarm or Server (Stack and Deployment only) */
};
struct perm perm_evaluate(const struct perm_sources *sources);

/* The words for a refusal: "User does not have required permissions on this Server. Must have at least …" (auth.md 2.5). */
Err perm_refuse(struct diag *reterr, enum resource_type type, struct perm need);

#endif
