/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel tells of a container that runs: its user namespace, its ids, its console. */
#include "engine/instance/container.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/base/sys.h"

#define PTY_SLAVES 136 /* major numbers: the kernel's Documentation/admin-guide/devices.txt */
#define PTY_SLAVES_END 143

int container_is_privileged(const struct container *c, bool *ret)
{
	AUTO(fd) int fd = container_ns(c, "user");
	struct stat own, its;

	if (fd < 0 || stat("/proc/self/ns/user", &own) < 0 || fstat(fd, &its) < 0)
		return -ESRCH;
	*ret = own.st_dev == its.st_dev && own.st_ino == its.st_ino;
	return 0;
}

static int read_map(const struct container *c, const char *file, struct id_extent *ret, unsigned *ret_n)
{
	AUTO(free) char *path = xasprintf("/proc/%d/%s", container_pid(c), file), *text = NULL;
	char *line, *rest;
	ssize_t n = path_read(AT_FDCWD, path, 65536, &text);

	if (n < 0)
		return (int)n;
	rest = text;
	while ((line = strsep(&rest, "\n")) && *ret_n < IDMAP_EXTENTS) {
		struct id_extent *e = &ret[*ret_n];

		if (sscanf(line, "%u %u %u", &e->inside, &e->outside, &e->count) == 3)
			++*ret_n;
	}
	return 0;
}

int container_idmap(const struct container *c, struct idmap *ret, struct err *err)
{
	bool privileged;
	int r = container_is_privileged(c, &privileged);

	*ret = (struct idmap){0};
	if (!r && !privileged)
		r = read_map(c, "uid_map", ret->uid, &ret->n_uid);
	if (!r && !privileged)
		r = read_map(c, "gid_map", ret->gid, &ret->n_gid);
	if (!r && sys_pidfd_signal(container_pidfd(c), 0, NULL) < 0)
		r = -ESRCH;
	return r < 0 ? err_set(err, -r, "the id map of the container can't be read: %s", strerror(-r)) : 0;
}

/* The console's slave as the monitor holds it. Whatever the container has put at its /dev/console, a link to
 * a file of the host's perhaps, nobody who opens this comes by there. */
char *container_find_console(const struct container_env *env, const char *uuid)
{
	AUTO(fd) int sock = container_connect(env, uuid, NULL);
	struct ucred monitor = {0};
	socklen_t len = sizeof(monitor);
	AUTO(free) char *path = NULL;
	AUTO(closedir) DIR *dir = NULL;
	struct dirent *e;
	struct stat st;

	if (sock < 0 || getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &monitor, &len) < 0)
		return NULL;
	path = xasprintf("/proc/%d/fd", monitor.pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir)))
		/* (its standard error may be a terminal of the host's) */
		if (strtol(e->d_name, NULL, 10) > STDERR_FILENO &&
		    fstatat(dirfd(dir), e->d_name, &st, 0) == 0 && S_ISCHR(st.st_mode) &&
		    major(st.st_rdev) >= PTY_SLAVES && major(st.st_rdev) <= PTY_SLAVES_END)
			return xasprintf("%s/%s", path, e->d_name);
	return NULL;
}
