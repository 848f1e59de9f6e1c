/* base/exec.c: see exec.h. posix_spawn (vfork inside: nothing of this process is copied), a pidfd and poll. */
#include "base/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

extern char **environ;

Err exec_cancel_init(struct exec_cancel *c)
{
  c->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return c->fd < 0 ? err_from_errno(errno) : OK;
}

void exec_cancel_release(struct exec_cancel *c)
{
  if (c->fd >= 0)
    close(c->fd);
  c->fd = -1;
}

void exec_cancel_fire(struct exec_cancel *c)
{
  uint64_t one = 1;
  ssize_t n = write(c->fd, &one, sizeof one);
  (void)n;   /* full means fired already */
}

bool exec_cancel_fired(const struct exec_cancel *c)
{
  struct pollfd p = {.fd = c->fd, .events = POLLIN};
  return c->fd >= 0 && poll(&p, 1, 0) == 1;
}

/* What the poll loop watches; a closed one has fd -1, which poll ignores. */
enum watch { WATCH_STDIN, WATCH_STDOUT, WATCH_STDERR, WATCH_CHILD, WATCH_CANCEL, WATCH_COUNT };

struct run {
  const struct exec_spec *spec;
  struct exec_result *result;
  struct pollfd watch[WATCH_COUNT];
  pid_t pid;
  bool reaped;
  bool cut[2];             /* output beyond the maximum was dropped */
  size_t input_sent;
  uint64_t deadline;       /* monotonic; UINT64_MAX: none */
};

static void close_fd(int *fd)
{
  if (*fd >= 0)
    close(*fd);
  *fd = -1;
}

static int spawn(struct run *r, int child_fd[3])
{
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attr;
  sigset_t all, none;
  sigfillset(&all);
  sigemptyset(&none);
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attr);
  posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  posix_spawnattr_setpgroup(&attr, 0);
  posix_spawnattr_setsigdefault(&attr, &all);
  posix_spawnattr_setsigmask(&attr, &none);
  if (child_fd[0] < 0)
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  for (int i = child_fd[0] < 0 ? 1 : 0; i < 3; i++)
    posix_spawn_file_actions_adddup2(&actions, child_fd[i], i);
  int err = 0;
  if (r->spec->cwd)
    err = posix_spawn_file_actions_addchdir_np(&actions, r->spec->cwd);
  if (!err)
    err = posix_spawnp(&r->pid, r->spec->argv[0], &actions, &attr, (char *const *)(uintptr_t)r->spec->argv,
                       r->spec->env ? (char *const *)(uintptr_t)r->spec->env : environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attr);
  return err;
}

static void limit(pid_t pid, __rlimit_resource_t what, uint64_t max)
{
  if (max)
    prlimit(pid, what, &(struct rlimit){max, max}, /* old_limit= */ NULL);
}

/* Opens the pipes and starts the child; an errno otherwise. */
static int start(struct run *r)
{
  int ours[3] = {-1, -1, -1}, theirs[3] = {-1, -1, -1}, err = 0;
  for (int i = r->spec->input.ptr ? 0 : 1; i < 3 && !err; i++) {
    int p[2];
    if (pipe2(p, O_CLOEXEC)) {
      err = errno;
      break;
    }
    ours[i] = p[i == 0];
    theirs[i] = p[i != 0];
    fcntl(ours[i], F_SETFL, O_NONBLOCK);
  }
  if (!err)
    err = spawn(r, theirs);
  if (!err) {
    limit(r->pid, RLIMIT_FSIZE, r->spec->file_bytes);
    limit(r->pid, RLIMIT_DATA, r->spec->memory_bytes);
  }
  for (int i = 0; i < 3; i++) {
    close_fd(&theirs[i]);
    if (err)
      close_fd(&ours[i]);
    r->watch[i] = (struct pollfd){.fd = ours[i], .events = i ? POLLIN : POLLOUT};
  }
  return err;
}

static void read_output(struct run *r, int stream)
{
  struct pollfd *p = &r->watch[WATCH_STDOUT + stream];
  char piece[16384];
  ssize_t n = read(p->fd, piece, sizeof piece);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (n <= 0) {
    close_fd(&p->fd);
    return;
  }
  struct buf *out = &r->result->output[stream];
  size_t room = EXEC_OUTPUT_MAX - out->len, len = (size_t)n;
  if (len > room)
    r->cut[stream] = true;
  buf_add(out, piece, len < room ? len : room);
  if (r->spec->on_output)
    r->spec->on_output((enum exec_stream)stream, str_make(piece, len), r->spec->data);
}

