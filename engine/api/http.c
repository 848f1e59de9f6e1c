/* api/http.c: from a request's bytes to its route, and back (spec api.md 1, 2, 4, 6). */
#include "api/http_internal.h"
#include "auth/client_ip.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/version.h"
#include "base/embed.h"
#include "model/status.h"

/* ---- answers ---- */

enum { HEADERS_MAX = HTTP_ANSWER_HEADERS_MAX + 8 };

struct headers {
  struct http_header list[HEADERS_MAX];
  size_t count;
};

static void add_header(struct headers *h, const char *name, struct str value)
{
  if (h->count < HEADERS_MAX)
    h->list[h->count++] = (struct http_header){str_of(name), value};
}

/* CORS (spec api.md 6.1). The security headers are the server's own. */
static void add_cors(const struct api *api, struct http_req *req, struct headers *h)
{
  add_header(h, "Vary", STR("origin, access-control-request-method, access-control-request-headers"));
  struct str origin = http_req_header(req, "Origin");
  size_t count = conf_list_len(api->conf, "cors_allowed_origins");
  for (size_t i = 0; i < count; i++) {
    struct str allowed = conf_list_at(api->conf, "cors_allowed_origins", i);
    if (str_eq(allowed, STR("*")) || (origin.len && str_eq(allowed, origin))) {
      add_header(h, "Access-Control-Allow-Origin", allowed);
      break;
    }
  }
  if (conf_bool(api->conf, "cors_allow_credentials"))
    add_header(h, "Access-Control-Allow-Credentials", STR("true"));
}

static struct api *api_of(struct http_req *req) { return http_req_data(req); }

void http_answer(struct http_req *req, int status, const struct http_header *headers, size_t count, struct str body)
{
  struct headers h = {.count = count < HTTP_ANSWER_HEADERS_MAX ? count : HTTP_ANSWER_HEADERS_MAX};
  if (h.count)
    memcpy(h.list, headers, h.count * sizeof *headers);
  add_cors(api_of(req), req, &h);
  http_respond(req, status, h.list, h.count, body);
}

void http_answer_text(struct http_req *req, int status, struct str type, struct str body)
{
  struct http_header h = {STR("Content-Type"), type};
  http_answer(req, status, &h, type.len ? 1 : 0, body);
}

static void respond_json(struct http_req *req, struct buf *body)
{
  struct headers h = {0};
  add_header(&h, "Content-Type", STR("application/json"));
  add_cors(api_of(req), req, &h);
  http_respond_take(req, 200, h.list, h.count, body);
}

void http_answer_error(struct http_req *req, int status, const struct diag *d)
{
  CLEANUP(buf_release) struct buf body = BUF_INIT(64 * 1024);
  status_write_error(d, &body);
  http_answer_text(req, status, STR("application/json"), buf_str(&body));
}

void http_answer_stream(struct http_req *req, void (*on_drain)(struct http_req *req, void *data), void *data)
{
  struct headers h = {0};
  add_cors(api_of(req), req, &h);
  http_respond_begin(req, 200, h.list, h.count, on_drain, data);
}

void http_answer_refusal(struct http_req *req, Err err, const char *message)
{
  struct diag d;
  diag_set(&d, err, "%s", message);
  http_answer_error(req, err_status(err), &d);
}

void http_answer_method(struct http_req *req, const char *allow)
{
  struct http_header h = {STR("Allow"), str_of(allow)};
  http_answer(req, 405, &h, 1, STR_NONE);
}

bool http_req_is_post(struct http_req *req) { return str_eq(http_req_method(req), STR("POST")); }
static bool is_get(struct http_req *req) { return str_eq(http_req_method(req), STR("GET")) || str_eq(http_req_method(req), STR("HEAD")); }

static void answer_options(struct http_req *req)
{
  struct http_header list[2];
  size_t count = 0;
  struct str methods = http_req_header(req, "Access-Control-Request-Method");
  struct str names = http_req_header(req, "Access-Control-Request-Headers");
  if (methods.len)
    list[count++] = (struct http_header){STR("Access-Control-Allow-Methods"), methods};
  if (names.len)
    list[count++] = (struct http_header){STR("Access-Control-Allow-Headers"), names};
  http_answer(req, 200, list, count, STR_NONE);
}

