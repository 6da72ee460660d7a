/* SPDX-License-Identifier: Apache-2.0 */
/* Starting helper programs with posix_spawn, which copies no locked mutexes and no descriptors. */
#include "engine/base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/str.h"
#include "engine/base/sys.h"

extern char **environ;

/* @from becomes descriptor @to; what the child has beyond 0, 1, 2 and that is closed */
static int spawn_with(posix_spawn_file_actions_t *fa, posix_spawnattr_t *attr, const char *path,
		      char *const *argv, char *const *env, int from, int to, pid_t *ret)
{
	sigset_t all, none;
	int r;

	sigfillset(&all);
	sigemptyset(&none);
	r = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (!r)
		r = posix_spawnattr_setsigdefault(attr, &all);
	if (!r)
		r = posix_spawnattr_setsigmask(attr, &none);
	if (!r)
		r = posix_spawn_file_actions_addopen(fa, 0, "/dev/null", O_RDONLY, 0);
	if (!r)
		r = posix_spawn_file_actions_addopen(fa, 1, "/dev/null", O_WRONLY, 0);
	/* onto itself it clears close-on-exec, as POSIX.1-2024 asks */
	if (!r)
		r = posix_spawn_file_actions_adddup2(fa, from, to);
	if (!r)
		r = posix_spawn_file_actions_addclosefrom_np(fa, to + 1);
	if (!r)
		r = posix_spawn(ret, path, fa, attr, argv, env);
	return -r;
}

int spawn_helper(const char *dir, const char *name, const char *const *args, int *ret_socket, struct err *err)
{
	AUTO(free) char *path = xasprintf("%s/%s", dir, name);
	AUTO(free) char *list = NULL;
	char **argv;
	AUTO(fd) int ours = -EBADF, theirs = -EBADF;
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	size_t n = 0;
	int sv[2], r, status;
	pid_t pid;

	while (args && args[n])
		n++;
	list = xcalloc(n + 2, sizeof(*argv));
	argv = (char **)(void *)list;
	argv[0] = (char *)name;
	for (size_t i = 0; i < n; i++)
		argv[i + 1] = (char *)args[i];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return err_set(err, errno, "no socket pair for %s: %s", name, strerror(errno));
	ours = sv[0];
	theirs = sv[1];
	posix_spawn_file_actions_init(&fa);
	posix_spawnattr_init(&attr);
	r = spawn_with(&fa, &attr, path, argv, environ, theirs, 3, &pid);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&fa);
	if (r < 0)
		return err_set(err, -r, "%s can't be started: %s", path, strerror(-r));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_set(err, errno, "%s can't be waited for: %s", name, strerror(errno));
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return err_set(err, EIO, "%s broke off at its start, with status %d", path, status);
	*ret_socket = TAKE_FD(ours);
	return 0;
}

/* its_end(): status of a child as a shell counts it; killed when the time is over */
static int its_end(pid_t pid, int timeout_ms)
{
	siginfo_t info = {0};
	/* the child isn't waited for yet, so its number is still its own */
	AUTO(fd) int pidfd = pidfd_open(pid, 0);
	bool is_late;
	int r;

	if (pidfd < 0)
		return -errno;
	is_late = sys_poll_in(pidfd, -1, sys_deadline(timeout_ms)) == 0;
	if (is_late)
		sys_pidfd_signal(pidfd, SIGKILL, NULL);
	r = sys_waitid(pidfd, &info, 0);
	if (r < 0 || is_late)
		return r < 0 ? r : -ETIMEDOUT;
	return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

int spawn_run(const char *path, const char *const *args, int timeout_ms, struct buf *ret_words,
	      struct err *err)
{
	static const char *const env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL};
	/* a file and no pipe: a daemon that keeps it open holds nobody up */
	AUTO(fd) int words = memfd_create("stderr", MFD_CLOEXEC);
	char text[SPAWN_MAX_WORDS];
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	ssize_t n;
	pid_t pid;
	int r;

	if (words < 0)
		return err_set(err, errno, "no memory file for %s: %s", path, strerror(errno));
	posix_spawn_file_actions_init(&fa);
	posix_spawnattr_init(&attr);
	r = spawn_with(&fa, &attr, path, (char *const *)args, (char *const *)env, words, 2, &pid);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&fa);
	if (r < 0)
		return err_set(err, -r, "%s can't be started: %s", path, strerror(-r));
	r = its_end(pid, timeout_ms);
	n = pread(words, text, sizeof(text), 0);
	if (n > 0)
		buf_add(ret_words, text, (size_t)n);
	if (r == -ETIMEDOUT)
		return err_set(err, ETIMEDOUT, "%s didn't end within %d ms and was killed", path, timeout_ms);
	if (r < 0)
		return err_set(err, -r, "%s can't be waited for: %s", path, strerror(-r));
	return r;
}

int spawn_seal(const char *name, char **argv)
{
	AUTO(fd) int exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), copy = -EBADF;
	int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	struct stat st;

	if (exe < 0 || fstat(exe, &st) < 0)
		return -errno;
	if ((fcntl(exe, F_GET_SEALS) & seals) == seals && fcntl(exe, F_GET_SEALS) >= 0)
		return 0;
	copy = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (copy < 0)
		return -errno;
	for (off_t left = st.st_size; left > 0;) {
		ssize_t n = sendfile(copy, exe, NULL, (size_t)left);

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		left -= n;
	}
	if (fcntl(copy, F_ADD_SEALS, seals) < 0)
		return -errno;
	fexecve(copy, argv, environ);
	return -errno;
}

int spawn_detach(void)
{
	pid_t pid = sys_clone3(0, NULL);

	if (pid < 0)
		return pid;
	if (pid > 0)
		_exit(0);
	return setsid() < 0 ? -errno : 0;
}
