/* SPDX-License-Identifier: Apache-2.0 */
/* The host's and other containers' processes, sockets, memory, links, groups, keys and names. */
#include "attack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* One that was started as "attack marks attack-victim". */
static pid_t find_process(void)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	pid_t found = 0;
	char path[280];

	while (d && !found && (e = readdir(d))) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);

		if (pid <= 0 || pid == getpid() || pid == getppid())
			continue;
		snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
		if (find_text(path, "attack-victim") == 0)
			found = pid;
	}
	if (d)
		closedir(d);
	return found;
}

static int process(const char *what)
{
	pid_t pid = find_process();

	if (!pid)
		return -ESRCH;
	switch (*what) {
	case 's': /* see */
		return 0;
	case 'k': /* kill */
		return kill(pid, 0) < 0 ? -errno : 0;
	case 'p': /* ptrace */
		if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0)
			return -errno;
		return 0;
	}
	return -EINVAL;
}

/* By its number outside ($ATTACK_PID). */
static int process_by_number(const char *what)
{
	const char *number = getenv("ATTACK_PID");
	pid_t pid = number ? (pid_t)strtol(number, NULL, 10) : 0;
	char path[64];

	if (pid <= 0)
		return -ESRCH;
	/* the container may have one of that number */
	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	if (find_text(path, "attack-victim") != 0)
		return -ESRCH;
	if (!strcmp(what, "cmdline"))
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	if (!strcmp(what, "root")) {
		int fd = open(path, O_PATH | O_CLOEXEC);

		return fd < 0 ? -errno : has_mark(fd);
	}
	return open_to_write(path);
}

static int abstract_socket(const char *what)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)what;
	strncpy(addr.sun_path + 1, foreign_name(), sizeof(addr.sun_path) - 2);
	return s < 0 || connect(s, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : 0;
}

static int memory_segment(const char *what)
{
	(void)what;
	return shmget(0x41747461, 4096, 0666) < 0 ? -errno : 0;
}

static int link_of_host(const char *what)
{
	(void)what;
	return if_nametoindex(foreign_name()) ? 0 : -errno;
}

/* 10: search, -4: the user's keyring */
static int key(const char *what)
{
	(void)what;
	return syscall(SYS_keyctl, 10, -4L, "user", foreign_name(), 0L) < 0 ? -errno : 0;
}

static int key_listed(const char *what)
{
	return find_text(what, foreign_name());
}

static bool is_found;

static int look_at_name(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	is_found = is_found || strstr(path + ftw->base, foreign_group());
	return is_found;
}

static int group(const char *what)
{
	is_found = false;
	if (nftw(what, look_at_name, 16, FTW_PHYS) < 0)
		return -errno;
	return is_found ? 0 : -ENOENT;
}

static int cgroup_parent(const char *what)
{
	char path[512];
	DIR *d = opendir(what);
	struct dirent *e;
	int r = -ENOENT;

	/* whatever it is given as its root must not be writable as a parent: its own group is moved to by ..
	 */
	while (d && r && (e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(path, sizeof(path), "%s/%s/../../%s", what, e->d_name, foreign_group());
		r = access(path, F_OK) < 0 ? -errno : 0;
	}
	return r;
}

/* The bound in a file of its own group, in whichever hierarchy has it; "max" is written there. */
static int lift(const char *file, long *ret_bound)
{
	static const char *const dirs[] = {"", "memory/", "pids/"};
	int r = -ENOENT;

	for (size_t i = 0; i < N_ROWS(dirs); i++) {
		char path[256], now[64] = "";
		ssize_t n;
		int fd;

		snprintf(path, sizeof(path), "/sys/fs/cgroup/%s%s", dirs[i], file);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		n = read(fd, now, sizeof(now) - 1);
		close(fd);
		*ret_bound = n > 0 ? strtol(now, NULL, 10) : 0;
		/* none */
		if (*ret_bound <= 0 || *ret_bound > 1L << 40)
			return -ENODATA;
		fd = open(path, O_WRONLY | O_CLOEXEC);
		r = fd < 0 ||
			    write(fd, strstr(file, "limit") ? "-1" : "max", strstr(file, "limit") ? 2 : 3) < 0
			? -errno
			: 0;
		if (fd >= 0)
			close(fd);
		break;
	}
	return r;
}

/* What counts is whether there is more than before. */
static int more_memory(const char *file)
{
	long bound = 0;
	int r = lift(file, &bound), status = 0;
	pid_t pid;

	if (r < 0)
		return r;
	pid = fork();
	if (pid == 0) {
		char *p = mmap(NULL, (size_t)bound * 5 / 4, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p != MAP_FAILED)
			memset(p, 1, (size_t)bound * 5 / 4);
		_exit(p == MAP_FAILED);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -ENOMEM;
}

static int more_processes(const char *file)
{
	long bound = 0;
	int r = lift(file, &bound);

	if (r < 0)
		return r;
	if (bound > 2000)
		return -ENODATA;
	for (long n = 0; !r && n < bound; n++) {
		pid_t pid = fork();

		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			pause();
			_exit(0);
		}
		r = pid < 0 ? -errno : 0;
	}
	/* they end with this process */
	return r;
}

/* Its own mounts, groups and links tell no other's name. */
static int name_in(const char *what)
{
	return find_text(what, foreign_name());
}

static int name_in_units(const char *what)
{
	DIR *d = opendir(what);
	struct dirent *e;
	int r = -ENOENT;

	while (d && r && (e = readdir(d)))
		if (strstr(e->d_name, foreign_name()))
			r = 0;
	if (d)
		closedir(d);
	return r;
}

static const struct attack rows[] = {
    {"see-process", "see a process outside", process, "see", false},
    {"signal-process", "signal a process outside", process, "kill", false},
    {"trace-process", "trace a process outside", process, "ptrace", false},
    {"pid-cmdline", "see it by its number outside", process_by_number, "cmdline", false},
    {"pid-memory", "write its memory by its number outside", process_by_number, "mem", false},
    {"pid-root", "enter its root by its number outside", process_by_number, "root", false},
    {"abstract-socket", "connect to a socket of the host (CVE-2020-15257)", abstract_socket, "", false},
    {"shared-memory", "attach shared memory of the host", memory_segment, "", false},
    {"host-link", "reach a network link of the host", link_of_host, "", false},
    {"host-key", "find a key of the host's root", key, "", false},
    {"proc-keys", "see a key of the host's root", key_listed, "/proc/keys", false},
    {"see-group", "see a control group outside", group, "/sys/fs/cgroup", false},
    {"parent-group", "reach the group above its own", cgroup_parent, "/sys/fs/cgroup", false},
    {"raise-memory", "raise its memory's limit", more_memory, "memory.max", false},
    {"raise-memory-v1", "raise its memory's limit (v1)", more_memory, "memory.limit_in_bytes", false},
    {"raise-pids", "raise its number of processes", more_processes, "pids.max", false},
    {"names-mounts", "learn a name from mounts", name_in, "/proc/self/mountinfo", false},
    {"names-groups", "learn a name from its group", name_in, "/proc/self/cgroup", false},
    {"names-sockets", "learn a name from sockets", name_in, "/proc/net/unix", false},
    {"names-slab", "learn a name from caches of the kernel", name_in_units, "/sys/kernel/slab", false},
};
const struct attack_table attacks_others = {rows, N_ROWS(rows)};
