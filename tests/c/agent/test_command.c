/* agent/command, agent/job, agent/requests: rows of the request table, their parameters, their commands, their threads. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/agent.h"
#include "agent/command.h"
#include "base/mem.h"

struct fixture {
  struct agent agent;
  uv_loop_t loop;
};

static int setup(void **state)
{
  struct fixture *f = calloc(1, sizeof *f);
  yyjson_doc *doc;
  assert_int_equal(js_parse(STR("{\"legacy_compose_cli\":false}"), &doc, NULL), OK);
  assert_int_equal(settings_load(&f->agent.settings, doc, NULL), OK);
  uv_loop_init(&f->loop);
  jobs_init(&f->agent.jobs, &f->loop, &f->agent);
  *state = f;
  return 0;
}

static int teardown(void **state)
{
  struct fixture *f = *state;
  jobs_close(&f->agent.jobs);
  uv_run(&f->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&f->loop), 0);
  settings_release(&f->agent.settings);
  free(f);
  return 0;
}

static void test_expand(void **state)
{
  struct fixture *f = *state;
  static const struct { const char *template, *params, *text; const char *argv[8]; } rows[] = {
    {"docker start -- {name}", "{\"name\":\"web\"}", "docker start -- web", {"docker", "start", "--", "web"}},
    /* a parameter is one argument, whatever it has inside */
    {"docker start -- {name}", "{\"name\":\"a b'; rm\"}", "docker start -- a b'; rm", {"docker", "start", "--", "a b'; rm"}},
    {"logs --tail {tail:50}[ts| --timestamps] -- {name}", "{\"name\":\"x\"}", "logs --tail 50 -- x",
     {"logs", "--tail", "50", "--", "x"}},
    {"logs --tail {tail:50}[ts| --timestamps] -- {name}", "{\"name\":\"x\",\"tail\":7,\"ts\":true}",
     "logs --tail 7 --timestamps -- x", {"logs", "--tail", "7", "--timestamps", "--", "x"}},
    {"rm[!detach| --detach=false] -- {stacks}", "{\"stacks\":[\"a\",\"b c\"],\"detach\":false}",
     "rm --detach=false -- a b c", {"rm", "--detach=false", "--", "a", "b c"}},
    {"rm[!detach| --detach=false] -- {stacks}", "{\"stacks\":[],\"detach\":true}", "rm -- ", {"rm", "--"}},
    {"{COMPOSE} -p {project} {command*}", "{\"project\":\"p q\",\"command\":\"stop --timeout 3 'a b'\"}",
     "docker compose -p p q stop --timeout 3 'a b'", {"docker", "compose", "-p", "p q", "stop", "--timeout", "3", "a b"}},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    yyjson_doc *doc;
    assert_int_equal(js_parse(str_of(rows[i].params), &doc, NULL), OK);
    struct job job = {.agent = &f->agent, .params = yyjson_doc_get_root(doc)};
    struct command c;
    command_expand(&job, rows[i].template, &c);
    assert_string_equal(c.text.ptr, rows[i].text);
    size_t n = 0;
    for (; n < ARRAY_LEN(rows[i].argv) && rows[i].argv[n]; n++)
      assert_string_equal(c.argv[n], rows[i].argv[n]);
    assert_null(c.argv[n]);
    yyjson_doc_free(doc);
    arena_release(&job.arena);
  }
}

static void test_shell_text(void **state)
{
  struct fixture *f = *state;
  yyjson_doc *doc;
  struct str params = STR("{\"name\":\"a b\",\"terms\":[\"x\",\"y'\"],\"combinator\":\"And\",\"invert\":true}");
  assert_int_equal(js_parse(params, &doc, NULL), OK);
  struct job job = {.agent = &f->agent, .params = yyjson_doc_get_root(doc)};
  struct command c;
  command_expand(&job, "docker logs {name!} 2>&1 | {GREP}", &c);
  assert_string_equal(c.text.ptr, "docker logs 'a b' 2>&1 | grep -v -P '^(?=.*x)(?=.*y'\\'')'");
  yyjson_doc_free(doc);
  arena_release(&job.arena);
}

static void test_params(void **state)
{
  (void)state;
  static const struct { const char *name, *params; bool fits; } rows[] = {
    {"PollStatus", "{\"include_stats\":true,\"include_docker\":false}", true},
    {"PollStatus", "{\"include_stats\":true,\"include_docker\":false,\"more\":1}", true},
    {"PollStatus", "{\"include_stats\":true}", false},
    {"PollStatus", "{\"include_stats\":\"yes\",\"include_docker\":false}", false},
    {"PollStatus", "null", false},
    {"GetHealth", "{}", true},
    {"GetHealth", "[]", false},
    {"GetContainerLog", "{\"name\":\"x\",\"tail\":null}", true},
    {"GetContainerLog", "{\"name\":\"x\",\"tail\":-1}", false},
    {"GetContainerLogSearch", "{\"name\":\"x\",\"terms\":[1]}", false},
    {"GetContainerLogSearch", "{\"name\":\"x\",\"terms\":[],\"combinator\":\"Xor\"}", false},
    {"StopContainer", "{\"name\":\"x\",\"signal\":\"15\",\"time\":-1}", true},
    {"StopContainer", "{\"name\":\"x\",\"signal\":\"SIGKILL; rm\"}", false},
    {"ConnectTerminal", "{}", false},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    yyjson_doc *doc;
    struct diag d = {0};
    const struct request *r = request_find(str_of(rows[i].name));
    assert_non_null(r);
    assert_int_equal(js_parse(str_of(rows[i].params), &doc, NULL), OK);
    assert_int_equal(request_fits(r, yyjson_doc_get_root(doc), &d), rows[i].fits);
    assert_int_equal(d.message[0] == 0, rows[i].fits);
    yyjson_doc_free(doc);
  }
  assert_null(request_find(STR("NoSuchRequest")));
  assert_null(request_find(STR("GetHealt")));
}

