/* What the tests of the store share: a loop, a folder of their own, and waiting for an op. */
#ifndef TESTS_STORE_TEST_H
#define TESTS_STORE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ftw.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/store.h"

struct env {
  uv_loop_t loop;
  struct op_loop ops;
  char dir[64];
  char *path;
  struct store *store;
  bool closed;
};

static inline int env_remove(const char *path, const struct stat *st, int flag, struct FTW *at)
{
  (void)st, (void)flag, (void)at;
  return remove(path);
}

static inline void env_init(struct env *e)
{
  *e = (struct env){0};
  snprintf(e->dir, sizeof e->dir, "/tmp/komodo-store-XXXXXX");
  assert_non_null(mkdtemp(e->dir));
  e->path = mem_printf("%s/data/komodo.db", e->dir);
  assert_int_equal(uv_loop_init(&e->loop), 0);
  op_loop_init(&e->ops, &e->loop);
}

static inline void env_open_with(struct env *e, const struct store_collection *list, size_t count)
{
  struct diag d = {0};
  Err err = store_open(&e->ops, e->path, list, count, &e->store, &d);
  if (err)
    print_error("%s\n", d.message);
  assert_int_equal(err, OK);
}

static inline void env_on_closed(void *data) { ((struct env *)data)->closed = true; }

static inline void env_close(struct env *e)
{
  e->closed = false;
  store_close(e->store, env_on_closed, e);
  while (!e->closed)
    uv_run(&e->loop, UV_RUN_ONCE);
  e->store = NULL;
}

static inline void env_release(struct env *e)
{
  if (e->store)
    env_close(e);
  op_loop_close(&e->ops);
  uv_run(&e->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&e->loop), 0);
  nftw(e->dir, env_remove, 16, FTW_DEPTH | FTW_PHYS);
  mem_free(e->path);
}

/* Runs the loop until the op is done and its waiter would have been told. */
static inline void env_on_done(struct op *op, void *data)
{
  (void)op;
  *(bool *)data = true;
}

static inline Err env_await(struct env *e, struct op *op)
{
  bool done = false;
  op_wait(op, env_on_done, &done);
  while (!done)
    uv_run(&e->loop, UV_RUN_ONCE);
  return op->err;
}

/* Waits and gives the reference back. */
static inline Err env_finish(struct env *e, struct op *op)
{
  Err err = env_await(e, op);
  op_unref(op);
  return err;
}

static inline Err env_put(struct env *e, const char *collection, const char *key, const char *json)
{
  struct store_batch *b = store_batch_new(e->store);
  struct op *op;
  store_batch_put(b, collection, str_of(key), str_of(json));
  store_commit(b, &op);
  return env_finish(e, op);
}

/* The documents a find gives, as text; NULL after a failure. Free it. */
static inline char *env_find(struct env *e, const struct store_query *q)
{
  struct store_find *f;
  store_find(e->store, q, &f);
  char *text = env_await(e, &f->op) ? NULL : buf_take(&f->json);
  op_unref(&f->op);
  return text;
}

static inline char *env_get(struct env *e, const char *collection, const char *key)
{
  struct store_find *f;
  store_get(e->store, collection, str_of(key), &f);
  char *text = env_await(e, &f->op) ? NULL : buf_take(&f->json);
  op_unref(&f->op);
  return text;
}

#define assert_text(text, expected)          \
  do {                                       \
    char *text_ = (text);                    \
    assert_non_null(text_);                  \
    assert_string_equal(text_, (expected));  \
    mem_free(text_);                         \
  } while (0)

#endif
