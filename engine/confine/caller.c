/* SPDX-License-Identifier: Apache-2.0 */
/* The process behind an intercepted call. A number can be another process's a moment later: everything is
 * opened below one descriptor of its directory in /proc, and counts only once the kernel has said that the
 * call still waits. Source: seccomp_unotify(2), proc(5), user_namespaces(7), credentials(7). */
#include "engine/confine/caller.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/base/str.h"
#include "engine/base/sys.h"
#include "engine/confine/cgroup.h"

#define MAX_STATUS 65536
#define MAX_MAP 65536

/* ---- its identity, as the kernel tells it */

static bool numbers(struct str line, int base, unsigned long long *ret, size_t max, size_t *ret_n)
{
	AUTO(free) char *text = str_dup(line);
	char *p = text, *end;
	size_t n = 0;

	for (;; p = end) {
		p += strspn(p, " \t");
		if (!*p)
			break;
		errno = 0;
		if (n == max)
			return false;
		ret[n++] = strtoull(p, &end, base);
		if (end == p || errno)
			return false;
	}
	*ret_n = n;
	return true;
}

int caller_ids_parse(const char *text, struct caller_ids *ret)
{
	struct str rest = str_from(text), line;
	unsigned long long v[CALLER_GROUPS];
	unsigned seen = 0;
	size_t n;

	memset(ret, 0, sizeof(*ret));
	while (str_next(&rest, '\n', &line)) {
		struct str value = line, name;

		str_next(&value, ':', &name);
		if (str_is(name, "Uid") && numbers(value, 10, v, 4, &n) && n == 4) {
			ret->ruid = (uid_t)v[0];
			ret->euid = (uid_t)v[1];
			ret->suid = (uid_t)v[2];
			ret->fsuid = (uid_t)v[3];
			seen |= 1;
		} else if (str_is(name, "Gid") && numbers(value, 10, v, 4, &n) && n == 4) {
			ret->rgid = (gid_t)v[0];
			ret->egid = (gid_t)v[1];
			ret->sgid = (gid_t)v[2];
			ret->fsgid = (gid_t)v[3];
			seen |= 2;
		} else if (str_is(name, "Groups")) {
			if (!numbers(value, 10, v, CALLER_GROUPS, &n))
				return -E2BIG;
			for (size_t i = 0; i < n; i++)
				ret->groups[i] = (gid_t)v[i];
			ret->n_groups = n;
			seen |= 4;
		} else if (str_is(name, "CapEff") && numbers(value, 16, v, 1, &n) && n == 1) {
			ret->caps = v[0];
			seen |= 8;
		} else if (str_is(name, "NSpid") && numbers(value, 10, v, CALLER_GROUPS, &n) && n) {
			ret->pid = (pid_t)v[n - 1];
			seen |= 32;
		} else if (str_is(name, "Umask") && numbers(value, 8, v, 1, &n) && n == 1) {
			ret->umask = (mode_t)v[0] & 0777;
			seen |= 16;
		}
	}
	return seen == 63 ? 0 : -EINVAL;
}

/* ---- taking hold of it */

bool caller_is_waiting(const struct syscall_caller *c)
{
	return ioctl(c->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &c->id) == 0;
}

void caller_done(struct syscall_caller *c)
{
	int *fds[] = {&c->proc, &c->mem, &c->root, &c->cwd, &c->mnt, &c->pidns, &c->user};

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (*fds[i] >= 0)
			close(TAKE_FD(*fds[i]));
}

int caller_open_at(int listener, uint64_t id, int take_proc, struct syscall_caller *ret)
{
	AUTO(free) char *status = NULL;
	struct syscall_caller c = CALLER_NULL;
	const struct {
		int *fd;
		const char *name;
		int flags;
	} files[] = {
	    {&c.mem, "mem", O_RDWR},	    {&c.root, "root", O_PATH | O_DIRECTORY},
	    {&c.cwd, "cwd", O_PATH},	    {&c.mnt, "ns/mnt", O_RDONLY},
	    {&c.pidns, "ns/pid", O_RDONLY}, {&c.user, "ns/user", O_RDONLY},
	};
	int r = 0;

	c.listener = listener;
	c.id = id;
	c.proc = take_proc;
	for (size_t i = 0; c.proc >= 0 && !r && i < ARRAY_SIZE(files); i++) {
		*files[i].fd = openat(c.proc, files[i].name, files[i].flags | O_CLOEXEC);
		if (*files[i].fd < 0)
			r = -errno;
	}
	if (c.proc >= 0 && !r && path_read(c.proc, "status", MAX_STATUS, &status) < 0)
		r = -ESRCH;
	if (!r)
		r = status ? caller_ids_parse(status, &c.ids) : -ESRCH;
	/* all that was opened is its own only if it waited until now */
	if (!caller_is_waiting(&c))
		r = -ESRCH;
	if (r < 0) {
		caller_done(&c);
		return r;
	}
	*ret = c;
	return 0;
}

int caller_open(int listener, uint64_t id, pid_t pid, struct syscall_caller *ret)
{
	AUTO(free) char *path = xasprintf("/proc/%d", pid);
	int proc = pid > 0 ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	return proc < 0 ? -ESRCH : caller_open_at(listener, id, proc, ret);
}

