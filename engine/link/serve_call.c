/* link/serve_call.c: requests of engines and terminal channels, on the agent's side; see serve.h. */
#include <string.h>

#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "link/serve_internal.h"

struct serve_call {
  struct engine *engine;         /* NULL: the agent is stopping, the answer goes nowhere */
  struct serve_call *prev, *next;
  struct timeq_item pending;
  unsigned char channel[UUID_BYTES];
  yyjson_doc *doc;
};

struct serve_terminal {
  struct serve_terminal_config config;
  struct engine *engine;
  struct serve_terminal *prev, *next;
  bool refused;                  /* on_room is due */
  unsigned char channel[UUID_BYTES];
};

static struct str channel_str(const unsigned char channel[UUID_BYTES]) { return str_make((const char *)channel, UUID_BYTES); }

static Err push(struct engine *e, enum frame_kind kind, enum frame_status status, const unsigned char channel[UUID_BYTES],
                struct str data, bool urgent)
{
  unsigned char tail[FRAME_TAIL_MAX];
  size_t n = frame_tail(kind, status, channel_str(channel), tail);
  const struct str parts[] = {data, str_make((const char *)tail, n)};
  return outbox_push(&e->outbox, parts, ARRAY_LEN(parts), urgent);
}

static Err push_error(struct engine *e, enum frame_kind kind, const unsigned char channel[UUID_BYTES], const struct diag *d, bool urgent)
{
  CLEANUP(buf_release) struct buf text = BUF_INIT((DIAG_MESSAGE_MAX + DIAG_TRACE_MAX) * 8);
  frame_error_encode(&text, d);
  return buf_err(&text) ? buf_err(&text) : push(e, kind, FRAME_ERROR, channel, buf_str(&text), urgent);
}

/* ---- requests ---- */

static void call_unlink(struct serve_call *c)
{
  struct engine *e = c->engine;
  if (c->prev)
    c->prev->next = c->next;
  else
    e->calls = c->next;   // NOLINT(clang-analyzer-core.NullDereference): a call in the list has its engine
  if (c->next)
    c->next->prev = c->prev;
  e->call_count--;        // NOLINT(clang-analyzer-core.NullDereference)
  timeq_remove(&e->serve->pending, &c->pending);
  map_remove(&e->serve->calls, channel_str(c->channel));
  c->engine = NULL;
}

static void call_free(struct serve_call *c)
{
  yyjson_doc_free(c->doc);
  mem_free(c);
}

/* `d`: an error; NULL: `json`. An answer may pass the limits of the queue, for its request was let in below them, but not
 * while the link is down: by the time a full queue is sent the engine waits for none of it. */
static void answer(struct serve_call *c, struct str json, const struct diag *d)
{
  struct engine *e = c->engine;
  if (e) {
    struct diag large = {0};
    bool urgent = e->connected;
    call_unlink(c);
    Err err = d ? push_error(e, FRAME_RESPONSE, c->channel, d, urgent)
                : push(e, FRAME_RESPONSE, FRAME_OK, c->channel, json, urgent);
    if (err == ERR_TOOBIG || (err == ERR_NOMEM && !d)) {
      diag_set(&large, err, err == ERR_TOOBIG ? "The answer is too large: %zu bytes, a message has at most 16 MiB"
                                              : "There is no memory for an answer of %zu bytes", json.len);
      err = push_error(e, FRAME_RESPONSE, c->channel, &large, urgent);
    }
    if (err)
      log_warn("an answer to engine %s was dropped: %s", e->who, err_words(err));
    engine_tidy(e);
  }
  call_free(c);
}

void serve_call_ok(struct serve_call *call, struct str json) { answer(call, json, /* d= */ NULL); }
void serve_call_error(struct serve_call *call, const struct diag *d) { answer(call, STR_NONE, d); }

void serve_call_drop(struct serve_call *call)
{
  struct engine *e = call->engine;
  if (e) {
    call_unlink(call);
    engine_tidy(e);
  }
  call_free(call);
}

void serve_on_pending(struct timeq_item *item, void *data)
{
  struct serve *s = data;
  struct serve_call *c = CONTAINER_OF(item, struct serve_call, pending);
  timeq_add(&s->pending, item);
  if (!c->engine->connected)
    return;   /* it would be stale when the link is back */
  Err err = push(c->engine, FRAME_RESPONSE, FRAME_PENDING, c->channel, STR_NONE, /* urgent= */ false);
  if (err)
    log_debug("a Pending to engine %s was not sent: %s", c->engine->who, err_words(err));
}

static void refuse(struct engine *e, struct str channel, const char *words)
{
  struct diag d = {0};
  diag_set(&d, ERR_LIMIT, "%s", words);
  Err err = push_error(e, FRAME_RESPONSE, (const unsigned char *)channel.ptr, &d, /* urgent= */ false);
  log_warn("a request of engine %s was refused%s: %s", e->who, err ? " without an answer" : "", words);
}

