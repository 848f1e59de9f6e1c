/* Every recorded configuration of golden/config: what the real programs loaded from the same files and variables.
 *
 * The recordings are looked for in $KOMODO_SHARED, else in `shared` beside the source folder; without them there is
 * nothing to test, and the program says so. Cases with files under / get a root of their own (a private mount
 * namespace); where that is not allowed they are counted as skipped.
 *
 * By hand: conf_test_cases load core|agent|km [ARGUMENT…] loads as that program does, prints the values as JSON and
 * exits as it would (1: refused, 2: wrong use).
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <regex.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/conf.h"
#include "conf/files.h"

/* Recorded defects that this project mends (spec auth.md 6), with what it does instead. */
static const struct {
  const char *id, *key, *value;
} mended[] = {
    {"agent-args-log-level-debug", "logging.level", "\"error\""},   /* --log-level counts */
};

enum { EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_NO_ROOT = 77 };

/* ---- loading as a program does ---- */

static int load_and_print(enum conf_program program, int argc, char **argv, char **envp, unsigned how, bool checked, int out)
{
  struct conf_args args;
  struct diag why = {0};
  CLEANUP(buf_release) struct buf warnings = BUF_INIT(1 << 20);
  CLEANUP(buf_release) struct buf text = BUF_INIT(1 << 20);
  CLEANUP(conf_free_at) struct conf *conf = NULL;
  if (conf_args_parse(program, argc, argv, &args, &why)) {
    dprintf(2, "%s\n", why.message);
    return EXIT_USAGE;
  }
  Err err = conf_load(program, &args, envp, &warnings, &conf, &why);
  if (!err && checked)
    err = conf_check(conf, &why);
  if (warnings.len)
    dprintf(2, "%s", warnings.ptr);
  if (err) {
    dprintf(2, "%s\n", why.message);
    return EXIT_REFUSED;
  }
  conf_print(conf, how, &text);
  dprintf(out, "%.*s\n", STR_ARG(buf_str(&text)));
  return 0;
}

static bool program_of(const char *name, enum conf_program *ret)
{
  static const char *const names[] = {"core", "agent", "cli"};
  for (size_t i = 0; i < ARRAY_LEN(names); i++) {
    if (name && strcmp(name, names[i]) == 0) {
      *ret = (enum conf_program)i;
      return true;
    }
  }
  return false;
}

/* ---- the place of one case ---- */

static const char *text_of(yyjson_val *object, const char *key) { return yyjson_get_str(yyjson_obj_get(object, key)); }

/* {{DIR}} and what only a starting program needs. */
static char *fill(const char *text, const char *dir)
{
  static const struct {
    const char *mark, *value;
  } others[] = {{"{{DB}}", "mongodb://127.0.0.1:1"}, {"{{PORT}}", "0"}};
  CLEANUP(buf_release) struct buf out = BUF_INIT(1 << 20);
  while (*text) {
    const char *value = strncmp(text, "{{DIR}}", 7) == 0 ? dir : NULL;
    size_t len = 7;
    for (size_t i = 0; !value && i < ARRAY_LEN(others); i++) {
      len = strlen(others[i].mark);
      if (strncmp(text, others[i].mark, len) == 0)
        value = others[i].value;
    }
    if (value) {
      buf_add_text(&out, value);
      text += len;
    } else {
      buf_add_char(&out, *text++);
    }
  }
  return buf_take(&out);
}

static void make_folders(char *path)
{
  for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    mkdir(path, 0755);
    *slash = '/';
  }
}

static void write_files(yyjson_val *files, const char *under, const char *dir)
{
  size_t i, n;
  yyjson_val *name, *content;
  yyjson_obj_foreach(files, i, n, name, content)
  {
    CLEANUP(mem_free_at) char *path = mem_printf("%s/%s", under, yyjson_get_str(name));
    CLEANUP(mem_free_at) char *text = fill(yyjson_get_str(content), dir);
    make_folders(path);
    if (path[strlen(path) - 1] == '/')
      continue;
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
  }
}

/* A root whose folders are those of the real one, but for those the case brings along. */
static bool enter_root(const char *root, yyjson_val *files, const char *dir)
{
  if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
      mount("tmpfs", root, "tmpfs", 0, NULL) != 0)
    return false;
  DIR *d = opendir("/");
  for (struct dirent *e; d && (e = readdir(d));) {
    CLEANUP(mem_free_at) char *from = mem_printf("/%s", e->d_name);
    CLEANUP(mem_free_at) char *to = mem_printf("%s/%s", root, e->d_name);
    char target[PATH_MAX];
    struct stat st;
    if (e->d_name[0] == '.' || strcmp(from, "/config") == 0 || lstat(from, &st) != 0)
      continue;
    ssize_t len = readlink(from, target, sizeof target - 1);
    if (len > 0) {
      target[len] = 0;
      (void)!symlink(target, to);
    } else if (S_ISDIR(st.st_mode) && mkdir(to, 0755) == 0) {
      (void)mount(from, to, NULL, MS_BIND | MS_REC, NULL);
    }
  }
  if (d)
    closedir(d);
  write_files(files, root, dir);
  return chroot(root) == 0 && chdir("/") == 0;
}

