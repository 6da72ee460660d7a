/* SPDX-License-Identifier: Apache-2.0 */
/* Files of /proc and /sys as the container was given them. */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int all_sys(const char *what)
{
	return open_any_to_write("/sys", what);
}

/* Addresses are zero to who may not see them. */
static int kernel_addresses(const char *what)
{
	FILE *f = fopen(what, "re");
	unsigned long long at = 0;
	int r;

	if (!f)
		return -errno;
	r = fscanf(f, "%llx", &at) == 1 && at ? 0 : -ENODATA;
	fclose(f);
	return r;
}

/* The first that matches and can be read. */
static int read_any(const char *pattern)
{
	glob_t g;
	int r = -ENOENT;

	if (glob(pattern, GLOB_BRACE, NULL, &g) != 0)
		return -ENOENT;
	for (size_t i = 0; r && i < g.gl_pathc; i++)
		r = read_a_byte(g.gl_pathv[i]);
	globfree(&g);
	return r;
}

static int write_any(const char *pattern)
{
	glob_t g;
	int r = -ENOENT;

	if (glob(pattern, 0, NULL, &g) != 0)
		return -ENOENT;
	for (size_t i = 0; r && i < g.gl_pathc; i++)
		r = open_to_write(g.gl_pathv[i]);
	globfree(&g);
	return r;
}

static int pagemap(const char *what)
{
	unsigned long long entry = 0;
	int fd = open(what, O_RDONLY | O_CLOEXEC);
	static volatile char page[4096];
	ssize_t n;

	if (fd < 0)
		return -errno;
	page[0] = 1;
	n = pread(fd, &entry, sizeof(entry), (off_t)((unsigned long)page / 4096 * sizeof(entry)));
	return n < 0 ? -errno : entry << 9 ? 0 : -ENODATA;
}

static const struct attack rows[] = {
    {"core_pattern", "have the host run a program at a crash", open_to_write, "/proc/sys/kernel/core_pattern",
     false},
    {"modprobe", "have the host run a program for a module", open_to_write, "/proc/sys/kernel/modprobe",
     false},
    {"proc-sys-kernel", "change the kernel's settings", open_to_write, "/proc/sys/kernel/printk", false},
    {"proc-sys-vm", "change how memory is given", open_to_write, "/proc/sys/vm/overcommit_memory", false},
    {"proc-sys-fs", "change limits of all files", open_to_write, "/proc/sys/fs/file-max", false},
    {"binfmt-register", "have the host run a program for a format", open_to_write,
     "/proc/sys/fs/binfmt_misc/register", false},
    {"sysrq", "give the kernel orders (sysrq)", open_to_write, "/proc/sysrq-trigger", false},
    {"irq", "move the host's interrupts", write_any, "/proc/irq/*/smp_affinity", false},
    {"mtrr", "change how memory is cached", open_to_write, "/proc/mtrr", false},
    {"kcore", "read the host's memory", read_a_byte, "/proc/kcore", false},
    {"kmsg", "read the kernel's log in /proc", read_a_byte, "/proc/kmsg", false},
    {"kallsyms", "learn where the kernel's code lies", kernel_addresses, "/proc/kallsyms", false},
    {"kpageflags", "learn what all memory is used for", read_a_byte, "/proc/kpageflags", false},
    {"pagemap", "learn physical addresses", pagemap, "/proc/self/pagemap", false},
    {"timer_list", "see all timers of the host", read_a_byte, "/proc/timer_list", false},
    {"sched_debug", "see all processes and groups (/proc)", read_a_byte, "/proc/sched_debug", false},
    {"sched-debugfs", "see all processes and groups (debugfs)", read_a_byte, "/sys/kernel/debug/sched/debug",
     false},
    {"latency_stats", "see what the host waits for", read_a_byte, "/proc/latency_stats", false},
    {"vmallocinfo", "see the kernel's memory", read_a_byte, "/proc/vmallocinfo", false},
    {"slabinfo", "see the kernel's caches", read_a_byte, "/proc/slabinfo", false},
    {"slab-names", "see caches of control groups", list_entries, "/sys/kernel/slab", false},
    {"proc-acpi", "reach ACPI", list_entries, "/proc/acpi", false},
    {"proc-bus", "set up devices on the buses", write_any, "/proc/bus/*/*/*", false},
    {"proc-scsi", "reach SCSI", list_entries, "/proc/scsi", false},
    {"sys-write", "write any ruling file of /sys", all_sys, RULING_SYS, false},
    {"uevent_helper", "have the host run a program for a device", open_to_write, "/sys/kernel/uevent_helper",
     false},
    {"sys-power", "send the host to sleep", open_to_write, "/sys/power/state", false},
    {"sys-hugepages", "change how memory is given, in /sys", open_to_write,
     "/sys/kernel/mm/transparent_hugepage/enabled", false},
    {"cpu-online", "switch a processor off", open_to_write, "/sys/devices/system/cpu/cpu1/online", false},
    {"pci-rescan", "change the host's devices", open_to_write, "/sys/bus/pci/rescan", false},
    {"debugfs", "reach debugfs", list_entries, "/sys/kernel/debug", false},
    {"tracefs", "reach tracefs", list_entries, "/sys/kernel/tracing", false},
    {"securityfs", "reach securityfs", list_entries, "/sys/kernel/security", false},
    {"configfs", "reach configfs", list_entries, "/sys/kernel/config", false},
    {"pstore", "read crashes of the host", list_entries, "/sys/fs/pstore", false},
    {"efivars", "reach variables of the firmware", list_entries, "/sys/firmware/efi/efivars", false},
    {"firmware", "read tables of the firmware", read_any, "/sys/firmware/{acpi,dmi}/tables/*", false},
    {"pci-config", "set up devices of the host", write_any, "/sys/bus/pci/devices/*/config", false},
    {"vmcoreinfo", "learn where a dump would lie", read_a_byte, "/sys/kernel/vmcoreinfo", false},
};
const struct attack_table attacks_files = {rows, N_ROWS(rows)};
