/* base/err.h: error codes, and the words a person will read.
 *
 * Codes travel by value (`Err`); words are filled in once, where they are known, into a `struct diag` the caller
 * owns. Middle floors add context with diag_context(); whoever stops an error logs or answers it.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>

#include "base/attr.h"

typedef enum Err {
#define X(name, wire, status, words) name,
#include "base/err.def"
#undef X
  ERR_COUNT
} Err;

enum { DIAG_MESSAGE_MAX = 1024, DIAG_TRACE_MAX = 2048 };

/* An error in words: the outermost message, and its causes from outer to root, one per line.
 * Plain storage: nothing to release, zero is "no error". Texts too long are cut at a UTF-8 border. */
struct diag {
  Err err;
  char message[DIAG_MESSAGE_MAX];
  char trace[DIAG_TRACE_MAX];
};

const char *err_name(Err err);   /* the wire name, e.g. "not_found" */
const char *err_words(Err err);  /* plain English */
int err_status(Err err);         /* HTTP status */
Err err_from_name(const char *name);   /* ERR_INTERNAL for an unknown name */
Err err_from_errno(int errno_value);

/* Sets code and message, dropping what was there. `d` may be NULL. Returns err, so `return diag_set(d, ...)` reads well. */
Err diag_set(struct diag *d, Err err, const char *fmt, ...) PRINTF_LIKE(3, 4);
#ifdef __clang_analyzer__
/* The analyser does not look into other files: this tells it that a failure stays one. */
#define diag_set(d, err, ...) (diag_set(d, err, __VA_ARGS__), (err))
#endif
/* Puts an outer message in front: what was the message becomes the first line of the trace. Keeps the code, returns it. */
Err diag_context(struct diag *d, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Appends a cause at the root end of the trace. */
void diag_cause(struct diag *d, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
