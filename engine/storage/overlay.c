/* SPDX-License-Identifier: Apache-2.0 */
/* Idmapped copies of mounts, and overlayfs over them.
 * Source: mount_setattr(2); the kernel's Documentation/filesystems/overlayfs.rst. */
#include "engine/storage/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/buf.h"
#include "engine/base/sandbox.h"

int overlay_layer_make(const char *dir, const char *lower, struct err *err)
{
	AUTO(free)
	char *upper = xasprintf("%s/upper", dir), *work = xasprintf("%s/work", dir),
	     *staged = xasprintf("%s/upper.new", dir);
	struct stat st;

	if (stat(lower, &st) < 0)
		return err_set(err, errno, "the image directory %s can't be read: %s", lower,
			       strerror(errno));
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_set(err, errno, "the layer %s can't be made: %s", dir, strerror(errno));
	if (mkdir(work, 0700) < 0 && errno != EEXIST)
		return err_set(err, errno, "the layer %s can't be made: %s", work, strerror(errno));
	if (!access(upper, F_OK))
		return 0;
	/* renamed last: a layer whose root has the wrong mode is never taken for a complete one */
	if ((mkdir(staged, 0700) < 0 && errno != EEXIST) || chown(staged, st.st_uid, st.st_gid) < 0 ||
	    chmod(staged, st.st_mode & 07777) < 0 || rename(staged, upper) < 0)
		return err_set(err, errno, "the layer %s can't be made: %s", upper, strerror(errno));
	return 0;
}

int overlay_idmap(int tree, int userns, bool recursive, const char *what, struct err *err)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns};

	if (mount_setattr(tree, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof(attr)) == 0)
		return 0;
	if (errno == EINVAL || errno == EOPNOTSUPP)
		return err_set(
		    err, EOPNOTSUPP,
		    "the file system of %s%s can't be mapped to a container's ids: ext4, xfs and btrfs can",
		    what, recursive ? ", or one that is mounted below it," : "");
	return err_set(err, errno, "%s can't be mapped to the container's ids: %s", what, strerror(errno));
}

int overlay_tree(const char *dir, int userns, struct err *err)
{
	AUTO(fd) int tree = open_tree(AT_FDCWD, dir, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	int r;

	if (tree < 0)
		return err_set(err, errno, "%s can't be mounted: %s", dir, strerror(errno));
	if (userns >= 0) {
		r = overlay_idmap(tree, userns, false, dir, err);
		if (r < 0)
			return r;
	}
	return TAKE_FD(tree);
}

/* A tmpfs over the scratch directory, as the working directory: the layers get short relative names in it,
 * which is all that the container reads of them in its /proc/mounts. */
static int enter_scratch(const char *scratch, struct err *err)
{
	if (mount("none", scratch, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=64k") < 0)
		return err_set(err, errno, "no place to mount the layers: %s: %s", scratch, strerror(errno));
	if (chdir(scratch) < 0)
		return err_set(err, errno, "%s can't be entered: %s", scratch, strerror(errno));
	return 0;
}

static int attach_layer(const char *dir, const char *name, int userns, struct err *err)
{
	AUTO(fd) int tree = overlay_tree(dir, userns, err);

	if (tree < 0)
		return tree;
	if (mkdir(name, 0755) < 0 || move_mount(tree, "", AT_FDCWD, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_set(err, errno, "%s can't be mounted as a layer: %s", dir, strerror(errno));
	return 0;
}

static int set(int fs, const char *key, const char *value, struct err *err)
{
	char why[256] = "";
	ssize_t n;
	int errnum;

	if (fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0) == 0)
		return 0;
	errnum = errno;
	n = read(fs, why, sizeof(why) - 1);
	return err_set(err, errnum, "overlayfs doesn't take %s=%s: %s", key, value,
		       n > 2 ? why + 2 : strerror(errnum));
}

static int create(const char *lowerdirs, const char *context, struct err *err)
{
	AUTO(fd) int fs = fsopen("overlay", FSOPEN_CLOEXEC);
	int mnt, r;

	if (fs < 0)
		return err_set(err, errno, "this kernel has no overlayfs: %s", strerror(errno));
	r = set(fs, "lowerdir", lowerdirs, err);
	if (!r)
		r = set(fs, "upperdir", "w/upper", err);
	if (!r)
		r = set(fs, "workdir", "w/work", err);
	if (!r)
		r = set(fs, "redirect_dir", "on", err);
	if (!r && context)
		r = set(fs, "context", context, err);
	if (r < 0)
		return r;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
		char why[256] = "";
		int errnum = errno;
		ssize_t n = read(fs, why, sizeof(why) - 1);

		return err_set(err, errnum, "the layers can't be joined: %s",
			       n > 2 ? why + 2 : strerror(errnum));
	}
	mnt = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	return mnt < 0 ? err_set(err, errno, "the layers can't be mounted: %s", strerror(errno)) : mnt;
}

int overlay_mount(const char *const *lower, const char *layer, int userns, unsigned uid, unsigned gid,
		  const char *context, const char *scratch, struct err *err)
{
	AUTO(buf_done) struct buf dirs = BUF_NULL;
	int r = enter_scratch(scratch, err), mnt;

	if (r < 0)
		return r;
	for (unsigned i = 0; !r && lower[i]; i++) {
		AUTO(free) char *name = xasprintf("%u", i);

		buf_printf(&dirs, "%s%s", i ? ":" : "", name);
		r = attach_layer(lower[i], name, userns, err);
	}
	if (!r)
		r = attach_layer(layer, "w", userns, err);
	if (!r) {
		r = sandbox_fs_ids(uid, gid);
		if (r < 0)
			err_set(err, -r, "the file system ids %u:%u can't be taken on: %s", uid, gid,
				strerror(-r));
	}
	mnt = r < 0 ? r : create(buf_cstr(&dirs), context, err);
	sandbox_fs_ids(0, 0);
	/* the layers live on in overlayfs */
	if ((chdir("/") < 0 || umount2(scratch, MNT_DETACH) < 0) && mnt >= 0) {
		r = err_set(err, errno, "the layers' place can't be cleared: %s", strerror(errno));
		close(mnt);
		return r;
	}
	return mnt;
}
