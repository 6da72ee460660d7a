/* SPDX-License-Identifier: Apache-2.0 */
/* FUSE requests become 9P requests. Nothing is kept but which fid stands for which node.
 *
 * A node is known by the server's qid; each look-up gives it a fresh fid, as its name may be another now.
 * Lock: of the table and of what nodes have, held for moments, never over a request. */
#include "fs/9p/mirror.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/signals.h"

#define BUCKETS 1024
#define WORKERS 16
#define LOOK_MS 100 /* for a signal that is meant, after one that wasn't */
#define SMALL 8192  /* room for an answer without data */

/* A fid that the server has, while it is the same connection. */
struct handle9 {
	atomic_uint refs;
	struct link9 *link;
	uint32_t fid;
	int flags; /* as opened */
};

/* A connection. */
struct link9 {
	atomic_uint refs;
	struct p9_client *client;
	unsigned number;
};

struct node9 {
	struct node9 *next;
	struct node9 *parent; /* counted by nlookup of its own; only to walk again after a reconnect */
	char *name;
	uint64_t ino;
	uint64_t nlookup;
	unsigned refs; /* children that name it as their parent */
	struct handle9 *fid;
};

struct mirror {
	struct mirror_options o;
	struct fuse_session *se;
	pthread_mutex_t lock;
	pthread_mutex_t reconnecting;
	struct link9 *link;
	struct node9 *buckets[BUCKETS];
	struct node9 *root;
};

static struct mirror *mirror_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

/* ---- links and fids */

static struct link9 *link_new(struct p9_client *client, unsigned number)
{
	struct link9 *l = xcalloc(1, sizeof(*l));

	atomic_init(&l->refs, 1);
	l->client = client;
	l->number = number;
	return l;
}

static struct link9 *link_ref(struct link9 *l)
{
	atomic_fetch_add(&l->refs, 1);
	return l;
}

static void link_unref(struct link9 *l)
{
	if (!l || atomic_fetch_sub(&l->refs, 1) != 1)
		return;
	p9_client_free(l->client);
	free(l);
}

static struct handle9 *handle9_new(struct link9 *l, uint32_t fid)
{
	struct handle9 *h = xcalloc(1, sizeof(*h));

	atomic_init(&h->refs, 1);
	h->link = link_ref(l);
	h->fid = fid;
	return h;
}

static struct handle9 *handle9_ref(struct handle9 *h)
{
	atomic_fetch_add(&h->refs, 1);
	return h;
}

static void handle9_unref(struct handle9 *h)
{
	if (!h || atomic_fetch_sub(&h->refs, 1) != 1)
		return;
	if (!p9_client_is_dead(h->link->client))
		p9_clunk(h->link->client, h->fid);
	link_unref(h->link);
	free(h);
}
DEFINE_AUTO(struct handle9 *, handle9_unref);

/* ---- asking, so that ^C gets through */

/* libfuse calls interrupted() with the request's lock held, where nothing may be sent: a thread is woken. */
struct watch {
	struct p9_client *client;
	struct p9_call call;
	pid_t thread; /* who asks */
	atomic_bool due;
	struct watch *next;
};

static struct {
	pthread_mutex_t lock;
	struct watch *first;
	int event; /* eventfd(2): somebody is due */
} watched = {.lock = PTHREAD_MUTEX_INITIALIZER, .event = -EBADF};

static void interrupted(fuse_req_t req, void *arg)
{
	struct watch *w = arg;

	(void)req;
	atomic_store(&w->due, true);
	eventfd_write(watched.event, 1);
}

/* Those who were told to end are let go of. Return: whether others may yet be */
static bool look_at_all(void)
{
	bool more = false;

	pthread_mutex_lock(&watched.lock);
	for (struct watch *w = watched.first; w; w = w->next) {
		if (!atomic_load(&w->due))
			continue;
		if (signals_are_meant(w->thread)) {
			atomic_store(&w->due, false);
			p9_cancel(w->client, &w->call);
		} else {
			more = true;
		}
	}
	pthread_mutex_unlock(&watched.lock);
	return more;
}

