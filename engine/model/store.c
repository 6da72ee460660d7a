/* SPDX-License-Identifier: Apache-2.0 */
/* State files: where they are and how one replaces another. Its form is in store-text.c. */
#include "engine/model/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/base/sys.h"
#include "engine/model/registry.h"

#define FILE_MAX (16 * 1024 * 1024)
#define IDS_AT_ONCE 1024
#define NEW ".conf.new"	  /* what is to replace it */
#define GONE ".conf.gone" /* of an object that has been removed, as long as something of it may be left */
#define ID_MAX ((1u << 27) - 1) /* what a node id has room for: the bit above is scratch files' */

/* The directory of a kind, freed by the caller. */
static char *kind_dir(const struct host *h, const struct kind *kind)
{
	return xasprintf("%s/objects/%s", kind->is_volatile ? h->run : h->state, kind->plural);
}

static int open_dir(const struct host *h, const struct kind *kind, struct err *err)
{
	AUTO(free) char *path = kind_dir(h, kind);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_set(err, errno, "%s can't be opened: %s", path, strerror(errno)) : fd;
}

static bool is_stored(const struct object *o)
{
	return o->kind->number != KIND_WARNING;
}

int store_stage(struct object *o, const char *name, const struct config *own,
		const struct access_list *access, struct err *err)
{
	AUTO(free) char *file = xasprintf("%u" NEW, o->id);
	AUTO(buf_done) struct buf text = BUF_NULL;
	AUTO(fd) int dir = -EBADF, fd = -EBADF;
	int r;

	if (!is_stored(o))
		return 0;
	dir = open_dir(o->host, o->kind, err);
	if (dir < 0)
		return dir;
	r = store_text(&text, o, name, own, access);
	if (r < 0)
		return err_set(err, -r, "the state of %s can't be written down: %s", name, strerror(-r));
	fd = openat(dir, file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	r = fd < 0 ? -errno : sys_write_all(fd, text.ptr, text.len);
	if (!r && !o->kind->is_volatile && fsync(fd) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(dir, file, 0);
		return err_set(err, -r, "the state of %s can't be written to the disk: %s", name,
			       strerror(-r));
	}
	return 0;
}

int store_commit(struct object *o, struct err *err)
{
	AUTO(free) char *file = xasprintf("%u.conf", o->id), *new = xasprintf("%u" NEW, o->id);
	AUTO(fd) int dir = -EBADF;

	if (!is_stored(o))
		return 0;
	dir = open_dir(o->host, o->kind, err);
	if (dir < 0)
		return dir;
	if (renameat(dir, new, dir, file) < 0) {
		int r = -errno;

		unlinkat(dir, new, 0);
		return err_set(err, -r, "the new state of an object can't be put in place: %s", strerror(-r));
	}
	if (!o->kind->is_volatile && fsync(dir) < 0)
		return err_set(err, errno, "the disk doesn't confirm the new state: %s", strerror(errno));
	return 0;
}

void store_put_back(struct object *o, const char *name, const struct config *own,
		    const struct access_list *access)
{
	if (store_stage(o, name, own, access, NULL) == 0)
		store_commit(o, NULL);
}

void store_abort(struct object *o)
{
	AUTO(free) char *new = xasprintf("%u" NEW, o->id);
	AUTO(fd) int dir = is_stored(o) ? open_dir(o->host, o->kind, NULL) : -EBADF;

	if (dir >= 0)
		unlinkat(dir, new, 0);
}

int store_remove(struct object *o, struct err *err)
{
	AUTO(free) char *file = xasprintf("%u.conf", o->id), *gone = xasprintf("%u" GONE, o->id);
	AUTO(fd) int dir = -EBADF;

	if (!is_stored(o))
		return 0;
	dir = open_dir(o->host, o->kind, err);
	if (dir < 0)
		return dir;
	if ((o->kind->leaves_files ? renameat(dir, file, dir, gone) : unlinkat(dir, file, 0)) < 0 &&
	    errno != ENOENT)
		return err_set(err, errno, "the state file can't be removed: %s", strerror(errno));
	if (!o->kind->is_volatile && fsync(dir) < 0)
		return err_set(err, errno, "the disk doesn't confirm the removal: %s", strerror(errno));
	return 0;
}

void store_forget(struct object *o)
{
	AUTO(free) char *gone = xasprintf("%u" GONE, o->id);
	AUTO(fd) int dir = o->kind->leaves_files ? open_dir(o->host, o->kind, NULL) : -EBADF;

	if (dir >= 0)
		unlinkat(dir, gone, 0);
}

/* ---- at start */

int store_open(struct host *h, struct err *err)
{
	AUTO(free) char *objects = xasprintf("%s/objects", h->state), *text = NULL;
	AUTO(fd) int dir = -EBADF;
	int r = path_make_dir(objects, 0700);

	for (unsigned n = 0; !r && n < KINDS; n++) {
		const struct kind *kind = kind_get(n);
		AUTO(free) char *path = kind ? kind_dir(h, kind) : NULL;

		if (kind)
			r = path_make_dir(path, 0700);
	}
	if (r < 0)
		return err_set(err, -r, "the directories for state files can't be made in %s: %s", h->state,
			       strerror(-r));
	dir = open(objects, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_set(err, errno, "%s can't be opened: %s", objects, strerror(errno));
	h->next_id = h->last_id = 0;
	if (path_read(dir, "next-id", 64, &text) > 0)
		h->last_id = (uint32_t)strtoul(text, NULL, 10);
	/* the first reservation begins behind the last one */
	h->next_id = h->last_id + 1;
	return 0;
}

static int reserve_ids(struct host *h, struct err *err)
{
	AUTO(free) char *objects = xasprintf("%s/objects", h->state), *text = NULL;
	AUTO(fd) int dir = open(objects, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	text = xasprintf("%u\n", h->last_id + IDS_AT_ONCE);
	r = dir < 0 ? -errno : path_replace(dir, "next-id", str_from(text), 0600, true);
	if (r < 0)
		return err_set(err, -r, "no ids for objects can be reserved in %s: %s", objects,
			       strerror(-r));
	h->last_id += IDS_AT_ONCE;
	return 0;
}

uint32_t store_next_id(struct host *h, struct err *err)
{
	uint32_t id = 0;
	int r = 0;

	pthread_mutex_lock(&h->id_lock);
	if (h->next_id > h->last_id)
		r = reserve_ids(h, err);
	if (!r && h->next_id > ID_MAX)
		err_set(err, ENOSPC, "this host has had %u objects: there are no more ids", ID_MAX);
	else if (!r)
		id = h->next_id++;
	pthread_mutex_unlock(&h->id_lock);
	return id;
}

static int load_file(struct host *h, const struct kind *kind, int dir, const char *name, uint32_t id,
		     struct err *err)
{
	AUTO(object_unref) struct object *o = NULL;
	AUTO(free) char *text = NULL;
	ssize_t n = path_read(dir, name, FILE_MAX, &text);
	int r;

	if (n < 0)
		return err_set(err, (int)-n, "it can't be read: %s", strerror((int)-n));
	o = store_parse(h, kind, (struct str){text, (size_t)n}, err);
	if (!o)
		return -err->errnum;
	if (o->id != id)
		return err_set(err, EINVAL, "it says that its id is %u", o->id);
	if (kind->init) {
		r = kind->init(o, err);
		if (r < 0)
			return r;
	}
	r = registry_add(o);
	return r < 0 ? err_set(err, EEXIST, "there is another %s named %s", kind->name, o->name) : 0;
}

/* Whatever next-id says, or doesn't: what has a file had its id. */
static void pass_over(struct host *h, uint32_t id)
{
	if (id <= h->last_id)
		return;
	h->last_id = id;
	h->next_id = id + 1;
}

static int compare_ids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* The ids of a directory's files with that ending, ascending, so that parents of the same kind come first;
 * freed. */
static uint32_t *list_ids(DIR *d, const char *ending, size_t *ret_n)
{
	uint32_t *ids = NULL;
	struct dirent *e;

	*ret_n = 0;
	rewinddir(d);
	while ((e = readdir(d))) {
		char *end;
		unsigned long id = strtoul(e->d_name, &end, 10);

		if (end == e->d_name)
			continue;
		if (strcmp(end, ending) != 0 || id > ID_MAX)
			continue;
		ids = xrealloc(ids, (*ret_n + 1) * sizeof(*ids));
		ids[(*ret_n)++] = (uint32_t)id;
	}
	if (*ret_n)
		qsort(ids, *ret_n, sizeof(*ids), compare_ids);
	return ids;
}

static DIR *list_dir(const struct host *h, const struct kind *kind, struct err *err)
{
	int dir = open_dir(h, kind, err);
	DIR *d = dir < 0 ? NULL : fdopendir(dir);

	if (!d && dir >= 0) {
		err_set(err, errno, "the state files can't be listed: %s", strerror(errno));
		close(dir);
	}
	return d;
}

/* Of a core that died between two steps. */
static void drop_staged(DIR *d)
{
	size_t n;
	uint32_t *ids = list_ids(d, NEW, &n);

	for (size_t i = 0; i < n; i++) {
		AUTO(free) char *name = xasprintf("%u" NEW, ids[i]);

		unlinkat(dirfd(d), name, 0);
	}
	free(ids);
}

int store_load(struct host *h, const struct kind *kind, struct err *err)
{
	AUTO(closedir) DIR *d = list_dir(h, kind, err);
	uint32_t *ids;
	size_t n;

	if (!d)
		return -EIO;
	drop_staged(d);
	ids = list_ids(d, ".conf", &n);
	for (size_t i = 0; i < n; i++) {
		AUTO(err_done) struct err why = ERR_NULL;
		AUTO(free) char *name = xasprintf("%u.conf", ids[i]), *bad = xasprintf("%s.bad", name);

		pass_over(h, ids[i]);
		if (load_file(h, kind, dirfd(d), name, ids[i], &why) >= 0)
			continue;
		/* of an instance that went while it was removed with it */
		if (kind->is_volatile && why.errnum == ENOENT) {
			unlinkat(dirfd(d), name, 0);
			continue;
		}
		renameat(dirfd(d), name, dirfd(d), bad);
		host_warn(h, NULL, "state-file", "objects/%s/%s was set aside as %s: %s", kind->plural, name,
			  bad, err_text(&why));
	}
	free(ids);
	return 0;
}

void store_bury(struct host *h, const struct kind *kind)
{
	AUTO(closedir) DIR *d = kind->leaves_files ? list_dir(h, kind, NULL) : NULL;
	uint32_t *ids = NULL;
	size_t n = 0;

	if (d)
		ids = list_ids(d, GONE, &n);
	for (size_t i = 0; i < n; i++) {
		AUTO(free) char *name = xasprintf("%u" GONE, ids[i]), *text = NULL;
		ssize_t len = path_read(dirfd(d), name, FILE_MAX, &text);
		AUTO(object_unref)
		struct object *o =
		    len < 0 ? NULL : store_parse(h, kind, (struct str){text, (size_t)len}, NULL);

		/* of whose project nothing is there any more: what it had went with that */
		if (o && (!kind->init || kind->init(o, NULL) == 0))
			kind->remove(o);
		unlinkat(dirfd(d), name, 0);
	}
	free(ids);
}
