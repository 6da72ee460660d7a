/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that reach the whole host. */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <linux/reboot.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

/* linux/nsfs.h of 6.12 */
#define GET_PARENT _IO(0xb7, 0x2)
#define GET_USERNS _IO(0xb7, 0x1)
struct next_ns {
	uint32_t size, nr_mounts;
	uint64_t id;
};
#define GET_NEXT _IOR(0xb7, 11, struct next_ns)
#define GET_PREVIOUS _IOR(0xb7, 12, struct next_ns)

static int result(long r)
{
	return r < 0 ? -errno : 0;
}

static int kexec(const char *what)
{
	(void)what;
	return came_through(syscall(SYS_kexec_load, 0, 17, 0, -1));
}

static int kexec_file(const char *what)
{
	(void)what;
	return came_through(syscall(SYS_kexec_file_load, -1, -1, 0, 0, 0));
}

static int module_init(const char *what)
{
	(void)what;
	return came_through(syscall(SYS_init_module, 0, 0, 0));
}

static int module_file(const char *what)
{
	(void)what;
	return came_through(syscall(SYS_finit_module, -1, "", 0));
}

static int module_delete(const char *what)
{
	(void)what;
	return came_through(syscall(SYS_delete_module, 0, 0));
}

/* i386's numbers through its entry, x32's through the usual one. A kernel without the entry kills the caller
 * of the first (SIGSEGV). */
static int module_other_entry(const char *what)
{
#ifdef __x86_64__
	if (*what == '3') {
		int r;

		signal(SIGSEGV, _exit);
		__asm__ volatile("int $0x80"
				 : "=a"(r)
				 : "a"(128), "b"(0), "c"(0), "d"(0)
				 : "memory", "r8", "r9", "r10", "r11");
		errno = r < 0 ? -r : 0;
		return came_through(r < 0 ? -1 : 0);
	}
	return came_through(syscall(SYS_init_module | 0x40000000, 0, 0, 0));
#else
	(void)what;
	return -ENOSYS;
#endif
}

static int handle(const char *what)
{
	struct {
		unsigned bytes;
		int type;
		unsigned char id[8];
	} h = {8, 1, {2}};
	int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)what;
	return came_through(syscall(SYS_open_by_handle_at, root, &h, O_RDONLY));
}

static int force_umount(const char *what)
{
	(void)what;
	mkdir("/tmp/attack-force", 0700);
	if (mount("force", "/tmp/attack-force", "tmpfs", 0, NULL) < 0)
		return -errno;
	if (!umount2("/tmp/attack-force", MNT_FORCE))
		return 0;
	{
		int r = -errno;

		umount2("/tmp/attack-force", MNT_DETACH);
		return r;
	}
}

static int bpf_list(const char *what)
{
	union bpf_attr attr = {.start_id = 0};

	(void)what;
	return came_through(syscall(SYS_bpf, BPF_PROG_GET_NEXT_ID, &attr, sizeof(attr)));
}

static int bpf_load(const char *what)
{
	struct bpf_insn code[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K}, {.code = BPF_JMP | BPF_EXIT}};
	union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
			       .insns = (uintptr_t)code,
			       .insn_cnt = 2,
			       .license = (uintptr_t) "GPL"};

	(void)what;
	return came_through(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)));
}

static int perf(const char *what)
{
	struct perf_event_attr attr = {
	    .type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_CPU_CLOCK};

	(void)what;
	return result(syscall(SYS_perf_event_open, &attr, -1, 0, -1, 0));
}

static int fault_handler(const char *what)
{
	(void)what;
	return result(syscall(SYS_userfaultfd, 0));
}

static int kernel_log(const char *what)
{
	char text[256];

	(void)what;
	return result(syscall(SYS_syslog, 3, text, (long)sizeof(text)));
}

static int ports(const char *what)
{
	(void)what;
#ifdef SYS_iopl
	return result(syscall(SYS_iopl, 3));
#else
	return -ENOSYS;
#endif
}

static int clock_set(const char *what)
{
	struct timex nothing = {.modes = ADJ_SETOFFSET};
	struct timespec now;

	if (*what == 'a')
		return result(adjtimex(&nothing));
	clock_gettime(CLOCK_REALTIME, &now);
	return result(clock_settime(CLOCK_REALTIME, &now));
}