static void *watch_all(void *arg)
{
	struct pollfd p = {.fd = watched.event, .events = POLLIN};
	bool more = false;
	eventfd_t n;

	(void)arg;
	for (;;) {
		/* the kernel tells of no second signal, so it is looked for */
		if (poll(&p, 1, more ? LOOK_MS : -1) > 0)
			eventfd_read(watched.event, &n);
		more = look_at_all();
	}
	return NULL;
}

static void watch_begin(fuse_req_t req, struct watch *w)
{
	pthread_mutex_lock(&watched.lock);
	w->next = watched.first;
	watched.first = w;
	pthread_mutex_unlock(&watched.lock);
	fuse_req_interrupt_func(req, interrupted, w);
}

static void watch_end(fuse_req_t req, struct watch *w)
{
	fuse_req_interrupt_func(req, NULL, NULL);
	pthread_mutex_lock(&watched.lock);
	for (struct watch **p = &watched.first; *p; p = &(*p)->next)
		if (*p == w) {
			*p = w->next;
			break;
		}
	pthread_mutex_unlock(&watched.lock);
}

static int ask(fuse_req_t req, const struct handle9 *h, struct p9_msg *m, void *buf, size_t cap)
{
	struct watch w = {.client = h->link->client, .thread = fuse_req_ctx(req)->pid};
	int r;

	watch_begin(req, &w);
	r = p9_ask(h->link->client, m, buf, cap, &w.call);
	watch_end(req, &w);
	return r;
}

/* ---- nodes */

static struct node9 **slot(struct mirror *m, uint64_t ino)
{
	struct node9 **p = &m->buckets[(ino ^ ino >> 16) % BUCKETS];

	while (*p && (*p)->ino != ino)
		p = &(*p)->next;
	return p;
}

static struct node9 *node_by(struct mirror *m, fuse_ino_t ino)
{
	return ino == FUSE_ROOT_ID ? m->root : *slot(m, ino);
}

/* The lock is held. A node goes when the kernel has forgotten it and none below it is left; its parent then
 * may. */
static struct handle9 *node_release(struct mirror *m, struct node9 *n)
{
	struct handle9 *fids = NULL;

	while (n && n != m->root && !n->nlookup && !n->refs) {
		struct node9 *parent = n->parent, **at = slot(m, n->ino);

		*at = n->next;
		/* one at a time is enough: chains are short, and the others go by and by */
		if (fids)
			handle9_unref(fids);
		fids = n->fid;
		parent->refs--;
		free(n->name);
		free(n);
		n = parent;
	}
	return fids;
}

static void forget_one(struct mirror *m, fuse_ino_t ino, uint64_t n)
{
	struct handle9 *fid = NULL;
	struct node9 *x;

	pthread_mutex_lock(&m->lock);
	x = node_by(m, ino);
	if (x && x != m->root) {
		x->nlookup -= MIN(n, x->nlookup);
		fid = node_release(m, x);
	}
	pthread_mutex_unlock(&m->lock);
	handle9_unref(fid);
}

/* ---- reconnecting */

static int attach(struct mirror *m, struct link9 *l, struct handle9 **ret, uint64_t *ret_ino)
{
	struct p9_msg q = {.type = P9_TATTACH,
			   .fid = p9_fid_new(l->client),
			   .newfid = P9_NOFID,
			   .name = STR(""),
			   .name2 = str_from(m->o.aname),
			   .uid = getuid()};
	uint32_t fid = q.fid;
	char buf[SMALL];
	int r = p9_ask(l->client, &q, buf, sizeof(buf), NULL);

	if (r < 0)
		return r;
	*ret = handle9_new(l, fid);
	*ret_ino = q.qids[0].path;
	return 0;
}

