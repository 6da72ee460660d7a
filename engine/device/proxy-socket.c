/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of unix sockets are those of a root that may be an instance's: no link leads out of it. */
#include "engine/device/proxy-socket.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"

#define BACKLOG 128

static socklen_t net_address(const struct proxy_end *e, size_t i, struct sockaddr_storage *to)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;
	const uint16_t port = htons(e->ports[e->n == 1 ? 0 : i]);

	memset(to, 0, sizeof(*to));
	if (e->ip.family == AF_INET) {
		v4->sin_family = AF_INET;
		v4->sin_port = port;
		v4->sin_addr = e->ip.v4;
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = port;
	v6->sin6_addr = e->ip.v6;
	return sizeof(*v6);
}

static socklen_t abstract_address(const struct proxy_end *e, struct sockaddr_un *to)
{
	size_t n = strlen(e->path);

	*to = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(to->sun_path + 1, e->path, n);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n);
}

/* By a descriptor: the address of a socket can't say below which root its path is. */
static socklen_t fd_address(int fd, const char *name, struct sockaddr_un *to)
{
	*to = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(to->sun_path, sizeof(to->sun_path), "/proc/self/fd/%d%s%s", fd, name ? "/" : "",
		 name ? name : "");
	return sizeof(*to);
}

static int open_socket(const struct proxy_end *e)
{
	int type = (e->kind == PROXY_UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
	int fd = socket(e->kind == PROXY_UNIX ? AF_UNIX : e->ip.family, type, 0);

	return fd < 0 ? -errno : fd;
}

/* The directory that a socket's file is in; @ret_name points into @e. */
static int open_parent(const struct proxy_end *e, int root, const char **ret_name)
{
	AUTO(free) char *dir = xstrdup(e->path);
	char *slash = strrchr(dir, '/');

	*ret_name = e->path + (slash - dir) + 1;
	if (!path_is_name(str_from(*ret_name)))
		return -EINVAL;
	*slash = 0;
	return path_open_in_root(root, *dir ? dir : "/", O_PATH | O_DIRECTORY);
}

static int open_file(const struct proxy_end *e, int root)
{
	return path_open_in_root(root, e->path, O_PATH);
}

/* Whether somebody listens at it. */
static bool is_dead(const struct proxy_end *e, int dir, const char *name)
{
	AUTO(fd) int fd = open_socket(e);
	struct sockaddr_un to;
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode) && fd >= 0 &&
	       connect(fd, (struct sockaddr *)&to, fd_address(dir, name, &to)) < 0 && errno == ECONNREFUSED;
}

static int bind_path(int fd, const struct proxy_end *e, int root, const struct proxy_order *o)
{
	const char *name;
	AUTO(fd) int dir = open_parent(e, root, &name);
	struct sockaddr_un to;
	int r;

	if (dir < 0)
		return dir;
	/* what a helper that was killed has left */
	if (is_dead(e, dir, name))
		unlinkat(dir, name, 0);
	/* nobody gets in before it is whose it is to be */
	umask(0777);
	r = bind(fd, (struct sockaddr *)&to, fd_address(dir, name, &to)) < 0 ? -errno : 0;
	umask(077);
	if (r < 0)
		return r;
	if (fchownat(dir, name, o->uid, o->gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(dir, name, o->mode, 0) < 0) {
		r = -errno;
		unlinkat(dir, name, 0);
	}
	return r;
}

static int bind_to(int fd, const struct proxy_end *e, size_t i, int root, const struct proxy_order *o)
{
	struct sockaddr_storage net;
	struct sockaddr_un name;
	const int one = 1;

	if (e->kind == PROXY_UNIX && !e->is_abstract)
		return bind_path(fd, e, root, o);
	if (e->kind == PROXY_UNIX)
		return bind(fd, (struct sockaddr *)&name, abstract_address(e, &name)) < 0 ? -errno : 0;
	if (e->kind == PROXY_TCP && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
		return -errno;
	/* [::] would take 0.0.0.0 as well, which another proxy may have */
	if (e->ip.family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) < 0)
		return -errno;
	return bind(fd, (struct sockaddr *)&net, net_address(e, i, &net)) < 0 ? -errno : 0;
}

int proxy_listen(const struct proxy_end *e, size_t i, int root, const struct proxy_order *o, struct err *err)
{
	AUTO(fd) int fd = open_socket(e);
	int r = fd < 0 ? fd : bind_to(fd, e, i, root, o);

	if (!r && e->kind != PROXY_UDP && listen(fd, BACKLOG) < 0)
		r = -errno;
	if (r < 0 && e->kind == PROXY_UNIX)
		return err_set(err, -r, "the proxy can't listen at %s: %s", o->listen, strerror(-r));
	if (r < 0)
		return err_set(err, -r, "the proxy can't listen at %s, port %u: %s", o->listen, e->ports[i],
			       strerror(-r));
	return TAKE_FD(fd);
}

int proxy_connect(const struct proxy_end *e, size_t i, int root)
{
	AUTO(fd) int fd = open_socket(e), file = -EBADF;
	struct sockaddr_storage net;
	struct sockaddr_un name;
	int r;

	if (fd < 0)
		return fd;
	if (e->kind != PROXY_UNIX) {
		r = connect(fd, (struct sockaddr *)&net, net_address(e, i, &net));
	} else if (e->is_abstract) {
		r = connect(fd, (struct sockaddr *)&name, abstract_address(e, &name));
	} else {
		file = open_file(e, root);
		if (file < 0)
			return file;
		r = connect(fd, (struct sockaddr *)&name, fd_address(file, NULL, &name));
	}
	return r < 0 && errno != EINPROGRESS ? -errno : TAKE_FD(fd);
}

void proxy_unlink(const struct proxy_end *e, int root)
{
	const char *name;
	AUTO(fd) int dir = -EBADF;
	struct stat st;

	if (e->kind != PROXY_UNIX || e->is_abstract)
		return;
	dir = open_parent(e, root, &name);
	if (dir >= 0 && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode))
		unlinkat(dir, name, 0);
}
