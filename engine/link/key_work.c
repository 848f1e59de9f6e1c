/* link/key_work.c: see key_work.h. */
#include "link/key_work.h"

#include <unistd.h>

#include "base/mem.h"

static void work_free(struct op *op)
{
  struct key_work *w = (struct key_work *)op;
  key_pair_release(&w->pair);
  mem_free(w->path);
  mem_free(w);
}

static void run_draft(struct key_work *w)
{
  CLEANUP(mem_free_at) char *draft = mem_printf("%s.next.key", w->path);
  w->err = key_generate(&w->pair);
  if (w->err)
    diag_set(&w->diag, w->err, "Failed to generate a key: %s", err_words(w->err));
  else
    w->err = key_save(str_of(draft), &w->pair, &w->diag);
}

static void run_adopt(struct key_work *w)
{
  CLEANUP(mem_free_at) char *draft = mem_printf("%s.next.key", w->path);
  CLEANUP(mem_free_at) char *draft_public = mem_printf("%s.next.pub", w->path);
  w->err = key_save(str_of(w->path), &w->pair, &w->diag);
  if (w->err) {
    diag_context(&w->diag, "The key is in use but its file could not be written; it is in %s", draft);
    return;
  }
  unlink(draft);
  unlink(draft_public);   /* key_save() wrote it beside the draft */
}

static void run(uv_work_t *work)
{
  struct key_work *w = work->data;
  if (w->adopt)
    run_adopt(w);
  else
    run_draft(w);
}

static void done(uv_work_t *work, int status)
{
  struct key_work *w = work->data;
  if (status && !w->err)
    w->err = diag_set(&w->diag, ERR_CANCELLED, "The key was not written: %s", uv_strerror(status));
  op_complete(&w->op, w->err, w->err ? &w->diag : NULL);
  op_unref(&w->op);
}

static void start(struct op_loop *loop, struct str path, const struct key_pair *pair, struct key_work **ret)
{
  struct key_work *w = mem_new(sizeof *w);
  op_init(&w->op, loop, /* cancel= */ NULL, work_free);
  w->work.data = w;
  w->path = str_dup(path);
  w->adopt = pair != NULL;
  if (pair)
    w->pair = *pair;
  *ret = w;
  int r = uv_queue_work(loop->loop, &w->work, run, done);
  if (r)
    done(&w->work, r);
}

void key_draft(struct op_loop *loop, struct str path, struct key_work **ret) { start(loop, path, /* pair= */ NULL, ret); }

void key_adopt(struct op_loop *loop, struct str path, const struct key_pair *pair, struct key_work **ret)
{
  start(loop, path, pair, ret);
}
