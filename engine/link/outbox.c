/* link/outbox.c: see outbox.h. */
#include "link/outbox.h"

#include <string.h>

#include "base/mem.h"
#include "link/frame.h"

struct outbox_message {
  struct outbox_message *next;
  size_t len;
  char bytes[];
};

static void pop(struct outbox *o)
{
  struct outbox_message *m = o->first;
  o->first = m->next;
  if (!o->first)
    o->last = NULL;
  o->count--;
  o->bytes -= m->len;
  o->sending = false;
  mem_free(m);
}

static void tell_room(struct outbox *o)
{
  if (!o->full || o->count >= OUTBOX_MESSAGES_MAX / 2 || o->bytes >= OUTBOX_BYTES_MAX / 2)
    return;
  o->full = false;
  if (o->on_room)
    o->on_room(o->data);
}

static void pump(struct outbox *o)
{
  while (o->ws && !o->sending && o->first) {
    if (ws_send(o->ws, WS_BINARY, str_make(o->first->bytes, o->first->len)))
      break;   /* a control frame is on its way, then outbox_drained() follows; or the socket is ending */
    if (ws_queued(o->ws))
      o->sending = true;
    else
      pop(o);
  }
}

void outbox_drained(struct outbox *o)
{
  if (o->sending)
    pop(o);
  pump(o);
  tell_room(o);
}

Err outbox_push(struct outbox *o, const struct str *parts, size_t count, bool urgent)
{
  size_t len = 0;
  for (size_t i = 0; i < count; i++) {
    if (parts[i].len > FRAME_MAX - len)
      return ERR_TOOBIG;
    len += parts[i].len;
  }
  if (!urgent && (o->count >= OUTBOX_MESSAGES_MAX || o->bytes >= OUTBOX_BYTES_MAX)) {
    o->full = true;
    return ERR_LIMIT;
  }
  struct outbox_message *m = mem_try(sizeof *m + len);
  if (!m)
    return ERR_NOMEM;
  for (size_t i = 0; i < count; i++) {
    memcpy(m->bytes + m->len, parts[i].len ? parts[i].ptr : "", parts[i].len);
    m->len += parts[i].len;
  }
  if (o->last)
    o->last->next = m;
  else
    o->first = m;
  o->last = m;
  o->count++;
  o->bytes += m->len;
  pump(o);
  return OK;
}

void outbox_attach(struct outbox *o, struct ws *ws)
{
  o->ws = ws;
  o->sending = false;
  pump(o);
  tell_room(o);
}

void outbox_detach(struct outbox *o)
{
  o->ws = NULL;
  o->sending = false;   /* what was not written whole comes again */
}

void outbox_release(struct outbox *o)
{
  while (o->first)
    pop(o);
  o->full = false;
}
