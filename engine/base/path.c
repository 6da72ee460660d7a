/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and replacing files below a directory. */
#include "engine/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/sys.h"

bool path_is_name(struct str s)
{
	return s.len > 0 && s.len <= 255 && !str_is(s, ".") && !str_is(s, "..") &&
	       !memchr(s.ptr, '/', s.len) && !memchr(s.ptr, 0, s.len);
}

int path_open(int dirfd, const char *path, int flags, mode_t mode)
{
	return sys_openat2(dirfd, path, flags, mode,
			   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

int path_open_in_root(int dirfd, const char *path, int flags)
{
	return sys_openat2(dirfd, path, flags, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

static int make_one(int dirfd, const char *name, bool is_dir)
{
	int fd;

	if (is_dir)
		return mkdirat(dirfd, name, 0755) < 0 && errno != EEXIST ? -errno : 0;
	fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	close(fd);
	return 0;
}

int path_make_in_root(int dirfd, const char *path, bool is_dir)
{
	AUTO(fd) int parent = -EBADF;
	AUTO(free) char *walked = xcalloc(1, strlen(path) + 3);
	struct str rest = str_from(path), piece;
	struct stat st;
	size_t len = 0;
	int fd, r;

	while (rest.len && rest.ptr[rest.len - 1] == '/')
		rest.len--;
	while (str_next(&rest, '/', &piece)) {
		bool last;
		AUTO(free) char *name = NULL;
		AUTO(fd) int up = -EBADF;

		if (!piece.len || str_is(piece, "."))
			continue;
		last = !rest.len;
		walked[len] = 0;
		up = path_open_in_root(dirfd, len ? walked : ".", O_PATH | O_DIRECTORY);
		if (up < 0)
			return up;
		memcpy(walked + len, "/", 1);
		memcpy(walked + len + 1, piece.ptr, piece.len);
		len += 1 + piece.len;
		walked[len] = 0;
		name = str_dup(piece);
		fd = path_open_in_root(dirfd, walked, O_PATH);
		if (fd == -ENOENT) {
			r = make_one(up, name, is_dir || !last);
			if (r < 0)
				return r;
			fd = path_open_in_root(dirfd, walked, O_PATH);
		}
		if (fd < 0)
			return fd;
		if (parent >= 0)
			close(parent);
		parent = fd;
	}
	if (parent < 0)
		return -EINVAL;
	if (fstat(parent, &st) < 0)
		return -errno;
	if (is_dir != S_ISDIR(st.st_mode))
		return is_dir ? -ENOTDIR : -EISDIR;
	return TAKE_FD(parent);
}

int path_make_dir(const char *path, mode_t mode)
{
	AUTO(free) char *copy = xstrdup(path);

	if (!mkdir(path, mode) || errno == EEXIST)
		return 0;
	if (errno != ENOENT)
		return -errno;
	for (char *p = strchr(copy + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = 0;
		/* whatever the umask is: others pass through to what they may read */
		if (mkdir(copy, 0711) == 0 ? chmod(copy, 0711) < 0 : errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return mkdir(path, mode) < 0 && errno != EEXIST ? -errno : 0;
}

int path_replace(int dirfd, const char *name, struct str content, mode_t mode, bool durable)
{
	AUTO(free) char *staged = xasprintf("%s.new", name);
	AUTO(fd) int fd = -EBADF;
	int r;

	if (unlinkat(dirfd, staged, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dirfd, staged, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	r = sys_write_all(fd, content.ptr, content.len);
	if (!r && durable && fsync(fd) < 0)
		r = -errno;
	if (!r && renameat(dirfd, staged, dirfd, name) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(dirfd, staged, 0);
		return r;
	}
	if (durable) {
		AUTO(fd) int dir = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (dir < 0 || fsync(dir) < 0)
			return -errno;
	}
	return 0;
}

ssize_t path_read(int dirfd, const char *path, size_t max, char **ret)
{
	AUTO(fd) int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	AUTO(free) char *text = NULL;
	size_t len = 0, cap = 0;

	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t n;

		if (cap - len < 2) {
			cap = cap ? cap * 2 : 512;
			text = xrealloc(text, cap);
		}
		n = sys_read(fd, text + len, cap - len - 1);
		if (n < 0)
			return n;
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > max)
			return -EFBIG;
	}
	text[len] = 0;
	*ret = TAKE(text);
	return (ssize_t)len;
}

int path_write(int dirfd, const char *path, struct str content)
{
	AUTO(fd) int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, content.ptr, content.len);
	return n < 0 ? -errno : (size_t)n == content.len ? 0 : -EIO;
}
