/* SPDX-License-Identifier: Apache-2.0 */
/* The file systems that every container has: a small /dev, /proc, /sys and its control groups. */
#pragma once

#include "engine/base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct wire_hierarchy;

/** devtree_context() - SELinux' for files of all that is mounted from now on; borrowed, NULL for none */
void devtree_context(const char *context);

/**
 * devtree_mount() - mount /dev below a root that isn't the root yet
 * @root: mount of the root file system
 * @privileged: it gets device nodes of its own; others are bound from the host's, where they own nothing
 * @ret_master, @ret_slave: the console's pty, allocated in the container's own devpts
 *
 * For the container's child, whose root is still the host's, from where the device nodes are bound.
 */
int devtree_mount(int root, bool privileged, int *ret_master, int *ret_slave, struct err *err);

/** devtree_mount_kernel() - /proc, /sys, /sys/fs/cgroup of the namespaces that the caller is in */
int devtree_mount_kernel(int root, const struct wire_hierarchy *cgroups, size_t n_cgroups, struct err *err);

/** devtree_mount_run() - what an init mounts before all else, for one that may not: /run and /run/lock, where
 * the image has a directory for them. devtree_mount_huge() - /dev/hugepages, likewise, in a /dev of ours */
int devtree_mount_run(int root, struct err *err);
int devtree_mount_huge(int root, struct err *err);

/** devtree_mount_security() - the host's securityfs, in which a container that has a policy namespace of
 * AppArmor's sees its own policy. After devtree_mount_kernel() */
int devtree_mount_security(int root, struct err *err);
