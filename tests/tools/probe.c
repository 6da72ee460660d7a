/* SPDX-License-Identifier: Apache-2.0 */
/* Runs inside a container, static and alone in its image, and answers one question a verb, on standard
 * output. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *name_of(long r)
{
	return r >= 0		 ? "allowed"
	       : errno == ENOSYS ? "ENOSYS"
	       : errno == EPERM	 ? "EPERM"
	       : errno == EBADF	 ? "EBADF"
				 : strerror(errno);
}

/* Every call with arguments that a kernel without the filter answers with another errno than the filter. */
static int syscalls(void)
{
	/* clang-format off */
	static const struct { const char *name; long nr; long arg[4]; } calls[] = {
		{"kexec_load", SYS_kexec_load, {0, 17, 0, -1}},
		{"kexec_file_load", SYS_kexec_file_load, {-1, -1, 0, 0}},
		{"open_by_handle_at", SYS_open_by_handle_at, {-1, 0, 0, 0}},
		{"init_module", SYS_init_module, {0, 0, 0, 0}},
		{"finit_module", SYS_finit_module, {-1, 0, 0, 0}},
		{"delete_module", SYS_delete_module, {0, 0, 0, 0}},
		{"umount2-force", SYS_umount2, {(long)"/nowhere", MNT_FORCE, 0, 0}},
		{"umount2", SYS_umount2, {(long)"/nowhere", 0, 0, 0}},
		{"bpf", SYS_bpf, {-1, 0, 0, 0}},
		{"perf_event_open", SYS_perf_event_open, {0, -1, -1, -1}},
		{"userfaultfd", SYS_userfaultfd, {-1, 0, 0, 0}},
		{"keyctl", SYS_keyctl, {-1, 0, 0, 0}},
		{"add_key", SYS_add_key, {0, 0, 0, 0}},
		{"request_key", SYS_request_key, {0, 0, 0, 0}},
		{"swapon", SYS_swapon, {0, 0, 0, 0}},
		{"swapoff", SYS_swapoff, {0, 0, 0, 0}},
		/* only the lower half of the request counts */
		{"ioctl-next-mount-ns", SYS_ioctl, {-1, 0x8010b70b, 0, 0}},
		{"ioctl-previous-mount-ns", SYS_ioctl, {-1, 0x18010b70c, 0, 0}},
		{"x32-init_module", SYS_init_module | 0x40000000, {0, 0, 0, 0}},
		{"getppid", SYS_getppid, {0, 0, 0, 0}},
	};
	/* clang-format on */
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		const long *a = calls[i].arg;

		errno = 0;
		printf("%s %s\n", calls[i].name, name_of(syscall(calls[i].nr, a[0], a[1], a[2], a[3])));
	}
	return 0;
}

/* The same through the 32-bit entry, whose numbers differ; in a child, since a kernel may lack it. */
static int syscalls32(void)
{
#ifdef __x86_64__
	static const struct {
		const char *name;
		int nr;
	} calls[] = {{"init_module", 128}, {"delete_module", 129}, {"kexec_load", 283}, {"getppid", 64}};

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		int status = 0;
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			int r;

			__asm__ volatile("int $0x80"
					 : "=a"(r)
					 : "a"(calls[i].nr), "b"(0), "c"(0), "d"(0)
					 : "memory", "r8", "r9", "r10", "r11");
			errno = r < 0 ? -r : 0;
			printf("%s %s\n", calls[i].name, name_of(r < 0 ? -1 : 0));
			fflush(stdout);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		if (WIFSIGNALED(status))
			printf("%s no such entry\n", calls[i].name);
	}
#endif
	return 0;
}

static int descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && (int)strtol(e->d_name, NULL, 10) != dirfd(d))
			printf("%s\n", e->d_name);
	return 0;
}

/* Processes until the kernel says no. */
static int bomb(void)
{
	int n = 0;

	while (n < 100000) {
		pid_t pid = fork();

		if (pid < 0)
			break;
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			pause();
			_exit(0);
		}
		n++;
	}
	printf("%d %s\n", n, strerror(errno));
	fflush(stdout);
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	return 0;
}

