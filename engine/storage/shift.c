/* SPDX-License-Identifier: Apache-2.0 */
/* Changing the owners of a whole tree, by descriptors: no link in it is followed. What it is changed to is
 * noted before, so that one that was broken off is known: then what has a new owner already is left alone. */
#include "engine/storage/shift.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/buf.h"
#include "engine/base/path.h"
#include "engine/base/sandbox.h"
#include "engine/base/str.h"

#define DEPTH_MAX 256
#define MAX_NOTE 65536
#define CAPABILITY "security.capability"
#define EXTENTS_MAX 128

bool shift_is_needed(const char *path)
{
	struct statfs st;

	if (statfs(path, &st) < 0)
		return false;
	switch ((unsigned long)st.f_type) {
	case OVERLAYFS_SUPER_MAGIC:
	case NFS_SUPER_MAGIC:
	case FUSE_SUPER_MAGIC:
	case SMB2_SUPER_MAGIC:
		return true;
	default:
		break;
	}
	/* root of a user namespace maps no mounts of file systems that aren't its own */
	return sandbox_is_namespaced();
}

/* ---- maps */

struct change {
	struct shift_extent ext[4][EXTENTS_MAX]; /* uid from, to; gid from, to */
	unsigned n[4];
	bool is_resumed;
	/* Files with several names that were done: a table of their numbers, at most half full. */
	ino_t *done;
	size_t n_done, room;
	struct err *err;
};

static void put_done(struct change *c, ino_t number)
{
	size_t at = (size_t)(number * 0x9e3779b97f4a7c15ULL) % c->room;

	while (c->done[at] && c->done[at] != number)
		at = (at + 1) % c->room;
	c->n_done += c->done[at] != number ? 1 : 0;
	c->done[at] = number;
}

/* Return: false where it was done before */
static bool note_done(struct change *c, ino_t number)
{
	size_t before = c->n_done;

	if (c->n_done * 2 >= c->room) {
		ino_t *old = c->done;
		size_t n = c->room;

		c->room = n ? n * 2 : 1024;
		c->done = xcalloc(c->room, sizeof(*c->done));
		c->n_done = 0;
		for (size_t i = 0; i < n; i++)
			if (old[i])
				put_done(c, old[i]);
		free(old);
		before = c->n_done;
	}
	put_done(c, number);
	return c->n_done > before;
}

static void note_text(struct buf *b, const struct shift_map *m)
{
	for (unsigned i = 0; i < m->n_uid; i++)
		buf_printf(b, "u %u %u %u\n", m->uid[i].inside, m->uid[i].outside, m->uid[i].count);
	for (unsigned i = 0; i < m->n_gid; i++)
		buf_printf(b, "g %u %u %u\n", m->gid[i].inside, m->gid[i].outside, m->gid[i].count);
}

static void note_read(struct str text, struct shift_extent *uid, unsigned *n_uid, struct shift_extent *gid,
		      unsigned *n_gid)
{
	struct str line;

	*n_uid = *n_gid = 0;
	while (str_next(&text, '\n', &line)) {
		AUTO(free) char *copy = str_dup(line);
		struct shift_extent e;
		char kind;

		if (sscanf(copy, "%c %u %u %u", &kind, &e.inside, &e.outside, &e.count) != 4)
			continue;
		if (kind == 'u' && *n_uid < EXTENTS_MAX)
			uid[(*n_uid)++] = e;
		else if (kind == 'g' && *n_gid < EXTENTS_MAX)
			gid[(*n_gid)++] = e;
	}
}

/* No extents: an id is itself. Return: false where it isn't mapped */
static bool map_id(const struct shift_extent *e, unsigned n, bool inwards, uint32_t id, uint32_t *ret)
{
	*ret = id;
	for (unsigned i = 0; i < n; i++) {
		uint32_t from = inwards ? e[i].outside : e[i].inside,
			 to = inwards ? e[i].inside : e[i].outside;

		if (id < from || id - from >= e[i].count)
			continue;
		*ret = to + (id - from);
		return true;
	}
	return n == 0;
}

static bool convert(const struct change *c, int which, uint32_t id, uint32_t *ret)
{
	uint32_t inside;

	if (c->is_resumed && c->n[which + 1] &&
	    map_id(c->ext[which + 1], c->n[which + 1], true, id, &inside)) {
		*ret = id;
		return true;
	}
	return map_id(c->ext[which], c->n[which], true, id, &inside) &&
	       map_id(c->ext[which + 1], c->n[which + 1], false, inside, ret);
}

/* ---- files */

static int failed(const struct change *c, const char *name, const char *what)
{
	int number = errno;
	AUTO(buf_done) struct buf shown = BUF_NULL;

	buf_escape(&shown, str_from(name));
	return err_set(c->err, number, "%s can't be given its owner for the container: %s: %s",
		       buf_cstr(&shown), what, strerror(number));
}

