/* link/serve.c: life and keys of the agent's side; see serve.h. */
#include "link/serve_internal.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"

static void free_secret(char *text)
{
  if (text)
    mem_wipe(text, strlen(text));
  mem_free(text);
}

static void serve_free(struct serve *s)
{
  key_pair_release(&s->key);
  key_pair_release(&s->onboarding_key);
  trust_release(&s->trust);
  for (char **p = s->passkeys; p && *p; p++)
    free_secret(*p);
  mem_free(s->passkeys);
  mem_free(s->key_path);
  mem_free(s->connect_as);
  map_release(&s->calls);
  map_release(&s->terminals);
  mem_free(s);
}

void serve_handle_closed(struct serve *s)
{
  if (--s->handles || !s->closing)
    return;
  void (*on_closed)(void *data) = s->on_closed;
  void *data = s->closed_data;
  serve_free(s);
  if (on_closed)
    on_closed(data);
}

static size_t count_of(const char *const *list)
{
  size_t n = 0;
  while (list && list[n])
    n++;
  return n;
}

static Err load(struct serve *s, const struct serve_config *c, struct diag *reterr)
{
  Err err = key_load(c->private_key, &s->key, reterr);
  if (err)
    return diag_context(reterr, "private_key is invalid");
  struct str path = key_spec_path(c->private_key);
  s->key_path = path.ptr ? str_dup(path) : NULL;
  if (c->onboarding_key.len) {
    err = key_parse(c->onboarding_key, &s->onboarding_key, reterr);
    if (err)
      return diag_context(reterr, "onboarding_key is invalid");
    s->has_onboarding_key = true;
  }
  return trust_load(&s->trust, c->core_public_keys, c->has_listener, c->core_pub_path, reterr);
}

static void on_queue_closed(uv_handle_t *h)
{
  struct timeq *q = h->data;
  serve_handle_closed(q->data);
}

Err serve_new(const struct serve_config *config, struct serve **ret, struct diag *reterr)
{
  struct serve *s = mem_new(sizeof *s);
  s->loop = config->loop;
  s->times = config->times ? *config->times : LINK_TIMES_DEFAULT;
  s->config = *config;
  s->insecure_tls = config->insecure_tls;
  s->connect_as = str_dup(config->connect_as);
  size_t passkeys = count_of(config->passkeys);
  s->passkeys = mem_new_array(passkeys + 1, sizeof *s->passkeys);
  for (size_t i = 0; i < passkeys; i++)
    s->passkeys[i] = mem_strdup(config->passkeys[i]);
  s->has_passkeys = passkeys;
  Err err = load(s, config, reterr);
  if (err) {
    serve_free(s);
    return err;
  }
  timeq_init(&s->pending, s->loop->loop, s->times.pending_ms, serve_on_pending, s);
  s->handles++;
  for (size_t i = 0; i < count_of(config->core_addresses) && !err && s->connect_as[0]; i++)
    err = engines_add(s, str_of(config->core_addresses[i]), reterr);
  if (err) {
    diag_context(reterr, "core_addresses: an entry is invalid");
    serve_close(s, /* on_closed= */ NULL, /* data= */ NULL);
    return err;
  }
  *ret = s;
  return OK;
}

bool serve_start(struct serve *s)
{
  for (struct engine *e = s->engines; e; e = e->next)
    if (e->outbound)
      engine_dial_soon(e, 0);
  return s->engines;
}

void serve_close(struct serve *s, void (*on_closed)(void *data), void *data)
{
  s->closing = true;
  s->on_closed = on_closed;
  s->closed_data = data;
  visitors_close(s);
  while (s->engines)
    engine_remove(s->engines);
  timeq_close(&s->pending, on_queue_closed);
}

struct str serve_public_key(const struct serve *s) { return str_of(s->key.text); }

bool serve_is_open(const struct serve *s) { return trust_is_open(&s->trust) && !s->has_passkeys; }

/* ---- key files, written on libuv's worker threads ---- */

struct key_job {
  struct op op;
  uv_work_t work;
  struct serve *serve;
  bool is_private;
  struct key_pair pair;                 /* private: the new one */
  char text[KEY_PUBLIC_LEN + 1];        /* public: the engine's */
  char *path;
  Err err;
  struct diag diag;
};

static void job_free(struct op *op)
{
  struct key_job *job = (struct key_job *)op;
  key_pair_release(&job->pair);
  mem_free(job->path);
  mem_free(job);
}

static void run_job(uv_work_t *work)
{
  struct key_job *job = work->data;
  struct str path = str_of(job->path);
  if (!job->is_private) {
    job->err = key_save_public(path, job->text, &job->diag);
    return;
  }
  job->err = key_generate(&job->pair);
  if (!job->err)
    job->err = key_save(path, &job->pair, &job->diag);
  else
    diag_set(&job->diag, job->err, "Failed to generate a key: %s", err_words(job->err));
}

static void job_done(uv_work_t *work, int status)
{
  struct key_job *job = work->data;
  struct serve *s = job->serve;
  if (status && !job->err)
    job->err = diag_set(&job->diag, ERR_CANCELLED, "The key was not written: %s", uv_strerror(status));
  if (job->is_private) {
    s->rotating = false;
    if (!job->err)
      s->key = job->pair;
  } else if (!job->err) {
    trust_set(&s->trust, job->path, job->text);
  }
  if (job->err && !job->op.on_done)
    log_error("%s", job->diag.message);   /* nobody else will hear of it */
  op_complete(&job->op, job->err, job->err ? &job->diag : NULL);
  op_unref(&job->op);
  serve_handle_closed(s);
}

static struct key_job *job_new(struct serve *s)
{
  struct key_job *job = mem_new(sizeof *job);
  op_init(&job->op, s->loop, /* cancel= */ NULL, job_free);
  job->serve = s;
  job->work.data = job;
  return job;
}

static void job_start(struct key_job *job, const char *path)
{
  job->path = mem_strdup(path);
  job->serve->handles++;
  int r = uv_queue_work(job->serve->loop->loop, &job->work, run_job, job_done);
  if (r)
    job_done(&job->work, r);
}

/* Nothing to write, or nothing that can be. */
static void job_skip(struct key_job *job, Err err, const struct diag *d)
{
  op_complete(&job->op, err, d);
  op_unref(&job->op);
}

void serve_learn(struct serve *s, const char *path, struct str key)
{
  struct key_job *job = job_new(s);
  memcpy(job->text, key.ptr, KEY_PUBLIC_LEN);
  log_info("trusting the engine with public key %s from now on", job->text);
  job_start(job, path);
  op_unref(&job->op);
}

void serve_rotate_private_key(struct serve *s, struct op **ret_op)
{
  struct key_job *job = job_new(s);
  struct diag d = {0};
  *ret_op = &job->op;
  job->is_private = true;
  if (!s->key_path) {
    job_skip(job, OK, /* d= */ NULL);
  } else if (s->rotating || s->closing) {
    diag_set(&d, ERR_BUSY, "The private key is being rotated already");
    job_skip(job, ERR_BUSY, &d);
  } else {
    s->rotating = true;
    job_start(job, s->key_path);
  }
}

void serve_rotate_core_key(struct serve *s, struct str public_key, struct op **ret_op)
{
  struct key_job *job = job_new(s);
  struct diag d = {0};
  *ret_op = &job->op;
  Err err = key_parse_public(public_key, job->text, &d);
  const char *path = err || s->closing ? NULL : trust_rotation_path(&s->trust, job->text);
  if (path)
    job_start(job, path);
  else
    job_skip(job, err, &d);
}
