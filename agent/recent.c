/* agent/recent.c: see recent.h. */
#include "agent/recent.h"

#include "base/clock.h"
#include "base/mem.h"

struct entry {
  bool busy;
  unsigned waiting;
  uint64_t done_at;      /* 0: no result yet */
  Err err;
  struct diag diag;
  char *json;
};

static void entry_free(struct entry *e)
{
  mem_free(e->json);
  mem_free(e);
}

void recent_init(struct recent *r)
{
  *r = (struct recent){0};
  uv_mutex_init(&r->lock);
  uv_cond_init(&r->ended);
}

void recent_release(struct recent *r)
{
  size_t at = 0;
  struct str key;
  void *value;
  while (map_next(&r->entries, &at, &key, &value))
    entry_free(value);
  map_release(&r->entries);
  uv_cond_destroy(&r->ended);
  uv_mutex_destroy(&r->lock);
}

/* Forgets what is too old to be used again. */
static void drop_stale(struct recent *r)
{
  size_t at = 0;
  struct str key;
  void *value;
  while (map_next(&r->entries, &at, &key, &value)) {
    struct entry *e = value;
    if (e->busy || e->waiting || clock_mono_ms() - e->done_at < RECENT_MS)
      continue;
    map_remove(&r->entries, key);
    entry_free(e);
  }
}

bool recent_enter(struct recent *r, struct str name, struct job *job)
{
  uv_mutex_lock(&r->lock);
  drop_stale(r);
  struct entry *e = map_get(&r->entries, name);
  if (!e) {
    e = mem_new(sizeof *e);
    map_set(&r->entries, name, e);
  }
  e->waiting++;
  while (e->busy)
    uv_cond_wait(&r->ended, &r->lock);
  e->waiting--;
  bool fresh = e->done_at && clock_mono_ms() - e->done_at < RECENT_MS;
  if (fresh) {
    job->err = e->err;
    job->diag = e->diag;
    buf_add_text(&job->out, e->json);
  } else {
    e->busy = true;
  }
  uv_mutex_unlock(&r->lock);
  return fresh;
}

void recent_leave(struct recent *r, struct str name, const struct job *job, Err err)
{
  uv_mutex_lock(&r->lock);
  struct entry *e = map_get(&r->entries, name);
  mem_free(e->json);
  e->json = str_dup(buf_str(&job->out));
  e->err = err;
  e->diag = job->diag;
  e->done_at = clock_mono_ms();
  e->busy = false;
  uv_cond_broadcast(&r->ended);
  uv_mutex_unlock(&r->lock);
}
