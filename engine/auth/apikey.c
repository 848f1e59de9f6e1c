/* auth/apikey.c: see apikey.h.
 *
 * A check owns a password job; whoever asked for the same key and secret meanwhile waits on it too, so that a restart
 * under load costs one bcrypt per key and not one per request. */
#include "auth/apikey.h"

#include <openssl/evp.h>

#include "auth/lru.h"
#include "base/id.h"
#include "base/mem.h"

enum { DIGEST_LEN = 32, RANDOM_LEN = 40 };

struct known {
  struct lru_node node;                   /* first; keyed by the public key */
  unsigned char digest[DIGEST_LEN];
  char hash[PASSWORD_HASH_LEN + 1];       /* it was checked against */
};

struct waiter {
  struct op op;                           /* first */
  struct check *check;                    /* NULL once told */
  struct waiter *next;
};

struct check {
  struct check *next;
  struct apikeys *owner;                  /* NULL: freed meanwhile */
  struct password_job *job;
  struct waiter *waiters;
  char *key;
  unsigned char digest[DIGEST_LEN];
  char hash[PASSWORD_HASH_LEN + 1];
  bool forgotten;                         /* the key was deleted while it was checked */
};

struct apikeys {
  struct op_loop *loop;
  struct passwords *passwords;
  struct lru known;
  struct check *checks;
};

/* ---- keys ---- */

void apikey_generate(struct apikey_pair *pair)
{
  char random[RANDOM_LEN + 1];
  id_alnum(random, RANDOM_LEN);
  snprintf(pair->key, sizeof pair->key, "K_%s_K", random);
  id_alnum(random, RANDOM_LEN);
  snprintf(pair->secret, sizeof pair->secret, "S_%s_S", random);
  mem_wipe(random, sizeof random);
}

static void add_member(struct buf *out, const char *name, struct str value)
{
  buf_printf(out, "\"%s\":", name);
  buf_add_json(out, value);
  buf_add_char(out, ',');
}

void apikey_write(const struct apikey *key, struct buf *out)
{
  buf_add_char(out, '{');
  add_member(out, "key", key->key);
  add_member(out, "secret", key->hash);
  add_member(out, "user_id", key->user_id);
  add_member(out, "name", key->name);
  buf_printf(out, "\"created_at\":%lld,\"expires\":%lld}", (long long)key->created_at, (long long)key->expires);
}

bool apikey_parse(yyjson_val *doc, struct apikey *ret)
{
  struct apikey k = {
      .key = json_get_str(doc, "key"),
      .hash = json_get_str(doc, "secret"),
      .user_id = json_get_str(doc, "user_id"),
      .name = json_get_str(doc, "name"),
      .created_at = json_get_int(doc, "created_at", 0),
      .expires = json_get_int(doc, "expires", 0),
  };
  if (!k.key.len || !k.user_id.len)
    return false;
  *ret = k;
  return true;
}

bool apikey_expired(const struct apikey *key, int64_t now_ms)
{
  return key->expires != 0 && key->expires < now_ms - APIKEY_GRACE_MS;
}

/* ---- what was checked before ---- */

static void drop_known(struct lru_node *node) { mem_free(node); }

struct apikeys *apikeys_new(struct op_loop *loop, struct passwords *passwords)
{
  struct apikeys *k = mem_new(sizeof *k);
  k->loop = loop;
  k->passwords = passwords;
  k->known = LRU_INIT(APIKEY_CACHE_MAX, drop_known);
  return k;
}

void apikeys_free(struct apikeys *k)
{
  if (!k)
    return;
  for (struct check *c = k->checks; c; c = c->next)
    c->owner = NULL;
  lru_release(&k->known);
  mem_free(k);
}

/* The length keeps ("ab", "c") and ("a", "bc") apart. */
static bool digest_of(struct str key, struct str secret, unsigned char ret_digest[DIGEST_LEN])
{
  uint64_t len = key.len;
  EVP_MD_CTX *ctx = EVP_MD_CTX_new();
  bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) && EVP_DigestUpdate(ctx, &len, sizeof len) &&
            EVP_DigestUpdate(ctx, key.ptr, key.len) && EVP_DigestUpdate(ctx, secret.ptr, secret.len) &&
            EVP_DigestFinal_ex(ctx, ret_digest, NULL);
  EVP_MD_CTX_free(ctx);
  return ok;
}

static bool same_digest(const unsigned char *a, const unsigned char *b)
{
  return str_eq_secret(str_make((const char *)a, DIGEST_LEN), str_make((const char *)b, DIGEST_LEN));
}