/* ---- the API groups ---- */

static bool is_json(struct str type)
{
  struct str media;
  if (!str_split(&type, ';', &media))
    return false;
  media = str_trim(media);
  return str_eq_nocase(media, STR("application/json")) ||
         (media.len > 17 && str_eq_nocase(str_sub(media, 0, 12), STR("application/")) &&
          str_eq_nocase(str_sub(media, media.len - 5, 5), STR("+json")));
}

void api_call_answer(struct api_call *c, struct answer *a)
{
  if (a->err && c->limit)
    rate_limit_fail(c->limit, c->ip, &c->attempt, &a->diag);
  if (a->err)
    http_answer_error(c->req, a->status, &a->diag);
  else
    respond_json(c->req, &a->body);
  answer_release(a);
}

static void on_task(struct op *op, void *data)
{
  struct api_call *c = data;
  struct answer a;
  answer_init(&a);
  answer_take(&a, (struct policy_task *)op);
  if (c->request.len)
    answer_order(c->api, c->group, c->request, &a);
  api_call_answer(c, &a);
}

/* The name and parameters of either request form. */
static Err read_form(struct api_call *c, yyjson_val *root, struct str *ret_name, yyjson_val **ret_params, struct diag *reterr)
{
  if (c->name.len) {
    *ret_name = c->name;
    *ret_params = root;
    return OK;
  }
  *ret_name = json_get_str(root, "type");
  *ret_params = yyjson_obj_get(root, "params");
  if (!ret_name->ptr)
    return diag_set(reterr, ERR_SHAPE, "type: expected the name of a request as text");
  if (!*ret_params)
    return diag_set(reterr, ERR_SHAPE, "params: missing; a request without parameters takes {}");
  return OK;
}

/* Logins with a password have a counter of their own, the other login requests share the general one (spec api.md 5). */
static bool may_attempt(struct api_call *c, struct str name)
{
  struct diag d;
  if (str_eq(name, STR("GetLoginOptions")))
    return true;
  c->limit = str_eq(name, STR("LoginLocalUser")) ? c->api->limit_login : c->api->limit_general;
  Err err = rate_limit_check(c->limit, c->ip, clock_mono_ms(), &c->attempt, &d);
  if (err)
    http_answer_error(c->req, err_status(err), &d);
  return err == OK;
}

static void run(struct api_call *c, const struct caller *caller)
{
  struct http_req *req = c->req;
  if (!is_json(http_req_header(req, "Content-Type"))) {
    http_answer_refusal(req, ERR_MEDIA, "Expected request with `Content-Type: application/json`");
    return;
  }
  struct answer a;
  answer_init(&a);
  CLEANUP(json_doc_free) yyjson_doc *doc = NULL;
  struct str name = STR_NONE;
  yyjson_val *params = NULL;
  Err err = json_parse(http_req_body(req), &doc, &a.diag);
  if (err)
    err = diag_context(&a.diag, "Failed to parse the request body as JSON: %s", a.diag.message);
  else
    err = read_form(c, yyjson_doc_get_root(doc), &name, &params, &a.diag);
  if (err) {
    http_answer_error(req, err_status(err), &a.diag);
    return;
  }
  if (c->group == SCHEMA_LOGIN && !may_attempt(c, name))
    return;
  struct policy_task *task = dispatch(c->api, c->group, name, params, caller, c->ip, &a);
  c->request = str_make(arena_dup(http_req_arena(req), name), name.len);
  if (task) {
    op_wait(&task->op, on_task, c);
    answer_release(&a);
    return;
  }
  api_call_answer(c, &a);
}

static void on_credentials(void *data, Err err, const struct diag *d, const struct caller *caller)
{
  struct api_call *c = data;
  if (err)
    http_answer_error(c->req, err_status(err), d);
  else if (!http_req_is_post(c->req))
    http_answer_method(c->req, "POST");
  else
    run(c, caller);
}

static struct http_credentials credentials_of(struct http_req *req)
{
  return (struct http_credentials){
    .authorization = http_req_header(req, "Authorization"),
    .key = http_req_header(req, "X-API-KEY"),
    .secret = http_req_header(req, "X-API-SECRET"),
    .signature = http_req_header(req, "X-API-SIGNATURE"),
  };
}

