/* SPDX-License-Identifier: Apache-2.0 */
/* Places, files, and the table of a client's fids. */
#include "fs/9p/fid.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "fs/9p/wire.h"

#define BUCKETS 256

struct fid {
	struct fid *next;
	uint32_t number;
	struct place *place;
	struct file *file;
};

/* ---- places */

struct place *place_new(struct place *parent, struct str name, int dir)
{
	struct place *p;

	if (parent && parent->depth >= PLACE_DEPTH_MAX)
		return NULL;
	p = xcalloc(1, sizeof(*p) + name.len + 1);
	atomic_init(&p->refs, 1);
	atomic_init(&p->dir, parent ? -EBADF : dir);
	p->parent = place_ref(parent);
	p->depth = parent ? parent->depth + 1 : 0;
	memcpy(p->name, name.ptr, name.len);
	return p;
}

struct place *place_ref(struct place *p)
{
	if (p)
		atomic_fetch_add(&p->refs, 1);
	return p;
}

void place_unref(struct place *p)
{
	/* a loop: who is deep isn't deep on the stack */
	while (p && atomic_fetch_sub(&p->refs, 1) == 1) {
		struct place *parent = p->parent;

		if (p->dir >= 0)
			close(p->dir);
		free(p);
		p = parent;
	}
}

