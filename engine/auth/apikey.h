/* auth/apikey.h: API keys (spec auth.md 1.5): a public key and a secret of which bcrypt is stored.
 *
 * A checked secret is remembered as SHA-256 of key and secret beside the hash it was checked against, so that a hot
 * request costs a digest instead of bcrypt. The caller looks the key up in its table for every request and passes the
 * row, so a deleted, expired or replaced key stops working at once.
 *
 * Thread   loop thread.
 */
#ifndef AUTH_APIKEY_H
#define AUTH_APIKEY_H

#include "auth/password.h"
#include "doc/json.h"

enum {
  APIKEY_LEN = 44,                    /* K_<40 letters and digits>_K, S_…_S */
  APIKEY_GRACE_MS = 5 * 60 * 1000,    /* rejected when expires < now - this */
  APIKEY_CACHE_MAX = 4096
};

struct apikey_pair {
  char key[APIKEY_LEN + 1], secret[APIKEY_LEN + 1];
};
void apikey_generate(struct apikey_pair *ret_pair);

/* The document of a key as it is stored; texts are borrowed. */
struct apikey {
  struct str key, hash, user_id, name;
  int64_t created_at, expires;        /* 0: never */
};
void apikey_write(const struct apikey *key, struct buf *out);
/* False when it is no such document. Borrows from `doc`. */
bool apikey_parse(yyjson_val *doc, struct apikey *ret);
bool apikey_expired(const struct apikey *key, int64_t now_ms);

struct apikeys;
struct apikeys *apikeys_new(struct op_loop *loop, struct passwords *passwords);
/* Checks that are still running complete; they may outlive this call. Close before `passwords`. */
void apikeys_free(struct apikeys *k);

/* The hot path, without waiting: OK the secret is right (remembered) · ERR_AUTH it cannot be (`stored` NULL: unknown key;
 * expired) · ERR_BUSY it has to be checked: apikeys_check(). */
NODISCARD Err apikeys_recall(struct apikeys *k, const struct apikey *stored, struct str secret, int64_t now_ms);
/* Checks the secret with bcrypt; completes OK · ERR_AUTH · ERR_CANCELLED. Equal checks that are under way are joined.
 * ERR_RATE: too many checks wait. */
NODISCARD Err apikeys_check(struct apikeys *k, const struct apikey *stored, struct str secret, struct op **ret_op,
                            struct diag *reterr);
/* Forgets a key, when it was deleted. */
void apikeys_forget(struct apikeys *k, struct str key);

#endif
