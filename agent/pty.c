/* agent/pty.c: see pty.h.
 *
 * posix_spawn, as in exec.c: nothing of this process is copied or runs in between. A session leader that opens a terminal
 * and has none gets it as its controlling one (tty(4)), so opening the PTY's other end as stdin does it all. */
#include "agent/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

extern char **environ;

enum { PTY_ROWS = 24, PTY_COLS = 80, PTY_NAME_MAX = 64, PASSWD_MAX = 16384 };

/* Free with mem_free: its texts are borrowed. */
static char **environment(void)
{
  static const char *const ours[] = {"TERM=xterm-256color", "COLORTERM=truecolor"};
  size_t count = 0, n = 0;
  while (environ[count])
    count++;
  char **env = mem_new_array(count + ARRAY_LEN(ours) + 1, sizeof *env);
  for (size_t i = 0; i < count; i++)
    if (!str_starts(str_of(environ[i]), STR("TERM=")) && !str_starts(str_of(environ[i]), STR("COLORTERM=")))
      env[n++] = environ[i];
  for (size_t i = 0; i < ARRAY_LEN(ours); i++)
    env[n++] = (char *)(uintptr_t)ours[i];
  return env;
}

/* $HOME, else the user's entry, else "/"; one that cannot be entered counts as none. Free with mem_free. */
static char *home(void)
{
  const char *given = getenv("HOME");
  if (given && given[0] && access(given, X_OK) == 0)
    return mem_strdup(given);
  CLEANUP(mem_free_at) char *space = mem_new(PASSWD_MAX);
  struct passwd entry, *found = NULL;
  if (getpwuid_r(getuid(), &entry, space, PASSWD_MAX, &found) == 0 && found && access(found->pw_dir, X_OK) == 0)
    return mem_strdup(found->pw_dir);
  return mem_strdup("/");
}

static int spawn(const char *const *argv, const char *terminal, pid_t *ret)
{
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attr;
  sigset_t all, none;
  CLEANUP(mem_free_at) char **env = environment();
  CLEANUP(mem_free_at) char *cwd = home();
  sigfillset(&all);
  sigemptyset(&none);
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attr);
  posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  posix_spawnattr_setsigdefault(&attr, &all);
  posix_spawnattr_setsigmask(&attr, &none);
  int err = posix_spawn_file_actions_addopen(&actions, 0, terminal, O_RDWR, 0);
  for (int i = 1; i < 3 && !err; i++)
    err = posix_spawn_file_actions_adddup2(&actions, 0, i);
  if (!err)
    err = posix_spawn_file_actions_addchdir_np(&actions, cwd);
  if (!err)
    err = posix_spawnp(ret, argv[0], &actions, &attr, (char *const *)(uintptr_t)argv, env);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attr);
  return err;
}

int pty_open(const char *const *argv, struct pty *ret)
{
  char terminal[PTY_NAME_MAX];
  struct pty pty = {.fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)};
  if (pty.fd < 0)
    return errno;
  int err = grantpt(pty.fd) || unlockpt(pty.fd) ? errno : ptsname_r(pty.fd, terminal, sizeof terminal);
  if (!err) {
    pty_resize(&pty, PTY_ROWS, PTY_COLS);
    err = spawn(argv, terminal, &pty.pid);
  }
  if (err)
    close(pty.fd);
  else
    *ret = pty;
  return err;
}

void pty_resize(const struct pty *pty, unsigned rows, unsigned cols)
{
  struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};
  (void)ioctl(pty->fd, TIOCSWINSZ, &size);
}

void pty_kill(const struct pty *pty)
{
  pid_t foreground = 0;
  if (ioctl(pty->fd, TIOCGPGRP, &foreground) == 0 && foreground > 1 && foreground != pty->pid)
    kill(-foreground, SIGKILL);
  kill(-pty->pid, SIGKILL);
}
