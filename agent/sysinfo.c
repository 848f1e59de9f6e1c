/* agent/sysinfo.c: see sysinfo.h. */
#include "agent/sysinfo.h"

#include <sys/utsname.h>
#include <unistd.h>

#include "agent/files.h"
#include "agent/js.h"
#include "agent/procfs.h"
#include "base/mem.h"

static bool field(struct str line, const char *name, struct str *ret)
{
  ptrdiff_t colon = str_find(line, ':');
  if (colon < 0 || !str_eqc(str_trim(str_make(line.ptr, (size_t)colon)), name))
    return false;
  *ret = str_trim(str_sub(line, (size_t)colon + 1, line.len));
  return true;
}

/* ARM processors tell a number, not a name. */
static const char *arm_part(struct str part)
{
  static const struct { const char *part, *name; } parts[] = {
    {"0xd03", "Cortex-A53"}, {"0xd04", "Cortex-A35"}, {"0xd05", "Cortex-A55"}, {"0xd07", "Cortex-A57"},
    {"0xd08", "Cortex-A72"}, {"0xd09", "Cortex-A73"}, {"0xd0a", "Cortex-A75"}, {"0xd0b", "Cortex-A76"},
    {"0xd0c", "Neoverse-N1"}, {"0xd40", "Neoverse-V1"}, {"0xd41", "Cortex-A78"}, {"0xd49", "Neoverse-N2"},
    {"0xd4f", "Neoverse-V2"},
  };
  for (size_t i = 0; i < ARRAY_LEN(parts); i++)
    if (str_eqc(part, parts[i].part))
      return parts[i].name;
  return NULL;
}

static void set_brand(struct cpu_info *info, struct str name)
{
  if (!info->brand[0])
    snprintf(info->brand, sizeof info->brand, "%.*s", STR_ARG(name));
}

struct core {
  struct str physical, core;
};

void sysinfo_parse_cpu(struct str cpuinfo, struct cpu_info *ret)
{
  static const struct str none = {0};
  *ret = (struct cpu_info){0};
  CLEANUP(mem_free_at) struct core *pair = NULL;
  size_t pairs = 0, processors = 0;
  struct str line, value, physical = none;
  while (str_split(&cpuinfo, '\n', &line)) {
    if (field(line, "processor", &value)) {
      processors++;
    } else if (field(line, "model name", &value)) {
      set_brand(ret, value);
    } else if (field(line, "CPU part", &value) && arm_part(value)) {
      set_brand(ret, str_of(arm_part(value)));
    } else if (field(line, "physical id", &value)) {
      physical = value;
    } else if (field(line, "core id", &value)) {
      bool known = false;
      for (size_t i = 0; i < pairs && !known; i++)
        known = str_eq(pair[i].physical, physical) && str_eq(pair[i].core, value);
      if (!known) {
        pair = mem_resize(pair, (pairs + 1) * sizeof *pair);
        pair[pairs++] = (struct core){physical, value};
      }
    }
  }
  ret->cores = pairs ? pairs : processors;
}

struct str sysinfo_release_value(struct str text, const char *key)
{
  struct str line;
  while (str_split(&text, '\n', &line)) {
    ptrdiff_t equals = str_find(line, '=');
    if (equals < 0 || !str_eqc(str_make(line.ptr, (size_t)equals), key))
      continue;
    struct str v = str_trim(str_sub(line, (size_t)equals + 1, line.len));
    bool quoted = v.len >= 2 && (v.ptr[0] == '"' || v.ptr[0] == '\'') && v.ptr[v.len - 1] == v.ptr[0];
    return quoted ? str_sub(v, 1, v.len - 2) : v;
  }
  return STR_NONE;
}

static void write_os(struct buf *out)
{
  struct buf release = BUF_INIT(64 << 10), os = BUF_INIT(1024);
  struct str name = STR_NONE, version = STR_NONE;
  if (!read_whole("/etc/os-release", &release)) {
    name = sysinfo_release_value(buf_str(&release), "NAME");
    version = sysinfo_release_value(buf_str(&release), "VERSION_ID");
  }
  if (!name.len && !read_whole("/etc/lsb-release", &release)) {
    name = sysinfo_release_value(buf_str(&release), "DISTRIB_ID");
    version = sysinfo_release_value(buf_str(&release), "DISTRIB_RELEASE");
  }
  buf_printf(&os, "Linux (%.*s%s%.*s)", STR_ARG(name), version.len ? " " : "", STR_ARG(version));
  js_put_str(out, "name", name.len ? name : STR_NONE);
  js_put_str(out, "os", buf_str(&os));
  buf_release(&release);
  buf_release(&os);
}

void sysinfo_write(struct buf *out)
{
  struct utsname u = {0};
  uname(&u);
  char host[256] = {0};
  gethostname(host, sizeof host - 1);
  struct buf file = BUF_INIT(8 << 20);
  struct cpu_info cpu = {0};
  if (!read_whole("/proc/cpuinfo", &file))
    sysinfo_parse_cpu(buf_str(&file), &cpu);
  size_t logical = read_whole("/proc/stat", &file) ? 0 : procfs_cpu_count(buf_str(&file));
  buf_release(&file);
  js_open(out, '{');
  write_os(out);
  js_put_text(out, "kernel", u.release);
  js_put_int(out, "core_count", (int64_t)cpu.cores);
  js_put_int(out, "logical_core_count", (int64_t)logical);
  js_put_text(out, "host_name", host);
  js_put_text(out, "cpu_brand", cpu.brand);
  js_put_text(out, "cpu_arch", u.machine);
  buf_add_char(out, '}');
}
