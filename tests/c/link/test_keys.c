/* keys.h: forms, files and what is refused. */
#include "vectors.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void knows_the_vectors(void **state)
{
  (void)state;
  static const struct { const char *in, *public_text; } rows[] = {
      {ENGINE_PRIVATE, ENGINE_PUBLIC},
      {"-----BEGIN PRIVATE KEY-----\n" ENGINE_PRIVATE "\n-----END PRIVATE KEY-----\n", ENGINE_PUBLIC},
      {"-----BEGIN ANYTHING-----\r\n" ENGINE_PRIVATE "\r\n-----END ANYTHING-----", ENGINE_PUBLIC},
      {"O_abcdefghijklmnopqrstuvwxyzAB_O", "MCowBQYDK2VuAyEA7Pwp5xi5HbMNBHQ1sDWlUCMTuC/Jn5Qk4YQX05ikwQg="},
      {"test", "MCowBQYDK2VuAyEALg10YeWKGDLFVM/il0SkINrs4kNz10reojfHw8QJESY="}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct key_pair pair;
    struct diag d = {0};
    assert_int_equal(key_parse(str_of(rows[i].in), &pair, &d), OK);
    assert_string_equal(pair.text, rows[i].public_text);
  }
  struct key_pair engine = test_key(0x11);
  char text[KEY_PRIVATE_LEN + 1];
  key_format_private(&engine, text);
  assert_string_equal(text, ENGINE_PRIVATE);
  assert_string_equal(engine.text, ENGINE_PUBLIC);
  assert_string_equal(test_key(0x33).text, AGENT_PUBLIC);
}

static void refuses_bad_private_keys(void **state)
{
  (void)state;
  static const char *const rows[] = {
      "", ENGINE_PRIVATE "\n", "123456789012345678901234567890123", ENGINE_PUBLIC,
      "MC4CAQAwBQYDK2VwBCIEIBERERERERERERERERERERERERERERERERERERERERER",   /* Ed25519 */
      "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\n" ENGINE_PRIVATE,
      "-----BEGIN PRIVATE KEY-----\n" ENGINE_PUBLIC "\n-----END PRIVATE KEY-----\n",
      "-----BEGIN PRIVATE KEY-----\n" ENGINE_PRIVATE "\n-----END PRIVATE KEY-----\ntrailing\n"};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct key_pair pair = {0};
    struct diag d = {0};
    assert_int_equal(key_parse(str_of(rows[i]), &pair, &d), ERR_INVALID);
    assert_int_not_equal(d.message[0], 0);
    assert_null(strstr(d.message, "ERERER"));   /* the words never repeat the key */
    assert_int_equal(pair.text[0], 0);
  }
}

static void reads_public_keys(void **state)
{
  (void)state;
  static const struct { const char *in; Err err; } rows[] = {
      {ENGINE_PUBLIC, OK},
      {"-----BEGIN PUBLIC KEY-----\n" ENGINE_PUBLIC "\n-----END PUBLIC KEY-----\n", OK},
      {ENGINE_PUBLIC "\n", ERR_INVALID}, {"", ERR_INVALID}, {ENGINE_PRIVATE, ERR_INVALID}, {"abc", ERR_INVALID}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    char text[KEY_PUBLIC_LEN + 1] = "";
    struct diag d = {0};
    assert_int_equal(key_parse_public(str_of(rows[i].in), text, &d), rows[i].err);
    assert_string_equal(text, rows[i].err ? "" : ENGINE_PUBLIC);
  }
}

static char *read_text(const char *path)
{
  FILE *f = fopen(path, "r");
  assert_non_null(f);
  char *text = mem_new(1024);
  size_t n = fread(text, 1, 1023, f);
  text[n] = 0;
  fclose(f);
  return text;
}

