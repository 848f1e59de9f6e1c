/* conf/decode.h: from documents and variables to typed settings; see keys.h. */
#ifndef CONF_DECODE_H
#define CONF_DECODE_H

#include "base/map.h"
#include "conf/env.h"
#include "conf/keys.h"

struct decode {
  yyjson_mut_doc *doc;       /* where values are made */
  struct map *given;         /* dotted keys that a file or a variable has; may be NULL */
  struct buf *warnings;      /* may be NULL */
  struct diag *reterr;
};

/* The table `in` (a document of the files) with all keys of `shape`, defaults filled in. The words name the key and what
 * it wants; values of secrets are never in them. */
NODISCARD Err decode_table(const struct decode *d, const struct conf_key *shape, yyjson_val *in, yyjson_mut_val **ret);
/* Lays the variables over a decoded table. */
NODISCARD Err decode_env(const struct decode *d, const struct conf_key *shape, const char *prefixes,
                         const struct env *env, yyjson_mut_val *out);
/* The default value of one key; NULL: no memory. */
yyjson_mut_val *decode_default(yyjson_mut_doc *doc, const struct conf_key *key);

/* The one value of a variable with several spellings ("A,B>=C", see keys.h). ret_name: the spelling that is set.
 * ERR_INVALID: two spellings are set. ptr NULL: none is. `suffix` is put behind each spelling. */
NODISCARD Err env_one(const struct env *env, const struct conf_key *key, const char *prefixes, const char *suffix,
                      struct buf *ret_name, struct str *ret_value, struct diag *reterr);
NODISCARD Err bool_parse(const char *name, struct str text, bool *ret, struct diag *reterr);

#endif
