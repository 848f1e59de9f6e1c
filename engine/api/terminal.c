/* api/terminal.c: /terminal/execute and /ws/terminal: the bytes of agents' terminals, to HTTP clients and browsers and back
 * (spec api.md 13.3, 14). Policy decides who may and opens the channel (komodo/write/terminal.lua); here it is pumped.
 *
 * The protocol of agents cannot slow one channel down. An HTTP client that does not keep up has its answer broken off, a
 * browser misses output: its terminal stays.
 */
#include "api/api.h"
#include "base/arena.h"
#include "base/mem.h"

enum {
  UUID_LEN = 36,
  EXECUTE_WAITING_MAX = 16 * 1024 * 1024,   /* of a slow HTTP client */
  VIEW_QUEUE_MAX = 8 * 1024 * 1024,         /* of a slow browser */
  VIEW_FRAME_MAX = 1024 * 1024,             /* what it pastes at once */
  VIEW_EARLY_MAX = 64 * 1024,               /* what it types before the terminal is there */
  VIEW_LOGIN_TIMEOUT_MS = 30 * 1000,
  VIEW_PING_MS = 30 * 1000,
  VIEW_DEADLINE_MS = 120 * 1000,
};

#define END_MARK "__KOMODO_END_OF_OUTPUT__"
#define LEFT "Client disconnected"

/* ---- a channel of an agent, as policy opened it ---- */

struct channel {
  struct api *api;
  char server[OBJECT_ID_LEN + 1], uuid[UUID_LEN + 1];
  struct hub_terminal *terminal;   /* NULL: none (any more) */
};

static Err channel_open(struct channel *c, struct answer *a, const struct hub_terminal_config *config)
{
  CLEANUP(json_doc_free) yyjson_doc *doc = NULL;
  if (a->err)
    return a->err;
  Err err = json_parse(buf_str(&a->body), &doc, &a->diag);
  if (!err) {
    yyjson_val *root = yyjson_doc_get_root(doc);
    snprintf(c->server, sizeof c->server, "%.*s", STR_ARG(json_get_str(root, "server")));
    snprintf(c->uuid, sizeof c->uuid, "%.*s", STR_ARG(json_get_str(root, "channel")));
    err = hub_terminal_open(c->api->hub, str_of(c->server), str_of(c->uuid), config, &c->terminal, &a->diag);
  }
  if (err) {
    a->err = err;
    a->status = err_status(err);
  }
  return err;
}

static void forget_task(struct op *op, void *data)
{
  (void)data;
  op_unref(op);
}

static int push_channel(lua_State *L, void *data)
{
  const struct channel *c = data;
  lua_newtable(L);
  lua_pushstring(L, c->server);
  lua_setfield(L, -2, "server");
  lua_pushstring(L, c->uuid);
  lua_setfield(L, -2, "channel");
  return 1;
}

/* The agent is told twice, as agents know it: on the channel, unless that has ended, and by a request (spec agent.md 20). */
static void channel_close(struct channel *c)
{
  struct policy_task *task;
  struct diag d;
  if (!c->uuid[0])
    return;
  if (c->terminal)
    hub_terminal_close(c->terminal, LEFT);
  c->terminal = NULL;
  if (policy_call(c->api->policy, "terminal/disconnect", push_channel, c, &task, &d) == OK)
    op_wait(&task->op, forget_task, NULL);
  c->uuid[0] = 0;
}

/* ---- /terminal/execute ---- */

struct execution {
  struct channel channel;
  struct http_req *req;
  struct buf waiting;   /* while the client's connection is full */
  bool full, over;      /* over: the agent has said all */
};

static void execution_free(struct execution *e)
{
  buf_release(&e->waiting);
  mem_free(e);
}

static void execution_break(struct execution *e)
{
  channel_close(&e->channel);
  http_respond_abort(e->req);
  execution_free(e);
}

static void execution_end(struct execution *e)
{
  e->over = true;
  if (e->full)
    return;   /* the rest goes out first */
  http_respond_end(e->req);
  execution_free(e);
}