static void on_request(struct engine *e, const struct frame *f)
{
  struct serve *s = e->serve;
  if (map_get(&s->calls, f->channel))
    return;   /* sent again because the link broke in the middle; it is being worked on */
  if (e->call_count >= SERVE_CALLS_MAX || e->outbox.count >= OUTBOX_MESSAGES_MAX || e->outbox.bytes >= OUTBOX_BYTES_MAX) {
    refuse(e, f->channel, "This agent works on too many requests, or the engine does not read its answers");
    return;
  }
  yyjson_doc *doc = yyjson_read(f->data.ptr, f->data.len, 0);
  yyjson_val *root = yyjson_doc_get_root(doc), *type = yyjson_obj_get(root, "type"), *params = yyjson_obj_get(root, "params");
  if (!yyjson_is_str(type) || !params) {
    log_warn("a request of engine %s has no type or params and is not answered", e->who);
    yyjson_doc_free(doc);
    return;
  }
  struct serve_call *c = mem_new(sizeof *c);
  c->engine = e;
  c->doc = doc;
  memcpy(c->channel, f->channel.ptr, sizeof c->channel);
  c->next = e->calls;
  if (c->next)
    c->next->prev = c;
  e->calls = c;
  e->call_count++;
  map_set(&s->calls, channel_str(c->channel), c);
  timeq_add(&s->pending, &c->pending);
  s->config.on_request(c, str_make(yyjson_get_str(type), yyjson_get_len(type)), params, s->config.data);
}

/* ---- terminals ---- */

static void list_take(struct serve_terminal *t)
{
  if (t->prev)
    t->prev->next = t->next;
  else
    t->engine->terminals = t->next;
  if (t->next)
    t->next->prev = t->prev;
}

static void list_append(struct serve_terminal *t)
{
  struct serve_terminal *last = t->engine->terminals;
  while (last && last->next)
    last = last->next;
  t->prev = last;
  t->next = NULL;
  if (last)
    last->next = t;
  else
    t->engine->terminals = t;
}

struct serve_terminal *serve_terminal_open(struct serve_call *call, const struct serve_terminal_config *config)
{
  struct engine *e = call->engine;
  if (!e)
    return NULL;
  struct serve_terminal *t = mem_new(sizeof *t);
  t->config = *config;
  t->engine = e;
  id_uuid(t->channel);
  list_append(t);
  map_set(&e->serve->terminals, channel_str(t->channel), t);
  return t;
}

void serve_terminal_channel(const struct serve_terminal *t, char ret_text[37]) { id_uuid_format(t->channel, ret_text); }

struct serve_terminal *serve_terminal_find(const struct serve *s, struct str uuid)
{
  unsigned char channel[UUID_BYTES];
  return id_uuid_parse(uuid, channel) ? map_get(&s->terminals, channel_str(channel)) : NULL;
}

/* Output takes a small part of the queue: the rest stays free for answers, and little waits in memory. */
Err serve_terminal_send(struct serve_terminal *t, struct str bytes)
{
  struct outbox *queue = &t->engine->outbox;
  if (queue->count >= SERVE_TERMINAL_MESSAGES_MAX || queue->bytes >= SERVE_TERMINAL_BYTES_MAX) {
    queue->full = t->refused = true;
    return ERR_LIMIT;
  }
  Err err = push(t->engine, FRAME_TERMINAL, FRAME_OK, t->channel, bytes, /* urgent= */ false);
  t->refused |= err == ERR_LIMIT;
  return err;
}

static void terminal_unlink(struct serve_terminal *t)
{
  list_take(t);
  map_remove(&t->engine->serve->terminals, channel_str(t->channel));
}

void serve_terminal_end(struct serve_terminal *t, const struct diag *d)
{
  struct engine *e = t->engine;
  terminal_unlink(t);
  Err err = d ? push_error(e, FRAME_TERMINAL, t->channel, d, /* urgent= */ e->connected) : OK;
  if (err)
    log_debug("engine %s was not told of the end of a terminal: %s", e->who, err_words(err));
  mem_free(t);
  engine_tidy(e);
}

static void terminal_ended(struct serve_terminal *t, const struct diag *d)
{
  terminal_unlink(t);
  t->config.on_end(t, d, t->config.data);
  mem_free(t);
}

static void on_terminal(struct engine *e, const struct frame *f)
{
  struct serve_terminal *t = map_get(&e->serve->terminals, f->channel);
  if (!t || t->engine != e)
    return;
  if (f->status != FRAME_OK) {
    struct diag d;
    frame_error_decode(f->data, &d);
    terminal_ended(t, &d);
    return;
  }
  int variant = f->data.len ? (unsigned char)f->data.ptr[f->data.len - 1] : -1;
  if (variant == FRAME_BEGIN || variant == FRAME_FORWARD || variant == FRAME_RESIZE)
    t->config.on_input(t, variant, str_sub(f->data, 0, f->data.len - 1), t->config.data);
  else
    log_warn("a terminal message of engine %s is of no known kind and was ignored", e->who);
}

void engine_on_room(void *data)
{
  struct engine *e = data;
  /* A callee may end its terminal or fill the queue again: start over after each, each is told once. Whoever was told goes
   * to the end, so that a flood on one does not keep the others waiting. */
  for (struct serve_terminal *t = e->terminals; t && !e->outbox.full;) {
    if (t->refused) {
      t->refused = false;
      list_take(t);
      list_append(t);
      if (t->config.on_room)
        t->config.on_room(t, t->config.data);
      t = e->terminals;
    } else {
      t = t->next;
    }
  }
}

/* ---- both ---- */

void engine_on_frame(struct engine *e, const struct frame *f)
{
  if (f->kind == FRAME_REQUEST)
    on_request(e, f);
  else if (f->kind == FRAME_TERMINAL)
    on_terminal(e, f);
}

void engine_drop_work(struct engine *e)
{
  struct diag d = {0};
  diag_set(&d, ERR_CLOSED, "The agent is stopping");
  while (e->calls)
    call_unlink(e->calls);
  while (e->terminals)
    terminal_ended(e->terminals, &d);
}
