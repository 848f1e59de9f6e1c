/* link/allow.c: see allow.h. */
#include "link/allow.h"

#include <arpa/inet.h>
#include <string.h>

enum { V4_MAPPED_BITS = 96 };

bool allow_parse(struct str text, struct allow_net *ret)
{
  char name[INET6_ADDRSTRLEN];
  uint64_t bits = 0;
  ptrdiff_t slash = str_find(text, '/');
  struct str ip = slash < 0 ? text : str_sub(text, 0, (size_t)slash);
  if (ip.len == 0 || ip.len >= sizeof name || memchr(ip.ptr, 0, ip.len))
    return false;
  memcpy(name, ip.ptr, ip.len);
  name[ip.len] = 0;
  struct allow_net net = {{0}, 0};
  unsigned shift = 0;
  if (inet_pton(AF_INET, name, net.bytes + 12) == 1) {
    net.bytes[10] = net.bytes[11] = 0xFF;
    shift = V4_MAPPED_BITS;
  } else if (inet_pton(AF_INET6, name, net.bytes) != 1) {
    return false;
  }
  if (slash < 0)
    bits = 128 - shift;
  else if (!str_to_u64(str_sub(text, (size_t)slash + 1, text.len), &bits) || bits > 128 - shift)
    return false;
  net.bits = (unsigned)bits + shift;
  *ret = net;
  return true;
}

static bool contains(const struct allow_net *net, const unsigned char ip[16])
{
  unsigned whole = net->bits / 8, rest = net->bits % 8;
  if (memcmp(net->bytes, ip, whole) != 0)
    return false;
  return !rest || ((net->bytes[whole] ^ ip[whole]) & (0xFF00u >> rest) & 0xFF) == 0;
}

bool allow_contains(const struct allow_net *nets, size_t count, struct str ip)
{
  struct allow_net peer;
  if (!allow_parse(ip, &peer) || peer.bits != 128)
    return false;
  for (size_t i = 0; i < count; i++)
    if (contains(&nets[i], peer.bytes))
      return true;
  return false;
}
