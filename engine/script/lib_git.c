/* script/lib_git.c: see lib_git.h. A thread of its own for each program: one that hangs until its deadline holds up nobody. */
#include "script/lib_git.h"

#include <stdlib.h>

#include "base/exec.h"
#include "base/mem.h"
#include "script/libs.h"

enum { WORDS_MAX = 64 };

/* What git needs of the engine's own environment: where it is, and how the network is reached. */
static const char *const inherited[] = {
  "PATH", "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY",
  "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH"};

struct git_run {
  struct op op;
  uv_thread_t thread;
  uv_async_t ended;
  struct exec_cancel cancel;
  char *argv[WORDS_MAX + 2];                          /* "git", the arguments, NULL */
  char *env[WORDS_MAX + ARRAY_LEN(inherited) + 1];
  uint64_t timeout_ms, file_bytes, memory_bytes;
  struct exec_result result;                          /* the thread's until `ended` */
};

static void git_run_free(struct op *op)
{
  struct git_run *r = (struct git_run *)op;
  for (char **word = r->argv; *word; word++)
    mem_free(*word);
  for (char **word = r->env; *word; word++) {
    mem_wipe(*word, strlen(*word));                   /* there may be a token in it */
    mem_free(*word);
  }
  exec_cancel_release(&r->cancel);
  exec_release(&r->result);
  mem_free(r);
}

static void run_git(void *data)
{
  struct git_run *r = data;
  exec_run(&(struct exec_spec){
    .argv = (const char *const *)r->argv, .env = (const char *const *)r->env, .timeout_ms = r->timeout_ms,
    .file_bytes = r->file_bytes, .memory_bytes = r->memory_bytes, .cancel = &r->cancel}, &r->result);
  uv_async_send(&r->ended);
}

static void on_closed(uv_handle_t *h) { op_unref(h->data); }

static void on_ended(uv_async_t *async)
{
  struct git_run *r = async->data;
  struct diag d;
  Err err = OK;
  uv_thread_join(&r->thread);
  uv_close((uv_handle_t *)async, on_closed);
  if (r->result.end == EXEC_TIMED_OUT)
    err = diag_set(&d, ERR_TIMEOUT, "git did not end within %.3g s", (double)r->timeout_ms / 1000);
  else if (r->result.end == EXEC_CANCELLED)
    err = diag_set(&d, ERR_CANCELLED, "git was stopped");
  else if (r->result.end == EXEC_NOT_RUN)
    err = diag_set(&d, ERR_UNSUPPORTED, "the program git cannot be run (%s): install git where the engine runs",
                   err_words(err_from_errno(r->result.code)));
  op_complete(&r->op, err, err ? &d : NULL);
}

static void cancel(struct op *op) { exec_cancel_fire(&((struct git_run *)op)->cancel); }

static int run_finish(lua_State *L, int status, lua_KContext ctx)
{
  (void)status;
  const struct git_run *r = (const struct git_run *)ctx;
  if (r->op.err)
    return lua_fail(L, &r->op, "git");
  lua_createtable(L, 0, 3);
  lua_pushinteger(L, r->result.code);
  lua_setfield(L, -2, "code");
  static const char *const names[] = {"stdout", "stderr"};
  for (int i = 0; i < 2; i++) {
    const struct buf *out = &r->result.output[i];
    lua_pushlstring(L, out->ptr ? out->ptr : "", out->len);
    lua_setfield(L, -2, names[i]);
  }
  return 1;
}

/* The texts of the list on top of the stack are there, few enough, and without zero bytes; they are on the stack for as
 * long as the table at `from` holds them. */
static size_t check_words(lua_State *L, const char *field)
{
  size_t count = lua_istable(L, -1) ? (size_t)lua_rawlen(L, -1) : WORDS_MAX + 1;
  if (count > WORDS_MAX)
    luaL_error(L, "%s must be a list of at most %d texts", field, WORDS_MAX);
  for (size_t i = 0; i < count; i++) {
    size_t len;
    lua_rawgeti(L, -1, (lua_Integer)i + 1);
    const char *word = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &len) : NULL;
    if (!word || strlen(word) != len)
      luaL_error(L, "%s[%d] must be a text without zero bytes", field, (int)i + 1);
    lua_pop(L, 1);
  }
  return count;
}

static void copy_words(lua_State *L, int list, size_t count, char **ret)
{
  for (size_t i = 0; i < count; i++) {
    lua_rawgeti(L, list, (lua_Integer)i + 1);
    ret[i] = mem_strdup(lua_tostring(L, -1));
    lua_pop(L, 1);
  }
}

static uint64_t check_number(lua_State *L, const char *field)
{
  lua_getfield(L, 1, field);
  lua_Integer n = luaL_checkinteger(L, -1);
  if (n <= 0)
    luaL_error(L, "%s must be above 0", field);
  lua_pop(L, 1);
  return (uint64_t)n;
}

static void start(struct git_run *r)
{
  uv_async_init(r->op.home->loop, &r->ended, on_ended);
  r->ended.data = r;
  Err err = exec_cancel_init(&r->cancel);
  if (!err && uv_thread_create(&r->thread, run_git, r) == 0)
    return;
  uv_close((uv_handle_t *)&r->ended, on_closed);
  op_complete(&r->op, err ? err : ERR_LIMIT, /* d= */ NULL);
}

/* engine.git.run(options)                                            [-1, +1|2, e, waits] */
static int l_run(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  uint64_t timeout_ms = check_number(L, "timeout_ms"), file_bytes = check_number(L, "file_bytes");
  uint64_t memory_bytes = check_number(L, "memory_bytes");
  lua_getfield(L, 1, "args");
  size_t words = check_words(L, "args");
  lua_getfield(L, 1, "env");
  size_t variables = check_words(L, "env");
  struct op **box = op_box(L);
  struct git_run *r = mem_new(sizeof *r);
  op_init(&r->op, script_loop(L), cancel, git_run_free);
  r->cancel.fd = -1;
  r->timeout_ms = timeout_ms;
  r->file_bytes = file_bytes;
  r->memory_bytes = memory_bytes;
  r->argv[0] = mem_strdup("git");
  copy_words(L, 2, words, r->argv + 1);
  copy_words(L, 3, variables, r->env);
  for (size_t i = 0; i < ARRAY_LEN(inherited); i++) {
    const char *value = getenv(inherited[i]);
    if (value)
      r->env[variables++] = mem_printf("%s=%s", inherited[i], value);
  }
  *box = &r->op;
  start(r);
  return op_await(L, box, run_finish);
}

static const luaL_Reg functions[] = {{"run", l_run}, {NULL, NULL}};
void lib_git_open(lua_State *L) { lua_engine_lib(L, "git", functions); }
