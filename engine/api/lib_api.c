/* api/lib_api.c: what policy Lua needs of the layers at the top. See api.h; types: stdlib/lua/komodo/_meta/engine.lua. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "api/api.h"
#include "auth/password.h"
#include "auth/validate.h"
#include "base/clock.h"
#include "base/mem.h"
#include "conf/duration.h"
#include "conf/toml.h"
#include "conf/yaml.h"
#include "link/keys.h"
#include "script/libs.h"

enum { PARAMS_MAX = 16 * 1024 * 1024 };

static const char api_key;

static struct api *api_of(lua_State *L)
{
  lua_rawgetp(L, LUA_REGISTRYINDEX, &api_key);
  struct api *api = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return api;
}

static int raise_err(lua_State *L, Err err, const struct diag *d, const char *what)
{
  lua_push_err(L, err, d, what);
  return lua_error(L);
}

/* ---- engine.dispatch ---- */

static int dispatch_finish(lua_State *L, int status, lua_KContext ctx)
{
  (void)status;
  struct policy_task *task = (struct policy_task *)ctx;
  if (task->op.err)
    return lua_fail(L, &task->op, "request");
  return lua_json_result(L, task->result.len ? buf_str(&task->result) : STR("{}"));
}

/* false: there is no such user any more, or he is disabled. The id stays on the stack. */
static bool check_caller(lua_State *L, int arg, struct caller *ret)
{
  luaL_checktype(L, arg, LUA_TTABLE);
  lua_getfield(L, arg, "id");
  return caller_find(api_of(L), lua_check_str(L, -1), ret) && ret->enabled;
}

/* engine.dispatch(user, group, name, params, by?) -> result | nil, err [-5, +1|2, e, waits]
 * by: the run that asks (komodo.script.rights); the handler sees it as ctx.by. */
static int l_dispatch(lua_State *L)
{
  struct api *api = api_of(L);
  lua_settop(L, 5);
  enum schema_group group;
  if (!schema_group_parse(lua_check_str(L, 2), &group) || group <= SCHEMA_MANAGE)
    return luaL_argerror(L, 2, "must be read, write or execute");
  struct str name = lua_check_str(L, 3);
  struct buf *text = lua_buf(L, PARAMS_MAX);
  if (lua_isnil(L, 4))
    buf_add_text(text, "{}");
  else
    json_encode(L, 4, text);
  struct caller caller;
  struct diag d;
  if (!check_caller(L, 1, &caller)) {
    Err gone = diag_set(&d, ERR_FORBIDDEN, "the user of this request is gone or disabled");
    return lua_nil_err(L, gone, &d, name.ptr);
  }
  if (!lua_isnil(L, 5))
    caller.by = lua_check_str(L, 5);
  struct op **box = op_box(L);
  struct answer a;
  yyjson_doc *doc = NULL;
  answer_init(&a);
  Err err = json_parse(buf_str(text), &doc, &d);
  if (err)
    return lua_nil_err(L, err, &d, name.ptr);
  struct policy_task *task = dispatch(api, group, name, yyjson_doc_get_root(doc), &caller, STR("script"), &a);
  yyjson_doc_free(doc);
  if (task) {
    answer_release(&a);
    *box = &task->op;
    return op_await(L, box, dispatch_finish);
  }
  if (a.err) {
    answer_release(&a);
    return lua_nil_err(L, a.err, &a.diag, name.ptr);
  }
  struct buf *body = lua_buf(L, 0);
  *body = a.body;
  return lua_json_result(L, buf_str(body));
}

/* ---- engine.broadcast, engine.conf, engine.monitor ---- */

/* engine.broadcast(target_type, target_id, item)                      [-3, +0, e] */
static int l_broadcast(lua_State *L)
{
  live_broadcast(api_of(L)->live, lua_check_str(L, 1), lua_check_str(L, 2), lua_check_str(L, 3));
  return 0;
}

