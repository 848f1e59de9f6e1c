/* api/dispatch.c: schema, access gate, handler. See api.h. */
#include "api/api.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/list.h"

enum { ANSWER_MAX = 256 * 1024 * 1024 };

void answer_init(struct answer *answer)
{
  answer->err = OK;
  answer->status = 200;
  answer->diag.err = OK;
  answer->diag.message[0] = answer->diag.trace[0] = 0;
  buf_init(&answer->body, ANSWER_MAX);
}

void answer_release(struct answer *answer) { buf_release(&answer->body); }

static const char *const prefixes[SCHEMA_GROUP_COUNT] = {
  [SCHEMA_LOGIN] = "login", [SCHEMA_MANAGE] = "manage", [SCHEMA_READ] = "read", [SCHEMA_WRITE] = "write", [SCHEMA_EXECUTE] = "execute"};

static const char *const paths[SCHEMA_GROUP_COUNT] = {
  [SCHEMA_LOGIN] = "auth/login", [SCHEMA_MANAGE] = "auth/manage", [SCHEMA_READ] = "read", [SCHEMA_WRITE] = "write", [SCHEMA_EXECUTE] = "execute"};

static void *fail(struct answer *answer, Err err)
{
  answer->err = err;
  answer->status = err_status(err);
  if (!answer->diag.message[0])
    diag_set(&answer->diag, err, "%s", err_words(err));
  return NULL;
}

bool caller_find(const struct api *api, struct str user_id, struct caller *ret)
{
  static const char *const builtin[] = {"System", "Procedure", "Action", "Git Webhook", "Auto Redeploy",
                                        "Resource Sync", "Stack Wizard", "Build Manager", "Repo Manager"};
  const struct perm_user *user = perm_index_user(api->model->perms, user_id);
  if (!user)
    return false;
  const struct row *row = table_get(api->model->tables[TABLE_USER], user_id);
  size_t n = (size_t)(user_id.ptr[user_id.len - 1] - '0');
  struct str name = row ? row->name : n < ARRAY_LEN(builtin) ? str_of(builtin[n]) : STR_NONE;
  *ret = (struct caller){user->id, name, user->admin, user->enabled, STR_NONE};
  return true;
}

/* The table-driven gate: every request passes here (spec api.md 9). */
static Err gate(const struct api *api, const struct schema_request *r, yyjson_val *params, const struct caller *caller,
                const struct row **ret_target, struct diag *reterr)
{
  switch (r->access) {
  case ACCESS_NONE:
  case ACCESS_ANY:
  case ACCESS_HANDLER:
  case ACCESS_CREATE: return OK;
  case ACCESS_ADMIN: return caller->admin ? OK : diag_set(reterr, ERR_FORBIDDEN, "This method is admin only.");
  case ACCESS_RESOURCE: break;
  }
  enum kind kind = kind_of(str_of(r->resource));
  enum perm_level level = PERM_READ;
  if (kind == KIND_NONE || !perm_level_parse(str_of(r->level), &level))
    return diag_set(reterr, ERR_INTERNAL, "The access rule of %s is broken", r->name);
  struct perm need = {(uint8_t)level, 0};
  uint8_t bit;
  for (size_t i = 0; r->specific && r->specific[i]; i++)
    if (perm_specific_parse(str_of(r->specific[i]), &bit))
      need.specific = (uint8_t)(need.specific | bit);
  struct viewer viewer;
  if (viewer_init(api->model, caller->id, &viewer))
    return diag_set(reterr, ERR_AUTH, "Invalid user credentials");
  return model_require(api->model, &viewer, kind, json_get_str(params, r->param), need, ret_target, reterr);
}

struct push_data {
  yyjson_val *params;
  const struct caller *caller;
  struct str ip;
};

static void set_text(lua_State *L, const char *key, struct str value)
{
  lua_pushlstring(L, value.ptr ? value.ptr : "", value.len);
  lua_setfield(L, -2, key);
}

/* handler(params, ctx): optional parameters that are null are left out, so that Lua reads nil. */
static int push_call(lua_State *L, void *data)
{
  const struct push_data *p = data;
  lua_newtable(L);
  size_t i, n;
  yyjson_val *key, *value;
  yyjson_obj_foreach(p->params, i, n, key, value) {
    if (yyjson_is_null(value))
      continue;
    lua_pushlstring(L, yyjson_get_str(key), yyjson_get_len(key));
    json_push(L, value);
    lua_rawset(L, -3);
  }
  lua_newtable(L);
  set_text(L, "ip", p->ip);
  if (p->caller) {
    lua_newtable(L);
    set_text(L, "id", p->caller->id);
    set_text(L, "username", p->caller->username);
    lua_pushboolean(L, p->caller->admin);
    lua_setfield(L, -2, "admin");
    lua_pushboolean(L, p->caller->enabled);
    lua_setfield(L, -2, "enabled");
    lua_setfield(L, -2, "user");
    if (p->caller->by.len)
      set_text(L, "by", p->caller->by);
  }
  return 2;
}

