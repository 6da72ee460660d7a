/* SPDX-License-Identifier: Apache-2.0 */
/* Physical NICs: keys, and the loan of the link that they mean. Under the instance's token. */
#include "engine/device/nic-physical.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/device/nic-address.h"
#include "engine/device/nic-live.h"
#include "engine/device/nic-loan.h"
#include "engine/device/nic-parent.h"

struct physical_live {
	char link[IFNAMSIZ]; /* on the host */
};

bool nic_physical_matches(struct object *o, const struct section *device)
{
	const struct pair *type = section_pair(device, STR("nictype"));

	(void)o;
	/* without a parent it isn't complete, and mustn't be attached by the write of `nictype` */
	return type && !strcmp(type->value, "physical") && section_pair(device, STR("parent"));
}

int nic_physical_check(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	char link[IFNAMSIZ], its[IFNAMSIZ];
	int r;

	(void)o;
	if (config_device_get(effective, device, "network"))
		return err_set(err, EINVAL, "%s has network: nictype and parent don't go with it", device);
	r = nic_check_name(effective, device, err);
	if (!r)
		r = nic_parent_name(effective, device, link, err);
	/* another instance may name it as well: the one that runs has it */
	for (size_t i = 0; i < effective->n && r > 0; i++) {
		const char *other = section_device(&effective->sections[i]);

		if (other && strcmp(other, device) != 0 && nic_physical_matches(o, &effective->sections[i]) &&
		    nic_parent_name(effective, other, its, NULL) > 0 && !strcmp(its, link))
			return err_set(err, EINVAL, "parent of %s is \"%s\": %s has that link already",
				       device, link, other);
	}
	return MIN(r, 0);
}

static int physical_detach(struct object *o, struct nic_live *l, bool *ret_gone, struct err *err)
{
	AUTO(free) char *key = nic_entry_key(o, l->device);
	AUTO(fd) int netns = -EBADF;
	int r = loan_end(o->host, o->uuid, key, nic_netns(o, &netns, NULL) > 0, err);

	*ret_gone = true;
	nic_parent_release(l->physical->link);
	return r;
}

static void physical_live_done(struct nic_live *l)
{
	free(l->physical);
}

static const struct nic_ops physical_ops = {.detach = physical_detach, .done = physical_live_done};

static void live_add(struct object *o, const char *device, const char *link)
{
	static const char none[IFNAMSIZ];
	struct nic_live *l = nic_live_add(o, device, &physical_ops, none);

	l->physical = xcalloc(1, sizeof(*l->physical));
	snprintf(l->physical->link, sizeof(l->physical->link), "%s", link);
}

static int attach_named(struct object *o, const struct config *effective, const char *device,
			const char *link, int netns, struct err *err)
{
	const char *mac = config_device_get(effective, device, "hwaddr");
	AUTO(free) char *key = nic_entry_key(o, device);
	char name[IFNAMSIZ];
	struct mac own;
	struct loan_order order = {
	    .key = key,
	    .link = link,
	    .name = name,
	    .mtu = (unsigned)value_int(config_device_get(effective, device, "mtu"), 0),
	    .netns_fd = netns,
	};
	int r;

	if (mac && mac_parse(str_from(mac), &own) == 0)
		order.mac = &own;
	r = nic_inner_name(effective, device, netns, name, err);
	return r < 0 ? r : loan_give(o, &order, err);
}

int nic_physical_attach(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	AUTO(fd) int netns = -EBADF;
	char link[IFNAMSIZ];
	int r;

	if (nic_live_find(o, device))
		return 0;
	r = nic_netns(o, &netns, err);
	if (r <= 0)
		return r;
	r = nic_parent_name(effective, device, link, err);
	if (r > 0)
		r = loan_check(o, link, err);
	if (!r)
		r = nic_parent_hold(effective, device, err);
	if (r < 0)
		return r;
	r = attach_named(o, effective, device, link, netns, err);
	if (r < 0)
		nic_parent_release(link);
	else
		live_add(o, device, link);
	return r;
}

int nic_physical_adopt(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	AUTO(free) char *key = nic_entry_key(o, device);
	char link[IFNAMSIZ], has[IFNAMSIZ];
	int r = nic_parent_name(effective, device, link, err);

	if (r < 0)
		return r;
	if (!loan_adopt(o->host, key, has))
		return nic_physical_attach(o, effective, device, err);
	if (strcmp(has, link) != 0) {
		/* a change was under way */
		r = loan_end(o->host, o->uuid, key, true, err);
		return r < 0 ? r : nic_physical_attach(o, effective, device, err);
	}
	if (config_device_get(effective, device, "vlan"))
		nic_parent_note(link);
	live_add(o, device, link);
	return 0;
}

void nic_physicals_sweep(struct host *h)
{
	loans_sweep(h);
}