/* engine.conf(key) -> value; null is nil                              [-1, +1, e] */
static int l_conf(lua_State *L)
{
  yyjson_val *v = conf_json(api_of(L)->conf, luaL_checkstring(L, 1));
  if (!v || yyjson_is_null(v))
    lua_pushnil(L);
  else
    json_push(L, v);
  return 1;
}

/* engine.conf_path(key) -> where that file or folder really lies      [-1, +1, e] */
static int l_conf_path(lua_State *L)
{
  struct str path = conf_path(api_of(L)->conf, luaL_checkstring(L, 1));
  lua_pushlstring(L, path.ptr, path.len);
  return 1;
}

static int refresh_finish(lua_State *L, int status, lua_KContext ctx)
{
  (void)status;
  const struct op *op = (const struct op *)ctx;
  if (op->err)
    return lua_fail(L, op, "refresh");
  lua_pushboolean(L, true);
  return 1;
}

/* engine.monitor.refresh(server_id) -> true: its status is that of now   [-1, +1, e, waits] */
static int l_refresh(lua_State *L)
{
  struct str id = lua_check_str(L, 1);
  struct op **box = op_box(L);
  monitor_refresh(api_of(L)->monitor, id, box);
  return op_await(L, box, refresh_finish);
}

/* engine.timelength_ms("15-sec") -> milliseconds                      [-1, +1, e] */
static int l_timelength_ms(lua_State *L)
{
  int64_t ms;
  if (!duration_parse(lua_check_str(L, 1), &ms))
    return luaL_argerror(L, 1, "is no time length");
  lua_pushinteger(L, ms);
  return 1;
}

/* ---- engine.regex ---- */

enum { REGEX_PATTERN_MAX = 1000, REGEX_MATCH_LIMIT = 100000 };
static const char REGEX[] = "komodo.regex";

static int l_regex_gc(lua_State *L)
{
  pcre2_code **code = lua_touserdata(L, 1);
  pcre2_code_free(*code);
  *code = NULL;
  return 0;
}

/* regex(text) -> boolean; a match that takes too many steps is none   [-1, +1, e] */
static int l_regex_match(lua_State *L)
{
  pcre2_code **code = luaL_checkudata(L, 1, REGEX);
  struct str text = lua_check_str(L, 2);
  pcre2_match_data *match = pcre2_match_data_create(1, NULL);
  pcre2_match_context *context = pcre2_match_context_create(NULL);
  int found = PCRE2_ERROR_NOMEMORY;
  if (match && context) {
    pcre2_set_match_limit(context, REGEX_MATCH_LIMIT);
    found = pcre2_match(*code, (PCRE2_SPTR)text.ptr, text.len, 0, 0, match, context);
  }
  pcre2_match_context_free(context);
  pcre2_match_data_free(match);
  lua_pushboolean(L, found >= 0);
  return 1;
}

/* engine.regex(pattern) -> a function of a text; raises when it is not valid   [-1, +1, e] */
static int l_regex(lua_State *L)
{
  struct str pattern = lua_check_str(L, 1);
  int number;
  PCRE2_SIZE at;
  struct diag d;
  pcre2_code **code = lua_newuserdatauv(L, sizeof *code, 0);
  *code = NULL;
  luaL_setmetatable(L, REGEX);
  if (pattern.len > REGEX_PATTERN_MAX)
    return raise_err(L, diag_set(&d, ERR_INVALID, "Regex matching string invalid: longer than %d bytes", REGEX_PATTERN_MAX), &d, "regex");
  *code = pcre2_compile((PCRE2_SPTR)pattern.ptr, pattern.len, PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &number, &at, NULL);
  if (*code)
    return 1;
  PCRE2_UCHAR words[128] = {0};
  pcre2_get_error_message(number, words, sizeof words);
  return raise_err(L, diag_set(&d, ERR_INVALID, "Regex matching string invalid: %s at character %zu", (const char *)words, at), &d, "regex");
}

/* ---- engine.parse ---- */

