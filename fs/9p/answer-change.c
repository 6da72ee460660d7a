/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes, and names that come and go. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/9p/answer.h"

static struct timespec moment(const struct request *q, unsigned valid, unsigned set, struct p9_time t)
{
	if (!(q->t.flags & valid))
		return (struct timespec){.tv_nsec = UTIME_OMIT};
	if (!(q->t.flags & set))
		return (struct timespec){.tv_nsec = UTIME_NOW};
	return (struct timespec){(time_t)t.sec, (long)t.nsec};
}

/* Through the descriptor of whoever writes the file, so that to empty and to write are one assignment. */
static int truncate_place(struct session *s, struct request *q, struct fid_look *l, int dir, const char *name)
{
	AUTO(file_unref) struct file *writer = NULL;
	int fd, r;

	if (l->file && (l->file->flags & O_ACCMODE) != O_RDONLY)
		writer = file_ref(l->file);
	else
		writer = fid_find_writer(&s->fids, l->place);
	if (q->t.size > INT64_MAX)
		return -EINVAL;
	if (writer)
		return CALL(q, ftruncate(writer->fd, (off_t)q->t.size));
	fd = CALL(q, openat(dir, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
	if (fd < 0)
		return fd;
	r = CALL(q, ftruncate(fd, (off_t)q->t.size));
	if (close(fd) < 0 && !r)
		r = -errno;
	return r;
}

int answer_setattr(struct session *s, struct request *q)
{
	AUTO(fid_done) struct fid_look l = {0};
	const struct timespec times[] = {moment(q, P9_SETATTR_ATIME, P9_SETATTR_ATIME_SET, q->t.atime),
					 moment(q, P9_SETATTR_MTIME, P9_SETATTR_MTIME_SET, q->t.mtime)};
	unsigned valid = q->t.flags;
	const char *name;
	struct statx st;
	int dir, r = fid_get(&s->fids, q->t.fid, &l);

	if (!r)
		r = place_at(l.place, &name);
	if (r < 0)
		return r;
	dir = r;
	r = 0;
	if (valid & P9_SETATTR_MODE) {
		/* chmod(2) would follow a link */
		r = place_stat(l.place, &st);
		if (!r && S_ISLNK(st.stx_mode))
			r = -EOPNOTSUPP;
		if (!r)
			r = CALL(q, fchmodat(dir, *name ? name : ".", q->t.mode & 07777, 0));
	}
	if (!r && valid & (P9_SETATTR_UID | P9_SETATTR_GID))
		r = CALL(q, fchownat(dir, name, valid & P9_SETATTR_UID ? q->t.uid : (uid_t)-1,
				     valid & P9_SETATTR_GID ? q->t.gid : (gid_t)-1,
				     AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH));
	if (!r && valid & P9_SETATTR_SIZE)
		r = truncate_place(s, q, &l, dir, name);
	/* with a size the kernel sets the time by itself, unless the client names one */
	if (!r && (valid & (P9_SETATTR_ATIME_SET | P9_SETATTR_MTIME_SET) ||
		   (!(valid & P9_SETATTR_SIZE) && valid & (P9_SETATTR_ATIME | P9_SETATTR_MTIME))))
		r = CALL(q, utimensat(dir, *name ? name : ".", times, AT_SYMLINK_NOFOLLOW));
	return r;
}

/* The directory that a fid is, and a name in it that something is done with. */
static int target(struct session *s, uint32_t fid, struct str name, struct fid_look *l, struct place **ret)
{
	int r = fid_get(&s->fids, fid, l);

	if (!r)
		r = name_check(name);
	if (r < 0)
		return r;
	*ret = place_new(l->place, name, -EBADF);
	return *ret ? place_dir(l->place) : -ENAMETOOLONG;
}

int answer_mkdir(struct session *s, struct request *q)
{
	AUTO(fid_done) struct fid_look l = {0};
	AUTO(place_unref) struct place *place = NULL;
	struct statx st;
	int r = target(s, q->t.fid, q->t.name, &l, &place);

	if (r >= 0)
		r = CALL(q, mkdirat(r, place->name, q->t.mode & 0777));
	if (r < 0)
		return r;
	/* made is made: an interruption doesn't begin it anew */
	do
		r = place_stat(place, &st);
	while (r == -EINTR);
	if (!r)
		q->r.qids[0] = qid_of(&st);
	return r;
}

static int move(struct session *s, struct request *q, struct place *from, struct place *to)
{
	const char *old, *new;
	int from_dir = place_at(from, &old), to_dir, r;

	if (from_dir < 0)
		return from_dir;
	if (!*old)
		return -EBUSY;
	to_dir = place_at(to, &new);
	if (to_dir < 0)
		return to_dir;
	r = CALL(q, renameat(from_dir, old, to_dir, new));
	if (!r)
		fid_moved(&s->fids, from, to->parent, str_from(to->name));
	return r;
}

int answer_rename(struct session *s, struct request *q)
{
	AUTO(fid_done) struct fid_look l = {0}, dir = {0};
	AUTO(place_unref) struct place *to = NULL;
	int r = fid_get(&s->fids, q->t.fid, &l);

	if (!r)
		r = target(s, q->t.newfid, q->t.name, &dir, &to);
	return r < 0 ? r : move(s, q, l.place, to);
}

int answer_renameat(struct session *s, struct request *q)
{
	AUTO(fid_done) struct fid_look from_dir = {0}, to_dir = {0};
	AUTO(place_unref) struct place *from = NULL, *to = NULL;
	int r = target(s, q->t.fid, q->t.name, &from_dir, &from);

	if (r >= 0)
		r = target(s, q->t.newfid, q->t.name2, &to_dir, &to);
	return r < 0 ? r : move(s, q, from, to);
}

int answer_unlinkat(struct session *s, struct request *q)
{
	AUTO(fid_done) struct fid_look l = {0};
	AUTO(place_unref) struct place *place = NULL;
	int r = target(s, q->t.fid, q->t.name, &l, &place);

	if (r >= 0 && q->t.flags & ~P9_AT_REMOVEDIR)
		r = -EINVAL;
	return r < 0 ? r : CALL(q, unlinkat(r, place->name, q->t.flags ? AT_REMOVEDIR : 0));
}

/* The fid is gone whatever happens. */
int answer_remove(struct session *s, struct request *q)
{
	AUTO(fid_done) struct fid_look l = {0};
	const char *name;
	struct statx st;
	int dir, r = fid_drop(&s->fids, q->t.fid, &l);

	if (r < 0)
		return r;
	dir = place_at(l.place, &name);
	if (dir < 0)
		return dir;
	if (!*name)
		return -EBUSY;
	do
		r = place_stat(l.place, &st);
	while (r == -EINTR && request_may_go_on(q));
	if (!r)
		r = CALL(q, unlinkat(dir, name, S_ISDIR(st.stx_mode) ? AT_REMOVEDIR : 0));
	return r == -EINTR ? -EIO : r;
}
