/* address.h: which URL an address becomes and which host goes into the login. */
#include "vectors.h"

#include "link/address.h"

static void makes_urls(void **state)
{
  (void)state;
  static const struct { const char *in, *url, *host; } rows[] = {
      {"ws://10.0.0.5:8120", "ws://10.0.0.5:8120/?c", "10.0.0.5:8120"},
      {"wss://Agent.Example.com", "wss://agent.example.com/?c", "agent.example.com"},
      {"http://a:80", "ws://a/?c", "a"},
      {"https://a:443", "wss://a/?c", "a"},
      {"https://a:80", "wss://a:80/?c", "a:80"},
      {"https://a:", "wss://a/?c", "a"},
      {"10.0.0.5:8120", "ws://10.0.0.5:8120/?c", "10.0.0.5:8120"},
      {"10.0.0.5", "ws://10.0.0.5/?c", "10.0.0.5"},
      {"[::1]:8120", "ws://[::1]:8120/?c", "[::1]:8120"},
      {"::1", "ws://[::1]/?c", "[::1]"},
      {"[::1]", "wss://[::1]/?c", "[::1]"},
      {"agent:8120", "wss://agent:8120/?c", "agent:8120"},
      {"agent", "wss://agent/?c", "agent"},
      {"https://a:8120/", "wss://a:8120//?c", "a:8120"},
      {"https://a/b/c", "wss://a/b/c/?c", "a"}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    CLEANUP(buf_release) struct buf url = BUF_INIT(ADDRESS_MAX), host = BUF_INIT(ADDRESS_MAX);
    struct diag d = {0};
    assert_int_equal(address_url(str_of(rows[i].in), STR("/?c"), &url, &host, &d), OK);
    assert_string_equal(url.ptr, rows[i].url);
    assert_string_equal(host.ptr, rows[i].host);
  }
}

static void refuses_what_is_no_address(void **state)
{
  (void)state;
  static const char *const rows[] = {"", "https://", "https://a b", "https://a:99999", "https://u:p@a", "ftp://a", "https://a/#x",
                                     "https://[::1", "https://[zz]", "https://a\n", "https://\xc3\xa4", "https://a:1:2"};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    CLEANUP(buf_release) struct buf url = BUF_INIT(ADDRESS_MAX), host = BUF_INIT(ADDRESS_MAX);
    struct diag d = {0};
    assert_int_equal(address_url(str_of(rows[i]), STR("/?c"), &url, &host, &d), ERR_INVALID);
    assert_int_equal(url.len + host.len, 0);
    assert_int_not_equal(d.message[0], 0);
  }
}

static void finds_the_host(void **state)
{
  (void)state;
  static const struct { const char *in, *host; } rows[] = {
      {"https://komodo.example.com", "komodo.example.com"}, {"http://k:9120/x", "k"}, {"k", "k"}, {"https://[::1]:80", "[::1]"}, {"", ""}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++)
    assert_true(str_eqc(address_host(str_of(rows[i].in)), rows[i].host));
}

static void survives_every_failed_allocation(void **state)
{
  (void)state;
  for (long n = 0;; n++) {
    CLEANUP(buf_release) struct buf url = BUF_INIT(ADDRESS_MAX), host = BUF_INIT(ADDRESS_MAX);
    mem_fail_after(n);
    Err err = address_url(STR("https://agent.example.com:8120"), STR("/?c"), &url, &host, /* reterr= */ NULL);
    bool hit = mem_disarm();
    assert_int_equal(err, hit ? ERR_NOMEM : OK);
    if (!hit)
      return;
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(makes_urls), cmocka_unit_test(refuses_what_is_no_address),
                                     cmocka_unit_test(finds_the_host), cmocka_unit_test(survives_every_failed_allocation)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
