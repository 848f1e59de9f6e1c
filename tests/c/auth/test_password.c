/* password.h and apikey.h: hashing on threads, limits, cancel, remembered secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/apikey.h"
#include "base/mem.h"

struct fixture {
  uv_loop_t loop;
  struct op_loop ops;
  struct passwords *passwords;
  struct apikeys *keys;
  bool closed;
};

static int setup(void **state)
{
  struct fixture *f = mem_new(sizeof *f);
  uv_loop_init(&f->loop);
  op_loop_init(&f->ops, &f->loop);
  f->passwords = passwords_new(&f->ops, &(struct password_config){.cost = 4, .waiting = 8});
  f->keys = apikeys_new(&f->ops, f->passwords);
  *state = f;
  return 0;
}

static void on_closed(void *data) { *(bool *)data = true; }

static int teardown(void **state)
{
  struct fixture *f = *state;
  apikeys_free(f->keys);
  passwords_close(f->passwords, on_closed, &f->closed);
  while (!f->closed)
    uv_run(&f->loop, UV_RUN_ONCE);
  op_loop_close(&f->ops);
  uv_run(&f->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&f->loop), 0);
  mem_free(f);
  return 0;
}

static void count_up(struct op *op, void *data)
{
  (void)op;
  ++*(int *)data;
}

/* Waits for the end and gives the result; the reference goes back. */
static Err finish(struct fixture *f, struct op *op)
{
  int told = 0;
  op_wait(op, count_up, &told);
  while (!told)
    uv_run(&f->loop, UV_RUN_ONCE);
  Err err = op->err;
  op_unref(op);
  return err;
}

static Err verify(struct fixture *f, struct str password, struct str hash)
{
  struct password_job *job = NULL;
  assert_int_equal(password_verify(f->passwords, password, hash, &job, NULL), OK);
  return finish(f, &job->op);
}

static char *hash_of(struct fixture *f, struct str password)
{
  struct password_job *job = NULL;
  assert_int_equal(password_hash(f->passwords, password, &job, NULL), OK);
  op_ref(&job->op);
  assert_int_equal(finish(f, &job->op), OK);
  char *hash = mem_strdup(job->hash);
  op_unref(&job->op);
  return hash;
}

static void hashes_match_themselves(void **state)
{
  struct fixture *f = *state;
  CLEANUP(mem_free_at) char *a = hash_of(f, STR("pässword"));
  CLEANUP(mem_free_at) char *b = hash_of(f, STR("pässword"));
  assert_int_equal(strlen(a), PASSWORD_HASH_LEN);
  assert_int_equal(strncmp(a, "$2b$04$", 7), 0);
  assert_string_not_equal(a, b);
  assert_int_equal(verify(f, STR("pässword"), str_of(a)), OK);
  assert_int_equal(verify(f, STR("password"), str_of(a)), ERR_AUTH);
  assert_int_equal(verify(f, STR(""), str_of(a)), ERR_AUTH);
  assert_int_equal(verify(f, STR("pässword\0"), str_of(a)), ERR_AUTH);   /* a C string would not see the difference */
}

