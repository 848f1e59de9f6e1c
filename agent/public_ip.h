/* agent/public_ip.h: the address the world sees, asked once (spec agent.md 15).
 * Thread: any but the loop's (asking takes up to a second). */
#ifndef AGENT_PUBLIC_IP_H
#define AGENT_PUBLIC_IP_H

#include <uv.h>

#include "base/str.h"

struct public_ip {
  uv_mutex_t lock;
  bool asked;
  char text[46];      /* "": unknown */
};
void public_ip_init(struct public_ip *p);
void public_ip_release(struct public_ip *p);
/* The address, or ptr NULL. The first call asks the network; the answer, or none, is kept until the agent ends. */
struct str public_ip_get(struct public_ip *p);

/* A DNS answer (RFC 1035 4.1) to question `id`: the first address of `type` (1 A, 28 AAAA) as text. */
bool dns_parse_address(struct str packet, uint16_t id, uint16_t type, char ret_text[46]);

#endif
