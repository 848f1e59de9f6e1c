/* link/allow.h: the agent's allowed_ips: addresses and networks in CIDR form.
 *
 * Wire     spec agent.md 1.3.   Thread: any.
 */
#ifndef LINK_ALLOW_H
#define LINK_ALLOW_H

#include <stdbool.h>

#include "base/str.h"

/* An IPv4 network is kept as the IPv4-mapped IPv6 one, so that both forms of a peer meet both forms of an entry. */
struct allow_net {
  unsigned char bytes[16];
  unsigned bits;                /* 0 to 128 */
};

/* False: not an IP or CIDR; bits behind the prefix do not matter. */
bool allow_parse(struct str text, struct allow_net *ret);
/* A peer's address as text; one that does not parse is not contained. */
bool allow_contains(const struct allow_net *nets, size_t count, struct str ip);

#endif
