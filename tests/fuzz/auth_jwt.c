/* Any text as a token: never accepted (nobody can guess the secret), never harmful. Also as the headers that name an address. */
#include "auth/client_ip.h"
#include "auth/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static struct jwt *jwt;
  static struct ip_range proxy;
  if (!jwt) {
    jwt = jwt_new(STR_NONE, 1000);
    if (ip_range_parse(STR("10.0.0.0/9"), &proxy, NULL))
      abort();
  }
  struct str text = str_make((const char *)data, size);
  struct jwt_claims claims;
  if (jwt_verify(jwt, text, 0, &claims, NULL) != ERR_AUTH)
    abort();
  char ip[CLIENT_IP_MAX], again[CLIENT_IP_MAX];
  for (size_t proxies = 0; proxies < 2; proxies++) {
    if (client_ip(text, STR_NONE, STR("10.0.0.1"), &proxy, proxies, ip, NULL))
      continue;
    if (client_ip(STR_NONE, STR_NONE, str_of(ip), NULL, 0, again, NULL) || strcmp(ip, again) != 0)
      abort();   /* an address once written is its own canonical spelling */
  }
  struct ip_range range;
  return ip_range_parse(text, &range, NULL) == OK && range.bits > 128 ? -1 : 0;
}
