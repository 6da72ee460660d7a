/* SPDX-License-Identifier: Apache-2.0 */
/* Builds the cage: mounts, capabilities, limits, and the list of system calls that are left. */
#include "engine/image/cage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/sandbox.h"
#include "engine/base/sys.h"

#define MAX_MEMORY (2ULL << 30)
#define MAX_SECONDS 7200

#define BIT(cap) (1ULL << (cap))
#define WRITER_CAPS                                                                                          \
	(BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) | BIT(CAP_FSETID) | BIT(CAP_SETFCAP))

/* clang-format off */
/* What is left to who reads tarballs and writes files. */
static const char *const calls[] = {
	"read", "pread64", "write", "pwrite64", "writev", "readv", "lseek", "close", "fcntl",
	"openat", "openat2", "fstat", "newfstatat", "statx", "getdents64", "fstatfs", "readlinkat",
	"mkdirat", "symlinkat", "linkat", "unlinkat", "ftruncate", "fallocate",
	"fchmod", "fchown", "fchownat", "utimensat", "fsetxattr", "flistxattr", "fgetxattr", "fremovexattr",
	"mmap", "munmap", "mprotect", "mremap", "brk", "madvise",
	"poll", "ppoll", "sendmsg", "recvmsg", "futex", "sched_yield",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall", "tgkill",
	"clock_gettime", "gettimeofday", "getpid", "gettid", "getrandom", "prlimit64", "sysinfo",
	"prctl", "seccomp", "exit", "exit_group",
};
/* What running unsquashfs takes besides: starting it, its threads, its loader, and the calls that it prefers. */
static const char *const program_calls[] = {
	"execve", "vfork", "wait4", "waitid", "pipe2", "dup2", "dup3", "kill",
	"set_tid_address", "set_robust_list", "rseq", "arch_prctl", "access", "faccessat", "faccessat2",
	"open", "stat", "lstat", "readlink", "readlinkat", "getcwd", "ioctl", "umask", "uname",
	"mkdir", "symlink", "link", "unlink", "chmod", "chown", "lchown", "fchmodat", "utimes", "utime",
	"chdir", "fchdir", "sched_getaffinity", "sched_setaffinity", "getuid", "geteuid", "getgid", "getegid",
	"rt_sigtimedwait", "rt_sigsuspend", "rt_sigpending", "nanosleep", "clock_nanosleep", "setitimer",
	"getrlimit", "getrusage", "times",
};
/* clang-format on */

static int take_mount(int fd, const char *path, int *ret, const char *what, struct err *err)
{
	*ret = open_tree(fd, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (*path ? 0 : AT_EMPTY_PATH));
	if (*ret < 0)
		return err_set(err, errno, "%s can't be shown to the unpack helper: %s", what,
			       strerror(errno));
	return 0;
}

int cage_prepare(struct cage *ret, int dest, int squashfs, struct err *err)
{
	struct stat st;
	int r = 0;

	if (squashfs >= 0 && !fstat(squashfs, &st) && !st.st_nlink)
		return err_set(err, ENOENT, "the squashfs was removed before it was read");
	if (squashfs >= 0 && access(CAGE_UNSQUASHFS, X_OK) < 0)
		return err_set(err, EOPNOTSUPP,
			       "a squashfs needs %s, which isn't there: install the package squashfs-tools",
			       CAGE_UNSQUASHFS);
	if (dest >= 0)
		r = take_mount(dest, "", &ret->dest, "the directory to unpack to", err);
	if (!r && squashfs >= 0)
		r = take_mount(squashfs, "", &ret->image, "the squashfs", err);
	if (!r && squashfs >= 0)
		r = take_mount(AT_FDCWD, "/usr", &ret->programs, "/usr", err);
	return r;
}

