/* SPDX-License-Identifier: Apache-2.0 */
/* The system calls that are left to a proxy's helper, which reads what anybody sends. */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/sandbox.h"
#include "engine/device/proxy-relay.h"

/* clang-format off */
static const char *const calls[] = {
	"epoll_wait", "epoll_pwait", "epoll_ctl", "accept4", "connect", "shutdown", "close", "getsockopt",
	"getpeername", "getsockname", "recvfrom", "sendto", "recvmsg", "sendmsg", "openat2",
	"mmap", "munmap", "mremap", "mprotect", "madvise", "brk", "futex", "getrandom", "clock_gettime",
	"getpid", "gettid", "tgkill", "rt_sigprocmask", "rt_sigreturn", "restart_syscall", "exit", "exit_group",
	"prctl", "seccomp", "write",
};
/* clang-format on */

static int fill(scmp_filter_ctx ctx)
{
	static const unsigned families[] = {AF_UNIX, AF_INET, AF_INET6};
	int r = 0;

	for (size_t i = 0; !r && i < ARRAY_SIZE(families); i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				     SCMP_A0(SCMP_CMP_EQ, families[i], 0));
	for (size_t i = 0; !r && i < ARRAY_SIZE(calls); i++) {
		int nr = seccomp_syscall_resolve_name(calls[i]);

		/* a call that this architecture never had */
		if (nr != __NR_SCMP_ERROR && nr >= 0)
			r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 0);
	}
	return r;
}

int relay_confine(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	AUTO(fd) int fd = memfd_create("filter", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r = ctx && fd >= 0 ? fill(ctx) : -ENOMEM;

	if (!r && (seccomp_export_bpf(ctx, fd) < 0 ||
		   fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0))
		r = -EIO;
	if (ctx)
		seccomp_release(ctx);
	return r < 0 ? r : sandbox_filter(fd);
}
