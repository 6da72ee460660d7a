/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, reading, writing, locking and giving up. */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>

#include "fs/9p/answer.h"

/* The protocol's own numbers; those of other machines than x86 differ from Linux's. */
enum {
	P9_ACCMODE = 03,
	P9_CREATE = 0100,
	P9_EXCL = 0200,
	P9_TRUNC = 01000,
	P9_APPEND = 02000,
	P9_DIRECTORY = 0200000,
};

#define IN_ORDER 8192 /* of directory entries asked for at a time */

/* What else a client gives has no meaning in this tree. */
static int open_flags(uint32_t flags)
{
	int ret = (int)(flags & P9_ACCMODE);

	ret |= flags & P9_TRUNC ? O_TRUNC : 0;
	ret |= flags & P9_APPEND ? O_APPEND : 0;
	ret |= flags & P9_DIRECTORY ? O_DIRECTORY : 0;
	return ret | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY;
}

static int describe(int fd, struct request *q, bool *ret_is_dir)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_INO, &st) < 0)
		return -errno;
	*ret_is_dir = S_ISDIR(st.stx_mode);
	q->r.qids[0] = qid_of(&st);
	return 0;
}

int answer_lopen(struct session *s, struct request *q)
{
	AUTO(fid_done) struct fid_look l = {0};
	AUTO(file_unref) struct file *file = NULL;
	AUTO(fd) int fd = -EBADF;
	const char *name;
	bool is_dir;
	int flags = open_flags(q->t.flags), r = fid_get(&s->fids, q->t.fid, &l);

	if (!r && (l.file || (flags & O_ACCMODE) == O_ACCMODE))
		r = l.file ? -EBADF : -EINVAL;
	if (!r)
		r = place_at(l.place, &name);
	if (r < 0)
		return r;
	fd = CALL(q, openat(r, *name ? name : ".", flags));
	if (fd < 0)
		return fd;
	r = describe(fd, q, &is_dir);
	if (r < 0)
		return r;
	file = file_new(TAKE_FD(fd), flags, is_dir);
	return fid_set(&s->fids, q->t.fid, &l, l.place, file);
}

int answer_lcreate(struct session *s, struct request *q)
{
	AUTO(fid_done) struct fid_look l = {0};
	AUTO(place_unref) struct place *place = NULL;
	AUTO(file_unref) struct file *file = NULL;
	AUTO(fd) int fd = -EBADF;
	bool is_dir;
	int flags = open_flags(q->t.flags) | O_CREAT | (q->t.flags & P9_EXCL ? O_EXCL : 0);
	int r = fid_get(&s->fids, q->t.fid, &l);

	if (!r && l.file)
		r = -EBADF;
	if (!r)
		r = name_check(q->t.name);
	if (!r) {
		place = place_new(l.place, q->t.name, -EBADF);
		r = place ? place_dir(l.place) : -ENAMETOOLONG;
	}
	if (r < 0)
		return r;
	fd = CALL(q, openat(r, place->name, flags, q->t.mode & 0777));
	if (fd < 0)
		return fd;
	r = describe(fd, q, &is_dir);
	if (r < 0)
		return r;
	file = file_new(TAKE_FD(fd), flags, is_dir);
	return fid_set(&s->fids, q->t.fid, &l, place, file);
}

/* The file of a fid that is open in a way that allows it: @not is the one that doesn't. */
static int opened(struct session *s, uint32_t fid, int not, struct fid_look *l)
{
	int r = fid_get(&s->fids, fid, l);

	if (!r && (!l->file || (l->file->flags & O_ACCMODE) == not ))
		return -EBADF;
	return r;
}

/* A stream has no offsets, and may have nothing to say for long. Linux's client asks again for what an answer
 * left of the bytes that its caller wanted, and would hold back what came until all are there: that question
 * is told that there is no more, unless there is. */
static ssize_t read_stream(const struct request *q, struct file *f, char *to, size_t room)
{
	struct pollfd p = {.fd = f->fd, .events = POLLIN};
	bool again;
	ssize_t n = 0;

	pthread_mutex_lock(&f->reading);
	again = f->left && q->t.offset == f->end && q->t.count == f->left;
	f->left = 0;
	pthread_mutex_unlock(&f->reading);
	if (!again || poll(&p, 1, 0) > 0)
		n = CALL(q, read(f->fd, to, room));
	if (n > 0) {
		pthread_mutex_lock(&f->reading);
		f->end = q->t.offset + (uint64_t)n;
		f->left = q->t.count - (uint32_t)n;
		pthread_mutex_unlock(&f->reading);
	}
	return n;
}

int answer_read(struct session *s, struct request *q)
{
	AUTO(fid_done) struct fid_look l = {0};
	char *to = q->out + P9_IO_HEADER;
	size_t room = MIN((size_t)q->t.count, q->out_cap - P9_IO_HEADER);
	ssize_t n = opened(s, q->t.fid, O_WRONLY, &l);

	if (!n && l.file->is_dir)
		n = -EISDIR;
	if (!n && q->t.offset > (uint64_t)INT64_MAX - room)
		n = -EINVAL;
	if (!n)
		n = CALL(q, pread(l.file->fd, to, room, (off_t)q->t.offset));
	if (n == -ESPIPE)
		n = read_stream(q, l.file, to, room);
	if (n < 0)
		return (int)n;
	q->r.data = (struct str){to, (size_t)n};
	return 0;
}