static void on_client(struct http_req *req, void *data)
{
  struct execution *e = data;
  if (http_req_is_gone(req)) {
    execution_break(e);
    return;
  }
  e->full = false;
  if (e->waiting.len)
    (void)http_respond_write(req, buf_str(&e->waiting), &e->full);   /* a client that left is told of here again */
  buf_release(&e->waiting);
  if (e->over)
    execution_end(e);
}

static void on_output(struct hub_terminal *t, struct str bytes, void *data)
{
  struct execution *e = data;
  (void)t;
  if (str_eq(bytes, STR(END_MARK))) {
    hub_terminal_close(e->channel.terminal, /* words= */ NULL);   /* the agent has forgotten it */
    e->channel.terminal = NULL;
    execution_end(e);
    return;
  }
  if (!e->full) {
    (void)http_respond_write(e->req, bytes, &e->full);
    return;
  }
  buf_add_str(&e->waiting, bytes);
  if (buf_err(&e->waiting))
    execution_break(e);
}

static void on_output_end(struct hub_terminal *t, const struct diag *d, void *data)
{
  struct execution *e = data;
  (void)t;
  (void)d;
  e->channel.terminal = NULL;
  execution_end(e);   /* without the line of the exit code: clients take that for an early exit */
}

static void start_execution(struct execution *e, struct answer *a)
{
  const struct hub_terminal_config config = {.on_data = on_output, .on_end = on_output_end, .data = e};
  if (channel_open(&e->channel, a, &config)) {
    http_answer_error(e->req, a->status, &a->diag);
    execution_free(e);
    return;
  }
  http_answer_stream(e->req, on_client, e);
}

static void on_execute_opened(struct op *op, void *data)
{
  struct execution *e = data;
  struct answer a;
  answer_init(&a);
  answer_take(&a, (struct policy_task *)op);
  start_execution(e, &a);
  answer_release(&a);
}

void terminal_execute(struct api *api, struct http_req *req, yyjson_val *body, const struct caller *caller, struct str client_ip)
{
  struct execution *e = mem_new(sizeof *e);
  struct answer a;
  e->channel.api = api;
  e->req = req;
  buf_init(&e->waiting, EXECUTE_WAITING_MAX);
  answer_init(&a);
  struct policy_task *task = dispatch_typed(api, "ExecuteTerminalBody", "terminal/execute", body, caller, client_ip, &a);
  if (task)
    op_wait(&task->op, on_execute_opened, e);
  else
    start_execution(e, &a);
  answer_release(&a);
}

/* ---- /ws/terminal ---- */

struct view {
  struct channel channel;
  struct ws *ws;            /* NULL: closed; the memory goes when nothing is under way for it */
  struct op *deadline;      /* the login's */
  yyjson_doc *query;
  char *ip;
  struct buf early;         /* what came before the terminal: each 4 bytes of length, then the frame */
  bool asked, logged_in;
  bool busy;                /* the login or the opening is under way */
};

static void view_free(struct view *v)
{
  op_drop(v->deadline);
  yyjson_doc_free(v->query);
  mem_wipe(v->early.ptr, v->early.len);
  buf_release(&v->early);
  mem_free(v->ip);
  mem_free(v);
}

/* What a full queue does not take is dropped: see above. */
static void view_send(const struct view *v, enum ws_kind kind, struct str bytes)
{
  Err err = v->ws ? ws_send(v->ws, kind, bytes) : ERR_CLOSED;
  (void)err;
}

static void view_say(struct view *v, struct str words)
{
  view_send(v, WS_TEXT, words);
  if (v->ws)
    ws_close(v->ws, 0);
}

static void on_ws_close(struct ws *ws, Err err, int code, const struct diag *d, void *data)
{
  struct view *v = data;
  (void)ws;
  (void)err;
  (void)code;
  (void)d;
  v->ws = NULL;
  channel_close(&v->channel);
  if (!v->busy)
    view_free(v);
}

static void on_view_data(struct hub_terminal *t, struct str bytes, void *data)
{
  (void)t;
  view_send(data, WS_BINARY, bytes);
}

