/* SPDX-License-Identifier: Apache-2.0 */
/* What engine/device/ asks of an instance that runs; and its mounts and nodes in the words of its container.
 */
#pragma once

#include "engine/device/mount.h"
#include "engine/instance/instance.h"

/** instance_mount_of() - a device as a mount of a container with these ids; borrows all it points to.
 * Return: 0; -EINVAL a node's owner isn't among the ids */
int instance_mount_of(const struct device_mount *d, const struct idmap *map, struct container_mount *ret,
		      struct err *err);
/** instance_add_devices() - what every container may open, and the devices among its mounts.
 * @ret_list: freed by the caller after @l was used */
void instance_add_devices(const struct device_mounts *m, struct cgroup_limits *l,
			  struct cgroup_device **ret_list);
