/* SPDX-License-Identifier: Apache-2.0 */
/* What devices need of the instance that has them while it runs; engine/instance/ fills it in. */
#pragma once

#include "engine/model/host.h"

struct nic_live;
struct device_mount;

/* A device of the host that an instance may open, and nothing else of its kind. */
struct device_node {
	char type; /* 'c', 'b' */
	unsigned major, minor;
};

struct device_owner {
	/** netns() - its network namespace. Return: a new descriptor; -ESRCH it doesn't run */
	int (*netns)(struct object *o);
	/** pid() - of its init. Return: 0 it doesn't run */
	pid_t (*pid)(struct object *o);
	/** nics() - the list's head, kept by engine/device/nic-live.c */
	struct nic_live **(*nics)(struct object *o);
	/** mount() - mount it inside. Return: 0; -ESRCH it doesn't run */
	int (*mount)(struct object *o, const struct device_mount *m, struct err *err);
	/** unmount() - by path, type, id_device and id_inode alone. Return: 1; 0 it isn't there; -ESRCH it
	 * doesn't run */
	int (*unmount)(struct object *o, const struct device_mount *m, struct err *err);
	/** allow() - these devices may be opened besides what every container may. Return: 0; -ESRCH */
	int (*allow)(struct object *o, const struct device_node *nodes, size_t n, struct err *err);
};

/** device_owner_set() - once, before any object is loaded */
void device_owner_set(const struct device_owner *owner);
const struct device_owner *device_owner(void);
