/* agent/do_containers, agent/registry, agent/do_docker: whole requests against a `docker` that writes down what it is asked. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/agent.h"
#include "agent/requests.h"
#include "base/mem.h"

/* One line per call: its arguments; for logins what came on stdin. `stop --signal` is unknown to it, as to old ones. */
static const char fake[] =
  "#!/bin/sh\n"
  "echo \"$*\" >> \"$FAKE_DIR/calls\"\n"
  "case \"$1\" in\n"
  "login) cat >> \"$FAKE_DIR/calls\"; echo >> \"$FAKE_DIR/calls\"; [ \"$3\" = good ] || { echo denied; echo \"why $(cat \"$FAKE_DIR/calls\")\" >&2; exit 1; } ;;\n"
  "stop) case \"$2\" in --signal) echo 'unknown flag: --signal' >&2; exit 125;; esac ;;\n"
  "run) echo ran hush; echo hush >&2 ;;\n"
  "stats) printf '{\"Name\":\"web\",\"CPUPerc\":\"1%%\",\"MemUsage\":\"2 / 3\"}\\n\\nnoise\\n' ;;\n"
  "buildx) echo '{\"digest\":\"sha256:abc\"}' ;;\n"
  "esac\n";

struct fixture {
  struct agent agent;
  char dir[64], calls[96], old_path[4096];
};

