/* agent/stats.c: see stats.h. */
#include "agent/stats.h"

#include <dirent.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"

static const double GB = 1024.0 * 1024 * 1024;

struct interface_sample {
  char name[32];
  uint64_t rx, tx;
};

struct process_sample {
  int pid;
  uint64_t start, cpu, read, write;          /* totals since the process began */
  uint64_t rss;                              /* bytes */
  double cpu_perc, read_kb, write_kb;        /* of the last interval */
  char name[24];
};

/* ---- network */

static uint64_t counter(const char *interface, const char *which, struct buf *file)
{
  char path[128];
  uint64_t n = 0;
  snprintf(path, sizeof path, "/sys/class/net/%s/statistics/%s", interface, which);
  return !read_whole(path, file) && str_to_u64(str_trim(buf_str(file)), &n) ? n : 0;
}

static uint64_t grown(uint64_t before, uint64_t now) { return now > before ? now - before : 0; }

/* Bytes since the sample before; an interface seen for the first time counts nothing. */
static void sample_network(struct stats *s, uint64_t *ret_rx, uint64_t *ret_tx)
{
  DIR *dir = opendir("/sys/class/net");
  struct interface_sample *now = NULL;
  size_t count = 0;
  struct buf file = BUF_INIT(256);
  for (struct dirent *e; dir && (e = readdir(dir));) {
    if (e->d_name[0] == '.' || strlen(e->d_name) >= sizeof now->name)
      continue;
    now = mem_resize(now, (count + 1) * sizeof *now);
    struct interface_sample *i = &now[count++];
    *i = (struct interface_sample){.rx = counter(e->d_name, "rx_bytes", &file), .tx = counter(e->d_name, "tx_bytes", &file)};
    memcpy(i->name, e->d_name, strlen(e->d_name));
    for (size_t k = 0; k < s->interface_count; k++)
      if (!strcmp(s->interfaces[k].name, i->name)) {
        *ret_rx += grown(s->interfaces[k].rx, i->rx);
        *ret_tx += grown(s->interfaces[k].tx, i->tx);
      }
  }
  if (dir)
    closedir(dir);
  buf_release(&file);
  mem_free(s->interfaces);
  s->interfaces = now;
  s->interface_count = count;
}

/* ---- processes */

static const struct process_sample *find_process(const struct stats *s, int pid)
{
  size_t low = 0, high = s->process_count;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    if (s->processes[mid].pid == pid)
      return &s->processes[mid];
    if (s->processes[mid].pid < pid)
      low = mid + 1;
    else
      high = mid;
  }
  return NULL;
}

static bool sample_process(const struct stats *s, int pid, uint64_t cpu_ticks, struct buf *file, struct process_sample *ret)
{
  char path[64];
  struct process_stat stat;
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  if (read_whole(path, file) || !procfs_process(buf_str(file), &stat))
    return false;
  *ret = (struct process_sample){.pid = pid, .start = stat.start, .cpu = stat.cpu,
                                 .rss = stat.rss_pages * (uint64_t)sysconf(_SC_PAGESIZE)};
  memcpy(ret->name, stat.name, sizeof ret->name - 1);
  snprintf(path, sizeof path, "/proc/%d/io", pid);
  if (!read_whole(path, file))
    procfs_process_io(buf_str(file), &ret->read, &ret->write);
  const struct process_sample *before = find_process(s, pid);
  if (before && before->start == ret->start) {
    double cpus = s->cpu_count ? (double)s->cpu_count : 1;
    if (cpu_ticks)
      ret->cpu_perc = 100 * (double)grown(before->cpu, ret->cpu) / ((double)cpu_ticks / cpus);
    if (ret->cpu_perc > 100 * cpus)
      ret->cpu_perc = 100 * cpus;
    ret->read_kb = (double)grown(before->read, ret->read) / 1024;
    ret->write_kb = (double)grown(before->write, ret->write) / 1024;
  }
  return true;
}

static int by_pid(const void *a, const void *b)
{
  int x = ((const struct process_sample *)a)->pid, y = ((const struct process_sample *)b)->pid;
  return (x > y) - (x < y);
}

static void sample_processes(struct stats *s, uint64_t cpu_ticks)
{
  DIR *dir = opendir("/proc");
  struct process_sample *now = NULL;
  size_t count = 0, cap = 0;
  struct buf file = BUF_INIT(64 << 10);
  for (struct dirent *e; dir && (e = readdir(dir));) {
    uint64_t pid;
    if (!str_to_u64(str_of(e->d_name), &pid) || pid > INT32_MAX)
      continue;
    if (count == cap) {
      cap = cap ? cap * 2 : 128;
      now = mem_resize(now, cap * sizeof *now);
    }
    count += sample_process(s, (int)pid, cpu_ticks, &file, &now[count]);
  }
  if (dir)
    closedir(dir);
  buf_release(&file);
  if (count)
    qsort(now, count, sizeof *now, by_pid);
  uv_mutex_lock(&s->lock);
  struct process_sample *old = s->processes;
  s->processes = now;
  s->process_count = count;
  uv_mutex_unlock(&s->lock);
  mem_free(old);
}

