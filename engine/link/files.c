/* link/files.c: see files.h. */
#include "link/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static int make_parents(const char *of)
{
  CLEANUP(mem_free_at) char *path = mem_strdup(of);
  for (char *p = path + (path[0] == '/'); *p; p++) {
    if (*p != '/')
      continue;
    *p = 0;
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
      return errno;
    *p = '/';
  }
  return 0;
}

/* The errno of what failed, or 0. Closes `fd`. */
static int write_all(int fd, struct str content)
{
  int why = 0;
  while (content.len && !why) {
    ssize_t n = write(fd, content.ptr, content.len);
    if (n >= 0)
      content = str_sub(content, (size_t)n, content.len);
    else if (errno != EINTR)
      why = errno;
  }
  if (!why && fsync(fd) != 0 && errno != EINVAL && errno != ENOTSUP)
    why = errno;
  if (close(fd) != 0 && !why)
    why = errno;
  return why;
}

static int write_beside(const char *path, struct str content, unsigned mode)
{
  struct stat st;
  bool exists = lstat(path, &st) == 0;
  if (exists && !S_ISREG(st.st_mode))
    return EXDEV;   /* a link or device is written through, not replaced */
  CLEANUP(mem_free_at) char *temp = mem_printf("%s.%ld.tmp", path, (long)getpid());
  int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0)
    return errno;
  int why = 0;
  if (exists && (fchown(fd, st.st_uid, st.st_gid) != 0 || fchmod(fd, st.st_mode & 07777) != 0))
    why = errno;
  int written = write_all(fd, content);
  if (!why)
    why = written;
  if (!why && rename(temp, path) != 0)
    why = errno;
  if (why)
    unlink(temp);
  return why;
}

Err files_write(const char *path, struct str content, unsigned mode, struct diag *reterr)
{
  int why = make_parents(path);
  if (why)
    return diag_set(reterr, err_from_errno(why), "Failed to create the folder of %s: %s", path, strerror(why));
  if (write_beside(path, content, mode) == 0)
    return OK;
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  why = fd < 0 ? errno : write_all(fd, content);
  return why ? diag_set(reterr, err_from_errno(why), "Failed to write %s: %s", path, strerror(why)) : OK;
}
