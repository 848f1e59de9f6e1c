/* net/mailbox.h: messages from any thread to the thread of one loop, in the order of posting.
 *
 * Thread   mailbox_post from any thread; the rest on the loop's thread. Memory: a message belongs to the mailbox from
 * mailbox_post until `on_message` gets it; only then may it be posted again. It begins zeroed.
 */
#ifndef NET_MAILBOX_H
#define NET_MAILBOX_H

#include <stdbool.h>
#include <uv.h>

#include "base/attr.h"

struct mail {
  struct mail *next;   /* the mailbox's; embed a `struct mail` first in the message */
};

struct mailbox {
  uv_async_t async;
  uv_mutex_t lock;
  struct mail *first, *last;
  bool is_closed;
  void (*on_message)(struct mail *mail, void *data);
  void *data;
};

void mailbox_init(struct mailbox *m, uv_loop_t *loop, void (*on_message)(struct mail *mail, void *data), void *data);
void mailbox_post(struct mailbox *m, struct mail *mail);
/* No posts may come any more. What is still inside is delivered before the handle closes; then `on_closed` (may be NULL). */
void mailbox_close(struct mailbox *m, uv_close_cb on_closed);

#endif
