/* auth/password.c: see password.h.
 *
 * A job waits in `first..last`, then runs as uv work; its own reference is held until it is complete. Only work() runs
 * on another thread; it touches nothing but its job. */
#include "auth/password.h"

#include <crypt.h>

#include "base/id.h"
#include "base/mem.h"

enum { BCRYPT_BYTES = 72, SALT_BYTES = 16 };

/* A hash of nothing anybody knows, at the default cost: checked against when there is none. */
static const char decoy[] = "$2b$10$abcdefghijklmnopqrstuuGNm2YPFP6HR/TIYCwBkGPGPtMDaRJHW";
_Static_assert(sizeof decoy == PASSWORD_HASH_LEN + 1, "a whole bcrypt hash");

struct job {
  struct password_job pub;   /* first */
  struct passwords *owner;
  struct job *next;
  uv_work_t work;
  char phrase[BCRYPT_BYTES + 1];
  char setting[PASSWORD_HASH_LEN + 1];   /* salt to hash with, or the hash to compare with */
  bool compare, hopeless;                /* hopeless: the answer is no, whatever comes out */
  bool cancelled;
  Err result;
};

struct passwords {
  struct op_loop *loop;
  unsigned running_max, waiting_max, cost;
  unsigned running, waiting;
  struct job *first, *last;
  bool closing;
  void (*on_closed)(void *data);
  void *data;
};

struct passwords *passwords_new(struct op_loop *loop, const struct password_config *config)
{
  struct passwords *p = mem_new(sizeof *p);
  struct password_config c = config ? *config : (struct password_config){0};
  p->loop = loop;
  p->running_max = c.running ? c.running : PASSWORD_RUNNING;
  p->waiting_max = c.waiting ? c.waiting : PASSWORD_WAITING;
  p->cost = c.cost ? c.cost : PASSWORD_COST;
  return p;
}

/* ---- on the thread ---- */

static void work(uv_work_t *w)
{
  struct job *j = w->data;
  void *memory = NULL;
  int size = 0;
  const char *made = crypt_ra(j->phrase, j->setting, &memory, &size);
  bool ok = made && strlen(made) == PASSWORD_HASH_LEN;
  j->result = ERR_INTERNAL;
  if (ok && j->compare)
    j->result = str_eq_secret(str_make(made, PASSWORD_HASH_LEN), str_make(j->setting, PASSWORD_HASH_LEN)) ? OK : ERR_AUTH;
  if (ok && !j->compare) {
    memcpy(j->pub.hash, made, PASSWORD_HASH_LEN);
    j->result = OK;
  }
  if (j->compare && (!ok || j->hopeless))
    j->result = ERR_AUTH;
  if (memory)
    mem_wipe(memory, (size_t)size);
  free(memory);   /* libcrypt's, from malloc */
  mem_wipe(j->phrase, sizeof j->phrase);
}

/* ---- on the loop ---- */

static void finish(struct job *j, Err err)
{
  struct diag d = {0};
  if (err)
    diag_set(&d, err, "%s", err == ERR_AUTH ? "the password does not match" : err_words(err));
  mem_wipe(j->phrase, sizeof j->phrase);
  op_complete(&j->pub.op, err, &d);
  op_unref(&j->pub.op);
}

static void run_next(struct passwords *p);

static void maybe_closed(struct passwords *p)
{
  if (!p->closing || p->running)
    return;
  if (p->on_closed)
    p->on_closed(p->data);
  mem_free(p);
}

static void after(uv_work_t *w, int status)
{
  struct job *j = w->data;
  struct passwords *p = j->owner;
  p->running--;
  finish(j, j->cancelled || status == UV_ECANCELED ? ERR_CANCELLED : j->result);
  run_next(p);
  maybe_closed(p);
}

static void run_next(struct passwords *p)
{
  while (p->first && p->running < p->running_max) {
    struct job *j = p->first;
    p->first = j->next;
    if (!p->first)
      p->last = NULL;
    j->next = NULL;
    p->waiting--;
    p->running++;
    j->work.data = j;
    uv_queue_work(p->loop->loop, &j->work, work, after);
  }
}

