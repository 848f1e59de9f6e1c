/* script/lib_http.c: engine.http: requests to other servers, with a rule about which addresses they may reach. See libs.h.
 *
 * The rule is applied to the address that is about to be connected to: whatever a name resolves to, however a number is
 * spelled, wherever a redirect leads.
 */
#include <netinet/in.h>

#include "base/mem.h"
#include "net/http_client.h"
#include "script/policy_internal.h"

enum { HEADERS_MAX = 100, TIMEOUT_MAX_MS = 3600 * 1000, BODY_MAX = 256 * 1024 * 1024,
       STREAM_BYTES = 256 * 1024 /* what a stream keeps before the server has to wait */ };

static const char client_key;
static const char STREAM[] = "http stream";

/* ---- addresses ---- */
static bool is_inside_v4(uint32_t ip)
{
  static const struct { uint32_t net; int bits; } rows[] = {
      {0x00000000, 8},    /* this network */
      {0x7F000000, 8},    /* loopback */
      {0xA9FE0000, 16},   /* link-local */
      {0xE0000000, 3},    /* multicast, reserved, broadcast */
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++)
    if ((ip ^ rows[i].net) >> (32 - rows[i].bits) == 0)
      return true;
  return false;
}

static uint32_t v4_in(const uint8_t *b) { return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3]; }

/* Where an IPv4 address hides in an IPv6 one: mapped, compatible, NAT64, 6to4. */
static const uint8_t *hidden_v4(const uint8_t *b)
{
  static const uint8_t zero[16], nat64[12] = {0, 0x64, 0xFF, 0x9B};
  if (memcmp(b, zero, 10) == 0 && b[10] == 0xFF && b[11] == 0xFF)
    return b + 12;
  if (memcmp(b, zero, 12) == 0 || memcmp(b, nat64, 12) == 0)
    return b + 12;
  return b[0] == 0x20 && b[1] == 0x02 ? b + 2 : NULL;
}

static bool is_inside_v6(const uint8_t *b)
{
  static const uint8_t loopback[16] = {[15] = 1};
  if (memcmp(b, loopback, 16) == 0 || b[0] == 0xFF || (b[0] == 0xFE && (b[1] & 0xC0) == 0x80))
    return true;
  const uint8_t *v4 = hidden_v4(b);
  return v4 && is_inside_v4(v4_in(v4));
}

/* An address of one of the interfaces; when they cannot be listed, every address counts as one. */
static bool is_own(const uint8_t *b, size_t len)
{
  uv_interface_address_t *list;
  int count;
  if (uv_interface_addresses(&list, &count) != 0)
    return true;
  bool found = false;
  for (int i = 0; i < count; i++) {
    bool is_v6 = list[i].address.address4.sin_family == AF_INET6;
    const void *own = is_v6 ? (const void *)&list[i].address.address6.sin6_addr : (const void *)&list[i].address.address4.sin_addr;
    found = found || (len == (is_v6 ? 16u : 4u) && memcmp(own, b, len) == 0);
  }
  uv_free_interface_addresses(list, count);
  return found;
}

static bool is_outside(const struct sockaddr *address, void *data)
{
  (void)data;
  if (address->sa_family == AF_INET) {
    struct sockaddr_in in;
    memcpy(&in, address, sizeof in);
    return !is_inside_v4(ntohl(in.sin_addr.s_addr)) && !is_own((const uint8_t *)&in.sin_addr, 4);
  }
  if (address->sa_family != AF_INET6)
    return false;
  struct sockaddr_in6 in;
  memcpy(&in, address, sizeof in);
  const uint8_t *v4 = hidden_v4(in.sin6_addr.s6_addr);
  return !is_inside_v6(in.sin6_addr.s6_addr) && !is_own(in.sin6_addr.s6_addr, 16) && !(v4 && is_own(v4, 4));
}

/* ---- requests ---- */
static struct http_client *client_of(lua_State *L)
{
  lua_rawgetp(L, LUA_REGISTRYINDEX, &client_key);
  struct http_client *client = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return client;
}

