/* SPDX-License-Identifier: Apache-2.0 */
/* Storage driver overlay: the unpacked image below, an instance's own layer in POOL/UUID above. Creating an
 * instance writes nothing here; one without an image has POOL/UUID/rootfs instead. */
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/storage/driver-internal.h"
#include "engine/storage/overlay.h"

static int overlay_usable(const char *pool_dir, struct err *err)
{
	struct statfs st;

	if (statfs(pool_dir, &st) < 0)
		return err_set(err, errno, "%s can't be looked at: %s", pool_dir, strerror(errno));
	switch ((unsigned long)st.f_type) {
	case OVERLAYFS_SUPER_MAGIC:
		return err_set(
		    err, EOPNOTSUPP,
		    "%s lies on an overlay itself, over which the kernel makes no second one: set source "
		    "to a directory on ext4, xfs or btrfs",
		    pool_dir);
	case NFS_SUPER_MAGIC:
	case FUSE_SUPER_MAGIC:
	case SMB2_SUPER_MAGIC:
	case CEPH_SUPER_MAGIC:
		return err_set(
		    err, EOPNOTSUPP,
		    "%s lies on a network file system or FUSE, which can't be the upper layer of an "
		    "overlay: set source to a directory on ext4, xfs or btrfs",
		    pool_dir);
	default:
		return 0;
	}
}

static int make_dir(const char *path, struct err *err)
{
	return mkdir(path, 0700) < 0 && errno != EEXIST
		   ? err_set(err, errno, "%s can't be made: %s", path, strerror(errno))
		   : 0;
}

static int overlay_prepare(const char *pool_dir, const char *uuid, const char *image_rootfs,
			   struct storage_root *ret, struct err *err)
{
	AUTO(free) char *layer = xasprintf("%s/%s", pool_dir, uuid);
	AUTO(free) char *rootfs = NULL;
	int r;

	if (image_rootfs) {
		r = overlay_layer_make(layer, image_rootfs, err);
		if (r < 0)
			return r;
		*ret = (struct storage_root){.lower = xcalloc(2, sizeof(char *)), .layer = TAKE(layer)};
		ret->lower[0] = xstrdup(image_rootfs);
		return 0;
	}
	rootfs = xasprintf("%s/rootfs", layer);
	r = make_dir(layer, err);
	if (!r)
		r = make_dir(rootfs, err);
	/* the root of a file system is for everybody in it; POOL/UUID itself is closed */
	if (!r && chmod(rootfs, 0755) < 0)
		r = err_set(err, errno, "%s can't be made: %s", rootfs, strerror(errno));
	if (r < 0)
		return r;
	*ret = (struct storage_root){.rootfs = TAKE(rootfs)};
	return 0;
}

static char *overlay_path(const char *pool_dir, const char *uuid)
{
	static const char *const places[] = {"upper", "rootfs"};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		AUTO(free) char *path = xasprintf("%s/%s/%s", pool_dir, uuid, places[i]);

		if (access(path, F_OK) == 0)
			return TAKE(path);
	}
	return NULL;
}

const struct storage_driver storage_overlay = {
    .name = "overlay",
    .usable = overlay_usable,
    .prepare = overlay_prepare,
    .destroy = storage_destroy,
    .path = overlay_path,
};