static void generates_and_reads_files(void **state)
{
  (void)state;
  char dir[] = "/tmp/komodo-keys-XXXXXX";
  assert_non_null(mkdtemp(dir));
  CLEANUP(mem_free_at) char *path = mem_printf("%s/a.b/keys/periphery.key", dir);
  CLEANUP(mem_free_at) char *pub = mem_printf("%s/a.b/keys/periphery.pub", dir);
  CLEANUP(mem_free_at) char *spec = mem_printf("file:%s", path);
  CLEANUP(mem_free_at) char *pub_spec = mem_printf("file:%s", pub);
  struct key_pair made, again;
  struct diag d = {0};
  assert_int_equal(key_load(str_of(spec), &made, &d), OK);
  struct stat st;
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  assert_int_equal(key_load(str_of(spec), &again, &d), OK);
  assert_memory_equal(made.secret, again.secret, KEY_BYTES);
  CLEANUP(mem_free_at) char *text = read_text(pub);
  CLEANUP(mem_free_at) char *want = mem_printf("-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n", made.text);
  assert_string_equal(text, want);
  char public_text[KEY_PUBLIC_LEN + 1];
  assert_int_equal(key_load_public(str_of(pub_spec), public_text, &d), OK);
  assert_string_equal(public_text, made.text);

  /* base64 with a newline is not a key; the file is named, its content is not */
  FILE *f = fopen(path, "w");
  fputs(ENGINE_PRIVATE "\n", f);
  fclose(f);
  assert_int_equal(key_load(str_of(spec), &again, &d), ERR_INVALID);
  assert_non_null(strstr(d.message, path));
  unlink(path);
  unlink(pub);
  assert_int_equal(key_load_public(str_of(pub_spec), public_text, &d), ERR_NOTFOUND);
  CLEANUP(mem_free_at) char *in = mem_printf("file:%s", dir);
  assert_int_not_equal(key_load(str_of(in), &again, &d), OK);
  *strrchr(path, '/') = 0;
  rmdir(path);
  *strrchr(path, '/') = 0;
  rmdir(path);
  rmdir(dir);
}

static void overwrites_keep_the_mode_and_follow_links(void **state)
{
  (void)state;
  char dir[] = "/tmp/komodo-keys-XXXXXX";
  assert_non_null(mkdtemp(dir));
  CLEANUP(mem_free_at) char *path = mem_printf("%s/core.key", dir);
  CLEANUP(mem_free_at) char *pub = mem_printf("%s/core.pub", dir);
  CLEANUP(mem_free_at) char *link_path = mem_printf("%s/link.pub", dir);
  struct key_pair a = test_key(1), b = test_key(2);
  struct diag d = {0};
  struct stat st;
  assert_int_equal(key_save(str_of(path), &a, &d), OK);
  assert_int_equal(chmod(path, 0640), 0);
  assert_int_equal(key_save(str_of(path), &b, &d), OK);
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0640);
  assert_int_equal(symlink(pub, link_path), 0);
  assert_int_equal(key_save_public(str_of(link_path), a.text, &d), OK);
  assert_int_equal(lstat(link_path, &st), 0);
  assert_true(S_ISLNK(st.st_mode));
  CLEANUP(mem_free_at) char *text = read_text(pub);
  assert_non_null(strstr(text, a.text));
  assert_int_equal(key_save_public(str_of(dir), a.text, &d), ERR_IO);   /* a folder */
  unlink(path);
  unlink(pub);
  unlink(link_path);
  assert_int_equal(rmdir(dir), 0);   /* no temporary file stays behind */
}

static void survives_every_failed_allocation(void **state)
{
  (void)state;
  for (long n = 0;; n++) {
    struct key_pair pair = {0};
    struct diag d = {0};
    mem_fail_after(n);
    Err err = key_parse(STR("-----BEGIN PRIVATE KEY-----\n" ENGINE_PRIVATE "\n-----END PRIVATE KEY-----\n"), &pair, &d);
    bool hit = mem_disarm();
    assert_int_equal(err, hit ? ERR_NOMEM : OK);
    if (!hit)
      return;
    assert_int_equal(pair.text[0], 0);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(knows_the_vectors), cmocka_unit_test(refuses_bad_private_keys), cmocka_unit_test(reads_public_keys),
      cmocka_unit_test(generates_and_reads_files), cmocka_unit_test(overwrites_keep_the_mode_and_follow_links),
      cmocka_unit_test(survives_every_failed_allocation)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
