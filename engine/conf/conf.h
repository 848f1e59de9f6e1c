/* conf/conf.h: what the programs are told: files, environment, command line; merged, checked, typed.
 *
 * Sources  highest first: command line, environment, files, defaults (spec auth.md 3). The settings themselves are
 *          declared in keys.h.
 * Thread   loading blocks (disk, and a shell for $(word)): before the loop starts. A loaded conf never changes, so any
 *          thread may read it.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <yyjson.h>

#include "base/buf.h"
#include "base/log.h"

enum conf_program { CONF_CORE, CONF_AGENT, CONF_CLI };
enum { CONF_PATHS_MAX = 64 };

/* The options in front of the first word that is none. Views into argv. */
struct conf_args {
  const char *paths[CONF_PATHS_MAX];
  size_t path_count;
  const char *keywords[CONF_PATHS_MAX];
  size_t keyword_count;
  const char *merge_nested, *extend_arrays;   /* "true", "false" or NULL: not given */
  const char *log_level;                      /* agent */
  const char *profile;                        /* km; "" means none */
  const char *debug;                          /* km: "true", "false" or NULL */
  bool help, version;
  int rest;                                   /* index into argv of the first word that is no option; argc when none */
};

/* Reads argv[1…]. ERR_INVALID: wrong use; programs print the words and exit with 2. */
NODISCARD Err conf_args_parse(enum conf_program program, int argc, char **argv, struct conf_args *ret,
                              struct diag *reterr);
/* The list of options for --help, one a line. */
void conf_args_help(enum conf_program program, struct buf *out);

struct conf;

/* Loads everything. The .env file found from the working directory up is read first; existing variables win over it.
 *
 * args      may be NULL: none
 * envp      "NAME=value", NULL-ended; copied
 * warnings  lines about files and list items that were skipped, also when loading fails; may be NULL
 * returns   ERR_INVALID or ERR_SHAPE naming the key or variable and what it wants; programs exit with 1. Secrets are in
 *           neither message nor warnings. */
NODISCARD Err conf_load(enum conf_program program, const struct conf_args *args, char **envp, struct buf *warnings,
                        struct conf **ret, struct diag *reterr);
void conf_free(struct conf *conf);
void conf_free_at(struct conf **conf);   /* for CLEANUP */

/* Checks beyond the type of single keys: files that must be readable, combinations that cannot work. Same errors. */
NODISCARD Err conf_check(const struct conf *conf, struct diag *reterr);

/* Puts what the .env file set into this process's environment, for child processes. Before any thread starts. */
void conf_export_env(const struct conf *conf);

/* ---- values ----
 * `key` is dotted ("database.uri") and declared: an unknown one is a bug and aborts. Views live as long as the conf. */
yyjson_val *conf_json(const struct conf *conf, const char *key);
bool conf_is_set(const struct conf *conf, const char *key);       /* an optional key that is not null */
bool conf_is_given(const struct conf *conf, const char *key);     /* a file or a variable has it, or a key of that table */
struct str conf_str(const struct conf *conf, const char *key);    /* ends in a zero byte; null gives ptr NULL */
bool conf_bool(const struct conf *conf, const char *key);         /* agent's server_enabled unset: core_addresses is empty */
uint64_t conf_int(const struct conf *conf, const char *key);
double conf_number(const struct conf *conf, const char *key);
int64_t conf_ms(const struct conf *conf, const char *key);        /* a time length in milliseconds */
/* A list of texts; null counts as empty. */
size_t conf_list_len(const struct conf *conf, const char *key);
struct str conf_list_at(const struct conf *conf, const char *key, size_t index);

/* A file, a folder or a "file:<path>" key where it really lies: as given; else the default of Komodo's container image
 * when that folder exists, else the same thing under data_dir (engine) or root_directory (agent). Ends in a zero byte. */
struct str conf_path(const struct conf *conf, const char *key);
struct str conf_data_dir(const struct conf *conf);
/* "key: path" lines of all defaults of the image that conf_path places elsewhere. */
void conf_placed(const struct conf *conf, struct buf *out);

/* The log settings of the program (`logging`, km: `cli_logging`; agent: with --log-level). */
void conf_log(const struct conf *conf, struct log_config *ret);

/* ---- printing ---- */
enum conf_print {
  CONF_PRINT_SANITISED = 1 << 0,   /* secrets as 14 #, empty ones stay empty */
  CONF_PRINT_PRETTY = 1 << 1,      /* over several lines */
  CONF_PRINT_PROFILES = 1 << 2,    /* km: with all profiles */
};
/* All effective values as one JSON object; for km without what is default (spec cli.md 2.4). */
void conf_print(const struct conf *conf, unsigned how, struct buf *out);
/* The files that were read, in order of application, one a line. */
void conf_files(const struct conf *conf, struct buf *out);

/* The sample file of a program, made from its table. */
void conf_sample(enum conf_program program, struct buf *out);

#endif
