/* link/keys.c: see keys.h. */
#include "link/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/id.h"
#include "base/mem.h"
#include "link/files.h"

/* DER of everything but the key itself: the lengths are fixed, so the prefix is all there is to parse. */
static const unsigned char pkcs8[16] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                        0x03, 0x2b, 0x65, 0x6e, 0x04, 0x22, 0x04, 0x20};
static const unsigned char spki[12] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00};

enum { DER_MAX = 256, PEM_MAX = 1024, KEY_FILE_MODE = 0600 };

void key_pair_release(struct key_pair *pair) { mem_wipe(pair, sizeof *pair); }

/* A buffer that held a secret. */
static void release_secret(struct buf *b)
{
  if (b->ptr)
    mem_wipe(b->ptr, b->cap);
  buf_release(b);
}

static void format(const void *prefix, size_t prefix_len, const unsigned char key[KEY_BYTES], char *ret_text)
{
  unsigned char der[sizeof pkcs8 + KEY_BYTES];
  memcpy(der, prefix, prefix_len);
  memcpy(der + prefix_len, key, KEY_BYTES);
  /* Writes the padded base64 and its zero byte: 4 characters for 3 bytes, as base64_encode does, without a heap copy. */
  EVP_EncodeBlock((unsigned char *)ret_text, der, (int)(prefix_len + KEY_BYTES));
  mem_wipe(der, sizeof der);
}

void key_format_public(const unsigned char raw[KEY_BYTES], char ret_text[KEY_PUBLIC_LEN + 1])
{
  format(spki, sizeof spki, raw, ret_text);
}

void key_format_private(const struct key_pair *pair, char ret_text[KEY_PRIVATE_LEN + 1])
{
  format(pkcs8, sizeof pkcs8, pair->secret, ret_text);
}

Err key_from_secret(const unsigned char secret[KEY_BYTES], struct key_pair *ret)
{
  EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret, KEY_BYTES);
  unsigned char raw[KEY_BYTES];
  size_t len = sizeof raw;
  bool good = key && EVP_PKEY_get_raw_public_key(key, raw, &len) == 1 && len == KEY_BYTES;
  EVP_PKEY_free(key);
  if (!good)
    return ERR_NOMEM;   /* every 32 bytes are a key: only memory can be short */
  memmove(ret->secret, secret, KEY_BYTES);
  memcpy(ret->raw, raw, KEY_BYTES);
  key_format_public(raw, ret->text);
  return OK;
}

Err key_generate(struct key_pair *ret)
{
  unsigned char secret[KEY_BYTES];
  id_random(secret, sizeof secret);
  Err err = key_from_secret(secret, ret);
  mem_wipe(secret, sizeof secret);
  return err;
}

/* The base64 lines between the first line and the line that starts with -----END (RFC 7468; labels are not looked at). */
static Err pem_body(struct str pem, struct buf *ret)
{
  struct str line, rest = pem;
  if (!str_split(&rest, '\n', &line) || !str_ends(str_trim(line), STR("-----")) || str_trim(line).len < 16)
    return ERR_INVALID;
  while (str_split(&rest, '\n', &line)) {
    line = str_trim(line);
    if (str_starts(line, STR("-----END ")) && str_ends(line, STR("-----")))
      return str_trim(rest).len ? ERR_INVALID : buf_err(ret);
    buf_add_str(ret, line);
  }
  return ERR_INVALID;
}

/* Base64 or PEM of exactly prefix + key. */
static Err parse_der(struct str text, const void *prefix, size_t prefix_len, unsigned char ret_key[KEY_BYTES])
{
  CLEANUP(release_secret) struct buf body = BUF_INIT(PEM_MAX), der = BUF_INIT(DER_MAX);
  Err err = OK;
  if (str_starts(text, STR("-----BEGIN"))) {
    err = pem_body(text, &body);
    text = buf_str(&body);
  }
  if (!err)
    err = base64_decode(&der, text, BASE64_STANDARD);
  if (err)
    return err == ERR_NOMEM ? err : ERR_INVALID;
  if (der.len != prefix_len + KEY_BYTES || memcmp(der.ptr, prefix, prefix_len) != 0)
    return ERR_SHAPE;
  memcpy(ret_key, der.ptr + prefix_len, KEY_BYTES);
  return OK;
}

Err key_parse(struct str text, struct key_pair *ret, struct diag *reterr)
{
  unsigned char secret[KEY_BYTES] = {0};
  bool pem = str_starts(text, STR("-----BEGIN"));
  Err err = OK;
  if (pem || text.len == KEY_PRIVATE_LEN)
    err = parse_der(text, pkcs8, sizeof pkcs8, secret);
  else if (text.len >= 1 && text.len <= KEY_BYTES)
    memcpy(secret, text.ptr, text.len);
  else
    return diag_set(reterr, ERR_INVALID, "Private key must be 32 characters or less, or pkcs8 encoded.");
  if (!err)
    err = key_from_secret(secret, ret);
  mem_wipe(secret, sizeof secret);
  if (!err)
    return OK;
  if (err == ERR_NOMEM)
    return diag_set(reterr, err, "Private key could not be read: %s", err_words(err));
  return diag_set(reterr, ERR_INVALID, "Private key is not %s of an X25519 key", pem ? "a PKCS#8 PEM" : "base64 PKCS#8");
}

