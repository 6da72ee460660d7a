/* SPDX-License-Identifier: Apache-2.0 */
/* What devices need of the instance that has them while it runs; engine/instance/ fills it in. */
#pragma once

#include "engine/base/ip.h"
#include "engine/model/host.h"

#include <linux/if.h>

/* A NIC that is attached now. Guarded by the instance's token. */
struct nic_live {
	struct nic_live *next;
	char *device;
	char host_name[IFNAMSIZ];
	char *network; /* managed one that has its hosts entry; NULL: none */
	char *bridge;
	struct ip_net *routes; /* of the host to it */
	size_t n_routes;
};

struct device_owner {
	/** netns() - its network namespace. Return: a new descriptor; -ESRCH it doesn't run */
	int (*netns)(struct object *o);
	/** nics() - the list's head, kept by engine/device/nic.c */
	struct nic_live **(*nics)(struct object *o);
};

/** device_owner_set() - once, before any object is loaded */
void device_owner_set(const struct device_owner *owner);
const struct device_owner *device_owner(void);