static void write_input(struct run *r)
{
  struct pollfd *p = &r->watch[WATCH_STDIN];
  struct str rest = str_sub(r->spec->input, r->input_sent, r->spec->input.len);
  ssize_t n = rest.len ? write(p->fd, rest.ptr, rest.len) : 0;
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (n > 0)
    r->input_sent += (size_t)n;
  if (n < 0 || r->input_sent == r->spec->input.len)   /* a child that stopped reading is no error of ours */
    close_fd(&p->fd);
}

static void reap(struct run *r, int flags)
{
  int status;
  if (r->reaped || waitpid(r->pid, &status, flags) != r->pid)
    return;
  r->reaped = true;
  close_fd(&r->watch[WATCH_CHILD].fd);
  r->result->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  uint64_t linger = clock_mono_ms() + EXEC_LINGER_MS;
  if (linger < r->deadline)
    r->deadline = linger;
}

static void kill_group(struct run *r, enum exec_end why)
{
  kill(-r->pid, SIGKILL);
  r->result->end = why;
  if (!r->reaped)
    reap(r, 0);
}

/* One turn; false when all is over. */
static bool turn(struct run *r, bool has_pidfd)
{
  if (r->reaped && r->watch[WATCH_STDOUT].fd < 0 && r->watch[WATCH_STDERR].fd < 0)
    return false;
  uint64_t now = clock_mono_ms();
  if (now >= r->deadline) {
    if (!r->reaped)
      kill_group(r, EXEC_TIMED_OUT);
    return false;
  }
  int wait = r->deadline == UINT64_MAX ? -1 : (int)(r->deadline - now > 60000 ? 60000 : r->deadline - now);
  if (!has_pidfd && !r->reaped && (wait < 0 || wait > 50))
    wait = 50;   /* kernels before 5.3: look for the end of the child now and then */
  if (poll(r->watch, WATCH_COUNT, wait) < 0)
    return errno == EINTR;
  if (r->watch[WATCH_CANCEL].revents) {
    kill_group(r, EXEC_CANCELLED);
    return false;
  }
  if (r->watch[WATCH_STDIN].revents)
    write_input(r);
  for (int i = 0; i < 2; i++)
    if (r->watch[WATCH_STDOUT + i].revents)
      read_output(r, i);
  if (!has_pidfd || r->watch[WATCH_CHILD].revents)
    reap(r, WNOHANG);
  return true;
}

void exec_run(const struct exec_spec *spec, struct exec_result *ret)
{
  *ret = (struct exec_result){.output = {BUF_INIT(EXEC_OUTPUT_MAX + 64), BUF_INIT(EXEC_OUTPUT_MAX + 64)}};
  struct run r = {.spec = spec, .result = ret, .deadline = UINT64_MAX};
  if (spec->timeout_ms)
    r.deadline = clock_mono_ms() + spec->timeout_ms;
  int err = start(&r);
  if (err) {
    ret->end = EXEC_NOT_RUN;
    ret->code = err;
    return;
  }
  int pidfd = (int)syscall(SYS_pidfd_open, r.pid, 0);
  r.watch[WATCH_CHILD] = (struct pollfd){.fd = pidfd, .events = POLLIN};
  r.watch[WATCH_CANCEL] = (struct pollfd){.fd = spec->cancel ? spec->cancel->fd : -1, .events = POLLIN};
  while (turn(&r, pidfd >= 0)) {
  }
  if (!r.reaped)
    kill_group(&r, ret->end);
  for (int i = 0; i <= WATCH_CHILD; i++)
    close_fd(&r.watch[i].fd);
  for (int i = 0; i < 2; i++)
    if (r.cut[i])
      buf_printf(&ret->output[i], "\n[output beyond %d MiB dropped]\n", EXEC_OUTPUT_MAX >> 20);
}

void exec_release(struct exec_result *r)
{
  buf_release(&r->output[EXEC_STDOUT]);
  buf_release(&r->output[EXEC_STDERR]);
}
