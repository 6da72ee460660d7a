/* SPDX-License-Identifier: Apache-2.0 */
/* Storage pools as objects: a directory and the driver that works in it. */
#include "engine/kind/pool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/kind/users.h"

/* The prefix of what a driver has given up and not removed yet. */
#define GONE ".gone-"

static int check_name(struct str name, struct err *err)
{
	AUTO(buf_done) struct buf shown = BUF_NULL;
	size_t ok = 0;

	while (ok < name.len &&
	       strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", name.ptr[ok]) &&
	       name.ptr[ok])
		ok++;
	if (name.len > 63)
		return err_set(err, ENAMETOOLONG, "a pool's name has at most 63 characters, this one %zu",
			       name.len);
	if (name.len && ok == name.len && name.ptr[0] != '.' && name.ptr[0] != '-')
		return 0;
	buf_escape(&shown, name);
	return err_set(
	    err, EINVAL,
	    "\"%s\" can't be a pool's name: it is 1 to 63 letters, digits, '.', '_', '-' and begins "
	    "with a letter or digit",
	    buf_cstr(&shown));
}

/* The directory of its own, which is made and removed with it, or the one in source. */
static char *dir_of(struct host *h, const char *name, const struct config *c, bool *ret_is_own)
{
	const char *source = config_get(c, SECTION_CONFIG, "source");

	if (ret_is_own)
		*ret_is_own = !source || !*source;
	return source && *source ? xstrdup(source) : xasprintf("%s/pools/%s", h->state, name);
}

static const struct storage_driver *driver_of(const struct config *c, struct err *err)
{
	const char *name = config_get(c, SECTION_PROPS, "driver");
	const struct storage_driver *d = storage_driver_find(name ? name : "overlay");
	AUTO(buf_done) struct buf names = BUF_NULL;

	if (d)
		return d;
	for (const char *const *n = storage_driver_names(); *n; n++)
		buf_printf(&names, "%s%s", names.len ? ", " : "", *n);
	err_set(err, EINVAL, "driver is \"%s\": there is no such storage driver here; these are: %s", name,
		buf_cstr(&names));
	return NULL;
}

static int pool_create(struct object *o, struct config *own, const struct caller *who, struct err *err)
{
	(void)o;
	(void)who;
	(void)err;
	config_set(own, SECTION_PROPS, "driver", "overlay", now_ns());
	return 0;
}

/* A source is a directory that root alone can change: what lies in it is mounted for containers. */
static int check_source(const char *path, struct err *err)
{
	AUTO(fd) int fd = -EBADF;
	struct stat st;

	if (path[0] != '/')
		return err_set(err, EINVAL, "source is \"%s\": the absolute path of a directory is wanted",
			       path);
	fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, EINVAL, "source is \"%s\", which is no directory: %s", path,
			       strerror(errno));
	if (st.st_uid != 0 || st.st_mode & 022)
		return err_set(
		    err, EINVAL,
		    "source is \"%s\", which others than root can write to: chown root and chmod go-w it",
		    path);
	return 0;
}

static int pool_check(struct object *o, const struct config *old, const struct config *own,
		      const struct config *effective, struct err *err)
{
	AUTO(free) char *name = object_name(o);
	AUTO(free) char *before = old ? dir_of(o->host, name, old, NULL) : NULL;
	AUTO(free) char *dir = NULL;
	const struct storage_driver *d = driver_of(own, err);
	bool is_own;

	(void)effective;
	if (!d)
		return -EINVAL;
	dir = dir_of(o->host, name, own, &is_own);
	if (old && (strcmp(before, dir) != 0 || d != driver_of(old, NULL))) {
		if (users_refuse(o, "get another driver or source", err) < 0)
			return -EBUSY;
	}
	return is_own || (before && !strcmp(before, dir)) ? 0 : check_source(dir, err);
}

/* What was given up is removed; what was there before stays. */
static void sweep(const char *path)
{
	AUTO(closedir) DIR *dir = opendir(path);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		AUTO(free) char *gone = NULL;

		if (strncmp(e->d_name, GONE, strlen(GONE)) != 0)
			continue;
		gone = xasprintf("%s/%s", path, e->d_name);
		path_remove_tree(gone);
	}
}

static int bring_up(struct object *o, const struct config *c, struct err *err)
{
	AUTO(free) char *name = object_name(o);
	AUTO(free) char *dir = NULL;
	const struct storage_driver *d = driver_of(c, err);
	bool is_own;
	int r = 0;

	if (!d)
		return -EINVAL;
	dir = dir_of(o->host, name, c, &is_own);
	if (is_own) {
		AUTO(free) char *above = xasprintf("%s/pools", o->host->state);

		r = path_make_dir(above, 0711);
		if (r == 0 && mkdir(dir, 0711) < 0 && errno != EEXIST)
			r = -errno;
	}
	if (r < 0)
		return err_set(err, -r, "directory %s can't be made: %s", dir, strerror(-r));
	return d->usable ? d->usable(dir, err) : 0;
}