struct api_call *api_call_new(struct http_req *req, enum schema_group group, struct str name)
{
  struct diag d;
  char *ip = arena_new(http_req_arena(req), CLIENT_IP_MAX);
  Err err = client_ip(http_req_header(req, "X-Forwarded-For"), http_req_header(req, "X-Real-IP"), http_req_peer_ip(req),
                      /* proxies= */ NULL, 0, ip, &d);
  if (err) {
    http_answer_error(req, err_status(err), &d);
    return NULL;
  }
  struct api_call *c = arena_new(http_req_arena(req), sizeof *c);
  *c = (struct api_call){.api = api_of(req), .req = req, .group = group, .name = name, .ip = str_of(ip)};
  return c;
}

static void run_group(struct http_req *req, enum schema_group group, struct str name)
{
  if (group == SCHEMA_LOGIN && !http_req_is_post(req)) {
    http_answer_method(req, "POST");
    return;
  }
  struct api_call *c = api_call_new(req, group, name);
  if (!c)
    return;
  if (group == SCHEMA_LOGIN) {
    run(c, /* caller= */ NULL);
    return;
  }
  struct http_credentials given = credentials_of(req);
  credentials_check(c->api, &given, c->ip, /* need_enabled= */ group != SCHEMA_MANAGE, on_credentials, c);
}

/* ---- GET /user ---- */

static int push_user(lua_State *L, void *data)
{
  const struct caller *caller = data;
  lua_pushlstring(L, caller->id.ptr, caller->id.len);
  return 1;
}

static void on_user(void *data, Err err, const struct diag *d, const struct caller *caller)
{
  struct api_call *c = data;
  struct diag words;
  struct policy_task *task;
  if (err) {
    http_answer_error(c->req, err_status(err), d);
    return;
  }
  if (!is_get(c->req)) {
    http_answer_method(c->req, "GET,HEAD");
    return;
  }
  err = policy_call(c->api->policy, "user/self", push_user, (void *)(uintptr_t)caller, &task, &words);
  if (err)
    http_answer_error(c->req, err_status(err), &words);
  else
    op_wait(&task->op, on_task, c);
}

/* ---- POST /lua/check ---- */

static int push_body(lua_State *L, void *data)
{
  json_push(L, data);
  return 1;
}

/* The JSON of a POST behind the login; NULL: the request is answered. `err`, `d`: of the credentials. */
static yyjson_doc *posted_json(const struct api_call *c, Err err, const struct diag *d)
{
  yyjson_doc *doc = NULL;
  struct diag words;
  if (err) {
    http_answer_error(c->req, err_status(err), d);
  } else if (!http_req_is_post(c->req)) {
    http_answer_method(c->req, "POST");
  } else if (!is_json(http_req_header(c->req, "Content-Type"))) {
    http_answer_refusal(c->req, ERR_MEDIA, "Expected request with `Content-Type: application/json`");
  } else {
    err = json_parse(http_req_body(c->req), &doc, &words);
    if (err)
      http_answer_error(c->req, err_status(err), &words);
  }
  return doc;
}

static void on_lua_check(void *data, Err err, const struct diag *d, const struct caller *caller)
{
  struct api_call *c = data;
  struct diag words;
  struct policy_task *task;
  (void)caller;
  CLEANUP(json_doc_free) yyjson_doc *doc = posted_json(c, err, d);
  if (!doc)
    return;
  err = policy_call(c->api->policy, "lua/check", push_body, yyjson_doc_get_root(doc), &task, &words);
  if (err)
    http_answer_error(c->req, err_status(err), &words);
  else
    op_wait(&task->op, on_task, c);
}

/* ---- POST /terminal/execute ---- */

static void on_terminal_execute(void *data, Err err, const struct diag *d, const struct caller *caller)
{
  struct api_call *c = data;
  CLEANUP(json_doc_free) yyjson_doc *doc = posted_json(c, err, d);
  if (doc)
    terminal_execute(c->api, c->req, yyjson_doc_get_root(doc), caller, c->ip);
}

