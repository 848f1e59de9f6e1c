/* conf/duration.h: the time lengths of Komodo ("15-sec"; spec auth.md 3.5). Thread: any. */
#ifndef CONF_DURATION_H
#define CONF_DURATION_H

#include "base/str.h"

/* Milliseconds. False for anything that is not one of the known lengths; *ret untouched. */
bool duration_parse(struct str text, int64_t *ret_ms);
/* The names of all lengths, shortest first, ended by NULL. */
const char *const *duration_names(void);

#endif
