/* SPDX-License-Identifier: Apache-2.0 */
/* An empty root, an empty network, another user, few system calls. */
#include "certs/cage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/sandbox.h"
#include "engine/base/sys.h"

#define EMPTY "/proc" /* a directory that every host has; what is mounted there nobody else sees */
#define MAX_FILES 256
#define SPACES                                                                                               \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |           \
	 CLONE_NEWCGROUP)
#define MAX_MEMORY (512ULL << 20)

/* clang-format off */
static const char *const connection_calls[] = {
	"read", "write", "readv", "writev", "close", "recvmsg", "sendmsg", "recvfrom", "sendto", "shutdown",
	"poll", "ppoll", "memfd_create", "mmap", "munmap", "mremap", "mprotect", "madvise", "brk",
	"futex", "getrandom", "getpid", "gettid", "clock_gettime", "gettimeofday", "sched_yield", "lseek", "fstat",
	"rt_sigprocmask", "rt_sigreturn", "rt_sigaction", "sigaltstack", "restart_syscall", "exit", "exit_group",
	"set_robust_list", "rseq", "newfstatat", "ftruncate",
};
static const char *const listener_calls[] = { "accept4", "socketpair", "getpeername", "setsockopt", "seccomp" };
/* clang-format on */

static int allow(scmp_filter_ctx ctx, const char *const *names, size_t n)
{
	int r = 0;

	for (size_t i = 0; !r && i < n; i++) {
		int nr = seccomp_syscall_resolve_name(names[i]);

		/* a call that this architecture never had */
		if (nr != __NR_SCMP_ERROR && nr >= 0)
			r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 0);
	}
	return r;
}

static scmp_filter_ctx filter(bool listener)
{
	static const unsigned commands[] = {F_GETFL, F_SETFL, F_GETFD, F_ADD_SEALS, F_GET_SEALS};
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r;

	if (!ctx)
		return NULL;
	r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!r)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	for (size_t i = 0; !r && i < ARRAY_SIZE(commands); i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
				     SCMP_A1(SCMP_CMP_EQ, commands[i]));
	if (!r)
		r = allow(ctx, connection_calls, ARRAY_SIZE(connection_calls));
	if (!r && listener)
		r = allow(ctx, listener_calls, ARRAY_SIZE(listener_calls));
	/* processes, but no namespaces: in one of users it would have all capabilities again */
	if (!r && listener)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				     SCMP_A0(SCMP_CMP_MASKED_EQ, SPACES, 0));
	if (r < 0) {
		seccomp_release(ctx);
		return NULL;
	}
	return ctx;
}

/* The filter as bytes in sealed memory. */
static int export(scmp_filter_ctx ctx)
{
	AUTO(fd) int fd = memfd_create("filter", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || seccomp_export_bpf(ctx, fd) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return -EIO;
	return TAKE_FD(fd);
}

static int leave_host(void)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("empty", EMPTY, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY,
		  "size=4k,nr_inodes=2") < 0 ||
	    chdir(EMPTY) < 0 || sys_pivot_root(".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ||
	    chdir("/") < 0)
		return -errno;
	return 0;
}

int tls_cage_enter(uint32_t uid, uint32_t gid, int *ret_narrow, struct err *err)
{
	scmp_filter_ctx wide = filter(ret_narrow != NULL), narrow = ret_narrow ? filter(false) : NULL;
	int r = wide && (narrow || !ret_narrow) ? 0 : -EOPNOTSUPP;

	if (!r && !uid)
		r = -EINVAL;
	if (!r)
		r = leave_host();
	if (!r)
		r = sandbox_become(uid, gid, 1ULL << CAP_SETPCAP);
	if (!r)
		r = sandbox_lock_down();
	if (!r && (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || sandbox_limit(RLIMIT_NOFILE, MAX_FILES) < 0 ||
		   sandbox_limit(RLIMIT_CORE, 0) < 0 || sandbox_limit(RLIMIT_FSIZE, 1 << 20) < 0))
		r = -errno;
#ifndef __SANITIZE_ADDRESS__ /* which reserves terabytes */
	if (!r && sandbox_limit(RLIMIT_AS, MAX_MEMORY) < 0)
		r = -errno;
#endif
	if (!r && ret_narrow) {
		r = export(narrow);
		*ret_narrow = r;
		r = MIN(r, 0);
	}
	if (!r)
		r = seccomp_load(wide);
	seccomp_release(wide);
	seccomp_release(narrow);
	return r < 0 ? err_set(err, -r, "the process that speaks TLS can't be confined: %s", strerror(-r))
		     : 0;
}
