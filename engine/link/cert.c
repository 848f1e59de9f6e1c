/* link/cert.c: see cert.h.
 *
 * The key is EC P-256. What engines do with the certificate is to accept it unseen (insecure_tls is their default) or to
 * refuse it, whatever its kind; every TLS library they may use knows P-256, and it is made in a millisecond where RSA 4096
 * keeps a small machine busy for up to a minute at the first start. */
#include "link/cert.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static bool is_file(const char *path)
{
  struct stat st;
  return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool make_parents(const char *of)
{
  CLEANUP(mem_free_at) char *path = mem_strdup(of);
  for (char *p = path + 1; *p; p++) {
    if (*p != '/')
      continue;
    *p = 0;
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
      return false;
    *p = '/';
  }
  return true;
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

/* A new file, or an old one emptied; `mode` when it is created. */
static FILE *create(const char *path, mode_t mode)
{
  int fd = make_parents(path) ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode) : -1;
  FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
  if (fd >= 0 && !f)
    close(fd);
  return f;
}

static Err finish(FILE *f, bool good, const char *path, struct diag *reterr)
{
  int why = errno;
  if (f && fclose(f) != 0) {
    why = errno;
    good = false;
  }
  return good ? OK : diag_set(reterr, f ? ERR_IO : err_from_errno(why), "Failed to write %s: %s", path, strerror(why));
}

static Err write_pair(EVP_PKEY *key, X509 *cert, const char *cert_path, const char *key_path, struct diag *reterr)
{
  FILE *f = create(key_path, 0600);
  Err err = finish(f, f && PEM_write_PKCS8PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1, key_path, reterr);
  if (err)
    return err;
  f = create(cert_path, 0644);
  return finish(f, f && PEM_write_X509(f, cert) == 1, cert_path, reterr);
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