static void push_headers(lua_State *L, struct str rest)
{
  struct str line;
  lua_newtable(L);
  while (str_split(&rest, '\n', &line)) {
    ptrdiff_t colon = str_find(line, ':');
    if (colon <= 0)
      continue;
    struct str name = str_sub(line, 0, (size_t)colon), value = str_trim(str_sub(line, (size_t)colon + 1, line.len));
    luaL_Buffer b;
    char *lower = luaL_buffinitsize(L, &b, name.len);
    for (size_t i = 0; i < name.len; i++)
      lower[i] = name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? (char)(name.ptr[i] + 32) : name.ptr[i];
    luaL_pushresultsize(&b, name.len);
    lua_pushlstring(L, value.ptr, value.len);
    lua_rawset(L, -3);
  }
}

/* [-0, +1, m] { status, headers, redirect? } */
static void push_head(lua_State *L, const struct http_call *call)
{
  lua_createtable(L, 0, 4);
  lua_pushinteger(L, call->status);
  lua_setfield(L, -2, "status");
  push_headers(L, buf_str(&call->head));
  lua_setfield(L, -2, "headers");
  if (call->redirect.len) {
    lua_pushlstring(L, call->redirect.ptr, call->redirect.len);
    lua_setfield(L, -2, "redirect");
  }
}

static int sent(lua_State *L, int status, lua_KContext ctx)
{
  struct http_call *call = (struct http_call *)ctx;
  (void)status;
  if (call->op.err)
    return lua_fail(L, &call->op, "http request");
  push_head(L, call);
  lua_pushlstring(L, call->body.ptr ? call->body.ptr : "", call->body.len);
  lua_setfield(L, -2, "body");
  return 1;
}

/* The field at 1 stays on the stack, so that the view stays valid. */
static struct str field(lua_State *L, const char *name, const char *otherwise)
{
  size_t len = 0;
  lua_getfield(L, 1, name);
  if (lua_isnil(L, -1))
    return str_of(otherwise);
  if (lua_type(L, -1) != LUA_TSTRING)
    luaL_error(L, "field '%s' must be text", name);
  const char *ptr = lua_tolstring(L, -1, &len);
  return str_make(ptr, len);
}

static size_t fill_headers(lua_State *L, struct http_header *headers)
{
  size_t n = 0;
  if (lua_getfield(L, 1, "headers") != LUA_TTABLE)
    return 0;
  int list = lua_gettop(L);
  luaL_argcheck(L, lua_rawlen(L, list) <= HEADERS_MAX, 1, "too many headers");
  luaL_checkstack(L, 3 * HEADERS_MAX, "headers");
  for (; lua_rawgeti(L, list, (lua_Integer)n + 1) == LUA_TTABLE; n++) {
    lua_rawgeti(L, -1, 1);
    lua_rawgeti(L, -2, 2);
    luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING && lua_type(L, -2) == LUA_TSTRING, 1, "a header is { name, value }");
    headers[n] = (struct http_header){lua_check_str(L, -2), lua_check_str(L, -1)};
  }
  return n;
}

/* The request of the table at 1; what it points at stays on the stack. */
static struct http_send check_send(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  struct http_header *headers = lua_newuserdatauv(L, HEADERS_MAX * sizeof *headers, 0);
  lua_getfield(L, 1, "timeout_ms");
  lua_Integer timeout = luaL_checkinteger(L, -1);
  lua_getfield(L, 1, "body_max");
  lua_Integer body_max = luaL_optinteger(L, -1, 0);
  luaL_argcheck(L, timeout > 0 && timeout <= TIMEOUT_MAX_MS, 1, "timeout_ms is out of range");
  luaL_argcheck(L, body_max >= 0 && body_max <= BODY_MAX, 1, "body_max is out of range");
  struct http_send send = {.method = field(L, "method", "GET").ptr,
                           .url = field(L, "url", "").ptr,
                           .body = field(L, "body", ""),
                           .timeout_ms = (uint64_t)timeout,
                           .body_max = (size_t)body_max,
                           .headers = headers,
                           .header_count = fill_headers(L, headers)};
  lua_getfield(L, 1, "inside");
  send.may_connect = lua_toboolean(L, -1) ? NULL : is_outside;
  return send;
}

static int l_send(lua_State *L)
{
  struct http_send send = check_send(L);
  luaL_argcheck(L, send.body_max > 0, 1, "body_max is missing");
  struct op **box = op_box(L);
  struct http_call *call;
  struct diag d = {0};
  Err err = http_client_send(client_of(L), &send, &call, &d);
  if (err)
    return lua_nil_err(L, err, &d, "http request");
  *box = &call->op;
  return op_await(L, box, sent);
}

