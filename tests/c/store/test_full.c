/* A full disk: writes fail in words, nothing acknowledged is lost, reads go on, writing goes on when space is back.
 *
 * As root on a small tmpfs in a mount namespace of this process (gone with it), and for everybody with RLIMIT_FSIZE, which
 * SQLite meets as EFBIG. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "store_test.h"

enum { DISK = 4 << 20, BALLAST = 2 << 20 };

static const char *const item_indexes[] = {"ts", NULL};
static const struct store_collection list[] = {{"Item", "name", item_indexes}};

struct disk {
  struct env env;
  bool mounted;
  char *ballast;
};

static bool mount_disk(const char *dir)
{
  CLEANUP(mem_free_at) char *options = mem_printf("size=%d", DISK);
  return geteuid() == 0 && unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
         mount("none", dir, "tmpfs", 0, options) == 0;
}

static void limit_files(rlim_t bytes)
{
  struct rlimit limit;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
  limit.rlim_cur = bytes;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void use_space_up(struct disk *d)
{
  if (!d->mounted) {
    limit_files(BALLAST);
    return;
  }
  d->ballast = mem_printf("%s/ballast", d->env.dir);
  int fd = open(d->ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(posix_fallocate(fd, 0, BALLAST), 0);
  close(fd);
}

static void give_space_back(struct disk *d)
{
  if (!d->mounted) {
    limit_files(RLIM_INFINITY);
    return;
  }
  assert_int_equal(unlink(d->ballast), 0);
  mem_free(d->ballast);
}

static struct op *put(struct env *e, int i, size_t size)
{
  struct store_batch *b = store_batch_new(e->store);
  struct op *op;
  char key[16];
  snprintf(key, sizeof key, "%d", i);
  CLEANUP(mem_free_at) char *pad = mem_new(size + 1);
  memset(pad, 'x', size);
  CLEANUP(mem_free_at) char *json = mem_printf("{\"name\":\"n%d\",\"ts\":%d,\"pad\":\"%s\"}", i, i, pad);
  store_batch_put(b, "Item", str_of(key), str_of(json));
  store_commit(b, &op);
  return op;
}

static void assert_present(struct env *e, const bool *written, int count)
{
  for (int i = 0; i < count; i++) {
    char key[16];
    struct store_find *f;
    snprintf(key, sizeof key, "%d", i);
    store_get(e->store, "Item", str_of(key), &f);
    Err err = env_await(e, &f->op);
    if (err != (written[i] ? OK : ERR_NOTFOUND))
      fail_msg("document %d of %d, %s: %s: %s", i, count, written[i] ? "acknowledged" : "refused", err_name(err),
               f->op.diag ? f->op.diag->message : "");
    op_unref(&f->op);
  }
}

enum { WRITES = 2000, WAVE = 16, SIZE = 8000 };

static void fill_and_recover(bool by_limit)
{
  struct disk d = {0};
  struct env *e = &d.env;
  env_init(e);
  d.mounted = !by_limit && mount_disk(e->dir);
  if (!by_limit && !d.mounted) {
    env_release(e);
    skip();
  }
  env_open_with(e, list, 1);
  use_space_up(&d);
  bool written[WRITES] = {false};
  int count = 0, failed = 0;
  while (!failed && count < WRITES) {
    struct op *ops[WAVE];
    for (int i = 0; i < WAVE; i++)
      ops[i] = put(e, count + i, SIZE);
    for (int i = 0; i < WAVE; i++) {
      Err err = env_await(e, ops[i]);
      written[count + i] = !err;
      failed += err != OK;
      if (err) {
        if (err != ERR_FULL)
          fail_msg("%s", ops[i]->diag->message);
        assert_non_null(strstr(ops[i]->diag->message, "no space left"));
      }
      op_unref(ops[i]);
    }
    count += WAVE;
  }
  assert_true(failed > 0);
  assert_true(count > WAVE);
  /* Still full: more of the same fails, and what is there can be read, by key and by index. */
  for (int i = 0; i < 5; i++)
    assert_int_equal(env_finish(e, put(e, count, SIZE * 100)), ERR_FULL);
  assert_present(e, written, count + 1);
  struct store_query q = {.collection = "Item", .sort = "ts", .descending = true, .limit = 5};
  CLEANUP(mem_free_at) char *page = env_find(e, &q);
  assert_non_null(page);
  give_space_back(&d);
  for (int i = 0; i < 3; i++, count++) {
    assert_int_equal(env_finish(e, put(e, count, SIZE)), OK);
    written[count] = true;
  }
  assert_present(e, written, count);
  env_close(e);
  env_open_with(e, list, 1);
  assert_present(e, written, count);
  if (d.mounted) {
    env_close(e);
    umount2(e->dir, MNT_DETACH);
  }
  env_release(e);
}

static void a_full_disk_loses_nothing(void **state)
{
  (void)state;
  fill_and_recover(false);
}

static void a_file_at_its_limit_loses_nothing(void **state)
{
  (void)state;
  fill_and_recover(true);
}

int main(void)
{
  signal(SIGXFSZ, SIG_IGN);
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_full_disk_loses_nothing), cmocka_unit_test(a_file_at_its_limit_loses_nothing)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
