/* SPDX-License-Identifier: Apache-2.0 */
/* Which bridged NICs can't be: keys that contradict one another, their network, or another NIC of it. */
#include <errno.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/msg.h"
#include "engine/device/nic-acl.h"
#include "engine/device/nic-each.h"
#include "engine/device/nic-live.h"
#include "engine/device/nic-plan.h"
#include "engine/device/nic.h"

bool nic_bridged_matches(struct object *o, const struct section *device)
{
	const struct pair *type = section_pair(device, STR("nictype"));

	(void)o;
	/* with less it isn't complete, and mustn't be attached by the write of `type` */
	return section_pair(device, STR("network")) ||
	       (type && !strcmp(type->value, "bridged") && section_pair(device, STR("parent")));
}

/* What makes a NIC one of a bridge: two on different ones never meet. */
static const char *meeting_place(const struct config *c, const char *device)
{
	const char *place = config_device_get(c, device, "network");

	return place ? place : config_device_get(c, device, "parent");
}

static const char *const unique[] = {"hwaddr", "ipv4.address", "ipv6.address"};

/* What must be the NIC's alone, where it is set. */
static const char *own_value(const struct config *c, const char *device, const char *key)
{
	const char *text = config_device_get(c, device, key);

	return text && *text && strcmp(text, "none") != 0 ? text : NULL;
}

/* The same, with the MAC that it was given and keeps. */
static bool has_value(const struct config *c, const char *device, const char *key, const char *value)
{
	const char *its = own_value(c, device, key);
	AUTO(free) char *kept = NULL;

	if (!its && !strcmp(key, "hwaddr")) {
		kept = xasprintf("volatile.%s.hwaddr", device);
		its = config_get(c, SECTION_CONFIG, kept);
	}
	return its && !strcasecmp(its, value);
}

struct asked {
	const struct config *c;
	const char *device, *place;
};

static int check_other(const struct config *c, const char *other, const char *instance, void *arg,
		       struct err *err)
{
	const struct asked *mine = arg;
	const char *its = meeting_place(c, other);

	if (!its || strcmp(mine->place, its))
		return 0;
	for (size_t k = 0; k < ARRAY_SIZE(unique); k++) {
		const char *value = own_value(mine->c, mine->device, unique[k]);

		if (value && has_value(c, other, unique[k], value))
			return nic_is_taken(unique[k], mine->device, value, other, instance, mine->place,
					    err);
	}
	return 0;
}

/* Whether an instance takes a key of a device from that profile: neither it nor a later profile has it. */
static bool takes_from(struct object *instance, struct object *profile, const char *device, const char *key)
{
	AUTO(config_unref) struct config *own = object_own(instance);
	AUTO(free) char *its_name = object_name(profile);
	const char *list = config_get(own, SECTION_PROPS, "profiles");
	AUTO(texts_free) char **names = texts_split(list ? list : "default");
	const char *type = config_device_get(own, device, "type");
	bool found = false;

	if (config_device_get(own, device, key) || (type && strcmp(type, "nic") != 0))
		return false;
	for (size_t i = 0; names[i]; i++) {
		AUTO(object_unref)
		struct object *p = host_find(profile->parent, KIND_PROFILE, str_from(names[i]));
		AUTO(config_unref) struct config *c = p && p != profile ? object_own(p) : NULL;

		if (p == profile)
			found = true;
		else if (c && config_device_get(c, device, key))
			found = false;
	}
	return found;
}

/* A profile gives one value to all that use it: that of a NIC's own goes to one at most. */
static int check_users(struct object *profile, const struct config *c, const char *device, struct err *err)
{
	AUTO(objects_free) struct object **users = NULL;

	if (!profile->kind->dependents || !meeting_place(c, device))
		return 0;
	users = profile->kind->dependents(profile);
	for (size_t k = 0; k < ARRAY_SIZE(unique); k++) {
		const char *value = own_value(c, device, unique[k]);
		struct object *first = NULL;

		for (size_t i = 0; value && users && users[i]; i++) {
			AUTO(free) char *one = NULL, *other = NULL;

			if (!takes_from(users[i], profile, device, unique[k]))
				continue;
			if (!first) {
				first = users[i];
				continue;
			}
			one = object_name_beside(profile, first);
			other = object_name_beside(profile, users[i]);
			return err_set(
			    err, EINVAL,
			    "%s of %s is \"%s\": %s and %s would both have it, it can be set on one "
			    "of them",
			    unique[k], device, value, one, other);
		}
	}
	return 0;
}