/* ---- answers that are read piece by piece ---- */
struct stream {
  struct feed feed;          /* of the handle, of the call, of the one who waits */
  struct http_call *call;
  struct buf pieces;         /* come, not read yet */
  bool has_head, is_over;
};

static void stream_free(struct feed *feed)
{
  struct stream *s = (struct stream *)feed;
  op_unref(&s->call->op);
  buf_release(&s->pieces);
  mem_free(s);
}

static bool on_piece(struct str piece, void *data)
{
  struct stream *s = data;
  s->has_head = true;
  buf_add_str(&s->pieces, piece);
  if (s->pieces.len >= STREAM_BYTES)
    http_call_hold(s->call, true);
  feed_wake(&s->feed, OK);
  return buf_err(&s->pieces) == OK;
}

static void on_over(struct op *op, void *data)
{
  struct stream *s = data;
  (void)op;
  s->has_head = s->is_over = true;
  feed_wake(&s->feed, OK);
  feed_unref(&s->feed);
}

/* open{ … } -> stream | nil, err                                      [-1, +1|2, e] */
static int l_open(lua_State *L)
{
  struct http_send send = check_send(L);
  struct feed **handle = feed_handle(L, STREAM);
  struct stream *s = mem_new(sizeof *s);
  buf_init(&s->pieces, 4 * STREAM_BYTES);
  send.on_chunk = on_piece;
  send.data = s;
  struct diag d = {0};
  Err err = http_client_send(client_of(L), &send, &s->call, &d);
  if (err) {
    mem_free(s);
    return lua_nil_err(L, err, &d, "http request");
  }
  s->feed = (struct feed){.refs = 2, .free = stream_free};
  op_wait(&s->call->op, on_over, s);
  *handle = &s->feed;
  return 1;
}

/* stream:head() -> { status, headers, redirect? } | nil, err; a redirect is known once all was read   [-1, +1|2, e, waits] */
static int l_head(lua_State *L)
{
  struct stream *s = feed_check(L, STREAM);
  if (!s->has_head)
    return feed_wait(L, &s->feed, "http request", l_head);
  if (s->is_over && s->call->op.err && !s->pieces.len)
    return lua_fail(L, &s->call->op, "http request");
  push_head(L, s->call);
  return 1;
}

/* stream:read() -> bytes | nil at the end | nil, err                  [-1, +1|2, e, waits] */
static int l_read(lua_State *L)
{
  struct stream *s = feed_check(L, STREAM);
  if (!s->pieces.len && !s->is_over)
    return feed_wait(L, &s->feed, "http request", l_read);
  if (!s->pieces.len && s->call->op.err)
    return lua_fail(L, &s->call->op, "http request");
  if (!s->pieces.len)
    return 0;
  lua_pushlstring(L, s->pieces.ptr, s->pieces.len);
  buf_clear(&s->pieces);
  http_call_hold(s->call, false);
  return 1;
}

static int l_close(lua_State *L)
{
  struct stream *s = feed_close(L, STREAM);
  if (s) {
    op_cancel(&s->call->op);
    feed_unref(&s->feed);
  }
  return 0;
}

static int l_host(lua_State *L)
{
  struct buf *host = lua_buf(L, HTTP_CLIENT_HEAD_MAX);
  struct diag d = {0};
  Err err = http_url_host(luaL_checkstring(L, 1), host, &d);
  if (err)
    return lua_nil_err(L, err, &d, "url");
  lua_getglobal(L, "string");
  lua_getfield(L, -1, "lower");
  lua_pushlstring(L, host->ptr ? host->ptr : "", host->len);
  lua_call(L, 1, 1);
  return 1;
}

void lib_http_open(lua_State *L, struct http_client *client)
{
  static const luaL_Reg functions[] = {{"send", l_send}, {"open", l_open}, {"host", l_host}, {NULL, NULL}};
  static const luaL_Reg methods[] = {{"head", l_head}, {"read", l_read},     {"close", l_close},
                                     {"__gc", l_close}, {"__close", l_close}, {NULL, NULL}};
  lua_new_class(L, STREAM, methods);
  lua_pushlightuserdata(L, client);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &client_key);
  lua_engine_lib(L, "http", functions);
}
