/* conf/keys.h: the settings of each program, declared once.
 *
 * From these tables come defaults, variables, type checks and their messages, redaction, printing and the sample files.
 * To add a setting, add a row to core_keys.c, agent_keys.c or cli_keys.c and run `conf_test_sample write config` (the test checks that
 * config/ is what it writes).
 */
#ifndef CONF_KEYS_H
#define CONF_KEYS_H

#include "conf/conf.h"

enum conf_kind {
  CONF_TEXT,
  CONF_BOOL,
  CONF_U16,
  CONF_U64,
  CONF_NUMBER,      /* a float, 0 or more */
  CONF_DURATION,    /* one of the time lengths of conf/duration.h */
  CONF_LEVEL,       /* trace … error */
  CONF_STDIO,       /* standard, json, none */
  CONF_BORDERS,     /* table borders of the command line */
  CONF_LIST,        /* list of texts */
  CONF_TEXT_LIST,   /* the same, or one text split at line breaks and commas, # comments */
  CONF_IP_LIST,     /* list of addresses and networks, written as networks */
  CONF_MAP,         /* name = "text" */
  CONF_TABLE,       /* the keys of `shape` */
  CONF_TABLES,      /* list of tables of `shape` */
};

enum conf_key_flags {
  CONF_OPTIONAL = 1 << 0,    /* may be null: unset */
  CONF_REQUIRED = 1 << 1,    /* no default where its table is written in a file */
  CONF_SECRET = 1 << 2,      /* never printed: see conf_print */
  CONF_KEY_FILE = 1 << 3,    /* the same, but file:<path> is printed */
  CONF_FILE_ENV = 1 << 4,    /* <VARIABLE>_FILE names a file that holds the value */
  CONF_FORGIVING = 1 << 5,   /* list: an item of the wrong kind is skipped with a warning */
  CONF_NO_ENV = 1 << 6,      /* files only */
  CONF_SPARSE = 1 << 7,      /* km config leaves it out while it is the default, and empty texts inside it */
};

struct conf_key {
  const char *name;
  enum conf_kind kind;
  unsigned flags;
  const char *dflt;                  /* JSON; NULL: null when optional, the defaults of `shape` for a table */
  const char *aliases;               /* other spellings in files, comma separated */
  /* Variables, comma separated: several spellings of one variable, of which one may be set; after a '>' spellings that
   * count when none before is set. Without '=' in front, the prefixes of the table apply. NULL: NAME in capitals. */
  const char *env;
  const char *prefixes;              /* CONF_TABLE: prefixes of the variables of its keys, comma separated */
  const struct conf_key *shape;      /* CONF_TABLE, CONF_TABLES: its keys, ended by a nameless row */
  const char *absent;                /* CONF_TABLE: JSON object over the defaults when no file has the table */
  const char *place;                 /* conf_path(): where the value lies when nobody said otherwise */
  const char *doc;                   /* for the sample file; lines broken at 100 columns by the writer */
  const char *example;               /* TOML for the sample where the default says too little */
};

struct conf_definition {
  const char *name;                  /* of the program */
  const char *prefix;                /* KOMODO_ … */
  const struct conf_key *keys;
  const char *env_paths, *env_keywords, *env_nested, *env_extend;   /* with spellings as in conf_key.env, complete names */
  const char *default_paths;         /* comma separated; NULL: none, or those of the command line */
  const char *default_keyword;
  const char *include_name;
  const char *sample;                /* name of the sample file */
  const char *sample_intro;
};

const struct conf_definition *conf_definition(enum conf_program program);

extern const struct conf_key conf_core_keys[], conf_agent_keys[], conf_cli_keys[];
/* Shared between programs (shared_keys.c). */
extern const struct conf_key conf_logging_keys[], conf_git_keys[], conf_registry_keys[];

/* The words a kind of setting may be; NULL for kinds that are not words. */
const char *const *conf_words(enum conf_kind kind);
/* Calls `visit` for every variable spelling of a key, in order of rank: 0 before the first '>', then 1 … Stops and
 * returns what `visit` returned when that is not OK. */
typedef Err conf_env_visit(void *context, struct str name, unsigned rank);
NODISCARD Err conf_env_names(const struct conf_key *key, const char *prefixes, conf_env_visit *visit, void *context);

#endif