/* Whether all of it is as the object has it already, which was looked at when it came. */
static bool is_unchanged(struct object *o, const struct config *c, const char *device)
{
	static const char *const keys[] = {"type", "network", "parent", "nictype"};
	AUTO(config_unref) struct config *old = o->is_hidden ? NULL : object_effective(o);
	bool same = old && old != c && config_device_get(old, device, "type");

	for (size_t i = 0; same && i < ARRAY_SIZE(keys) + ARRAY_SIZE(unique); i++) {
		const char *key = i < ARRAY_SIZE(keys) ? keys[i] : unique[i - ARRAY_SIZE(keys)];
		const char *a = config_device_get(old, device, key), *b = config_device_get(c, device, key);

		same = a && b ? !strcmp(a, b) : a == b;
	}
	return same;
}

/* Only asked where something is set that must be the NIC's alone. */
static int check_others(struct object *o, const struct config *c, const char *device, struct err *err)
{
	struct asked mine = {c, device, meeting_place(c, device)};
	bool asks = false;
	int r;

	for (size_t k = 0; k < ARRAY_SIZE(unique); k++)
		asks |= own_value(c, device, unique[k]) != NULL;
	if (!mine.place || !asks || is_unchanged(o, c, device))
		return 0;
	r = nic_each_other(o, c, device, check_other, &mine, err);
	return r || o->kind->number != KIND_PROFILE ? r : check_users(o, c, device, err);
}

static int check_family(const struct nic_plan *p, const struct config *c, const char *device, int family,
			struct err *err)
{
	bool is4 = family == AF_INET;
	const char *key = is4 ? "ipv4.address" : "ipv6.address";
	const char *filter = is4 ? "security.ipv4_filtering" : "security.ipv6_filtering";
	const char *text = config_device_get(c, device, key);
	const struct ip_net *net = is4 ? &p->view.v4 : &p->view.v6;
	const struct ip *ip = is4 ? &p->v4 : &p->v6;
	bool is_filtered = p->spec.flags & (is4 ? FILTER_V4 : FILTER_V6);

	if (text && !strcmp(text, "none") && !is_filtered)
		return err_set(err, EINVAL, "%s is none: that has a meaning only with %s=true", key, filter);
	if (!p->network && is_filtered && !text)
		return err_set(
		    err, EINVAL,
		    "%s needs %s: lxdfs gives out no addresses on the bridge %s, it isn't one of networks/",
		    filter, key, p->view.bridge);
	if (!p->network || !text || !ip->family || !strcmp(text, "none"))
		return 0;
	if (!net->ip.family)
		return err_set(err, EINVAL, "%s is \"%s\": network %s has no IPv%d", key, text, p->network,
			       is4 ? 4 : 6);
	if (!ip_net_has(net, ip) || ip_eq(&net->ip, ip)) {
		AUTO(buf_done) struct buf b = BUF_NULL;

		buf_ip_net(&b, net);
		return err_set(err, EINVAL,
			       "%s is \"%s\": it must be an address of network %s, %s, and not the bridge's",
			       key, text, p->network, buf_cstr(&b));
	}
	return 0;
}

int nic_bridged_check(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	AUTO(nic_plan_done) struct nic_plan p = NIC_PLAN_NULL;
	int r;

	if (config_device_get(effective, device, "network") &&
	    (config_device_get(effective, device, "parent") ||
	     config_device_get(effective, device, "nictype")))
		return err_set(err, EINVAL, "%s has network: nictype and parent don't go with it", device);
	r = nic_check_name(effective, device, err);
	if (!r)
		r = nic_plan_make(o, effective, device, &p, err);
	/* behind a tag the filters would see no address */
	if (!r && p.spec.vlans && p.spec.flags & (FILTER_V4 | FILTER_V6))
		r = err_set(
		    err, EINVAL,
		    "%s doesn't go with security.ipv4_filtering and security.ipv6_filtering, which hold a "
		    "NIC to addresses of its network",
		    p.tagged ? "vlan.tagged" : "vlan");
	if (!r)
		r = check_family(&p, effective, device, AF_INET, err);
	if (!r)
		r = check_family(&p, effective, device, AF_INET6, err);
	if (!r)
		r = nic_acl_check(o, effective, device, &p, err);
	return r < 0 ? r : check_others(o, effective, device, err);
}
