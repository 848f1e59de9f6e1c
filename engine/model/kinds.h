/* model/kinds.h: the eleven resource types, as one table that every generic request reads. */
#ifndef MODEL_KINDS_H
#define MODEL_KINDS_H

#include "base/str.h"

enum kind {
  KIND_SWARM,
  KIND_SERVER,
  KIND_STACK,
  KIND_DEPLOYMENT,
  KIND_BUILD,
  KIND_REPO,
  KIND_PROCEDURE,
  KIND_ACTION,
  KIND_BUILDER,
  KIND_ALERTER,
  KIND_RESOURCE_SYNC,
  KIND_COUNT,
  KIND_NONE = KIND_COUNT
};

/* How a filter of `query.specific` looks at a resource (spec api.md 8.2). */
enum filter_how {
  FILTER_IN,        /* the text at `path` is one of the given */
  FILTER_ANY,       /* an element of the list at `path` is one of the given */
  FILTER_STATE,     /* the computed state is one of the given */
  FILTER_BOOL,      /* the flag at `path` equals the given one; null: no filter */
  FILTER_UPDATE,    /* true: the list item says update_available; List* alone */
  FILTER_TEXT,      /* true: the text at `path` is not empty; false: it is */
  FILTER_SINCE,     /* > 0: the number at `path` is at least the given */
};
struct kind_filter {
  const char *name;
  enum filter_how how;
  const char *path;   /* dotted, in the resource document */
};

/* One `sort_by` key (spec api.md 8.4): up to three parts, compared in order. Paths starting with "info." are read
 * from the list item, others from the resource document. */
enum sort_how { SORT_TEXT, SORT_NUMBER, SORT_STATE, SORT_RATIO, SORT_SUM, SORT_FLAG, SORT_FLAG_DESC };
struct sort_part {
  enum sort_how how;
  const char *path, *other;   /* `other`: the second operand of a ratio or sum; the fallback of an empty text */
};
struct kind_sort {
  const char *name;
  struct sort_part part[3];
  bool stored;                /* straight from config: the name breaks ties ascending in either direction */
};

/* A bucket of Get<Kind>sSummary: the states it counts. */
struct kind_bucket {
  const char *name;
  const char *states[12];     /* NULL-ended; a first entry "*" takes what no bucket before it took */
  bool not_templates;         /* templates are not counted here */
};

struct kind_info {
  const char *type;           /* "Server" */
  const char *plural;         /* "Servers", in request names */
  const char *collection;     /* "Server", as in an existing database */
  const char *param;          /* the field that names it in requests: "server" */
  const char *config_type;    /* "ServerConfig" */
  const char *const *states;  /* computed states in their order, NULL-ended; NULL: none */
  const struct kind_filter *filters;   /* ended by a NULL name */
  const struct kind_sort *sorts;       /* ended by a NULL name; Name is understood for all */
  const struct kind_bucket *buckets;   /* ended by a NULL name */
  bool has_action_state;
};

extern const struct kind_info kinds[KIND_COUNT];
enum kind kind_of(struct str type);    /* "Server"; KIND_NONE when there is none */

#endif
