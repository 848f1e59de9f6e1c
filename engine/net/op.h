/* net/op.h: one waiting operation: it starts, it completes exactly once, it can be cancelled.
 *
 * Every asynchronous primitive of the engine (timer, store commit, agent call, HTTP request, password hash) embeds a
 * `struct op` as its first member and returns it with two references: the caller's and the operation's own. Who waits
 * is told from the loop's ready list, never from inside the call that completed it, so start, cancel and completion
 * never nest (the shape of an async Lua binding that rests on this is in ARCHITECTURE.md, "The bridge").
 *
 * Thread   the thread of `loop`. Another thread hands its result over with a mailbox (net/mailbox.h) first.
 * Memory   reference counted; `free` runs when the last reference goes.
 */
#ifndef NET_OP_H
#define NET_OP_H

#include <stdbool.h>
#include <uv.h>

#include "base/err.h"

struct op;
typedef void op_fn(struct op *op);
typedef void op_done_fn(struct op *op, void *data);

/* The ready list of one uv loop. One per loop thread: uv_loop_t.data points at it. */
struct op_loop {
  uv_loop_t *loop;
  uv_idle_t idle;       /* keeps the loop turning while the list is not empty */
  uv_check_t check;     /* drains it */
  struct op *first, *last;
  /* Buffers that all streams of the loop share (net/stream.c), made on first use. */
  struct stream_scratch *scratch;
  void (*scratch_free)(struct stream_scratch *scratch);
};

struct op {
  struct op_loop *home;
  op_fn *cancel;        /* asks the operation to end early; it then completes with ERR_CANCELLED. May be NULL */
  op_fn *free;          /* releases the whole object */
  op_done_fn *on_done;  /* the one waiter */
  void *data;
  struct op *next;
  struct diag *diag;    /* the error in words, heap, owned; NULL when there are none */
  Err err;
  unsigned refs;
  bool done, told, queued;
};

/* Sets loop->data. Also ignores SIGPIPE for the whole process: libuv writes with write(2), and a peer that left must be
 * an error of that write, not our end. */
void op_loop_init(struct op_loop *l, uv_loop_t *loop);
/* Closes its handles; run the loop once more afterwards. Streams are closed by then. */
void op_loop_close(struct op_loop *l);

/* Two references: caller and operation. */
void op_init(struct op *op, struct op_loop *home, op_fn *cancel, op_fn *free);
struct op *op_ref(struct op *op);
void op_unref(struct op *op);                              /* NULL is fine */

/* The operation is over: marks it done and queues the waiter. Does not drop a reference. `d` may be NULL; copied. */
void op_complete(struct op *op, Err err, const struct diag *d);

/* Names the waiter, who is called once from the ready list, also when the op is already done. */
void op_wait(struct op *op, op_done_fn *on_done, void *data);
/* Forgets the waiter; it will not be called any more. */
void op_forget(struct op *op);
/* Asks it to end; nothing happens when it is done. The waiter is still called. */
void op_cancel(struct op *op);

/* Ends the caller's part in it: nobody is called, its reference goes. NULL is fine. */
void op_drop(struct op *op);

/* A timer as an op. Completes with OK after `ms`. */
void op_sleep(struct op_loop *home, uint64_t ms, struct op **ret_op);

#endif
