/* link/cert.c: see cert.h.
 *
 * The key is EC P-256. What engines do with the certificate is to accept it unseen (insecure_tls is their default) or to
 * refuse it, whatever its kind; every TLS library they may use knows P-256, and it is made in a millisecond where RSA 4096
 * keeps a small machine busy for up to a minute at the first start. */
#include "link/cert.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "link/files.h"

static bool is_file(const char *path)
{
  struct stat st;
  return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool add_extension(X509 *cert, int nid, const char *value)
{
  X509V3_CTX ctx;
  X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
  X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
  bool good = e && X509_add_ext(cert, e, -1) == 1;
  X509_EXTENSION_free(e);
  return good;
}

static bool fill(X509 *cert, EVP_PKEY *key)
{
  uint64_t serial;
  X509_NAME *name = X509_get_subject_name(cert);
  if (RAND_bytes((unsigned char *)&serial, sizeof serial) != 1)
    return false;
  return X509_set_version(cert, X509_VERSION_3) && ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1 | 1) &&
         X509_gmtime_adj(X509_getm_notBefore(cert), 0) && X509_gmtime_adj(X509_getm_notAfter(cert), CERT_DAYS * 24L * 3600) &&
         X509_set_pubkey(cert, key) &&
         X509_NAME_add_entry_by_txt(name, "C", MBSTRING_ASC, (const unsigned char *)"XX", -1, -1, 0) &&
         X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"periphery", -1, -1, 0) &&
         X509_set_issuer_name(cert, name) && add_extension(cert, NID_basic_constraints, "critical,CA:TRUE") &&
         add_extension(cert, NID_subject_key_identifier, "hash") && X509_sign(cert, key, EVP_sha256());
}

/* Writes what is in `pem`; wipes it. */
static Err save(BIO *pem, bool good, const char *path, unsigned mode, struct diag *reterr)
{
  char *text = NULL;
  long len = good ? BIO_get_mem_data(pem, &text) : 0;
  if (len <= 0)
    return diag_set(reterr, ERR_INTERNAL, "Failed to encode a TLS certificate");
  Err err = files_write(path, str_make(text, (size_t)len), mode, reterr);
  mem_wipe(text, (size_t)len);
  return err;
}

static Err write_pair(EVP_PKEY *key, X509 *cert, const char *cert_path, const char *key_path, struct diag *reterr)
{
  BIO *key_pem = BIO_new(BIO_s_mem()), *cert_pem = BIO_new(BIO_s_mem());
  bool key_good = key_pem && PEM_write_bio_PKCS8PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) == 1;
  bool cert_good = cert_pem && PEM_write_bio_X509(cert_pem, cert) == 1;
  Err err = save(key_pem, key_good, key_path, 0600, reterr);
  if (!err)
    err = save(cert_pem, cert_good, cert_path, 0644, reterr);
  BIO_free(key_pem);
  BIO_free(cert_pem);
  return err;
}

Err cert_ensure(const char *cert_path, const char *key_path, struct diag *reterr)
{
  if (is_file(cert_path) && is_file(key_path))
    return OK;
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *cert = X509_new();
  Err err = key && cert && fill(cert, key) ? OK : diag_set(reterr, ERR_INTERNAL, "Failed to generate a TLS certificate");
  if (!err)
    err = write_pair(key, cert, cert_path, key_path, reterr);
  X509_free(cert);
  EVP_PKEY_free(key);
  return err;
}
