/* script/lib_fs.c: see lib_fs.h. */
#include "script/lib_fs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "script/libs.h"

enum { FS_READ_MAX = 16 * 1024 * 1024 };

struct fs_read {
  struct op op;
  uv_work_t work;
  char *folder, *path;
  struct buf text;
  Err err;              /* set on the pool's thread, read after it is done */
};

static void fs_read_free(struct op *op)
{
  struct fs_read *r = (struct fs_read *)op;
  buf_release(&r->text);
  mem_free(r->folder);
  mem_free(r->path);
  mem_free(r);
}

/* The kernel confines the path: no "..", no absolute path, no link that leads out. */
static int open_below(const char *folder, const char *path)
{
  int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0)
    return -1;
  struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
  int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
  int saved = errno;
  close(dir);
  errno = saved;
  return fd;
}

static Err read_all(int fd, struct buf *text)
{
  struct stat st;
  if (fstat(fd, &st))
    return err_from_errno(errno);
  if (!S_ISREG(st.st_mode))
    return ERR_INVALID;
  for (;;) {
    if (text->len >= FS_READ_MAX)
      return ERR_TOOBIG;
    Err err = buf_reserve(text, 64 * 1024);
    if (err)
      return err;
    ssize_t n = read(fd, text->ptr + text->len, 64 * 1024);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return err_from_errno(errno);
    if (n == 0)
      return OK;
    text->len += (size_t)n;
    text->ptr[text->len] = 0;
  }
}

static void do_read(uv_work_t *work)
{
  struct fs_read *r = work->data;
  int fd = open_below(r->folder, r->path);
  if (fd < 0) {
    r->err = errno == EXDEV || errno == ELOOP ? ERR_FORBIDDEN : errno == ENOTDIR ? ERR_NOTFOUND : err_from_errno(errno);
    return;
  }
  r->err = read_all(fd, &r->text);
  close(fd);
}

static void after_read(uv_work_t *work, int status)
{
  struct fs_read *r = work->data;
  struct diag d;
  Err err = status ? ERR_CANCELLED : r->err;
  if (err)
    diag_set(&d, err, "%s/%s: %s", r->folder, r->path, err_words(err));
  op_complete(&r->op, err, err ? &d : NULL);
  op_unref(&r->op);
}

static void cancel(struct op *op) { uv_cancel((uv_req_t *)&((struct fs_read *)op)->work); }

static int read_finish(lua_State *L, int status, lua_KContext ctx)
{
  (void)status;
  const struct fs_read *r = (const struct fs_read *)ctx;
  if (r->op.err)
    return lua_fail(L, &r->op, "file");
  lua_pushlstring(L, r->text.ptr ? r->text.ptr : "", r->text.len);
  return 1;
}

/* engine.fs.read(folder, path)                                        [-2, +1|2, e, waits] */
static int l_read(lua_State *L)
{
  struct str folder = lua_check_str(L, 1), path = lua_check_str(L, 2);
  luaL_argcheck(L, strlen(folder.ptr) == folder.len, 1, "holds a zero byte");
  luaL_argcheck(L, path.len && strlen(path.ptr) == path.len, 2, "must be a relative path");
  struct op **box = op_box(L);
  struct fs_read *r = mem_new(sizeof *r);
  op_init(&r->op, script_loop(L), cancel, fs_read_free);
  buf_init(&r->text, FS_READ_MAX + 128 * 1024);
  r->folder = str_dup(folder);
  r->path = str_dup(path);
  r->work.data = r;
  *box = &r->op;
  uv_queue_work(script_loop(L)->loop, &r->work, do_read, after_read);
  return op_await(L, box, read_finish);
}

static const luaL_Reg functions[] = {{"read", l_read}, {NULL, NULL}};
void lib_fs_open(lua_State *L) { lua_engine_lib(L, "fs", functions); }