static struct policy_task *run_policy(struct api *api, const char *key, const char *name, yyjson_val *params,
                                      const struct caller *caller, struct str ip, struct answer *answer)
{
  if (!policy_has(api->policy, key))
    return fail(answer, diag_set(&answer->diag, ERR_UNSUPPORTED, "%s is not supported by this engine yet", name));
  struct push_data data = {params, caller, ip};
  struct policy_task *task;
  Err err = policy_call(api->policy, key, push_call, &data, &task, &answer->diag);
  if (err)
    return fail(answer, err);
  if (!task->op.done)
    return task;
  answer_take(answer, task);
  return NULL;
}

/* NULL: `answer` says why. */
static yyjson_doc *normalise(const struct schema_type *type, yyjson_val *params, const struct caller *caller, struct answer *answer)
{
  CLEANUP(json_mut_doc_free) yyjson_mut_doc *mut = yyjson_mut_doc_new(NULL);
  yyjson_mut_val *normal;
  Err err = mut ? schema_normalise(type, params, caller && caller->by.len ? SCHEMA_FROM_LUA : SCHEMA_FULL, mut, &normal, &answer->diag) : ERR_NOMEM;
  if (err)
    return fail(answer, err);
  yyjson_doc *doc = yyjson_mut_val_imut_copy(normal, NULL);
  return doc ? doc : fail(answer, ERR_NOMEM);
}

struct policy_task *dispatch_typed(struct api *api, const char *type, const char *handler, yyjson_val *params,
                                   const struct caller *caller, struct str client_ip, struct answer *answer)
{
  CLEANUP(json_doc_free) yyjson_doc *doc = normalise(schema_type(api->schema, type), params, caller, answer);
  return doc ? run_policy(api, handler, handler, yyjson_doc_get_root(doc), caller, client_ip, answer) : NULL;
}

struct policy_task *dispatch(struct api *api, enum schema_group group, struct str name, yyjson_val *params, const struct caller *caller,
                             struct str client_ip, struct answer *answer)
{
  const struct schema_request *r = schema_request(api->schema, group, name);
  if (!r)
    return fail(answer, diag_set(&answer->diag, ERR_NOTFOUND, "There is no request '%.*s' in /%s", STR_ARG(str_sub(name, 0, 100)), paths[group]));
  CLEANUP(json_doc_free) yyjson_doc *doc = normalise(r->params, params, caller, answer);
  if (!doc)
    return NULL;
  yyjson_val *root = yyjson_doc_get_root(doc);
  const struct row *target = NULL;
  Err err = gate(api, r, root, caller, &target, &answer->diag);
  if (err)
    return fail(answer, err);
  char key[96];
  snprintf(key, sizeof key, "%s/%s", prefixes[group], r->name);
  const struct read_handler *h = map_get(&api->handlers, str_of(key));
  if (!h)
    return run_policy(api, key, r->name, root, caller, client_ip, answer);
  struct read_call call = {api, h->kind, root, caller, target, &answer->body, &answer->diag};
  err = h->run(&call);
  if (!err)
    err = buf_err(&answer->body);
  return err ? fail(answer, err) : NULL;
}

void answer_take(struct answer *answer, struct policy_task *task)
{
  if (task->op.err) {
    if (task->op.diag)
      answer->diag = *task->op.diag;
    /* What went wrong inside is in the log; a client gets no traceback. */
    if (task->op.err == ERR_INTERNAL && !task->status)
      diag_set(&answer->diag, ERR_INTERNAL, "The engine failed to answer this request; its log says why");
    fail(answer, task->op.err);
    if (task->status)
      answer->status = task->status;
  } else {
    buf_release(&answer->body);
    answer->body = task->result;
    task->result = BUF_INIT(0);
    if (answer->body.len == 0) {
      answer->body.max = ANSWER_MAX;
      buf_add_text(&answer->body, "{}");
    }
  }
  op_unref(&task->op);
}

void answer_order(const struct api *api, enum schema_group group, struct str name, struct answer *answer)
{
  const struct schema_request *r = answer->err ? NULL : schema_request(api->schema, group, name);
  const struct schema_type *type = r && r->result ? schema_type(api->schema, r->result) : NULL;
  CLEANUP(json_doc_free) yyjson_doc *doc = NULL;
  struct diag d;
  if (!type || json_parse(buf_str(&answer->body), &doc, /* reterr= */ NULL))
    return;
  CLEANUP(json_mut_doc_free) yyjson_mut_doc *mut = yyjson_mut_doc_new(NULL);
  yyjson_mut_val *normal;
  if (!mut)
    return;
  if (schema_normalise(type, yyjson_doc_get_root(doc), SCHEMA_FULL, mut, &normal, &d)) {
    log_warn("the answer of %s is not of type %s: %s", r->name, r->result, d.message);
    return;
  }
  buf_clear(&answer->body);
  json_write_mut(normal, &answer->body);
}