static int put_mount(int tree, const char *at, uint64_t attributes)
{
	struct mount_attr attr = {.attr_set = attributes};

	if (mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return -1;
	return move_mount(tree, "", AT_FDCWD, at, MOVE_MOUNT_F_EMPTY_PATH);
}

/* The directories that the loader looks into: links to /usr, or mounts of their own on a host that isn't
 * merged. */
static int put_libraries(int libraries[], const char *const names[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char target[64];
		ssize_t len;

		if (libraries[i] >= 0) {
			if (mkdir(names[i] + 1, 0755) < 0 ||
			    put_mount(libraries[i], names[i] + 1,
				      MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV) < 0)
				return -1;
			continue;
		}
		len = readlink(names[i], target, sizeof(target) - 1);
		if (len < 0)
			continue;
		target[len] = 0;
		if (symlink(target, names[i] + 1) < 0)
			return -1;
	}
	return 0;
}

static int build(struct cage *c)
{
	static const char *const names[] = {"/lib", "/lib64"};
	int libraries[ARRAY_SIZE(names)], r = 0;
	struct mount_attr sealed = {.attr_set = MOUNT_ATTR_RDONLY};
	struct stat st;

	/* nothing of this goes to the host; /proc serves only as a place that every host has */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		libraries[i] = c->image >= 0 && !lstat(names[i], &st) && S_ISDIR(st.st_mode)
				   ? open_tree(AT_FDCWD, names[i], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)
				   : -EBADF;
	if (mount("cage", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "size=64k,nr_inodes=32,mode=755") < 0 ||
	    chdir("/proc") < 0)
		return -1;
	if (c->dest >= 0)
		r = mkdir("dest", 0700) < 0 ||
		    put_mount(c->dest, "dest", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC) < 0;
	if (!r && c->image >= 0) {
		int fd = open("image", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

		r = fd < 0 || close(fd) < 0 ||
		    put_mount(c->image, "image",
			      MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC) <
			0 ||
		    mkdir("usr", 0755) < 0 ||
		    put_mount(c->programs, "usr", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV) <
			0 ||
		    put_libraries(libraries, names, ARRAY_SIZE(names)) < 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (libraries[i] >= 0)
			close(libraries[i]);
	if (r || sys_pivot_root(".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return -1;
	return mount_setattr(AT_FDCWD, "/", 0, &sealed, sizeof(sealed));
}

static int set_limits(const struct cage *c, uint64_t max_file)
{
	/* a write beyond it shall fail, not kill */
	signal(SIGXFSZ, SIG_IGN);
#ifndef __SANITIZE_ADDRESS__ /* which reserves terabytes */
	/* unsquashfs reserves more for its threads than it ever touches */
	if (sandbox_limit(RLIMIT_AS, c->image >= 0 ? 4 * MAX_MEMORY : MAX_MEMORY) < 0)
		return -1;
#endif
	if (sandbox_limit(RLIMIT_FSIZE, c->dest >= 0 ? max_file : 0) < 0 ||
	    sandbox_limit(RLIMIT_CPU, MAX_SECONDS) < 0 || sandbox_limit(RLIMIT_CORE, 0) < 0 ||
	    sandbox_limit(RLIMIT_NOFILE, 1024) < 0)
		return -1;
	return sandbox_limit(RLIMIT_MEMLOCK, 0);
}

static int allow(scmp_filter_ctx ctx, const char *const *names, size_t n)
{
	int r = 0;

	for (size_t i = 0; !r && i < n; i++) {
		int nr = seccomp_syscall_resolve_name(names[i]);

		/* a call that this architecture never had */
		if (nr == __NR_SCMP_ERROR || nr < 0)
			continue;
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 0);
		if (r == -EEXIST)
			r = 0;
	}
	return r;
}

/* What unsquashfs may do in one way only. */
static int allow_partly(scmp_filter_ctx ctx)
{
	static const mode_t types[] = {S_IFIFO, S_IFSOCK};
	const uint64_t spaces = CAGE_SPACES | CLONE_NEWUSER;
	/* threads and processes, but no namespaces: in one of users it would have all capabilities again. The
	 * flags of clone3 can't be looked at: libc falls back */
	int r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	if (!r)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				     SCMP_A0(SCMP_CMP_MASKED_EQ, spaces, 0));
	/* FIFOs and sockets, which are taken away again; devices not: 0:0 takes no capability, but would hide
	 * a file of a layer below */
	for (size_t i = 0; !r && i < ARRAY_SIZE(types); i++) {
#ifdef __NR_mknod
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mknod), 1,
				     SCMP_A1(SCMP_CMP_MASKED_EQ, S_IFMT, types[i]));
#endif
		if (!r)
			r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mknodat), 1,
					     SCMP_A2(SCMP_CMP_MASKED_EQ, S_IFMT, types[i]));
	}
	return r;
}

static int load_filter(bool programs, struct err *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r;

	if (!ctx)
		return err_set(err, EOPNOTSUPP, "the kernel has no system call filters");
	/* a list that is searched in its order would make every write slow */
	r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!r)
		r = allow(ctx, calls, ARRAY_SIZE(calls));
	if (!r && programs)
		r = allow(ctx, program_calls, ARRAY_SIZE(program_calls));
	if (!r && programs)
		r = allow_partly(ctx);
	if (!r)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	return r < 0 ? err_set(err, -r, "the unpack helper's system call filter can't be loaded: %s",
			       strerror(-r))
		     : 0;
}

int cage_enter(struct cage *c, uint64_t max_file, struct err *err)
{
	bool programs = c->image >= 0;
	uint64_t keep = c->dest >= 0 ? WRITER_CAPS : 0;
	int r;

	umask(0);
	if (build(c) < 0)
		return err_set(err, errno, "the unpack helper's root can't be made: %s", strerror(errno));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    set_limits(c, max_file) < 0)
		return err_set(err, errno, "the unpack helper can't be limited: %s", strerror(errno));
	r = sandbox_drop_caps(~keep);
	if (r < 0)
		return err_set(err, -r, "the unpack helper's capabilities can't be dropped: %s",
			       strerror(-r));
	cage_done(c);
	return load_filter(programs, err);
}

int cage_narrow(struct err *err)
{
	return load_filter(false, err);
}

void cage_done(struct cage *c)
{
	int *fds[] = {&c->dest, &c->image, &c->programs};

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (*fds[i] >= 0)
			close(*fds[i]);
	*c = CAGE_NULL;
}