Err key_parse_public(struct str text, char ret_text[KEY_PUBLIC_LEN + 1], struct diag *reterr)
{
  unsigned char raw[KEY_BYTES];
  Err err = parse_der(text, spki, sizeof spki, raw);
  if (err == ERR_NOMEM)
    return diag_set(reterr, err, "Public key could not be read: %s", err_words(err));
  if (err == ERR_SHAPE)
    return diag_set(reterr, ERR_INVALID, "Public key is not the SPKI form of an X25519 key");
  if (err)
    return diag_set(reterr, ERR_INVALID, "Public key is not base64");
  key_format_public(raw, ret_text);
  return OK;
}

/* ---- files ---- */

struct str key_spec_path(struct str spec)
{
  return str_starts(spec, STR("file:")) ? str_sub(spec, 5, spec.len) : STR_NONE;
}

static void close_fd(int *fd)
{
  if (*fd >= 0)
    close(*fd);
}

static Err read_file(const char *path, struct buf *ret, struct diag *reterr)
{
  CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat st;
  if (fd < 0 || fstat(fd, &st) != 0)
    return diag_set(reterr, err_from_errno(errno), "Failed to read key file %s: %s", path, strerror(errno));
  if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode))
    return diag_set(reterr, ERR_INVALID, "Failed to read key file %s: not a file", path);
  for (;;) {
    Err err = buf_reserve(ret, 1024);
    if (err)
      return diag_set(reterr, err, "Failed to read key file %s: %s", path, err_words(err));
    ssize_t n = read(fd, ret->ptr + ret->len, 1024);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return diag_set(reterr, err_from_errno(errno), "Failed to read key file %s: %s", path, strerror(errno));
    if (n == 0)
      return OK;
    ret->len += (size_t)n;
  }
}

Err key_save_public(struct str path, const char text[KEY_PUBLIC_LEN + 1], struct diag *reterr)
{
  CLEANUP(mem_free_at) char *name = str_dup(path);
  char pem[PEM_MAX];
  int n = snprintf(pem, sizeof pem, "-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n", text);
  return files_write(name, str_make(pem, (size_t)n), KEY_FILE_MODE, reterr);
}

Err key_save(struct str path, const struct key_pair *pair, struct diag *reterr)
{
  CLEANUP(mem_free_at) char *name = str_dup(path);
  char text[KEY_PRIVATE_LEN + 1], pem[PEM_MAX];
  key_format_private(pair, text);
  int n = snprintf(pem, sizeof pem, "-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----\n", text);
  Err err = files_write(name, str_make(pem, (size_t)n), KEY_FILE_MODE, reterr);
  mem_wipe(text, sizeof text);
  mem_wipe(pem, sizeof pem);
  if (err)
    return err;
  size_t stem = path.len;
  for (size_t i = path.len; i-- > 0 && path.ptr[i] != '/';) {
    if (path.ptr[i] == '.' && i > 0 && path.ptr[i - 1] != '/') {
      stem = i;
      break;
    }
  }
  CLEANUP(mem_free_at) char *public_path = mem_printf("%.*s.pub", (int)stem, path.ptr);
  return key_save_public(str_of(public_path), pair->text, reterr);
}

Err key_load(struct str spec, struct key_pair *ret, struct diag *reterr)
{
  if (!str_starts(spec, STR("file:")))
    return key_parse(spec, ret, reterr);
  CLEANUP(mem_free_at) char *path = str_dup(key_spec_path(spec));
  CLEANUP(release_secret) struct buf text = BUF_INIT(KEY_FILE_MAX);
  Err err = read_file(path, &text, reterr);
  if (!err) {
    err = key_parse(buf_str(&text), ret, reterr);
    if (err)
      diag_context(reterr, "Failed to read key file %s", path);
    return err;
  }
  if (err != ERR_NOTFOUND)
    return err;
  CLEANUP(key_pair_release) struct key_pair fresh = {0};
  err = key_generate(&fresh);
  if (err)
    return diag_set(reterr, err, "Failed to generate a key: %s", err_words(err));
  err = key_save(str_of(path), &fresh, reterr);
  if (!err)
    *ret = fresh;
  return err;
}

Err key_load_public(struct str spec, char ret_text[KEY_PUBLIC_LEN + 1], struct diag *reterr)
{
  if (!str_starts(spec, STR("file:")))
    return key_parse_public(spec, ret_text, reterr);
  CLEANUP(mem_free_at) char *path = str_dup(key_spec_path(spec));
  CLEANUP(buf_release) struct buf text = BUF_INIT(KEY_FILE_MAX);
  Err err = read_file(path, &text, reterr);
  if (err)
    return err;
  err = key_parse_public(buf_str(&text), ret_text, reterr);
  if (err)
    diag_context(reterr, "Failed to read key file %s", path);
  return err;
}
