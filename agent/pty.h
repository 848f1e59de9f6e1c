/* agent/pty.h: a program on a pseudo terminal of its own.
 *
 * The program leads a new session whose controlling terminal is the PTY (24 x 80 at first). Its environment is the
 * agent's with TERM and COLORTERM, its folder the user's home.
 *
 * Thread   any; pty_open() reads from disk: not the loop's.
 */
#ifndef AGENT_PTY_H
#define AGENT_PTY_H

#include <sys/types.h>

#include "base/err.h"

struct pty {
  pid_t pid;   /* the caller's to wait for */
  int fd;      /* our end, non-blocking; the caller's to close */
};

/* argv[0] is looked up in PATH. 0, or an errno and nothing was started. */
int pty_open(const char *const *argv, struct pty *ret) NODISCARD;
void pty_resize(const struct pty *pty, unsigned rows, unsigned cols);
/* Kills the program and whatever has the terminal's foreground; the program stays to be waited for. */
void pty_kill(const struct pty *pty);

#endif
