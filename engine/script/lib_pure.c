/* script/lib_pure.c: codecs and digests for user scripts; komodo/_core/pure.lua gives them their names.
 *
 * A script may be left at any moment and its heap dropped, so what keeps C memory stands under the guard, and briefly.
 */
#include <openssl/evp.h>

#include "base/codec.h"
#include "script/libs.h"
#include "script/run_internal.h"

/* PIECE: what is digested at once, since the guard may not stay up for long. */
enum { TEXT_MAX = 16 * 1024 * 1024, PIECE = 64 * 1024, BLOCK_MAX = 128 };

static struct str check_text(lua_State *L, int arg)
{
  struct str text = lua_check_str(L, arg);
  luaL_argcheck(L, text.len <= TEXT_MAX, arg, "longer than 16 MB");
  return text;
}

static const EVP_MD *check_algorithm(lua_State *L)
{
  static const char *const names[] = {"sha256", "sha512", "sha1", "md5", NULL};
  static const EVP_MD *(*const algorithms[])(void) = {EVP_sha256, EVP_sha512, EVP_sha1, EVP_md5};
  return algorithms[luaL_checkoption(L, 1, NULL, names)]();
}

static int push_hex(lua_State *L, const unsigned char *bytes, size_t len)
{
  char text[2 * EVP_MAX_MD_SIZE + 1];
  hex_encode(bytes, len, text);
  lua_pushlstring(L, text, 2 * len);
  return 1;
}

struct digest {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned len;
};

/* Of the texts one after the other. Its C memory is the run's, if there is one: a script may be left between two pieces.
 * [-0, +0, e] */
static void make_digest(lua_State *L, const EVP_MD *algorithm, const struct str *text, size_t count, struct digest *ret)
{
  EVP_MD_CTX *own = NULL, **ctx = worker_self() ? &run_of(L)->digest : &own;
  guard_enter();
  *ctx = EVP_MD_CTX_new();
  bool ok = *ctx && EVP_DigestInit_ex(*ctx, algorithm, /* engine= */ NULL);
  guard_leave();
  for (size_t i = 0; i < count; i++)
    for (size_t at = 0, n; ok && at < text[i].len; at += n) {
      n = text[i].len - at < PIECE ? text[i].len - at : PIECE;
      guard_enter();
      ok = EVP_DigestUpdate(*ctx, text[i].ptr + at, n);
      guard_leave();
    }
  guard_enter();
  ok = ok && EVP_DigestFinal_ex(*ctx, ret->bytes, &ret->len);
  EVP_MD_CTX_free(*ctx);
  *ctx = NULL;
  guard_leave();
  if (!ok)
    luaL_error(L, "the digest is not available");
}

/* hash(algorithm, text) -> hex                                       [-2, +1, e] */
static int l_hash(lua_State *L)
{
  const EVP_MD *algorithm = check_algorithm(L);
  struct str text = check_text(L, 2);
  struct digest d = {0};
  make_digest(L, algorithm, &text, 1, &d);
  return push_hex(L, d.bytes, d.len);
}

/* hmac(algorithm, key, text) -> hex (RFC 2104)                                  [-3, +1, e] */
static int l_hmac(lua_State *L)
{
  const EVP_MD *algorithm = check_algorithm(L);
  struct str key = check_text(L, 2), text = check_text(L, 3);
  size_t block = (size_t)EVP_MD_block_size(algorithm);
  char pad[BLOCK_MAX] = {0};
  struct digest d = {0};
  if (key.len > block) {
    make_digest(L, algorithm, &key, 1, &d);
    key = str_make((char *)d.bytes, d.len);
  }
  if (key.len)
    memcpy(pad, key.ptr, key.len);
  for (size_t i = 0; i < block; i++)
    pad[i] ^= 0x36;
  make_digest(L, algorithm, (const struct str[]){str_make(pad, block), text}, 2, &d);
  for (size_t i = 0; i < block; i++)
    pad[i] ^= 0x36 ^ 0x5C;
  make_digest(L, algorithm, (const struct str[]){str_make(pad, block), str_make((char *)d.bytes, d.len)}, 2, &d);
  return push_hex(L, d.bytes, d.len);
}

enum codec { HEX, UNHEX, BASE64, UNBASE64, PERCENT, UNPERCENT };

/* Into dst, which is large enough: no other memory is used, so the script may be left meanwhile. */
static Err convert(enum codec codec, struct str text, char *dst, size_t size, size_t *ret_len)
{
  if (codec == HEX) {
    hex_encode(text.ptr, text.len, dst);
    *ret_len = 2 * text.len;
    return OK;
  }
  if (codec == UNHEX) {
    *ret_len = text.len / 2;
    return text.len % 2 == 0 && hex_decode(text, dst, text.len / 2) ? OK : ERR_INVALID;
  }
  struct buf out = {.ptr = dst, .cap = size, .max = size - 1};
  Err err = OK;
  switch (codec) {
  case BASE64: base64_encode(&out, text.ptr, text.len, BASE64_STANDARD); break;
  case UNBASE64: err = base64_decode(&out, text, BASE64_STANDARD); break;
  case PERCENT: percent_encode(&out, text); break;
  default: percent_decode(&out, text, /* plus= */ true); break;
  }
  *ret_len = out.len;
  return err ? err : buf_err(&out);
}

/* codec(text) -> text | nil, err                                     [-1, +1|2, e] */
static int run_codec(lua_State *L, enum codec codec, const char *what)
{
  struct str text = check_text(L, 1);
  luaL_Buffer b;
  size_t size = 3 * text.len + 16, len = 0;
  char *dst = luaL_buffinitsize(L, &b, size);
  Err err = convert(codec, text, dst, size, &len);
  if (!err) {
    luaL_pushresultsize(&b, len);
    return 1;
  }
  return lua_nil_err(L, err, NULL, what);
}

static int l_hex(lua_State *L) { return run_codec(L, HEX, "hex"); }
static int l_unhex(lua_State *L) { return run_codec(L, UNHEX, "hex"); }
static int l_base64(lua_State *L) { return run_codec(L, BASE64, "base64"); }
static int l_unbase64(lua_State *L) { return run_codec(L, UNBASE64, "base64"); }
static int l_percent(lua_State *L) { return run_codec(L, PERCENT, "url"); }
static int l_unpercent(lua_State *L) { return run_codec(L, UNPERCENT, "url"); }

static const luaL_Reg pure_functions[] = {
    {"hash", l_hash}, {"hmac", l_hmac}, {"hex", l_hex}, {"unhex", l_unhex}, {"base64", l_base64}, {"unbase64", l_unbase64},
    {"percent", l_percent}, {"unpercent", l_unpercent}, {NULL, NULL}};

void lua_pure_functions(lua_State *L)
{
  luaL_newlib(L, pure_functions);
  luaL_setfuncs(L, format_functions, 0);
  luaL_setfuncs(L, zone_functions, 0);
}
