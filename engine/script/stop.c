/* script/stop.c: how a script is paused and stopped whatever it does.
 *
 * A timer of its own signals the worker's thread every few milliseconds while it runs a script. The handler looks at the
 * clock and at run->kill, and acts in two steps:
 *
 *   1  it arms a count hook, which fires at the next Lua instruction, in an ordinary context: there a slice ends by a yield,
 *      a cancelled script gets an error to unwind with, and a script that is out of time leaves its traceback and is left
 *      by siglongjmp. A hook that is not armed costs nothing.
 *   2  when the hook has not fired after HARD_MS (a pattern that backtracks, table.concat over a huge __len), the handler
 *      itself leaves by siglongjmp.
 *
 * Leaving is sound because a script owns nothing outside its heap, which is dropped whole: no mutex, no C memory. Wherever
 * engine code works for a script it raises the guard; the handler then only notes that it was there. Library calls that
 * may lock or allocate (time zones) run under the guard too (sandbox.c).
 */
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "script/libs.h"
#include "script/run_internal.h"

/* TRACE_DEPTH: finding a frame takes as many steps as it is deep, and the loop thread does it too. */
enum { NS_PER_MS = 1000000, TRACE_FRAMES = 24, TRACE_DEPTH = 250 };

#ifdef __SANITIZE_THREAD__
/* ThreadSanitizer delivers signals inside its own interceptors, which may not be left by a jump. */
enum { HANDLER_MAY_LEAVE = 0 };
#else
enum { HANDLER_MAY_LEAVE = 1 };
#endif

static _Thread_local struct worker *self;

struct worker *worker_self(void) { return self; }

static int stop_signal(void) { return SIGRTMIN + 7; }

/* ---- tracebacks ---- */
/* Of the script or of an Action it requires; what the engine compiled is called "=komodo…", or nothing when it is stripped. */
static bool is_users(const lua_Debug *ar, const char *chunk_name)
{
  if (strcmp(ar->source, chunk_name) == 0)
    return true;
  return ar->source[0] == '=' && !strchr("[(?", ar->source[1]) && strcmp(ar->source, "=komodo") != 0 &&
         strncmp(ar->source, "=komodo.", 8) != 0;
}

int trace_format(lua_State *L, const char *chunk_name, char *dst, size_t size)
{
  lua_Debug ar;
  int first_line = 0, shown = 0;
  size_t at = 0;
  dst[0] = 0;
  for (int level = 0; level < TRACE_DEPTH && shown < TRACE_FRAMES && lua_getstack(L, level, &ar); level++) {
    if (!lua_getinfo(L, "Sln", &ar) || !is_users(&ar, chunk_name))
      continue;
    if (!first_line && strcmp(ar.source, chunk_name) == 0)
      first_line = ar.currentline;
    const char *what = strcmp(ar.what, "main") == 0 ? "in the main chunk" : "in function ";
    const char *name = strcmp(ar.what, "main") == 0 ? "" : ar.name ? ar.name : "?";
    int n = snprintf(dst + at, size - at, "%s:%d: %s%.60s\n", ar.short_src, ar.currentline, what, name);
    if (n < 0 || (size_t)n >= size - at) {
      dst[at] = 0;
      break;
    }
    at += (size_t)n;
    shown++;
  }
  return first_line;
}

/* ---- in the hook: between two instructions of the script ---- */
static void leave(struct worker *w)
{
  w->run = NULL;   /* no further signal matters */
  siglongjmp(w->leave, 1);
}

static void on_hook(lua_State *L, lua_Debug *ar)
{
  (void)ar;
  struct worker *w = self;
  struct run *run = w->run;
  lua_sethook(L, NULL, 0, 0);
  int kill = atomic_load(&run->kill);
  if (kill == KILL_CANCEL && !atomic_load(&run->is_hard)) {
    if (run->cancel_raised)
      return;
    run->cancel_raised = true;
    lua_push_err(L, ERR_CANCELLED, NULL, "script");
    lua_error(L);
  }
  if (kill) {
    w->trace_line = trace_format(L, run->chunk_name, w->trace, sizeof w->trace);
    leave(w);
  }
  if (lua_isyieldable(L) && run->blocked == 0) {
    run->yielded = YIELD_SLICE;
    lua_yield(L, 0);
  }
}

/* ---- in the signal handler ---- */
/* Setting it walks the whole stack; once it is set it stays until it fires. */
static void arm_hook(struct worker *w)
{
  if (!lua_gethookmask(w->current))
    lua_sethook(w->current, on_hook, LUA_MASKCOUNT, 1);
}

void stop_follow(struct worker *w, lua_State *from, lua_State *to)
{
  w->current = to;
  atomic_signal_fence(memory_order_seq_cst);
  if (lua_gethookmask(from))
    arm_hook(w);
}

