/* link/noise.c: see noise.h.
 *
 * The pattern is walked as text: each message is a list of tokens, for the writer and the reader alike. A DH token names
 * the initiator's key first ("es": its ephemeral with the responder's static). */
#include "link/noise.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/mem.h"

enum { TAG = 16, STEPS = 3 };
static const char *const pattern[STEPS] = {"e", "e ee s es", "s se"};
static const size_t sizes[STEPS] = {KEY_BYTES, KEY_BYTES + KEY_BYTES + TAG + TAG, KEY_BYTES + TAG + TAG};

static Err mix_hash(struct noise *n, const void *data, size_t len)
{
  EVP_MD_CTX *ctx = EVP_MD_CTX_new();
  bool good = ctx && EVP_DigestInit_ex(ctx, EVP_blake2s256(), NULL) && EVP_DigestUpdate(ctx, n->h, NOISE_HASH) &&
              EVP_DigestUpdate(ctx, data, len) && EVP_DigestFinal_ex(ctx, n->h, NULL);
  EVP_MD_CTX_free(ctx);
  return good ? OK : ERR_NOMEM;
}

static Err hmac(const unsigned char key[NOISE_HASH], const void *data, size_t len, unsigned char ret[NOISE_HASH])
{
  return HMAC(EVP_blake2s256(), key, NOISE_HASH, data, len, ret, NULL) ? OK : ERR_NOMEM;
}

/* HKDF of two outputs: the new chaining key and the new cipher key. */
static Err mix_key(struct noise *n, const unsigned char shared[KEY_BYTES])
{
  unsigned char temp[NOISE_HASH], second[NOISE_HASH + 1];
  Err err = hmac(n->ck, shared, KEY_BYTES, temp);
  if (!err)
    err = hmac(temp, "\x01", 1, n->ck);
  memcpy(second, n->ck, NOISE_HASH);
  second[NOISE_HASH] = 2;
  if (!err)
    err = hmac(temp, second, sizeof second, n->key);
  mem_wipe(temp, sizeof temp);
  mem_wipe(second, sizeof second);
  n->has_key = true;
  n->n = 0;
  return err;
}

static Err dh(struct noise *n, const struct key_pair *mine, const unsigned char theirs[KEY_BYTES])
{
  unsigned char shared[KEY_BYTES] = {0};
  size_t len = sizeof shared;
  EVP_PKEY *secret = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, mine->secret, KEY_BYTES);
  EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, theirs, KEY_BYTES);
  EVP_PKEY_CTX *ctx = secret ? EVP_PKEY_CTX_new(secret, NULL) : NULL;
  Err err = ERR_NOMEM;
  if (peer && ctx && EVP_PKEY_derive_init(ctx) == 1)
    err = EVP_PKEY_derive_set_peer(ctx, peer) == 1 && EVP_PKEY_derive(ctx, shared, &len) == 1 ? OK : ERR_PROTOCOL;
  EVP_PKEY_CTX_free(ctx);
  EVP_PKEY_free(peer);
  EVP_PKEY_free(secret);
  /* A low-order point gives zeros with any secret: whoever sends one proves nothing. OpenSSL refuses it too. */
  unsigned char any = 0;
  for (size_t i = 0; i < sizeof shared; i++)
    any |= shared[i];
  if (!err && !any)
    err = ERR_PROTOCOL;
  if (!err)
    err = mix_key(n, shared);
  mem_wipe(shared, sizeof shared);
  return err;
}

static Err dh_token(struct noise *n, const char *token)
{
  char mine = token[n->initiator ? 0 : 1], theirs = token[n->initiator ? 1 : 0];
  return dh(n, mine == 'e' ? &n->ephemeral : &n->own, theirs == 'e' ? n->remote_ephemeral : n->remote);
}

/* Encrypts or decrypts with the hash as associated data; `in` of len bytes, the tag stands behind the ciphertext. */
static Err aead(struct noise *n, bool seal, const unsigned char *in, size_t len, unsigned char *out)
{
  unsigned char iv[12] = {0}, unused[TAG];
  for (int i = 0; i < 8; i++)
    iv[4 + i] = (unsigned char)(n->n >> (8 * i));
  n->n++;
  EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
  int got = 0;
  bool good = ctx && EVP_CipherInit_ex(ctx, EVP_chacha20_poly1305(), NULL, n->key, iv, seal) == 1;
  if (good && !seal) {
    unsigned char tag[TAG];
    memcpy(tag, in + len, TAG);
    good = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1;
  }
  good = good && EVP_CipherUpdate(ctx, NULL, &got, n->h, NOISE_HASH) == 1;
  if (good && len)
    good = EVP_CipherUpdate(ctx, out, &got, in, (int)len) == 1;
  bool authentic = good && EVP_CipherFinal_ex(ctx, unused, &got) == 1;
  if (authentic && seal)
    good = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, out + len) == 1;
  EVP_CIPHER_CTX_free(ctx);
  if (!good)
    return ERR_NOMEM;
  return authentic ? OK : ERR_PROTOCOL;
}