static int eat(size_t mebibytes)
{
	for (size_t i = 0; i < mebibytes; i++) {
		char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			return 1;
		memset(p, 1, 1 << 20);
	}
	printf("ate %zu\n", mebibytes);
	return 0;
}

/* An init that waits: for SIGPWR or SIGUSR1 to end, for SIGUSR2 to restart. Frees itself of its parent with
 * "untie". */
static int init(const char *how)
{
	sigset_t set;
	int got;

	sigemptyset(&set);
	sigaddset(&set, SIGPWR);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (how && !strcmp(how, "untie"))
		prctl(PR_SET_PDEATHSIG, 0);
	printf("init waits\n");
	fflush(stdout);
	while (!sigwait(&set, &got)) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (got == SIGPWR)
			reboot(RB_POWER_OFF);
		if (got == SIGUSR2)
			reboot(RB_AUTOBOOT);
		if (got == SIGUSR1)
			return 42;
	}
	return 1;
}

/* Every way to take an attribute off a mount: in place, of a copy, in a namespace of its own. */
static void loosen_in(const char *where, const char *path)
{
	/* clang-format off */
	static const struct { const char *name; unsigned long long attr; } attrs[] = {
		{"ro", MOUNT_ATTR_RDONLY}, {"nosuid", MOUNT_ATTR_NOSUID}, {"nodev", MOUNT_ATTR_NODEV},
		{"noexec", MOUNT_ATTR_NOEXEC}, {"noatime", MOUNT_ATTR__ATIME},
	};
	/* clang-format on */
	for (size_t i = 0; i < sizeof(attrs) / sizeof(*attrs); i++) {
		struct mount_attr a = {.attr_clr = attrs[i].attr};
		int tree = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

		printf("%s-%s %s\n", where, attrs[i].name,
		       mount_setattr(AT_FDCWD, path, 0, &a, sizeof(a)) < 0 ? name_of(-1) : "done");
		printf("%s-copy-%s %s\n", where, attrs[i].name,
		       tree < 0 || mount_setattr(tree, "", AT_EMPTY_PATH, &a, sizeof(a)) < 0 ? name_of(-1)
											     : "done");
	}
	printf("%s-remount %s\n", where,
	       mount(NULL, path, NULL, MS_REMOUNT | MS_BIND, NULL) < 0 ? name_of(-1) : "done");
	printf("%s-write %s\n", where, open(path, O_TMPFILE | O_WRONLY, 0600) < 0 ? strerror(errno) : "done");
}

static int loosen(const char *path)
{
	loosen_in("here", path);
	fflush(stdout);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		printf("below %s\n", name_of(-1));
	else
		loosen_in("below", path);
	return 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "init", *what = argc > 2 ? argv[2] : NULL;
	struct stat st;

	if (!strcmp(verb, "syscalls"))
		return syscalls();
	if (!strcmp(verb, "syscalls32"))
		return syscalls32();
	if (!strcmp(verb, "descriptors"))
		return descriptors();
	if (!strcmp(verb, "bomb"))
		return bomb();
	if (!strcmp(verb, "eat") && what)
		return eat(strtoul(what, NULL, 10));
	if (!strcmp(verb, "init"))
		return init(what);
	if (!strcmp(verb, "exit") && what)
		return (int)strtol(what, NULL, 10);
	if (!strcmp(verb, "remount-rw") && what) {
		printf("%s\n",
		       mount(NULL, what, NULL, MS_REMOUNT | MS_BIND, NULL) < 0 ? strerror(errno) : "done");
		return 0;
	}
	if (!strcmp(verb, "loosen") && what)
		return loosen(what);
	if (!strcmp(verb, "umount") && what) {
		printf("%s\n", umount2(what, MNT_DETACH) < 0 ? strerror(errno) : "done");
		return 0;
	}
	if (!strcmp(verb, "mknod") && what) {
		printf("%s\n", mknod(what, S_IFBLK | 0600, makedev(254, 0)) < 0 ? strerror(errno) : "done");
		return 0;
	}
	if (!strcmp(verb, "exe")) /* can what runs us be written? */
		printf("%s %s\n", open("/proc/self/exe", O_WRONLY) < 0 ? strerror(errno) : "writable",
		       stat("/proc/self/exe", &st) < 0 ? "none" : "there");
	return 0;
}