static bool is_out_of_cpu(const struct run *run, uint64_t more_ns)
{
  return run->cpu_ns - run->cpu_base_ns + more_ns >= (uint64_t)(run->limits.cpu_seconds * 1e9);
}

static void act(struct worker *w, bool may_leave)
{
  struct run *run = w->run;
  int kill = atomic_load(&run->kill);
  if (!kill && is_out_of_cpu(run, clock_thread_cpu_ns() - w->cpu_begin_ns))
    kill = run_kill_set(run, KILL_CPU);
  uint64_t now_ns = clock_mono_ns();
  if (kill && (kill != KILL_CANCEL || atomic_load(&run->is_hard))) {
    if (!w->hook_since_ns)
      w->hook_since_ns = now_ns;
    else if (may_leave && now_ns - w->hook_since_ns >= (uint64_t)HARD_MS * NS_PER_MS)
      leave(w);
    arm_hook(w);
  } else if (kill) {
    if (!run->cancel_raised)
      arm_hook(w);
  } else if ((atomic_load(&w->runner->ready_count) || run->ready.first || atomic_load(&run->answered)) &&
             now_ns / NS_PER_MS - atomic_load(&w->slice_since_ms) >= TICK_MS) {
    arm_hook(w);
  }
}

static void on_signal(int number)
{
  (void)number;
  struct worker *w = self;
  int saved = errno;
  if (w && w->run && w->guard) {
    w->pending = 1;
  } else if (w && w->run && !w->in_handler) {
    w->in_handler = 1;
    act(w, HANDLER_MAY_LEAVE);
    w->in_handler = 0;
  }
  errno = saved;
}

void guard_enter(void)
{
  struct worker *w = self;
  if (!w)
    return;
  w->guard = w->guard + 1;
  atomic_signal_fence(memory_order_seq_cst);
}

void guard_leave(void)
{
  struct worker *w = self;
  if (!w)
    return;
  atomic_signal_fence(memory_order_seq_cst);
  w->guard = w->guard - 1;
  if (w->guard || !w->pending || !w->run)
    return;
  w->pending = 0;
  act(w, false);
}

/* ---- the timer ---- */
void stop_open(struct worker *w)
{
  self = w;
  w->tid = (pid_t)syscall(SYS_gettid);
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_NODEFER};
  sigemptyset(&action.sa_mask);
  sigaction(stop_signal(), &action, /* old= */ NULL);
  /* Signals of the process are the main thread's; a fault is the thread's own, and blocked it would end all without a word. */
  static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
  sigset_t set;
  sigfillset(&set);
  sigdelset(&set, stop_signal());
  for (size_t i = 0; i < ARRAY_LEN(own); i++)
    sigdelset(&set, own[i]);
  pthread_sigmask(SIG_SETMASK, &set, /* old= */ NULL);
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = stop_signal()};
  event._sigev_un._tid = w->tid;
  if (timer_create(CLOCK_MONOTONIC, &event, &w->timer) != 0) {
    log_error("script worker: timer_create: %s", strerror(errno));
    abort();   /* without it no limit would hold */
  }
}

void stop_close(struct worker *w)
{
  timer_delete(w->timer);
  self = NULL;
}

void stop_ticks(struct worker *w, bool on)
{
  struct itimerspec every = {0};
  if (on)
    every.it_value.tv_nsec = every.it_interval.tv_nsec = TICK_MS * NS_PER_MS;
  timer_settime(w->timer, 0, &every, /* old= */ NULL);
}

void stop_arm(struct worker *w, struct run *run)
{
  w->cpu_begin_ns = clock_thread_cpu_ns();
  w->hook_since_ns = 0;
  w->pending = 0;
  w->guard = 0;
  w->in_handler = 0;
  w->trace[0] = 0;
  w->trace_line = 0;
  w->current = run->current->co;
  atomic_store(&w->slice_since_ms, clock_mono_ms());
  atomic_signal_fence(memory_order_seq_cst);
  w->run = run;
  /* What asked for a stop while the run was nobody's has sent no signal, and ticks miss one that waits again at once. */
  if (atomic_load(&run->kill) || is_out_of_cpu(run, 0))
    act(w, false);
}

void stop_disarm(struct worker *w, struct run *run)
{
  w->run = NULL;
  atomic_signal_fence(memory_order_seq_cst);
  atomic_store(&w->slice_since_ms, 0);
  run->cpu_ns += clock_thread_cpu_ns() - w->cpu_begin_ns;
}

void worker_interrupt(struct worker *w) { syscall(SYS_tgkill, getpid(), w->tid, stop_signal()); }