static int pool_activate(struct object *o, struct err *err)
{
	AUTO(config_unref) struct config *own = object_own(o);
	AUTO(free) char *name = object_name(o);
	AUTO(free) char *dir = NULL;
	bool is_own;
	int r = bring_up(o, own, err);

	if (r < 0) {
		dir = dir_of(o->host, name, own, &is_own);
		if (is_own)
			rmdir(dir);
		return r;
	}
	o->is_live = true;
	return 0;
}

static int pool_load(struct object *o, struct err *err)
{
	AUTO(config_unref) struct config *own = object_own(o);
	AUTO(free) char *name = object_name(o);
	AUTO(free) char *dir = dir_of(o->host, name, own, NULL);
	int r = bring_up(o, own, err);

	o->is_live = r == 0;
	if (r == 0)
		sweep(dir);
	return r;
}

/* Only of a pool that nobody uses: there is nothing to move. */
int pool_apply(struct object *o, const struct config *old, const struct config *new, const char *device,
	       struct err *err)
{
	(void)old;
	(void)device;
	return bring_up(o, new, err);
}

static char **pool_used_by(struct object *o)
{
	static const char *const keys[] = {"pool", NULL};

	return users_by_device(o, keys);
}

static int pool_may_remove(struct object *o, struct err *err)
{
	return users_refuse(o, "be removed", err);
}

/* Nobody uses it. A source keeps what else is in it. */
static void pool_remove(struct object *o)
{
	AUTO(config_unref) struct config *own = object_own(o);
	AUTO(free) char *name = object_name(o);
	bool is_own;
	AUTO(free) char *dir = dir_of(o->host, name, own, &is_own);
	int r = 0;

	if (is_own)
		r = path_remove_tree(dir);
	else
		sweep(dir);
	if (r < 0)
		host_warn(o->host, NULL, "pool-left-behind",
			  "%s of pool %s, which was removed, is still there: %s", dir, name, strerror(-r));
	o->is_live = false;
}

/* object.data is where the directory was moved to, for the call that undoes it: then @name is the object's
 * own still. */
static int pool_rename(struct object *o, const char *name, struct err *err)
{
	AUTO(config_unref) struct config *own = object_own(o);
	AUTO(free) char *old = object_name(o);
	AUTO(free) char *from = NULL, *to = NULL;
	bool is_own;
	int r = users_refuse(o, "be renamed", err);

	to = dir_of(o->host, name, own, &is_own);
	if (r < 0 || !is_own)
		return r;
	from = o->data ? xstrdup(o->data) : dir_of(o->host, old, own, NULL);
	if (rename(from, to) < 0)
		return err_set(err, errno, "%s can't become %s: %s", from, to, strerror(errno));
	free(o->data);
	o->data = TAKE(to);
	return 0;
}

static void pool_done(struct object *o)
{
	free(o->data);
	o->data = NULL;
}

int pool_find(struct host *h, const char *name, char **ret_dir, const struct storage_driver **ret_driver,
	      struct err *err)
{
	AUTO(object_unref) struct object *o = host_find(h->project, KIND_POOL, str_from(name));
	AUTO(config_unref) struct config *own = NULL;
	const struct storage_driver *d;

	if (!o)
		return err_set(err, EINVAL, "there is no pool \"%s\": mkdir %s/storage/%s makes one", name,
			       h->mount, name);
	own = object_own(o);
	d = driver_of(own, err);
	if (!d)
		return -EOPNOTSUPP;
	*ret_driver = d;
	*ret_dir = dir_of(h, name, own, NULL);
	return 0;
}

void pool_space_text(struct object *o, struct buf *b)
{
	AUTO(config_unref) struct config *own = object_own(o);
	AUTO(free) char *name = object_name(o);
	AUTO(free) char *dir = dir_of(o->host, name, own, NULL);
	struct statvfs st;
	unsigned long long unit;

	if (statvfs(dir, &st) < 0)
		return;
	unit = st.f_frsize ? st.f_frsize : st.f_bsize;
	buf_printf(b, "total %llu\nused %llu\nfree %llu\n", unit * st.f_blocks,
		   unit * (st.f_blocks - st.f_bfree), unit * st.f_bavail);
}

const struct kind kind_pool = {
    .number = KIND_POOL,
    .name = "pool",
    .plural = "storage",
    .is_global = true,
    .check_name = check_name,
    .done = pool_done,
    .create = pool_create,
    .check = pool_check,
    .activate = pool_activate,
    .load = pool_load,
    .may_remove = pool_may_remove,
    .remove = pool_remove,
    .rename = pool_rename,
    .used_by = pool_used_by,
};
