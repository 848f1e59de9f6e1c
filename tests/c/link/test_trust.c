/* trust.h, allow.h, cert.h: whom an agent lets in, and its certificate. */
#include "vectors.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include "link/allow.h"
#include "link/cert.h"
#include "link/trust.h"

static void compares_with_the_list(void **state)
{
  (void)state;
  static const char *const list[] = {ENGINE_PUBLIC, NULL}, *const bad[] = {"nonsense", NULL};
  struct trust t;
  struct diag d = {0};
  const char *learned;
  assert_int_equal(trust_load(&t, list, true, STR_NONE, &d), OK);
  assert_true(t.is_explicit);
  assert_int_equal(trust_check(&t, STR(ENGINE_PUBLIC), &learned, &d), OK);
  assert_null(learned);
  assert_int_equal(trust_check(&t, STR(AGENT_PUBLIC), &learned, &d), ERR_AUTH);
  assert_string_equal(d.message, "Periphery failed to validate Core public key");
  assert_non_null(strstr(d.trace, AGENT_PUBLIC " is invalid"));
  assert_null(trust_rotation_path(&t, AGENT_PUBLIC));
  trust_release(&t);
  assert_int_equal(trust_load(&t, bad, false, STR_NONE, &d), ERR_INVALID);
  assert_int_equal(trust_load(&t, NULL, true, STR("/nowhere/core.pub"), &d), OK);   /* a listener has no implicit pin */
  assert_true(trust_is_open(&t));
  assert_int_equal(trust_check(&t, STR(AGENT_PUBLIC), &learned, &d), OK);
  trust_release(&t);
}

static void remembers_the_first_engine(void **state)
{
  (void)state;
  char dir[] = "/tmp/komodo-trust-XXXXXX";
  assert_non_null(mkdtemp(dir));
  CLEANUP(mem_free_at) char *path = mem_printf("%s/core.pub", dir);
  CLEANUP(mem_free_at) char *spec = mem_printf("file:%s", path);
  const char *list[] = {spec, NULL}, *learned;
  struct trust t;
  struct diag d = {0};
  assert_int_equal(trust_load(&t, list, true, STR_NONE, &d), ERR_NOTFOUND);   /* with a listener it must be there */
  assert_int_equal(trust_load(&t, NULL, false, str_of(path), &d), OK);
  assert_false(trust_is_open(&t));
  assert_int_equal(trust_check(&t, STR(ENGINE_PUBLIC), &learned, &d), OK);
  assert_string_equal(learned, path);
  assert_int_equal(trust_check(&t, STR(ENGINE_PUBLIC), &learned, &d), OK);
  assert_null(learned);
  assert_int_equal(trust_check(&t, STR(AGENT_PUBLIC), &learned, &d), ERR_AUTH);
  assert_null(trust_rotation_path(&t, AGENT_PUBLIC));   /* quirk: the implicit pin is not rotated */
  assert_int_equal(key_save_public(str_of(path), ENGINE_PUBLIC, &d), OK);
  trust_release(&t);

  assert_int_equal(trust_load(&t, list, true, STR_NONE, &d), OK);
  assert_int_equal(trust_check(&t, STR(AGENT_PUBLIC), &learned, &d), ERR_AUTH);
  assert_null(trust_rotation_path(&t, ENGINE_PUBLIC));
  assert_string_equal(trust_rotation_path(&t, AGENT_PUBLIC), path);
  trust_set(&t, path, AGENT_PUBLIC);
  assert_int_equal(trust_check(&t, STR(AGENT_PUBLIC), &learned, &d), OK);
  trust_release(&t);

  FILE *f = fopen(path, "w");   /* there, but not a key: never overwritten */
  fputs("x", f);
  fclose(f);
  assert_int_equal(trust_load(&t, NULL, false, str_of(path), &d), ERR_INVALID);
  unlink(path);
  rmdir(dir);
}

static void matches_addresses(void **state)
{
  (void)state;
  static const struct { const char *net, *ip; bool in; } rows[] = {
      {"10.0.0.0/8", "10.1.2.3", true}, {"10.0.0.0/8", "11.1.2.3", false}, {"10.0.0.0/8", "::ffff:10.1.2.3", true},
      {"::ffff:10.0.0.0/104", "10.1.2.3", true}, {"127.0.0.1", "127.0.0.1", true}, {"127.0.0.1", "127.0.0.2", false},
      {"fd00::/8", "fd12::1", true}, {"fd00::/8", "fe80::1", false}, {"::/0", "fe80::1", true}, {"0.0.0.0/0", "1.2.3.4", true},
      {"0.0.0.0/0", "fe80::1", false}, {"192.168.4.0/22", "192.168.7.255", true}, {"192.168.4.0/22", "192.168.8.0", false},
      {"::1", "::1", true}, {"10.0.0.0/8", "unix", false}, {"10.0.0.0/8", "", false}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct allow_net net;
    assert_true(allow_parse(str_of(rows[i].net), &net));
    assert_int_equal(allow_contains(&net, 1, str_of(rows[i].ip)), rows[i].in);
  }
  static const char *const bad[] = {"", "10.0.0.0/33", "::/129", "10.0.0", "a", "10.0.0.0/", "10.0.0.0/-1", "/8"};
  struct allow_net net;
  for (size_t i = 0; i < ARRAY_LEN(bad); i++)
    assert_false(allow_parse(str_of(bad[i]), &net));
}

static void makes_a_certificate(void **state)
{
  (void)state;
  char dir[] = "/tmp/komodo-cert-XXXXXX";
  assert_non_null(mkdtemp(dir));
  CLEANUP(mem_free_at) char *folder = mem_printf("%s/ssl", dir);
  CLEANUP(mem_free_at) char *cert = mem_printf("%s/cert.pem", folder);
  CLEANUP(mem_free_at) char *key = mem_printf("%s/key.pem", folder);
  struct diag d = {0};
  assert_int_equal(cert_ensure(cert, key, &d), OK);
  struct stat st;
  assert_int_equal(stat(key, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  FILE *f = fopen(cert, "r");
  X509 *x = PEM_read_X509(f, NULL, NULL, NULL);
  fclose(f);
  f = fopen(key, "r");
  EVP_PKEY *k = PEM_read_PrivateKey(f, NULL, NULL, NULL);
  fclose(f);
  assert_int_equal(X509_check_private_key(x, k), 1);
  assert_int_equal(X509_verify(x, k), 1);
  char name[64];
  X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, name, sizeof name);
  assert_string_equal(name, "periphery");
  X509_free(x);
  EVP_PKEY_free(k);
  ino_t before = st.st_ino;
  struct timespec written = st.st_mtim;
  assert_int_equal(cert_ensure(cert, key, &d), OK);   /* there already */
  assert_int_equal(stat(key, &st), 0);
  assert_int_equal(st.st_ino, before);
  assert_int_equal(st.st_mtim.tv_nsec, written.tv_nsec);
  CLEANUP(mem_free_at) char *under = mem_printf("%s/cert.pem/x", folder);
  assert_int_not_equal(cert_ensure(under, key, &d), OK);
  unlink(cert);
  unlink(key);
  rmdir(folder);
  rmdir(dir);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(compares_with_the_list), cmocka_unit_test(remembers_the_first_engine),
                                     cmocka_unit_test(matches_addresses), cmocka_unit_test(makes_a_certificate)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