/* out gets len bytes, and the tag once a key is in place. */
static Err seal(struct noise *n, const unsigned char *in, size_t len, unsigned char *out, size_t *ret_len)
{
  Err err = OK;
  if (n->has_key)
    err = aead(n, /* seal= */ true, in, len, out);
  else if (len)
    memcpy(out, in, len);
  *ret_len = n->has_key ? len + TAG : len;
  return err ? err : mix_hash(n, out, *ret_len);
}

static Err unseal(struct noise *n, const unsigned char *in, size_t len, unsigned char *out, size_t *ret_used)
{
  Err err = OK;
  *ret_used = n->has_key ? len + TAG : len;
  if (n->has_key)
    err = aead(n, /* seal= */ false, in, len, out);
  else if (len)
    memcpy(out, in, len);
  return err ? err : mix_hash(n, in, *ret_used);
}

Err noise_init(struct noise *n, bool initiator, const struct key_pair *own, struct str prologue,
               const unsigned char *ephemeral)
{
  static const char name[] = "Noise_XX_25519_ChaChaPoly_BLAKE2s";
  *n = (struct noise){.initiator = initiator, .own = *own};
  Err err = ephemeral ? key_from_secret(ephemeral, &n->ephemeral) : key_generate(&n->ephemeral);
  if (err)
    return err;
  /* The name is longer than a hash, so the first h is its hash. */
  if (EVP_Digest(name, sizeof name - 1, n->h, NULL, EVP_blake2s256(), NULL) != 1)
    return ERR_NOMEM;
  memcpy(n->ck, n->h, NOISE_HASH);
  return mix_hash(n, prologue.ptr, prologue.len);
}

void noise_release(struct noise *n) { mem_wipe(n, sizeof *n); }

Err noise_write(struct noise *n, unsigned char ret[NOISE_MESSAGE_MAX], size_t *ret_len)
{
  if (n->step >= STEPS || (n->step % 2 == 0) != n->initiator)
    return ERR_PROTOCOL;
  size_t at = 0, more = 0;
  Err err = OK;
  struct str rest = str_of(pattern[n->step]), token;
  while (!err && str_split(&rest, ' ', &token)) {
    if (token.len == 2) {
      err = dh_token(n, token.ptr);
    } else if (token.ptr[0] == 'e') {
      memcpy(ret + at, n->ephemeral.raw, KEY_BYTES);
      err = mix_hash(n, n->ephemeral.raw, KEY_BYTES);
      at += KEY_BYTES;
    } else {
      err = seal(n, n->own.raw, KEY_BYTES, ret + at, &more);
      at += more;
    }
  }
  if (!err)
    err = seal(n, /* in= */ NULL, 0, ret + at, &more);
  *ret_len = at + more;
  n->step = err ? STEPS : n->step + 1;
  return err;
}

Err noise_read(struct noise *n, struct str message)
{
  if (n->step >= STEPS || (n->step % 2 == 0) == n->initiator || message.len != sizes[n->step])
    return ERR_PROTOCOL;
  const unsigned char *at = (const unsigned char *)message.ptr;
  unsigned char none[1];
  size_t used;
  Err err = OK;
  struct str rest = str_of(pattern[n->step]), token;
  while (!err && str_split(&rest, ' ', &token)) {
    if (token.len == 2) {
      err = dh_token(n, token.ptr);
    } else if (token.ptr[0] == 'e') {
      memcpy(n->remote_ephemeral, at, KEY_BYTES);
      err = mix_hash(n, at, KEY_BYTES);
      at += KEY_BYTES;
    } else {
      err = unseal(n, at, KEY_BYTES, n->remote, &used);
      at += used;
    }
  }
  if (!err)
    err = unseal(n, at, 0, none, &used);
  n->step = err ? STEPS : n->step + 1;
  return err;
}