static void remove_tree(const char *path)
{
  DIR *d = opendir(path);
  for (struct dirent *e; d && (e = readdir(d));) {
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
      continue;
    CLEANUP(mem_free_at) char *inner = mem_printf("%s/%s", path, e->d_name);
    if (unlink(inner) != 0)
      remove_tree(inner);
  }
  if (d)
    closedir(d);
  rmdir(path);
}

/* In a process of its own: working directory, environment and root are the case's. */
static int run_case(yyjson_val *one, enum conf_program program, const char *dir, const char *root, int out)
{
  struct texts env = {0}, args = {0};
  size_t i, n;
  yyjson_val *name, *val;
  CLEANUP(mem_free_at) char *path = mem_printf("PATH=%s", getenv("PATH"));
  CLEANUP(mem_free_at) char *home = mem_printf("HOME=%s", dir);
  texts_add(&env, str_of(path));
  if (!yyjson_get_bool(yyjson_obj_get(one, "no_home")))
    texts_add(&env, str_of(home));
  yyjson_obj_foreach(yyjson_obj_get(one, "env"), i, n, name, val)
  {
    CLEANUP(mem_free_at) char *value = fill(yyjson_get_str(val), dir);
    CLEANUP(mem_free_at) char *var = mem_printf("%s=%s", yyjson_get_str(name), value);
    texts_add(&env, str_of(var));
  }
  texts_add(&args, STR("program"));
  yyjson_arr_foreach(yyjson_obj_get(one, "args"), i, n, val)
  {
    CLEANUP(mem_free_at) char *arg = fill(yyjson_get_str(val), dir);
    texts_add(&args, str_of(arg));
  }
  if (root && !enter_root(root, yyjson_obj_get(one, "root_files"), dir))
    return EXIT_NO_ROOT;
  const char *cwd = text_of(one, "cwd");
  CLEANUP(mem_free_at) char *folder = mem_printf("%s/%s", dir, cwd ? cwd : "");
  if (chdir(folder) != 0)
    return 99;
  char **envp = mem_new_array(env.count + 1, sizeof *envp);
  memcpy(envp, env.at, env.count * sizeof *envp);
  unsigned how = (yyjson_get_bool(yyjson_obj_get(one, "sanitised")) ? CONF_PRINT_SANITISED : 0) |
                 (yyjson_get_bool(yyjson_obj_get(one, "all_profiles")) ? CONF_PRINT_PROFILES : 0);
  int code = load_and_print(program, (int)args.count, args.at, envp, how, yyjson_get_bool(yyjson_obj_get(one, "late")), out);
  mem_free(envp);
  texts_release(&env);
  texts_release(&args);
  return code;
}

/* ---- comparing ---- */

static yyjson_val *at_path(yyjson_val *val, const char *dotted)
{
  struct str rest = str_of(dotted), name;
  while (val && str_split(&rest, '.', &name))
    val = yyjson_obj_getn(val, name.ptr, name.len);
  return val;
}

/* Members in any order; null and absent are the same; {"match": regular expression}. */
static bool same(yyjson_val *want, yyjson_val *got, const char *dir)
{
  size_t i, n;
  yyjson_val *name, *val;
  if (yyjson_is_obj(want) && yyjson_obj_size(want) == 1 && text_of(want, "match")) {
    regex_t re;
    assert_int_equal(regcomp(&re, text_of(want, "match"), REG_EXTENDED | REG_NOSUB), 0);
    bool fits = yyjson_is_str(got) && regexec(&re, yyjson_get_str(got), 0, NULL, 0) == 0;
    regfree(&re);
    return fits;
  }
  if (yyjson_is_null(want) || !want)
    return !got || yyjson_is_null(got);
  if (yyjson_is_str(want)) {
    CLEANUP(mem_free_at) char *text = fill(yyjson_get_str(want), dir);
    return yyjson_equals_str(got, text);
  }
  if (yyjson_get_type(want) != yyjson_get_type(got))
    return false;
  if (yyjson_is_arr(want)) {
    if (yyjson_arr_size(want) != yyjson_arr_size(got))
      return false;
    yyjson_arr_foreach(want, i, n, val) if (!same(val, yyjson_arr_get(got, i), dir)) return false;
    return true;
  }
  if (yyjson_is_obj(want)) {
    yyjson_obj_foreach(want, i, n, name, val) if (!same(val, yyjson_obj_get(got, yyjson_get_str(name)), dir)) return false;
    yyjson_obj_foreach(got, i, n, name, val) if (!yyjson_obj_get(want, yyjson_get_str(name)) && !yyjson_is_null(val)) return false;
    return true;
  }
  return yyjson_equals(want, got);
}

