/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a daemon under test: kills it before the Nth call by which it changes something. N stands in
 * the file $LXDFS_CRASH_FILE, a 32-bit number that is counted down there; 0 is never. Only processes of the
 * program $LXDFS_CRASH_PROGRAM whose parent is of $LXDFS_CRASH_PARENT count, so that one of several is
 * chosen. */
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static _Atomic int *countdown;

static int is_program(const char *link, const char *name)
{
	char path[PATH_MAX];
	ssize_t n = readlink(link, path, sizeof(path) - 1);
	const char *base;

	if (n <= 0 || !name)
		return 0;
	path[n] = 0;
	base = strrchr(path, '/');
	return base && !strcmp(base + 1, name);
}

static __attribute__((constructor)) void find_counter(void)
{
	const char *file = getenv("LXDFS_CRASH_FILE");
	char parent[64];
	int fd;

	snprintf(parent, sizeof(parent), "/proc/%d/exe", getppid());
	if (!file || !is_program("/proc/self/exe", getenv("LXDFS_CRASH_PROGRAM")) ||
	    !is_program(parent, getenv("LXDFS_CRASH_PARENT")))
		return;
	fd = open(file, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	countdown = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (countdown == MAP_FAILED)
		countdown = NULL;
	close(fd);
}

static void step(void)
{
	int now = countdown ? atomic_load(countdown) : 0;

	while (now > 0 && !atomic_compare_exchange_weak(countdown, &now, now - 1))
		;
	if (now == 1)
		kill(getpid(), SIGKILL);
}

/* One function that is counted: its type, name, parameters, and these as arguments. */
#define COUNTED(type, name, params, args)                                                                    \
	type name params;                                                                                    \
	type name params                                                                                     \
	{                                                                                                    \
		static type(*real) params;                                                                   \
                                                                                                             \
		if (!real)                                                                                   \
			real = dlsym(RTLD_NEXT, #name);                                                      \
		step();                                                                                      \
		return real args;                                                                            \
	}

COUNTED(int, fsync, (int fd), (fd))
COUNTED(int, rename, (const char *from, const char *to), (from, to))
COUNTED(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to))
COUNTED(int, renameat2, (int a, const char *from, int b, const char *to, unsigned f), (a, from, b, to, f))
COUNTED(int, unlink, (const char *path), (path))
COUNTED(int, unlinkat, (int dir, const char *path, int flags), (dir, path, flags))
COUNTED(int, rmdir, (const char *path), (path))
COUNTED(int, mkdir, (const char *path, mode_t mode), (path, mode))
COUNTED(int, mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode))
COUNTED(int, symlinkat, (const char *to, int dir, const char *path), (to, dir, path))
COUNTED(int, mount, (const char *s, const char *t, const char *f, unsigned long m, const void *d),
	(s, t, f, m, d))
COUNTED(int, umount2, (const char *path, int flags), (path, flags))
COUNTED(ssize_t, write, (int fd, const void *bytes, size_t n), (fd, bytes, n))
COUNTED(ssize_t, pwrite, (int fd, const void *bytes, size_t n, off_t at), (fd, bytes, n, at))
COUNTED(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n))
COUNTED(ssize_t, send, (int fd, const void *bytes, size_t n, int flags), (fd, bytes, n, flags))
COUNTED(ssize_t, sendto, (int fd, const void *b, size_t n, int f, const struct sockaddr *a, socklen_t l),
	(fd, b, n, f, a, l))
COUNTED(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags))
COUNTED(int, posix_spawn,
	(pid_t * pid, const char *p, const posix_spawn_file_actions_t *f, const posix_spawnattr_t *a,
	 char *const *v, char *const *e),
	(pid, p, f, a, v, e))
COUNTED(int, kill, (pid_t pid, int sig), (pid, sig))
