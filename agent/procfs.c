/* agent/procfs.c: see procfs.h. */
#include "agent/procfs.h"

#include "base/mem.h"

/* Cuts the next word, at blanks, off *rest; an empty one at the end. */
static struct str next_word(struct str *rest)
{
  size_t from = 0, to;
  while (from < rest->len && strchr(" \t\n", rest->ptr[from]))
    from++;
  for (to = from; to < rest->len && !strchr(" \t\n", rest->ptr[to]);)
    to++;
  struct str word = str_sub(*rest, from, to - from);
  *rest = str_sub(*rest, to, rest->len);
  return word;
}

static uint64_t next_number(struct str *rest)
{
  uint64_t n = 0;
  return str_to_u64(next_word(rest), &n) ? n : 0;
}

bool procfs_cpu(struct str stat, struct cpu_times *ret)
{
  struct str line;
  while (str_split(&stat, '\n', &line)) {
    if (!str_eqc(next_word(&line), "cpu"))
      continue;
    enum { USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL, GUEST, GUEST_NICE, COUNT };
    uint64_t t[COUNT];
    for (size_t i = 0; i < COUNT; i++)
      t[i] = next_number(&line);
    /* user and nice already contain the guests, so the guests count once */
    ret->busy = t[USER] + t[NICE] + t[SYSTEM] + t[IRQ] + t[SOFTIRQ] + t[STEAL];
    ret->total = ret->busy + t[IDLE] + t[IOWAIT];
    return true;
  }
  return false;
}

size_t procfs_cpu_count(struct str stat)
{
  size_t n = 0;
  struct str line;
  while (str_split(&stat, '\n', &line))
    n += line.len > 3 && str_starts(line, STR("cpu")) && line.ptr[3] >= '0' && line.ptr[3] <= '9';
  return n;
}

uint64_t procfs_boot_time(struct str stat)
{
  struct str line;
  while (str_split(&stat, '\n', &line))
    if (str_eqc(next_word(&line), "btime"))
      return next_number(&line);
  return 0;
}

double procfs_cpu_percent(const struct cpu_times *before, const struct cpu_times *now)
{
  if (now->total <= before->total || now->busy < before->busy)
    return 0;
  double percent = 100.0 * (double)(now->busy - before->busy) / (double)(now->total - before->total);
  return percent > 100 ? 100 : percent;
}

void procfs_memory(struct str meminfo, struct str arcstats, struct memory *ret)
{
  enum { TOTAL, FREE, AVAILABLE, CACHED, RECLAIMABLE, BUFFERS, SHMEM, SWAP_TOTAL, SWAP_FREE, COUNT };
  static const char *const names[COUNT] = {"MemTotal:", "MemFree:", "MemAvailable:", "Cached:", "SReclaimable:",
                                           "Buffers:", "Shmem:", "SwapTotal:", "SwapFree:"};
  uint64_t v[COUNT] = {0};
  bool has_available = false;
  struct str line;
  while (str_split(&meminfo, '\n', &line)) {
    struct str name = next_word(&line);
    for (size_t i = 0; i < COUNT; i++)
      if (str_eqc(name, names[i])) {
        v[i] = next_number(&line) * 1024;
        has_available |= i == AVAILABLE;
      }
  }
  uint64_t arc = 0;
  while (str_split(&arcstats, '\n', &line))
    if (str_eqc(next_word(&line), "size")) {
      next_word(&line);
      arc = next_number(&line);
    }
  uint64_t available = (has_available ? v[AVAILABLE] : v[FREE]) + arc, cache = v[CACHED] + v[RECLAIMABLE] + v[BUFFERS];
  *ret = (struct memory){
    .total = v[TOTAL], .free = v[FREE], .zfs_arc = arc, .swap_total = v[SWAP_TOTAL],
    .used = v[TOTAL] > available ? v[TOTAL] - available : 0,
    .buff_cache = cache > v[SHMEM] ? cache - v[SHMEM] : 0,
    .swap_used = v[SWAP_TOTAL] > v[SWAP_FREE] ? v[SWAP_TOTAL] - v[SWAP_FREE] : 0,
  };
}

bool procfs_load(struct str loadavg, double ret[3])
{
  for (int i = 0; i < 3; i++) {
    struct str word = next_word(&loadavg);
    char text[32] = {0};
    if (!word.len || word.len >= sizeof text)
      return false;
    memcpy(text, word.ptr, word.len);
    ret[i] = strtod(text, NULL);
  }
  return true;
}

