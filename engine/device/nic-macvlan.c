/* SPDX-License-Identifier: Apache-2.0 */
/* Macvlan NICs: the link is made inside and is the instance's alone, so that it goes with the instance. All
 * that the host keeps of it is the parent's VLAN. Under the instance's token. */
#include "engine/device/nic-macvlan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/device/nic-each.h"
#include "engine/device/nic-live.h"
#include "engine/device/nic-parent.h"
#include "engine/device/nic-plan.h"

bool nic_macvlan_matches(struct object *o, const struct section *device)
{
	const struct pair *type = section_pair(device, STR("nictype"));

	(void)o;
	/* without a parent it isn't complete, and mustn't be attached by the write of `nictype` */
	return type && !strcmp(type->value, "macvlan") && section_pair(device, STR("parent"));
}

/* Another NIC of the same link with this MAC. */
struct asked {
	const char *device, *mac, *parent;
};

static int check_other(const struct config *c, const char *other, const char *instance, void *arg,
		       struct err *err)
{
	const struct asked *mine = arg;
	const char *its_mac = config_device_get(c, other, "hwaddr");
	char its[IFNAMSIZ];

	if (!nic_macvlan_matches(NULL, config_device(c, other)) || !its_mac || strcmp(its_mac, mine->mac) ||
	    nic_parent_name(c, other, its, NULL) <= 0 || strcmp(its, mine->parent))
		return 0;
	return nic_is_taken("hwaddr", mine->device, its_mac, other, instance, mine->parent, err);
}

int nic_macvlan_check(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	const char *mac = config_device_get(effective, device, "hwaddr");
	char parent[IFNAMSIZ];
	struct asked mine = {device, mac, parent};
	int r;

	if (config_device_get(effective, device, "network"))
		return err_set(err, EINVAL, "%s has network: nictype and parent don't go with it", device);
	r = nic_check_name(effective, device, err);
	if (!r)
		r = nic_parent_name(effective, device, parent, err);
	if (r <= 0 || !mac)
		return MIN(r, 0);
	return nic_each_other(o, effective, device, check_other, &mine, err);
}

/* ---- attach and detach */

struct macvlan_live {
	char parent[IFNAMSIZ];
	struct mac mac;
};

/* Whatever the instance calls it now. Return: 1, @ret its name; 0 it isn't there; or a failure */
static int find_inside(int netns, struct mac mac, char ret[IFNAMSIZ], struct err *err)
{
	AUTO(link_list_done) struct link_list links = {0};
	int r = link_list(netns, &links, err);

	for (size_t i = 0; i < links.n_links; i++) {
		const struct link_info *l = &links.links[i];

		if (strcmp(l->kind, "macvlan") != 0 || !mac_eq(l->mac, mac))
			continue;
		memcpy(ret, l->name, IFNAMSIZ);
		return 1;
	}
	return r;
}

static int macvlan_detach(struct object *o, struct nic_live *l, bool *ret_gone, struct err *err)
{
	AUTO(fd) int netns = -EBADF;
	char name[IFNAMSIZ];
	int r = nic_netns(o, &netns, err);

	/* with the instance its namespace goes, and all that is in it */
	if (r > 0)
		r = find_inside(netns, l->macvlan->mac, name, err);
	if (r > 0)
		r = link_delete_in(netns, name, err);
	if (r < 0)
		return r;
	*ret_gone = true;
	nic_parent_release(l->macvlan->parent);
	return 0;
}

static void macvlan_done(struct nic_live *l)
{
	free(l->macvlan);
}

static const struct nic_ops macvlan_ops = {.detach = macvlan_detach, .done = macvlan_done};

static void live_add(struct object *o, const char *device, const char *parent, struct mac mac)
{
	static const char none[IFNAMSIZ];
	struct nic_live *l = nic_live_add(o, device, &macvlan_ops, none);

	l->macvlan = xcalloc(1, sizeof(*l->macvlan));
	snprintf(l->macvlan->parent, sizeof(l->macvlan->parent), "%s", parent);
	l->macvlan->mac = mac;
}

static int make(const struct config *effective, const char *device, const char *parent, struct mac mac,
		int netns, struct err *err)
{
	char name[IFNAMSIZ];
	const struct macvlan_spec spec = {
	    .name = name,
	    .parent = parent,
	    .mac = mac,
	    .mtu = (unsigned)value_int(config_device_get(effective, device, "mtu"), 0),
	    .netns_fd = netns,
	};
	int r = nic_inner_name(effective, device, netns, name, err);

	return r < 0 ? r : macvlan_create(&spec, err);
}

int nic_macvlan_attach(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	struct mac mac = nic_mac(o, effective, device);
	AUTO(fd) int netns = -EBADF;
	char parent[IFNAMSIZ];
	int r;

	if (nic_live_find(o, device))
		return 0;
	r = nic_netns(o, &netns, err);
	if (r <= 0)
		return r;
	r = nic_parent_name(effective, device, parent, err);
	if (r > 0)
		r = nic_parent_hold(effective, device, err);
	if (r < 0)
		return r;
	r = make(effective, device, parent, mac, netns, err);
	if (r < 0) {
		nic_parent_release(parent);
		return r;
	}
	live_add(o, device, parent, mac);
	return 0;
}

int nic_macvlan_adopt(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	struct mac mac = nic_mac(o, effective, device);
	AUTO(fd) int netns = -EBADF;
	char parent[IFNAMSIZ], name[IFNAMSIZ];
	int r = nic_netns(o, &netns, err);

	if (r > 0)
		r = find_inside(netns, mac, name, err);
	/* a change was under way, or the instance removed it */
	if (r == 0)
		return nic_macvlan_attach(o, effective, device, err);
	if (r > 0)
		r = nic_parent_name(effective, device, parent, err);
	if (r > 0)
		r = nic_parent_hold(effective, device, err);
	if (r < 0)
		return r;
	live_add(o, device, parent, mac);
	return 0;
}
