/* agent/exec, agent/runlog: running programs, their limits, and what the logs say. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/runlog.h"
#include "base/clock.h"

static void test_outputs_and_code(void **state)
{
  (void)state;
  struct exec_result r;
  const char *argv[] = {"sh", "-c", "echo out; echo err >&2; exit 3", NULL};
  exec_run(&(struct exec_spec){.argv = argv}, &r);
  assert_int_equal(r.end, EXEC_EXITED);
  assert_int_equal(r.code, 3);
  assert_string_equal(r.output[EXEC_STDOUT].ptr, "out\n");
  assert_string_equal(r.output[EXEC_STDERR].ptr, "err\n");
  exec_release(&r);
}

static void test_input(void **state)
{
  (void)state;
  struct exec_result r;
  char big[200000];
  memset(big, 'x', sizeof big);
  const char *count[] = {"wc", "-c", NULL}, *ignore[] = {"true", NULL};
  exec_run(&(struct exec_spec){.argv = count, .input = {big, sizeof big}}, &r);
  assert_string_equal(r.output[EXEC_STDOUT].ptr, "200000\n");
  exec_release(&r);
  exec_run(&(struct exec_spec){.argv = ignore, .input = {big, sizeof big}}, &r);   /* nobody reads it */
  assert_int_equal(r.code, 0);
  exec_release(&r);
  exec_run(&(struct exec_spec){.argv = count}, &r);   /* none: /dev/null */
  assert_string_equal(r.output[EXEC_STDOUT].ptr, "0\n");
  exec_release(&r);
}

static void test_not_run(void **state)
{
  (void)state;
  struct exec_result r;
  const char *argv[] = {"/no/such/program", NULL};
  exec_run(&(struct exec_spec){.argv = argv}, &r);
  assert_int_equal(r.end, EXEC_NOT_RUN);
  assert_int_equal(r.code, ENOENT);
  exec_release(&r);
}

/* The group dies, also what the child started. */
static void test_timeout(void **state)
{
  (void)state;
  struct exec_result r;
  const char *argv[] = {"sh", "-c", "sleep 100 & echo $!; wait", NULL};
  uint64_t start = clock_mono_ms();
  exec_run(&(struct exec_spec){.argv = argv, .timeout_ms = 300}, &r);
  assert_int_equal(r.end, EXEC_TIMED_OUT);
  assert_true(clock_mono_ms() - start < 5000);
  int64_t pid = 0;
  assert_true(str_to_i64(str_trim(buf_str(&r.output[EXEC_STDOUT])), &pid));
  int pidfd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
  if (pidfd >= 0) {   /* not even a zombie any more: nothing to wait for */
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 5000), 1);
    close(pidfd);
  }
  exec_release(&r);
}

struct canceller {
  struct exec_cancel token;
};

static void on_output(enum exec_stream stream, struct str piece, void *data)
{
  (void)stream;
  (void)piece;
  exec_cancel_fire(&((struct canceller *)data)->token);   /* it runs: end it */
}

static void test_cancel(void **state)
{
  (void)state;
  struct canceller c = {0};
  assert_int_equal(exec_cancel_init(&c.token), OK);
  assert_false(exec_cancel_fired(&c.token));
  struct exec_result r;
  const char *argv[] = {"sh", "-c", "echo started; sleep 100", NULL};
  exec_run(&(struct exec_spec){.argv = argv, .cancel = &c.token, .on_output = on_output, .data = &c}, &r);
  assert_int_equal(r.end, EXEC_CANCELLED);
  assert_true(exec_cancel_fired(&c.token));
  exec_release(&r);
  exec_cancel_release(&c.token);
}

/* A descendant that keeps the outputs open is not waited for without end. */
static void test_lingering_descendant(void **state)
{
  (void)state;
  struct exec_result r;
  const char *argv[] = {"sh", "-c", "sleep 20 & echo $!", NULL};
  uint64_t start = clock_mono_ms();
  exec_run(&(struct exec_spec){.argv = argv}, &r);
  assert_int_equal(r.end, EXEC_EXITED);
  assert_int_equal(r.code, 0);
  assert_true(clock_mono_ms() - start < 10000);
  int64_t pid = 0;
  assert_true(str_to_i64(str_trim(buf_str(&r.output[EXEC_STDOUT])), &pid));
  assert_int_equal(kill((pid_t)pid, SIGKILL), 0);   /* it lives on, as it should */
  exec_release(&r);
}

static void test_output_bounded(void **state)
{
  (void)state;
  struct exec_result r;
  const char *argv[] = {"head", "-c", "30000000", "/dev/zero", NULL};
  exec_run(&(struct exec_spec){.argv = argv}, &r);
  assert_int_equal(r.code, 0);
  assert_true(r.output[EXEC_STDOUT].len > EXEC_OUTPUT_MAX && r.output[EXEC_STDOUT].len < EXEC_OUTPUT_MAX + 64);
  assert_true(str_ends(buf_str(&r.output[EXEC_STDOUT]), STR("dropped]\n")));
  exec_release(&r);
}

