/* agent/procfs, agent/sysinfo, agent/public_ip: parsers of what the kernel and the network tell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/procfs.h"
#include "agent/public_ip.h"
#include "agent/sysinfo.h"

static const struct str stat_text = STR(
  "cpu  100 20 30 400 50 6 7 8 9 1\ncpu0 50 10 15 200 25 3 3 4 0 0\ncpu1 50 10 15 200 25 3 4 4 0 0\nintr 1 2 3\n"
  "btime 1700000000\nprocesses 5\n");

static void test_cpu(void **state)
{
  (void)state;
  struct cpu_times t, later;
  assert_true(procfs_cpu(stat_text, &t));
  assert_int_equal(t.busy, 100 + 20 + 30 + 6 + 7 + 8);
  assert_int_equal(t.total, t.busy + 400 + 50);
  assert_int_equal(procfs_cpu_count(stat_text), 2);
  assert_int_equal(procfs_boot_time(stat_text), 1700000000);
  later = (struct cpu_times){t.busy + 25, t.total + 100};
  assert_float_equal((float)procfs_cpu_percent(&t, &later), 25, 1e-4f);
  assert_true(procfs_cpu_percent(&later, &t) <= 0);     /* counters that went back */
  assert_true(procfs_cpu_percent(&t, &t) <= 0);
  assert_false(procfs_cpu(STR("nothing\n"), &t));
}

static void test_memory(void **state)
{
  (void)state;
  struct str text = STR("MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 600 kB\nBuffers: 10 kB\nCached: 200 kB\n"
                        "SwapTotal: 50 kB\nSwapFree: 20 kB\nShmem: 30 kB\nSReclaimable: 40 kB\n");
  struct memory m;
  procfs_memory(text, STR_NONE, &m);
  assert_int_equal(m.total, 1000 * 1024);
  assert_int_equal(m.used, 400 * 1024);
  assert_int_equal(m.buff_cache, 220 * 1024);
  assert_int_equal(m.swap_used, 30 * 1024);
  assert_int_equal(m.zfs_arc, 0);
  procfs_memory(text, STR("13 1 0x01\nname type data\nhits 4 99\nsize 4 102400\n"), &m);
  assert_int_equal(m.zfs_arc, 102400);
  assert_int_equal(m.used, 300 * 1024);
  procfs_memory(STR("MemTotal: 10 kB\nMemFree: 4 kB\n"), STR_NONE, &m);   /* kernels without MemAvailable */
  assert_int_equal(m.used, 6 * 1024);
}

static void test_load(void **state)
{
  (void)state;
  double load[3];
  assert_true(procfs_load(STR("0.10 2.5 13.37 1/2 3\n"), load));
  assert_float_equal((float)(load[0] + load[1] + load[2]), 15.97f, 1e-4f);
  assert_false(procfs_load(STR("0.1"), load));
}

static void test_disks(void **state)
{
  (void)state;
  struct str mounts = STR(
    "/dev/sda1 / ext4 rw 0 0\nproc /proc proc rw 0 0\n/dev/sda1 / ext4 rw 0 0\n/dev/sdb /mnt/my\\040disk xfs rw 0 0\n"
    "tmpfs /tmp tmpfs rw 0 0\nhost:/x /nfs nfs4 rw 0 0\n/dev/sdc /run/media/usb vfat rw 0 0\n/dev/sdd /run/x ext4 rw 0 0\n"
    "/dev/sde /sys/odd ext4 rw 0 0\n/dev/sdf /system ext4 rw 0 0\nsunrpc /var/rpc any rw 0 0\noverlay /ov overlay rw 0 0\n"
    "broken\n");
  static const char *const want[] = {"/", "/mnt/my disk", "/run/media/usb", "/system"};
  struct arena a = {0};
  struct mount *list;
  size_t count = procfs_disks(&a, mounts, &list);
  assert_int_equal(count, ARRAY_LEN(want));
  for (size_t i = 0; i < count; i++)
    assert_string_equal(list[i].path.ptr, want[i]);
  arena_release(&a);
}

static void test_process(void **state)
{
  (void)state;
  struct process_stat p;
  assert_true(procfs_process(
    STR("42 (odd) (name) S 1 42 42 0 -1 4194560 1 2 3 4 70 30 5 6 20 0 1 0 12345 1000000 250 18446744073709551615 1\n"), &p));
  assert_string_equal(p.name, "odd) (name");
  assert_int_equal(p.cpu, 100);
  assert_int_equal(p.start, 12345);
  assert_int_equal(p.rss_pages, 250);
  assert_false(procfs_process(STR(""), &p));
  assert_false(procfs_process(STR(")("), &p));
  uint64_t r = 0, w = 0;
  procfs_process_io(STR("rchar: 1\nwchar: 2\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 1\n"), &r, &w);
  assert_int_equal(r, 4096);
  assert_int_equal(w, 8192);
}

static void test_cpu_info(void **state)
{
  (void)state;
  struct cpu_info c;
  sysinfo_parse_cpu(STR("processor : 0\nmodel name : Some CPU\nphysical id : 0\ncore id : 0\n\n"
                        "processor : 1\nmodel name : Some CPU\nphysical id : 0\ncore id : 0\n\n"
                        "processor : 2\nphysical id : 1\ncore id : 0\n"), &c);
  assert_int_equal(c.cores, 2);
  assert_string_equal(c.brand, "Some CPU");
  sysinfo_parse_cpu(STR("processor : 0\nCPU part : 0xd0c\n\nprocessor : 1\nCPU part : 0xd0c\n"), &c);
  assert_int_equal(c.cores, 2);
  assert_string_equal(c.brand, "Neoverse-N1");
}

static void test_release(void **state)
{
  (void)state;
  struct str text = STR("PRETTY_NAME=\"x\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=12\n");
  assert_true(str_eqc(sysinfo_release_value(text, "NAME"), "Debian GNU/Linux"));
  assert_true(str_eqc(sysinfo_release_value(text, "VERSION_ID"), "12"));
  assert_null(sysinfo_release_value(text, "ID").ptr);
}

#define HEAD "\x12\x34\x81\x80\0\1\0\1\0\0\0\0"
#define QUESTION "\4myip\7opendns\3com\0\0\1\0\1"

static void test_dns(void **state)
{
  (void)state;
  char ip[46] = "";
  struct str good = STR(HEAD QUESTION "\xC0\x0C\0\1\0\1\0\0\0\0\0\4\xC0\0\2\1");
  assert_true(dns_parse_address(good, 0x1234, 1, ip));
  assert_string_equal(ip, "192.0.2.1");
  assert_false(dns_parse_address(good, 0x1235, 1, ip));       /* not our question */
  assert_false(dns_parse_address(good, 0x1234, 28, ip));
  for (size_t len = 0; len < good.len; len++) {               /* cut anywhere: refused, nothing read beyond */
    char *cut = malloc(len + 1);
    memcpy(cut, good.ptr, len);
    assert_false(dns_parse_address(str_make(cut, len), 0x1234, 1, ip));
    free(cut);
  }
  assert_false(dns_parse_address(STR("\x12\x34\x81\x83\0\1\0\0\0\0\0\0" QUESTION), 0x1234, 1, ip));   /* no such name */
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_cpu), cmocka_unit_test(test_memory), cmocka_unit_test(test_load), cmocka_unit_test(test_disks),
    cmocka_unit_test(test_process), cmocka_unit_test(test_cpu_info), cmocka_unit_test(test_release),
    cmocka_unit_test(test_dns),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