int place_dir(struct place *p)
{
	int fd = atomic_load(&p->dir), none = -EBADF, parent;

	if (fd >= 0)
		return fd;
	/* who is asked for first is opened first; the depth is bounded */
	parent = place_dir(p->parent);
	if (parent < 0)
		return parent;
	fd = openat(parent, p->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (atomic_compare_exchange_strong(&p->dir, &none, fd))
		return fd;
	close(fd);
	return none;
}

int place_at(struct place *p, const char **ret_name)
{
	*ret_name = p->name;
	return place_dir(p->parent ? p->parent : p);
}

int place_stat(struct place *p, struct statx *ret)
{
	const char *name;
	int dir = place_at(p, &name);

	if (dir < 0)
		return dir;
	return statx(dir, name, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, ret) < 0
		   ? -errno
		   : 0;
}

bool place_is(const struct place *a, const struct place *b)
{
	for (; a && b && a != b; a = a->parent, b = b->parent)
		if (a->depth != b->depth || strcmp(a->name, b->name))
			return false;
	return a == b;
}

/* ---- files */

struct file *file_new(int fd, int flags, bool is_dir)
{
	struct file *f = xcalloc(1, sizeof(*f));

	atomic_init(&f->refs, 1);
	f->fd = fd;
	f->flags = flags;
	f->is_dir = is_dir;
	pthread_mutex_init(&f->reading, NULL);
	return f;
}

struct file *file_ref(struct file *f)
{
	if (f)
		atomic_fetch_add(&f->refs, 1);
	return f;
}

int file_unref(struct file *f)
{
	int r;

	if (!f || atomic_fetch_sub(&f->refs, 1) != 1)
		return 0;
	/* what was staged comes into force now; after EINTR the descriptor is gone as well: close(2) */
	r = close(f->fd) < 0 ? -errno : 0;
	pthread_mutex_destroy(&f->reading);
	free(f);
	return r;
}

/* ---- the table */

void fids_init(struct fids *t)
{
	pthread_mutex_init(&t->lock, NULL);
	t->buckets = xcalloc(BUCKETS, sizeof(t->buckets[0]));
	t->n = 0;
}

static struct fid **slot(struct fids *t, uint32_t number)
{
	struct fid **f = &t->buckets[number % BUCKETS];

	while (*f && (*f)->number != number)
		f = &(*f)->next;
	return f;
}

static void fid_free(struct fid *f)
{
	place_unref(f->place);
	file_unref(f->file);
	free(f);
}

void fids_clear(struct fids *t)
{
	struct fid *all = NULL;

	pthread_mutex_lock(&t->lock);
	for (unsigned i = 0; i < BUCKETS; i++)
		while (t->buckets[i]) {
			struct fid *f = t->buckets[i];

			t->buckets[i] = f->next;
			f->next = all;
			all = f;
		}
	t->n = 0;
	pthread_mutex_unlock(&t->lock);
	/* a close may wait for what it sets off: not under the lock */
	while (all) {
		struct fid *f = all;

		all = f->next;
		fid_free(f);
	}
}

int fid_get(struct fids *t, uint32_t number, struct fid_look *ret)
{
	struct fid *f;

	pthread_mutex_lock(&t->lock);
	f = *slot(t, number);
	if (f)
		*ret = (struct fid_look){place_ref(f->place), file_ref(f->file)};
	pthread_mutex_unlock(&t->lock);
	return f ? 0 : -EBADF;
}

int fid_add(struct fids *t, uint32_t number, struct place *place)
{
	struct fid **at;
	int r = 0;

	if (number == P9_NOFID)
		return -EBADF;
	pthread_mutex_lock(&t->lock);
	at = slot(t, number);
	if (*at) {
		r = -EBADF;
	} else if (t->n >= FIDS_MAX) {
		r = -EMFILE;
	} else {
		*at = xcalloc(1, sizeof(**at));
		(*at)->number = number;
		(*at)->place = place_ref(place);
		t->n++;
	}
	pthread_mutex_unlock(&t->lock);
	return r;
}

int fid_set(struct fids *t, uint32_t number, const struct fid_look *was, struct place *place,
	    struct file *file)
{
	struct place *old = NULL;
	struct fid *f;
	int r = -EBADF;

	pthread_mutex_lock(&t->lock);
	f = *slot(t, number);
	if (f && !f->file && f->place == was->place) {
		old = f->place;
		f->place = place_ref(place);
		f->file = file_ref(file);
		r = 0;
	}
	pthread_mutex_unlock(&t->lock);
	place_unref(old);
	return r;
}

int fid_drop(struct fids *t, uint32_t number, struct fid_look *ret)
{
	struct fid **at, *f;

	pthread_mutex_lock(&t->lock);
	at = slot(t, number);
	f = *at;
	if (f) {
		*at = f->next;
		t->n--;
	}
	pthread_mutex_unlock(&t->lock);
	if (!f)
		return -EBADF;
	*ret = (struct fid_look){f->place, f->file};
	free(f);
	return 0;
}

static struct file *find_file(struct fids *t, const struct place *place, bool writer)
{
	struct file *found = NULL;

	pthread_mutex_lock(&t->lock);
	for (unsigned i = 0; !found && i < BUCKETS; i++)
		for (struct fid *f = t->buckets[i]; !found && f; f = f->next)
			if (f->file && (!writer || (f->file->flags & O_ACCMODE) != O_RDONLY) &&
			    place_is(f->place, place))
				found = file_ref(f->file);
	pthread_mutex_unlock(&t->lock);
	return found;
}

struct file *fid_find_writer(struct fids *t, const struct place *place)
{
	return find_file(t, place, true);
}

struct file *fid_find_open(struct fids *t, const struct place *place)
{
	return find_file(t, place, false);
}

/* @p with @from, which it is or lies below, replaced. Return: a reference; NULL: neither */
static struct place *moved(struct place *p, const struct place *from, struct place *to_dir,
			   struct str to_name)
{
	struct place *parent, *q;

	if (place_is(p, from))
		return place_new(to_dir, to_name, -EBADF);
	if (!p->parent || p->depth <= from->depth)
		return NULL;
	parent = moved(p->parent, from, to_dir, to_name);
	if (!parent)
		return NULL;
	q = place_new(parent, str_from(p->name), -EBADF);
	place_unref(parent);
	return q;
}

void fid_moved(struct fids *t, const struct place *from, struct place *to_dir, struct str to_name)
{
	pthread_mutex_lock(&t->lock);
	for (unsigned i = 0; i < BUCKETS; i++)
		for (struct fid *f = t->buckets[i]; f; f = f->next) {
			struct place *p = moved(f->place, from, to_dir, to_name);

			if (p) {
				/* of a place no close waits: a descriptor of O_PATH tells nobody */
				place_unref(f->place);
				f->place = p;
			}
		}
	pthread_mutex_unlock(&t->lock);
}