static void test_logs(void **state)
{
  (void)state;
  struct runlog log;
  assert_true(run_command(RUN_STANDARD, "One", STR("echo 'a b' # tail"), NULL, &log));
  assert_true(log.success);
  assert_string_equal(log.out.ptr, "a b\n");
  assert_string_equal(log.command.ptr, "echo 'a b' # tail");
  runlog_release(&log);

  run_command(RUN_STANDARD, "Empty", STR("  "), NULL, &log);
  assert_false(log.success);
  assert_string_equal(log.err.ptr, "Command lexed into empty args");
  runlog_release(&log);

  run_command(RUN_SHELL, "Shell", STR("echo $((1+2)) && false"), NULL, &log);
  assert_false(log.success);
  assert_string_equal(log.out.ptr, "3\n");
  runlog_release(&log);

  run_command(RUN_MULTI_LINE, "Lines", STR("# c\necho a\necho b"), NULL, &log);
  assert_string_equal(log.command.ptr, "echo a && echo b");
  assert_string_equal(log.out.ptr, "a\nb\n");
  runlog_release(&log);
  assert_false(run_command(RUN_MULTI_LINE, "None", STR("# nothing\n"), NULL, &log));
  runlog_release(&log);

  run_command(RUN_STANDARD, "Folder", STR("true"), &(struct run_options){.cwd = "/no/such/folder"}, &log);
  assert_false(log.success);
  assert_string_equal(log.err.ptr, "Os { code: 2, kind: NotFound, message: \"No such file or directory\" }");
  runlog_release(&log);

  run_command(RUN_STANDARD, "Slow", STR("sleep 100"), &(struct run_options){.timeout_ms = 200}, &log);
  assert_string_equal(log.err.ptr, "Command timed out after 0.2s (process group killed)");
  assert_int_equal(log.out.len, 0);
  runlog_release(&log);
}

static void test_sanitise(void **state)
{
  (void)state;
  struct runlog log;
  struct replacers secrets = {0};
  replacers_add(&secrets, STR("hush"), STR("FIRST"));
  replacers_add(&secrets, STR(""), STR("EMPTY"));   /* would match everywhere: left out */
  replacers_add(&secrets, STR("<FIRST>-2"), STR("SECOND"));
  run_command(RUN_SHELL, "S", STR("echo hush hush-2; echo xhushx >&2"), NULL, &log);
  runlog_sanitise(&log, &secrets);
  assert_string_equal(log.command.ptr, "echo <FIRST> <SECOND>; echo x<FIRST>x >&2");
  assert_string_equal(log.out.ptr, "<FIRST> <SECOND>\n");
  assert_string_equal(log.err.ptr, "x<FIRST>x\n");
  runlog_release(&log);
  replacers_release(&secrets);
}

static void test_json(void **state)
{
  (void)state;
  struct runlog log;
  struct buf out = BUF_INIT(10000);
  runlog_error(&log, "Stage", STR("bad \xFF\"byte"));
  log.start_ts = 1;
  log.end_ts = 2;
  runlog_write(&log, &out);
  assert_string_equal(out.ptr, "{\"stage\":\"Stage\",\"command\":\"\",\"stdout\":\"\",\"stderr\":\"bad \xEF\xBF\xBD\\\"byte\","
                               "\"success\":false,\"start_ts\":1,\"end_ts\":2}");
  runlog_release(&log);
  buf_release(&out);
}

static void test_error_html(void **state)
{
  (void)state;
  struct buf out = BUF_INIT(10000);
  struct diag d = {0};
  diag_set(&d, ERR_IO, "root");
  diag_context(&d, "outer");
  error_html(&out, &d);
  assert_string_equal(out.ptr, "<span style=\"color: var(--mantine-color-red-6)\">ERROR</span>: outer\n\n"
                               "<span style=\"color: var(--mantine-color-dimmed)\">TRACE</span>:\n\t"
                               "<span style=\"color: var(--mantine-color-dimmed)\">1</span>: root");
  buf_release(&out);
}

static void test_environment(void **state)
{
  (void)state;
  struct exec_result r;
  const char *argv[] = {"env", NULL}, *env[] = {"ONLY=this", NULL};
  exec_run(&(struct exec_spec){.argv = argv, .env = env}, &r);
  assert_string_equal(r.output[EXEC_STDOUT].ptr, "ONLY=this\n");
  exec_release(&r);
}

/* What it starts after its first moments is bound: it waits for its input before it does. */
static void test_limits(void **state)
{
  (void)state;
  struct exec_result r;
  char dir[] = "/tmp/komodo-exec-XXXXXX";
  assert_non_null(mkdtemp(dir));
  const char *argv[] = {"sh", "-c", "read go; head -c 100000 /dev/zero > big; wc -c < big; rm big; ulimit -d", NULL};
  exec_run(&(struct exec_spec){.argv = argv, .cwd = dir, .input = STR("go\n"), .file_bytes = 5000, .memory_bytes = 64 << 20}, &r);
  assert_string_equal(r.output[EXEC_STDOUT].ptr, "5000\n65536\n");
  exec_release(&r);
  assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
  signal(SIGPIPE, SIG_IGN);
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_outputs_and_code), cmocka_unit_test(test_input), cmocka_unit_test(test_not_run),
    cmocka_unit_test(test_timeout), cmocka_unit_test(test_cancel), cmocka_unit_test(test_lingering_descendant),
    cmocka_unit_test(test_output_bounded), cmocka_unit_test(test_logs), cmocka_unit_test(test_sanitise),
    cmocka_unit_test(test_json), cmocka_unit_test(test_error_html),
    cmocka_unit_test(test_environment), cmocka_unit_test(test_limits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
