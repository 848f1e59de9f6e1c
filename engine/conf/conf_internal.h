/* conf/conf_internal.h: a loaded configuration from the inside. */
#ifndef CONF_CONF_INTERNAL_H
#define CONF_CONF_INTERNAL_H

#include "base/map.h"
#include "conf/env.h"
#include "conf/files.h"
#include "conf/keys.h"

struct placed {
  const char *key;     /* of the table: static */
  char *path;
  bool moved;          /* not where the default says */
};

struct conf {
  enum conf_program program;
  yyjson_doc *doc;             /* effective values */
  struct env env;
  struct texts files;
  struct map given;            /* dotted keys that were not left at their default */
  struct placed *placed;
  size_t placed_count;
  bool profile_active;         /* km */
};

/* Fills conf->placed; doc and given are complete. */
void conf_place(struct conf *conf);
/* The default of data_dir, owned by the caller. */
char *conf_default_data_dir(const struct env *env) NODISCARD;

#endif