/* Where the connection has ended and there is a way to another. Return: whether there is one now */
static bool connect_again(struct mirror *m, unsigned number)
{
	struct p9_client *client = NULL;
	struct handle9 *root = NULL, *old = NULL;
	struct link9 *l = NULL;
	uint64_t ino;
	int stream;
	bool ok;

	if (!m->o.reconnect)
		return false;
	pthread_mutex_lock(&m->reconnecting);
	if (m->link->number != number) {
		pthread_mutex_unlock(&m->reconnecting);
		return true;
	}
	stream = m->o.reconnect(m->o.arg);
	if (stream >= 0 && p9_client_new(stream, m->o.msize, &client, NULL) == 0) {
		l = link_new(client, number + 1);
		if (attach(m, l, &root, &ino) < 0) {
			link_unref(l);
			l = NULL;
		}
	}
	ok = l != NULL;
	if (ok) {
		pthread_mutex_lock(&m->lock);
		link_unref(m->link);
		m->link = l;
		old = m->root->fid;
		m->root->fid = root;
		pthread_mutex_unlock(&m->lock);
		handle9_unref(old);
	}
	pthread_mutex_unlock(&m->reconnecting);
	return ok;
}

/* ---- what a node's fid is now */

/* The names from the root to a node; the lock is held. Return: their number, -1: too deep */
static int names_of(struct mirror *m, const struct node9 *n, char *ret[], int max)
{
	int depth = 0;

	for (const struct node9 *x = n; x != m->root; x = x->parent)
		depth++;
	if (depth > max)
		return -1;
	for (int i = depth; n != m->root; n = n->parent)
		ret[--i] = xstrdup(n->name);
	return depth;
}

static int walk(fuse_req_t req, const struct handle9 *from, char *const names[], unsigned n,
		struct handle9 **ret, struct p9_qid *ret_qid)
{
	AUTO(handle9_unref) struct handle9 *at = NULL;
	char buf[SMALL];

	do {
		struct p9_msg q = {.type = P9_TWALK,
				   .fid = at ? at->fid : from->fid,
				   .newfid = p9_fid_new(from->link->client),
				   .n = (uint16_t)MIN(n, (unsigned)P9_NAMES_MAX)};
		uint32_t fid = q.newfid;
		unsigned wanted = q.n;
		int r;

		for (unsigned i = 0; i < wanted; i++)
			q.names[i] = str_from(names[i]);
		r = ask(req, from, &q, buf, sizeof(buf));
		if (!r && q.n != wanted)
			r = -ENOENT;
		if (r < 0)
			return r;
		if (ret_qid && wanted)
			*ret_qid = q.qids[wanted - 1];
		handle9_unref(at);
		at = handle9_new(from->link, fid);
		names += wanted;
		n -= wanted;
	} while (n);
	*ret = TAKE(at);
	return 0;
}

/* After a reconnect: by its names. */
static int find_again(fuse_req_t req, struct mirror *m, fuse_ino_t ino, struct handle9 **ret)
{
	char *names[64];
	struct handle9 *root, *fid = NULL, *old = NULL;
	struct p9_qid qid;
	struct node9 *n;
	int depth, r;

	pthread_mutex_lock(&m->lock);
	n = node_by(m, ino);
	depth = n ? names_of(m, n, names, ARRAY_SIZE(names)) : -1;
	root = handle9_ref(m->root->fid);
	pthread_mutex_unlock(&m->lock);
	r = depth < 0 ? -ESTALE : walk(req, root, names, (unsigned)depth, &fid, &qid);
	for (int i = 0; i < depth; i++)
		free(names[i]);
	handle9_unref(root);
	if (r < 0)
		return r;
	if (depth && qid.path != ino) {
		handle9_unref(fid);
		return -ESTALE;
	}
	*ret = handle9_ref(fid);
	pthread_mutex_lock(&m->lock);
	n = node_by(m, ino);
	if (n && n != m->root) {
		old = n->fid;
		n->fid = TAKE(fid);
	}
	pthread_mutex_unlock(&m->lock);
	handle9_unref(old);
	handle9_unref(fid);
	return 0;
}

