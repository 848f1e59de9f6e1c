/* What reaches the agent from outside without a login: DNS answers; and what the kernel's files might hold. */
#include "agent/procfs.h"
#include "agent/public_ip.h"
#include "agent/sysinfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  char ip[46] = "";
  struct str text = str_make((const char *)data, size);
  if (size >= 2) {
    uint16_t id = (uint16_t)(data[0] << 8 | data[1]);
    if (dns_parse_address(text, id, 1, ip) && strlen(ip) < 7)
      abort();
    dns_parse_address(text, id, 28, ip);
  }
  struct arena a = {0};
  struct mount *mounts;
  struct process_stat process;
  struct cpu_info cpu;
  struct cpu_times times;
  struct memory memory;
  double load[3];
  uint64_t r, w;
  procfs_disks(&a, text, &mounts);
  procfs_process(text, &process);
  procfs_process_io(text, &r, &w);
  procfs_cpu(text, &times);
  procfs_memory(text, text, &memory);
  procfs_load(text, load);
  sysinfo_parse_cpu(text, &cpu);
  sysinfo_release_value(text, "NAME");
  arena_release(&a);
  return 0;
}
