/* SPDX-License-Identifier: Apache-2.0 */
/* Storage driver dir: each instance has a full copy of its image in POOL/UUID/rootfs, made at its first
 * start. Slower than layers, but on every file system, and nothing depends on the image afterwards. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/storage/copy.h"
#include "engine/storage/driver-internal.h"

static int make_rootfs(const char *volume, const char *rootfs, const char *image_rootfs, struct err *err)
{
	AUTO(free) char *staged = xasprintf("%s/rootfs.new", volume);
	int r = path_remove_tree(staged);

	if (r < 0)
		return err_set(err, -r, "%s can't be removed: %s", staged, strerror(-r));
	if (image_rootfs) {
		r = tree_copy(image_rootfs, staged, err);
		if (r < 0)
			return err_prefix(err, "copying the image: ");
	} else if (mkdir(staged, 0755) < 0 || chmod(staged, 0755) < 0) {
		return err_set(err, errno, "%s can't be made: %s", staged, strerror(errno));
	}
	/* complete when it has its name */
	return rename(staged, rootfs) < 0
		   ? err_set(err, errno, "%s can't be made: %s", rootfs, strerror(errno))
		   : 0;
}

static int dir_prepare(const char *pool_dir, const char *uuid, const char *image_rootfs,
		       struct storage_root *ret, struct err *err)
{
	AUTO(free) char *volume = xasprintf("%s/%s", pool_dir, uuid);
	AUTO(free) char *rootfs = xasprintf("%s/rootfs", volume);
	int r = 0;

	if (mkdir(volume, 0700) < 0 && errno != EEXIST)
		return err_set(err, errno, "%s can't be made: %s", volume, strerror(errno));
	if (access(rootfs, F_OK) < 0)
		r = make_rootfs(volume, rootfs, image_rootfs, err);
	if (r == 0)
		*ret = (struct storage_root){.rootfs = TAKE(rootfs)};
	return r;
}

static char *dir_path(const char *pool_dir, const char *uuid)
{
	AUTO(free) char *path = xasprintf("%s/%s/rootfs", pool_dir, uuid);

	return access(path, F_OK) == 0 ? TAKE(path) : NULL;
}

const struct storage_driver storage_dir = {
    .name = "dir",
    .prepare = dir_prepare,
    .destroy = storage_destroy,
    .path = dir_path,
};
