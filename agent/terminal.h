/* agent/terminal.h: terminals: programs on PTYs that live on while engines come and go (spec agent.md 16).
 *
 *   starting (a libuv worker spawns) -> settling (100 ms: it must not exit at once) -> running -> over -> freed
 *
 * A terminal that is over or deleted is found no more; it stays until its viewers have had all output and its program was
 * waited for. Viewers read the history at a pace of their own. One that falls back stops the reading of the PTY, and with
 * it the program, as a slow line would; one that makes no progress is ended.
 *
 * Thread   loop thread. Nothing of commands or output is ever logged: secrets pass here.
 */
#ifndef AGENT_TERMINAL_H
#define AGENT_TERMINAL_H

#include <uv.h>

#include "agent/js.h"
#include "agent/pty.h"
#include "agent/ring.h"

struct serve_call;
struct serve_terminal;
struct view;

enum {
  TERMINALS_MAX = 128,
  TERMINAL_VIEWS_MAX = 64,             /* of one terminal */
  TERMINAL_INPUT_MAX = 1 << 20,        /* typed and not read by the program yet */
  TERMINAL_TEXT_MAX = 64 << 10,        /* of a command, its name, its target */
  TERMINAL_SETTLE_MS = 100,
  TERMINAL_LAG_MAX = RING_MAX / 4,     /* a viewer this far behind stops the reading */
  TERMINAL_STALL_MS = 10000            /* and is ended when it gets no further for so long */
};

enum target_kind { TARGET_SERVER, TARGET_CONTAINER, TARGET_STACK, TARGET_DEPLOYMENT };
/* What an engine says a terminal belongs to; views into its JSON or owned by the terminal. */
struct target {
  enum target_kind kind;
  struct str id;        /* of the server, stack or deployment; ptr NULL: none (server) */
  struct str name;      /* of the container or service; ptr NULL: none */
};
/* False: no target of spec agent.md 16. */
bool target_read(yyjson_val *json, struct target *ret);
void target_write(const struct target *target, struct buf *out);

struct terminals {
  uv_loop_t *loop;
  uv_signal_t child;            /* SIGCHLD, while there is a terminal */
  struct terminal *first;
  size_t count;
  bool stopping;
  void (*on_quiet)(void *data); /* memory was given back; may be NULL */
  void *data;
};

struct terminal {
  struct terminals *home;
  struct terminal *prev, *next;
  char *name, *command;
  char *target_id, *target_name;
  struct target target;         /* views of the two */
  int64_t created_unix_ms;
  struct pty pty;               /* pid 0: none (any more); fd -1: closed */
  struct pty spawned;           /* the pool's while `spawning`, then copied */
  bool spawning, paused, removed;
  bool hung;                    /* nobody holds the program's end of the PTY any more */
  unsigned busy;                /* views are being told: it must not be freed */
  struct ring history;
  struct buf input;
  struct view *views;
  size_t view_count;
  struct serve_call *create;    /* answered once it has settled; NULL: answered */
  char **argv;
  int spawn_err;
  uv_work_t work;
  uv_poll_t poll;
  uv_timer_t timer;             /* first until it has settled, then of stalled viewers */
  unsigned handles;             /* not closed yet */
};

void terminals_init(struct terminals *ts, uv_loop_t *loop);
/* Kills all, and closes: no terminal is left once the loop has come to its end. */
void terminals_stop(struct terminals *ts);

/* NULL: none of that target and name. */
struct terminal *terminals_find(struct terminals *ts, const struct target *target, struct str name);
/* Whether a terminal of `own` is meant by `asked`. `exact`: the service counts as well, when one is asked for. */
bool target_matches(const struct target *own, const struct target *asked, bool exact);
/* Starts one whose name is free: `argv` is NULL-ended words. `call` is answered with its JSON when it has settled, with an
 * error when it has not. Everything is copied. */
void terminal_start(struct terminals *ts, struct str name, struct str command, const struct target *target,
                    const char *const *argv, struct serve_call *call);
/* Ends it: the program is killed, viewers are told `pty exited`. */
void terminal_remove(struct terminal *t);
void terminal_write_json(const struct terminal *t, struct buf *out);
/* What a viewer types. ERR_LIMIT: the program does not read. */
NODISCARD Err terminal_type(struct terminal *t, struct str bytes);
void terminal_resize(struct terminal *t, struct str json);
/* A viewer has moved on or gone: reads on, or frees what is over. */
void terminal_moved(struct terminal *t);

/* ---- viewers (view.c) ---- */

/* Answers `call` with a channel that shows the terminal from the start of its history on. */
void view_connect(struct terminal *t, struct serve_call *call);
/* Types the command between marks and answers `call` with a channel of what it prints (spec 16 "Execute"). */
void view_execute(struct terminal *t, struct str command, struct serve_call *call);
/* Sends what is due; may end viewers. */
void views_pump(struct terminal *t);
/* How far the slowest viewer that reads is behind, in bytes. */
uint64_t views_lag(const struct terminal *t);
/* Ends those that are behind and did not move since the last call. */
void views_end_stalled(struct terminal *t);
void views_end_all(struct terminal *t);
/* Ends the viewer of this channel without a word; false: not of this terminal. */
bool view_disconnect(struct terminal *t, const struct serve_terminal *channel);

#endif