/* Return: 0 and a reference; -ESTALE; -EIO */
static int fid_of(fuse_req_t req, fuse_ino_t ino, struct handle9 **ret)
{
	struct mirror *m = mirror_of(req);
	struct handle9 *fid = NULL;
	unsigned number;
	struct node9 *n;
	bool dead;

	for (int tries = 0; tries < 2; tries++) {
		pthread_mutex_lock(&m->lock);
		n = node_by(m, ino);
		fid = n ? handle9_ref(n->fid) : NULL;
		number = m->link->number;
		dead = p9_client_is_dead(m->link->client);
		pthread_mutex_unlock(&m->lock);
		if (!fid)
			return -ESTALE;
		if (!dead && fid->link->number == number) {
			*ret = fid;
			return 0;
		}
		handle9_unref(fid);
		if (!dead)
			return find_again(req, m, ino, ret);
		if (!connect_again(m, number))
			return -EIO;
	}
	return -EIO;
}

/* ---- attributes */

static void to_stat(const struct mirror *m, const struct p9_attr *a, struct stat *ret)
{
	*ret = (struct stat){.st_ino = a->qid.path,
			     .st_mode = a->mode,
			     .st_nlink = a->nlink,
			     .st_uid = m->o.uid >= 0 ? (uid_t)m->o.uid : a->uid,
			     .st_gid = m->o.gid >= 0 ? (gid_t)m->o.gid : a->gid,
			     .st_size = (off_t)a->size,
			     .st_blksize = (blksize_t)a->blksize,
			     .st_blocks = (blkcnt_t)a->blocks,
			     .st_atim = {(time_t)a->atime.sec, (long)a->atime.nsec},
			     .st_mtim = {(time_t)a->mtime.sec, (long)a->mtime.nsec},
			     .st_ctim = {(time_t)a->ctime.sec, (long)a->ctime.nsec}};
}

static int get_attr(fuse_req_t req, const struct handle9 *h, struct stat *ret)
{
	struct p9_msg q = {.type = P9_TGETATTR, .fid = h->fid, .mask = P9_GETATTR_BASIC};
	char buf[SMALL];
	int r = ask(req, h, &q, buf, sizeof(buf));

	if (!r)
		to_stat(mirror_of(req), &q.attr, ret);
	return r;
}

/* A name in a directory, found: a node for it, as the kernel will count it. */
static int enter(fuse_req_t req, fuse_ino_t dir, const char *name, struct fuse_entry_param *e)
{
	struct mirror *m = mirror_of(req);
	AUTO(handle9_unref) struct handle9 *parent = NULL;
	struct handle9 *fid = NULL, *old = NULL;
	char *names[] = {(char *)name};
	struct node9 **at, *n;
	struct p9_qid qid;
	int r = fid_of(req, dir, &parent);

	if (!r)
		r = walk(req, parent, names, 1, &fid, &qid);
	if (!r)
		r = get_attr(req, fid, &e->attr);
	if (r < 0) {
		handle9_unref(fid);
		return r;
	}
	/* numbers of the kernel's own root are never given twice */
	e->ino = qid.path == FUSE_ROOT_ID ? UINT64_MAX : qid.path;
	e->attr_timeout = e->entry_timeout = 0;
	pthread_mutex_lock(&m->lock);
	at = slot(m, e->ino);
	n = *at;
	if (!n) {
		n = *at = xcalloc(1, sizeof(*n));
		n->ino = e->ino;
		n->parent = node_by(m, dir) ?: m->root;
		n->parent->refs++;
	}
	old = n->fid;
	n->fid = fid;
	free(n->name);
	n->name = xstrdup(name);
	n->nlookup++;
	pthread_mutex_unlock(&m->lock);
	handle9_unref(old);
	return 0;
}

/* ---- the operations that look */

static void op_lookup(fuse_req_t req, fuse_ino_t dir, const char *name)
{
	struct fuse_entry_param e = {0};
	int r = enter(req, dir, name, &e);

	if (r < 0)
		fuse_reply_err(req, -r);
	else if (fuse_reply_entry(req, &e) == -ENOENT)
		forget_one(mirror_of(req), e.ino, 1);
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n)
{
	forget_one(mirror_of(req), ino, n);
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *all)
{
	for (size_t i = 0; i < count; i++)
		forget_one(mirror_of(req), all[i].ino, all[i].nlookup);
	fuse_reply_none(req);
}

