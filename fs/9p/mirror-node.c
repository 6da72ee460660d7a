/* SPDX-License-Identifier: Apache-2.0 */
/* Which fid stands for which node, and what happens when the connection is another.
 *
 * A node is known by the server's qid; each look-up gives it a fresh fid, as its name may be another now.
 * Lock: of the table and of what nodes have, held for moments, never over a request. */
#include "fs/9p/mirror-internal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/base/signals.h"

#define LOOK_MS 100 /* for a signal that is meant, after one that wasn't */

/* ---- links and fids */

struct link9 *link_new(struct p9_client *client, unsigned number)
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

void link_unref(struct link9 *l)
{
	if (!l || atomic_fetch_sub(&l->refs, 1) != 1)
		return;
	p9_client_free(l->client);
	free(l);
}

struct handle9 *handle9_new(struct link9 *l, uint32_t fid)
{
	struct handle9 *h = xcalloc(1, sizeof(*h));

	atomic_init(&h->refs, 1);
	h->link = link_ref(l);
	h->fid = fid;
	return h;
}

struct handle9 *handle9_ref(struct handle9 *h)
{
	atomic_fetch_add(&h->refs, 1);
	return h;
}

void handle9_unref(struct handle9 *h)
{
	if (!h || atomic_fetch_sub(&h->refs, 1) != 1)
		return;
	if (!p9_client_is_dead(h->link->client))
		p9_clunk(h->link->client, h->fid);
	link_unref(h->link);
	free(h);
}

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

int mirror_watch(void)
{
	pthread_t watcher;

	watched.event = eventfd(0, EFD_CLOEXEC);
	if (watched.event < 0)
		return -errno;
	return -pthread_create(&watcher, NULL, watch_all, NULL);
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

int mirror_ask(fuse_req_t req, const struct handle9 *h, struct p9_msg *m, void *buf, size_t cap)
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
 * may. Return: those that have gone, for nodes_free() without the lock */
static struct node9 *node_release(struct mirror *m, struct node9 *n)
{
	struct node9 *gone = NULL;

	while (n != m->root && !n->nlookup && !n->refs) {
		struct node9 *parent = n->parent, **at = slot(m, n->ino);

		*at = n->next;
		n->next = gone;
		gone = n;
		parent->refs--;
		n = parent;
	}
	return gone;
}

static void nodes_free(struct node9 *n)
{
	while (n) {
		struct node9 *next = n->next;

		handle9_unref(n->fid);
		free(n->name);
		free(n);
		n = next;
	}
}

void mirror_forget(struct mirror *m, fuse_ino_t ino, uint64_t n)
{
	struct node9 *gone = NULL, *x;

	pthread_mutex_lock(&m->lock);
	x = node_by(m, ino);
	if (x && x != m->root) {
		x->nlookup -= MIN(n, x->nlookup);
		gone = node_release(m, x);
	}
	pthread_mutex_unlock(&m->lock);
	nodes_free(gone);
}

fuse_ino_t mirror_enter(struct mirror *m, fuse_ino_t dir, const char *name, const struct p9_qid *qid,
			struct handle9 *fid)
{
	/* the number of the kernel's own root is never another's */
	fuse_ino_t ino = qid->path == FUSE_ROOT_ID ? UINT64_MAX : qid->path;
	struct handle9 *old;
	struct node9 **at, *n;

	pthread_mutex_lock(&m->lock);
	at = slot(m, ino);
	n = *at;
	if (!n) {
		n = *at = xcalloc(1, sizeof(*n));
		n->ino = ino;
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
	return ino;
}

/* ---- reconnecting */

int mirror_attach(struct mirror *m, struct link9 *l, struct handle9 **ret)
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
	return 0;
}

/* Where the connection has ended and there is a way to another. Return: whether there is one now */
static bool connect_again(struct mirror *m, unsigned number)
{
	struct p9_client *client = NULL;
	struct handle9 *root = NULL, *old = NULL;
	struct link9 *l = NULL;
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
		if (mirror_attach(m, l, &root) < 0) {
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

int mirror_walk(fuse_req_t req, const struct handle9 *from, char *const names[], unsigned n,
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
		r = mirror_ask(req, from, &q, buf, sizeof(buf));
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
	r = depth < 0 ? -ESTALE : mirror_walk(req, root, names, (unsigned)depth, &fid, &qid);
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
int mirror_fid(fuse_req_t req, fuse_ino_t ino, struct handle9 **ret)
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
