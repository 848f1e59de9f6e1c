/* doc/schema_internal.h: the compiled form of the declarations, shared by the schema_*.c files. */
#ifndef DOC_SCHEMA_INTERNAL_H
#define DOC_SCHEMA_INTERNAL_H

#include "base/arena.h"
#include "base/map.h"
#include "doc/doc_internal.h"
#include "doc/schema.h"

enum kind {
  KIND_STRING, KIND_BOOL, KIND_INT, KIND_UINT, KIND_NUMBER, KIND_ANY, KIND_OBJECT,
  KIND_LIST, KIND_MAP, KIND_OPTIONAL, KIND_PARTIAL, KIND_ALIAS,
  KIND_STRUCT, KIND_ENUM, KIND_UNION,
  /* normalisers */
  KIND_STRLIST, KIND_FILETEXT, KIND_KV_ENV, KIND_KV_LABEL, KIND_KV_CONVERSION, KIND_KV_SIGNAL, KIND_VERSION,
  KIND_PERMISSION, KIND_ONE_OR_LIST, KIND_ENV_FILES, KIND_CONFIG_FILES, KIND_DIGEST, KIND_I64,
  KIND_COUNT
};

enum { FIELDS_MAX = 160 };   /* of one struct: they are sorted into an array on the stack */

/* A fixed set of words, each with a number. Lookup tries the word after the last one found, then a hash table; the words
 * are ours, so nobody can choose colliding ones. */
struct words {
  const struct word { struct str text; size_t target; } *word;
  size_t count, longest;
  uint16_t *slot;        /* index + 1 into word; 0 is empty */
  size_t mask;
};
enum { WORD_NONE = -1 };
void words_index(struct words *w, struct arena *arena);
/* Index into w->word, or WORD_NONE. */
ptrdiff_t words_find(const struct words *w, struct str text, size_t hint);

struct schema_field {
  struct str name;
  const struct schema_type *type;
  yyjson_val *otherwise;     /* normal form of the default; NULL: none */
  size_t otherwise_at;       /* while loading: position among all defaults, +1 */
  bool optional, skip_empty;
};

struct variant {
  struct str name;
  const struct schema_type *type;   /* NULL: no content */
};

struct schema_type {
  enum kind kind;
  const char *name;                    /* NULL: declared in place */
  const struct schema_type *inner;     /* of list, map, optional, partial, alias, one_or_list */
  struct schema_field *fields;         /* struct; in declared order, and words.word[i] names fields[i] for those */
  struct variant *variants;            /* union */
  size_t count;                        /* fields, enum values or variants */
  struct words words;                  /* their names and aliases */
  struct str tag, content;             /* union */
};

struct schema {
  struct arena arena;
  struct map types;                            /* name -> struct schema_type */
  struct map requests[SCHEMA_GROUP_COUNT];     /* name or alias -> struct schema_request */
  struct schema_request *request;
  size_t request_count;
  yyjson_doc *raw, *defaults;                  /* as declared; normalised */
};

/* What aliases stand for. */
const struct schema_type *type_real(const struct schema_type *type);

/* ---- normalising ---- */

/* Where we are: the chain of frames from a value up to the root, for messages. */
struct place {
  const struct place *up;
  struct str name;      /* ptr NULL: `index` counts */
  size_t index;
};

struct norm {
  yyjson_mut_doc *out;
  struct diag *reterr;
  Err err;              /* why NULL was returned */
  int depth;
  bool empty_is_list;   /* SCHEMA_FROM_LUA */
  bool raw_defaults;    /* while loading: fields hold their defaults as declared */
};

/* Fails with ERR_SHAPE: "<place>: expected <wanted>, got <what `in` is>". Returns NULL. */
yyjson_mut_val *norm_expected(struct norm *n, const struct place *at, const char *wanted, yyjson_val *in);
/* Fails with ERR_SHAPE: "<place>: <words>". Returns NULL. */
yyjson_mut_val *norm_refuse(struct norm *n, const struct place *at, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Passes a fresh value through; NULL becomes ERR_NOMEM. */
yyjson_mut_val *norm_new(struct norm *n, yyjson_mut_val *value);
/* A list, or what counts as an empty one. */
bool norm_is_list(const struct norm *n, yyjson_val *in);
yyjson_mut_val *norm_copy_text(struct norm *n, struct str text);
/* Adds to an object under a name that lives as long as the schema; false: n->err is set. */
bool norm_put(struct norm *n, yyjson_mut_val *object, struct str name, yyjson_mut_val *value);

/* `in` NULL: absent. NULL with n->err OK: the value is dropped (a digest that is none). */
yyjson_mut_val *norm_value(struct norm *n, const struct schema_type *type, yyjson_val *in, enum schema_mode mode,
                           const struct place *at);
/* The default of a field that has one. */
yyjson_mut_val *norm_default(struct norm *n, const struct schema_field *field, const struct place *at);
/* Sorts the members of `object` by field; a field under two spellings fails. `slot` has type->count places. */
bool norm_collect(struct norm *n, const struct schema_type *type, yyjson_val *object, yyjson_val **slot, const struct place *at);
/* null, false, "", [], {}, version 0.0.0 */
bool norm_is_empty(const struct schema_type *type, yyjson_mut_val *value);

/* schema_text.c: one for each normaliser kind from KIND_STRLIST on, except one_or_list and i64. */
typedef yyjson_mut_val *norm_fn(struct norm *n, const struct schema_type *type, yyjson_val *in, const struct place *at);
norm_fn norm_strlist, norm_filetext, norm_kvtext, norm_version, norm_permission, norm_env_files, norm_config_files, norm_digest;

#endif