static void run_with_credentials(struct http_req *req, bool need_enabled, credentials_fn *then)
{
  struct api_call *c = api_call_new(req, SCHEMA_READ, STR_NONE);
  if (!c)
    return;
  struct http_credentials given = credentials_of(req);
  credentials_check(c->api, &given, c->ip, need_enabled, then, c);
}

static void route_lua_check(struct http_req *req) { run_with_credentials(req, /* need_enabled= */ true, on_lua_check); }

static void route_terminal_execute(struct http_req *req)
{
  run_with_credentials(req, /* need_enabled= */ true, on_terminal_execute);
}

static void route_user(struct http_req *req) { run_with_credentials(req, /* need_enabled= */ false, on_user); }

/* ---- pages ---- */

static void answer_page(struct http_req *req, const char *name)
{
  for (const struct embed_file *f = api_of(req)->docs; f->path; f++)
    if (strcmp(f->path, name) == 0) {
      http_answer_text(req, 200, STR("text/html; charset=utf-8"), str_make(f->data, f->size));
      return;
    }
  http_answer_refusal(req, ERR_NOTFOUND, "Nothing is served here");
}

static void route_docs(struct http_req *req) { answer_page(req, "docs.html"); }
static void route_version(struct http_req *req) { http_answer_text(req, 200, STR("text/plain; charset=utf-8"), STR(KOMODO_API_VERSION)); }
static void route_auth_version(struct http_req *req) { http_answer_text(req, 200, STR("text/plain; charset=utf-8"), STR(KOMODO_AUTH_VERSION)); }
static void route_ws_update(struct http_req *req) { live_accept(api_of(req)->live, req); }
static void route_ws_terminal(struct http_req *req) { terminal_accept(api_of(req), req); }
static void route_ws_periphery(struct http_req *req) { hub_accept(api_of(req)->hub, req); }

static void route_static(struct http_req *req) { static_respond(api_of(req)->ui, req); }

/* ---- routing ---- */

static const struct {
  const char *path;
  void (*run)(struct http_req *req);
} pages[] = {
  {"/version", route_version},     {"/auth/version", route_auth_version}, {"/user", route_user},
  {"/docs", route_docs},           {"/ws/update", route_ws_update},       {"/ws/periphery", route_ws_periphery},
  {"/lua/check", route_lua_check}, {"/ws/terminal", route_ws_terminal},   {"/terminal/execute", route_terminal_execute},
};

/* "/read" or "/read/GetStack"; the longer prefixes come first. */
static bool route_group(struct http_req *req, struct str path)
{
  static const struct {
    const char *prefix;
    enum schema_group group;
  } groups[] = {{"/auth/login", SCHEMA_LOGIN}, {"/auth/manage", SCHEMA_MANAGE}, {"/read", SCHEMA_READ},
                {"/write", SCHEMA_WRITE}, {"/execute", SCHEMA_EXECUTE}};
  for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
    struct str prefix = str_of(groups[i].prefix);
    if (!str_starts(path, prefix))
      continue;
    struct str rest = str_sub(path, prefix.len, path.len);
    if (rest.len == 0) {
      run_group(req, groups[i].group, STR_NONE);
      return true;
    }
    if (rest.ptr[0] == '/' && rest.len > 1 && str_find(str_sub(rest, 1, rest.len), '/') < 0) {
      run_group(req, groups[i].group, str_sub(rest, 1, rest.len));
      return true;
    }
  }
  return false;
}

void http_on_request(struct http_req *req, void *data)
{
  http_req_set_data(req, data);
  struct str method = http_req_method(req), path = http_req_path(req);
  if (str_eq(method, STR("OPTIONS"))) {
    answer_options(req);
    return;
  }
  if (route_group(req, path))
    return;
  if (inbound_route(req) || documents_route(req))
    return;
  for (size_t i = 0; i < ARRAY_LEN(pages); i++)
    if (str_eqc(path, pages[i].path)) {
      /* Behind the login the method is looked at after the credentials (spec api.md 1). */
      if (is_get(req) || pages[i].run == route_user || pages[i].run == route_lua_check || pages[i].run == route_terminal_execute)
        pages[i].run(req);
      else
        http_answer_method(req, "GET,HEAD");
      return;
    }
  route_static(req);
}
