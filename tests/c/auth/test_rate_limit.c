/* rate_limit.h and client_ip.h (spec api.md 5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/client_ip.h"
#include "auth/rate_limit.h"

static const struct rate_limit_config usual = {.max_attempts = 5, .window_ms = 15000};
static const struct str ip = {"10.0.0.1", 8};

static void fail_once(struct rate_limit *l, struct str who, uint64_t now, struct diag *d)
{
  struct rate_attempt attempt;
  assert_int_equal(rate_limit_check(l, who, now, &attempt, d), OK);
  rate_limit_fail(l, who, &attempt, d);
}

static void counts_failures_and_says_how_many_are_left(void **state)
{
  (void)state;
  struct rate_limit *l = rate_limit_new(&usual);
  for (int i = 0; i < 5; i++) {
    struct diag d = {0};
    char want[100];
    diag_set(&d, ERR_AUTH, "Invalid login credentials");
    fail_once(l, ip, 100000 + (uint64_t)i * 1000, &d);
    snprintf(want, sizeof want, "Invalid login credentials | You have %d attempts remaining", 4 - i);
    assert_string_equal(d.message, want);
    assert_int_equal(d.err, ERR_AUTH);
  }
  static const struct { uint64_t now; const char *want; } rows[] = {
      {104000, "Too many attempts | Try again in 11s"},   {104400, "Too many attempts | Try again in 11s"},
      {104600, "Too many attempts | Try again in 10s"},   {114126, "Too many attempts | Try again in 874ms"},
      {114999, "Too many attempts | Try again in 1ms"},
  };
  struct rate_attempt attempt;
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct diag d = {0};
    assert_int_equal(rate_limit_check(l, ip, rows[i].now, &attempt, &d), ERR_RATE);
    assert_string_equal(d.message, rows[i].want);
  }
  assert_int_equal(rate_limit_check(l, STR("10.0.0.2"), 104000, &attempt, NULL), OK);   /* others are not touched */
  assert_int_equal(rate_limit_check(l, ip, 115000, &attempt, NULL), OK);                /* the oldest has left the window */
  assert_int_equal(attempt.failures, 4);
  rate_limit_free(l);
}

static void flattens_the_error(void **state)
{
  (void)state;
  struct rate_limit *l = rate_limit_new(&usual);
  struct diag d = {0};
  diag_set(&d, ERR_INVALID, "Failed to validate username");
  diag_cause(&d, "Invalid characters in input");
  diag_cause(&d, "Only letters");
  fail_once(l, ip, 1, &d);
  assert_string_equal(d.message, "Failed to validate username: Invalid characters in input: Only letters | You have 4 attempts remaining");
  assert_string_equal(d.trace, "");
  assert_int_equal(d.err, ERR_INVALID);

  char longest[DIAG_MESSAGE_MAX];   /* cut in front of the tail, between characters */
  for (size_t i = 0; i + 2 < sizeof longest; i += 2)
    memcpy(longest + i, "é", 3);
  diag_set(&d, ERR_AUTH, "%s", longest);
  fail_once(l, ip, 2, &d);
  assert_non_null(strstr(d.message, "é | You have 3 attempts remaining"));
  rate_limit_free(l);
}

static void successes_do_not_count(void **state)
{
  (void)state;
  struct rate_limit *l = rate_limit_new(&usual);
  struct rate_attempt attempt;
  for (int i = 0; i < 100; i++)
    assert_int_equal(rate_limit_check(l, ip, 1000, &attempt, NULL), OK);
  assert_int_equal(rate_limit_count(l), 0);
  rate_limit_free(l);
}

static void can_be_disabled(void **state)
{
  (void)state;
  struct rate_limit *l = rate_limit_new(&(struct rate_limit_config){.disabled = true, .max_attempts = 1, .window_ms = 15000});
  struct diag d = {0};
  for (int i = 0; i < 10; i++) {
    diag_set(&d, ERR_AUTH, "no");
    diag_cause(&d, "because");
    fail_once(l, ip, 1000, &d);
  }
  assert_string_equal(d.message, "no");
  assert_string_equal(d.trace, "because");
  rate_limit_free(l);
}

static void remembers_a_bounded_number_of_addresses(void **state)
{
  (void)state;
  struct rate_limit *l = rate_limit_new(&usual);
  for (int i = 0; i < RATE_LIMIT_IPS_MAX + 100; i++) {
    char name[20];
    snprintf(name, sizeof name, "ip%d", i);
    fail_once(l, str_of(name), 1000 + (uint64_t)i, NULL);
  }
  assert_int_equal(rate_limit_count(l), RATE_LIMIT_IPS_MAX);
  struct rate_attempt attempt;
  assert_int_equal(rate_limit_check(l, STR("ip0"), 2000, &attempt, NULL), OK);
  assert_int_equal(attempt.failures, 0);   /* the one idle for longest was forgotten */
  rate_limit_sweep(l, 1000 + 150 + RATE_LIMIT_IDLE_MS);
  assert_int_equal(rate_limit_count(l), RATE_LIMIT_IPS_MAX - 51);
  rate_limit_sweep(l, 1u << 30);
  assert_int_equal(rate_limit_count(l), 0);
  rate_limit_free(l);
}