static int push_mut(lua_State *L)
{
  json_push(L, yyjson_doc_get_root(lua_touserdata(L, 1)));
  return 1;
}

static int parse(lua_State *L, Err (*parser)(struct str text, yyjson_mut_doc **ret_doc, struct diag *reterr))
{
  struct diag d;
  yyjson_mut_doc *mut = NULL;
  Err err = parser(lua_check_str(L, 1), &mut, &d);
  if (err)
    return raise_err(L, err, &d, "text");
  yyjson_doc *doc = yyjson_mut_doc_imut_copy(mut, NULL);
  yyjson_mut_doc_free(mut);
  if (!doc)
    return raise_err(L, ERR_NOMEM, NULL, "text");
  lua_pushcfunction(L, push_mut);
  lua_pushlightuserdata(L, doc);
  int status = lua_pcall(L, 1, 1, 0);
  yyjson_doc_free(doc);
  return status == LUA_OK ? 1 : lua_error(L);
}

static int l_parse_toml(lua_State *L) { return parse(L, toml_parse); }
static int l_parse_yaml(lua_State *L) { return parse(L, yaml_parse); }

static int l_parse_json(lua_State *L)
{
  struct diag d;
  yyjson_doc *doc = NULL;
  Err err = json_parse(lua_check_str(L, 1), &doc, &d);
  yyjson_doc_free(doc);
  if (err)
    return raise_err(L, err, &d, "text");
  json_push_text(L, lua_check_str(L, 1));
  return 1;
}

/* engine.pretty(value) -> indented JSON                               [-1, +1, e] */
static int l_pretty(lua_State *L)
{
  struct buf *text = lua_buf(L, PARAMS_MAX);
  json_encode(L, 1, text);
  yyjson_doc *doc = NULL;
  if (json_parse(buf_str(text), &doc, NULL))
    return luaL_error(L, "not JSON");
  size_t len;
  char *out = yyjson_write(doc, YYJSON_WRITE_PRETTY_TWO_SPACES, &len);
  yyjson_doc_free(doc);
  buf_clear(text);
  if (out)
    buf_add(text, out, len);
  free(out);   /* yyjson's own allocation */
  lua_pushlstring(L, text->ptr ? text->ptr : "", text->len);
  return 1;
}

/* ---- engine.auth ---- */

static int hash_finish(lua_State *L, int status, lua_KContext ctx)
{
  (void)status;
  const struct password_job *job = (const struct password_job *)ctx;
  if (job->op.err)
    return lua_fail(L, &job->op, "password");
  lua_pushstring(L, job->hash);
  return 1;
}

/* engine.auth.hash(password) -> bcrypt hash | nil, err                [-1, +1|2, e, waits] */
static int l_hash(lua_State *L)
{
  struct str password = lua_check_str(L, 1);
  struct op **box = op_box(L);
  struct password_job *job;
  struct diag d;
  Err err = password_hash(api_of(L)->passwords, password, &job, &d);
  if (err)
    return lua_nil_err(L, err, &d, "password");
  *box = &job->op;
  return op_await(L, box, hash_finish);
}

static int verify_finish(lua_State *L, int status, lua_KContext ctx)
{
  (void)status;
  const struct op *op = (const struct op *)ctx;
  if (op->err && op->err != ERR_AUTH)
    return lua_fail(L, op, "password");
  lua_pushboolean(L, op->err == OK);
  return 1;
}

/* engine.auth.verify(password, hash?) -> boolean | nil, err: without a hash it takes as long and is false   [waits] */
static int l_verify(lua_State *L)
{
  struct str password = lua_check_str(L, 1), hash = lua_isnoneornil(L, 2) ? STR_NONE : lua_check_str(L, 2);
  struct op **box = op_box(L);
  struct password_job *job;
  struct diag d;
  Err err = password_verify(api_of(L)->passwords, password, hash, &job, &d);
  if (err)
    return lua_nil_err(L, err, &d, "password");
  *box = &job->op;
  return op_await(L, box, verify_finish);
}

