/* SPDX-License-Identifier: Apache-2.0 */
/* The rights of lxdfs-intercept: what the calls that it does take, and no other. */
#include "engine/confine/intercept-cage.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "engine/base/auto.h"
#include "engine/base/sandbox.h"
#include "engine/confine/intercept-act.h"

/* clang-format off */
static const struct { const char *name; unsigned what; /* 0: always */ } calls[] = {
	{"read", 0}, {"pread64", 0}, {"write", 0}, {"pwrite64", 0}, {"close", 0}, {"fcntl", 0}, {"dup", 0},
	{"open", 0}, {"openat", 0}, {"openat2", 0}, {"fstat", 0}, {"stat", 0}, {"newfstatat", 0}, {"statx", 0},
	{"lseek", 0}, {"access", 0}, {"faccessat", 0}, {"getdents64", 0}, {"fchdir", 0}, {"chdir", 0},
	{"mmap", 0}, {"munmap", 0}, {"mprotect", 0}, {"mremap", 0}, {"brk", 0}, {"madvise", 0},
	{"poll", 0}, {"ppoll", 0}, {"sendmsg", 0}, {"recvmsg", 0}, {"socketpair", 0},
	{"pipe2", 0}, {"futex", 0},
	{"ioctl", 0}, {"clone3", 0}, {"waitid", 0}, {"pidfd_send_signal", 0}, {"pidfd_open", 0},
	{"rt_sigaction", 0}, {"rt_sigprocmask", 0}, {"rt_sigreturn", 0}, {"restart_syscall", 0}, {"tgkill", 0},
	{"clock_gettime", 0}, {"getpid", 0}, {"getppid", 0}, {"gettid", 0}, {"getrandom", 0}, {"sysinfo", 0},
	{"prctl", 0}, {"capget", 0}, {"capset", 0}, {"exit", 0}, {"exit_group", 0}, {"alarm", 0}, {"setitimer", 0},
	{"rseq", 0}, {"set_robust_list", 0}, {"sched_yield", 0}, {"sigaltstack", 0},
	{"setns", ~INTERCEPT_SYSINFO},
	{"chroot", INTERCEPT_MKNOD | INTERCEPT_SETXATTR | INTERCEPT_MOUNT},
	{"setgroups", INTERCEPT_MKNOD | INTERCEPT_SETXATTR | INTERCEPT_MOUNT},
	{"setresuid", INTERCEPT_MKNOD | INTERCEPT_SETXATTR | INTERCEPT_MOUNT},
	{"setresgid", INTERCEPT_MKNOD | INTERCEPT_SETXATTR | INTERCEPT_MOUNT},
	{"setfsuid", INTERCEPT_MKNOD | INTERCEPT_SETXATTR | INTERCEPT_MOUNT},
	{"setfsgid", INTERCEPT_MKNOD | INTERCEPT_SETXATTR | INTERCEPT_MOUNT},
	{"umask", INTERCEPT_MKNOD | INTERCEPT_SETXATTR | INTERCEPT_MOUNT},
	{"faccessat2", INTERCEPT_MKNOD}, {"mknodat", INTERCEPT_MKNOD},
	{"setxattr", INTERCEPT_SETXATTR},
	{"mkdir", INTERCEPT_MOUNT}, /* of a control group to join */
	{"fsopen", INTERCEPT_MOUNT}, {"fsconfig", INTERCEPT_MOUNT}, {"fsmount", INTERCEPT_MOUNT},
	{"move_mount", INTERCEPT_MOUNT}, {"mount_setattr", INTERCEPT_MOUNT},
	{"sched_setscheduler", INTERCEPT_SCHED},
};
/* clang-format on */

static int load_filter(unsigned what)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = ctx ? seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2) : -EOPNOTSUPP;

	for (size_t i = 0; !r && i < ARRAY_SIZE(calls); i++) {
		int nr = seccomp_syscall_resolve_name(calls[i].name);

		if ((calls[i].what && !(calls[i].what & what)) || nr == __NR_SCMP_ERROR || nr < 0)
			continue;
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 0);
	}
	if (!r)
		r = seccomp_load(ctx);
	if (ctx)
		seccomp_release(ctx);
	return r;
}

int intercept_cage(unsigned what, struct err *err)
{
	struct rlimit none = {0, 0};
	int r = 0;

	/* no way to any network, nor to others' IPC */
	if (unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    setrlimit(RLIMIT_CORE, &none) < 0 || setrlimit(RLIMIT_FSIZE, &none) < 0)
		r = -errno;
	if (!r)
		r = sandbox_drop_caps(~intercept_caps(what));
	if (!r)
		r = load_filter(what);
	return r < 0 ? err_set(err, -r, "lxdfs-intercept can't give up its rights: %s", strerror(-r)) : 0;
}