/* ---- mounts */

static bool is_octal(struct str s, size_t at)
{
  for (size_t i = at; i < at + 3; i++)
    if (i >= s.len || s.ptr[i] < '0' || s.ptr[i] > '7')
      return false;
  return true;
}

static struct str decode_escapes(struct arena *a, struct str s)
{
  char *out = arena_new(a, s.len + 1);
  size_t len = 0;
  for (size_t i = 0; i < s.len; i++) {
    if (s.ptr[i] == '\\' && is_octal(s, i + 1)) {
      out[len++] = (char)((s.ptr[i + 1] - '0') * 64 + (s.ptr[i + 2] - '0') * 8 + (s.ptr[i + 3] - '0'));
      i += 3;
    } else {
      out[len++] = s.ptr[i];
    }
  }
  return str_make(out, len);
}

static bool below(struct str path, const char *folder)
{
  size_t len = strlen(folder);
  return str_starts(path, str_of(folder)) && (path.len == len || path.ptr[len] == '/');
}

static bool is_disk(const struct mount *m)
{
  static const char *const pseudo[] = {"rootfs", "sysfs", "proc", "devtmpfs", "cgroup", "cgroup2", "pstore", "squashfs",
                                       "rpc_pipefs", "iso9660", "devpts", "hugetlbfs", "mqueue", "tmpfs", "cifs", "nfs",
                                       "nfs4", "autofs", "overlay"};
  for (size_t i = 0; i < ARRAY_LEN(pseudo); i++)
    if (str_eqc(m->fs, pseudo[i]))
      return false;
  if (below(m->path, "/sys") || below(m->path, "/proc") || (below(m->path, "/run") && !below(m->path, "/run/media")))
    return false;
  return !str_starts(m->device, STR("sunrpc"));
}

static bool seen(const struct mount *list, size_t count, const struct mount *m)
{
  for (size_t i = 0; i < count; i++)
    if (str_eq(list[i].path, m->path) && str_eq(list[i].device, m->device) && str_eq(list[i].fs, m->fs))
      return true;
  return false;
}

size_t procfs_disks(struct arena *a, struct str mounts, struct mount **ret)
{
  size_t lines = 1, count = 0;
  for (size_t i = 0; i < mounts.len; i++)
    lines += mounts.ptr[i] == '\n';
  struct mount *list = arena_new(a, lines * sizeof *list);
  struct str line;
  while (str_split(&mounts, '\n', &line)) {
    struct mount m;
    m.device = next_word(&line);
    m.path = decode_escapes(a, next_word(&line));
    m.fs = next_word(&line);
    if (m.fs.len && is_disk(&m) && !seen(list, count, &m))
      list[count++] = m;
  }
  *ret = list;
  return count;
}

/* ---- processes */

bool procfs_process(struct str stat, struct process_stat *ret)
{
  const char *open = stat.len ? memchr(stat.ptr, '(', stat.len) : NULL;
  const char *close = stat.len ? memrchr(stat.ptr, ')', stat.len) : NULL;
  if (!open || !close || close < open)
    return false;
  *ret = (struct process_stat){0};
  size_t len = (size_t)(close - open) - 1;
  memcpy(ret->name, open + 1, len < sizeof ret->name ? len : sizeof ret->name - 1);
  struct str rest = str_sub(stat, (size_t)(close - stat.ptr) + 1, stat.len);
  enum { STATE = 3, UTIME = 14, STIME = 15, START = 22, RSS = 24 };   /* field numbers of proc(5) */
  for (int field = STATE; field <= RSS; field++) {
    uint64_t n = next_number(&rest);
    if (field == UTIME || field == STIME)
      ret->cpu += n;
    else if (field == START)
      ret->start = n;
    else if (field == RSS)
      ret->rss_pages = n;
  }
  return true;
}

void procfs_process_io(struct str io, uint64_t *ret_read_bytes, uint64_t *ret_write_bytes)
{
  struct str line;
  while (str_split(&io, '\n', &line)) {
    struct str name = next_word(&line);
    if (str_eqc(name, "read_bytes:"))
      *ret_read_bytes = next_number(&line);
    else if (str_eqc(name, "write_bytes:"))
      *ret_write_bytes = next_number(&line);
  }
}
