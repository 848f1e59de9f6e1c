/* base/exec.h: running one program to its end, from a worker thread.
 *
 * The child gets an argv (never a shell string of ours), its own process group, /dev/null or the given bytes as stdin.
 * Both outputs are read while it runs. Timeout and cancellation kill the whole group. Its limits are set as soon as it
 * is there: what a program does in its first moments is not bound by them, what it starts later is.
 *
 * Thread   any but the loop's: exec_run blocks until the end. Memory: the result is the caller's (exec_release).
 * Time     milliseconds.
 */
#ifndef BASE_EXEC_H
#define BASE_EXEC_H

#include "base/buf.h"

/* Bytes kept of each output, so that both fit into one message of the agent; what comes after is read and dropped, and a
 * line at the end says so. */
enum { EXEC_OUTPUT_MAX = 6 << 20 };
/* A child that left descendants holding its outputs: how long they are still listened to after its end. */
enum { EXEC_LINGER_MS = 2000 };

/* Ends running commands from another thread. One token may serve several commands. */
struct exec_cancel {
  int fd;   /* eventfd, readable once cancelled; -1: not open */
};
NODISCARD Err exec_cancel_init(struct exec_cancel *c);
void exec_cancel_release(struct exec_cancel *c);
void exec_cancel_fire(struct exec_cancel *c);        /* any thread, any number of times */
bool exec_cancel_fired(const struct exec_cancel *c);

enum exec_stream { EXEC_STDOUT, EXEC_STDERR };

struct exec_spec {
  const char *const *argv;               /* NULL-ended; argv[0] is looked up in PATH */
  const char *const *env;                /* NULL-ended "NAME=value"; NULL: that of this process */
  const char *cwd;                       /* NULL: that of this process */
  struct str input;                      /* stdin; ptr NULL: /dev/null */
  uint64_t timeout_ms;                   /* 0: none */
  uint64_t file_bytes, memory_bytes;     /* how large a file it may write, how much data it may hold; 0: no limit */
  const struct exec_cancel *cancel;      /* NULL: none */
  /* Live output, as it comes, on the calling thread. NULL: none. Collected as well. */
  void (*on_output)(enum exec_stream stream, struct str piece, void *data);
  void *data;
};

enum exec_end {
  EXEC_EXITED,      /* code is its exit code, or 128 + signal */
  EXEC_NOT_RUN,     /* code is an errno: no such program, no such folder */
  EXEC_TIMED_OUT,
  EXEC_CANCELLED
};

struct exec_result {
  enum exec_end end;
  int code;
  struct buf output[2];   /* by enum exec_stream */
};

void exec_run(const struct exec_spec *spec, struct exec_result *ret);
void exec_release(struct exec_result *r);

#endif