static struct handle9 *opened(const struct fuse_file_info *fi)
{
	return fi ? (struct handle9 *)(uintptr_t)fi->fh : NULL;
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	AUTO(handle9_unref) struct handle9 *h = NULL;
	struct stat st;
	int r = opened(fi) ? 0 : fid_of(req, ino, &h);

	if (!r)
		r = get_attr(req, h ? h : opened(fi), &st);
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		fuse_reply_attr(req, &st, 0);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	AUTO(handle9_unref) struct handle9 *h = NULL;
	struct p9_msg q = {.type = P9_TREADLINK};
	AUTO(free) char *text = NULL;
	char buf[SMALL];
	int r = fid_of(req, ino, &h);

	if (!r) {
		q.fid = h->fid;
		r = ask(req, h, &q, buf, sizeof(buf));
	}
	if (r < 0) {
		fuse_reply_err(req, -r);
		return;
	}
	text = str_dup(q.name);
	fuse_reply_readlink(req, text);
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	AUTO(handle9_unref) struct handle9 *h = NULL;
	struct p9_msg q = {.type = P9_TSTATFS};
	struct statvfs f;
	char buf[SMALL];
	int r = fid_of(req, ino, &h);

	if (!r) {
		q.fid = h->fid;
		r = ask(req, h, &q, buf, sizeof(buf));
	}
	f = (struct statvfs){.f_bsize = q.statfs.bsize,
			     .f_frsize = q.statfs.bsize,
			     .f_blocks = q.statfs.blocks,
			     .f_bfree = q.statfs.bfree,
			     .f_bavail = q.statfs.bavail,
			     .f_files = q.statfs.files,
			     .f_ffree = q.statfs.ffree,
			     .f_namemax = q.statfs.namelen};
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		fuse_reply_statfs(req, &f);
}

/* ---- open files */

/* The protocol's numbers are Linux's on x86, others' differ. */
static uint32_t open_flags(int flags)
{
	return (uint32_t)(flags & O_ACCMODE) | (flags & O_TRUNC ? 01000u : 0) |
	       (flags & O_APPEND ? 02000u : 0) | (flags & O_EXCL ? 0200u : 0) |
	       (flags & O_DIRECTORY ? 0200000u : 0);
}

static int open_fid(fuse_req_t req, fuse_ino_t ino, int flags, struct handle9 **ret)
{
	AUTO(handle9_unref) struct handle9 *h = NULL, *clone = NULL;
	struct p9_msg q = {.type = P9_TLOPEN};
	char buf[SMALL];
	int r = fid_of(req, ino, &h);

	if (!r)
		r = walk(req, h, NULL, 0, &clone, NULL);
	if (r < 0)
		return r;
	q.fid = clone->fid;
	q.flags = open_flags(flags & ~O_EXCL);
	r = ask(req, clone, &q, buf, sizeof(buf));
	if (r < 0)
		return r;
	clone->flags = flags;
	*ret = TAKE(clone);
	return 0;
}

static void reply_open(fuse_req_t req, struct handle9 *h, struct fuse_file_info *fi)
{
	fi->fh = (uintptr_t)h;
	fi->direct_io = 1;
	if (fuse_reply_open(req, fi) == -ENOENT)
		handle9_unref(h);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct handle9 *h;
	int r = open_fid(req, ino, fi->flags, &h);

	if (r < 0)
		fuse_reply_err(req, -r);
	else
		reply_open(req, h, fi);
}

static void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct handle9 *h;
	int r = open_fid(req, ino, O_RDONLY | O_DIRECTORY, &h);

	if (r < 0)
		fuse_reply_err(req, -r);
	else
		reply_open(req, h, fi);
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	handle9_unref(opened(fi));
	fuse_reply_err(req, 0);
}

