/* SPDX-License-Identifier: Apache-2.0 */
/* Starting helper programs with posix_spawn, which copies no locked mutexes and no descriptors. */
#include "engine/base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/str.h"
#include "engine/base/sys.h"

extern char **environ;

static int spawn_with(posix_spawn_file_actions_t *fa, posix_spawnattr_t *attr, const char *path,
		      char *const *argv, int sock, pid_t *ret)
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
		r = posix_spawn_file_actions_adddup2(fa, sock, 3);
	if (!r)
		r = posix_spawn_file_actions_addclosefrom_np(fa, 4);
	if (!r)
		r = posix_spawn(ret, path, fa, attr, argv, environ);
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
	r = spawn_with(&fa, &attr, path, argv, theirs, &pid);
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

int spawn_detach(void)
{
	pid_t pid = sys_clone3(0, NULL);

	if (pid < 0)
		return pid;
	if (pid > 0)
		_exit(0);
	return setsid() < 0 ? -errno : 0;
}
