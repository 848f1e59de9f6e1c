/* script/lib_crypto.c: engine.crypto. See libs.h. */
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/codec.h"
#include "base/id.h"
#include "script/policy_internal.h"

enum { RANDOM_MAX = 4096, CODEC_MAX = 64 * 1024 * 1024 };

static const EVP_MD *check_algorithm(lua_State *L, int arg)
{
  static const char *const names[] = {"sha256", "sha512", "sha1", NULL};
  static const EVP_MD *(*const algorithms[])(void) = {EVP_sha256, EVP_sha512, EVP_sha1};
  return algorithms[luaL_checkoption(L, arg, NULL, names)]();
}

static int push_hex(lua_State *L, const void *bytes, size_t len)
{
  char text[2 * EVP_MAX_MD_SIZE + 1];
  hex_encode(bytes, len, text);
  lua_pushstring(L, text);
  return 1;
}

static int l_hash(lua_State *L)
{
  const EVP_MD *algorithm = check_algorithm(L, 1);
  struct str text = lua_check_str(L, 2);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned len = 0;
  if (!EVP_Digest(text.ptr, text.len, digest, &len, algorithm, /* engine= */ NULL))
    return luaL_error(L, "the digest failed");
  return push_hex(L, digest, len);
}

static int l_hmac(lua_State *L)
{
  const EVP_MD *algorithm = check_algorithm(L, 1);
  struct str key = lua_check_str(L, 2), text = lua_check_str(L, 3);
  luaL_argcheck(L, key.len <= INT32_MAX, 2, "too long");
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned len = 0;
  if (!HMAC(algorithm, key.ptr, (int)key.len, (const unsigned char *)text.ptr, text.len, digest, &len))
    return luaL_error(L, "the digest failed");
  return push_hex(L, digest, len);
}

static size_t check_count(lua_State *L)
{
  lua_Integer n = luaL_checkinteger(L, 1);
  luaL_argcheck(L, n >= 0 && n <= RANDOM_MAX, 1, "must be between 0 and 4096");
  return (size_t)n;
}

static int l_bytes(lua_State *L)
{
  char bytes[RANDOM_MAX];
  size_t n = check_count(L);
  id_random(bytes, n);
  lua_pushlstring(L, bytes, n);
  return 1;
}

static int l_alnum(lua_State *L)
{
  char text[RANDOM_MAX + 1];
  id_alnum(text, check_count(L));
  lua_pushstring(L, text);
  return 1;
}

static int l_object_id(lua_State *L)
{
  char id[OBJECT_ID_LEN + 1];
  id_object(id);
  lua_pushstring(L, id);
  return 1;
}

static int l_uuid(lua_State *L)
{
  unsigned char uuid[UUID_BYTES];
  char text[37];
  id_uuid(uuid);
  id_uuid_format(uuid, text);
  lua_pushstring(L, text);
  return 1;
}

static int push_coded(lua_State *L, const struct buf *out, const char *what)
{
  if (!buf_err(out)) {
    lua_pushlstring(L, out->ptr ? out->ptr : "", out->len);
    return 1;
  }
  return lua_nil_err(L, buf_err(out), NULL, what);
}

static int l_base64(lua_State *L)
{
  struct str text = lua_check_str(L, 1);
  struct buf *out = lua_buf(L, CODEC_MAX);
  base64_encode(out, text.ptr, text.len, BASE64_STANDARD);
  return push_coded(L, out, "base64");
}

static int l_from_base64(lua_State *L)
{
  struct str text = lua_check_str(L, 1);
  struct buf *out = lua_buf(L, CODEC_MAX);
  Err err = base64_decode(out, text, BASE64_STANDARD);
  if (!err)
    return push_coded(L, out, "base64");
  return lua_nil_err(L, err, NULL, "base64");
}

static int l_hex(lua_State *L)
{
  struct str text = lua_check_str(L, 1);
  luaL_Buffer b;
  char *dst = luaL_buffinitsize(L, &b, text.len * 2 + 1);
  hex_encode(text.ptr, text.len, dst);
  luaL_pushresultsize(&b, text.len * 2);
  return 1;
}

static int l_from_hex(lua_State *L)
{
  struct str text = lua_check_str(L, 1);
  luaL_Buffer b;
  char *dst = luaL_buffinitsize(L, &b, text.len / 2 + 1);
  if (text.len % 2 == 0 && hex_decode(text, dst, text.len / 2)) {
    luaL_pushresultsize(&b, text.len / 2);
    return 1;
  }
  return lua_nil_err(L, ERR_INVALID, NULL, "hex");
}

static int l_equal(lua_State *L)
{
  lua_pushboolean(L, str_eq_secret(lua_check_str(L, 1), lua_check_str(L, 2)));
  return 1;
}

static const luaL_Reg functions[] = {
  {"hash", l_hash}, {"hmac", l_hmac}, {"bytes", l_bytes}, {"alnum", l_alnum}, {"object_id", l_object_id}, {"uuid", l_uuid},
  {"base64", l_base64}, {"from_base64", l_from_base64}, {"hex", l_hex}, {"from_hex", l_from_hex}, {"equal", l_equal},
  {NULL, NULL}};

void lib_crypto_open(lua_State *L) { lua_engine_lib(L, "crypto", functions); }
