/* SPDX-License-Identifier: Apache-2.0 */
/* Unpacked images: made when first needed, kept while an image or an instance needs them. */
#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>

#include "engine/base/auto.h"
#include "engine/base/job.h"
#include "engine/base/path.h"
#include "engine/kind/image-internal.h"

#define GONE ".gone-"

char *image_unpacked_dir(struct host *h, const char *fingerprint)
{
	return xasprintf("%s/unpacked/%s", h->state, fingerprint);
}

static bool is_needed(struct host *h, const char *fingerprint)
{
	AUTO(objects_free) struct object **all = host_every(h, KIND_INSTANCE);

	for (struct object **p = all; *p; p++) {
		AUTO(config_unref) struct config *own = object_own(*p);
		const char *base = config_get(own, SECTION_CONFIG, "volatile.base_image");

		if (base && !strcmp(base, fingerprint))
			return true;
	}
	return false;
}

/* ---- out */

static void remove_job(void *arg)
{
	AUTO(free) char *path = arg;

	/* what can't be removed is tried again at the next start */
	path_remove_tree(path);
}

static void remove_later(char *take_path)
{
	if (job_start(remove_job, take_path, NULL) < 0)
		remove_job(take_path);
}

/* The name goes at once, the many files in a job: what is unpacked next may have the same name, and no other
 * core's leftovers have that of these. */
static void drop(struct host *h, const char *name)
{
	static atomic_uint count;
	AUTO(free) char *dir = xasprintf("%s/unpacked/%s", h->state, name);
	AUTO(free)
	char *gone =
	    xasprintf("%s/unpacked/" GONE "%s-%d-%u", h->state, name, getpid(), atomic_fetch_add(&count, 1));

	if (rename(dir, gone) == 0)
		remove_later(TAKE(gone));
}

void image_collect(struct host *h, const char *fingerprint)
{
	if (image_is_fingerprint(str_from(fingerprint)) && !image_is_anywhere(h, fingerprint) &&
	    !is_needed(h, fingerprint))
		drop(h, fingerprint);
}

static void sweep_unpacked(struct host *h)
{
	AUTO(free) char *path = xasprintf("%s/unpacked", h->state);
	AUTO(closedir) DIR *dir = opendir(path);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		if (image_is_fingerprint(str_from(e->d_name)))
			image_collect(h, e->d_name);
		else if (!strncmp(e->d_name, GONE, strlen(GONE)))
			remove_later(xasprintf("%s/%s", path, e->d_name));
		else if (e->d_name[0] != '.')
			drop(h, e->d_name);
	}
}

void images_sweep(struct host *h)
{
	AUTO(free) char *path = xasprintf("%s/images", h->state);
	AUTO(closedir) DIR *dir = opendir(path);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		AUTO(free) char *full = xasprintf("%s/%s", path, e->d_name);

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (image_is_anywhere(h, e->d_name))
			continue;
		if (e->d_type == DT_DIR)
			path_remove_tree(full);
		else
			unlink(full);
	}
	sweep_unpacked(h);
}

/* ---- in */

static char *unpack_held(struct object *image, const char *fingerprint, const struct caller *who,
			 struct err *err)
{
	struct host *h = image->host;
	AUTO(free) char *dest = image_unpacked_dir(h, fingerprint);
	AUTO(free) char *above = xasprintf("%s/unpacked", h->state);
	AUTO(fd) int meta = -EBADF, rootfs = -EBADF;
	int r;

	if (access(dest, F_OK) == 0)
		return TAKE(dest);
	if (mkdir(above, 0700) < 0 && errno != EEXIST) {
		err_set(err, errno, "%s can't be made: %s", above, strerror(errno));
		return NULL;
	}
	meta = image_file(image, 0);
	rootfs = image_file(image, 1);
	if (meta < 0 || (rootfs < 0 && rootfs != -ENOENT)) {
		r = meta < 0 ? meta : rootfs;
		err_set(err, -r, "the file of image %.12s can't be opened: %s", fingerprint, strerror(-r));
		return NULL;
	}
	r = image_unpack(h->libexec, meta, rootfs < 0 ? -1 : rootfs, dest, NULL, who->cancel_fd, err);
	if (r < 0) {
		err_prefix(err, "unpacking image %.12s: ", fingerprint);
		return NULL;
	}
	return TAKE(dest);
}

char *image_rootfs(struct object *image, const struct caller *who, struct err *err)
{
	AUTO(free) char *fingerprint = object_name(image);
	char *path = image_unpacked_dir(image->host, fingerprint);

	/* complete when it has its name */
	if (access(path, F_OK) == 0)
		return path;
	free(path);
	if (object_take(image, "being unpacked", who, err) < 0)
		return NULL;
	path = unpack_held(image, fingerprint, who, err);
	object_release(image);
	return path;
}

char *image_rootfs_of(struct host *h, const char *fingerprint, const struct caller *who, struct err *err)
{
	AUTO(object_unref) struct object *image = NULL;
	AUTO(free) char *path = NULL;

	if (!image_is_fingerprint(str_from(fingerprint))) {
		err_set(err, EINVAL, "\"%s\" is no fingerprint of an image", fingerprint);
		return NULL;
	}
	image = image_anywhere(h, fingerprint);
	if (image)
		return image_rootfs(image, who, err);
	path = image_unpacked_dir(h, fingerprint);
	if (access(path, F_OK) == 0)
		return TAKE(path);
	err_set(err, ENOENT, "image %.12s was removed: copy its file into %s/images/ again", fingerprint,
		h->mount);
	return NULL;
}
