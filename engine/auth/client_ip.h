/* auth/client_ip.h: which address a request counts for (spec api.md 5, auth.md 1.7 and 6). Thread: any. */
#ifndef AUTH_CLIENT_IP_H
#define AUTH_CLIENT_IP_H

#include "base/err.h"
#include "base/str.h"

enum { CLIENT_IP_MAX = 46 };   /* an IPv6 address in text and a zero byte */

/* A network whose addresses may speak for others. */
struct ip_range {
  unsigned char bytes[16];     /* IPv4 as ::ffff:a.b.c.d */
  unsigned bits;
};
/* "10.0.0.0/8", "::1". ERR_INVALID with words. */
NODISCARD Err ip_range_parse(struct str text, struct ip_range *ret, struct diag *reterr);

/* The client's address in its one canonical spelling (IPv4 inside IPv6 counts as IPv4).
 *
 * forwarded, real_ip   values of X-Forwarded-For and X-Real-IP; ptr NULL when the header is absent
 * peer                 address of the socket
 * proxies              count 0: the headers are always believed, and the first entry of X-Forwarded-For counts, as in
 *                      Komodo. Else they are believed only from these addresses, and the last entry that is not one
 *                      of them counts, since earlier ones may be invented
 * returns   ERR_AUTH "invalid IP address syntax" */
NODISCARD Err client_ip(struct str forwarded, struct str real_ip, struct str peer, const struct ip_range *proxies, size_t count,
                        char ret_text[CLIENT_IP_MAX], struct diag *reterr);

#endif