int answer_write(struct session *s, struct request *q)
{
	AUTO(fid_done) struct fid_look l = {0};
	ssize_t n = opened(s, q->t.fid, O_RDONLY, &l);

	if (!n && q->t.offset > (uint64_t)INT64_MAX - q->t.data.len)
		n = -EFBIG;
	if (!n)
		n = CALL(q, pwrite(l.file->fd, q->t.data.ptr, q->t.data.len, (off_t)q->t.offset));
	if (n == -ESPIPE)
		n = CALL(q, write(l.file->fd, q->t.data.ptr, q->t.data.len));
	/* a client would try for ever */
	if (!n && q->t.data.len)
		n = -EIO;
	if (n < 0)
		return (int)n;
	q->r.count = (uint32_t)n;
	return 0;
}

/* Offsets are the kernel's own: a listing goes on where the client says, also after an error or elsewhere. */
int answer_readdir(struct session *s, struct request *q)
{
	AUTO(fid_done) struct fid_look l = {0};
	char *to = q->out + P9_IO_HEADER, raw[IN_ORDER] __attribute__((aligned(8)));
	size_t room = MIN((size_t)q->t.count, q->out_cap - P9_IO_HEADER), used = 0;
	bool full = false;
	ssize_t n = opened(s, q->t.fid, O_WRONLY, &l);

	if (!n && !l.file->is_dir)
		n = -ENOTDIR;
	if (n < 0)
		return (int)n;
	pthread_mutex_lock(&l.file->reading);
	n = lseek(l.file->fd, (off_t)q->t.offset, SEEK_SET) < 0 ? -errno : 1;
	while (n > 0 && !full) {
		n = CALL(q, syscall(SYS_getdents64, l.file->fd, raw, sizeof(raw)));
		for (ssize_t at = 0; at < n && !full;) {
			const struct dirent64 *d = (const void *)(raw + at);
			struct p9_qid qid = {.type = qid_type(DTTOIF(d->d_type)), .path = d->d_ino};

			full = p9_dirent_put(to, room, &used, &qid, (uint64_t)d->d_off, d->d_type,
					     str_from(d->d_name)) < 0;
			at += d->d_reclen;
		}
	}
	pthread_mutex_unlock(&l.file->reading);
	if (!used && (n < 0 || full))
		return n < 0 ? (int)n : -EINVAL;
	q->r.data = (struct str){to, used};
	return 0;
}

int answer_fsync(struct session *s, struct request *q)
{
	AUTO(fid_done) struct fid_look l = {0};
	int r = fid_get(&s->fids, q->t.fid, &l);

	if (!r && !l.file)
		r = -EBADF;
	return r ? r : CALL(q, fsync(l.file->fd));
}

/* A lock of the whole file is flock(2)'s: it asks for no way of opening, and a client's flock(1) arrives as
 * one. The client waits by itself: nobody waits here. */
static int set_lock(const struct request *q, int fd)
{
	static const short types[] = {F_RDLCK, F_WRLCK, F_UNLCK};
	static const int whole[] = {LOCK_SH, LOCK_EX, LOCK_UN};
	struct flock range = {.l_type = types[q->t.lock_type],
			      .l_whence = SEEK_SET,
			      .l_start = (off_t)q->t.offset,
			      .l_len = (off_t)q->t.length};

	if (!q->t.offset && !q->t.length)
		return flock(fd, whole[q->t.lock_type] | LOCK_NB);
	return fcntl(fd, F_OFD_SETLK, &range);
}

static int lock_check(const struct request *q)
{
	if (q->t.lock_type > P9_LOCK_NONE || q->t.offset > INT64_MAX ||
	    q->t.length > (uint64_t)INT64_MAX - q->t.offset)
		return -EINVAL;
	return 0;
}

int answer_lock(struct session *s, struct request *q)
{
	AUTO(fid_done) struct fid_look l = {0};
	int r = fid_get(&s->fids, q->t.fid, &l);

	if (!r)
		r = l.file ? lock_check(q) : -EBADF;
	if (!r)
		r = CALL(q, set_lock(q, l.file->fd));
	q->r.status = r == -EAGAIN ? P9_LOCK_BLOCKED : P9_LOCK_SUCCESS;
	return r == -EAGAIN ? 0 : r;
}

int answer_getlock(struct session *s, struct request *q)
{
	AUTO(fid_done) struct fid_look l = {0};
	struct flock range = {.l_whence = SEEK_SET};
	int r = fid_get(&s->fids, q->t.fid, &l);

	if (!r)
		r = l.file ? lock_check(q) : -EBADF;
	if (r < 0)
		return r;
	range.l_type = q->t.lock_type == P9_LOCK_READ ? F_RDLCK : F_WRLCK;
	range.l_start = (off_t)q->t.offset;
	range.l_len = (off_t)q->t.length;
	r = CALL(q, fcntl(l.file->fd, F_OFD_GETLK, &range));
	if (r < 0)
		return r;
	q->r.lock_type = range.l_type == F_UNLCK   ? P9_LOCK_NONE
			 : range.l_type == F_RDLCK ? P9_LOCK_READ
						   : P9_LOCK_WRITE;
	q->r.offset = (uint64_t)range.l_start;
	q->r.length = (uint64_t)range.l_len;
	q->r.pid = q->t.pid;
	q->r.name = q->t.name;
	return 0;
}

/* The fid is gone whatever happens; what was staged comes into force, and what that says is the answer. */
int answer_clunk(struct session *s, struct request *q)
{
	struct fid_look l = {0};
	int r = fid_drop(&s->fids, q->t.fid, &l);

	if (r < 0)
		return r;
	place_unref(l.place);
	r = file_unref(l.file);
	/* once more would be an unknown fid */
	return r == -EINTR ? -EIO : r;
}
