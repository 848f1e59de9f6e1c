/* agent/trim.c: see trim.h. */
#include "agent/trim.h"

#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "agent/files.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21   /* Linux 5.4 */
#endif

/* "from-to perms offset device inode path" of /proc/self/maps. */
static void drop_mapping(struct str line)
{
  char *end;
  unsigned long from = strtoul(line.ptr, &end, 16), to = *end == '-' ? strtoul(end + 1, &end, 16) : 0;
  struct str perms = str_make(end + 1, 4);
  if (to <= from || !memchr(line.ptr, '/', line.len))
    return;
  /* Code is never written to, so dropping it is safe; constants may have been relocated, which PAGEOUT leaves in place. */
  if (str_eqc(perms, "r-xp"))
    madvise((void *)from, to - from, MADV_DONTNEED);   /* NOLINT(performance-no-int-to-ptr): addresses from the kernel */
  else if (str_eqc(perms, "r--p"))
    madvise((void *)from, to - from, MADV_PAGEOUT);    /* NOLINT(performance-no-int-to-ptr) */
}

static void on_timer(uv_timer_t *timer)
{
  (void)timer;
  struct buf maps = BUF_INIT(1 << 20);
  malloc_trim(0);
  if (!read_whole("/proc/self/maps", &maps)) {
    struct str rest = buf_str(&maps), line;
    while (str_split(&rest, '\n', &line))
      if (line.len > 30)
        drop_mapping(line);
  }
  buf_release(&maps);
}

void trim_init(struct trim *t, uv_loop_t *loop)
{
  uv_timer_init(loop, &t->timer);
  uv_unref((uv_handle_t *)&t->timer);
}

void trim_later(struct trim *t) { uv_timer_start(&t->timer, on_timer, TRIM_AFTER_MS, 0); }
void trim_close(struct trim *t) { uv_close((uv_handle_t *)&t->timer, NULL); }