static uint32_t io_size(const struct handle9 *h, size_t size)
{
	return MIN((uint32_t)MIN(size, (size_t)UINT32_MAX),
		   p9_client_msize(h->link->client) - P9_WRITE_HEADER - 1);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	const struct handle9 *h = opened(fi);
	struct p9_msg q = {
	    .type = P9_TREAD, .fid = h->fid, .offset = (uint64_t)off, .count = io_size(h, size)};
	size_t cap = MAX(q.count + (size_t)P9_IO_HEADER, (size_t)SMALL);
	AUTO(free) char *buf = malloc(cap);
	int r = buf ? ask(req, h, &q, buf, cap) : -ENOMEM;

	(void)ino;
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		fuse_reply_buf(req, q.data.ptr, MIN(q.data.len, size));
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t off,
		     struct fuse_file_info *fi)
{
	const struct handle9 *h = opened(fi);
	size_t done = 0;
	char buf[SMALL];
	int r = 0;

	(void)ino;
	while (done < size) {
		struct p9_msg q = {.type = P9_TWRITE,
				   .fid = h->fid,
				   .offset = (uint64_t)off + done,
				   .data = {data + done, io_size(h, size - done)}};

		r = ask(req, h, &q, buf, sizeof(buf));
		if (r < 0 || !q.count)
			break;
		done += MIN(q.count, size - done);
	}
	if (r < 0 && !done)
		fuse_reply_err(req, -r);
	else
		fuse_reply_write(req, done);
}

/* close(2) hears what the server says to what was written. */
static void sync_file(fuse_req_t req, const struct handle9 *h)
{
	struct p9_msg q = {.type = P9_TFSYNC, .fid = h->fid};
	char buf[SMALL];

	fuse_reply_err(req, -ask(req, h, &q, buf, sizeof(buf)));
}

static void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	if ((opened(fi)->flags & O_ACCMODE) == O_RDONLY)
		fuse_reply_err(req, 0);
	else
		sync_file(req, opened(fi));
}

static void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)ino;
	(void)datasync;
	sync_file(req, opened(fi));
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	const struct handle9 *h = opened(fi);
	struct p9_msg q = {
	    .type = P9_TREADDIR, .fid = h->fid, .offset = (uint64_t)off, .count = io_size(h, size)};
	size_t cap = MAX(q.count + (size_t)P9_IO_HEADER, (size_t)SMALL), used = 0;
	AUTO(free) char *in = malloc(cap), *out = malloc(size);
	int r = in && out ? ask(req, h, &q, in, cap) : -ENOMEM;
	struct p9_qid qid;
	struct str name;
	uint64_t offset;
	uint8_t type;

	(void)ino;
	while (!r && p9_dirent_get(&q.data, &qid, &offset, &type, &name) == 0) {
		AUTO(free) char *text = str_dup(name);
		struct stat st = {.st_ino = qid.path, .st_mode = (mode_t)type << 12};
		size_t n = fuse_add_direntry(req, out + used, size - used, text, &st, (off_t)offset);

		if (n > size - used)
			break;
		used += n;
	}
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		fuse_reply_buf(req, out, used);
}

/* ---- the operations that change */

static void set_time(struct p9_msg *q, int to_set, int bit, int now_bit, unsigned valid, unsigned set,
		     struct timespec t, struct p9_time *ret)
{
	if (!(to_set & (bit | now_bit)))
		return;
	q->flags |= valid;
	if (to_set & now_bit)
		return;
	q->flags |= set;
	*ret = (struct p9_time){(uint64_t)t.tv_sec, (uint64_t)t.tv_nsec};
}

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int to_set, struct fuse_file_info *fi)
{
	AUTO(handle9_unref) struct handle9 *h = NULL;
	struct p9_msg q = {
	    .type = P9_TSETATTR, .mode = st->st_mode & 07777, .uid = st->st_uid, .gid = st->st_gid};
	const struct handle9 *on;
	struct stat now;
	char buf[SMALL];
	int r = opened(fi) ? 0 : fid_of(req, ino, &h);

	if (r < 0) {
		fuse_reply_err(req, -r);
		return;
	}
	on = h ? h : opened(fi);
	q.fid = on->fid;
	q.size = (uint64_t)st->st_size;
	q.flags = (to_set & FUSE_SET_ATTR_MODE ? P9_SETATTR_MODE : 0) |
		  (to_set & FUSE_SET_ATTR_UID ? P9_SETATTR_UID : 0) |
		  (to_set & FUSE_SET_ATTR_GID ? P9_SETATTR_GID : 0) |
		  (to_set & FUSE_SET_ATTR_SIZE ? P9_SETATTR_SIZE : 0);
	set_time(&q, to_set, FUSE_SET_ATTR_ATIME, FUSE_SET_ATTR_ATIME_NOW, P9_SETATTR_ATIME,
		 P9_SETATTR_ATIME_SET, st->st_atim, &q.atime);
	set_time(&q, to_set, FUSE_SET_ATTR_MTIME, FUSE_SET_ATTR_MTIME_NOW, P9_SETATTR_MTIME,
		 P9_SETATTR_MTIME_SET, st->st_mtim, &q.mtime);
	r = ask(req, on, &q, buf, sizeof(buf));
	if (!r)
		r = get_attr(req, on, &now);
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		fuse_reply_attr(req, &now, 0);
}