int caller_read(void *ctx, uint64_t address, void *to, size_t len, size_t *ret)
{
	const struct syscall_caller *c = ctx;
	ssize_t n = address > INT64_MAX ? -1 : pread(c->mem, to, len, (off_t)address);

	if (!caller_is_waiting(c))
		return -ESRCH;
	if (n <= 0)
		return -EFAULT;
	*ret = (size_t)n;
	return 0;
}

int caller_write(const struct syscall_caller *c, uint64_t address, const void *from, size_t len)
{
	/* the descriptor is of its memory, whoever has its number by now */
	if (!caller_is_waiting(c))
		return -ESRCH;
	return address > INT64_MAX || pwrite(c->mem, from, len, (off_t)address) != (ssize_t)len ? -EFAULT : 0;
}

int caller_fd(const struct syscall_caller *c, int fd)
{
	AUTO(free) char *name = xasprintf("fd/%d", fd);
	int r;

	if (fd == AT_FDCWD)
		r = fcntl(c->cwd, F_DUPFD_CLOEXEC, 3);
	else
		r = fd < 0 ? -1 : openat(c->proc, name, O_PATH | O_CLOEXEC);
	if (r < 0)
		return -EBADF;
	if (!caller_is_waiting(c)) {
		close(r);
		return -ESRCH;
	}
	return r;
}

bool caller_in(const struct syscall_caller *c, int user)
{
	struct stat its, ours;

	return !fstat(c->user, &its) && !fstat(user, &ours) && its.st_dev == ours.st_dev &&
	       its.st_ino == ours.st_ino;
}

static int maps_one(const struct syscall_caller *c, const char *file, uint32_t id)
{
	AUTO(free) char *text = NULL;
	struct str rest, line;
	unsigned long long v[3];
	size_t n;

	if (path_read(c->proc, file, MAX_MAP, &text) < 0 || !caller_is_waiting(c))
		return -ESRCH;
	rest = str_from(text);
	while (str_next(&rest, '\n', &line))
		if (numbers(line, 10, v, 3, &n) && n == 3 && id >= v[1] && id - v[1] < v[2])
			return 1;
	return 0;
}

int caller_maps(const struct syscall_caller *c, uid_t uid, gid_t gid)
{
	int r = maps_one(c, "uid_map", uid);

	return r == 1 ? maps_one(c, "gid_map", gid) : r;
}

/* ---- its twin */

static int set_caps(uint64_t caps)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(caps >> (32 * i));
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

static bool is_own_userns(int user)
{
	struct stat its, ours;

	return !fstat(user, &its) && !stat("/proc/self/ns/user", &ours) && its.st_dev == ours.st_dev &&
	       its.st_ino == ours.st_ino;
}

/* Mounts and root first, which takes rights of the host; what is left at the end is what the caller has. */
int caller_become(const struct syscall_caller *c, pid_t parent)
{
	const struct caller_ids *ids = &c->ids;
	bool same = is_own_userns(c->user);

	if (setns(c->mnt, CLONE_NEWNS) < 0 || fchdir(c->root) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return -EPERM;
	umask(ids->umask);
	/* ids of the host: the kernel keeps them when the user namespace is joined */
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(ids->n_groups, ids->groups) < 0 ||
	    setresgid(ids->rgid, ids->egid, ids->sgid) < 0 ||
	    setresuid(ids->ruid, ids->euid, ids->suid) < 0 || set_caps(UINT64_MAX) < 0)
		return -EPERM;
	setfsgid(ids->fsgid);
	setfsuid(ids->fsuid);
	if ((uid_t)setfsuid((uid_t)-1) != ids->fsuid || (gid_t)setfsgid((gid_t)-1) != ids->fsgid)
		return -EPERM;
	if (!same && (set_caps(UINT64_MAX) < 0 || setns(c->user, CLONE_NEWUSER) < 0))
		return -EPERM;
	if (set_caps(ids->caps) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
	    (getppid() != parent && getppid() != 0))
		return -EPERM;
	/* still the one whose identity this is */
	return caller_is_waiting(c) ? 0 : -ESRCH;
}

int caller_twin(const struct syscall_caller *c, char *const *groups, int (*act)(void *ctx), void *ctx)
{
	/* both see what it did, and the descriptors that it opened */
	int *result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	AUTO(fd) int twin = -EBADF;
	pid_t parent = getpid(), pid;
	siginfo_t si;
	int r;

	if (result == MAP_FAILED)
		return -ENOMEM;
	*result = -EINTR; /* if it is killed */
	pid = sys_clone3(CLONE_FILES, &twin);
	if (pid == 0) {
		for (r = 0; !r && groups && *groups; groups++)
			r = cgroup_join(*groups, NULL);
		if (!r)
			r = caller_become(c, parent);
		*result = r < 0 ? r : act(ctx);
		_exit(0);
	}
	r = pid < 0 ? pid : sys_waitid(twin, &si, 0);
	if (!r)
		r = *result;
	munmap(result, sizeof(*result));
	return r;
}
