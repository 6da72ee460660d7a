/* SPDX-License-Identifier: Apache-2.0 */
/* Parking and placing of mounts: by descriptors alone, so that nothing inside can lead one elsewhere. */
#include "engine/instance/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/storage/overlay.h"

static const char *source_name(const struct container_mount *m)
{
	return m->source ? m->source : m->node ? "the device node" : "the source";
}

int mount_sources_open(const struct container_mount *mounts, size_t n, struct mount_sources *ret,
		       struct err *err)
{
	ret->n = 0;
	if (n > ARRAY_SIZE(ret->tree))
		return err_set(err, E2BIG, "%zu mounts are too many, %zu is the most", n,
			       ARRAY_SIZE(ret->tree));
	for (size_t i = 0; i < n; i++) {
		const struct container_mount *m = &mounts[i];
		unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
		int fd = -EBADF;

		if (m->flags & CONTAINER_MOUNT_RECURSIVE)
			flags |= AT_RECURSIVE;
		if (!m->node)
			fd = m->source ? open_tree(AT_FDCWD, m->source, flags)
				       : open_tree(m->source_fd, "", flags | AT_EMPTY_PATH);
		if (fd < 0 && !m->node && !(m->flags & CONTAINER_MOUNT_OPTIONAL && errno == ENOENT)) {
			err_set(err, errno, "%s can't be mounted at %s: %s", source_name(m), m->target,
				strerror(errno));
			mount_sources_done(ret);
			return -err->errnum;
		}
		ret->tree[ret->n++] = fd < 0 ? -EBADF : fd;
	}
	return 0;
}

void mount_sources_done(struct mount_sources *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->tree[i] >= 0)
			close(s->tree[i]);
	s->n = 0;
}

/* ---- parked by the host's root */

int parking_open(const char *scratch, struct err *err)
{
	int fd;

	/* nodes work here, and in what is bound from here; only whoever holds a descriptor gets here */
	if (mount("none", scratch, "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k") < 0)
		return err_set(err, errno, "no place to keep mounts: %s: %s", scratch, strerror(errno));
	fd = open(scratch, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_set(err, errno, "%s can't be opened: %s", scratch, strerror(errno)) : fd;
}

static int set_attributes(int tree, const struct container_mount *m)
{
	struct mount_attr attr = {.attr_set = m->attrs | MOUNT_ATTR_NODEV,
				  .propagation = m->flags & CONTAINER_MOUNT_SLAVE ? MS_SLAVE : MS_PRIVATE};
	unsigned flags = AT_EMPTY_PATH | (m->flags & CONTAINER_MOUNT_RECURSIVE ? AT_RECURSIVE : 0);

	if (m->flags & CONTAINER_MOUNT_READONLY)
		attr.attr_set |= MOUNT_ATTR_RDONLY;
	if (attr.attr_set & MOUNT_ATTR__ATIME)
		attr.attr_clr = MOUNT_ATTR__ATIME;
	return mount_setattr(tree, "", flags, &attr, sizeof(attr)) < 0 ? -errno : 0;
}

static int make_node(int parking, const char *name, const struct container_mount *m, struct err *err)
{
	mode_t type = m->node == 'b' ? S_IFBLK : S_IFCHR;

	if (mknodat(parking, name, type, makedev(m->major, m->minor)) < 0)
		return err_set(
		    err, errno, "the node for %s, %c %u:%u, can't be made: %s", m->target, m->node, m->major,
		    m->minor,
		    errno == EPERM
			? "lxdfs isn't root of the host, but of a user namespace that may make none"
			: strerror(errno));
	if (fchownat(parking, name, m->uid, m->gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(parking, name, m->mode, 0) < 0)
		return err_set(err, errno, "the node for %s can't be given to its owner: %s", m->target,
			       strerror(errno));
	return 0;
}

static int make_mountpoint(int parking, const char *name, int tree)
{
	AUTO(fd) int fd = -EBADF;
	struct stat st;

	if (fstat(tree, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return mkdirat(parking, name, 0755) < 0 ? -errno : 0;
	fd = openat(parking, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	return fd < 0 ? -errno : 0;
}

int parking_add(int parking, size_t number, const struct container_mount *m, int tree, int userns,
		struct err *err)
{
	char name[24];
	int r = 0;

	snprintf(name, sizeof(name), "%zu", number);
	if (m->node)
		return make_node(parking, name, m, err);
	if (tree < 0)
		return 0;
	if (m->flags & CONTAINER_MOUNT_SHIFT && userns >= 0)
		r = overlay_idmap(tree, userns, m->flags & CONTAINER_MOUNT_RECURSIVE,
				  m->source ? m->source : m->target, err);
	if (r < 0)
		return r;
	r = set_attributes(tree, m);
	if (!r)
		r = make_mountpoint(parking, name, tree);
	if (!r && move_mount(tree, "", parking, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		r = -errno;
	return r < 0 ? err_set(err, -r, "%s can't be mounted at %s: %s", source_name(m), m->target,
			       strerror(-r))
		     : 0;
}

/* ---- placed by the container's */

int mount_become_root(struct err *err)
{
	if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_set(err, errno, "the ids of the container's root can't be taken on: %s",
			       strerror(errno));
	umask(0);
	return 0;
}

int mount_enter(int dir, unsigned long long other_spaces, struct err *err)
{
	int r = mount_become_root(err);

	if (r < 0)
		return r;
	if (fchdir(dir) < 0)
		return err_set(err, errno, "the place of the mounts can't be entered: %s", strerror(errno));
	if (unshare((int)(CLONE_NEWNS | other_spaces)) < 0)
		return err_set(err, errno, "no mount namespace: %s", strerror(errno));
	return 0;
}

int parking_take(int parking, size_t number, const struct container_mount *m, struct err *err)
{
	unsigned flags =
	    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (m->flags & CONTAINER_MOUNT_RECURSIVE ? AT_RECURSIVE : 0);
	char name[24];
	int tree;

	snprintf(name, sizeof(name), "%zu", number);
	tree = open_tree(parking, name, flags);
	return tree < 0 ? err_set(err, errno, "%s can't be taken to %s: %s", source_name(m), m->target,
				  strerror(errno))
			: tree;
}

/* Beneath one of these directories, or one of them: they are the container's own file systems. */
static bool is_in(const char *target, const char *const *roots)
{
	while (*target == '/')
		target++;
	for (; *roots; roots++) {
		size_t n = strlen(*roots);

		if (!strncmp(target, *roots, n) && (!target[n] || target[n] == '/'))
			return true;
	}
	return !*target;
}

int mount_place(int tree, int root, const struct container_mount *m, struct err *err)
{
	static const char *const kernels[] = {"proc", "sys", NULL}, *const own[] = {"dev", "proc", "sys",
										    NULL};
	AUTO(fd) int target = -EBADF;
	struct stat st;
	int r = 0;

	if (!(m->flags & CONTAINER_MOUNT_PROC) && is_in(m->target, m->node ? kernels : own))
		return err_set(
		    err, EINVAL,
		    "nothing of the host can be mounted at %s: %s/proc and /sys are the container's own",
		    m->target, m->node ? "" : "/dev, ");
	if (fstat(tree, &st) < 0)
		r = -errno;
	if (!r)
		r = target = path_make_in_root(root, m->target, S_ISDIR(st.st_mode));
	if (r >= 0 && move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		r = -errno;
	return r < 0 ? err_set(err, -r, "%s can't be mounted at %s: %s", source_name(m), m->target,
			       strerror(-r))
		     : 0;
}
