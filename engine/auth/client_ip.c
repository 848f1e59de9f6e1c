/* auth/client_ip.c: see client_ip.h. */
#include "auth/client_ip.h"

#include <arpa/inet.h>

static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

static bool parse(struct str text, unsigned char ret_bytes[16])
{
  char copy[CLIENT_IP_MAX];
  if (!text.len || text.len >= sizeof copy || memchr(text.ptr, 0, text.len))
    return false;
  memcpy(copy, text.ptr, text.len);
  copy[text.len] = 0;
  if (inet_pton(AF_INET, copy, ret_bytes + sizeof mapped) == 1) {
    memcpy(ret_bytes, mapped, sizeof mapped);
    return true;
  }
  return inet_pton(AF_INET6, copy, ret_bytes) == 1;
}

static void format(const unsigned char bytes[16], char ret_text[CLIENT_IP_MAX])
{
  bool v4 = memcmp(bytes, mapped, sizeof mapped) == 0;
  inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? bytes + sizeof mapped : bytes, ret_text, CLIENT_IP_MAX);
}

static bool in_range(const unsigned char bytes[16], const struct ip_range *r)
{
  unsigned whole = r->bits / 8, rest = r->bits % 8;
  if (memcmp(bytes, r->bytes, whole) != 0)
    return false;
  return !rest || ((bytes[whole] ^ r->bytes[whole]) >> (8 - rest)) == 0;
}

static bool is_proxy(const unsigned char bytes[16], const struct ip_range *proxies, size_t count)
{
  for (size_t i = 0; i < count; i++)
    if (in_range(bytes, &proxies[i]))
      return true;
  return false;
}

Err ip_range_parse(struct str text, struct ip_range *ret, struct diag *reterr)
{
  struct ip_range r = {.bits = 128};
  ptrdiff_t slash = str_find(text, '/');
  struct str address = slash < 0 ? text : str_sub(text, 0, (size_t)slash);
  bool ok = parse(str_trim(address), r.bytes);
  if (ok && slash >= 0) {
    uint64_t bits;
    bool v4 = str_find(address, ':') < 0;
    ok = str_to_u64(str_trim(str_sub(text, (size_t)slash + 1, text.len)), &bits) && bits <= (v4 ? 32u : 128u);
    if (ok)
      r.bits = (unsigned)bits + (v4 ? 96 : 0);
  }
  if (!ok)
    return diag_set(reterr, ERR_INVALID, "\"%.*s\" is no address or network, such as 10.0.0.0/8", (int)(text.len > 60 ? 60 : text.len),
                    text.ptr ? text.ptr : "");
  *ret = r;
  return OK;
}

/* The entry of X-Forwarded-For that counts; with proxies the last one that is none of them. */
static bool pick_forwarded(struct str list, const struct ip_range *proxies, size_t count, unsigned char ret_bytes[16])
{
  if (!count)
    return parse(str_trim(str_sub(list, 0, str_find(list, ',') < 0 ? list.len : (size_t)str_find(list, ','))), ret_bytes);
  for (;;) {
    size_t from = list.len;
    while (from && list.ptr[from - 1] != ',')
      from--;
    if (!parse(str_trim(str_sub(list, from, list.len)), ret_bytes))
      return false;
    if (!from || !is_proxy(ret_bytes, proxies, count))
      return true;
    list.len = from - 1;
  }
}

Err client_ip(struct str forwarded, struct str real_ip, struct str peer, const struct ip_range *proxies, size_t count,
              char ret_text[CLIENT_IP_MAX], struct diag *reterr)
{
  unsigned char bytes[16];
  bool ok = parse(peer, bytes);
  bool believed = !count || (ok && is_proxy(bytes, proxies, count));
  if (believed && forwarded.ptr)
    ok = pick_forwarded(forwarded, proxies, count, bytes);
  else if (believed && real_ip.ptr)
    ok = parse(str_trim(real_ip), bytes);
  if (!ok)
    return diag_set(reterr, ERR_AUTH, "invalid IP address syntax");
  format(bytes, ret_text);
  return OK;
}
