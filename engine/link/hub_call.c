/* link/hub_call.c: requests to agents and terminal channels; see hub.h.
 *
 *   call:  waiting (for a connection, 1.5 s) -> sent (10 s of silence at most) -> done
 */
#include <string.h>

#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "link/hub_internal.h"

enum { REQUEST_SPACE = 256 };   /* {"type":…,"params":…} around the name and the parameters */

struct call {
  struct hub_call pub;           /* first: an op pointer is a call pointer */
  struct hub *hub;
  struct peer *peer;             /* NULL once it is done */
  struct call *prev, *next;      /* in peer->calls or peer->waiting */
  struct timeq_item due;
  bool sent;
  unsigned char channel[UUID_BYTES];
  struct buf request;            /* until it is sent */
};

struct hub_terminal {
  struct hub_terminal_config config;
  struct peer *peer;
  struct hub_terminal *prev, *next;
  struct timeq_item due;         /* while its server is away */
  unsigned char channel[UUID_BYTES];
};

static struct str channel_str(const unsigned char channel[UUID_BYTES]) { return str_make((const char *)channel, UUID_BYTES); }

/* ---- requests ---- */

static void call_free(struct op *op)
{
  struct call *c = (struct call *)op;
  buf_release(&c->pub.json);
  buf_release(&c->request);
  mem_free(c);
}

static void call_link(struct call *c, struct peer *p, bool sent)
{
  struct call **list = sent ? &p->calls : &p->waiting;
  c->peer = p;
  c->sent = sent;
  c->prev = NULL;
  c->next = *list;
  if (c->next)
    c->next->prev = c;
  *list = c;
}

static void call_unlink(struct call *c)
{
  struct peer *p = c->peer;
  if (!p)
    return;
  if (c->prev)
    c->prev->next = c->next;
  else if (c->sent)
    p->calls = c->next;
  else
    p->waiting = c->next;
  if (c->next)
    c->next->prev = c->prev;
  if (c->sent)
    map_remove(&c->hub->calls, channel_str(c->channel));
  timeq_remove(c->sent ? &c->hub->silence : &c->hub->wait, &c->due);
  c->peer = NULL;
}

static void call_end(struct call *c, Err err, const struct diag *d)
{
  call_unlink(c);
  buf_release(&c->request);
  op_complete(&c->pub.op, err, d);
  op_unref(&c->pub.op);   /* the hub's reference */
}

static void call_fail(struct call *c, Err err, const char *words)
{
  struct diag d = {0};
  diag_set(&d, err, "%s", words);
  call_end(c, err, &d);
}

static void call_cancel(struct op *op) { call_fail((struct call *)op, ERR_CANCELLED, err_words(ERR_CANCELLED)); }

static void call_send(struct call *c, struct peer *p)
{
  unsigned char tail[FRAME_TAIL_MAX];
  id_uuid(c->channel);
  size_t n = frame_tail(FRAME_REQUEST, FRAME_OK, channel_str(c->channel), tail);
  const struct str parts[] = {buf_str(&c->request), str_make((const char *)tail, n)};
  call_link(c, p, /* sent= */ true);   /* the socket is written inside: an answer cannot come before the loop turns */
  map_set(&c->hub->calls, channel_str(c->channel), c);
  Err err = outbox_push(&p->outbox, parts, ARRAY_LEN(parts), /* urgent= */ false);
  buf_release(&c->request);
  if (!err) {
    timeq_add(&c->hub->silence, &c->due);
    return;
  }
  call_fail(c, err, err == ERR_LIMIT ? "Too many messages wait for this Server's agent" : err_words(err));
}

