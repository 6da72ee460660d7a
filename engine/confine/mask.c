/* SPDX-License-Identifier: Apache-2.0 */
/* The list of masked and read-only files of /proc and /sys, and its mounts. */
#include "engine/confine/mask.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/base/sys.h"

enum how { HIDE, READ_ONLY, WRITABLE };
/* A mount over a directory that the kernel made to be mounted on, always empty, doesn't keep a container with
 * security.nesting from mounting /proc and /sys anew; any other mount does. systemd finds them mounted, and
 * doesn't fail to do it itself. */
enum who { ALL, PRIVILEGED, NESTED_TOO };

/* clang-format off */
static const struct mask {
	const char *path; /* in the container's own /proc and /sys, so nobody else's links are in it */
	enum how how;
	enum who who;
} masks[] = {
	{"/proc/kcore",            HIDE, ALL},
	{"/proc/keys",             HIDE, ALL},
	{"/proc/latency_stats",    HIDE, ALL},
	{"/proc/sched_debug",      HIDE, ALL}, /* names the host's control groups */
	{"/proc/timer_list",       HIDE, ALL},
	{"/proc/acpi",             HIDE, ALL},
	{"/proc/bus",              HIDE, PRIVILEGED},
	{"/proc/kmsg",             HIDE, PRIVILEGED},
	{"/proc/fs",               READ_ONLY, PRIVILEGED},
	{"/proc/irq",              READ_ONLY, PRIVILEGED},
	{"/proc/kpagecgroup",      HIDE, PRIVILEGED},
	{"/proc/kpagecount",       HIDE, PRIVILEGED},
	{"/proc/kpageflags",       HIDE, PRIVILEGED},
	{"/proc/mtrr",             READ_ONLY, PRIVILEGED},
	{"/proc/scsi",             HIDE, PRIVILEGED},
	{"/proc/slabinfo",         HIDE, PRIVILEGED},
	{"/proc/sys",              READ_ONLY, PRIVILEGED},
	{"/proc/sysrq-trigger",    READ_ONLY, PRIVILEGED},
	{"/proc/vmallocinfo",      HIDE, PRIVILEGED},
	{"/sys",                   READ_ONLY, PRIVILEGED},
	{"/sys/devices/virtual/net", WRITABLE, PRIVILEGED},
	{"/sys/firmware",          HIDE, PRIVILEGED},
	{"/sys/fs/fuse/connections", HIDE, PRIVILEGED}, /* those of all the host, which can be broken there */
	{"/sys/fs/pstore",         HIDE, NESTED_TOO},
	{"/sys/kernel/config",     HIDE, NESTED_TOO},
	{"/sys/kernel/debug",      HIDE, NESTED_TOO},
	{"/sys/kernel/security",   HIDE, NESTED_TOO},
	{"/sys/kernel/slab",       HIDE, ALL}, /* names control groups on old kernels */
	{"/sys/kernel/tracing",    HIDE, NESTED_TOO},
	{"/sys/kernel/vmcoreinfo", HIDE, ALL}, /* physical addresses of the kernel */
};
/* clang-format on */

/* An empty read-only directory, to be put over others. */
static int empty_dir(void)
{
	AUTO(fd) int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);

	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "mode", "555", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "size", "4k", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	return fsmount(fs, FSMOUNT_CLOEXEC,
		       MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

static int apply_one(const struct mask *m, int target, bool is_dir)
{
	AUTO(fd) int tree = -EBADF;
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
	struct mount_attr attr = {0};

	if (m->how == HIDE && is_dir) {
		tree = empty_dir();
	} else if (m->how == HIDE) {
		tree = open_tree(AT_FDCWD, "/dev/null", flags);
	} else {
		tree = open_tree(target, "", flags | AT_EMPTY_PATH | AT_RECURSIVE);
		if (m->how == READ_ONLY)
			attr.attr_set = MOUNT_ATTR_RDONLY;
		else
			attr.attr_clr = MOUNT_ATTR_RDONLY;
		if (tree >= 0 && mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
			return -errno;
	}
	if (tree < 0)
		return tree == -1 ? -errno : tree;
	if (move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return -errno;
	return 0;
}

/* In the namespaces of a user namespace of its own, which the clone begins with a copy of our mounts. */
static int copy_locked(int *ret_pidfd)
{
	pid_t pid = sys_clone3(CLONE_NEWUSER | CLONE_NEWNS, ret_pidfd);

	if (pid == 0)
		for (;;)
			pause();
	return pid < 0 ? (int)pid : 0;
}

int mask_lock(struct err *err)
{
	AUTO(fd) int pidfd = -EBADF;
	siginfo_t si;
	int r = copy_locked(&pidfd);

	if (r < 0)
		return err_set(err, -r,
			       "masks of /proc and /sys can't be locked: %s. It takes a user namespace: see "
			       "/proc/sys/user/max_user_namespaces",
			       strerror(-r));
	if (setns(pidfd, CLONE_NEWNS) < 0)
		r = err_set(err, errno, "the locked mounts can't be entered: %s", strerror(errno));
	sys_pidfd_signal(pidfd, SIGKILL, NULL);
	sys_waitid(pidfd, &si, 0);
	return r;
}

int mask_apply(bool privileged, bool nesting, bool has_policy, struct err *err)
{
	AUTO(fd) int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
		const struct mask *m = &masks[i];
		AUTO(fd) int target = -EBADF;
		struct stat st;
		int r;

		if (!privileged && (m->who == PRIVILEGED || (nesting && m->who != NESTED_TOO)))
			continue;
		if (has_policy && !strcmp(m->path, "/sys/kernel/security"))
			continue;
		target = path_open(root, m->path + 1, O_PATH, 0);
		/* -EXDEV, -ELOOP: not the kernel's own file */
		if (target == -ENOENT || target == -ENOTDIR || target == -EACCES)
			continue;
		r = target < 0 ? target : fstat(target, &st) < 0 ? -errno : 0;
		if (!r)
			r = apply_one(m, target, S_ISDIR(st.st_mode));
		if (r < 0)
			return err_set(err, -r, "%s can't be masked: %s", m->path, strerror(-r));
	}
	return 0;
}
