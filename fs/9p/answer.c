/* SPDX-License-Identifier: Apache-2.0 */
/* The table of answers, and those that only look: plain system calls, so that the kernel decides. */
#include "fs/9p/answer.h"

#include <fcntl.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/vfs.h>

#define VALID_BTIME 0x800

/* A key that was created has no name before its first write, but the client has it open, and looks it up. */
static int look(struct session *s, struct place *place, struct statx *ret)
{
	AUTO(file_unref) struct file *open = NULL;
	int r = place_stat(place, ret);

	if (r != -ENOENT)
		return r;
	open = fid_find_open(&s->fids, place);
	if (!open)
		return r;
	return statx(open->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, ret) < 0 ? -errno : 0;
}

/* @names from @from on, one by one. Return: how many were found, all their qids are in @qids then; -errno of
 * the first */
static int walk(struct session *s, struct place *from, const struct str *names, unsigned n,
		struct p9_qid *qids, struct place **ret)
{
	AUTO(place_unref) struct place *at = place_ref(from);

	for (unsigned i = 0; i < n; i++) {
		AUTO(place_unref) struct place *next = NULL;
		struct statx st;
		int r = 0;

		if (str_is(names[i], ".."))
			next = place_ref(at->parent ? at->parent : at);
		else
			r = name_check(names[i]);
		if (!r && !next) {
			next = place_new(at, names[i], -EBADF);
			r = next ? 0 : -ENAMETOOLONG;
		}
		if (!r)
			r = look(s, next, &st);
		if (r < 0)
			return i && r != -EINTR ? (int)i : r;
		qids[i] = qid_of(&st);
		place_unref(at);
		at = TAKE(next);
	}
	*ret = TAKE(at);
	return (int)n;
}

static int answer_walk(struct session *s, struct request *q)
{
	AUTO(fid_done) struct fid_look l = {0};
	AUTO(place_unref) struct place *to = NULL;
	int r = fid_get(&s->fids, q->t.fid, &l);

	if (!r && l.file)
		r = -EBADF;
	if (!r)
		r = walk(s, l.place, q->t.names, q->t.n, q->r.qids, &to);
	if (r < 0)
		return r;
	q->r.n = (uint16_t)r;
	if (!to) /* some of the names: neither fid changes */
		return 0;
	return q->t.newfid == q->t.fid ? fid_set(&s->fids, q->t.fid, &l, to, NULL)
				       : fid_add(&s->fids, q->t.newfid, to);
}

/* The path of an attach becomes a root: nothing leads above it. */
static int find_root(struct session *s, struct str path, struct place **ret)
{
	AUTO(place_unref) struct place *at = place_ref(s->root);
	struct str name;
	int dir;

	while (str_next(&path, '/', &name)) {
		AUTO(place_unref) struct place *next = NULL;

		if (!name.len)
			continue;
		if (name_check(name) < 0)
			return -ENOENT;
		next = place_new(at, name, -EBADF);
		if (!next)
			return -ENAMETOOLONG;
		place_unref(at);
		at = TAKE(next);
	}
	dir = place_dir(at);
	if (dir < 0)
		return dir;
	if (!at->parent) {
		*ret = TAKE(at);
		return 0;
	}
	dir = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	if (dir < 0)
		return -errno;
	*ret = place_new(NULL, STR(""), dir);
	return 0;
}

/* Who the client is was settled before; the names that it gives here mean nothing. */
static int answer_attach(struct session *s, struct request *q)
{
	AUTO(place_unref) struct place *root = NULL;
	struct statx st;
	int r;

	if (q->t.newfid != P9_NOFID)
		return -EOPNOTSUPP;
	r = find_root(s, q->t.name2, &root);
	if (!r)
		r = place_stat(root, &st);
	if (!r)
		r = fid_add(&s->fids, q->t.fid, root);
	if (!r)
		q->r.qids[0] = qid_of(&st);
	return r;
}

static struct p9_time time_of(struct statx_timestamp t)
{
	return (struct p9_time){(uint64_t)t.tv_sec, t.tv_nsec};
}

/* As the client's new_decode_dev() reads it. */
static uint64_t device_of(const struct statx *st)
{
	return (st->stx_rdev_minor & 0xff) | (uint64_t)st->stx_rdev_major << 8 |
	       (uint64_t)(st->stx_rdev_minor & ~0xffU) << 12;
}