static int setup(void **state)
{
  struct fixture *f = calloc(1, sizeof *f);
  char path[128], value[4300];
  snprintf(f->dir, sizeof f->dir, "/tmp/komodo-agent-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  snprintf(f->calls, sizeof f->calls, "%s/calls", f->dir);
  snprintf(path, sizeof path, "%s/docker", f->dir);
  FILE *file = fopen(path, "w");
  fputs(fake, file);
  fclose(file);
  chmod(path, 0755);
  snprintf(f->old_path, sizeof f->old_path, "%s", getenv("PATH"));
  snprintf(value, sizeof value, "%s:%s", f->dir, f->old_path);
  setenv("PATH", value, 1);
  setenv("FAKE_DIR", f->dir, 1);
  yyjson_doc *doc;
  struct str config = STR("{\"secrets\":{\"S\":\"hush\"},\"image_registries\":[{\"domain\":\"r.example\",\"accounts\":"
                          "[{\"username\":\"good\",\"token\":\"from-config\"},{\"username\":\"bad\",\"token\":\"t0ken\"}]}]}");
  assert_int_equal(js_parse(config, &doc, NULL), OK);
  assert_int_equal(settings_load(&f->agent.settings, doc, NULL), OK);
  recent_init(&f->agent.pulls);
  *state = f;
  return 0;
}

static int teardown(void **state)
{
  struct fixture *f = *state;
  char path[128];
  snprintf(path, sizeof path, "%s/docker", f->dir);
  unlink(path);
  unlink(f->calls);
  assert_int_equal(rmdir(f->dir), 0);
  setenv("PATH", f->old_path, 1);
  settings_release(&f->agent.settings);
  recent_release(&f->agent.pulls);
  free(f);
  return 0;
}

/* Runs a request as a job's thread would; its answer or, after an error, "message | trace" in `ret`. */
static Err ask(struct fixture *f, const char *type, const char *params, char *ret, size_t size)
{
  const struct request *request = request_find(str_of(type));
  yyjson_doc *doc;
  struct diag why = {0};
  assert_non_null(request);
  assert_int_equal(js_parse(str_of(params), &doc, NULL), OK);
  assert_true(request_fits(request, yyjson_doc_get_root(doc), &why));
  struct job job = {.agent = &f->agent, .request = request, .params = yyjson_doc_get_root(doc), .out = BUF_INIT(1 << 20)};
  Err err = request->run(&job);
  if (err)
    snprintf(ret, size, "%s | %s", job.diag.message, job.diag.trace);
  else
    snprintf(ret, size, "%s", job.out.ptr);
  yyjson_doc_free(doc);
  arena_release(&job.arena);
  buf_release(&job.out);
  return err;
}

static void assert_calls(struct fixture *f, const char *want)
{
  struct buf got = BUF_INIT(1 << 20);
  Err err = read_whole(f->calls, &got);
  assert_string_equal(err ? "" : got.ptr, want);
  buf_release(&got);
  unlink(f->calls);
}

static void test_run(void **state)
{
  char answer[8192];
  assert_int_equal(ask(*state, "RunContainer",
    "{\"deployment\":{\"name\":\"web\",\"info\":{\"deployed_name\":\"old web\"},\"config\":{\"image\":{\"type\":\"Image\",\"params\":"
    "{\"image\":\"i:1\"}},\"network\":\"\",\"restart\":\"on-failure\",\"ports\":\"80:80\\n# c\",\"volumes\":\"/a:/b:ro\","
    "\"environment\":\"A=[[S]]\",\"labels\":\"l: x\",\"command\":\"echo [[S]] [[NOPE]]\",\"extra_args\":[\"--x\",\"--y=[[S]]\"]}},"
    "\"stop_signal\":\"2\",\"stop_time\":3,\"replacers\":[[\"echo\",\"CMD\"]]}", answer, sizeof answer), OK);
  assert_non_null(strstr(answer, "\"stage\":\"Docker Run\",\"command\":\"docker run -d --name web --network host -p 80:80 -v /a:/b:ro "
    "--env A=\\\"<S>\\\" --restart on-failure:10 --label l=\\\"x\\\" --x --y=<S> i:1 <CMD> <S> [[NOPE]]\","
    "\"stdout\":\"ran <S>\\n\",\"stderr\":\"<S>\\n\",\"success\":true"));
  assert_calls(*state, "pull -- i:1\nstop --signal SIGINT --time 3 -- old web\nstop --time 3 -- old web\ncontainer rm -- old web\n"
    "run -d --name web --network host -p 80:80 -v /a:/b:ro --env A=hush --restart on-failure:10 --label l=x --x --y=hush i:1 "
    "echo hush [[NOPE]]\n");
}

/* What cannot be run must not cost the running container. */
static void test_refused_before_anything(void **state)
{
  static const struct { const char *config, *error, *log; } rows[] = {
    {"\"image\":{\"type\":\"Image\",\"params\":{\"image\":\"i\"}},\"volumes\":\"nope\"",
     "Unable to generate valid docker run command | Invalid volumes\nline 0 missing assignment", NULL},
    {"\"image\":{\"type\":\"Image\",\"params\":{\"image\":\"i\"}},\"labels\":\"nope\"", "Invalid labels", NULL},
    {"\"image\":{\"type\":\"Image\",\"params\":{\"image\":\"i\"}},\"command\":\"[[S\"", "deployment.config.command", NULL},
    {"\"image\":{\"type\":\"Build\",\"params\":{}}", NULL, "\"stage\":\"Get Image\",\"command\":\"\",\"stdout\":\"\",\"stderr\":\"Deployment does not"},
    {"\"image\":{\"type\":\"Image\",\"params\":{\"image\":\"r.example/i\"}},\"image_registry_account\":\"who\"", NULL,
     "\"stage\":\"Docker Login\",\"command\":\"\",\"stdout\":\"\",\"stderr\":\"<span style=\\\"color: var(--mantine-color-red-6)\\\">"
     "ERROR</span>: did not find token in config for docker registry account who | domain r.example\",\"success\":false"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    char params[2048], answer[8192];
    snprintf(params, sizeof params, "{\"deployment\":{\"name\":\"web\",\"config\":{%s}}}", rows[i].config);
    Err err = ask(*state, "RunContainer", params, answer, sizeof answer);
    assert_int_equal(err != OK, rows[i].error != NULL);
    assert_non_null(strstr(answer, rows[i].error ? rows[i].error : rows[i].log));
    assert_calls(*state, "");
  }
}

/* Names go to a shell line here; they stay one word. */
static void test_names_are_no_shell(void **state)
{
  char answer[8192];
  ask(*state, "RunContainer", "{\"deployment\":{\"name\":\"a;touch x\",\"config\":{\"image\":{\"type\":\"Image\",\"params\":{\"image\":"
      "\"i$(id)\"}},\"network\":\"n|m\"}}}", answer, sizeof answer);
  assert_calls(*state, "pull -- i$(id)\nstop -- a;touch x\ncontainer rm -- a;touch x\nrun -d --name a;touch x --network n|m "
                       "--restart no i$(id)\n");
  ask(*state, "RemoveContainer", "{\"name\":\"a && b\"}", answer, sizeof answer);
  assert_calls(*state, "stop -- a && b\ncontainer rm -- a && b\n");
}

static void test_stop(void **state)
{
  char answer[8192];
  ask(*state, "StopContainer", "{\"name\":\"a b\",\"signal\":\"15\"}", answer, sizeof answer);
  assert_non_null(strstr(answer, "\"command\":\"docker stop -- a b\",\"stdout\":\"\",\"stderr\":\"old docker version: unable to use "
                                 "--signal flag\",\"success\":true"));
  assert_calls(*state, "stop --signal SIGTERM -- a b\nstop -- a b\n");
}

static void test_registry(void **state)
{
  char answer[8192];
  assert_int_equal(ask(*state, "PullImage", "{\"name\":\"r.example/x\",\"account\":\"good\"}", answer, sizeof answer), OK);
  assert_calls(*state, "login --username good --password-stdin -- r.example\nfrom-config\npull -- r.example/x\n");
  /* within seconds: the same answer without another pull */
  assert_int_equal(ask(*state, "PullImage", "{\"name\":\"r.example/x\",\"account\":\"good\"}", answer, sizeof answer), OK);
  assert_non_null(strstr(answer, "\"stage\":\"Docker Pull\""));
  assert_calls(*state, "");
  assert_int_equal(ask(*state, "GetLatestImageDigest", "{\"name\":\"r.example/y\",\"account\":\"good\",\"token\":\"given\"}", answer,
                       sizeof answer), OK);
  assert_string_equal(answer, "{\"digest\":\"sha256:abc\"}");
  assert_calls(*state, "login --username good --password-stdin -- r.example\ngiven\n"
                       "buildx imagetools inspect --format {{json .Manifest}} r.example/y\n");
  /* a refused login: its words, without the token */
  assert_int_equal(ask(*state, "PullImage", "{\"name\":\"r.example/z\",\"account\":\"bad\"}", answer, sizeof answer), ERR_REMOTE);
  assert_non_null(strstr(answer, "Registry r.example login error | denied\n"));
  assert_non_null(strstr(answer, "<TOKEN>\nEnd of trace"));
  assert_null(strstr(answer, "t0ken"));
}

static void test_stats(void **state)
{
  char answer[8192];
  assert_int_equal(ask(*state, "GetContainerStats", "{\"name\":\"web\"}", answer, sizeof answer), OK);
  assert_string_equal(answer, "{\"name\":\"web\",\"cpu_perc\":\"1%\",\"mem_perc\":\"\",\"mem_usage\":\"2 / 3\",\"net_io\":\"\","
                              "\"block_io\":\"\",\"pids\":\"\"}");
  assert_calls(*state, "stats --no-stream --format {{json .}} -- web\n");
  assert_int_equal(ask(*state, "GetContainerStats", "{\"name\":\"\"}", answer, sizeof answer), ERR_INVALID);
}

static void test_inspect_paths(void **state)
{
  struct fixture *f = *state;
  char answer[8192];
  f->agent.docker = (struct docker){.scheme = DOCKER_UNIX, .path = f->calls};   /* no such file */
  assert_int_equal(ask(f, "InspectContainer", "{\"name\":\"x\"}", answer, sizeof answer), ERR_CLOSED);
  assert_int_equal(ask(f, "InspectContainer", "{\"name\":\"../volumes/x\"}", answer, sizeof answer), ERR_INVALID);
  assert_int_equal(ask(f, "InspectImage", "{\"name\":\"\"}", answer, sizeof answer), ERR_INVALID);
  assert_int_equal(ask(f, "StopAllContainers", "{}", answer, sizeof answer), ERR_CLOSED);
  assert_non_null(strstr(answer, "failed to list all containers on host | Could not connect to docker client"));
}

static void test_configured(void **state)
{
  char answer[8192];
  ask(*state, "ListImageRegistries", "{}", answer, sizeof answer);
  assert_string_equal(answer, "[{\"domain\":\"r.example\",\"accounts\":[{\"username\":\"good\"},{\"username\":\"bad\"}],\"organizations\":[]}]");
  ask(*state, "ListSecrets", "{}", answer, sizeof answer);
  assert_string_equal(answer, "[\"S\"]");
  ask(*state, "GetLatestCommit", "{\"name\":\"none\",\"path\":\"/tmp\"}", answer, sizeof answer);
  assert_string_equal(answer, "null");
}

int main(void)
{
  signal(SIGPIPE, SIG_IGN);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
    TEST(test_run), TEST(test_refused_before_anything), TEST(test_names_are_no_shell), TEST(test_stop), TEST(test_registry),
    TEST(test_stats), TEST(test_inspect_paths), TEST(test_configured),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
