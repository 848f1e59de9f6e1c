/* net/trim.c: see trim.h. */
#include "net/trim.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"

enum { STACK_KEEP = 64 << 10 };   /* below the frame that trims: what the loop's next turns will use */

struct mapping {
  uintptr_t from, to;
  bool clean_file;      /* of a file, not writable; nothing in it was ever written */
  bool stack;           /* this thread's */
};

/* "from-to perms offset device inode path" opens a mapping in /proc/self/smaps. */
static bool parse_header(struct str line, struct mapping *ret)
{
  char *end;
  uintptr_t from = strtoul(line.ptr, &end, 16);
  if (*end != '-')
    return false;
  uintptr_t to = strtoul(end + 1, &end, 16);
  if (*end != ' ' || to <= from)
    return false;
  bool read_only = !strncmp(end, " r--p", 5) || !strncmp(end, " r-xp", 5);
  *ret = (struct mapping){from, to, read_only && memchr(line.ptr, '/', line.len), str_ends(line, STR("[stack]"))};
  return true;
}

/* Pages that were relocated when the program was loaded exist nowhere else: mappings with any such page are left alone.
 * Of the stack goes what lies below the frames in use: reading the configuration went deeper than the loop ever will. */
static void drop(const struct mapping *m)
{
  uintptr_t to = m->clean_file ? m->to : m->from;
  if (m->stack) {
    uintptr_t here = (uintptr_t)__builtin_frame_address(0) & ~(uintptr_t)0xFFF;
    to = here - STACK_KEEP > m->from ? here - STACK_KEEP : m->from;
  }
  if (to > m->from)
    madvise((void *)m->from, to - m->from, MADV_DONTNEED);   /* NOLINT(performance-no-int-to-ptr): the kernel's */
}

/* The kernel makes the text while it is read; there is no disk to wait for. */
static void read_maps(struct buf *maps)
{
  enum { PIECE = 32 * 1024 };
  int fd = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? 0 : 1;
  while (n > 0 && buf_reserve(maps, PIECE) == OK) {
    n = read(fd, maps->ptr + maps->len, PIECE);
    maps->len += n > 0 ? (size_t)n : 0;
  }
  if (fd >= 0)
    close(fd);
}

static void on_timer(uv_timer_t *timer)
{
  (void)timer;
  struct buf maps = BUF_INIT(4 << 20);
  malloc_trim(0);
  read_maps(&maps);
  struct str rest = buf_err(&maps) ? STR_NONE : buf_str(&maps), line;
  struct mapping m = {0}, next;
  while (str_split(&rest, '\n', &line)) {
    if (str_starts(line, STR("Anonymous:")) && !str_ends(line, STR(" 0 kB")))
      m.clean_file = false;
    else if (line.len && parse_header(line, &next)) {
      drop(&m);
      m = next;
    }
  }
  drop(&m);
  buf_release(&maps);
}

void trim_init(struct trim *t, uv_loop_t *loop)
{
  uv_timer_init(loop, &t->timer);
  uv_unref((uv_handle_t *)&t->timer);
}

void trim_later(struct trim *t) { uv_timer_start(&t->timer, on_timer, TRIM_AFTER_MS, 0); }
void trim_close(struct trim *t, uv_close_cb on_closed) { uv_close((uv_handle_t *)&t->timer, on_closed); }
