/* The parts of loading that the recordings do not reach: patterns, .env lines, interpolation, command lines, places,
 * getters. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "conf/duration.h"
#include "conf/files.h"
#include "conf/interpolate.h"
#include "conf/keys.h"

/* What main() gets; nothing here writes into it. */
static char **plain(const char *const *texts) { return (char **)(uintptr_t)texts; }

static void matches_names(void **state)
{
  (void)state;
  static const struct {
    const char *pattern, *name;
    bool fits;
  } rows[] = {
      {"*config.*", "config.toml", true}, {"*config.*", ".default.config.toml", true}, {"*config.*", "Config.toml", false},
      {"*config.*", "config", false},     {"?.x", "é.x", true},                        {"?.x", ".x", false},
      {"a\\*", "a*", true},               {"a\\*", "ab", false},                       {"*a*b*c", "xaybzc", true},
      {"*a*b*c", "xaybz", false},         {"", "", true},                              {"", "a", false},
      {"***", "", true},                  {"a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++)
    if (glob_match(str_of(rows[i].pattern), str_of(rows[i].name)) != rows[i].fits)
      fail_msg("%s on %s", rows[i].pattern, rows[i].name);
  assert_true(glob_valid(STR("a\\?\\\\*")));
  assert_false(glob_valid(STR("a\\b")));
  assert_false(glob_valid(STR("a\\")));
}

static void reads_env_lines(void **state)
{
  (void)state;
  static const struct {
    const char *line, *value;   /* NULL: no line of such a file */
  } rows[] = {
      {"V=a", "a"},           {"V=", ""},                {"export V=a", "a"},     {"  V = a  # c", "a"},
      {"V='a # $X'", "a # $X"}, {"V=\"a b\" # c", "a b"}, {"V=a'b'\"c\"", "abc"},  {"V=a#b", "a#b"},
      {"V=$X-${X}-\\$X", "x-x-$X"}, {"V=\"\\n\\\"\"", "\n\""}, {"V=$NONE.", "."},  {"V=$", "$"},
      {"V=\r", ""},           {"V=a b", NULL},           {"V", NULL},             {"V='a", NULL},
      {"V=\"a", NULL},        {"1V=a", NULL},            {"=a", NULL},            {"V=${X", NULL},
      {"V=\\q", NULL},        {"V A=1", NULL},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    CLEANUP(env_release) struct env env = {0};
    const char *vars[] = {"X=x", NULL};
    CLEANUP(mem_free_at) char *text = mem_printf("# first\n\n%s\nAFTER=1\n", rows[i].line);
    env_copy(&env, plain(vars));
    dotenv_parse(&env, str_of(text));
    struct str got = env_get(&env, STR("V"));
    if (!rows[i].value ? got.ptr != NULL : !got.ptr || !str_eqc(got, rows[i].value))
      fail_msg("%s: \"%.*s\"", rows[i].line, STR_ARG(got));
    assert_int_equal(env_get(&env, STR("AFTER")).ptr != NULL, rows[i].value != NULL);
  }
}

static void fake_shell(void *context, struct str word, bool is_command, struct buf *out)
{
  unsigned *calls = context;
  *calls += 1;
  if (!str_eqc(word, "silent"))
    buf_printf(out, is_command ? "ran %.*s" : "echo %.*s", STR_ARG(word));
}

static void interpolates(void **state)
{
  (void)state;
  static const struct {
    const char *text, *result;
    unsigned calls;
  } rows[] = {
      {"no dollar", "no dollar", 0},     {"${A}${A}", "aa", 0},      {"$A ${A:-x} ${} $() $ $", "$A ${A:-x} ${} $() $ $", 0},
      {"${EMPTY}", "echo EMPTY", 1},     {"${TWICE}", "a", 0},       {"$(word) $(two words)", "ran word $(two words)", 1},
      {"${silent}|", "|", 2},            {"${COMMAND}", "ran x", 1}, {"${A", "${A", 0},
      {"$${A}", "$a", 0},
  };
  const char *vars[] = {"A=a", "EMPTY=", "TWICE=${A}",
                  "COMMAND=$(x)", NULL};
  CLEANUP(env_release) struct env env = {0};
  env_copy(&env, plain(vars));
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    CLEANUP(buf_release) struct buf out = BUF_INIT(1000);
    unsigned calls = 0;
    assert_int_equal(interpolate(str_of(rows[i].text), &env, fake_shell, &calls, &out), OK);
    if (!str_eqc(buf_str(&out), rows[i].result))
      fail_msg("%s: %.*s", rows[i].text, STR_ARG(buf_str(&out)));
    assert_true(calls <= rows[i].calls);
  }
}

static void bounds_interpolation(void **state)
{
  (void)state;
  CLEANUP(env_release) struct env env = {0};
  CLEANUP(buf_release) struct buf text = BUF_INIT(1 << 20);
  CLEANUP(buf_release) struct buf out = BUF_INIT(1 << 16);
  unsigned calls = 0;
  env_add(&env, STR("LONG"), STR("0123456789012345678901234567890123456789"));
  for (int i = 0; i < SHELL_RUNS_MAX + 1; i++)
    buf_add_text(&text, "$(x)");
  assert_int_equal(interpolate(buf_str(&text), &env, fake_shell, &calls, &out), ERR_LIMIT);
  buf_clear(&text);
  for (int i = 0; i < 10000; i++)
    buf_add_text(&text, "${LONG}");
  assert_int_equal(interpolate(buf_str(&text), &env, fake_shell, &calls, &out), ERR_TOOBIG);
}

static void asks_the_shell(void **state)
{
  (void)state;
  CLEANUP(env_release) struct env env = {0};
  CLEANUP(buf_release) struct buf out = BUF_INIT(1 << 20);
  env_copy(&env, environ);
  shell_ask(&env, STR("pwd"), true, &out);
  char *folder = getcwd(NULL, 0);
  assert_string_equal(out.ptr, folder);
  free(folder);
  buf_clear(&out);
  shell_ask(&env, STR("false"), true, &out);
  shell_ask(&env, STR("no_such_command"), true, &out);
  /* yes(1) never ends: it is stopped when its answer grows too long, not when the time is over. */
  uint64_t start = clock_mono_ms();
  shell_ask(&env, STR("yes"), true, &out);
  assert_true(clock_mono_ms() - start < SHELL_TIMEOUT_MS);
  assert_int_equal(out.len, 0);
}

static void knows_time_lengths(void **state)
{
  (void)state;
  int64_t ms = 0;
  assert_true(duration_parse(STR("15-sec"), &ms));
  assert_int_equal(ms, 15000);
  assert_true(duration_parse(STR("30-day"), &ms));
  assert_int_equal(ms, 30LL * 24 * 3600 * 1000);
  assert_false(duration_parse(STR("7-sec"), &ms));
  assert_false(duration_parse(STR(""), &ms));
  for (const char *const *name = duration_names(); *name; name++)
    assert_true(duration_parse(str_of(*name), &ms));
}

static void reads_command_lines(void **state)
{
  (void)state;
  struct conf_args args;
  struct diag why = {0};
  const char *agent[] = {"agent", "-c", "a", "-cb", "--config-path=c", "-m=k", "--extend-config-arrays", "false", "key", "-x", NULL};
  assert_int_equal(conf_args_parse(CONF_AGENT, 10, plain(agent), &args, &why), OK);
  assert_int_equal(args.path_count, 3);
  assert_string_equal(args.paths[1], "b");
  assert_string_equal(args.paths[2], "c");
  assert_string_equal(args.keywords[0], "k");
  assert_string_equal(args.extend_arrays, "false");
  assert_int_equal(args.rest, 8);
  const char *km[] = {"km", "-p", "", "--debug", "true", "--", "-x", NULL};
  assert_int_equal(conf_args_parse(CONF_CLI, 7, plain(km), &args, &why), OK);
  assert_string_equal(args.profile, "");
  assert_int_equal(args.rest, 6);
  const char *core[] = {"komodo", "--version", NULL};
  assert_int_equal(conf_args_parse(CONF_CORE, 2, plain(core), &args, &why), OK);
  assert_true(args.version);
  static const struct {
    enum conf_program program;
    const char *argv[3];
  } wrong[] = {{CONF_CORE, {"komodo", "-c", "x"}}, {CONF_AGENT, {"agent", "-c"}}, {CONF_AGENT, {"agent", "--help=1"}},
               {CONF_CLI, {"km", "--log-level", "info"}}, {CONF_CLI, {"km", "-d", "1"}}, {CONF_AGENT, {"agent", "--nope"}}};
  for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
    assert_int_equal(conf_args_parse(wrong[i].program, wrong[i].argv[2] ? 3 : 2, plain(wrong[i].argv), &args, &why),
                     ERR_INVALID);
  for (int p = CONF_CORE; p <= CONF_CLI; p++) {
    CLEANUP(buf_release) struct buf help = BUF_INIT(10000);
    conf_args_help((enum conf_program)p, &help);
    assert_non_null(strstr(help.ptr, "--version"));
  }
}

static struct conf *load(enum conf_program program, const char *const *vars)
{
  struct conf *conf = NULL;
  struct diag why = {0};
  struct conf_args args = {.paths = {"/nowhere"}, .path_count = 1};
  if (conf_load(program, &args, plain(vars), NULL, &conf, &why))
    fail_msg("%s", why.message);
  return conf;
}

static void gives_values(void **state)
{
  (void)state;
  const char *vars[] = {"KOMODO_DATABASE_URI=mongodb://x", "KOMODO_SCRIPT_LIMITS_CPU_SECONDS=1.5", "KOMODO_MONITORING_INTERVAL=1-min",
                        "KOMODO_CORS_ALLOWED_ORIGINS=a,b", "KOMODO_LOGGING_STDIO=json", "KOMODO_LOGGING_LEVEL=trace", NULL};
  CLEANUP(conf_free_at) struct conf *conf = load(CONF_CORE, vars);
  struct log_config log;
  assert_string_equal(conf_str(conf, "database.uri").ptr, "mongodb://x");
  assert_true(conf_is_given(conf, "database") && conf_is_given(conf, "database.uri") && !conf_is_given(conf, "database.address"));
  assert_true(conf_number(conf, "script_limits.cpu_seconds") == 1.5);
  assert_true(conf_number(conf, "script_limits.wall_seconds") == 3600);
  assert_int_equal(conf_int(conf, "port"), 9120);
  assert_int_equal(conf_ms(conf, "monitoring_interval"), 60000);
  assert_int_equal(conf_list_len(conf, "cors_allowed_origins"), 2);
  assert_true(str_eqc(conf_list_at(conf, "cors_allowed_origins", 1), "b"));
  assert_false(conf_is_set(conf, "passkey"));
  assert_null(conf_str(conf, "passkey").ptr);
  assert_int_equal(conf_list_len(conf, "periphery_public_keys"), 0);
  conf_log(conf, &log);
  assert_true(log.level == LOG_TRACE && log.format == LOG_JSON && log.ansi && log.timestamps);
}

static void lets_the_agent_listen_unless_it_dials(void **state)
{
  (void)state;
  const char *none[] = {NULL}, *dials[] = {"PERIPHERY_CORE_ADDRESS=x", NULL};
  const char *both[] = {"PERIPHERY_CORE_ADDRESS=x", "PERIPHERY_SERVER_ENABLED=true", NULL};
  CLEANUP(conf_free_at) struct conf *a = load(CONF_AGENT, none);
  CLEANUP(conf_free_at) struct conf *b = load(CONF_AGENT, dials);
  CLEANUP(conf_free_at) struct conf *c = load(CONF_AGENT, both);
  assert_true(conf_bool(a, "server_enabled"));
  assert_false(conf_bool(b, "server_enabled"));
  assert_true(conf_bool(c, "server_enabled"));
}

static void places_defaults(void **state)
{
  (void)state;
  const char *agent[] = {"PERIPHERY_ROOT_DIRECTORY=/srv/k/", "PERIPHERY_REPO_DIR=/r", NULL};
  CLEANUP(conf_free_at) struct conf *a = load(CONF_AGENT, agent);
  assert_string_equal(conf_path(a, "private_key").ptr, "file:/srv/k/keys/periphery.key");
  assert_string_equal(conf_path(a, "stack_dir").ptr, "/srv/k/stacks");
  assert_string_equal(conf_path(a, "repo_dir").ptr, "/r");

  const char *core[] = {"KOMODO_DATA_DIR=/srv/data", "KOMODO_REPO_DIRECTORY=/repo-cache", NULL};
  CLEANUP(conf_free_at) struct conf *c = load(CONF_CORE, core);
  struct stat st;
  bool image = stat("/config", &st) == 0;
  assert_string_equal(conf_path(c, "private_key").ptr, image ? "file:/config/keys/core.key" : "file:/srv/data/keys/core.key");
  assert_string_equal(conf_path(c, "repo_directory").ptr, "/repo-cache");
  if (stat("/syncs", &st) != 0) {
    CLEANUP(buf_release) struct buf placed = BUF_INIT(10000);
    conf_placed(c, &placed);
    assert_string_equal(conf_path(c, "sync_directory").ptr, "/srv/data/syncs");
    assert_non_null(strstr(placed.ptr, "sync_directory: /srv/data/syncs\n"));
    assert_null(strstr(placed.ptr, "repo_directory"));
  }
}

static void hides_secrets(void **state)
{
  (void)state;
  const char *vars[] = {"KOMODO_JWT_SECRET=top-secret", "KOMODO_PRIVATE_KEY=also-secret", "KOMODO_PASSKEY=", NULL};
  CLEANUP(conf_free_at) struct conf *conf = load(CONF_CORE, vars);
  CLEANUP(buf_release) struct buf shown = BUF_INIT(1 << 20);
  CLEANUP(buf_release) struct buf all = BUF_INIT(1 << 20);
  conf_print(conf, CONF_PRINT_SANITISED, &shown);
  conf_print(conf, CONF_PRINT_PRETTY, &all);
  assert_null(strstr(shown.ptr, "-secret"));
  assert_non_null(strstr(shown.ptr, "\"jwt_secret\":\"##############\""));
  assert_non_null(strstr(shown.ptr, "\"passkey\":\"\""));
  assert_non_null(strstr(all.ptr, "top-secret"));
}

/* Secrets of the wrong kind stay out of the words too. */
static void does_not_quote_secrets(void **state)
{
  (void)state;
  char path[] = "/tmp/conf-secret-XXXXXX.json";
  int fd = mkstemps(path, 5);
  assert_true(fd >= 0);
  dprintf(fd, "{\"oidc_additional_audiences\": \"hush\"}");
  close(fd);
  struct conf_args args = {.paths = {path}, .path_count = 1};
  struct conf *conf = NULL;
  struct diag why = {0};
  const char *none[] = {NULL};
  assert_int_equal(conf_load(CONF_CORE, &args, plain(none), NULL, &conf, &why), ERR_SHAPE);
  assert_null(strstr(why.message, "hush"));
  assert_non_null(strstr(why.message, "oidc_additional_audiences"));
  unlink(path);
}

/* Two folders that include each other, and a file that is too large. */
static void survives_odd_folders(void **state)
{
  (void)state;
  char top[] = "/tmp/conf-loop-XXXXXX";
  assert_non_null(mkdtemp(top));
  CLEANUP(mem_free_at) char *a = mem_printf("%s/a", top);
  CLEANUP(mem_free_at) char *b = mem_printf("%s/b", top);
  CLEANUP(mem_free_at) char *a_list = mem_printf("%s/.kcoreinclude", a);
  CLEANUP(mem_free_at) char *b_list = mem_printf("%s/.kcoreinclude", b);
  CLEANUP(mem_free_at) char *file = mem_printf("%s/config.toml", b);
  CLEANUP(mem_free_at) char *large = mem_printf("%s/large.config.toml", b);
  const struct {
    const char *path, *text;
  } files[] = {{a_list, "../b\n"}, {b_list, "../a\n../b\n"}, {file, "title = \"deep\"\n"}, {large, ""}};
  mkdir(a, 0700);
  mkdir(b, 0700);
  for (size_t i = 0; i < ARRAY_LEN(files); i++) {
    FILE *f = fopen(files[i].path, "w");
    assert_non_null(f);
    fputs(files[i].text, f);
    fclose(f);
  }
  assert_int_equal(truncate(large, CONF_FILE_MAX + 1), 0);
  struct conf_args args = {.paths = {a}, .path_count = 1};
  CLEANUP(conf_free_at) struct conf *conf = NULL;
  CLEANUP(buf_release) struct buf warnings = BUF_INIT(10000);
  CLEANUP(buf_release) struct buf read = BUF_INIT(10000);
  const char *none[] = {NULL};
  assert_int_equal(conf_load(CONF_CORE, &args, plain(none), &warnings, &conf, NULL), OK);
  assert_string_equal(conf_str(conf, "title").ptr, "deep");
  assert_non_null(strstr(warnings.ptr, "larger than"));
  conf_files(conf, &read);
  assert_non_null(strstr(read.ptr, "/b/config.toml\n"));
  for (size_t i = 0; i < ARRAY_LEN(files); i++)
    unlink(files[i].path);
  rmdir(a);
  rmdir(b);
  rmdir(top);
}

static void refuses_repeated_json_members(void **state)
{
  (void)state;
  yyjson_mut_doc *doc = NULL;
  CLEANUP(buf_release) struct buf wide = BUF_INIT(1 << 20);
  assert_int_equal(json_strict(STR("{\"a\":{\"b\":1,\"b\":2}}"), &doc, NULL), ERR_INVALID);
  assert_int_equal(json_strict(STR(""), &doc, NULL), ERR_INVALID);
  assert_int_equal(json_strict(STR("[1,]"), &doc, NULL), ERR_INVALID);
  buf_add_text(&wide, "{");
  for (int i = 0; i < 1000; i++)
    buf_printf(&wide, "\"k%d\":1,", i);
  buf_add_text(&wide, "\"k500\":2}");
  assert_int_equal(json_strict(buf_str(&wide), &doc, NULL), ERR_INVALID);
  buf_clear(&wide);
  for (int i = 0; i < 1000; i++)
    buf_add_char(&wide, '[');
  for (int i = 0; i < 1000; i++)
    buf_add_char(&wide, ']');
  assert_int_equal(json_strict(buf_str(&wide), &doc, NULL), ERR_INVALID);
}

/* A mistake in a table would only show when somebody asks for that key. */
static void check_rows(const struct conf_key *keys)
{
  for (const struct conf_key *k = keys; k->name; k++) {
    assert_true(k->doc && *k->doc);
    assert_true(k->dflt || (k->flags & (CONF_OPTIONAL | CONF_REQUIRED)) || k->kind == CONF_TABLE);
    assert_int_equal(k->kind == CONF_TABLE || k->kind == CONF_TABLES, k->shape != NULL);
    assert_true(k->kind != CONF_TABLE || k->prefixes);
    assert_true((k->kind != CONF_TABLES && k->kind != CONF_MAP) || (k->flags & CONF_NO_ENV) || (k->flags & CONF_REQUIRED));
    if (k->shape)
      check_rows(k->shape);
  }
}

static void has_whole_tables(void **state)
{
  (void)state;
  check_rows(conf_core_keys);
  check_rows(conf_agent_keys);
  check_rows(conf_cli_keys);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(matches_names),       cmocka_unit_test(reads_env_lines),
      cmocka_unit_test(interpolates),        cmocka_unit_test(bounds_interpolation),
      cmocka_unit_test(asks_the_shell),      cmocka_unit_test(knows_time_lengths),
      cmocka_unit_test(reads_command_lines), cmocka_unit_test(gives_values),
      cmocka_unit_test(lets_the_agent_listen_unless_it_dials), cmocka_unit_test(places_defaults),
      cmocka_unit_test(hides_secrets),       cmocka_unit_test(does_not_quote_secrets),
      cmocka_unit_test(survives_odd_folders), cmocka_unit_test(refuses_repeated_json_members),
      cmocka_unit_test(has_whole_tables),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
