/* link/cert.h: the self-signed certificate of an agent's listener.
 *
 * Source   spec agent.md 1.2.   Thread: any; writes files, so not on a loop thread.
 */
#ifndef LINK_CERT_H
#define LINK_CERT_H

#include "base/err.h"

enum { CERT_DAYS = 3650 };

/* If either path is not a regular file, makes a key (mode 0600) and a certificate (/C=XX/CN=periphery, ten years), creating
 * the folders above them. */
NODISCARD Err cert_ensure(const char *cert_path, const char *key_path, struct diag *reterr);

#endif