static bool is_mended(const char *id, const char *key, yyjson_val *got)
{
  for (size_t i = 0; i < ARRAY_LEN(mended); i++) {
    if (strcmp(mended[i].id, id) != 0 || strcmp(mended[i].key, key) != 0)
      continue;
    CLEANUP(mem_free_at) char *text = mem_printf("\"%s\"", yyjson_get_str(got) ? yyjson_get_str(got) : "");
    return strcmp(text, mended[i].value) == 0;
  }
  return false;
}

static unsigned compare(yyjson_val *one, int code, struct str output, const char *dir)
{
  const char *id = text_of(one, "id");
  yyjson_val *expect = yyjson_obj_get(one, "expect");
  int want_code = yyjson_get_bool(yyjson_obj_get(expect, "fails")) ? yyjson_get_int(yyjson_obj_get(expect, "exit")) : 0;
  if (code != want_code) {
    print_error("%s: exit code %d, wants %d\n", id, code, want_code);
    return 1;
  }
  if (code)
    return 0;
  yyjson_doc *doc = yyjson_read(output.ptr, output.len, 0);
  size_t i, n;
  yyjson_val *key, *want;
  unsigned failed = 0;
  yyjson_obj_foreach(yyjson_obj_get(expect, "config"), i, n, key, want)
  {
    yyjson_val *got = at_path(yyjson_doc_get_root(doc), yyjson_get_str(key));
    if (same(want, got, dir) || is_mended(id, yyjson_get_str(key), got))
      continue;
    char *a = yyjson_val_write(want, 0, NULL), *b = got ? yyjson_val_write(got, 0, NULL) : NULL;
    print_error("%s: %s is %s, wants %s\n", id, yyjson_get_str(key), b ? b : "absent", a);
    free(a);
    free(b);
    failed = 1;
  }
  yyjson_doc_free(doc);
  return failed;
}

/* ---- the walk ---- */

static int run_isolated(yyjson_val *one, enum conf_program program, const char *dir, const char *root, struct buf *output)
{
  int pipes[2], status = 0;
  char piece[4096];
  assert_int_equal(pipe(pipes), 0);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    close(pipes[0]);
    _exit(run_case(one, program, dir, root, pipes[1]));
  }
  close(pipes[1]);
  for (ssize_t n; (n = read(pipes[0], piece, sizeof piece)) > 0;)
    buf_add(output, piece, (size_t)n);
  close(pipes[0]);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static char *cases_path(void)
{
  const char *shared = getenv("KOMODO_SHARED");
  return shared ? mem_printf("%s/golden/config/cases.jsonl", shared)
                : mem_strdup(SOURCE_DIR "/../shared/golden/config/cases.jsonl");
}

static void loads_what_komodo_loads(void **state)
{
  (void)state;
  CLEANUP(mem_free_at) char *path = cases_path();
  CLEANUP(buf_release) struct buf text = BUF_INIT(16 << 20);
  if (file_read(path, &text, NULL)) {
    print_message("no recordings at %s (set KOMODO_SHARED)\n", path);
    skip();
  }
  struct str rest = buf_str(&text), line;
  unsigned run = 0, skipped = 0, failed = 0;
  while (str_split(&rest, '\n', &line)) {
    if (!line.len)
      continue;
    yyjson_doc *doc = yyjson_read(line.ptr, line.len, 0);
    assert_non_null(doc);
    yyjson_val *one = yyjson_doc_get_root(doc);
    enum conf_program program;
    assert_true(program_of(text_of(one, "program"), &program));
    char made[] = "/tmp/conf-case-XXXXXX";
    assert_non_null(mkdtemp(made));
    CLEANUP(mem_free_at) char *dir = mem_printf("%s/dir", made);
    CLEANUP(mem_free_at) char *root = mem_printf("%s/root", made);
    mkdir(dir, 0755);
    mkdir(root, 0755);
    write_files(yyjson_obj_get(one, "files"), dir, dir);
    CLEANUP(buf_release) struct buf output = BUF_INIT(1 << 20);
    int code = run_isolated(one, program, dir, yyjson_obj_get(one, "root_files") ? root : NULL, &output);
    if (code == EXIT_NO_ROOT)
      skipped++;
    else
      failed += compare(one, code, buf_str(&output), dir);
    run++;
    remove_tree(made);
    yyjson_doc_free(doc);
  }
  print_message("%u cases, %u skipped (no private root), %u failed\n", run, skipped, failed);
  assert_int_equal(failed, 0);
}

int main(int argc, char **argv)
{
  enum conf_program program;
  if (argc > 2 && strcmp(argv[1], "load") == 0 && program_of(strcmp(argv[2], "km") == 0 ? "cli" : argv[2], &program))
    return load_and_print(program, argc - 2, argv + 2, environ, CONF_PRINT_SANITISED | CONF_PRINT_PRETTY, true, 1);
  const struct CMUnitTest tests[] = {cmocka_unit_test(loads_what_komodo_loads)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
