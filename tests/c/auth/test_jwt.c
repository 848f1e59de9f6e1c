/* jwt.h (spec auth.md 1.4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/hmac.h>

#include "auth/jwt.h"
#include "auth/lru.h"
#include "base/codec.h"
#include "base/mem.h"

static const char user[] = "6b00bd4d185b3f3b5d39b847";
static const char header[] = "{\"typ\":\"JWT\",\"alg\":\"HS256\"}";

/* A token made with other tools (Python's hmac), secret "sesame", iat 1000000, exp 2000000. */
static const char foreign[] = 
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9."
    "eyJzdWIiOiI2YjAwYmQ0ZDE4NWIzZjNiNWQzOWI4NDciLCJpYXQiOjEwMDAwMDAsImV4cCI6MjAwMDAwMH0."
    "VBKnH6wn_xXry6vZ-zucRS2xf2H5k7YZETqznAKxxAA";

static char *token_of(const char *head, const char *claims, const char *secret)
{
  struct buf t = BUF_INIT(10000);
  unsigned char sum[32];
  unsigned len = 0;
  base64_encode(&t, head, strlen(head), BASE64_URL_NOPAD);
  buf_add_char(&t, '.');
  base64_encode(&t, claims, strlen(claims), BASE64_URL_NOPAD);
  HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)t.ptr, t.len, sum, &len);
  buf_add_char(&t, '.');
  base64_encode(&t, sum, sizeof sum, BASE64_URL_NOPAD);
  return buf_take(&t);
}

static void signs_what_others_sign(void **state)
{
  (void)state;
  struct jwt *j = jwt_new(STR("sesame"), 1000000);
  CLEANUP(buf_release) struct buf out = BUF_INIT(JWT_TEXT_MAX);
  jwt_sign(j, str_of(user), 1000000, &out);
  assert_int_equal(buf_err(&out), OK);
  assert_string_equal(out.ptr, foreign);
  struct jwt_claims c;
  assert_int_equal(jwt_verify(j, str_of(foreign), 1500000, &c, NULL), OK);
  assert_string_equal(c.sub, user);
  assert_int_equal(c.iat, 1000000);
  assert_int_equal(c.exp, 2000000);
  jwt_free(j);
}

static void honours_expiry_with_grace_also_when_remembered(void **state)
{
  (void)state;
  static const struct { int64_t now; Err want; } rows[] = {
      {0, OK}, {2000000, OK}, {2009999, OK}, {2010000, ERR_AUTH}, {2009999, OK}, {INT64_MAX, ERR_AUTH}};
  struct jwt *j = jwt_new(STR("sesame"), 1);
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct jwt_claims c;
    struct diag d = {0};
    assert_int_equal(jwt_verify(j, str_of(foreign), rows[i].now, &c, &d), rows[i].want);
    if (rows[i].want)
      assert_string_equal(d.message, "the token has expired");
  }
  jwt_free(j);
}

