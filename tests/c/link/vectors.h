/* Known answers of spec agent.md 19 and golden/agent/frames.md, and small helpers of the link tests. */
#ifndef TESTS_LINK_VECTORS_H
#define TESTS_LINK_VECTORS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/codec.h"
#include "base/mem.h"
#include "link/login.h"

#define ENGINE_PRIVATE "MC4CAQAwBQYDK2VuBCIEIBERERERERERERERERERERERERERERERERERERERERER"
#define ENGINE_PUBLIC "MCowBQYDK2VuAyEAe06Qm75//kTEZaIgA31gjuNYl9Me+XLwf3SJLLD3PxM="
#define AGENT_PUBLIC "MCowBQYDK2VuAyEAew1H2TQn+DERYHgcfHM/2J+IlwrvSQ2KoO4ZpMuKGxQ="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

#define NONCE_HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
/* The engine dials 10.0.0.5:8120 with core=komodo.example.com. */
#define DIAL_M1 "0faa684ed28867b97f4a6a2dee5df8ce974e76b7018e3f22a1c4cf2678570f20"
#define DIAL_M2                                                                                                        \
  "ff2ee45601ec1b67310c7790404585ae697331eee1c1f8cf2419731c1fff3e6b"                                                   \
  "34844ab378b06d2634652a1eb7d2b6c67c2082af188b41dd5e7da57cf64439f3"                                                   \
  "db6333e041cdad890cc5366dd342029978c2044d5040918b39da9d626869c2b8"
#define DIAL_M3                                                                                                        \
  "75537efbe989fb8406a0dcce52dbec0f832fd70f3c37a8f6efb0d8b74afcc1a5"                                                   \
  "017d89915ad4b1d111bd11e851e02531243dbdf617669ce7b54d3f48fe563535"
/* The agent dials komodo.example.com with server=my%20server. */
#define LISTEN_PROLOGUE "b5e80dfca4bcc711643b1ed30b0f37e84e3995e62f0b35e2179e185617f39908"
#define LISTEN_M1 "ff2ee45601ec1b67310c7790404585ae697331eee1c1f8cf2419731c1fff3e6b"
#define LISTEN_M2                                                                                                      \
  "0faa684ed28867b97f4a6a2dee5df8ce974e76b7018e3f22a1c4cf2678570f20"                                                   \
  "34c79df1f2e86b53e160f022c8dce99000f08276e93b3ea781e735f48d391df4"                                                   \
  "4e8710542f42f3ff9a8948dfa50dc6944c6e397acc09a5f445c2282b5b0c1473"
#define LISTEN_M3                                                                                                      \
  "104da1cbb76877cb78699753b58103c70456ba43b63117089e8fd45283a5f433"                                                   \
  "23d3465e24cd8c52c4291b8506cb26895c3f0420f8b5f2a57f3b699af47f52de"

static inline struct key_pair test_key(unsigned char byte)
{
  unsigned char secret[KEY_BYTES];
  struct key_pair pair;
  memset(secret, byte, sizeof secret);
  assert_int_equal(key_from_secret(secret, &pair), OK);
  return pair;
}

static inline struct login_fixed test_fixed(unsigned char ephemeral)
{
  struct login_fixed f;
  for (size_t i = 0; i < sizeof f.nonce; i++)
    f.nonce[i] = (unsigned char)i;
  memset(f.ephemeral, ephemeral, sizeof f.ephemeral);
  return f;
}

/* Bytes as lower-case hex; free with mem_free. */
static inline char *to_hex(const void *ptr, size_t len)
{
  char *text = mem_new(2 * len + 1);
  hex_encode(ptr, len, text);
  return text;
}

static inline void assert_hex(const void *ptr, size_t len, const char *want)
{
  char *text = to_hex(ptr, len);
  assert_string_equal(text, want);
  mem_free(text);
}

#endif