static void reply_entered(fuse_req_t req, fuse_ino_t dir, const char *name)
{
	op_lookup(req, dir, name);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode)
{
	AUTO(handle9_unref) struct handle9 *h = NULL;
	struct p9_msg q = {.type = P9_TMKDIR, .name = str_from(name), .mode = mode, .gid = getgid()};
	char buf[SMALL];
	int r = fid_of(req, dir, &h);

	if (!r) {
		q.fid = h->fid;
		r = ask(req, h, &q, buf, sizeof(buf));
	}
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		reply_entered(req, dir, name);
}

static void op_symlink(fuse_req_t req, const char *target, fuse_ino_t dir, const char *name)
{
	AUTO(handle9_unref) struct handle9 *h = NULL;
	struct p9_msg q = {
	    .type = P9_TSYMLINK, .name = str_from(name), .name2 = str_from(target), .gid = getgid()};
	char buf[SMALL];
	int r = fid_of(req, dir, &h);

	if (!r) {
		q.fid = h->fid;
		r = ask(req, h, &q, buf, sizeof(buf));
	}
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		reply_entered(req, dir, name);
}

static void op_create(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode,
		      struct fuse_file_info *fi)
{
	AUTO(handle9_unref) struct handle9 *h = NULL, *clone = NULL;
	struct p9_msg q = {.type = P9_TLCREATE,
			   .name = str_from(name),
			   .flags = open_flags(fi->flags) | 0100u,
			   .mode = mode & 0777,
			   .gid = getgid()};
	struct fuse_entry_param e = {0};
	char buf[SMALL];
	int r = fid_of(req, dir, &h);

	if (!r)
		r = walk(req, h, NULL, 0, &clone, NULL);
	if (!r) {
		q.fid = clone->fid;
		r = ask(req, clone, &q, buf, sizeof(buf));
	}
	if (!r) {
		clone->flags = fi->flags;
		r = enter(req, dir, name, &e);
	}
	if (r < 0) {
		fuse_reply_err(req, -r);
		return;
	}
	fi->fh = (uintptr_t)clone;
	fi->direct_io = 1;
	if (fuse_reply_create(req, &e, fi) == 0)
		clone = NULL;
}

static void unlink_at(fuse_req_t req, fuse_ino_t dir, const char *name, uint32_t flags)
{
	AUTO(handle9_unref) struct handle9 *h = NULL;
	struct p9_msg q = {.type = P9_TUNLINKAT, .name = str_from(name), .flags = flags};
	char buf[SMALL];
	int r = fid_of(req, dir, &h);

	if (!r) {
		q.fid = h->fid;
		r = ask(req, h, &q, buf, sizeof(buf));
	}
	fuse_reply_err(req, -r);
}

static void op_unlink(fuse_req_t req, fuse_ino_t dir, const char *name)
{
	unlink_at(req, dir, name, 0);
}

static void op_rmdir(fuse_req_t req, fuse_ino_t dir, const char *name)
{
	unlink_at(req, dir, name, P9_AT_REMOVEDIR);
}

