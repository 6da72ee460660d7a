/* SPDX-License-Identifier: Apache-2.0 */
/* Giving up capabilities and loading filters, by system calls alone. */
#include "engine/base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/fd.h"
#include "engine/base/path.h"
#include "engine/base/sys.h"

#define MAX_FILTER (BPF_MAXINSNS * sizeof(struct sock_filter))

bool sandbox_is_namespaced(void)
{
	AUTO(free) char *map = NULL;
	unsigned first, outside, count;

	/* the first one maps every id to itself. Source: user_namespaces(7) */
	return path_read(AT_FDCWD, "/proc/self/uid_map", 65536, &map) > 0 &&
	       (sscanf(map, "%u %u %u", &first, &outside, &count) != 3 || first || outside ||
		count != UINT32_MAX);
}

int sandbox_drop_caps(uint64_t bits)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	for (int cap = 0; cap < 64; cap++) {
		if (!(bits & 1ULL << cap))
			continue;
		/* a capability that this kernel doesn't know isn't there to be dropped */
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EINVAL)
			return -errno;
	}
	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		uint32_t keep = ~(uint32_t)(bits >> (32 * i));

		data[i].effective &= keep;
		data[i].permitted &= keep;
		data[i].inheritable &= keep;
	}
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

static int load(int fd, unsigned flags)
{
	struct sock_fprog prog = {0};
	struct str code;
	int r = fd_map_sealed(fd, MAX_FILTER, &code);

	if (r < 0)
		return r;
	prog.len = (unsigned short)(code.len / sizeof(struct sock_filter));
	prog.filter = (struct sock_filter *)(void *)code.ptr;
	/* the mapping stays until execve: munmap() is a call that the filter may deny */
	r = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
	return r < 0 ? -errno : r;
}

int sandbox_filter(int fd)
{
	return load(fd, 0);
}

int sandbox_listen(int fd)
{
	/* from Linux 5.19 on signals don't break off a call that is being done: it would be done twice */
	int r = load(fd, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);

	return r == -EINVAL ? load(fd, SECCOMP_FILTER_FLAG_NEW_LISTENER) : r;
}

int sandbox_become(unsigned uid, unsigned gid, uint64_t keep)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(0, NULL) < 0 ||
	    setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0 ||
	    prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		return -errno;
	if (uid == 0)
		return 0;
	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(keep >> (32 * i));
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

int sandbox_label_exec(int proc, const char *label)
{
	/* the former since Linux 5.8, and the only one where another module shows itself in the latter */
	static const char *const files[] = {"thread-self/attr/apparmor/exec", "thread-self/attr/exec"};
	AUTO(free) char *order = xasprintf("exec %s", label);
	int r = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		AUTO(fd) int fd = openat(proc, files[i], O_WRONLY | O_CLOEXEC);

		if (fd < 0 && errno == ENOENT)
			continue;
		return fd < 0 ? -errno : sys_write_all(fd, order, strlen(order));
	}
	return r;
}

int sandbox_context_exec(int proc, const char *context)
{
	AUTO(fd) int fd = openat(proc, "thread-self/attr/exec", O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : sys_write_all(fd, context, strlen(context));
}

int sandbox_lock_down(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return sandbox_drop_caps(UINT64_MAX);
}

int sandbox_limit(int resource, uint64_t value)
{
	struct rlimit l;

	if (getrlimit((__rlimit_resource_t)resource, &l) < 0)
		return -1;
	/* more than there is would take a right */
	l.rlim_max = MIN(l.rlim_max, value);
	l.rlim_cur = l.rlim_max;
	return setrlimit((__rlimit_resource_t)resource, &l);
}

int sandbox_fs_ids(unsigned uid, unsigned gid)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	setfsgid(gid);
	setfsuid(uid);
	if ((unsigned)setfsuid((uid_t)-1) != uid || (unsigned)setfsgid((gid_t)-1) != gid)
		return -EPERM;
	/* setfsuid(2) took those that concern files from the effective set */
	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	data[0].effective = data[0].permitted;
	data[1].effective = data[1].permitted;
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}
