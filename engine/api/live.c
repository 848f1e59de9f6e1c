/* api/live.c: /ws/update, the stream of audit records (spec api.md 13.1, 13.2).
 *
 * A client logs in with its first frame; records that come before it is known are kept and sent then. One that reads
 * too slowly is closed, so that it reconnects instead of missing records silently. */
#include "api/api.h"
#include "base/clock.h"
#include "base/mem.h"

enum {
  LIVE_QUEUE_BYTES = 1024 * 1024,
  LIVE_QUEUE_MESSAGES = 1000,
  LIVE_KERNEL_BYTES = 128 * 1024,
  LIVE_LOGIN_TIMEOUT_MS = 30 * 1000,
  LIVE_PING_MS = 30 * 1000,
  LIVE_DEADLINE_MS = 120 * 1000,
  LIVE_EARLY_MAX = 64 * 1024,
  LIVE_FRAME_MAX = 64 * 1024,
};

struct subscriber {
  struct subscriber *prev, *next;
  struct live *live;
  struct ws *ws;              /* NULL once closed; the memory goes when the login check is over, too */
  struct op *deadline;        /* the login's */
  char *ip;
  char user_id[OBJECT_ID_LEN + 1];
  struct buf early;           /* frames before the login: each "<type>\0<id>\0<item>\0" */
  bool logged_in, checking, closed;
};

struct live {
  struct api *api;
  struct subscriber *first;
};

struct live *live_new(struct api *api)
{
  struct live *l = mem_new(sizeof *l);
  l->api = api;
  return l;
}

void live_free(struct live *live) { mem_free(live); }

static void subscriber_free(struct subscriber *s)
{
  if (s->prev)
    s->prev->next = s->next;
  else
    s->live->first = s->next;
  if (s->next)
    s->next->prev = s->prev;
  op_drop(s->deadline);
  buf_release(&s->early);
  mem_free(s->ip);
  mem_free(s);
}

static void on_close(struct ws *ws, Err err, int code, const struct diag *d, void *data)
{
  (void)ws;
  (void)err;
  (void)code;
  (void)d;
  struct subscriber *s = data;
  s->ws = NULL;
  s->closed = true;
  if (!s->checking)
    subscriber_free(s);
}

static void send_text(struct subscriber *s, struct str text)
{
  if (s->closed)
    return;
  if (ws_send(s->ws, WS_TEXT, text) == ERR_LIMIT)
    ws_drop(s->ws);
}

/* May this user see an Update of that target? A user that is gone or disabled is told so and closed. */
static bool may_see(struct subscriber *s, struct str type, struct str id)
{
  struct api *api = s->live->api;
  struct caller caller;
  if (!caller_find(api, str_of(s->user_id), &caller) || !caller.enabled) {
    send_text(s, STR("{\"type\":\"INVALID_USER\",\"msg\":\"{\\\"error\\\":\\\"Invalid user credentials\\\",\\\"trace\\\":[]}\"}"));
    if (!s->closed)
      ws_close(s->ws, 0);
    return false;
  }
  if (caller.admin)
    return true;
  enum kind kind = kind_of(type);
  const struct row *row = kind == KIND_NONE ? NULL : table_get(api->model->resources[kind], id);
  struct viewer viewer;
  return row && viewer_init(api->model, caller.id, &viewer) == OK && model_perm(api->model, &viewer, row).level > PERM_NONE;
}

static void send_early(struct subscriber *s)
{
  for (const char *p = s->early.ptr, *end = p + s->early.len; p && p < end;) {
    struct str part[3];
    for (size_t i = 0; i < ARRAY_LEN(part); i++) {
      part[i] = str_of(p);
      p += part[i].len + 1;
    }
    if (!s->closed && may_see(s, part[0], part[1]))
      send_text(s, part[2]);
  }
  buf_release(&s->early);
}

static void on_login(void *data, Err err, const struct diag *d, const struct caller *caller)
{
  struct subscriber *s = data;
  s->checking = false;
  if (s->closed) {
    subscriber_free(s);
    return;
  }
  if (err) {
    CLEANUP(buf_release) struct buf text = BUF_INIT(8 * 1024);
    ws_login_refusal(err, d, &text);
    send_text(s, buf_str(&text));
    if (!s->closed)
      ws_close(s->ws, 0);
    return;
  }
  snprintf(s->user_id, sizeof s->user_id, "%.*s", STR_ARG(caller->id));
  s->logged_in = true;
  op_cancel(s->deadline);
  send_text(s, STR("LOGGED_IN"));
  send_early(s);
}

static void on_message(struct ws *ws, enum ws_kind kind, struct str message, void *data)
{
  (void)ws;
  (void)kind;
  struct subscriber *s = data;
  if (s->logged_in || s->checking)
    return;
  s->checking = true;
  ws_login_check(s->live->api, message, s->ip, on_login, s);
}

static void on_deadline(struct op *op, void *data)
{
  (void)op;
  struct subscriber *s = data;
  if (!s->logged_in && !s->closed)
    ws_close(s->ws, 0);
}

void live_accept(struct live *live, struct http_req *req)
{
  char ip[CLIENT_IP_MAX];
  if (!ws_login_begin(req, ip))
    return;
  struct subscriber *s = mem_new(sizeof *s);
  s->live = live;
  s->ip = mem_strdup(ip);
  buf_init(&s->early, LIVE_EARLY_MAX);
  struct ws_config config = {
    .frame_max = LIVE_FRAME_MAX, .message_max = LIVE_FRAME_MAX, .queue_max = LIVE_QUEUE_BYTES,
    .queue_messages_max = LIVE_QUEUE_MESSAGES, .kernel_max = LIVE_KERNEL_BYTES,
    .ping_after_idle_ms = LIVE_PING_MS, .receive_deadline_ms = LIVE_DEADLINE_MS, .pong_counts = true,
    .on_message = on_message, .on_close = on_close, .data = s,
  };
  s->next = live->first;
  if (s->next)
    s->next->prev = s;
  live->first = s;
  if (!ws_login_accept(req, &config, &s->ws)) {
    subscriber_free(s);
    return;
  }
  op_sleep(live->api->loop, LIVE_LOGIN_TIMEOUT_MS, &s->deadline);
  op_wait(s->deadline, on_deadline, s);
}

void live_broadcast(struct live *live, struct str target_type, struct str target_id, struct str item)
{
  for (struct subscriber *s = live->first, *next; s; s = next) {
    next = s->next;
    if (s->closed)
      continue;
    if (s->logged_in) {
      if (may_see(s, target_type, target_id))
        send_text(s, item);
      continue;
    }
    const struct str part[] = {target_type, target_id, item};
    for (size_t i = 0; i < ARRAY_LEN(part); i++) {
      buf_add_str(&s->early, part[i]);
      buf_add_char(&s->early, 0);
    }
    if (buf_err(&s->early))
      ws_drop(s->ws);
  }
}