/* engine.auth.jwt(user_id) -> token                                   [-1, +1, e] */
static int l_jwt(lua_State *L)
{
  struct buf *token = lua_buf(L, 4096);
  jwt_sign(api_of(L)->jwt, lua_check_str(L, 1), clock_unix_ms(), token);
  lua_pushlstring(L, token->ptr, token->len);
  return 1;
}

/* engine.auth.new_api_key() -> key, secret                            [-0, +2, -] */
static int l_new_api_key(lua_State *L)
{
  struct apikey_pair pair;
  apikey_generate(&pair);
  lua_pushstring(L, pair.key);
  lua_pushstring(L, pair.secret);
  mem_wipe(&pair, sizeof pair);
  return 2;
}

/* engine.auth.validate(what, text): raises when it is not allowed     [-2, +0, e] */
static int l_validate(lua_State *L)
{
  static const char *const names[] = {"username", "password", "api_key_name", "variable_name", "variable_value", "tag_name", NULL};
  static Err (*const checks[])(struct str text, struct diag *reterr) = {
    validate_username, NULL, validate_api_key_name, validate_variable_name, validate_variable_value, validate_tag_name};
  int i = luaL_checkoption(L, 1, NULL, names);
  struct str text = lua_check_str(L, 2);
  struct diag d;
  Err err = checks[i] ? checks[i](text, &d) : validate_password(text, conf_int(api_of(L)->conf, "min_password_length"), &d);
  return err ? raise_err(L, err, &d, names[i]) : 0;
}

/* ---- engine.hub, more ---- */

static int l_public_key(lua_State *L)
{
  struct str key = hub_public_key(api_of(L)->hub);
  lua_pushlstring(L, key.ptr, key.len);
  return 1;
}

/* engine.hub.public_key_of(private) -> public key of a private key in any form   [-1, +1, e] */
static int l_public_key_of(lua_State *L)
{
  struct diag d;
  struct key_pair pair;
  Err err = key_parse(lua_check_str(L, 1), &pair, &d);
  if (err)
    return raise_err(L, err, &d, "private_key");
  lua_pushstring(L, pair.text);
  key_pair_release(&pair);
  return 1;
}

static const luaL_Reg functions[] = {{"dispatch", l_dispatch}, {"broadcast", l_broadcast}, {"conf", l_conf}, {"conf_path", l_conf_path},
                                     {"timelength_ms", l_timelength_ms}, {"regex", l_regex}, {"pretty", l_pretty}, {NULL, NULL}};
static const luaL_Reg monitor_functions[] = {{"refresh", l_refresh}, {NULL, NULL}};
static const luaL_Reg parse_functions[] = {{"toml", l_parse_toml}, {"yaml", l_parse_yaml}, {"json", l_parse_json}, {NULL, NULL}};
static const luaL_Reg auth_functions[] = {{"hash", l_hash}, {"verify", l_verify}, {"jwt", l_jwt}, {"new_api_key", l_new_api_key},
                                          {"validate", l_validate}, {NULL, NULL}};
static const luaL_Reg hub_functions[] = {{"public_key", l_public_key}, {"public_key_of", l_public_key_of}, {NULL, NULL}};

static const luaL_Reg regex_methods[] = {{"__call", l_regex_match}, {"__gc", l_regex_gc}, {NULL, NULL}};

void lib_api_open(lua_State *L, struct api *api)
{
  lua_new_class(L, REGEX, regex_methods);
  lua_pushlightuserdata(L, api);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &api_key);
  lua_getglobal(L, "engine");
  luaL_setfuncs(L, functions, 0);
  lua_getfield(L, -1, "hub");
  luaL_setfuncs(L, hub_functions, 0);
  lua_pop(L, 2);
  lua_engine_lib(L, "monitor", monitor_functions);
  lua_engine_lib(L, "parse", parse_functions);
  lua_engine_lib(L, "auth", auth_functions);
}
