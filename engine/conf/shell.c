/* conf/shell.c: one question to the shell; see interpolate.h. The words asked are [A-Za-z0-9_]+, so that nothing in them
 * means anything to the shell but their name. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "conf/interpolate.h"

static pid_t spawn(const char *command, char **envp, int output)
{
  static const char *const shells[] = {"/bin/bash", "/bin/sh"};
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attr;
  pid_t pid = -1;
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attr);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, output, 1);
  posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
  for (size_t i = 0; i < ARRAY_LEN(shells) && pid < 0; i++) {
    char *argv[] = {(char *)(uintptr_t)shells[i], (char *)(uintptr_t) "-c", (char *)(uintptr_t)command, NULL};
    if (posix_spawn(&pid, shells[i], &files, &attr, argv, envp) != 0)
      pid = -1;
  }
  posix_spawnattr_destroy(&attr);
  posix_spawn_file_actions_destroy(&files);
  return pid;
}

/* Reads until the other end closes, the time is over or the answer is too long; false for the latter two. */
static bool read_all(int fd, struct buf *out)
{
  uint64_t deadline = clock_mono_ms() + SHELL_TIMEOUT_MS;
  char piece[4096];
  for (;;) {
    uint64_t now = clock_mono_ms();
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (now >= deadline || (poll(&p, 1, (int)(deadline - now)) < 0 && errno != EINTR))
      return false;
    if (!p.revents)
      continue;
    ssize_t n = read(fd, piece, sizeof piece);
    if (n == 0)
      return buf_err(out) == OK;
    if (n > 0)
      buf_add(out, piece, (size_t)n);
    if ((n < 0 && errno != EINTR) || buf_err(out))
      return false;
  }
}

void shell_ask(void *context, struct str word, bool is_command, struct buf *out)
{
  const struct env *env = context;
  static char *no_variables[] = {NULL};
  int pipes[2];
  if (pipe2(pipes, O_CLOEXEC) != 0)
    return;
  CLEANUP(mem_free_at) char *command = mem_printf("%s%.*s", is_command ? "" : "echo $", STR_ARG(word));
  CLEANUP(buf_release) struct buf answer = BUF_INIT(SHELL_OUTPUT_MAX);
  pid_t pid = spawn(command, env->vars ? env->vars : no_variables, pipes[1]);
  close(pipes[1]);
  if (pid > 0) {
    bool complete = read_all(pipes[0], &answer);
    int status = 0;
    if (!complete)
      kill(-pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
      ;
    if (complete && WIFEXITED(status) && WEXITSTATUS(status) == 0)
      buf_add_str(out, str_trim(buf_str(&answer)));
  }
  close(pipes[0]);
}
