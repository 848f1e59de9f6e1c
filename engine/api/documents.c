/* api/documents.c: what policy makes once and is the same for everybody: the descriptions of the API and of the script module. */
#include "api/http_internal.h"
#include "base/arena.h"

static int push_nothing(lua_State *L, void *data)
{
  (void)L;
  (void)data;
  return 0;
}

static const struct {
  const char *path, *handler, *type;
} documents[API_DOCUMENTS] = {
  {"/docs/openapi.json", "docs/openapi", "application/json"},
  {"/lua/komodo.lua", "docs/luacats", "text/plain; charset=utf-8"},
  {"/lua/completions.json", "docs/completions", "application/json"},
};

struct document_call {
  struct api_call *call;
  size_t which;
};

static void respond_document(struct http_req *req, size_t which)
{
  const struct api_document *d = &((struct api *)http_req_data(req))->documents[which];
  http_answer_text(req, 200, str_of(documents[which].type), str_make(d->text, d->len));
}

/* Policy answers with the document as text, or with the value that is the document. */
static void on_document(struct op *op, void *data)
{
  struct document_call *dc = data;
  struct api_call *c = dc->call;
  struct api_document *kept = &c->api->documents[dc->which];
  struct answer a;
  CLEANUP(json_doc_free) yyjson_doc *doc = NULL;
  answer_init(&a);
  answer_take(&a, (struct policy_task *)op);
  if (!a.err && !kept->text)
    a.status = err_status(a.err = json_parse(buf_str(&a.body), &doc, &a.diag));
  if (!a.err && doc) {
    yyjson_val *root = yyjson_doc_get_root(doc);
    struct str text = yyjson_is_str(root) ? json_str(root) : buf_str(&a.body);
    kept->text = str_dup(text);
    kept->len = text.len;
  }
  if (a.err)
    http_answer_error(c->req, a.status, &a.diag);
  else
    respond_document(c->req, dc->which);
  answer_release(&a);
}

static void route_document(struct http_req *req, size_t which)
{
  struct api_call *c = api_call_new(req, SCHEMA_READ, STR_NONE);
  struct diag words;
  struct policy_task *task;
  if (!c)
    return;
  if (c->api->documents[which].text) {
    respond_document(req, which);
    return;
  }
  struct document_call *dc = arena_new(http_req_arena(req), sizeof *dc);
  *dc = (struct document_call){c, which};
  Err err = policy_call(c->api->policy, documents[which].handler, push_nothing, NULL, &task, &words);
  if (err)
    http_answer_error(req, err_status(err), &words);
  else
    op_wait(&task->op, on_document, dc);
}

bool documents_route(struct http_req *req)
{
  struct str method = http_req_method(req);
  for (size_t i = 0; i < API_DOCUMENTS; i++)
    if (str_eqc(http_req_path(req), documents[i].path)) {
      if (str_eq(method, STR("GET")) || str_eq(method, STR("HEAD")))
        route_document(req, i);
      else
        http_answer_method(req, "GET,HEAD");
      return true;
    }
  return false;
}
