/* SPDX-License-Identifier: Apache-2.0 */
/* Copying directory trees by descriptor: no link in them is ever followed. */
#include "engine/storage/copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/buf.h"
#include "engine/base/path.h"
#include "engine/base/sys.h"

#define DEPTH_MAX 256
#define BUCKETS 4096

/* A file with several names, by its number in the tree that is copied. */
struct linked {
	struct linked *next;
	ino_t number;
	char *path; /* below the copy's top */
};

struct copier {
	int top;
	struct buf path; /* of what is copied now, below the top */
	struct linked *linked[BUCKETS];
	struct err *err;
};

static int failed(struct copier *c, const char *what)
{
	int number = errno;
	AUTO(buf_done) struct buf shown = BUF_NULL;

	buf_escape(&shown, buf_str(&c->path));
	return err_set(c->err, number, "%s can't be %s: %s",
		       c->path.len ? buf_cstr(&shown) : "the tree's root", what, strerror(number));
}

static int copy_xattrs(struct copier *c, int from, int to)
{
	ssize_t len = flistxattr(from, NULL, 0), n;
	AUTO(free) char *names = NULL, *value = NULL;

	if (len <= 0)
		return 0;
	names = xcalloc(1, (size_t)len + 1);
	value = xcalloc(1, XATTR_SIZE_MAX);
	len = flistxattr(from, names, (size_t)len);
	for (const char *name = names; len > 0 && name < names + len; name += strlen(name) + 1) {
		n = fgetxattr(from, name, value, XATTR_SIZE_MAX);
		if (n < 0 || fsetxattr(to, name, value, (size_t)n, 0) < 0)
			return failed(c, "copied with its extended attributes");
	}
	return 0;
}

/* Owner before mode: chown takes set-user-ID bits away. */
static int copy_facts(struct copier *c, int from, int to, const struct stat *st)
{
	const struct timespec times[] = {st->st_atim, st->st_mtim};
	int r;

	if (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0)
		return failed(c, "given its owner and mode");
	r = copy_xattrs(c, from, to);
	if (r == 0 && futimens(to, times) < 0)
		r = failed(c, "given its times");
	return r;
}

static int copy_data(struct copier *c, int from, int to, uint64_t size)
{
	uint64_t done = 0;

	if (ioctl(to, FICLONE, from) == 0)
		return 0;
	while (done < size) {
		ssize_t n = copy_file_range(from, NULL, to, NULL, MIN(size - done, 1UL << 30), 0);

		if (n < 0)
			return failed(c, "copied");
		if (n == 0)
			break;
		done += (uint64_t)n;
	}
	return 0;
}

static struct linked **linked_find(struct copier *c, ino_t number)
{
	struct linked **p = &c->linked[number % BUCKETS];

	while (*p && (*p)->number != number)
		p = &(*p)->next;
	return p;
}

static int copy_file(struct copier *c, int from_dir, int to_dir, const char *name)
{
	AUTO(fd) int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	AUTO(fd) int to = -EBADF;
	struct linked **slot;
	struct stat st;
	int r;

	if (from < 0 || fstat(from, &st) < 0)
		return failed(c, "read");
	slot = linked_find(c, st.st_ino);
	if (st.st_nlink > 1 && *slot)
		return linkat(c->top, (*slot)->path, to_dir, name, 0) < 0 ? failed(c, "linked") : 0;
	to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return failed(c, "made");
	r = copy_data(c, from, to, (uint64_t)st.st_size);
	if (r == 0)
		r = copy_facts(c, from, to, &st);
	if (r == 0 && st.st_nlink > 1) {
		*slot = xcalloc(1, sizeof(**slot));
		(*slot)->number = st.st_ino;
		(*slot)->path = xstrdup(buf_cstr(&c->path));
	}
	return r;
}

static int copy_link(struct copier *c, int from_dir, int to_dir, const char *name, const struct stat *st)
{
	const struct timespec times[] = {st->st_atim, st->st_mtim};
	char target[PATH_MAX];
	ssize_t n = readlinkat(from_dir, name, target, sizeof(target) - 1);

	if (n < 0)
		return failed(c, "read");
	target[n] = 0;
	if (symlinkat(target, to_dir, name) < 0 ||
	    fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(c, "made");
	return 0;
}

static int copy_dir(struct copier *c, int from, int to, unsigned depth);

static int copy_subdir(struct copier *c, int from_dir, int to_dir, const char *name, unsigned depth)
{
	AUTO(fd) int from = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO(fd) int to = -EBADF;

	if (from < 0)
		return failed(c, "read");
	if (depth >= DEPTH_MAX)
		return err_set(c->err, ELOOP, "the tree is deeper than %d directories", DEPTH_MAX);
	if (mkdirat(to_dir, name, 0700) < 0)
		return failed(c, "made");
	to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return to < 0 ? failed(c, "made") : copy_dir(c, from, to, depth);
}

static int copy_entry(struct copier *c, int from, int to, const char *name, unsigned depth)
{
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(c, "read");
	if (S_ISDIR(st.st_mode))
		return copy_subdir(c, from, to, name, depth + 1);
	if (S_ISREG(st.st_mode))
		return copy_file(c, from, to, name);
	return S_ISLNK(st.st_mode) ? copy_link(c, from, to, name, &st) : 0;
}

static int copy_dir(struct copier *c, int from, int to, unsigned depth)
{
	AUTO(closedir) DIR *d = NULL;
	AUTO(fd) int own = fcntl(from, F_DUPFD_CLOEXEC, 3);
	size_t len = c->path.len;
	const struct dirent *e;
	struct stat st;
	int r = 0;

	if (own < 0 || fstat(from, &st) < 0 || !(d = fdopendir(own)))
		return failed(c, "read");
	TAKE_FD(own);
	while (r == 0 && (errno = 0, e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		buf_printf(&c->path, "%s%s", len ? "/" : "", e->d_name);
		r = copy_entry(c, from, to, e->d_name, depth);
		if (r == 0) {
			c->path.len = len;
			c->path.ptr[len] = 0;
		}
	}
	if (r == 0 && errno)
		r = failed(c, "read");
	/* last: what is made in a directory changes its time */
	return r < 0 ? r : copy_facts(c, from, to, &st);
}

static void linked_free(struct copier *c)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct linked *l = c->linked[i], *next; l; l = next) {
			next = l->next;
			free(l->path);
			free(l);
		}
}

int tree_copy(const char *from, const char *to, struct err *err)
{
	AUTO(free) char *room = xcalloc(1, sizeof(struct copier));
	struct copier *c = (struct copier *)(void *)room;
	AUTO(fd) int source = open(from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO(fd) int top = -EBADF;
	int r;

	if (source < 0)
		return err_set(err, errno, "%s can't be read: %s", from, strerror(errno));
	if (mkdir(to, 0700) < 0)
		return err_set(err, errno, "%s can't be made: %s", to, strerror(errno));
	top = open(to, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	c->top = top;
	c->err = err;
	r = top < 0 ? err_set(err, errno, "%s can't be opened: %s", to, strerror(errno))
		    : copy_dir(c, source, top, 0);
	linked_free(c);
	buf_done(&c->path);
	if (r == 0 && syncfs(top) < 0)
		r = err_set(err, errno, "%s can't be brought to the disk: %s", to, strerror(errno));
	if (r < 0)
		path_remove_tree(to);
	return r;
}
