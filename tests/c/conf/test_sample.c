/* config/ holds what the tables say, and what it says is true.
 *
 * By hand: conf_test_sample write FOLDER writes the sample files anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/files.h"
#include "conf/keys.h"
#include "conf/toml.h"

enum { SAMPLE_MAX = 1 << 20 };
static const enum conf_program programs[] = {CONF_CORE, CONF_AGENT, CONF_CLI};

static void is_what_the_table_says(void **state)
{
  (void)state;
  for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
    CLEANUP(mem_free_at) char *path = mem_printf("%s/config/%s", SOURCE_DIR, conf_definition(programs[i])->sample);
    CLEANUP(buf_release) struct buf want = BUF_INIT(SAMPLE_MAX);
    CLEANUP(buf_release) struct buf got = BUF_INIT(SAMPLE_MAX);
    conf_sample(programs[i], &want);
    assert_int_equal(file_read(path, &got, NULL), OK);
    if (!str_eq(buf_str(&want), buf_str(&got)))
      fail_msg("%s is out of date: run conf_test_sample write config", path);
  }
}

/* The text with every "#key" line turned into "key", without the keys that have no default. */
static void uncomment(struct str text, struct buf *out)
{
  struct str line;
  bool unset = false;
  while (str_split(&text, '\n', &line)) {
    if (str_eqc(line, "# Default: unset."))
      unset = true;
    if (line.len < 2 || line.ptr[0] != '#' || line.ptr[1] == ' ')
      continue;
    if (!unset)
      buf_printf(out, "%.*s\n", STR_ARG(str_sub(line, 1, line.len)));
    unset = false;
  }
}

/* Every key switched on, the tables without a default left out: the values are those of no file at all. */
static void switched_on_changes_nothing(void **state)
{
  (void)state;
  for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
    CLEANUP(buf_release) struct buf sample = BUF_INIT(SAMPLE_MAX);
    CLEANUP(buf_release) struct buf text = BUF_INIT(SAMPLE_MAX);
    CLEANUP(buf_release) struct buf plain = BUF_INIT(SAMPLE_MAX);
    CLEANUP(buf_release) struct buf switched_on = BUF_INIT(SAMPLE_MAX);
    CLEANUP(conf_free_at) struct conf *none = NULL;
    CLEANUP(conf_free_at) struct conf *all = NULL;
    struct diag why = {0};
    char path[] = "/tmp/conf-sample-XXXXXX.toml";
    conf_sample(programs[i], &sample);
    uncomment(buf_str(&sample), &text);
    int fd = mkstemps(path, 5);
    assert_int_equal(write(fd, text.ptr, text.len), text.len);
    close(fd);
    struct conf_args args = {.paths = {path}, .path_count = 1};
    char *no_variables[] = {NULL};
    if (conf_load(programs[i], &args, no_variables, &plain, &all, &why))
      fail_msg("%s: %s", path, why.message);
    if (plain.len)
      fail_msg("%s", plain.ptr);
    unlink(path);
    args = (struct conf_args){.paths = {"/nowhere"}, .path_count = 1};
    assert_int_equal(conf_load(programs[i], &args, no_variables, NULL, &none, NULL), OK);
    for (const struct conf_key *k = conf_definition(programs[i])->keys; k->name; k++) {
      /* A table of examples differs; the databases of km are told apart from those that are not written at all. */
      if (k->kind == CONF_TABLES || k->kind == CONF_MAP || k->absent || (k->flags & CONF_OPTIONAL))
        continue;
      if (!yyjson_equals(conf_json(none, k->name), conf_json(all, k->name)))
        fail_msg("%s: the sample has another value of %s than the default", conf_definition(programs[i])->name, k->name);
    }
  }
}

static int write_all(const char *folder)
{
  for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
    CLEANUP(mem_free_at) char *path = mem_printf("%s/%s", folder, conf_definition(programs[i])->sample);
    CLEANUP(buf_release) struct buf text = BUF_INIT(SAMPLE_MAX);
    conf_sample(programs[i], &text);
    FILE *f = fopen(path, "w");
    if (!f || fwrite(text.ptr, 1, text.len, f) != text.len || fclose(f) != 0) {
      perror(path);
      return 1;
    }
  }
  return 0;
}

int main(int argc, char **argv)
{
  if (argc == 3 && strcmp(argv[1], "write") == 0)
    return write_all(argv[2]);
  const struct CMUnitTest tests[] = {cmocka_unit_test(is_what_the_table_says), cmocka_unit_test(switched_on_changes_nothing)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
