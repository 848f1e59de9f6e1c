/* base/mem.c: see mem.h. */
#include "base/mem.h"

#include <stdarg.h>

#ifdef KOMODO_DEBUG
static _Thread_local long fail_after = -1;
static _Thread_local bool failed;

void mem_fail_after(long n)
{
  fail_after = n;
  failed = false;
}

bool mem_disarm(void)
{
  fail_after = -1;
  return failed;
}

static bool should_fail(void)
{
  if (fail_after < 0)
    return false;
  if (fail_after-- > 0)
    return false;
  failed = true;
  return true;
}
#else
static inline bool should_fail(void) { return false; }
#endif

static NORETURN void out_of_memory(size_t size)
{
  fprintf(stderr, "komodo: out of memory (%zu bytes)\n", size);
  abort();
}

void *mem_new(size_t size)
{
  void *p = calloc(1, size ? size : 1);
  if (!p)
    out_of_memory(size);
  return p;
}

void *mem_new_array(size_t count, size_t size)
{
  void *p = calloc(count ? count : 1, size ? size : 1);
  if (!p)
    out_of_memory(count);
  return p;
}

void *mem_resize(void *ptr, size_t size)
{
  void *p = realloc(ptr, size ? size : 1);
  if (!p)
    out_of_memory(size);
  return p;
}

void *mem_try(size_t size) { return should_fail() ? NULL : calloc(1, size ? size : 1); }
void *mem_try_resize(void *ptr, size_t size) { return should_fail() ? NULL : realloc(ptr, size ? size : 1); }
void mem_free(void *ptr) { free(ptr); }

char *mem_strndup(const char *ptr, size_t len)
{
  char *copy = mem_new(len + 1);
  if (len)
    memcpy(copy, ptr, len);
  return copy;
}

char *mem_strdup(const char *text) { return text ? mem_strndup(text, strlen(text)) : NULL; }

char *mem_printf(const char *fmt, ...)
{
  va_list args;
  va_start(args, fmt);
  char *text = NULL;
  int n = vasprintf(&text, fmt, args);
  va_end(args);
  if (n < 0)
    out_of_memory(0);
  return text;
}

void mem_wipe(void *ptr, size_t size)
{
  if (ptr)
    explicit_bzero(ptr, size);
}

void mem_free_at(void *ptr_to_ptr)
{
  void *p;
  memcpy(&p, ptr_to_ptr, sizeof p);
  free(p);
}