Err apikeys_recall(struct apikeys *k, const struct apikey *stored, struct str secret, int64_t now_ms)
{
  unsigned char digest[DIGEST_LEN];
  if (!stored || apikey_expired(stored, now_ms) || !digest_of(stored->key, secret, digest))
    return ERR_AUTH;
  const struct known *known = (const struct known *)lru_get(&k->known, stored->key);
  if (known && str_eqc(stored->hash, known->hash) && same_digest(known->digest, digest))
    return OK;
  return ERR_BUSY;
}

void apikeys_forget(struct apikeys *k, struct str key)
{
  struct lru_node *node = lru_get(&k->known, key);
  if (node)
    lru_remove(&k->known, node);
  for (struct check *c = k->checks; c; c = c->next)
    if (str_eqc(key, c->key))
      c->forgotten = true;
}

/* ---- checking ---- */

static void waiter_free(struct op *op) { mem_free(op); }

static void waiter_end(struct waiter *w, Err err)
{
  struct diag d = {0};
  if (err)
    diag_set(&d, err, "%s", err == ERR_AUTH ? "Invalid user credentials" : err_words(err));
  w->check = NULL;
  op_complete(&w->op, err, &d);
  op_unref(&w->op);
}

/* The check itself goes on: its answer is worth remembering, and others may wait for it. */
static void waiter_cancel(struct op *op)
{
  struct waiter *w = (struct waiter *)op;
  for (struct waiter **at = &w->check->waiters; *at; at = &(*at)->next)
    if (*at == w) {
      *at = w->next;
      break;
    }
  waiter_end(w, ERR_CANCELLED);
}

static void remember(struct apikeys *k, const struct check *c)
{
  struct known *known = mem_new(sizeof *known);
  memcpy(known->digest, c->digest, DIGEST_LEN);
  memcpy(known->hash, c->hash, sizeof known->hash);
  lru_put(&k->known, str_of(c->key), &known->node);
}

static void check_done(struct op *op, void *data)
{
  struct check *c = data;
  Err err = op->err;
  if (c->owner) {
    if (err == OK && !c->forgotten)
      remember(c->owner, c);
    for (struct check **at = &c->owner->checks; *at; at = &(*at)->next)
      if (*at == c) {
        *at = c->next;
        break;
      }
  }
  if (err == OK && c->forgotten)
    err = ERR_AUTH;
  while (c->waiters) {
    struct waiter *w = c->waiters;
    c->waiters = w->next;
    waiter_end(w, err);
  }
  op_unref(&c->job->op);
  mem_free(c->key);
  mem_free(c);
}

static struct check *find_check(struct apikeys *k, const struct apikey *stored, const unsigned char *digest)
{
  for (struct check *c = k->checks; c; c = c->next)
    if (!c->forgotten && str_eqc(stored->key, c->key) && str_eqc(stored->hash, c->hash) && same_digest(c->digest, digest))
      return c;
  return NULL;
}

static Err start_check(struct apikeys *k, const struct apikey *stored, struct str secret, const unsigned char *digest,
                       struct check **ret_check, struct diag *reterr)
{
  struct password_job *job = NULL;
  Err err = password_verify(k->passwords, secret, stored->hash, &job, reterr);
  if (err)
    return err;
  struct check *c = mem_new(sizeof *c);
  c->owner = k;
  c->job = job;
  c->key = str_dup(stored->key);
  memcpy(c->digest, digest, DIGEST_LEN);
  if (stored->hash.len == PASSWORD_HASH_LEN)
    memcpy(c->hash, stored->hash.ptr, PASSWORD_HASH_LEN);
  c->next = k->checks;
  k->checks = c;
  op_wait(&job->op, check_done, c);
  *ret_check = c;
  return OK;
}

Err apikeys_check(struct apikeys *k, const struct apikey *stored, struct str secret, struct op **ret_op, struct diag *reterr)
{
  unsigned char digest[DIGEST_LEN];
  if (!digest_of(stored->key, secret, digest))
    return diag_set(reterr, ERR_INTERNAL, "SHA-256 failed");
  struct check *c = find_check(k, stored, digest);
  if (!c) {
    Err err = start_check(k, stored, secret, digest, &c, reterr);
    if (err)
      return err;
  }
  struct waiter *w = mem_new(sizeof *w);
  op_init(&w->op, k->loop, waiter_cancel, waiter_free);
  w->check = c;
  w->next = c->waiters;
  c->waiters = w;
  *ret_op = &w->op;
  return OK;
}
