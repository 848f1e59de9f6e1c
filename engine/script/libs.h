/* script/libs.h: the engine's layers as tables of policy Lua. Each function adds one field to `engine`.
 *
 * Called from policy_config.open_libs, before any module loads. What they are given is borrowed and must outlive the
 * policy (policy_close first, then hub_close, store_close).
 *
 * Waiting functions return `nil, err` when they fail, with err = { code, message, trace, status }; misuse raises.
 *
 * Thread   loop thread.
 */
#ifndef SCRIPT_LIBS_H
#define SCRIPT_LIBS_H

#include <lauxlib.h>

#include "link/hub.h"
#include "script/policy.h"
#include "store/table.h"

/* engine.store
 *   change() -> c     c:put(collection, id, doc)  c:insert(…)  c:delete(collection, id)
 *                     c:commit() -> true | nil, err: all or nothing; waits until it is durable and visible
 *   find(collection, filter?, { sort, desc, skip, limit }?) -> list | nil, err           (waits)
 *   get(collection, id) -> doc | nil, err                                                (waits)
 *   row(collection, id), resolve(collection, id_or_name), latest(collection, id) -> doc | nil
 *   list(collection) -> docs by name      count(collection) -> integer; like the three above only for tables
 * A document is a table, or its JSON text. */
struct lib_store {
  struct store *store;
  struct table *const *tables;
  size_t count;
  /* Brings a document into its declared form and order before it is stored; false: it stays as it is. May be NULL. */
  bool (*arrange)(const char *collection, struct str json, struct buf *out, void *data);
  void *data;
};
void lib_store_open(lua_State *L, const struct lib_store *config);   /* copied, but for what it points at */

/* engine.hub
 *   request(server_id, type, params?) -> result | nil, err            (waits)
 *   draft_key(path) -> key (its text is the public key) | nil, err    (waits; see link/key_work.h)
 *   adopt_key(key, path) -> true | nil, err                           (waits)
 *   set{ id =, enabled =, address =, public_key =, passkey =, insecure_tls = }   remove(id)
 *   is_connected(id) -> boolean      error(id) -> nil | err: why it is not connected */
void lib_hub_open(lua_State *L, struct hub *hub);

/* engine.terminal
 *   open(server_id, uuid, max_bytes) -> channel | nil, err: the channel an agent answered to ConnectTerminal or ExecuteTerminal
 *   channel:read() -> bytes | nil, err once it has ended (waits)      channel:type(bytes) -> true | nil, err
 *   channel:close(); as `<close>` too. Whoever lets more than max_bytes wait unread loses the channel. */
void lib_terminal_open(lua_State *L, struct hub *hub);

/* engine.time:  iso(unix_ms?) -> text   parse(text) -> unix_ms | nil, err (RFC 3339)   mono() -> ms that never go back */
void lib_time_open(lua_State *L);

/* engine.crypto
 *   bytes(n), alnum(n), object_id(), uuid()                random
 *   hash(algorithm, text), hmac(algorithm, key, text) -> hex; algorithm: sha256, sha512, sha1
 *   base64(text), from_base64(text), hex(text), from_hex(text); the from_ forms -> text | nil, err
 *   equal(a, b): compares secrets in constant time */
void lib_crypto_open(lua_State *L);

/* engine.script
 *   run{ source =, name =, args = {…}, run = {…}, limits = {…}, user =, id =, seed =, on_log = fn(lines) } -> outcome | nil, err (waits)
 *   cancel(id) -> found       start{…} -> script with read(), take(), outcome(), cancel()
 *   take(id) -> lines not told yet (komodo/_core/scripts.lua)      rule = true: script_spec.is_rule
 * The calls of the script reach runner_config.call with script_call.user = the text given as `user` (`const char *`). */
struct runner;
void lib_script_open(lua_State *L, struct runner *runner);
/* Before runner_close: what starts from now on is refused with "closed". */
void lib_script_close(lua_State *L);

/* engine.http
 *   send{ method =, url =, headers = { { name, value }, … }, body =, timeout_ms =, body_max =, inside = } -> { status,
 *     headers = { name = value }, body, redirect? } | nil, err         (waits); TLS is verified, redirects are not followed.
 *     Without `inside` no address is connected to that is loopback, link-local, multicast or one of this machine.
 *   open{ the same } -> stream | nil, err: the answer piece by piece; without body_max of any length. What is not read makes
 *     the server wait.   stream:head() -> { status, headers, redirect? } | nil, err   stream:read() -> bytes | nil | nil, err   stream:close()
 *   host(url) -> host in lower case | nil, err */
struct http_client;
void lib_http_open(lua_State *L, struct http_client *client);

/* A table of what the Lua half of `komodo` needs of C and what needs no run: codecs, digests, TOML, YAML, time zones,
 * schedules. For programs without a runner too. [-0, +1, m] */
void lua_pure_functions(lua_State *L);

/* ---- for bindings ---- */
/* A buffer the collector frees: for json_encode, which raises.       [-0, +1, m] */
struct buf *lua_buf(lua_State *L, size_t max);
/* Pushes the JSON text as a value; text that is not JSON becomes nil, err. Returns how many values.  [-0, +1|2, m] */
int lua_json_result(lua_State *L, struct str json);
/* Pushes { code, message, trace, status } that prints well. `d` may be NULL; then the message is `what` and the code's words.
 * [-0, +1, m] */
void lua_push_err(lua_State *L, Err err, const struct diag *d, const char *what);
/* Pushes nil and such an error: `return lua_nil_err(…)`. Returns 2.  [-0, +2, m] */
int lua_nil_err(lua_State *L, Err err, const struct diag *d, const char *what);
/* The table on top is such an error: it prints well, and nobody else gets at the metatable.  [-0, +0, m] */
void lua_mark_err(lua_State *L);
/* Adds the library as engine.<name>.                                 [-0, +0, m] */
void lua_engine_lib(lua_State *L, const char *name, const luaL_Reg *functions);
void lua_new_class(lua_State *L, const char *name, const luaL_Reg *methods);
struct str lua_check_str(lua_State *L, int arg);

#endif