static void concurrent_failures_beyond_the_maximum(void **state)
{
  (void)state;
  struct rate_limit *l = rate_limit_new(&usual);
  struct rate_attempt attempt[20];
  for (uint64_t i = 0; i < 20; i++)
    assert_int_equal(rate_limit_check(l, ip, 1000 + i * 100, &attempt[i], NULL), OK);
  for (size_t i = 0; i < 20; i++)
    rate_limit_fail(l, ip, &attempt[i], NULL);
  struct diag d = {0};
  assert_int_equal(rate_limit_check(l, ip, 3000, &attempt[0], &d), ERR_RATE);
  assert_string_equal(d.message, "Too many attempts | Try again in 15s");   /* when fewer than five are left in the window */
  assert_int_equal(rate_limit_check(l, ip, 17499, &attempt[0], NULL), ERR_RATE);
  assert_int_equal(rate_limit_check(l, ip, 17500, &attempt[0], NULL), OK);
  rate_limit_free(l);
}

/* ---- client_ip ---- */

#define ABSENT ((struct str){0})

static void addresses(void **state)
{
  (void)state;
  const struct { const char *name; struct str forwarded, real, peer; const char *proxies[2]; const char *want; } rows[] = {
      {"peer", ABSENT, ABSENT, STR("10.0.0.1"), {0}, "10.0.0.1"},
      {"first of the list", STR(" 1.2.3.4 , 5.6.7.8"), STR("9.9.9.9"), STR("10.0.0.1"), {0}, "1.2.3.4"},
      {"real ip", ABSENT, STR(" 9.9.9.9"), STR("10.0.0.1"), {0}, "9.9.9.9"},
      {"empty header", STR(""), ABSENT, STR("10.0.0.1"), {0}, NULL},
      {"with a port", STR("1.2.3.4:80"), ABSENT, STR("10.0.0.1"), {0}, NULL},
      {"a name", ABSENT, STR("localhost"), STR("10.0.0.1"), {0}, NULL},
      {"bad list, good real ip", STR("x"), STR("9.9.9.9"), STR("10.0.0.1"), {0}, NULL},
      {"IPv6 in short", STR("2001:DB8:0:0::1"), ABSENT, STR("10.0.0.1"), {0}, "2001:db8::1"},
      {"IPv4 in IPv6", ABSENT, ABSENT, STR("::ffff:10.0.0.1"), {0}, "10.0.0.1"},
      {"stranger's header is ignored", STR("1.2.3.4"), STR("1.2.3.4"), STR("8.8.8.8"), {"10.0.0.0/8", "::1"}, "8.8.8.8"},
      {"proxy's header counts", STR("1.2.3.4"), ABSENT, STR("10.9.9.9"), {"10.0.0.0/8", "::1"}, "1.2.3.4"},
      {"invented first entries do not", STR("6.6.6.6, 1.2.3.4, 10.1.1.1"), ABSENT, STR("::1"), {"10.0.0.0/8", "::1"}, "1.2.3.4"},
      {"all of them proxies", STR("10.2.2.2,10.1.1.1"), ABSENT, STR("::1"), {"10.0.0.0/8", "::1"}, "10.2.2.2"},
      {"real ip of a proxy", ABSENT, STR("1.2.3.4"), STR("10.1.1.1"), {"10.0.0.0/8", "::1"}, "1.2.3.4"},
      {"odd bits", ABSENT, STR("1.2.3.4"), STR("10.63.0.1"), {"10.0.0.0/10", "::1"}, "1.2.3.4"},
      {"odd bits, outside", ABSENT, STR("1.2.3.4"), STR("10.64.0.1"), {"10.0.0.0/10", "::1"}, "10.64.0.1"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct ip_range range[2];
    size_t count = 0;
    for (; count < 2 && rows[i].proxies[count]; count++)
      assert_int_equal(ip_range_parse(str_of(rows[i].proxies[count]), &range[count], NULL), OK);
    char got[CLIENT_IP_MAX] = "";
    struct diag d = {0};
    Err err = client_ip(rows[i].forwarded, rows[i].real, rows[i].peer, range, count, got, &d);
    if (err != (rows[i].want ? OK : ERR_AUTH) || (rows[i].want && strcmp(got, rows[i].want) != 0))
      fail_msg("%s: %s %s", rows[i].name, err_name(err), got);
    if (err)
      assert_string_equal(d.message, "invalid IP address syntax");
  }
  static const char *const bad[] = {"", "10.0.0.0/33", "::1/129", "10.0.0/8", "10.0.0.0/", "x"};
  struct ip_range r;
  for (size_t i = 0; i < ARRAY_LEN(bad); i++)
    assert_int_equal(ip_range_parse(str_of(bad[i]), &r, NULL), ERR_INVALID);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(counts_failures_and_says_how_many_are_left),
      cmocka_unit_test(flattens_the_error),
      cmocka_unit_test(successes_do_not_count),
      cmocka_unit_test(can_be_disabled),
      cmocka_unit_test(remembers_a_bounded_number_of_addresses),
      cmocka_unit_test(concurrent_failures_beyond_the_maximum),
      cmocka_unit_test(addresses),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