static void refuses(void **state)
{
  (void)state;
  static const struct { const char *name, *header, *claims, *secret; } rows[] = {
      {"other secret", header, "{\"sub\":\"u\",\"exp\":9000000}", "other"},
      {"no algorithm", "{\"typ\":\"JWT\",\"alg\":\"none\"}", "{\"sub\":\"u\",\"exp\":9000000}", "sesame"},
      {"other algorithm", "{\"alg\":\"HS512\"}", "{\"sub\":\"u\",\"exp\":9000000}", "sesame"},
      {"algorithm in other case", "{\"alg\":\"hs256\"}", "{\"sub\":\"u\",\"exp\":9000000}", "sesame"},
      {"critical header", "{\"alg\":\"HS256\",\"crit\":[\"b64\"]}", "{\"sub\":\"u\",\"exp\":9000000}", "sesame"},
      {"other type", "{\"alg\":\"HS256\",\"typ\":\"JWE\"}", "{\"sub\":\"u\",\"exp\":9000000}", "sesame"},
      {"audience", header, "{\"sub\":\"u\",\"exp\":9000000,\"aud\":\"x\"}", "sesame"},
      {"no expiry", header, "{\"sub\":\"u\"}", "sesame"},
      {"expiry as text", header, "{\"sub\":\"u\",\"exp\":\"9000000\"}", "sesame"},
      {"no subject", header, "{\"exp\":9000000}", "sesame"},
      {"claims are no object", header, "[]", "sesame"},
      {"claims are no JSON", header, "{", "sesame"},
  };
  struct jwt *j = jwt_new(STR("sesame"), 1);
  struct jwt_claims c;
  CLEANUP(mem_free_at) char *good = token_of(header, "{\"sub\":\"u\",\"exp\":9000000}", "sesame");
  assert_int_equal(jwt_verify(j, str_of(good), 1, &c, NULL), OK);   /* the rows differ from this one */
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    CLEANUP(mem_free_at) char *t = token_of(rows[i].header, rows[i].claims, rows[i].secret);
    if (jwt_verify(j, str_of(t), 1, &c, NULL) != ERR_AUTH)
      fail_msg("%s", rows[i].name);
  }
  static const char *const bad[] = {"", ".", "..", "a.b", "a.b.c.d", "K_x_K"};
  for (size_t i = 0; i < ARRAY_LEN(bad); i++)
    assert_int_equal(jwt_verify(j, str_of(bad[i]), 1, &c, NULL), ERR_AUTH);
  for (size_t i = 0; good[i]; i++) {   /* every changed byte is noticed */
    CLEANUP(mem_free_at) char *t = mem_strdup(good);
    t[i] = t[i] == 'A' ? 'B' : 'A';
    assert_int_equal(jwt_verify(j, str_of(t), 1, &c, NULL), ERR_AUTH);
    assert_int_equal(jwt_verify(j, str_make(good, i), 1, &c, NULL), ERR_AUTH);
  }
  jwt_free(j);
}

static void a_random_secret_is_not_another(void **state)
{
  (void)state;
  struct jwt *a = jwt_new(STR_NONE, 1000), *b = jwt_new(STR(""), 1000);
  CLEANUP(buf_release) struct buf out = BUF_INIT(JWT_TEXT_MAX);
  jwt_sign(a, str_of(user), 0, &out);
  struct jwt_claims c;
  assert_int_equal(jwt_verify(a, buf_str(&out), 0, &c, NULL), OK);
  assert_int_equal(jwt_verify(b, buf_str(&out), 0, &c, NULL), ERR_AUTH);
  jwt_free(a);
  jwt_free(b);
}

/* ---- the memory behind it ---- */

struct entry { struct lru_node node; int value; };
static void drop_entry(struct lru_node *n) { mem_free(n); }
static void put(struct lru *l, const char *key, int value)
{
  struct entry *e = mem_new(sizeof *e);
  e->value = value;
  lru_put(l, str_of(key), &e->node);
}
static int get(struct lru *l, const char *key)
{
  struct entry *e = (struct entry *)lru_get(l, str_of(key));
  return e ? e->value : -1;
}

static void forgets_what_was_not_used_for_longest(void **state)
{
  (void)state;
  struct lru l = LRU_INIT(3, drop_entry);
  put(&l, "a", 1);
  put(&l, "b", 2);
  put(&l, "c", 3);
  assert_int_equal(get(&l, "a"), 1);
  put(&l, "d", 4);
  assert_int_equal(get(&l, "b"), -1);
  put(&l, "c", 5);
  assert_int_equal(get(&l, "c"), 5);
  assert_int_equal(l.map.count, 3);
  lru_remove(&l, lru_get(&l, STR("a")));
  assert_int_equal(get(&l, "a"), -1);
  assert_int_equal(get(&l, "d"), 4);
  lru_release(&l);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(signs_what_others_sign),
      cmocka_unit_test(honours_expiry_with_grace_also_when_remembered),
      cmocka_unit_test(refuses),
      cmocka_unit_test(a_random_secret_is_not_another),
      cmocka_unit_test(forgets_what_was_not_used_for_longest),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