void hub_request(struct hub *hub, struct str id, struct str type, struct str params, struct hub_call **ret_call)
{
  struct call *c = mem_new(sizeof *c);
  op_init(&c->pub.op, hub->loop, call_cancel, call_free);
  c->hub = hub;
  buf_init(&c->pub.json, HUB_ANSWER_MAX);
  buf_init(&c->request, FRAME_MAX - FRAME_TAIL_MAX);
  *ret_call = &c->pub;

  struct peer *p = hub->closing ? NULL : peer_find(hub, id);
  struct diag d = {0};
  if (!p) {
    diag_set(&d, ERR_CLOSED, "No connection found for server %.*s", STR_ARG(id));
    call_end(c, ERR_CLOSED, &d);
    return;
  }
  if (!p->enabled) {
    call_fail(c, ERR_CLOSED, "server not enabled");
    return;
  }
  if (!buf_reserve(&c->request, type.len + params.len + REQUEST_SPACE)) {
    buf_add_text(&c->request, "{\"type\":");
    buf_add_json(&c->request, type);
    buf_add_text(&c->request, ",\"params\":");
    buf_add_str(&c->request, params.len ? params : STR("{}"));
    buf_add_char(&c->request, '}');
  }
  if (buf_err(&c->request)) {
    Err err = buf_err(&c->request);
    call_fail(c, err, err == ERR_TOOBIG ? "The request is larger than an agent accepts (16 MiB)" : err_words(err));
    return;
  }
  peer_refresh(p);
  if (p->connected) {
    call_send(c, p);
  } else if (!p->address[0] && !p->had_link) {
    diag_set(&d, ERR_CLOSED, "Server %.*s is not connected", STR_ARG(id));
    call_end(c, ERR_CLOSED, &d);
  } else {
    call_link(c, p, /* sent= */ false);
    timeq_add(&hub->wait, &c->due);
  }
}

static void on_wait_over(struct timeq_item *item, void *data)
{
  struct call *c = CONTAINER_OF(item, struct call, due);
  struct diag d = {0};
  Err err = hub_error(data, str_of(c->peer->id), &d);
  call_end(c, err ? err : ERR_CLOSED, &d);
}

static void on_silence(struct timeq_item *item, void *data)
{
  struct call *c = CONTAINER_OF(item, struct call, due);
  struct diag d = {0}, why = {0};
  diag_set(&d, ERR_TIMEOUT, "Timed out waiting for message.");
  diag_cause(&d, "deadline has elapsed");
  if (hub_error(data, str_of(c->peer->id), &why))
    diag_cause(&d, "the connection to the Server was lost: %s", why.message);
  call_end(c, ERR_TIMEOUT, &d);
}

void calls_send_waiting(struct peer *p)
{
  struct call *c = p->waiting, *first = NULL;
  for (; c; c = c->next)   /* the list has the newest first: the oldest goes out first */
    first = c;
  while ((c = first) && p->connected) {
    first = c->prev;
    call_unlink(c);
    call_send(c, p);
  }
}

static void on_response(struct peer *p, const struct frame *f)
{
  struct call *c = map_get(&p->hub->calls, f->channel);
  if (!c || c->peer != p) {
    log_debug("server %s answered on a channel nobody waits for", p->id);
    return;
  }
  struct diag d = {0};
  switch (f->status) {
  case FRAME_PENDING: timeq_add(&p->hub->silence, &c->due); return;
  case FRAME_ERROR:
    frame_error_decode(f->data, &d);
    call_end(c, ERR_REMOTE, &d);
    return;
  case FRAME_OK:
    buf_add_str(&c->pub.json, f->data);
    if (buf_err(&c->pub.json))
      call_fail(c, buf_err(&c->pub.json), "The answer of the agent is too large");
    else
      call_end(c, OK, /* d= */ NULL);
    return;
  }
}

/* ---- terminals ---- */

static void terminal_unlink(struct hub_terminal *t)
{
  struct peer *p = t->peer;
  if (t->prev)
    t->prev->next = t->next;
  else
    p->terminals = t->next;
  if (t->next)
    t->next->prev = t->prev;
  timeq_remove(&p->hub->away, &t->due);
  map_remove(&p->hub->terminals, channel_str(t->channel));
}

static void terminal_end(struct hub_terminal *t, const struct diag *d)
{
  terminal_unlink(t);
  t->config.on_end(t, d, t->config.data);
  mem_free(t);
}

static Err terminal_push(struct hub_terminal *t, enum frame_status status, struct str bytes)
{
  unsigned char tail[FRAME_TAIL_MAX];
  size_t n = frame_tail(FRAME_TERMINAL, status, channel_str(t->channel), tail);
  const struct str parts[] = {bytes, str_make((const char *)tail, n)};
  return outbox_push(&t->peer->outbox, parts, ARRAY_LEN(parts), /* urgent= */ false);
}

