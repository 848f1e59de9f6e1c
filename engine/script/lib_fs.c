/* script/lib_fs.c: see lib_fs.h. */
#include "script/lib_fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "script/libs.h"

enum { FS_READ_MAX = 16 * 1024 * 1024, FS_TREE_DEPTH = 16 };

struct fs_work {
  struct op op;
  uv_work_t work;
  Err (*run)(struct fs_work *w);   /* on a thread of the pool */
  char *folder, *path;
  struct buf text;                 /* what was read; of a listing each name with its zero byte */
  Err err;                         /* set on the pool's thread, read after it is done */
};

static void fs_work_free(struct op *op)
{
  struct fs_work *w = (struct fs_work *)op;
  buf_release(&w->text);
  mem_free(w->folder);
  mem_free(w->path);
  mem_free(w);
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

static Err run_read(struct fs_work *w)
{
  int fd = open_below(w->folder, w->path);
  if (fd < 0)
    return errno == EXDEV || errno == ELOOP ? ERR_FORBIDDEN : errno == ENOTDIR ? ERR_NOTFOUND : err_from_errno(errno);
  Err err = read_all(fd, &w->text);
  close(fd);
  return err;
}

static Err run_list(struct fs_work *w)
{
  DIR *dir = opendir(w->folder);
  if (!dir)
    return err_from_errno(errno);
  for (struct dirent *entry; (entry = readdir(dir));)
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
      buf_add(&w->text, entry->d_name, strlen(entry->d_name) + 1);
  closedir(dir);
  return buf_err(&w->text);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
  (void)st;
  (void)type;
  (void)ftw;
  return remove(path);
}

/* Links are removed, not followed; what is inside goes first. */
static Err run_remove(struct fs_work *w)
{
  CLEANUP(mem_free_at) char *tree = mem_printf("%s/%s", w->folder, w->path);
  return nftw(tree, remove_entry, FS_TREE_DEPTH, FTW_PHYS | FTW_DEPTH | FTW_MOUNT) ? err_from_errno(errno) : OK;
}

static void do_work(uv_work_t *work)
{
  struct fs_work *w = work->data;
  w->err = w->run(w);
}

static void after_work(uv_work_t *work, int status)
{
  struct fs_work *w = work->data;
  struct diag d;
  Err err = status ? ERR_CANCELLED : w->err;
  if (err)
    diag_set(&d, err, "%s%s%s: %s", w->folder, *w->path ? "/" : "", w->path, err_words(err));
  op_complete(&w->op, err, err ? &d : NULL);
  op_unref(&w->op);
}

static void cancel(struct op *op) { uv_cancel((uv_req_t *)&((struct fs_work *)op)->work); }

static struct op **start(lua_State *L, Err (*run)(struct fs_work *w), struct str folder, struct str path)
{
  struct op **box = op_box(L);
  struct fs_work *w = mem_new(sizeof *w);
  op_init(&w->op, script_loop(L), cancel, fs_work_free);
  buf_init(&w->text, FS_READ_MAX + 128 * 1024);
  w->run = run;
  w->folder = str_dup(folder);
  w->path = str_dup(path);
  w->work.data = w;
  *box = &w->op;
  uv_queue_work(script_loop(L)->loop, &w->work, do_work, after_work);
  return box;
}

static int read_finish(lua_State *L, int status, lua_KContext ctx)
{
  (void)status;
  const struct fs_work *w = (const struct fs_work *)ctx;
  if (w->op.err)
    return lua_fail(L, &w->op, "file");
  lua_pushlstring(L, w->text.ptr ? w->text.ptr : "", w->text.len);
  return 1;
}

static int list_finish(lua_State *L, int status, lua_KContext ctx)
{
  (void)status;
  const struct fs_work *w = (const struct fs_work *)ctx;
  if (w->op.err)
    return lua_fail(L, &w->op, "folder");
  lua_newtable(L);
  lua_Integer n = 0;
  for (size_t at = 0; at < w->text.len; at += strlen(w->text.ptr + at) + 1) {
    lua_pushstring(L, w->text.ptr + at);
    lua_rawseti(L, -2, ++n);
  }
  return 1;
}

static int remove_finish(lua_State *L, int status, lua_KContext ctx)
{
  (void)status;
  const struct fs_work *w = (const struct fs_work *)ctx;
  if (w->op.err)
    return lua_fail(L, &w->op, "folder");
  lua_pushboolean(L, true);
  return 1;
}

static struct str check_folder(lua_State *L)
{
  struct str folder = lua_check_str(L, 1);
  luaL_argcheck(L, folder.len && strlen(folder.ptr) == folder.len, 1, "must be a path without zero bytes");
  return folder;
}

/* engine.fs.read(folder, path)                                        [-2, +1|2, e, waits] */
static int l_read(lua_State *L)
{
  struct str folder = check_folder(L), path = lua_check_str(L, 2);
  luaL_argcheck(L, path.len && strlen(path.ptr) == path.len, 2, "must be a relative path");
  return op_await(L, start(L, run_read, folder, path), read_finish);
}

/* engine.fs.list(folder)                                              [-1, +1|2, e, waits] */
static int l_list(lua_State *L) { return op_await(L, start(L, run_list, check_folder(L), STR("")), list_finish); }

/* engine.fs.remove(folder, name)                                      [-2, +1|2, e, waits] */
static int l_remove(lua_State *L)
{
  struct str folder = check_folder(L), name = lua_check_str(L, 2);
  bool plain = name.len && strlen(name.ptr) == name.len && !strchr(name.ptr, '/') && name.ptr[0] != '.';
  luaL_argcheck(L, plain, 2, "must be the name of an entry of that folder");
  return op_await(L, start(L, run_remove, folder, name), remove_finish);
}

static const luaL_Reg functions[] = {{"read", l_read}, {"list", l_list}, {"remove", l_remove}, {NULL, NULL}};
void lib_fs_open(lua_State *L) { lua_engine_lib(L, "fs", functions); }
