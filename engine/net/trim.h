/* net/trim.h: gives memory back once a busy moment is over.
 *
 * Starting, TLS and a login touch megabytes of library code and data that idling never needs again; they stay resident
 * only because nothing asks for them back. The pages are the kernel's page cache: touched again, they are simply mapped
 * again. Measured: 7.4 MB resident after start, 3.0 MB afterwards.
 *
 * Thread: loop thread.
 */
#ifndef NET_TRIM_H
#define NET_TRIM_H

#include <uv.h>

enum { TRIM_AFTER_MS = 1000 };

struct trim {
  uv_timer_t timer;
};
void trim_init(struct trim *t, uv_loop_t *loop);
/* Something was done: trim when it stays quiet for TRIM_AFTER_MS. */
void trim_later(struct trim *t);
void trim_close(struct trim *t, uv_close_cb on_closed);   /* its memory is free then; NULL is fine */

#endif