/* Capabilities of a file are those of root of a user namespace, by that root's id outside. */
static int set_capability(const struct change *c, const char *path, const void *value, size_t len)
{
	struct vfs_ns_cap_data data = {0};
	uint32_t root = 0;

	if (len < XATTR_CAPS_SZ_2 || len > sizeof(data))
		return 0;
	memcpy(&data, value, XATTR_CAPS_SZ_2);
	if (!map_id(c->ext[1], c->n[1], false, 0, &root))
		return 0;
	data.magic_etc = (data.magic_etc & ~(uint32_t)VFS_CAP_REVISION_MASK) |
			 (root ? VFS_CAP_REVISION_3 : VFS_CAP_REVISION_2);
	data.rootid = root;
	return setxattr(path, CAPABILITY, &data, root ? XATTR_CAPS_SZ_3 : XATTR_CAPS_SZ_2, 0);
}

static int change_one(const struct change *c, int dir, const char *name, const struct stat *st)
{
	AUTO(fd) int fd = S_ISREG(st->st_mode) ? openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC) : -EBADF;
	char caps[64], path[64] = "";
	ssize_t n = -1;
	uint32_t uid, gid;

	if (!convert(c, 0, st->st_uid, &uid) || !convert(c, 2, st->st_gid, &gid)) {
		errno = EOVERFLOW;
		return failed(c, name, "it belongs to an id that the container hasn't");
	}
	if (uid == st->st_uid && gid == st->st_gid)
		return 0;
	/* what a change of owner takes away */
	if (fd >= 0) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = getxattr(path, CAPABILITY, caps, sizeof(caps));
	}
	if (fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(c, name, "chown");
	if (!S_ISLNK(st->st_mode) && st->st_mode & (S_ISUID | S_ISGID) &&
	    fchmodat(dir, name, st->st_mode & 07777, 0) < 0)
		return failed(c, name, "chmod");
	if (n > 0 && set_capability(c, path, caps, (size_t)n) < 0)
		return failed(c, name, "its capabilities");
	return 0;
}

static int change_below(struct change *c, int take_dir, unsigned depth)
{
	AUTO(fd) int own = take_dir;
	AUTO(closedir) DIR *d = fdopendir(own);
	struct dirent *e;
	int r = 0;

	if (!d)
		return failed(c, "a directory", "reading it");
	TAKE_FD(own);
	if (depth > DEPTH_MAX)
		return err_set(c->err, ELOOP, "the tree is deeper than %d directories", DEPTH_MAX);
	while (r == 0 && (errno = 0, e = readdir(d))) {
		struct stat st;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return failed(c, e->d_name, "looking at it");
		if (S_ISDIR(st.st_mode)) {
			int sub =
			    openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

			if (sub < 0)
				return failed(c, e->d_name, "opening it");
			r = change_below(c, sub, depth + 1);
		}
		if (r == 0 && (S_ISDIR(st.st_mode) || st.st_nlink == 1 || note_done(c, st.st_ino)))
			r = change_one(c, dirfd(d), e->d_name, &st);
	}
	return r == 0 && errno ? failed(c, "a directory", "reading it") : r;
}

int shift_tree(const char *path, const struct shift_map *to, struct err *err)
{
	AUTO(free)
	char *parent = xasprintf("%s/..", path), *text = NULL, *begun = NULL, *note = NULL, *next = NULL;
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	AUTO(free) char *room = xcalloc(1, sizeof(struct change));
	struct change *c = (struct change *)(void *)room;
	AUTO(fd) int dir = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC), top = -EBADF;
	AUTO(buf_done) struct buf want = BUF_NULL;
	struct stat st;
	ssize_t n, m;
	int r;

	note = xasprintf("%s.ids", name);
	next = xasprintf("%s.ids.next", name);
	note_text(&want, to);
	if (dir < 0)
		return err_set(err, errno, "%s can't be opened: %s", parent, strerror(errno));
	n = path_read(dir, note, MAX_NOTE, &text);
	m = path_read(dir, next, MAX_NOTE, &begun);
	if (m < 0 && str_eq(n > 0 ? (struct str){text, (size_t)n} : STR(""), buf_str(&want)))
		return 0;
	c->err = err;
	c->is_resumed = m >= 0;
	note_read(n > 0 ? (struct str){text, (size_t)n} : STR_NULL, c->ext[0], &c->n[0], c->ext[2], &c->n[2]);
	note_read(buf_str(&want), c->ext[1], &c->n[1], c->ext[3], &c->n[3]);
	/* one that was broken off goes where it was to go before it goes anywhere else */
	if (m >= 0 && !str_eq((struct str){begun, (size_t)m}, buf_str(&want))) {
		note_read((struct str){begun, (size_t)m}, c->ext[1], &c->n[1], c->ext[3], &c->n[3]);
		buf_clear(&want);
		buf_add(&want, begun, (size_t)m);
	}
	r = path_replace(dir, next, buf_str(&want), 0600, true);
	if (r < 0)
		return err_set(err, -r, "%s/%s can't be written: %s", path, next, strerror(-r));
	top = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (top < 0 || fstat(top, &st) < 0)
		return err_set(err, errno, "%s can't be opened: %s", path, strerror(errno));
	r = change_below(c, TAKE_FD(top), 0);
	if (!r)
		r = change_one(c, dir, name, &st);
	free(c->done);
	if (r < 0)
		return r;
	if (syncfs(dir) < 0 || renameat(dir, next, dir, note) < 0 || fsync(dir) < 0)
		return err_set(err, errno, "%s/%s can't be written: %s", path, note, strerror(errno));
	return m >= 0 ? shift_tree(path, to, err) : 0;
}