/* Causes in one line, as a terminal shows lines. */
static void view_say_error(struct view *v, const struct diag *d)
{
  CLEANUP(buf_release) struct buf text = BUF_INIT(2 * (DIAG_MESSAGE_MAX + DIAG_TRACE_MAX));
  struct str rest = str_of(d->message), line;
  buf_add_text(&text, "ERROR: ");
  for (bool first = true; rest.len && str_split(&rest, '\n', &line); first = false) {
    buf_add_text(&text, first ? "" : "\r\n");
    buf_add_str(&text, line);
  }
  rest = str_of(d->trace);
  while (rest.len && str_split(&rest, '\n', &line)) {
    buf_add_text(&text, ": ");
    buf_add_str(&text, line);
  }
  view_say(v, buf_str(&text));
}

static void on_view_end(struct hub_terminal *t, const struct diag *d, void *data)
{
  struct view *v = data;
  (void)t;
  v->channel.terminal = NULL;
  if (d->err != ERR_REMOTE)
    view_say(v, STR("\r\n\nSTREAM EOF"));
  else if (str_eqc(STR("pty exited"), d->message))
    view_say(v, STR("\npty exited"));
  else
    view_say_error(v, d);
}

/* Frames of the client go to the agent as they are: their last byte says what they mean. */
static void view_forward(struct view *v, struct str frame)
{
  if (v->channel.terminal && hub_terminal_send(v->channel.terminal, frame) && v->ws)
    ws_drop(v->ws);   /* the agent takes nothing any more: typing into the void would be worse */
}

static void send_early(struct view *v)
{
  struct str rest = buf_str(&v->early);
  while (rest.len) {
    uint32_t len;
    memcpy(&len, rest.ptr, sizeof len);
    view_forward(v, str_sub(rest, sizeof len, len));
    rest = str_sub(rest, sizeof len + len, rest.len);
  }
  mem_wipe(v->early.ptr, v->early.len);
  buf_release(&v->early);
}

static void start_view(struct view *v, struct answer *a)
{
  const struct hub_terminal_config config = {.on_data = on_view_data, .on_end = on_view_end, .data = v};
  v->busy = false;
  Err err = channel_open(&v->channel, a, &config);
  if (!v->ws) {   /* it left meanwhile */
    channel_close(&v->channel);
    view_free(v);
  } else if (err) {
    view_say_error(v, &a->diag);
  } else {
    send_early(v);
  }
}

static void on_view_opened(struct op *op, void *data)
{
  struct answer a;
  answer_init(&a);
  answer_take(&a, (struct policy_task *)op);
  start_view(data, &a);
  answer_release(&a);
}

static void on_view_login(void *data, Err err, const struct diag *d, const struct caller *caller)
{
  struct view *v = data;
  struct answer a;
  v->busy = false;
  if (!v->ws) {
    view_free(v);
    return;
  }
  if (err) {
    CLEANUP(buf_release) struct buf text = BUF_INIT(8 * 1024);
    ws_login_refusal(err, d, &text);
    view_say(v, buf_str(&text));
    return;
  }
  v->logged_in = v->busy = true;
  op_cancel(v->deadline);
  view_send(v, WS_TEXT, STR("LOGGED_IN"));
  answer_init(&a);
  struct policy_task *task = dispatch_typed(v->channel.api, "ConnectTerminalQuery", "terminal/connect",
                                            yyjson_doc_get_root(v->query), caller, str_of(v->ip), &a);
  if (task)
    op_wait(&task->op, on_view_opened, v);
  else
    start_view(v, &a);
  answer_release(&a);
}

static void keep_early(struct view *v, struct str frame)
{
  uint32_t len = (uint32_t)frame.len;
  buf_add(&v->early, &len, sizeof len);
  buf_add_str(&v->early, frame);
  if (buf_err(&v->early))
    ws_drop(v->ws);
}

static void on_view_message(struct ws *ws, enum ws_kind kind, struct str message, void *data)
{
  struct view *v = data;
  (void)ws;
  (void)kind;
  if (v->asked) {
    if (v->channel.terminal)
      view_forward(v, message);
    else if (v->busy)
      keep_early(v, message);
    return;
  }
  v->asked = v->busy = true;
  ws_login_check(v->channel.api, message, v->ip, on_view_login, v);
}