static bool take_from_queue(struct passwords *p, struct job *j)
{
  struct job *before = NULL;
  for (struct job *at = p->first; at; before = at, at = at->next) {
    if (at != j)
      continue;
    *(before ? &before->next : &p->first) = j->next;
    if (p->last == j)
      p->last = before;
    p->waiting--;
    return true;
  }
  return false;
}

static void job_cancel(struct op *op)
{
  struct job *j = (struct job *)op;
  if (take_from_queue(j->owner, j)) {
    finish(j, ERR_CANCELLED);
    return;
  }
  j->cancelled = true;
  uv_cancel((uv_req_t *)&j->work);   /* when a thread has it already, it ends in a tenth of a second */
}

static void job_free(struct op *op) { mem_free(op); }

static Err start(struct passwords *p, struct str password, struct job **ret_job, struct diag *reterr)
{
  if (p->closing)
    return diag_set(reterr, ERR_CLOSED, "%s", err_words(ERR_CLOSED));
  if (p->waiting >= p->waiting_max)
    return diag_set(reterr, ERR_RATE, "Too many passwords are being checked. Try again in a few seconds.");
  struct job *j = mem_new(sizeof *j);
  op_init(&j->pub.op, p->loop, job_cancel, job_free);
  j->owner = p;
  size_t len = password.len < BCRYPT_BYTES ? password.len : BCRYPT_BYTES;
  if (len)
    memcpy(j->phrase, password.ptr, len);
  *ret_job = j;
  return OK;
}

static void enqueue(struct passwords *p, struct job *j)
{
  *(p->last ? &p->last->next : &p->first) = j;
  p->last = j;
  p->waiting++;
  run_next(p);
}

static bool holds_zero(struct str s) { return s.len && memchr(s.ptr, 0, s.len); }

Err password_hash(struct passwords *p, struct str password, struct password_job **ret_job, struct diag *reterr)
{
  if (!password.len || holds_zero(password))
    return diag_set(reterr, ERR_INVALID, "a password must not be empty or hold a zero byte");
  struct job *j = NULL;
  Err err = start(p, password, &j, reterr);
  if (err)
    return err;
  char salt[SALT_BYTES];
  id_random(salt, sizeof salt);
  if (!crypt_gensalt_rn("$2b$", p->cost, salt, sizeof salt, j->setting, sizeof j->setting)) {
    op_unref(&j->pub.op);
    op_unref(&j->pub.op);
    return diag_set(reterr, ERR_INTERNAL, "bcrypt with cost %u is not available", p->cost);
  }
  enqueue(p, j);
  *ret_job = &j->pub;
  return OK;
}

/* "$2b$10$" and 53 characters, of a cost we are willing to pay. The three prefixes mean the same for the phrases of
 * today's programs, and $2b$ is what libcrypt computes for all of them. */
static bool usable(struct str hash)
{
  if (hash.len != PASSWORD_HASH_LEN || hash.ptr[0] != '$' || hash.ptr[1] != '2' || !strchr("aby", hash.ptr[2]) ||
      hash.ptr[3] != '$' || hash.ptr[6] != '$' || holds_zero(hash))
    return false;
  uint64_t cost;
  return str_to_u64(str_sub(hash, 4, 2), &cost) && cost >= 4 && cost <= PASSWORD_COST_MAX;
}

Err password_verify(struct passwords *p, struct str password, struct str hash, struct password_job **ret_job, struct diag *reterr)
{
  struct job *j = NULL;
  Err err = start(p, password, &j, reterr);
  if (err)
    return err;
  bool real = usable(hash);
  // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): start() sets it when it succeeds
  j->compare = true;
  j->hopeless = !real || holds_zero(password);
  memcpy(j->setting, real ? hash.ptr : decoy, PASSWORD_HASH_LEN);
  j->setting[2] = 'b';
  enqueue(p, j);
  *ret_job = &j->pub;
  return OK;
}

void passwords_close(struct passwords *p, void (*on_closed)(void *data), void *data)
{
  p->closing = true;
  p->on_closed = on_closed;
  p->data = data;
  while (p->first)
    job_cancel(&p->first->pub.op);
  maybe_closed(p);
}
