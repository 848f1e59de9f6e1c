/* conf/env.h: an environment of our own: the process's variables and those of a .env file.
 * Thread: one at a time. */
#ifndef CONF_ENV_H
#define CONF_ENV_H

#include "base/err.h"
#include "base/str.h"

enum { DOTENV_TEXT_MAX = 1024 * 1024 };

struct env {
  char **vars;          /* "NAME=value", NULL-ended: fit for execve */
  size_t count, cap;
  size_t own;           /* vars[own…] came from the .env file */
};

void env_release(struct env *env);
void env_copy(struct env *env, char **envp);
/* Exact name; ptr NULL: not set. */
struct str env_get(const struct env *env, struct str name);
/* The `nth` variable of that name in any letter case. */
struct str env_get_nocase(const struct env *env, struct str name, size_t nth);
/* Adds a variable that is not there yet; one that is stays as it was. */
void env_add(struct env *env, struct str name, struct str value);

/* Reads the lines of a .env file (spec auth.md 3.1) up to the first that is none; variables that are set stay. */
void dotenv_parse(struct env *env, struct str text);
/* The same for the file .env of `folder`, or else of the nearest folder above that has one. */
void dotenv_load(struct env *env, const char *folder);

#endif
