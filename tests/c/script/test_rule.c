/* komodo/_core/rule.lua and script_spec.is_rule: one state, many calls, limits of each poll. */
#include "run_fixture.h"

enum { POLLS_MAX = 4 };

struct rule {
  struct scripts s;
  const char *batches[POLLS_MAX];
  char *answers[POLLS_MAX];
  unsigned polls;                  /* batches handed out */
  struct script_call *idle;        /* waits for more of them */
  struct script_run *run;
};

static void on_gone(struct script_call *call) { ((struct rule *)call->owner)->idle = call; }

static void answer(struct script_call *call, enum script_group group, struct str name, struct str params, void *data)
{
  struct rule *r = CONTAINER_OF((struct scripts *)data, struct rule, s);
  assert_int_equal(group, SCRIPT_KOMODO);
  if (str_eqc(name, "rule_part")) {
    assert_true(str_eqc(params, "{\"index\":1,\"part\":\"containers\"}") || str_eqc(params, "{\"part\":\"containers\",\"index\":1}"));
    script_call_done(call, OK, 200, STR("{\"value\":[{\"name\":\"app\"}]}"), NULL);
    return;
  }
  if (!str_eqc(name, "rule_next")) {
    script_call_done(call, ERR_NOTFOUND, 404, STR_NONE, NULL);
    return;
  }
  if (r->polls)
    r->answers[r->polls - 1] = str_dup(params);
  if (r->polls < POLLS_MAX && r->batches[r->polls]) {
    script_call_done(call, OK, 200, str_of(r->batches[r->polls++]), NULL);
    return;
  }
  call->owner = r;
  call->on_cancel = on_gone;
  script_run_cancel(r->run);
}

/* Runs the rule until it has looked at every batch, or ended by itself. */
static void run_rule(struct rule *r, const char *source, struct script_limits limits)
{
  r->s = (struct scripts){0};
  log_configure(&(struct log_config){.level = LOG_WARN});
  uv_loop_init(&r->s.loop);
  op_loop_init(&r->s.ops, &r->s.loop);
  struct runner_config config = {.loop = &r->s.ops, .workers = 1, .call = answer, .data = &r->s};
  struct diag d = {0};
  if (runner_new(&config, &r->s.runner, &d))
    fail_msg("%s", d.message);
  struct script_spec spec = {.is_rule = true, .limits = limits};
  r->run = scripts_start(&r->s, source, &spec);
  scripts_wait(&r->s, r->run);
}

static void rule_close(struct rule *r)
{
  if (r->idle)
    script_call_done(r->idle, OK, 200, STR_NONE, NULL);
  op_unref(&r->run->op);
  for (unsigned i = 0; i < POLLS_MAX; i++)
    mem_free(r->answers[i]);
  scripts_close(&r->s);
}

/* The answer to a poll has this in it. */
static void expect(const struct rule *r, unsigned poll, const char *part)
{
  if (!r->answers[poll] || !strstr(r->answers[poll], part))
    fail_msg("answer %u has no %s: %s", poll, part, r->answers[poll] ? r->answers[poll] : "(none)");
}

#define TARGET(NAME) "{\"type\":\"Server\",\"id\":\"1\",\"name\":\"" NAME "\"}"
#define BATCH(TARGETS, MORE) "{\"first\":true,\"from\":1,\"targets\":[" TARGETS "],\"states\":[\"Ok\",\"Ok\"]" MORE "}"
#define AGAIN(MORE) "{\"first\":true,\"from\":1,\"states\":[\"NotOk\",\"Ok\"]" MORE "}"

static void judges_targets(void **state)
{
  (void)state;
  struct rule r = {.batches = {BATCH(TARGET("a") "," TARGET("b"), ",\"stats\":[\"{\\\"cpu_perc\\\":5}\",\"{\\\"cpu_perc\\\":95}\"]"),
                               AGAIN(",\"stats\":[\"null\",\"{\\\"cpu_perc\\\":96}\"]")}};
  run_rule(&r, "local event = komodo.event\n"
               "calls = (calls or 0) + 1\n"
               "if event.stats.cpu_perc > 90 then return { message = event.target.name .. calls .. event.type .. event.state } end", (struct script_limits){0});
  assert_int_equal(r.run->outcome.end, SCRIPT_CANCELLED);
  expect(&r, 0, "\"i\":2");
  expect(&r, 0, "b2pollOk");
  assert_null(strstr(r.answers[0], "\"i\":1"));
  expect(&r, 1, "b4pollOk");   /* the targets are those of before */
  expect(&r, 1, "\"unknown\":true");   /* it read what is not known, which is no mistake of the rule */
  rule_close(&r);
}

static void tells_errors(void **state)
{
  (void)state;
  struct rule r = {.batches = {BATCH(TARGET("a") "," TARGET("b"), ""), BATCH(TARGET("c"), "")}};
  run_rule(&r, "local name = komodo.event.target.name\n"
               "if name == 'a' then error('broken') end\n"
               "if name == 'b' then return print end\n"
               "komodo.spawn(komodo.sleep, 100)\n"
               "return { #komodo.event.containers, komodo.event.containers[1].name }", (struct script_limits){0});
  expect(&r, 0, "test:2: broken");
  expect(&r, 0, "cannot be JSON");
  expect(&r, 1, "[1,\\\"app\\\"]");
  rule_close(&r);
}

static void limits_hold_per_poll(void **state)
{
  (void)state;
  /* Each poll takes half of what is allowed. */
  static const char spin[] = "local x = os.clock() while os.clock() - x < 0.06 do end return { n = 1 }";
  struct rule r = {.batches = {BATCH(TARGET("a"), ""), BATCH(TARGET("b"), ""), BATCH(TARGET("c"), "")}};
  run_rule(&r, spin, (struct script_limits){.cpu_seconds = 0.12, .wall_seconds = 0.01});
  assert_int_equal(r.run->outcome.end, SCRIPT_CANCELLED);
  expect(&r, 2, "cpu_ms");
  rule_close(&r);

#ifndef __SANITIZE_THREAD__   /* it delivers signals in its own interceptors only, which a busy loop never calls */
  struct rule endless = {.batches = {BATCH(TARGET("a"), "")}};
  run_rule(&endless, "while true do pcall(error) end", (struct script_limits){.cpu_seconds = 0.05});
  assert_int_equal(endless.run->outcome.end, SCRIPT_LIMIT);
  assert_string_equal(endless.run->outcome.limit, "cpu");
  rule_close(&endless);
#endif

  struct rule greedy = {.batches = {BATCH(TARGET("a"), "")}};
  run_rule(&greedy, "t = {} for i = 1, 1e7 do t[i] = 'x' .. i end", (struct script_limits){.memory_bytes = 4 << 20});
  assert_int_equal(greedy.run->outcome.end, SCRIPT_LIMIT);
  assert_string_equal(greedy.run->outcome.limit, "memory");
  rule_close(&greedy);

  struct rule wrong = {.batches = {BATCH(TARGET("a"), "")}};
  run_rule(&wrong, "local x = = 1", (struct script_limits){0});
  assert_int_equal(wrong.run->outcome.end, SCRIPT_ERROR);
  assert_int_equal(wrong.polls, 0);
  rule_close(&wrong);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(judges_targets), cmocka_unit_test(tells_errors), cmocka_unit_test(limits_hold_per_poll)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
