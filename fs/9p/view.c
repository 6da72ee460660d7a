/* SPDX-License-Identifier: Apache-2.0 */
/* Builds the view and goes in. */
#include "fs/9p/view.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/base/sandbox.h"
#include "engine/base/sys.h"
#include "fs/9p/fid.h"

#define BUILDING "/proc"	   /* a directory that every host has; seen by nobody else */
#define MAX_ADDRESSES (2ULL << 30) /* reserved for buffers and stacks; memory is bounded by the session */
#define MAX_FILES (2 * FIDS_MAX)
#define SAFE (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/* clang-format off */
static const char *const calls[] = {
	"read", "write", "pread64", "pwrite64", "lseek", "close", "openat", "statx", "newfstatat", "fstat",
	"getdents64", "readlinkat", "fstatfs", "fsync", "ftruncate", "flock", "mkdirat", "unlinkat", "renameat",
	"renameat2", "fchmodat", "fchownat", "utimensat", "poll", "ppoll", "shutdown",
	"mmap", "munmap", "mprotect", "mremap", "madvise", "brk",
	"futex", "set_robust_list", "rseq", "sched_yield", "sched_getaffinity", "gettid", "getpid",
	"rt_sigprocmask", "rt_sigreturn", "rt_sigaction", "sigaltstack", "restart_syscall", "nanosleep",
	"clock_nanosleep", "clock_gettime", "gettimeofday", "getrandom", "sendmsg", "exit", "exit_group",
};
/* clang-format on */

/* ---- mounts */

static int take(const struct view *v, const char *path, int *ret)
{
	AUTO(free) char *whole = xasprintf("%s%s%s", v->mount, *path ? "/" : "", path);
	struct mount_attr attr = {.attr_set = SAFE};
	AUTO(fd) int fd = open_tree(AT_FDCWD, whole, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd < 0 || mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return -errno;
	*ret = TAKE_FD(fd);
	return 0;
}

static int put(int tree, const char *at)
{
	return move_mount(tree, "", AT_FDCWD, at, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

/* One file or directory of the tree at the same name in the view, where it is there. */
static int show(const struct view *v, const char *path)
{
	AUTO(fd) int tree = -EBADF, file = -EBADF;
	struct stat st;
	int r = take(v, path, &tree);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	if (fstat(tree, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		r = mkdir(path, 0755);
	else
		r = file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	return r < 0 ? -errno : put(tree, path);
}

static int show_part(const struct view *v)
{
	static const char *const guest[] = {"README", "public", "join", NULL};
	static const char *const own[] = {"README", "error", NULL};
	struct mount_attr sealed = {.attr_set = MOUNT_ATTR_RDONLY};
	int r = 0;

	if (mount("view", BUILDING, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "size=64k,nr_inodes=4096,mode=755") < 0 ||
	    chdir(BUILDING) < 0)
		return -errno;
	for (const char *const *name = v->kind == VIEW_GUEST ? guest : own; !r && *name; name++)
		r = show(v, *name);
	if (!r && v->kind == VIEW_PROJECTS && mkdir("projects", 0755) < 0)
		r = -errno;
	for (const char *const *name = v->projects; !r && v->kind == VIEW_PROJECTS && *name; name++) {
		AUTO(free) char *path = xasprintf("projects/%s", *name);

		r = path_is_name(str_from(*name)) ? show(v, path) : -EINVAL;
	}
	if (!r && mount_setattr(AT_FDCWD, ".", 0, &sealed, sizeof(sealed)) < 0)
		r = -errno;
	return r;
}

static int show_all(const struct view *v)
{
	AUTO(fd) int tree = -EBADF;
	int r = take(v, "", &tree);

	if (!r)
		r = put(tree, BUILDING);
	return r ? r : chdir(BUILDING) < 0 ? -errno : 0;
}

int view_enter(const struct view *v, int *ret_root, struct err *err)
{
	int r = 0;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		r = -errno;
	if (!r)
		r = v->kind == VIEW_ALL ? show_all(v) : show_part(v);
	if (!r && (sys_pivot_root(".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0))
		r = -errno;
	if (!r) {
		*ret_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		r = *ret_root < 0 ? -errno : 0;
	}
	return r < 0
		   ? err_set(err, -r, "the connection's view of %s can't be made: %s", v->mount, strerror(-r))
		   : 0;
}

/* ---- rights */

int view_become(uint32_t uid, uint32_t gid, const uint32_t *groups, unsigned n, struct err *err)
{
	int r;

	if (!uid)
		return err_set(err, EINVAL, "a connection can't be served as root");
	/* what gives up the others is given up last */
	r = sandbox_become(uid, gid, 1ULL << CAP_SETGID | 1ULL << CAP_SETPCAP);
	if (!r && setgroups(n, groups) < 0)
		r = -errno;
	if (!r)
		r = sandbox_lock_down();
	return r < 0 ? err_set(err, -r, "the connection can't be served as uid %u: %s", uid, strerror(-r))
		     : 0;
}

static int allow(scmp_filter_ctx ctx)
{
	/* the flags of clone3 can't be looked at: libc falls back */
	int r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	if (!r)
		r = seccomp_rule_add(
		    ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
		    SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM));
	/* to its own threads */
	if (!r)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				     SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
	/* of fcntl, what locks and duplicates; of prctl, the names that sanitizers give */
	for (size_t i = 0; !r && i < 5; i++) {
		static const unsigned commands[] = {F_DUPFD_CLOEXEC, F_GETFL, F_OFD_SETLK, F_OFD_GETLK,
						    F_GETFD};

		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
				     SCMP_A1(SCMP_CMP_EQ, commands[i]));
	}
	for (size_t i = 0; !r && i < ARRAY_SIZE(calls); i++) {
		int nr = seccomp_syscall_resolve_name(calls[i]);

		/* a call that this architecture never had */
		if (nr != __NR_SCMP_ERROR && nr >= 0)
			r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 0);
	}
	return r;
}

int view_confine(struct err *err)
{
	scmp_filter_ctx ctx;
	int r = 0;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || sandbox_limit(RLIMIT_NOFILE, MAX_FILES) < 0 ||
	    sandbox_limit(RLIMIT_CORE, 0) < 0 || sandbox_limit(RLIMIT_MEMLOCK, 0) < 0)
		r = -errno;
#ifndef __SANITIZE_ADDRESS__ /* which reserves terabytes */
	if (!r && sandbox_limit(RLIMIT_AS, MAX_ADDRESSES) < 0)
		r = -errno;
#endif
	if (r < 0)
		return err_set(err, -r, "the connection can't be limited: %s", strerror(-r));
	ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!ctx)
		return err_set(err, EOPNOTSUPP, "the kernel has no system call filters");
	r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!r)
		r = allow(ctx);
	if (!r)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	return r < 0
		   ? err_set(err, -r, "the connection's system call filter can't be loaded: %s", strerror(-r))
		   : 0;
}
