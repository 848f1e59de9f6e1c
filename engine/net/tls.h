/* net/tls.h: TLS contexts (OpenSSL): certificate and key of a server, trust of a client.
 *
 * Thread   a context may be made on any thread and is used on one. Memory: reference counted by OpenSSL; tls_free()
 * drops the caller's reference, connections keep their own.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "base/err.h"

/* A server's: TLS 1.2 and newer, ALPN http/1.1. Reads both files (PEM) now. */
NODISCARD Err tls_server_new(const char *cert_file, const char *key_file, SSL_CTX **ret, struct diag *reterr);
/* A client's: trusts the system's authorities (reads them now: some 30 ms of disk and parsing, so not on a loop thread),
 * or with `insecure` any certificate (reads nothing). */
NODISCARD Err tls_client_new(bool insecure, SSL_CTX **ret, struct diag *reterr);
void tls_free(SSL_CTX *tls);   /* NULL is fine */
/* Names the peer on a client's connection: SNI, and unless insecure the name or address its certificate must carry. */
NODISCARD Err tls_set_host(SSL *ssl, const char *host);
/* The oldest error OpenSSL keeps for this thread, in words, or `otherwise`; forgets the rest. */
const char *tls_words(const char *otherwise);

#endif
