/* SPDX-License-Identifier: Apache-2.0 */
/* Where the files of an instance come from. Nothing is unpacked or made before its first start; from then on
 * its image is kept by fingerprint, as an alias may come to mean another one. */
#include "engine/kind/instance-root.h"

#include <errno.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/device/disk.h"
#include "engine/kind/image.h"
#include "engine/kind/pool.h"
#include "engine/kind/project.h"

#define SOURCE_DEFAULT "busybox"
#define SOURCE_NONE "none"
#define COPY_PREFIX "instances/"

static const char *base_image(const struct config *c)
{
	return config_get(c, SECTION_CONFIG, "volatile.base_image");
}

static const char *root_pool(const struct config *c)
{
	const char *device = disk_root(c, NULL);

	return device ? config_device_get(c, device, "pool") : NULL;
}

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* There are files. */
static int check_pool(struct object *o, const struct config *old, const struct config *effective,
		      struct err *err)
{
	AUTO(config_unref) struct config *before = object_effective_of(o, old);
	const char *pool = root_pool(effective), *pool_had = root_pool(before);

	return !pool_had || same(pool, pool_had)
		   ? 0
		   : err_set(err, EBUSY,
			     "the root disk can't leave pool %s any more: the instance's files are there",
			     pool_had);
}

int instance_root_check(struct object *o, const struct config *old, const struct config *own,
			const struct config *effective, struct err *err)
{
	const char *source = config_get(own, SECTION_PROPS, "source");
	const char *had = old ? config_get(old, SECTION_PROPS, "source") : NULL;

	if (source && !same(source, had) && !strncmp(source, COPY_PREFIX, strlen(COPY_PREFIX)))
		return err_set(err, EOPNOTSUPP,
			       "source is \"%s\": this release copies no instances, name an image", source);
	if (!old || !base_image(old))
		return 0;
	if (!same(source, had))
		return err_set(
		    err, EBUSY,
		    "source can't change any more: the instance has been started, its files are made of %s",
		    had ? had : base_image(old));
	return check_pool(o, old, effective, err);
}

int instance_root_check_move(struct object *o, const struct config *effective, struct err *err)
{
	AUTO(config_unref) struct config *own = object_own(o);

	return base_image(own) ? check_pool(o, own, effective, err) : 0;
}

/* What its files are made of, by the fingerprint that is kept from the first start on. Return: 0; NULL in
 * *@ret: of nothing */
static int choose_image(struct object *o, const struct config *c, struct instance_root *ret, struct err *err)
{
	AUTO(config_unref) struct config *server = object_own(o->host->server);
	const char *source = config_get(c, SECTION_PROPS, "source");
	const char *def = config_get(server, SECTION_CONFIG, "lxdfs.source");
	AUTO(object_unref) struct object *image = NULL;
	AUTO(config_unref) struct config *its = NULL;
	const char *architecture;
	struct change keep[3];
	size_t n = 0;

	if (base_image(c)) {
		ret->base_image = xstrdup(base_image(c));
		return 0;
	}
	if (source && !strcmp(source, SOURCE_NONE))
		return 0;
	ret->had_source = source && *source;
	if (!ret->had_source)
		source = def ? def : SOURCE_DEFAULT;
	image = image_find(host_scope(o->parent, KIND_IMAGE), str_from(source), err);
	if (!image)
		return -err->errnum;
	ret->base_image = object_name(image);
	ret->is_first = true;
	its = object_own(image);
	architecture = config_get(its, SECTION_PROPS, "architecture");
	/* first of all: what an instance names isn't removed with its image */
	keep[n++] = (struct change){SECTION_CONFIG, "volatile.base_image", ret->base_image};
	keep[n++] = (struct change){SECTION_PROPS, "source", source};
	if (architecture && !config_get(c, SECTION_PROPS, "architecture"))
		keep[n++] = (struct change){SECTION_PROPS, "architecture", architecture};
	return object_change_held(o, &caller_core, keep, n, err);
}

int instance_root_make(struct object *o, const struct config *effective, const struct caller *who,
		       struct instance_root *ret, struct err *err)
{
	const char *device = disk_root(effective, err), *pool;
	AUTO(free) char *dir = NULL, *unpacked = NULL, *rootfs = NULL;
	const struct storage_driver *driver;
	/* once more: what a source is now, and state files may say anything */
	int r = project_allows(o, effective, err);

	if (r < 0 || !device)
		return -err->errnum;
	pool = config_device_get(effective, device, "pool");
	if (!pool)
		return err_set(
		    err, EINVAL,
		    "device %s is the root disk, but names no pool: echo default > devices/%s/pool", device,
		    device);
	r = pool_find(o->host, pool, &dir, &driver, err);
	if (!r)
		r = choose_image(o, effective, ret, err);
	if (r < 0)
		return r;
	if (ret->base_image) {
		unpacked = image_rootfs_of(o->host, ret->base_image, who, err);
		if (!unpacked)
			return -err->errnum;
		rootfs = xasprintf("%s/rootfs", unpacked);
	}
	return driver->prepare(dir, o->uuid, rootfs, &ret->storage, err);
}

void instance_root_undo(struct object *o, const struct instance_root *root)
{
	const struct change keep = {SECTION_CONFIG, "volatile.base_image", NULL};
	const struct change source = {SECTION_PROPS, "source", NULL};

	instance_root_destroy(o, NULL);
	/* one after the other: with an image the source can't change */
	object_change_held(o, &caller_core, &keep, 1, NULL);
	if (!root->had_source)
		object_change_held(o, &caller_core, &source, 1, NULL);
	image_collect(o->host, root->base_image);
}

char *instance_root_stopped(struct object *o)
{
	AUTO(config_unref) struct config *c = object_effective(o);
	const char *pool = root_pool(c);
	const struct storage_driver *driver;
	AUTO(free) char *dir = NULL;

	if (!pool || pool_find(o->host, pool, &dir, &driver, NULL) < 0)
		return NULL;
	return driver->path(dir, o->uuid);
}

/* In every pool: which one its root disk named once is no matter then. */
int instance_root_destroy(struct object *o, struct err *err)
{
	AUTO(objects_free) struct object **pools = host_all(o->host->project, KIND_POOL);
	int r = 0;

	for (size_t i = 0; pools[i]; i++) {
		AUTO(free) char *name = object_name(pools[i]), *dir = NULL;
		AUTO(err_done) struct err own = ERR_NULL;
		const struct storage_driver *driver;
		int n = pool_find(o->host, name, &dir, &driver, &own);

		if (!n)
			n = driver->destroy(dir, o->uuid, &own);
		if (n < 0 && !r)
			r = err_move(err, &own);
	}
	return r;
}