static void test_signal_names(void **state)
{
  (void)state;
  yyjson_doc *doc;
  assert_int_equal(js_parse(STR("[\"15\",\"SIGINT\",null]"), &doc, NULL), OK);
  yyjson_val *root = yyjson_doc_get_root(doc);
  assert_true(str_eqc(signal_name(yyjson_arr_get(root, 0)), "SIGTERM"));
  assert_true(str_eqc(signal_name(yyjson_arr_get(root, 1)), "SIGINT"));
  assert_null(signal_name(yyjson_arr_get(root, 2)).ptr);
  assert_null(signal_name(NULL).ptr);
  yyjson_doc_free(doc);
}

/* ---- threads */

struct result {
  unsigned done;
  bool idle;
  Err err;
  char text[8192];
};

static void on_done(struct job *job, void *data)
{
  struct result *r = data;
  r->done++;
  r->err = job->err;
  snprintf(r->text, sizeof r->text, "%.*s", STR_ARG(job->err ? str_of(job->diag.message) : buf_str(&job->out)));
}

static void on_idle(void *data) { ((struct result *)data)->idle = true; }

static void run_until_idle(struct fixture *f, struct result *r)
{
  f->agent.jobs.on_idle = on_idle;
  f->agent.jobs.idle_data = r;
  uv_run(&f->loop, UV_RUN_DEFAULT);   /* ends by itself once no job runs */
  assert_true(r->idle);
}

static Err say(struct job *job)
{
  js_item_str(&job->out, job_text(job, "word"));
  return OK;
}

static Err complain(struct job *job) { return diag_set(&job->diag, ERR_REMOTE, "no"); }

static void test_jobs(void **state)
{
  static const struct request row = {.name = "Say", .run = say}, bad = {.name = "No", .run = complain};
  struct fixture *f = *state;
  struct result r = {0};
  yyjson_doc *doc;
  assert_int_equal(js_parse(STR("{\"word\":\"hello\"}"), &doc, NULL), OK);
  for (unsigned i = 0; i < JOBS_MAX * 3; i++)   /* more than run at a time: all get their turn */
    jobs_start(&f->agent.jobs, &row, yyjson_doc_get_root(doc), on_done, &r);
  assert_true(jobs_open(&f->agent.jobs) > JOBS_MAX);
  run_until_idle(f, &r);
  assert_int_equal(r.done, JOBS_MAX * 3);
  assert_string_equal(r.text, "\"hello\"");
  r = (struct result){0};
  jobs_start(&f->agent.jobs, &bad, yyjson_doc_get_root(doc), on_done, &r);
  run_until_idle(f, &r);
  assert_int_equal(r.err, ERR_REMOTE);
  assert_string_equal(r.text, "no");
  yyjson_doc_free(doc);
}

static void test_command_row(void **state)
{
  static const struct param params[] = {{"name", PARAM_TEXT}, {NULL, 0}};
  static const struct request row = {.name = "Echo", .run = run_request_command, .params = params, .stage = "Say it",
                                     .command = "echo -- {name}", .mode = RUN_STANDARD};
  struct fixture *f = *state;
  struct result r = {0};
  yyjson_doc *doc;
  assert_int_equal(js_parse(STR("{\"name\":\"$(id) x\"}"), &doc, NULL), OK);
  jobs_start(&f->agent.jobs, &row, yyjson_doc_get_root(doc), on_done, &r);
  run_until_idle(f, &r);
  assert_non_null(strstr(r.text, "{\"stage\":\"Say it\",\"command\":\"echo -- $(id) x\",\"stdout\":\"-- $(id) x\\n\","));
  yyjson_doc_free(doc);
}

/* ---- results that are reused */

static unsigned pulled;

static Err pull(struct job *job)
{
  struct recent *recent = &job->agent->pulls;
  if (recent_enter(recent, job_text(job, "word"), job))
    return job->err;
  pulled++;   /* under the entry: one at a time for this name */
  buf_printf(&job->out, "%u", pulled);
  recent_leave(recent, job_text(job, "word"), job, OK);
  return OK;
}

static void test_recent(void **state)
{
  static const struct request row = {.name = "Pull", .run = pull};
  struct fixture *f = *state;
  struct result r = {0};
  yyjson_doc *doc;
  recent_init(&f->agent.pulls);
  pulled = 0;
  assert_int_equal(js_parse(STR("{\"word\":\"image\"}"), &doc, NULL), OK);
  for (unsigned i = 0; i < 20; i++)
    jobs_start(&f->agent.jobs, &row, yyjson_doc_get_root(doc), on_done, &r);
  run_until_idle(f, &r);
  assert_int_equal(r.done, 20);
  assert_int_equal(pulled, 1);
  assert_string_equal(r.text, "1");
  recent_release(&f->agent.pulls);
  yyjson_doc_free(doc);
}

int main(void)
{
  signal(SIGPIPE, SIG_IGN);
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(test_expand, setup, teardown),
    cmocka_unit_test_setup_teardown(test_shell_text, setup, teardown),
    cmocka_unit_test(test_params), cmocka_unit_test(test_signal_names),
    cmocka_unit_test_setup_teardown(test_jobs, setup, teardown),
    cmocka_unit_test_setup_teardown(test_command_row, setup, teardown),
    cmocka_unit_test_setup_teardown(test_recent, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
