/* SPDX-License-Identifier: Apache-2.0 */
/* Builds a container's root: the monitor is root of the host here, so nothing in the image may lead it
 * astray. */
#include "engine/instance/root.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/auto.h"
#include "engine/base/path.h"
#include "engine/base/sandbox.h"
#include "engine/storage/overlay.h"

int root_sources_open(const struct container_spec *spec, struct root_sources *ret, struct err *err)
{
	if (spec->n_mounts > ARRAY_SIZE(ret->tree))
		return err_set(err, E2BIG, "%zu mounts are too many, %zu is the most", spec->n_mounts,
			       ARRAY_SIZE(ret->tree));
	ret->n = 0;
	for (size_t i = 0; i < spec->n_mounts; i++) {
		const struct container_mount *m = &spec->mounts[i];
		unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
		int fd;

		if (m->flags & CONTAINER_MOUNT_RECURSIVE)
			flags |= AT_RECURSIVE;
		fd = m->source ? open_tree(AT_FDCWD, m->source, flags)
			       : open_tree(m->source_fd, "", flags | AT_EMPTY_PATH);
		if (fd < 0 && !(m->flags & CONTAINER_MOUNT_OPTIONAL && errno == ENOENT)) {
			err_set(err, errno, "%s can't be mounted at %s: %s",
				m->source ? m->source : "the source", m->target, strerror(errno));
			root_sources_done(ret);
			return -err->errnum;
		}
		ret->tree[ret->n++] = fd < 0 ? -EBADF : fd;
	}
	return 0;
}

void root_sources_done(struct root_sources *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->tree[i] >= 0)
			close(s->tree[i]);
	s->n = 0;
}

/* What is mounted later would hide it. */
static bool is_hidden(const char *target)
{
	static const char *const roots[] = {"dev", "proc", "sys"};

	while (*target == '/')
		target++;
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		size_t n = strlen(roots[i]);

		if (!strncmp(target, roots[i], n) && (!target[n] || target[n] == '/'))
			return true;
	}
	return !*target;
}

static int set_flags(int tree, uint64_t attrs, bool recursive)
{
	struct mount_attr attr = {.attr_set = attrs};

	if (!attrs)
		return 0;
	return mount_setattr(tree, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof(attr)) <
		       0
		   ? -errno
		   : 0;
}

static int add_mount(int root, const struct container_mount *m, int tree, int userns, const uint32_t ids[2],
		     struct err *err)
{
	AUTO(fd) int target = -EBADF;
	uint64_t attrs = (m->flags & CONTAINER_MOUNT_READONLY ? MOUNT_ATTR_RDONLY : 0) | MOUNT_ATTR_NODEV;
	struct stat st;
	int r = 0;

	if (is_hidden(m->target))
		return err_set(
		    err, EINVAL,
		    "nothing of the host can be mounted at %s: /dev, /proc and /sys are the container's own",
		    m->target);
	if (m->flags & CONTAINER_MOUNT_SHIFT && userns >= 0)
		r = overlay_idmap(tree, userns, m->source ? m->source : m->target, err);
	if (r < 0)
		return r;
	r = set_flags(tree, attrs, m->flags & CONTAINER_MOUNT_RECURSIVE);
	if (!r && fstat(tree, &st) < 0)
		r = -errno;
	if (!r) {
		r = sandbox_fs_ids(ids[0], ids[1]);
		if (!r)
			r = target = path_make_in_root(root, m->target, S_ISDIR(st.st_mode));
		sandbox_fs_ids(0, 0);
	}
	if (r >= 0 && move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		r = -errno;
	if (r < 0)
		return err_set(err, -r, "%s can't be mounted at %s: %s", m->source ? m->source : "the source",
			       m->target, strerror(-r));
	return 0;
}

int root_build(const struct container_spec *spec, struct root_sources *sources, int userns,
	       const char *scratch, struct err *err)
{
	AUTO(fd) int root = -EBADF;
	uint32_t ids[2] = {0, 0};
	int r;

	if (userns >= 0 && (idmap_outside(spec->map.uid, spec->map.n_uid, 0, &ids[0]) < 0 ||
			    idmap_outside(spec->map.gid, spec->map.n_gid, 0, &ids[1]) < 0))
		return err_set(err, EINVAL, "the id map has no root: it must map 0");
	if (spec->lower && spec->lower[0])
		root = overlay_mount(spec->lower, spec->layer, userns, ids[0], ids[1], scratch, err);
	else
		root = overlay_tree(spec->rootfs, userns, err);
	if (root < 0)
		return root;
	/* device nodes of an image are nobody's way to the host's disks */
	r = userns >= 0 ? set_flags(root, MOUNT_ATTR_NODEV, false) : 0;
	if (!r && move_mount(root, "", AT_FDCWD, scratch, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		r = -errno;
	if (r < 0)
		return err_set(err, -r, "the root file system can't be mounted: %s", strerror(-r));
	for (size_t i = 0; i < sources->n; i++) {
		if (sources->tree[i] < 0)
			continue;
		r = add_mount(root, &spec->mounts[i], sources->tree[i], userns, ids, err);
		if (r < 0)
			return r;
	}
	return TAKE_FD(root);
}

/* Inits that want another signal than SIGPWR to shut down. Source: systemd(1), the source of busybox' init.
 */
static const struct {
	const char *program;
	int signal, rt;
} inits[] = {
    {"systemd", 0, 3},
    {"busybox", SIGUSR2, 0},
};

int root_halt_signal(int root, const struct container_spec *spec)
{
	const char *init = spec->argv && spec->argv[0] ? spec->argv[0] : "/sbin/init";
	AUTO(fd) int fd = -EBADF;
	char link[64], path[4096];
	const char *name;
	ssize_t n;

	if (spec->halt_signal)
		return spec->halt_signal;
	fd = path_open_in_root(root, init, O_PATH);
	if (fd < 0)
		return SIGPWR;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0)
		return SIGPWR;
	path[n] = 0;
	name = strrchr(path, '/');
	for (size_t i = 0; name && i < ARRAY_SIZE(inits); i++)
		if (!strcmp(name + 1, inits[i].program))
			return inits[i].rt ? SIGRTMIN + inits[i].rt : inits[i].signal;
	return SIGPWR;
}
