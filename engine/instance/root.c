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
#include "engine/storage/overlay.h"

static int nodev(int tree)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_NODEV};

	return mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0 ? -errno : 0;
}

static int build(const struct container_spec *spec, int userns, const char *scratch, struct err *err)
{
	uint32_t ids[2] = {0, 0};

	if (userns >= 0 && (idmap_outside(spec->map.uid, spec->map.n_uid, 0, &ids[0]) < 0 ||
			    idmap_outside(spec->map.gid, spec->map.n_gid, 0, &ids[1]) < 0))
		return err_set(err, EINVAL, "the id map has no root: it must map 0");
	return spec->lower && spec->lower[0]
		   ? overlay_mount(spec->lower, spec->layer, userns, ids[0], ids[1], spec->files, scratch,
				   err)
		   : overlay_tree(spec->rootfs, spec->is_shifted ? -1 : userns, err);
}

int root_build(const struct container_spec *spec, struct mount_sources *sources, int userns,
	       const char *scratch, int *ret_root, struct err *err)
{
	AUTO(fd) int root = build(spec, userns, scratch, err), parking = -EBADF;
	int r;

	if (root < 0)
		return root;
	parking = parking_open(scratch, err);
	if (parking < 0)
		return parking;
	/* device nodes of an image are nobody's way to the host's disks */
	r = userns >= 0 && !spec->has_nodes ? nodev(root) : 0;
	if (!r && (mkdirat(parking, ROOT_PARKED, 0755) < 0 ||
		   move_mount(root, "", parking, ROOT_PARKED, MOVE_MOUNT_F_EMPTY_PATH) < 0))
		r = -errno;
	if (r < 0)
		return err_set(err, -r, "the root file system can't be mounted: %s", strerror(-r));
	for (size_t i = 0; i < sources->n; i++) {
		r = parking_add(parking, i, &spec->mounts[i], sources->tree[i], userns, err);
		if (r < 0)
			return r;
	}
	*ret_root = TAKE_FD(root);
	return TAKE_FD(parking);
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
