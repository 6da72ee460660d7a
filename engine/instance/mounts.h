/* SPDX-License-Identifier: Apache-2.0 */
/* Directories, files and device nodes of the host on their way into a container, at its start and while it
 * runs. They wait in a parking place: a tmpfs in a mount namespace that the host's root owns, where they get
 * their attributes. Whoever places them copied that namespace as the container's root: the kernel locks the
 * attributes of what is copied into a less privileged mount namespace, so that nobody inside takes them off.
 * Source: mount_namespaces(7), "Restrictions on mount namespaces". */
#pragma once

#include "engine/instance/container.h"

#define MOUNTS_MAX 60 /* their descriptors go in one message */

/* Copies of mounts, taken in the mount namespace that their descriptors are of, so before unshare(2). */
struct mount_sources {
	int tree[MOUNTS_MAX]; /* -EBADF: left out, or a device node */
	size_t n;
};
int mount_sources_open(const struct container_mount *mounts, size_t n, struct mount_sources *ret,
		       struct err *err);
void mount_sources_done(struct mount_sources *s);

/**
 * parking_open() - an empty parking place over a directory, in a mount namespace that is the caller's alone
 * Return: a descriptor of it, or a failure
 */
int parking_open(const char *scratch, struct err *err);

/**
 * parking_add() - what one mount needs: the source is mounted there, with all attributes, or the node is made
 * @number: its name there
 * @tree:   of mount_sources, -EBADF: nothing is parked
 * @userns: of the container, for shifted ones; -1 for none
 *
 * As root of the host.
 */
int parking_add(int parking, size_t number, const struct container_mount *m, int tree, int userns,
		struct err *err);

/**
 * parking_take() - a copy of what is parked, nowhere attached
 * @parking: descriptor of it in the caller's own mount namespace
 *
 * Return: a mount descriptor; -ENOENT nothing was parked
 */
int parking_take(int parking, size_t number, const struct container_mount *m, struct err *err);

/** mount_place() - attach a copy at its target beneath @root, made where it is missing, as who calls */
int mount_place(int tree, int root, const struct container_mount *m, struct err *err);

/** mount_become_root() - root of the own user namespace, with no group besides. Return: 0 or a failure */
int mount_become_root(struct err *err);
/** mount_enter() - root of the own user namespace, in a copy of all mounts that is its own: everything in it
 * is locked. @dir becomes the working directory, in the copy. Return: 0 or a failure */
int mount_enter(int dir, unsigned long long other_spaces, struct err *err);
