/* base/err.c: see err.h. */
#include "base/err.h"

#include <errno.h>

static const struct {
  const char *name;
  const char *words;
  int status;
} table[ERR_COUNT] = {
#define X(code, wire, http, text) [code] = {wire, text, http},
#include "base/err.def"
#undef X
};

const char *err_name(Err err) { return (unsigned)err < ERR_COUNT ? table[err].name : "internal"; }
const char *err_words(Err err) { return (unsigned)err < ERR_COUNT ? table[err].words : "internal error"; }
int err_status(Err err) { return (unsigned)err < ERR_COUNT ? table[err].status : 500; }

Err err_from_name(const char *name)
{
  for (int i = 0; i < ERR_COUNT; i++)
    if (strcmp(table[i].name, name) == 0)
      return (Err)i;
  return ERR_INTERNAL;
}

Err err_from_errno(int errno_value)
{
  switch (errno_value) {
  case 0: return OK;
  case ENOENT: return ERR_NOTFOUND;
  case EEXIST: return ERR_CONFLICT;
  case EACCES:
  case EPERM: return ERR_FORBIDDEN;
  case ENOSPC:
  case EDQUOT: return ERR_FULL;
  case ENOMEM: return ERR_NOMEM;
  case ETIMEDOUT: return ERR_TIMEOUT;
  case EINVAL: return ERR_INVALID;
  default: return ERR_IO;
  }
}

/* Ends `text` before a multi-byte character that was cut, so that it stays valid UTF-8. */
static void trim_utf8(char *text, size_t len)
{
  size_t back = 0;
  while (back < 4 && back < len && ((unsigned char)text[len - 1 - back] & 0xC0) == 0x80)
    back++;
  if (back < len && ((unsigned char)text[len - 1 - back] & 0xC0) == 0xC0)
    text[len - 1 - back] = 0;
}

PRINTF_LIKE(3, 0) static void format(char *dst, size_t size, const char *fmt, va_list args)
{
  int n = vsnprintf(dst, size, fmt, args);
  if (n < 0)
    dst[0] = 0;
  else if ((size_t)n >= size)
    trim_utf8(dst, size - 1);
}

Err (diag_set)(struct diag *d, Err err, const char *fmt, ...)   /* in brackets: err.h names a macro so for the analyser */
{
  if (!d)
    return err;
  char fresh[DIAG_MESSAGE_MAX];   /* the arguments may be texts of this very diag */
  va_list args;
  va_start(args, fmt);
  format(fresh, sizeof fresh, fmt, args);
  va_end(args);
  d->err = err;
  d->trace[0] = 0;
  memcpy(d->message, fresh, strlen(fresh) + 1);
  return err;
}

Err diag_context(struct diag *d, const char *fmt, ...)
{
  if (!d)
    return ERR_INTERNAL;
  char old[DIAG_TRACE_MAX];
  size_t n = (size_t)snprintf(old, sizeof old, "%s%s%s", d->message, d->trace[0] ? "\n" : "", d->trace);
  if (n >= sizeof old)
    trim_utf8(old, sizeof old - 1);
  memcpy(d->trace, old, sizeof old);
  char fresh[DIAG_MESSAGE_MAX];   /* the arguments may be texts of this very diag */
  va_list args;
  va_start(args, fmt);
  format(fresh, sizeof fresh, fmt, args);
  va_end(args);
  memcpy(d->message, fresh, strlen(fresh) + 1);
  return d->err;
}

void diag_cause(struct diag *d, const char *fmt, ...)
{
  if (!d)
    return;
  size_t used = strlen(d->trace);
  if (used + 2 >= sizeof d->trace)
    return;
  if (used)
    d->trace[used++] = '\n';
  va_list args;
  va_start(args, fmt);
  format(d->trace + used, sizeof d->trace - used, fmt, args);
  va_end(args);
}