/* Vectors of crypt_blowfish's own tests. */
static void verifies_what_others_hashed(void **state)
{
  struct fixture *f = *state;
  static const struct { const char *password, *hash; } rows[] = {
      {"U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
      {"U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"},
      {"\xa3", "$2y$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq"},
      {"\xa3", "$2b$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq"},
      {"", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    if (verify(f, str_of(rows[i].password), str_of(rows[i].hash)) != OK)
      fail_msg("%s", rows[i].hash);
    assert_int_equal(verify(f, STR("wrong"), str_of(rows[i].hash)), ERR_AUTH);
  }
}

static void bytes_beyond_72_do_not_count(void **state)
{
  struct fixture *f = *state;
  char longer[1000];
  memset(longer, 'x', sizeof longer);
  CLEANUP(mem_free_at) char *hash = hash_of(f, str_make(longer, sizeof longer));
  assert_int_equal(verify(f, str_make(longer, 72), str_of(hash)), OK);
  assert_int_equal(verify(f, str_make(longer, 71), str_of(hash)), ERR_AUTH);
}

static void bad_hashes_never_match(void **state)
{
  struct fixture *f = *state;
  static const char *const rows[] = {
      "", "x", "########", "$1$abc$def", "$2b$10$short", "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
      "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "$2b$ab$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
      "$2b$05$!CCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++)
    assert_int_equal(verify(f, STR("U*U"), str_of(rows[i])), ERR_AUTH);
  assert_int_equal(verify(f, STR("U*U"), STR_NONE), ERR_AUTH);
  struct password_job *job = NULL;
  assert_int_equal(password_hash(f->passwords, STR(""), &job, NULL), ERR_INVALID);
  assert_int_equal(password_hash(f->passwords, STR("a\0b"), &job, NULL), ERR_INVALID);
  assert_null(job);
}

static void a_flood_is_refused_and_the_rest_is_served(void **state)
{
  struct fixture *f = *state;
  struct password_job *job[PASSWORD_RUNNING + 8] = {0}, *more = NULL;
  int told = 0;
  for (size_t i = 0; i < ARRAY_LEN(job); i++) {
    assert_int_equal(password_hash(f->passwords, STR("p"), &job[i], NULL), OK);
    op_wait(&job[i]->op, count_up, &told);
  }
  struct diag d = {0};
  assert_int_equal(password_verify(f->passwords, STR("p"), STR_NONE, &more, &d), ERR_RATE);
  assert_null(more);
  assert_int_equal(err_status(d.err), 429);
  while (told < (int)ARRAY_LEN(job))
    uv_run(&f->loop, UV_RUN_ONCE);
  for (size_t i = 0; i < ARRAY_LEN(job); i++) {
    assert_int_equal(job[i]->op.err, OK);
    op_unref(&job[i]->op);
  }
  assert_int_equal(verify(f, STR("p"), STR_NONE), ERR_AUTH);   /* there is room again */
}

static void cancels_what_waits_and_what_runs(void **state)
{
  struct fixture *f = *state;
  struct password_job *job[6] = {0};
  int told = 0;
  for (size_t i = 0; i < ARRAY_LEN(job); i++) {
    assert_int_equal(password_hash(f->passwords, STR("p"), &job[i], NULL), OK);
    op_wait(&job[i]->op, count_up, &told);
  }
  op_cancel(&job[0]->op);                        /* runs */
  op_cancel(&job[5]->op);                        /* waits, last */
  op_cancel(&job[3]->op);                        /* waits, in the middle */
  while (told < (int)ARRAY_LEN(job))
    uv_run(&f->loop, UV_RUN_ONCE);
  static const Err want[] = {ERR_CANCELLED, OK, OK, ERR_CANCELLED, OK, ERR_CANCELLED};
  for (size_t i = 0; i < ARRAY_LEN(job); i++) {
    assert_int_equal(job[i]->op.err, want[i]);
    op_unref(&job[i]->op);
  }
}

/* teardown closes while these are under way, and nobody holds them. */
static void closing_ends_all(void **state)
{
  struct fixture *f = *state;
  for (int i = 0; i < 6; i++) {
    struct password_job *job = NULL;
    assert_int_equal(password_hash(f->passwords, STR("p"), &job, NULL), OK);
    op_unref(&job->op);
  }
  struct op *op = NULL;
  struct apikey k = {.key = STR("K"), .hash = STR(""), .user_id = STR("u")};
  assert_int_equal(apikeys_check(f->keys, &k, STR("S"), &op, NULL), OK);
  op_unref(op);
}

/* ---- API keys ---- */

static void keys_have_their_form(void **state)
{
  (void)state;
  struct apikey_pair a, b;
  apikey_generate(&a);
  apikey_generate(&b);
  assert_int_equal(strlen(a.key), APIKEY_LEN);
  assert_int_equal(strlen(a.secret), APIKEY_LEN);
  assert_int_equal(strncmp(a.key, "K_", 2), 0);
  assert_string_equal(a.key + 42, "_K");
  assert_int_equal(strncmp(a.secret, "S_", 2), 0);
  assert_string_equal(a.secret + 42, "_S");
  assert_string_not_equal(a.key, b.key);
  assert_string_not_equal(a.secret, b.secret);
}

static void documents_survive(void **state)
{
  (void)state;
  const struct apikey in = {.key = STR("K_1_K"), .hash = STR("$2b$"), .user_id = STR("u"), .name = STR("a \"b\""), .created_at = 5, .expires = 7};
  CLEANUP(buf_release) struct buf out = BUF_INIT(1000);
  apikey_write(&in, &out);
  assert_string_equal(out.ptr, "{\"key\":\"K_1_K\",\"secret\":\"$2b$\",\"user_id\":\"u\",\"name\":\"a \\\"b\\\"\",\"created_at\":5,\"expires\":7}");
  CLEANUP(json_doc_free) yyjson_doc *doc = NULL;
  assert_int_equal(json_parse(buf_str(&out), &doc, NULL), OK);
  struct apikey got;
  assert_true(apikey_parse(yyjson_doc_get_root(doc), &got));
  assert_true(str_eq(got.name, in.name) && got.expires == 7 && got.created_at == 5);
  assert_false(apikey_parse(NULL, &got));
}

static void expiry_has_grace(void **state)
{
  (void)state;
  struct apikey k = {.expires = 0};
  assert_false(apikey_expired(&k, INT64_MAX));
  k.expires = 1000000;
  assert_false(apikey_expired(&k, 1000000 + APIKEY_GRACE_MS));
  assert_true(apikey_expired(&k, 1000001 + APIKEY_GRACE_MS));
}

static Err check(struct fixture *f, const struct apikey *k, struct str secret)
{
  struct op *op = NULL;
  assert_int_equal(apikeys_check(f->keys, k, secret, &op, NULL), OK);
  return finish(f, op);
}

static void a_checked_secret_is_remembered_until_something_changes(void **state)
{
  struct fixture *f = *state;
  CLEANUP(mem_free_at) char *hash = hash_of(f, STR("S_one_S"));
  CLEANUP(mem_free_at) char *other = hash_of(f, STR("S_one_S"));
  struct apikey k = {.key = STR("K_1_K"), .hash = str_of(hash), .user_id = STR("u")};
  assert_int_equal(apikeys_recall(f->keys, &k, STR("S_one_S"), 0), ERR_BUSY);
  assert_int_equal(check(f, &k, STR("S_two_S")), ERR_AUTH);
  assert_int_equal(apikeys_recall(f->keys, &k, STR("S_two_S"), 0), ERR_BUSY);   /* refusals are not remembered */
  assert_int_equal(check(f, &k, STR("S_one_S")), OK);
  assert_int_equal(apikeys_recall(f->keys, &k, STR("S_one_S"), 0), OK);
  assert_int_equal(apikeys_recall(f->keys, &k, STR("S_two_S"), 0), ERR_BUSY);
  assert_int_equal(apikeys_recall(f->keys, NULL, STR("S_one_S"), 0), ERR_AUTH);   /* deleted: the caller finds no row */
  k.expires = 1;
  assert_int_equal(apikeys_recall(f->keys, &k, STR("S_one_S"), APIKEY_GRACE_MS + 1), OK);
  assert_int_equal(apikeys_recall(f->keys, &k, STR("S_one_S"), APIKEY_GRACE_MS + 2), ERR_AUTH);
  k.expires = 0;
  k.hash = str_of(other);                                                        /* made anew under the same name */
  assert_int_equal(apikeys_recall(f->keys, &k, STR("S_one_S"), 0), ERR_BUSY);
  k.hash = str_of(hash);
  apikeys_forget(f->keys, k.key);
  assert_int_equal(apikeys_recall(f->keys, &k, STR("S_one_S"), 0), ERR_BUSY);
}

/* A hundred requests at once cost one bcrypt: the queue has room for ten. */
static void equal_checks_are_joined(void **state)
{
  struct fixture *f = *state;
  CLEANUP(mem_free_at) char *hash = hash_of(f, STR("S"));
  struct apikey k = {.key = STR("K"), .hash = str_of(hash), .user_id = STR("u")};
  struct op *op[100] = {0};
  int told = 0;
  for (size_t i = 0; i < ARRAY_LEN(op); i++) {
    assert_int_equal(apikeys_check(f->keys, &k, STR("S"), &op[i], NULL), OK);
    op_wait(op[i], count_up, &told);
  }
  op_cancel(op[50]);
  while (told < (int)ARRAY_LEN(op))
    uv_run(&f->loop, UV_RUN_ONCE);
  for (size_t i = 0; i < ARRAY_LEN(op); i++) {
    assert_int_equal(op[i]->err, i == 50 ? ERR_CANCELLED : OK);
    op_unref(op[i]);
  }
}

static void a_key_deleted_while_it_is_checked_fails(void **state)
{
  struct fixture *f = *state;
  CLEANUP(mem_free_at) char *hash = hash_of(f, STR("S"));
  struct apikey k = {.key = STR("K"), .hash = str_of(hash), .user_id = STR("u")};
  struct op *op = NULL;
  assert_int_equal(apikeys_check(f->keys, &k, STR("S"), &op, NULL), OK);
  apikeys_forget(f->keys, k.key);
  assert_int_equal(finish(f, op), ERR_AUTH);
  assert_int_equal(apikeys_recall(f->keys, &k, STR("S"), 0), ERR_BUSY);
}

int main(void)
{
#define WITH_LOOP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
  const struct CMUnitTest tests[] = {
      WITH_LOOP(hashes_match_themselves),
      WITH_LOOP(verifies_what_others_hashed),
      WITH_LOOP(bytes_beyond_72_do_not_count),
      WITH_LOOP(bad_hashes_never_match),
      WITH_LOOP(a_flood_is_refused_and_the_rest_is_served),
      WITH_LOOP(cancels_what_waits_and_what_runs),
      WITH_LOOP(closing_ends_all),
      cmocka_unit_test(keys_have_their_form),
      cmocka_unit_test(documents_survive),
      cmocka_unit_test(expiry_has_grace),
      WITH_LOOP(a_checked_secret_is_remembered_until_something_changes),
      WITH_LOOP(equal_checks_are_joined),
      WITH_LOOP(a_key_deleted_while_it_is_checked_fails),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
