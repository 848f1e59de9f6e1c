/* km/native.c: see native.h. */
#include "km/native.h"

#include <curl/curl.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/version.h"

extern char **environ;

enum { NATIVE_ANSWER_MAX = 64 << 20, CONNECT_MS = 10000, TOTAL_MS = 60000 };

/* One program, one configuration. */
static struct {
  const struct conf_args *args;
  struct conf *conf;
  CURL *easy;                /* its connection serves all requests */
} km;

static int fail(lua_State *L, const struct diag *d)
{
  lua_pushnil(L);
  lua_pushfstring(L, "%s%s%s", d->message, d->trace[0] ? ": " : "", d->trace);
  return 2;
}

static void warn(struct str lines)
{
  struct str line;
  while (str_split(&lines, '\n', &line))
    if (line.len)
      printf("WARN: %.*s\n", STR_ARG(line));
}

static Err load(struct diag *reterr)
{
  if (km.conf)
    return OK;
  CLEANUP(buf_release) struct buf text = BUF_INIT(1024 * 1024);
  Err err = conf_load(CONF_CLI, km.args, environ, &text, &km.conf, reterr);
  warn(buf_str(&text));
  if (!err)
    conf_export_env(km.conf);
  const char *debug = km.args->debug ? km.args->debug : getenv("KOMODO_CLI_DEBUG_STARTUP");
  if (err || !debug || strcmp(debug, "true") != 0)
    return err;
  text.len = 0;
  conf_files(km.conf, &text);
  printf("DEBUG: config files:\n%s\n", text.ptr ? text.ptr : "");
  return OK;
}

static int l_config(lua_State *L)
{
  struct diag d;
  const char *key = luaL_checkstring(L, 1);
  if (load(&d))
    return fail(L, &d);
  struct str value = conf_str(km.conf, key);
  lua_pushlstring(L, value.ptr ? value.ptr : "", value.len);
  return 1;
}

static bool has_flag(lua_State *L, const char *name)
{
  lua_getfield(L, 1, name);
  bool set = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return set;
}

static int l_config_text(lua_State *L)
{
  struct diag d;
  luaL_checktype(L, 1, LUA_TTABLE);
  unsigned how = CONF_PRINT_PRETTY | (has_flag(L, "profiles") ? CONF_PRINT_PROFILES : 0) |
                 (has_flag(L, "secrets") ? 0 : CONF_PRINT_SANITISED);
  if (load(&d))
    return fail(L, &d);
  CLEANUP(buf_release) struct buf text = BUF_INIT(1024 * 1024);
  conf_print(km.conf, how, &text);
  lua_pushlstring(L, text.ptr, text.len);
  return 1;
}

static int l_options(lua_State *L)
{
  CLEANUP(buf_release) struct buf text = BUF_INIT(64 * 1024);
  conf_args_help(CONF_CLI, &text);
  lua_pushlstring(L, text.ptr, text.len);
  return 1;
}

/* ---- HTTP ---- */
static size_t on_body(char *data, size_t size, size_t count, void *to)
{
  struct buf *body = to;
  buf_add(body, data, size * count);
  return buf_err(body) ? 0 : size * count;
}

static CURLcode send_post(const char *url, struct curl_slist *headers, struct str body, struct buf *answer, char *words)
{
  if (!km.easy)
    km.easy = curl_easy_init();
  if (!km.easy)
    return CURLE_OUT_OF_MEMORY;
  curl_easy_reset(km.easy);
  curl_easy_setopt(km.easy, CURLOPT_URL, url);
  curl_easy_setopt(km.easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(km.easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(km.easy, CURLOPT_USERAGENT, KOMODO_USER_AGENT);
  curl_easy_setopt(km.easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
  curl_easy_setopt(km.easy, CURLOPT_POSTFIELDS, body.ptr);
  curl_easy_setopt(km.easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
  curl_easy_setopt(km.easy, CURLOPT_TIMEOUT_MS, (long)TOTAL_MS);
  curl_easy_setopt(km.easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(km.easy, CURLOPT_ERRORBUFFER, words);
  curl_easy_setopt(km.easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(km.easy, CURLOPT_WRITEDATA, answer);
  return curl_easy_perform(km.easy);
}

static struct curl_slist *collect_headers(lua_State *L, int list)
{
  struct curl_slist *headers = NULL;
  for (lua_Integer i = 1; lua_rawgeti(L, list, i) == LUA_TSTRING; i++) {
    headers = curl_slist_append(headers, lua_tostring(L, -1));
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return headers;
}

static int l_post(lua_State *L)
{
  size_t len;
  const char *url = luaL_checkstring(L, 1), *body = luaL_checklstring(L, 3, &len);
  luaL_checktype(L, 2, LUA_TTABLE);
  CLEANUP(buf_release) struct buf answer = BUF_INIT(NATIVE_ANSWER_MAX);
  char words[CURL_ERROR_SIZE] = "";
  struct curl_slist *headers = collect_headers(L, 2);
  CURLcode rc = send_post(url, headers, str_make(body, len), &answer, words);
  curl_slist_free_all(headers);
  if (rc != CURLE_OK) {
    lua_pushnil(L);
    lua_pushstring(L, buf_err(&answer) ? "the answer is too large" : *words ? words : curl_easy_strerror(rc));
    return 2;
  }
  long status = 0;
  curl_easy_getinfo(km.easy, CURLINFO_RESPONSE_CODE, &status);
  lua_pushinteger(L, status);
  lua_pushlstring(L, answer.ptr ? answer.ptr : "", answer.len);
  return 2;
}

/* ---- time ---- */
static int l_sleep(lua_State *L)
{
  lua_Integer ms = luaL_checkinteger(L, 1);
  luaL_argcheck(L, ms >= 0, 1, "must not be negative");
  fflush(stdout);
  nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
  return 0;
}

static int l_mono(lua_State *L)
{
  lua_pushinteger(L, (lua_Integer)clock_mono_ms());
  return 1;
}

static int l_module(lua_State *L)
{
  static const luaL_Reg functions[] = {{"config", l_config}, {"config_text", l_config_text}, {"options", l_options},
                                       {"post", l_post}, {"sleep", l_sleep}, {"mono", l_mono}, {NULL, NULL}};
  luaL_newlib(L, functions);
  lua_pushliteral(L, KOMODO_API_VERSION);
  lua_setfield(L, -2, "api_version");
  lua_pushliteral(L, KOMODO_VERSION);
  lua_setfield(L, -2, "version");
  return 1;
}

void native_open(lua_State *L, const struct conf_args *args)
{
  km.args = args;
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, l_module);
  lua_setfield(L, -2, "km.native");
  lua_pop(L, 1);
}

void native_close(void)
{
  curl_easy_cleanup(km.easy);
  conf_free(km.conf);
}