static void op_rename(fuse_req_t req, fuse_ino_t dir, const char *name, fuse_ino_t new_dir,
		      const char *new_name, unsigned flags)
{
	AUTO(handle9_unref) struct handle9 *from = NULL, *to = NULL;
	struct p9_msg q = {.type = P9_TRENAMEAT, .name = str_from(name), .name2 = str_from(new_name)};
	char buf[SMALL];
	int r = flags ? -EINVAL : fid_of(req, dir, &from);

	if (!r)
		r = fid_of(req, new_dir, &to);
	if (!r) {
		q.fid = from->fid;
		q.newfid = to->fid;
		r = ask(req, from, &q, buf, sizeof(buf));
	}
	fuse_reply_err(req, -r);
}

static const struct fuse_lowlevel_ops ops = {
    .lookup = op_lookup,
    .forget = op_forget,
    .forget_multi = op_forget_multi,
    .getattr = op_getattr,
    .setattr = op_setattr,
    .readlink = op_readlink,
    .statfs = op_statfs,
    .open = op_open,
    .create = op_create,
    .read = op_read,
    .write = op_write,
    .flush = op_flush,
    .fsync = op_fsync,
    .release = op_release,
    .opendir = op_opendir,
    .readdir = op_readdir,
    .releasedir = op_release,
    .mkdir = op_mkdir,
    .symlink = op_symlink,
    .unlink = op_unlink,
    .rmdir = op_rmdir,
    .rename = op_rename,
};

/* ---- the mount */

static struct fuse_session *session_on(struct mirror *m)
{
	AUTO(free)
	char *options = xasprintf("fsname=%s,subtype=lxdfs%s%s", m->o.source,
				  m->o.allow_other ? ",allow_other" : "", m->o.read_only ? ",ro" : "");
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_session *se;

	fuse_opt_add_arg(&args, "mount.lxdfs");
	fuse_opt_add_arg(&args, "-o");
	fuse_opt_add_arg(&args, options);
	se = fuse_session_new(&args, &ops, sizeof(ops), m);
	fuse_opt_free_args(&args);
	return se;
}

int mirror_new(const struct mirror_options *o, int stream, struct mirror **ret, struct err *err)
{
	struct mirror *m = xcalloc(1, sizeof(*m));
	struct p9_client *client;
	struct handle9 *root;
	uint64_t ino;
	int r = p9_client_new(stream, o->msize, &client, err);

	m->o = *o;
	pthread_mutex_init(&m->lock, NULL);
	pthread_mutex_init(&m->reconnecting, NULL);
	if (r < 0) {
		free(m);
		return r;
	}
	m->link = link_new(client, 1);
	m->root = xcalloc(1, sizeof(*m->root));
	r = attach(m, m->link, &root, &ino);
	if (r < 0) {
		mirror_free(m);
		return err_set(err, -r, "the server doesn't show %s to this client: %s",
			       *o->aname ? o->aname : "/", strerror(-r));
	}
	m->root->fid = root;
	m->root->ino = FUSE_ROOT_ID;
	m->se = session_on(m);
	if (!m->se || fuse_session_mount(m->se, o->where) < 0) {
		mirror_free(m);
		return err_set(err, EIO,
			       "%s can't be mounted on by FUSE: is there /dev/fuse, and the right to it?",
			       o->where);
	}
	*ret = m;
	return 0;
}

int mirror_run(struct mirror *m)
{
	struct fuse_loop_config *config;
	pthread_t watcher;
	int r;

	watched.event = eventfd(0, EFD_CLOEXEC);
	if (watched.event < 0 || pthread_create(&watcher, NULL, watch_all, NULL))
		return -EAGAIN;
	config = fuse_loop_cfg_create();
	fuse_loop_cfg_set_max_threads(config, WORKERS * 8);
	fuse_loop_cfg_set_idle_threads(config, 2);
	fuse_set_signal_handlers(m->se);
	r = fuse_session_loop_mt(m->se, config);
	fuse_remove_signal_handlers(m->se);
	fuse_loop_cfg_destroy(config);
	fuse_session_unmount(m->se);
	return r < 0 ? r : 0;
}

void mirror_free(struct mirror *m)
{
	if (!m)
		return;
	if (m->se)
		fuse_session_destroy(m->se);
	/* what nodes have goes with the process; the connection is closed */
	link_unref(m->link);
	free(m);
}
