/* Self-signed certificates for tests, made in memory and written to a folder. */
#ifndef TLS_TEST_H
#define TLS_TEST_H

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "net_test.h"

static inline void write_pem(const char *path, X509 *cert, EVP_PKEY *key)
{
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  assert_int_equal(cert ? PEM_write_X509(f, cert) : PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
  fclose(f);
}

/* <dir>/cert.pem and <dir>/key.pem, valid for localhost and 127.0.0.1; replaces what is there. */
static inline void make_cert(const char *dir)
{
  char path[256];
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *cert = X509_new();
  static long serial;
  ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial);
  X509_set_version(cert, 2);
  X509_gmtime_adj(X509_getm_notBefore(cert), -60);
  X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
  X509_set_pubkey(cert, key);
  X509_NAME *name = X509_get_subject_name(cert);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
  X509_set_issuer_name(cert, name);
  X509_EXTENSION *alt = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  X509_add_ext(cert, alt, -1);
  X509_EXTENSION_free(alt);
  assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
  snprintf(path, sizeof path, "%s/cert.pem", dir);
  write_pem(path, cert, NULL);
  snprintf(path, sizeof path, "%s/key.pem", dir);
  write_pem(path, NULL, key);
  X509_free(cert);
  EVP_PKEY_free(key);
}

static inline void remove_cert(const char *dir)
{
  static const char *const names[] = {"cert.pem", "key.pem", "old.pem", ""};
  char path[256];
  for (size_t i = 0; i < ARRAY_LEN(names); i++) {
    snprintf(path, sizeof path, "%s/%s", dir, names[i]);
    remove(path);
  }
}

#endif
