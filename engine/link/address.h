/* link/address.h: addresses of engines and agents: the URL to dial, the host that goes into the login.
 *
 * Wire     spec agent.md 1.1.   Thread: any.
 */
#ifndef LINK_ADDRESS_H
#define LINK_ADDRESS_H

#include "base/buf.h"

enum { ADDRESS_MAX = 2048 };   /* characters of a URL to dial */

/* The URL of `address` with `tail` ("/?core=…") behind it, and its host identifier: host[:port unless the default].
 * Host and default port are normalised in the URL too, so that the Host header we send is the identifier both sides hash.
 * Both buffers are the caller's. ERR_INVALID with words; ERR_NOMEM. */
NODISCARD Err address_url(struct str address, struct str tail, struct buf *ret_url, struct buf *ret_host, struct diag *reterr);

/* The host alone of an address such as `https://komodo.example.com:9120/x` (no scheme, no port), borrowed from it. */
struct str address_host(struct str address);

/* An IP, or an IPv4 or bracketed IPv6 with a port. */
bool address_is_ip(struct str text);

#endif
