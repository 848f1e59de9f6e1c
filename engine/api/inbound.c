/* api/inbound.c: what others send for policy to judge: /listener (git services, spec sync.md 16) and /hook (http triggers
 * of Actions, spec lua.md 2). Nobody is logged in here; who guesses at names or secrets counts as a failed login does.
 */
#include <lauxlib.h>

#include "api/http_internal.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/mem.h"

static void set_field(lua_State *L, const char *key, struct str value)
{
  lua_pushlstring(L, value.ptr ? value.ptr : "", value.len);
  lua_setfield(L, -2, key);
}

/* handler { method, path, query, ip, headers, body }: names of headers in lower case, the first value of each. */
static int push_request(lua_State *L, void *data)
{
  const struct api_call *c = data;
  struct http_header header;
  size_t at = 0;
  lua_newtable(L);
  set_field(L, "method", http_req_method(c->req));
  set_field(L, "path", http_req_path(c->req));
  set_field(L, "query", http_req_query(c->req));
  set_field(L, "ip", c->ip);
  set_field(L, "body", http_req_body(c->req));
  lua_newtable(L);
  while (http_req_next_header(c->req, &at, &header)) {
    luaL_Buffer name;
    char *dst = luaL_buffinitsize(L, &name, header.name.len);
    for (size_t i = 0; i < header.name.len; i++) {
      char ch = header.name.ptr[i];
      dst[i] = ch >= 'A' && ch <= 'Z' ? (char)(ch - 'A' + 'a') : ch;
    }
    luaL_pushresultsize(&name, header.name.len);
    lua_pushvalue(L, -1);
    bool first = lua_rawget(L, -3) == LUA_TNIL;
    lua_pop(L, 1);
    if (first) {
      lua_pushlstring(L, header.value.ptr ? header.value.ptr : "", header.value.len);
      lua_rawset(L, -3);
    } else {
      lua_pop(L, 1);
    }
  }
  lua_setfield(L, -2, "headers");
  return 1;
}

/* Refused by policy: answered, and counted when it may have been a guess. */
static void refuse(struct api_call *c, struct answer *a)
{
  if (a->err != ERR_AUTH && a->err != ERR_NOTFOUND)
    c->limit = NULL;
  api_call_answer(c, a);
}

static void on_delivery(struct op *op, void *data)
{
  struct api_call *c = data;
  struct answer a;
  answer_init(&a);
  answer_take(&a, (struct policy_task *)op);
  if (a.err) {
    refuse(c, &a);
    return;
  }
  http_answer_text(c->req, 200, STR_NONE, STR_NONE);
  answer_release(&a);
}

/* ---- the answer of a hook: { status, headers = [[name, value], …], body | body_base64 }, checked by policy ---- */

static size_t read_headers(yyjson_val *list, struct http_header *headers)
{
  size_t count = 0, i, n;
  yyjson_val *pair;
  yyjson_arr_foreach(list, i, n, pair) {
    if (count < HTTP_ANSWER_HEADERS_MAX)
      headers[count++] = (struct http_header){json_str(yyjson_arr_get(pair, 0)), json_str(yyjson_arr_get(pair, 1))};
  }
  return count;
}

static void send_answer(struct http_req *req, yyjson_val *root)
{
  struct http_header headers[HTTP_ANSWER_HEADERS_MAX];
  size_t count = read_headers(yyjson_obj_get(root, "headers"), headers);
  int status = (int)json_get_int(root, "status", 200);
  struct str body = json_get_str(root, "body"), coded = json_get_str(root, "body_base64");
  CLEANUP(buf_release) struct buf plain = BUF_INIT(coded.len + 1);
  if (coded.len && !base64_decode(&plain, coded, BASE64_STANDARD))
    body = buf_str(&plain);
  http_answer(req, status, headers, count, body);
}

static void on_hook(struct op *op, void *data)
{
  struct api_call *c = data;
  struct answer a;
  CLEANUP(json_doc_free) yyjson_doc *doc = NULL;
  answer_init(&a);
  answer_take(&a, (struct policy_task *)op);
  if (!a.err) {
    a.err = json_parse(buf_str(&a.body), &doc, &a.diag);
    a.status = err_status(a.err);
  }
  if (a.err) {
    refuse(c, &a);
    return;
  }
  send_answer(c->req, yyjson_doc_get_root(doc));
  answer_release(&a);
}

/* ---- routes ---- */

static void ask_policy(struct http_req *req, const char *handler, op_done_fn *then)
{
  struct diag d;
  struct policy_task *task;
  struct api_call *c = api_call_new(req, SCHEMA_EXECUTE, STR_NONE);
  if (!c)
    return;
  c->limit = c->api->limit_general;
  Err err = rate_limit_check(c->limit, c->ip, clock_mono_ms(), &c->attempt, &d);
  if (!err)
    err = policy_call(c->api->policy, handler, push_request, c, &task, &d);
  if (err)
    http_answer_error(req, err_status(err), &d);
  else
    op_wait(&task->op, then, c);
}

static void route_listener(struct http_req *req)
{
  if (!http_req_is_post(req))
    http_answer_method(req, "POST");
  else if (!str_is_utf8(http_req_body(req)))
    http_answer_refusal(req, ERR_INVALID, "The body must be UTF-8");
  else
    ask_policy(req, "http/listener", on_delivery);
}

bool inbound_route(struct http_req *req)
{
  if (str_starts(http_req_path(req), STR("/listener/")))
    route_listener(req);
  else if (str_starts(http_req_path(req), STR("/hook/")))
    ask_policy(req, "http/hook", on_hook);
  else
    return false;
  return true;
}
