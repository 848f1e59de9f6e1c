/* net/mailbox.c: see mailbox.h. */
#include "net/mailbox.h"

#include <stdlib.h>

enum { TURN_NS = 2000000 };

static struct mail *take(struct mailbox *m)
{
  uv_mutex_lock(&m->lock);
  struct mail *mail = m->first;
  m->first = mail ? mail->next : NULL;
  if (!m->first)
    m->last = NULL;
  uv_mutex_unlock(&m->lock);
  return mail;
}

/* Whoever posts faster than this thread reads must not keep it from everything else. */
static void on_async(uv_async_t *async)
{
  struct mailbox *m = async->data;
  uint64_t end = uv_hrtime() + TURN_NS;
  for (struct mail *mail; (mail = take(m));) {
    mail->next = NULL;
    m->on_message(mail, m->data);
    if (m->is_closed)   /* by what it was told */
      return;
    if (uv_hrtime() > end) {
      uv_async_send(&m->async);
      return;
    }
  }
}

void mailbox_init(struct mailbox *m, uv_loop_t *loop, void (*on_message)(struct mail *mail, void *data), void *data)
{
  *m = (struct mailbox){.on_message = on_message, .data = data};
  uv_mutex_init(&m->lock);
  uv_async_init(loop, &m->async, on_async);
  m->async.data = m;
}

void mailbox_post(struct mailbox *m, struct mail *mail)
{
  uv_mutex_lock(&m->lock);
#ifdef KOMODO_DEBUG
  if (mail->next || m->last == mail)
    abort();   /* posted twice: others would be lost */
#endif
  if (m->last)
    m->last->next = mail;
  else
    m->first = mail;
  m->last = mail;
  uv_mutex_unlock(&m->lock);
  uv_async_send(&m->async);
}

void mailbox_close(struct mailbox *m, uv_close_cb on_closed)
{
  for (struct mail *mail; (mail = take(m));) {
    mail->next = NULL;
    m->on_message(mail, m->data);
  }
  m->is_closed = true;
  uv_mutex_destroy(&m->lock);
  uv_close((uv_handle_t *)&m->async, on_closed);
}