static int wake(const char *what)
{
	(void)what;
	return result(timerfd_create(CLOCK_BOOTTIME_ALARM, TFD_CLOEXEC));
}

static int ctrl_alt_del(const char *what)
{
	(void)what;
	return result(
	    syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_CAD_OFF, 0));
}

static int swap(const char *what)
{
	return came_through(*what == 'n' ? swapon("/proc/self/status", 0) : swapoff("/proc/self/status"));
}

static int real_time(const char *what)
{
	struct sched_param one = {.sched_priority = 1};

	(void)what;
	return result(sched_setscheduler(0, SCHED_FIFO, &one));
}

static int priority(const char *what)
{
	(void)what;
	return result(setpriority(PRIO_PROCESS, 0, -20));
}

static int raise_limit(const char *what)
{
	struct rlimit l;

	(void)what;
	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return -errno;
	l.rlim_max++;
	return result(setrlimit(RLIMIT_NOFILE, &l));
}

static int out_of_memory(const char *what)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	(void)what;
	return fd < 0 ? -errno : result(write(fd, "-1000", 5));
}

static int parent_namespace(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : result(ioctl(fd, GET_PARENT));
}

/* Linux 6.12: who has rights over a mount namespace may go from it to the next one of the whole host. */
static int other_mounts(const char *what)
{
	int r = -ENODATA, from = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);

	for (int n = 0; from >= 0 && n < 4096; n++) {
		struct next_ns info = {.size = sizeof(info)};
		int root, to = ioctl(from, *what == 'n' ? GET_NEXT : GET_PREVIOUS, &info);

		if (to < 0)
			return r == -ENODATA || errno != ENOENT ? -errno : r;
		close(from);
		from = to;
		if (setns(to, CLONE_NEWNS) < 0) {
			r = -errno;
			continue;
		}
		root = open("/", O_PATH | O_CLOEXEC);
		r = has_mark(root);
		if (!r)
			return 0;
	}
	return r;
}

static const struct attack rows[] = {
    {"kexec_load", "start another kernel", kexec, "", false},
    {"kexec_file_load", "start another kernel, from a file", kexec_file, "", false},
    {"init_module", "load a kernel module", module_init, "", false},
    {"finit_module", "load a kernel module, from a file", module_file, "", false},
    {"delete_module", "unload a kernel module", module_delete, "", false},
    {"i386-init_module", "load a module through the 32-bit entry", module_other_entry, "32", false},
    {"x32-init_module", "load a module through the x32 entry", module_other_entry, "x32", false},
    {"open_by_handle_at", "open a file of the host by a guessed handle", handle, "", false},
    {"umount-force", "unmount by force", force_umount, "", false},
    {"bpf-list", "list all BPF programs of the host", bpf_list, "", false},
    {"bpf-load", "load a BPF program", bpf_load, "", false},
    {"perf_event_open", "watch a processor with all that runs on it", perf, "", false},
    {"userfaultfd", "handle page faults of the kernel", fault_handler, "", false},
    {"syslog", "read the kernel's log", kernel_log, "", false},
    {"iopl", "reach the I/O ports", ports, "", false},
    {"clock_settime", "set the host's clock", clock_set, "", false},
    {"adjtimex", "shift the host's clock", clock_set, "adjust", false},
    {"alarm-timer", "wake the host from sleep", wake, "", false},
    {"reboot-keys", "change what Ctrl-Alt-Del does", ctrl_alt_del, "", true},
    {"swapon", "give the host swap space", swap, "n", false},
    {"swapoff", "take the host's swap space", swap, "ff", false},
    {"real-time", "run before all others (SCHED_FIFO)", real_time, "", false},
    {"nice", "run before others (nice -20)", priority, "", false},
    {"setrlimit", "raise its own limits", raise_limit, "", false},
    {"oom-score", "have others killed when memory runs out", out_of_memory, "", false},
    {"parent-pid-ns", "get at the pid namespace outside", parent_namespace, "/proc/self/ns/pid", false},
    {"parent-user-ns", "get at the user namespace outside", parent_namespace, "/proc/self/ns/user", false},
    {"next-mount-ns", "walk to another's mounts (Linux 6.12)", other_mounts, "next", false},
    {"previous-mount-ns", "walk to another's mounts, backwards", other_mounts, "previous", false},
};
const struct attack_table attacks_calls = {rows, N_ROWS(rows)};