static void on_view_deadline(struct op *op, void *data)
{
  struct view *v = data;
  (void)op;
  if (!v->logged_in && v->ws)
    ws_close(v->ws, 0);
}

/* ---- the query: `target[type]=…&target[params][server]=…&terminal=…&init[command]=…` ---- */

/* An absent or empty value is none, as km sends them. */
static bool put(struct http_req *req, yyjson_mut_doc *doc, yyjson_mut_val *object, const char *field, const char *key)
{
  struct str value = http_query_get(http_req_arena(req), http_req_query(req), key);
  if (value.len)
    yyjson_mut_obj_add_strncpy(doc, object, field, value.ptr, value.len);
  return value.ptr != NULL;
}

static yyjson_doc *read_query(struct http_req *req)
{
  CLEANUP(json_mut_doc_free) yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
  yyjson_mut_val *root = yyjson_mut_obj(doc), *init = yyjson_mut_obj(doc);
  yyjson_mut_doc_set_root(doc, root);
  yyjson_mut_val *target = yyjson_mut_obj_add_obj(doc, root, "target");
  put(req, doc, target, "type", "target[type]");
  yyjson_mut_val *params = yyjson_mut_obj_add_obj(doc, target, "params");
  put(req, doc, params, "server", "target[params][server]");
  put(req, doc, params, "container", "target[params][container]");
  put(req, doc, params, "stack", "target[params][stack]");
  put(req, doc, params, "service", "target[params][service]");
  put(req, doc, params, "deployment", "target[params][deployment]");
  put(req, doc, root, "terminal", "terminal");
  bool has_init = put(req, doc, init, "command", "init[command]");
  has_init |= put(req, doc, init, "recreate", "init[recreate]");
  has_init |= put(req, doc, init, "mode", "init[mode]");
  if (has_init)
    yyjson_mut_obj_add_val(doc, root, "init", init);
  return yyjson_mut_doc_imut_copy(doc, NULL);
}

/* What the type of the query does not allow is told before the upgrade. */
static Err check_query(const struct api *api, yyjson_doc *query, struct diag *reterr)
{
  CLEANUP(json_mut_doc_free) yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
  yyjson_mut_val *normal;
  return schema_normalise(schema_type(api->schema, "ConnectTerminalQuery"), yyjson_doc_get_root(query), SCHEMA_FULL, doc, &normal, reterr);
}

static void refuse_query(struct http_req *req, const struct diag *d)
{
  const struct http_header type = {STR("Content-Type"), STR("text/plain; charset=utf-8")};
  CLEANUP(buf_release) struct buf text = BUF_INIT(DIAG_MESSAGE_MAX + 64);
  buf_printf(&text, "Failed to parse request query: %s", d->message);
  http_respond(req, 400, &type, 1, buf_str(&text));
}

void terminal_accept(struct api *api, struct http_req *req)
{
  struct diag d;
  char ip[CLIENT_IP_MAX];
  if (!ws_login_begin(req, ip))
    return;
  CLEANUP(json_doc_free) yyjson_doc *query = read_query(req);
  if (check_query(api, query, &d)) {
    refuse_query(req, &d);
    return;
  }
  struct view *v = mem_new(sizeof *v);
  v->channel.api = api;
  v->ip = mem_strdup(ip);
  buf_init(&v->early, VIEW_EARLY_MAX);
  const struct ws_config config = {
    .frame_max = VIEW_FRAME_MAX, .message_max = VIEW_FRAME_MAX, .queue_max = VIEW_QUEUE_MAX,
    .ping_after_idle_ms = VIEW_PING_MS, .receive_deadline_ms = VIEW_DEADLINE_MS, .pong_counts = true,
    .on_message = on_view_message, .on_close = on_ws_close, .data = v,
  };
  if (!ws_login_accept(req, &config, &v->ws)) {
    view_free(v);
    return;
  }
  v->query = query;
  query = NULL;
  op_sleep(api->loop, VIEW_LOGIN_TIMEOUT_MS, &v->deadline);
  op_wait(v->deadline, on_view_deadline, v);
}
