/* SPDX-License-Identifier: Apache-2.0 */
/* What devices need of the instance that has them while it runs; engine/instance/ fills it in. */
#pragma once

#include "engine/model/host.h"

struct nic_live;

struct device_owner {
	/** netns() - its network namespace. Return: a new descriptor; -ESRCH it doesn't run */
	int (*netns)(struct object *o);
	/** nics() - the list's head, kept by engine/device/nic-live.c */
	struct nic_live **(*nics)(struct object *o);
};

/** device_owner_set() - once, before any object is loaded */
void device_owner_set(const struct device_owner *owner);
const struct device_owner *device_owner(void);