static int by_cpu(const void *a, const void *b)
{
  double x = ((const struct process_sample *)a)->cpu_perc, y = ((const struct process_sample *)b)->cpu_perc;
  return (x < y) - (x > y);
}

static void write_cmd(struct buf *out, int pid, struct buf *file)
{
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
  js_key(out, "cmd");
  buf_add_char(out, '[');
  struct str rest = read_whole(path, file) ? STR_NONE : buf_str(file), arg;
  while (str_split(&rest, '\0', &arg))
    if (arg.len)
      js_item_str(out, arg);
  buf_add_char(out, ']');
}

static void write_exe(struct buf *out, int pid)
{
  char path[64], target[4096];
  snprintf(path, sizeof path, "/proc/%d/exe", pid);
  ssize_t n = readlink(path, target, sizeof target);
  struct str exe = str_make(target, n > 0 ? (size_t)n : 0);
  if (str_ends(exe, STR(" (deleted)")))
    exe.len -= strlen(" (deleted)");
  js_put_str(out, "exe", exe);
}

void stats_write_processes(struct stats *s, struct buf *out)
{
  uv_mutex_lock(&s->lock);
  size_t count = s->process_count;
  struct process_sample *list = mem_new_array(count + 1, sizeof *list);
  if (count)
    memcpy(list, s->processes, count * sizeof *list);
  uint64_t boot = s->boot_time;
  uv_mutex_unlock(&s->lock);
  qsort(list, count, sizeof *list, by_cpu);
  struct buf file = BUF_INIT(4 << 20);
  double hz = (double)sysconf(_SC_CLK_TCK);
  js_open(out, '[');
  for (size_t i = 0; i < count; i++) {
    const struct process_sample *p = &list[i];
    js_open(out, '{');
    js_put_int(out, "pid", p->pid);
    js_put_text(out, "name", p->name);
    write_exe(out, p->pid);
    write_cmd(out, p->pid, &file);
    js_put_num(out, "start_time", ((double)boot + (double)p->start / hz) * 1000);
    js_put_num(out, "cpu_perc", p->cpu_perc);
    js_put_num(out, "mem_mb", (double)p->rss / 1024 / 1024);
    js_put_num(out, "disk_read_kb", p->read_kb);
    js_put_num(out, "disk_write_kb", p->write_kb);
    buf_add_char(out, '}');
  }
  buf_add_char(out, ']');
  buf_release(&file);
  mem_free(list);
}

/* ---- disks */

static bool disk_wanted(const struct settings *settings, struct str path)
{
  if (settings_lists(settings, "exclude_disk_mounts", path))
    return false;
  return !yyjson_arr_size(yyjson_obj_get(settings->root, "include_disk_mounts")) ||
         settings_lists(settings, "include_disk_mounts", path);
}

/* May hang for as long as a mount does: nothing but this pool thread waits for it. */
static void sample_disks(void *data, int64_t tick)
{
  struct stats *s = data;
  (void)tick;
  CLEANUP(arena_release) struct arena a = {0};
  struct buf file = BUF_INIT(4 << 20), out = BUF_INIT(4 << 20);
  struct mount *mounts = NULL;
  size_t count = read_whole("/proc/mounts", &file) ? 0 : procfs_disks(&a, buf_str(&file), &mounts);
  js_open(&out, '[');
  for (size_t i = 0; i < count; i++) {
    struct statvfs fs = {0};
    if (!disk_wanted(s->settings, mounts[i].path))
      continue;
    if (statvfs(mounts[i].path.ptr, &fs))
      fs = (struct statvfs){0};
    double total = (double)fs.f_frsize * (double)fs.f_blocks, free = (double)fs.f_frsize * (double)fs.f_bavail;
    js_open(&out, '{');
    js_put_str(&out, "mount", mounts[i].path);
    js_put_str(&out, "file_system", mounts[i].fs);
    js_put_num(&out, "used_gb", (total - free) / GB);
    js_put_num(&out, "total_gb", total / GB);
    buf_add_char(&out, '}');
  }
  buf_add_char(&out, ']');
  shared_text_set(&s->disks, buf_str(&out));
  buf_release(&file);
  buf_release(&out);
}

/* ---- the whole */

