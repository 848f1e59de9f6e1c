/* store/sqlite/sqlite_file.c: folders, file and lock file of a database. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/sqlite/sqlite_internal.h"

static Err fail(struct diag *reterr, const char *what, const char *path)
{
  int error = errno;
  return diag_set(reterr, err_from_errno(error), "%s '%s': %s", what, path, strerror(error));
}

static Err make_folders(const char *path, struct diag *reterr)
{
  CLEANUP(mem_free_at) char *copy = mem_strdup(path);
  for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    if (mkdir(copy, 0700) && errno != EEXIST)
      return fail(reterr, "cannot make the folder", copy);
    *slash = '/';
  }
  return OK;
}

/* A new file counts only when its folder remembers it. */
static Err sync_folder(const char *path, struct diag *reterr)
{
  CLEANUP(mem_free_at) char *folder = mem_strdup(path);
  char *slash = strrchr(folder, '/');
  if (slash)
    slash[slash == folder] = 0;
  const char *name = slash ? folder : ".";
  int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return fail(reterr, "cannot open the folder", name);
  Err err = fsync(fd) ? fail(reterr, "cannot sync the folder", name) : OK;
  close(fd);
  return err;
}

static Err take_lock(const char *path, int *ret_lock, struct diag *reterr)
{
  CLEANUP(mem_free_at) char *name = mem_printf("%s.lock", path);
  int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0)
    return fail(reterr, "cannot open the lock file", name);
  char pid[32] = "";
  if (flock(fd, LOCK_EX | LOCK_NB)) {
    bool taken = errno == EWOULDBLOCK;
    Err err = taken ? ERR_BUSY : fail(reterr, "cannot lock", name);
    ssize_t n = pread(fd, pid, sizeof pid - 1, 0);
    close(fd);
    if (!taken)
      return err;
    pid[n > 0 ? n : 0] = 0;
    return diag_set(reterr, ERR_BUSY, "another engine (process %s) has the database '%s' open; stop it first",
                    n > 0 ? pid : "unknown", path);
  }
  /* Who holds it, for the message above; the lock itself does not depend on it, so a full disk is no obstacle. */
  int len = snprintf(pid, sizeof pid, "%ld", (long)getpid());
  if (ftruncate(fd, 0) == 0 && pwrite(fd, pid, (size_t)len, 0) != len)
    (void)!ftruncate(fd, 0);
  *ret_lock = fd;
  return OK;
}

Err sqlite_file_prepare(const char *path, int *ret_lock, struct diag *reterr)
{
  Err err = make_folders(path, reterr);
  if (!err)
    err = take_lock(path, ret_lock, reterr);
  if (err)
    return err;
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0)
    return fail(reterr, "cannot open the database", path);
  close(fd);
  return sync_folder(path, reterr);
}
