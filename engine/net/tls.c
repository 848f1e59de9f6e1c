/* net/tls.c: see tls.h. */
#include "net/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

const char *tls_words(const char *otherwise)
{
  const char *words = ERR_reason_error_string(ERR_get_error());
  ERR_clear_error();
  return words ? words : otherwise;
}

/* Without a common protocol the connection goes on: clients that offer h2 alone will see HTTP/1.1 and leave. */
static int select_alpn(SSL *ssl, const unsigned char **ret, unsigned char *ret_len, const unsigned char *offered,
                       unsigned offered_len, void *data)
{
  static const unsigned char http[] = "\x08http/1.1";
  (void)ssl;
  (void)data;
  unsigned char *chosen;
  if (SSL_select_next_proto(&chosen, ret_len, http, sizeof http - 1, offered, offered_len) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *ret = chosen;
  return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *new_context(const SSL_METHOD *method)
{
  ERR_clear_error();
  SSL_CTX *tls = SSL_CTX_new(method);
  if (!tls)
    return NULL;
  SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
  SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  /* Buffers of idle connections go back to the heap: there may be thousands. */
  SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return tls;
}

Err tls_server_new(const char *cert_file, const char *key_file, SSL_CTX **ret, struct diag *reterr)
{
  SSL_CTX *tls = new_context(TLS_server_method());
  if (!tls)
    return diag_set(reterr, ERR_NOMEM, "cannot set up TLS: %s", tls_words("no memory"));
  Err err = OK;
  if (SSL_CTX_use_certificate_chain_file(tls, cert_file) != 1)
    err = diag_set(reterr, ERR_INVALID, "cannot use the TLS certificate %s: %s", cert_file, tls_words("not a PEM file"));
  else if (SSL_CTX_use_PrivateKey_file(tls, key_file, SSL_FILETYPE_PEM) != 1)
    err = diag_set(reterr, ERR_INVALID, "cannot use the TLS key %s: %s", key_file, tls_words("not a PEM file"));
  else if (SSL_CTX_check_private_key(tls) != 1)
    err = diag_set(reterr, ERR_INVALID, "the TLS key %s does not belong to the certificate %s", key_file, cert_file);
  if (err) {
    ERR_clear_error();
    SSL_CTX_free(tls);
    return err;
  }
  SSL_CTX_set_alpn_select_cb(tls, select_alpn, NULL);
  *ret = tls;
  return OK;
}

Err tls_client_new(bool insecure, SSL_CTX **ret, struct diag *reterr)
{
  SSL_CTX *tls = new_context(TLS_client_method());
  if (!tls)
    return diag_set(reterr, ERR_NOMEM, "cannot set up TLS: %s", tls_words("no memory"));
  SSL_CTX_set_verify(tls, insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
  if (!insecure && SSL_CTX_set_default_verify_paths(tls) != 1) {
    SSL_CTX_free(tls);
    return diag_set(reterr, ERR_IO, "cannot read the system's certificate authorities: %s", tls_words("none found"));
  }
  *ret = tls;
  return OK;
}

void tls_free(SSL_CTX *tls) { SSL_CTX_free(tls); }

Err tls_set_host(SSL *ssl, const char *host)
{
  unsigned char address[16];
  X509_VERIFY_PARAM *check = SSL_get0_param(ssl);
  if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
    return X509_VERIFY_PARAM_set1_ip_asc(check, host) == 1 ? OK : ERR_INVALID;
  X509_VERIFY_PARAM_set_hostflags(check, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  /* SSL_set_tlsext_host_name, whose macro casts away const; the name is copied. */
  if (X509_VERIFY_PARAM_set1_host(check, host, 0) != 1 ||
      SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, (void *)(uintptr_t)host) != 1)
    return ERR_INVALID;
  return OK;
}