Err hub_terminal_open(struct hub *hub, struct str id, struct str uuid, const struct hub_terminal_config *config,
                      struct hub_terminal **ret, struct diag *reterr)
{
  static const char begin = FRAME_BEGIN;
  struct peer *p = peer_find(hub, id);
  unsigned char channel[UUID_BYTES];
  if (!p || !p->connected)
    return diag_set(reterr, ERR_CLOSED, "Server %.*s is not connected", STR_ARG(id));
  if (!id_uuid_parse(uuid, channel))
    return diag_set(reterr, ERR_REMOTE, "The agent answered with a terminal channel that is no UUID");
  if (map_get(&hub->terminals, channel_str(channel)))
    return diag_set(reterr, ERR_REMOTE, "The agent answered with a terminal channel that is in use");
  struct hub_terminal *t = mem_new(sizeof *t);
  t->config = *config;
  t->peer = p;
  memcpy(t->channel, channel, sizeof channel);
  t->next = p->terminals;
  if (t->next)
    t->next->prev = t;
  p->terminals = t;
  map_set(&hub->terminals, channel_str(channel), t);
  Err err = terminal_push(t, FRAME_OK, str_make(&begin, 1));
  if (err) {
    terminal_unlink(t);
    mem_free(t);
    return diag_set(reterr, err, "The terminal could not be started: too many messages wait for this Server's agent");
  }
  *ret = t;
  return OK;
}

Err hub_terminal_send(struct hub_terminal *t, struct str bytes)
{
  return bytes.len ? terminal_push(t, FRAME_OK, bytes) : OK;
}

void hub_terminal_close(struct hub_terminal *t, const char *words)
{
  if (words) {
    CLEANUP(buf_release) struct buf text = BUF_INIT(DIAG_MESSAGE_MAX * 8);
    struct diag d = {0};
    diag_set(&d, ERR_CLOSED, "%s", words);
    frame_error_encode(&text, &d);
    Err err = buf_err(&text) ? buf_err(&text) : terminal_push(t, FRAME_ERROR, buf_str(&text));
    if (err)
      log_debug("server %s was not told of a closed terminal: %s", t->peer->id, err_words(err));
  }
  terminal_unlink(t);
  mem_free(t);
}

static void on_terminal(struct peer *p, const struct frame *f)
{
  struct hub_terminal *t = map_get(&p->hub->terminals, f->channel);
  if (!t || t->peer != p)
    return;
  if (f->status == FRAME_OK) {
    t->config.on_data(t, f->data, t->config.data);
    return;
  }
  struct diag d;
  frame_error_decode(f->data, &d);
  terminal_end(t, &d);
}

static void on_away(struct timeq_item *item, void *data)
{
  struct hub_terminal *t = CONTAINER_OF(item, struct hub_terminal, due);
  struct diag d = {0};
  (void)data;
  diag_set(&d, ERR_CLOSED, "The connection to the Server was lost");
  terminal_end(t, &d);
}

void terminals_watch(struct peer *p, bool away)
{
  for (struct hub_terminal *t = p->terminals; t; t = t->next)
    if (away)
      timeq_add(&p->hub->away, &t->due);
    else
      timeq_remove(&p->hub->away, &t->due);
}

/* ---- both ---- */

void peer_on_frame(struct peer *p, const struct frame *f)
{
  if (f->kind == FRAME_RESPONSE)
    on_response(p, f);
  else if (f->kind == FRAME_TERMINAL)
    on_terminal(p, f);
}

void calls_fail_all(struct peer *p, const char *words)
{
  while (p->calls)
    call_fail(p->calls, ERR_CLOSED, words);
  while (p->waiting)
    call_fail(p->waiting, ERR_CLOSED, words);
  struct diag d = {0};
  diag_set(&d, ERR_CLOSED, "%s", words);
  while (p->terminals)
    terminal_end(p->terminals, &d);
}

void calls_init(struct hub *hub)
{
  timeq_init(&hub->silence, hub->loop->loop, hub->times.silence_ms, on_silence, hub);
  timeq_init(&hub->wait, hub->loop->loop, hub->times.wait_ms, on_wait_over, hub);
  timeq_init(&hub->away, hub->loop->loop, hub->times.away_ms, on_away, hub);
  hub->handles += 3;
}
