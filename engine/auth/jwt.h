/* auth/jwt.h: session tokens: JWT with HMAC-SHA256 (RFC 7519, RFC 7515), as spec auth.md 1.4 has them: claims sub, iat,
 * exp, both times in milliseconds.
 *
 * A token once verified is remembered (bounded), so that a hot request costs a lookup; expiry is checked every time.
 *
 * Thread   loop thread.
 */
#ifndef AUTH_JWT_H
#define AUTH_JWT_H

#include "base/buf.h"

enum {
  JWT_TEXT_MAX = 4096,          /* bytes of a token */
  JWT_SUBJECT_MAX = 64,
  JWT_GRACE_MS = 10 * 1000,     /* accepted while exp > now - this */
  JWT_CACHE_MAX = 4096          /* tokens remembered */
};

struct jwt_claims {
  char sub[JWT_SUBJECT_MAX + 1];
  int64_t iat, exp;
};

struct jwt;
/* `secret` is copied; empty: a random one, so that tokens end with the process. */
struct jwt *jwt_new(struct str secret, int64_t ttl_ms);
void jwt_free(struct jwt *jwt);
/* Appends a token for the user to `out`. */
void jwt_sign(const struct jwt *jwt, struct str user_id, int64_t now_ms, struct buf *out);
/* ERR_AUTH for whatever is wrong with it, in words that repeat nothing of the token. */
NODISCARD Err jwt_verify(struct jwt *jwt, struct str token, int64_t now_ms, struct jwt_claims *ret_claims, struct diag *reterr);

#endif
