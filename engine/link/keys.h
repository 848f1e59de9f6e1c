/* link/keys.h: X25519 keys of engine and agent: text forms, files, rotation.
 *
 * Wire     spec agent.md 2 "Keys".
 * Thread   any. key_load, key_load_public and key_save read and write files: not on a loop thread.
 * Memory   plain storage. A struct key_pair holds a secret: wipe it with key_pair_release().
 */
#ifndef LINK_KEYS_H
#define LINK_KEYS_H

#include "base/buf.h"

enum {
  KEY_BYTES = 32,
  KEY_PUBLIC_LEN = 60,         /* base64 of the 44 bytes of SubjectPublicKeyInfo */
  KEY_PRIVATE_LEN = 64,        /* base64 of the 48 bytes of PKCS#8 */
  KEY_FILE_MAX = 16 * 1024,    /* a longer key file is refused */
};

struct key_pair {
  unsigned char secret[KEY_BYTES];
  unsigned char raw[KEY_BYTES];              /* public */
  char text[KEY_PUBLIC_LEN + 1];             /* public, the form keys are compared and shown in */
};

void key_pair_release(struct key_pair *pair);

NODISCARD Err key_generate(struct key_pair *ret);
/* From the 32 secret bytes. */
NODISCARD Err key_from_secret(const unsigned char secret[KEY_BYTES], struct key_pair *ret);
/* A private key as typed: PEM, 64 characters of base64 PKCS#8, or 1 to 32 bytes taken as they are and padded with zeros
 * (onboarding keys). Nothing is trimmed. ERR_INVALID with words; the words never repeat the input. */
NODISCARD Err key_parse(struct str text, struct key_pair *ret, struct diag *reterr);
/* A public key as typed: PEM, or base64 of SubjectPublicKeyInfo. */
NODISCARD Err key_parse_public(struct str text, char ret_text[KEY_PUBLIC_LEN + 1], struct diag *reterr);

void key_format_public(const unsigned char raw[KEY_BYTES], char ret_text[KEY_PUBLIC_LEN + 1]);
void key_format_private(const struct key_pair *pair, char ret_text[KEY_PRIVATE_LEN + 1]);

/* The path behind `file:`, or an empty view for an inline key. */
struct str key_spec_path(struct str spec);
/* A private key spec: inline, or `file:/path`. A file that does not exist is generated and saved. */
NODISCARD Err key_load(struct str spec, struct key_pair *ret, struct diag *reterr);
/* A public key spec: inline, or `file:/path`. ERR_NOTFOUND: no such file. */
NODISCARD Err key_load_public(struct str spec, char ret_text[KEY_PUBLIC_LEN + 1], struct diag *reterr);
/* Writes the PEM to `path` and the public PEM beside it (extension replaced by .pub); parents are created. */
NODISCARD Err key_save(struct str path, const struct key_pair *pair, struct diag *reterr);
NODISCARD Err key_save_public(struct str path, const char text[KEY_PUBLIC_LEN + 1], struct diag *reterr);

#endif
