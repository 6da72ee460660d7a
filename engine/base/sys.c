/* SPDX-License-Identifier: Apache-2.0 */
/* Thin wrappers: the calls themselves, nothing else. */
#include "engine/base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int sys_openat2(int dirfd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = {
	    .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
	    .mode = flags & (O_CREAT | O_TMPFILE) & ~O_DIRECTORY ? mode : 0,
	    .resolve = resolve,
	};
	long r;

	do /* EAGAIN: something moved during the walk below a root, openat2(2) */
		r = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
	while (r < 0 && (errno == EINTR || errno == EAGAIN));
	return r < 0 ? -errno : (int)r;
}

pid_t sys_clone3(uint64_t flags, int *ret_pidfd)
{
	int pidfd = -EBADF;
	struct clone_args args = {
	    .flags = flags | (ret_pidfd ? CLONE_PIDFD : 0),
	    .pidfd = (uint64_t)(uintptr_t)&pidfd,
	    .exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD,
	};
	long r = syscall(SYS_clone3, &args, sizeof(args));

	if (r < 0)
		return -errno;
	if (r > 0 && ret_pidfd)
		*ret_pidfd = pidfd;
	return (pid_t)r;
}

int sys_pivot_root(const char *new_root, const char *put_old)
{
	return syscall(SYS_pivot_root, new_root, put_old) < 0 ? -errno : 0;
}

int sys_pidfd_signal(int pidfd, int signal, siginfo_t *info)
{
	return syscall(SYS_pidfd_send_signal, pidfd, signal, info, 0) < 0 ? -errno : 0;
}

ssize_t sys_read(int fd, void *to, size_t len)
{
	ssize_t n;

	do
		n = read(fd, to, len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

ssize_t sys_write(int fd, const void *from, size_t len)
{
	ssize_t n;

	do
		n = write(fd, from, len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int sys_write_all(int fd, const void *from, size_t len)
{
	const char *p = from;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

uint64_t sys_deadline(int timeout_ms)
{
	return timeout_ms < 0 ? UINT64_MAX : now_ms() + (uint64_t)timeout_ms;
}

int sys_poll_in(int fd, int other, uint64_t deadline)
{
	struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = other, .events = POLLIN}};

	for (;;) {
		int timeout = -1, r;

		if (deadline != UINT64_MAX) {
			uint64_t now = now_ms();

			timeout = deadline <= now	     ? 0
				  : deadline - now > 1000000 ? 1000000
							     : (int)(deadline - now);
		}
		r = poll(p, 2, timeout);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0 && timeout == 1000000)
			continue;
		return (p[0].revents ? 1 : 0) | (p[1].revents ? 2 : 0);
	}
}

int sys_waitid(int pidfd, siginfo_t *ret, int options)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	do
		r = waitid(P_PIDFD, (id_t)pidfd, ret, WEXITED | options);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}
