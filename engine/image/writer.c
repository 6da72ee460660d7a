/* SPDX-License-Identifier: Apache-2.0 */
/* Makes files, links and directories with calls that take a directory's descriptor and one name. */
#include "engine/image/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/image/entry.h"

struct dir_time {
	char *path;
	struct timespec mtime;
};

static int broke(struct err *err, const char *path, const char *what)
{
	int errnum = errno;
	AUTO(free) char *quoted = entry_quote(str_from(path));

	if (errnum == ENOSPC || errnum == EDQUOT)
		return err_set(err, errnum, "the disk is full: %s can't be %s", quoted, what);
	return err_set(err, errnum, "%s can't be %s: %s", quoted, what, strerror(errnum));
}

/* mkdir -p below the directory, 0755 and root's, as an archive that doesn't name them leaves it to us. */
static int make_parents(struct writer *w, const char *path)
{
	AUTO(free) char *copy = xstrdup(path);
	AUTO(fd) int up = path_open(w->dest, ".", O_PATH | O_DIRECTORY, 0);
	char *name = copy;

	while (up >= 0 && name) {
		char *slash = strchr(name, '/');
		int fd;

		if (slash)
			*slash = 0;
		if (mkdirat(up, name, 0755) < 0 && errno != EEXIST)
			return -errno;
		fd = path_open(up, name, O_PATH | O_DIRECTORY, 0);
		close(up);
		up = fd;
		name = slash ? slash + 1 : NULL;
	}
	return up < 0 ? up : 0;
}

/* The directory of a path, as a descriptor that the writer keeps, and the name in it. */
static int enter(struct writer *w, const char *path, const char **ret_name, struct err *err)
{
	const char *slash = strrchr(path, '/');
	struct str up = {path, slash ? (size_t)(slash - path) : 0};
	AUTO(free) char *parent = up.len ? str_dup(up) : xstrdup(".");
	int fd;

	*ret_name = slash ? slash + 1 : path;
	if (w->parent && !strcmp(w->parent, parent))
		return 0;
	fd = path_open(w->dest, parent, O_PATH | O_DIRECTORY, 0);
	if (fd == -ENOENT) {
		fd = make_parents(w, parent);
		if (!fd)
			fd = path_open(w->dest, parent, O_PATH | O_DIRECTORY, 0);
	}
	if (fd < 0) {
		errno = -fd;
		return broke(err, path, "made, for its directory");
	}
	if (w->parent_fd >= 0)
		close(w->parent_fd);
	w->parent_fd = fd;
	free(w->parent);
	w->parent = TAKE(parent);
	return 0;
}

/* The later of two entries of a name is the one that counts; directories stay. */
static int make_room(struct writer *w, const char *path, const char *name, struct err *err)
{
	if (unlinkat(w->parent_fd, name, 0) < 0 && errno != ENOENT)
		return broke(err, path, "put in the place of what is there");
	return 0;
}

static int set_facts(int fd, const struct file_facts *f)
{
	const struct timespec times[2] = {f->mtime, f->mtime};

	/* in this order: a new owner takes set-ID bits and capabilities away */
	if (fchown(fd, f->uid, f->gid) < 0 || fchmod(fd, f->mode & 07777) < 0)
		return -1;
	if (f->caps.len && fsetxattr(fd, "security.capability", f->caps.ptr, f->caps.len, 0) < 0)
		return -1;
	return futimens(fd, times);
}

int writer_dir(struct writer *w, const char *path, const struct file_facts *f, struct err *err)
{
	AUTO(fd) int fd = -EBADF;
	const char *name;
	int r = enter(w, path, &name, err);

	if (r < 0)
		return r;
	if (mkdirat(w->parent_fd, name, 0700) < 0 && errno != EEXIST)
		return broke(err, path, "made");
	fd = openat(w->parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || set_facts(fd, f) < 0)
		return broke(err, path, "made");
	if ((w->n_dirs & (w->n_dirs + 1)) == 0)
		w->dirs = xrealloc(w->dirs, (w->n_dirs * 2 + 2) * sizeof(*w->dirs));
	w->dirs[w->n_dirs++] = (struct dir_time){xstrdup(path), f->mtime};
	return 0;
}

int writer_symlink(struct writer *w, const char *path, const char *target, const struct file_facts *f,
		   struct err *err)
{
	const struct timespec times[2] = {f->mtime, f->mtime};
	const char *name;
	int r = enter(w, path, &name, err);

	if (!r)
		r = make_room(w, path, name, err);
	if (r < 0)
		return r;
	if (symlinkat(target, w->parent_fd, name) < 0 ||
	    fchownat(w->parent_fd, name, f->uid, f->gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    utimensat(w->parent_fd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return broke(err, path, "made a symbolic link");
	return 0;
}

int writer_link(struct writer *w, const char *path, const char *existing, struct err *err)
{
	const char *slash = strrchr(existing, '/'), *name;
	struct str up = {existing, slash ? (size_t)(slash - existing) : 0};
	AUTO(free) char *parent = up.len ? str_dup(up) : xstrdup(".");
	AUTO(fd) int from = -EBADF;
	int r = enter(w, path, &name, err);

	if (r < 0 || !strcmp(path, existing))
		return r;
	r = make_room(w, path, name, err);
	if (r < 0)
		return r;
	from = path_open(w->dest, parent, O_PATH | O_DIRECTORY, 0);
	if (from < 0)
		errno = -from;
	if (from < 0 || linkat(from, slash ? slash + 1 : existing, w->parent_fd, name, 0) < 0)
		return broke(err, path, "made a hard link");
	return 0;
}

int writer_open(struct writer *w, const char *path, int *ret, struct err *err)
{
	const char *name;
	int fd, r = enter(w, path, &name, err);

	if (!r)
		r = make_room(w, path, name, err);
	if (r < 0)
		return r;
	fd = openat(w->parent_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return broke(err, path, "made");
	*ret = fd;
	return 0;
}

int writer_close(int fd, const char *path, off_t size, const struct file_facts *f, struct err *err)
{
	AUTO(fd) int file = fd;

	if ((size >= 0 && ftruncate(file, size) < 0) || set_facts(file, f) < 0)
		return broke(err, path, "written");
	return close(TAKE_FD(file)) < 0 ? broke(err, path, "written") : 0;
}

int writer_xattr(struct writer *w, const char *path, const char *name, struct str value, struct err *err)
{
	AUTO(fd) int fd = path_open(w->dest, path, O_RDONLY | O_NONBLOCK, 0);

	if (fd < 0)
		errno = -fd;
	if (fd < 0 || fsetxattr(fd, name, value.ptr, value.len, 0) < 0)
		return broke(err, path, "given its extended attributes");
	return 0;
}

int writer_finish(struct writer *w, struct err *err)
{
	for (size_t i = 0; i < w->n_dirs; i++) {
		const struct timespec times[2] = {w->dirs[i].mtime, w->dirs[i].mtime};
		AUTO(fd) int fd = path_open(w->dest, w->dirs[i].path, O_RDONLY | O_DIRECTORY, 0);

		if (fd < 0)
			errno = -fd;
		if (fd < 0 || futimens(fd, times) < 0)
			return broke(err, w->dirs[i].path, "given its time");
	}
	return 0;
}

void writer_done(struct writer *w)
{
	for (size_t i = 0; i < w->n_dirs; i++)
		free(w->dirs[i].path);
	free(w->dirs);
	free(w->parent);
	if (w->parent_fd >= 0)
		close(w->parent_fd);
	*w = WRITER_NULL;
}
