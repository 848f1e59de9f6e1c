/* auth/jwt.c: see jwt.h. */
#include "auth/jwt.h"

#include <openssl/hmac.h>

#include "auth/lru.h"
#include "base/codec.h"
#include "base/id.h"
#include "base/mem.h"
#include "doc/json.h"

enum { SECRET_RANDOM_LEN = 40, MAC_LEN = 32 };

struct jwt {
  char *secret;
  size_t secret_len;
  int64_t ttl_ms;
  struct lru verified;   /* token -> struct known */
};

struct known {
  struct lru_node node;   /* first */
  struct jwt_claims claims;
};

static void drop_known(struct lru_node *node) { mem_free(node); }

struct jwt *jwt_new(struct str secret, int64_t ttl_ms)
{
  struct jwt *j = mem_new(sizeof *j);
  char random[SECRET_RANDOM_LEN + 1];
  id_alnum(random, SECRET_RANDOM_LEN);
  if (!secret.len)
    secret = str_make(random, SECRET_RANDOM_LEN);
  j->secret = str_dup(secret);
  j->secret_len = secret.len;
  j->ttl_ms = ttl_ms;
  j->verified = LRU_INIT(JWT_CACHE_MAX, drop_known);
  mem_wipe(random, sizeof random);
  return j;
}

void jwt_free(struct jwt *j)
{
  if (!j)
    return;
  lru_release(&j->verified);
  mem_wipe(j->secret, j->secret_len);
  mem_free(j->secret);
  mem_free(j);
}

static bool mac(const struct jwt *j, struct str text, unsigned char ret_mac[MAC_LEN])
{
  unsigned len = 0;
  return HMAC(EVP_sha256(), j->secret, (int)j->secret_len, (const unsigned char *)text.ptr, text.len, ret_mac, &len) &&
         len == MAC_LEN;
}

static void add_part(struct buf *out, struct str text) { base64_encode(out, text.ptr, text.len, BASE64_URL_NOPAD); }

void jwt_sign(const struct jwt *j, struct str user_id, int64_t now_ms, struct buf *out)
{
  CLEANUP(buf_release) struct buf claims = BUF_INIT(JWT_TEXT_MAX);
  CLEANUP(buf_release) struct buf token = BUF_INIT(JWT_TEXT_MAX);
  buf_add_text(&claims, "{\"sub\":");
  buf_add_json(&claims, user_id);
  buf_printf(&claims, ",\"iat\":%lld,\"exp\":%lld}", (long long)now_ms, (long long)now_ms + (long long)j->ttl_ms);
  add_part(&token, STR("{\"typ\":\"JWT\",\"alg\":\"HS256\"}"));
  buf_add_char(&token, '.');
  add_part(&token, buf_str(&claims));
  unsigned char sum[MAC_LEN];
  if (buf_err(&claims) || buf_err(&token) || !mac(j, buf_str(&token), sum)) {
    out->err = ERR_INTERNAL;
    return;
  }
  buf_add_char(&token, '.');
  add_part(&token, str_make((const char *)sum, sizeof sum));
  buf_add_str(out, buf_str(&token));
}

static Err parse_part(struct str text, yyjson_doc **ret_doc)
{
  CLEANUP(buf_release) struct buf raw = BUF_INIT(JWT_TEXT_MAX);
  if (base64_decode(&raw, text, BASE64_URL_NOPAD) || json_parse(buf_str(&raw), ret_doc, NULL))
    return ERR_AUTH;
  return yyjson_is_obj(yyjson_doc_get_root(*ret_doc)) ? OK : ERR_AUTH;
}

/* One algorithm, and nothing we would have to understand ("crit"). */
static bool header_ok(struct str text)
{
  CLEANUP(json_doc_free) yyjson_doc *doc = NULL;
  if (parse_part(text, &doc))
    return false;
  yyjson_val *header = yyjson_doc_get_root(doc);
  struct str type = json_get_str(header, "typ");
  return str_eqc(json_get_str(header, "alg"), "HS256") && !yyjson_obj_get(header, "crit") &&
         (!type.ptr || str_eq_nocase(type, STR("JWT")));
}

static bool signature_ok(const struct jwt *j, struct str signed_text, struct str signature)
{
  unsigned char sum[MAC_LEN];
  CLEANUP(buf_release) struct buf given = BUF_INIT(MAC_LEN);
  return mac(j, signed_text, sum) && base64_decode(&given, signature, BASE64_URL_NOPAD) == OK &&
         str_eq_secret(buf_str(&given), str_make((const char *)sum, sizeof sum));
}

static bool read_claims(struct str text, struct jwt_claims *ret)
{
  CLEANUP(json_doc_free) yyjson_doc *doc = NULL;
  if (parse_part(text, &doc))
    return false;
  yyjson_val *claims = yyjson_doc_get_root(doc);
  struct str sub = json_get_str(claims, "sub");
  if (!sub.len || sub.len > JWT_SUBJECT_MAX || memchr(sub.ptr, 0, sub.len) || yyjson_obj_get(claims, "aud") ||
      !yyjson_is_int(yyjson_obj_get(claims, "exp")))
    return false;
  *ret = (struct jwt_claims){.iat = json_get_int(claims, "iat", 0), .exp = json_get_int(claims, "exp", 0)};
  memcpy(ret->sub, sub.ptr, sub.len);
  return true;
}

static Err verify(struct jwt *j, struct str token, struct jwt_claims *ret, struct diag *reterr)
{
  struct str rest = token, header, claims;
  if (token.len > JWT_TEXT_MAX || !str_split(&rest, '.', &header) || !str_split(&rest, '.', &claims) || !rest.ptr ||
      str_find(rest, '.') >= 0)
    return diag_set(reterr, ERR_AUTH, "not a JSON web token");
  if (!header_ok(header))
    return diag_set(reterr, ERR_AUTH, "the token is not of algorithm HS256");
  if (!signature_ok(j, str_make(token.ptr, header.len + 1 + claims.len), rest))
    return diag_set(reterr, ERR_AUTH, "the token's signature is wrong");
  if (!read_claims(claims, ret))
    return diag_set(reterr, ERR_AUTH, "the token lacks sub or exp, or is meant for somebody else");
  return OK;
}

static bool expired(const struct jwt_claims *c, int64_t now_ms) { return c->exp <= now_ms - JWT_GRACE_MS; }

Err jwt_verify(struct jwt *j, struct str token, int64_t now_ms, struct jwt_claims *ret_claims, struct diag *reterr)
{
  struct jwt_claims claims;
  struct known *k = (struct known *)lru_get(&j->verified, token);
  if (k)
    claims = k->claims;
  else if (verify(j, token, &claims, reterr))
    return ERR_AUTH;
  if (expired(&claims, now_ms)) {
    if (k)
      lru_remove(&j->verified, &k->node);
    return diag_set(reterr, ERR_AUTH, "the token has expired");
  }
  if (!k) {
    k = mem_new(sizeof *k);
    k->claims = claims;
    lru_put(&j->verified, token, &k->node);
  }
  *ret_claims = claims;
  return OK;
}
