/* agent/files.c: see files.h. */
#include "agent/files.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"

Err read_whole(const char *path, struct buf *ret)
{
  buf_clear(ret);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return err_from_errno(errno);
  char piece[8192];
  ssize_t n;
  while ((n = read(fd, piece, sizeof piece)) > 0 && !buf_err(ret))
    buf_add(ret, piece, (size_t)n);
  Err err = n < 0 ? err_from_errno(errno) : buf_err(ret);
  close(fd);
  return err;
}

void shared_text_init(struct shared_text *s)
{
  s->text = NULL;
  uv_mutex_init(&s->lock);
}

void shared_text_release(struct shared_text *s)
{
  mem_free(s->text);
  uv_mutex_destroy(&s->lock);
}

void shared_text_set(struct shared_text *s, struct str text)
{
  char *fresh = str_dup(text);
  uv_mutex_lock(&s->lock);
  char *old = s->text;
  s->text = fresh;
  uv_mutex_unlock(&s->lock);
  mem_free(old);
}

bool shared_text_add(struct shared_text *s, struct buf *out)
{
  uv_mutex_lock(&s->lock);
  bool set = s->text != NULL;
  if (set)
    buf_add_text(out, s->text);
  uv_mutex_unlock(&s->lock);
  return set;
}
