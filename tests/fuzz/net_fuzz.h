/* What the fuzz targets of net/ share: one connection over a socketpair, fed in pieces, read until it ends. */
#ifndef NET_FUZZ_H
#define NET_FUZZ_H

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/http_internal.h"

enum { FUZZ_INPUT_MAX = 32 * 1024 };

#define FUZZ_ASSERT(condition) \
  do                           \
    if (!(condition))          \
      abort();                 \
  while (0)

struct fuzz {
  uv_loop_t uv;
  struct op_loop op;
  int fd;               /* the peer's end; -1 once the other end has closed */
  struct buf out;       /* what the peer got */
  bool stopped;
};

static inline void fuzz_open(struct fuzz *f, struct stream **ret_stream)
{
  int pair[2];
  *f = (struct fuzz){.out = BUF_INIT(64 << 20)};
  FUZZ_ASSERT(uv_loop_init(&f->uv) == 0);
  op_loop_init(&f->op, &f->uv);
  FUZZ_ASSERT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  fcntl(pair[0], F_SETFL, O_NONBLOCK);
  f->fd = pair[0];
  FUZZ_ASSERT(stream_open(&f->op, pair[1], ret_stream) == OK);
}

static inline void fuzz_turn(struct fuzz *f)
{
  char bytes[65536];
  ssize_t n;
  uv_run(&f->uv, UV_RUN_NOWAIT);
  while (f->fd >= 0 && (n = read(f->fd, bytes, sizeof bytes)) != -1) {
    buf_add(&f->out, bytes, (size_t)n);
    if (n == 0) {
      close(f->fd);
      f->fd = -1;
    }
  }
}

/* In pieces whose sizes follow from `seed`; 0: all at once. Ends with the end of the stream and waits for the answer's. */
static inline void fuzz_feed(struct fuzz *f, const uint8_t *data, size_t len, uint32_t seed)
{
  while (len && f->fd >= 0) {
    seed = seed ? seed * 1664525u + 1013904223u : 0;
    size_t piece = seed ? 1 + (seed >> 24) % 40 : len;
    piece = piece < len ? piece : len;
    ssize_t n = send(f->fd, data, piece, MSG_NOSIGNAL);
    if (n > 0) {
      data += n;
      len -= (size_t)n;
    } else if (errno != EAGAIN) {
      break;
    }
    fuzz_turn(f);
  }
  if (f->fd >= 0)
    shutdown(f->fd, SHUT_WR);
  while (f->fd >= 0)
    fuzz_turn(f);
}

static inline void fuzz_close(struct fuzz *f)
{
  uv_run(&f->uv, UV_RUN_DEFAULT);
  op_loop_close(&f->op);
  uv_run(&f->uv, UV_RUN_DEFAULT);
  FUZZ_ASSERT(uv_loop_close(&f->uv) == 0);
}

#endif