static int answer_getattr(struct session *s, struct request *q)
{
	AUTO(fid_done) struct fid_look l = {0};
	struct statx st;
	int r = fid_get(&s->fids, q->t.fid, &l);

	if (!r && l.file)
		r = statx(l.file->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &st) < 0 ? -errno
												   : 0;
	else if (!r)
		r = look(s, l.place, &st);
	if (r < 0)
		return r;
	q->r.attr = (struct p9_attr){
	    .valid = P9_GETATTR_BASIC | (st.stx_mask & STATX_BTIME ? VALID_BTIME : 0),
	    .qid = qid_of(&st),
	    .mode = st.stx_mode,
	    .uid = st.stx_uid,
	    .gid = st.stx_gid,
	    .nlink = st.stx_nlink,
	    .rdev = device_of(&st),
	    .size = st.stx_size,
	    .blksize = st.stx_blksize,
	    .blocks = st.stx_blocks,
	    .atime = time_of(st.stx_atime),
	    .mtime = time_of(st.stx_mtime),
	    .ctime = time_of(st.stx_ctime),
	    .btime = time_of(st.stx_btime),
	};
	return 0;
}

static int answer_statfs(struct session *s, struct request *q)
{
	AUTO(fid_done) struct fid_look l = {0};
	const char *name;
	struct statfs f;
	int r = fid_get(&s->fids, q->t.fid, &l);

	if (!r)
		r = place_at(l.place, &name);
	if (r >= 0)
		r = CALL(q, fstatfs(r, &f));
	if (r < 0)
		return r;
	q->r.statfs = (struct p9_statfs){
	    .type = (uint32_t)f.f_type,
	    .bsize = (uint32_t)f.f_bsize,
	    .blocks = f.f_blocks,
	    .bfree = f.f_bfree,
	    .bavail = f.f_bavail,
	    .files = f.f_files,
	    .ffree = f.f_ffree,
	    .namelen = (uint32_t)f.f_namelen,
	};
	return 0;
}

static int answer_readlink(struct session *s, struct request *q)
{
	AUTO(fid_done) struct fid_look l = {0};
	char *to = q->out + P9_HEADER + 2;
	size_t room = q->out_cap - P9_HEADER - 2;
	const char *name;
	ssize_t n = fid_get(&s->fids, q->t.fid, &l);

	if (!n)
		n = place_at(l.place, &name);
	if (n >= 0)
		n = CALL(q, readlinkat((int)n, name, to, room));
	if (n < 0)
		return (int)n;
	if ((size_t)n == room)
		return -ENAMETOOLONG;
	q->r.name = (struct str){to, (size_t)n};
	return 0;
}

/* The tree has no extended attributes, and that is said without asking it: clients look for some with each
 * write. A list has a fid all the same, which the client gives up. */
static int answer_xattrwalk(struct session *s, struct request *q)
{
	AUTO(fid_done) struct fid_look l = {0};
	int r = fid_get(&s->fids, q->t.fid, &l);

	if (!r && q->t.name.len)
		r = -ENODATA;
	return r ? r : fid_add(&s->fids, q->t.newfid, l.place);
}

/* Devices, links and sockets aren't made in this tree by anybody. */
static int answer_never(struct session *s, struct request *q)
{
	(void)s;
	(void)q;
	return -EPERM;
}

/* clang-format off */
static answer_fn *const answers[256] = {
	[P9_TSTATFS] = answer_statfs, [P9_TLOPEN] = answer_lopen, [P9_TLCREATE] = answer_lcreate,
	[P9_TSYMLINK] = answer_never, [P9_TMKNOD] = answer_never, [P9_TLINK] = answer_never,
	[P9_TRENAME] = answer_rename, [P9_TREADLINK] = answer_readlink, [P9_TGETATTR] = answer_getattr,
	[P9_TSETATTR] = answer_setattr, [P9_TXATTRWALK] = answer_xattrwalk, [P9_TREADDIR] = answer_readdir,
	[P9_TFSYNC] = answer_fsync, [P9_TLOCK] = answer_lock, [P9_TGETLOCK] = answer_getlock,
	[P9_TMKDIR] = answer_mkdir, [P9_TRENAMEAT] = answer_renameat, [P9_TUNLINKAT] = answer_unlinkat,
	[P9_TATTACH] = answer_attach, [P9_TWALK] = answer_walk, [P9_TREAD] = answer_read,
	[P9_TWRITE] = answer_write, [P9_TCLUNK] = answer_clunk, [P9_TREMOVE] = answer_remove,
};
/* clang-format on */

int p9_answer(struct session *s, struct request *q)
{
	answer_fn *fn = answers[q->t.type];
	int r = -EOPNOTSUPP; /* Tauth as well: TLS has done it */

	if (!fn)
		return r;
	do
		r = fn(s, q);
	while (r == -EINTR && request_may_go_on(q));
	return r;
}