static void write_numbers(struct buf *out, double cpu, const double load[3], const struct memory *m)
{
  js_put_num(out, "cpu_perc", (double)(float)cpu);
  js_key(out, "load_average");
  js_open(out, '{');
  js_put_num(out, "one", load[0]);
  js_put_num(out, "five", load[1]);
  js_put_num(out, "fifteen", load[2]);
  buf_add_char(out, '}');
  js_put_num(out, "mem_free_gb", (double)m->free / GB);
  js_put_num(out, "mem_used_gb", (double)m->used / GB);
  js_put_num(out, "mem_total_gb", (double)m->total / GB);
  js_put_num(out, "mem_buff_cache_gb", (double)m->buff_cache / GB);
  js_put_num(out, "mem_zfs_arc_gb", (double)m->zfs_arc / GB);
  js_put_num(out, "swap_total_gb", (double)m->swap_total / GB);
  js_put_num(out, "swap_used_gb", (double)m->swap_used / GB);
}

static void write_rest(struct buf *out, const struct settings *settings, uint64_t rx, uint64_t tx, int64_t tick)
{
  js_put_num(out, "network_ingress_bytes", (double)rx);
  js_put_num(out, "network_egress_bytes", (double)tx);
  js_put_str(out, "polling_rate", settings->stats_polling_rate);
  js_put_int(out, "refresh_ts", tick);
  js_put_int(out, "refresh_list_ts", 0);
}

void stats_sample(struct stats *s, int64_t tick)
{
  struct buf file = BUF_INIT(8 << 20), arc = BUF_INIT(64 << 10), numbers = BUF_INIT(4096), rest = BUF_INIT(4096);
  struct cpu_times cpu = s->cpu;
  double load[3] = {0};
  struct memory memory = {0};
  if (!read_whole("/proc/stat", &file)) {
    procfs_cpu(buf_str(&file), &cpu);
    uv_mutex_lock(&s->lock);
    s->cpu_count = procfs_cpu_count(buf_str(&file));
    s->boot_time = procfs_boot_time(buf_str(&file));
    uv_mutex_unlock(&s->lock);
  }
  double percent = s->cpu.total ? procfs_cpu_percent(&s->cpu, &cpu) : 0;
  uint64_t ticks = s->cpu.total ? grown(s->cpu.total, cpu.total) : 0, rx = 0, tx = 0;
  s->cpu = cpu;
  if (!read_whole("/proc/loadavg", &file))
    procfs_load(buf_str(&file), load);
  bool zfs = !read_whole("/proc/spl/kstat/zfs/arcstats", &arc);
  if (!read_whole("/proc/meminfo", &file))
    procfs_memory(buf_str(&file), zfs ? buf_str(&arc) : STR_NONE, &memory);
  sample_network(s, &rx, &tx);
  sample_processes(s, ticks);
  write_numbers(&numbers, percent, load, &memory);
  write_rest(&rest, s->settings, rx, tx, tick);
  shared_text_set(&s->numbers, buf_str(&numbers));
  shared_text_set(&s->rest, buf_str(&rest));
  buf_release(&file);
  buf_release(&arc);
  buf_release(&numbers);
  buf_release(&rest);
}

void stats_write(struct stats *s, struct buf *out)
{
  js_open(out, '{');
  if (!shared_text_add(&s->numbers, out))
    write_numbers(out, 0, (double[3]){0}, &(struct memory){0});
  js_key(out, "disks");
  if (!shared_text_add(&s->disks, out))
    buf_add_text(out, "[]");
  js_sep(out);
  if (!shared_text_add(&s->rest, out)) {
    struct buf rest = BUF_INIT(4096);
    write_rest(&rest, s->settings, 0, 0, 0);
    buf_add_str(out, buf_str(&rest));
    buf_release(&rest);
  }
  buf_add_char(out, '}');
}

static void on_tick(void *data, int64_t tick) { stats_sample(data, tick); }

void stats_start(struct stats *s, uv_loop_t *loop, const struct settings *settings)
{
  *s = (struct stats){.settings = settings};
  shared_text_init(&s->numbers);
  shared_text_init(&s->disks);
  shared_text_init(&s->rest);
  uv_mutex_init(&s->lock);
  ticker_start(&s->ticker, loop, settings->stats_ms, 1, on_tick, s);
  ticker_start(&s->disk_ticker, loop, settings->stats_ms, 1, sample_disks, s);
}

void stats_close(struct stats *s)
{
  ticker_close(&s->ticker);
  ticker_close(&s->disk_ticker);
}

void stats_release(struct stats *s)
{
  shared_text_release(&s->numbers);
  shared_text_release(&s->disks);
  shared_text_release(&s->rest);
  uv_mutex_destroy(&s->lock);
  mem_free(s->interfaces);
  mem_free(s->processes);
}
