/* SPDX-License-Identifier: Apache-2.0 */
/* Ipvlan NICs: from keys to net/ipvlan.h, attached, found again, detached. Under the instance's token. */
#include "engine/device/nic-ipvlan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/device/nic-each.h"
#include "engine/device/nic-live.h"
#include "engine/device/nic-parent.h"
#include "engine/device/nic-plan.h"
#include "net/ipvlan.h"

struct ipvlan_plan {
	struct ipvlan_spec spec;
	struct ip *addresses;
	char parent[IFNAMSIZ];
};
#define IPVLAN_PLAN_NULL ((struct ipvlan_plan){0})

static void plan_done_auto(struct ipvlan_plan *p)
{
	free(p->addresses);
	*p = IPVLAN_PLAN_NULL;
}

bool nic_ipvlan_matches(struct object *o, const struct section *device)
{
	const struct pair *type = section_pair(device, STR("nictype"));

	(void)o;
	return type && !strcmp(type->value, "ipvlan") && section_pair(device, STR("parent"));
}

/* ---- keys */

static int read_addresses(struct ipvlan_plan *p, const char *key, const char *text, int family,
			  struct err *err)
{
	struct str rest = str_from(text), piece;
	size_t n = p->spec.n_addresses;

	while (rest.len && str_next(&rest, '\n', &piece)) {
		struct ip ip;

		if (ip_parse(str_trim(piece), &ip) < 0 || ip.family != family)
			return err_set(err, EINVAL, "%s: \"%.*s\" is no IPv%d address", key, STR_FMT(piece),
				       family == AF_INET ? 4 : 6);
		p->addresses = xrealloc(p->addresses, (n + 1) * sizeof(*p->addresses));
		p->addresses[n++] = ip;
	}
	p->spec.n_addresses = n;
	return 0;
}

static int read_family(struct ipvlan_plan *p, const struct config *c, const char *device, int family,
		       struct err *err)
{
	struct ipvlan_family *f = family == AF_INET ? &p->spec.v4 : &p->spec.v6;
	int digit = family == AF_INET ? 4 : 6;
	AUTO(free) char *address = xasprintf("ipv%d.address", digit);
	AUTO(free) char *gateway = xasprintf("ipv%d.gateway", digit);
	AUTO(free) char *table = xasprintf("ipv%d.host_table", digit);
	const char *via = config_device_get(c, device, gateway);

	f->table = (uint32_t)value_int(config_device_get(c, device, table), 0);
	f->no_default = via && !strcmp(via, "none");
	if (via && strcmp(via, "none") != 0 && strcmp(via, "auto") != 0) {
		if (ip_parse(str_from(via), &f->gateway) < 0 || f->gateway.family != family)
			return err_set(err, EINVAL, "%s is \"%s\": an IPv%d address is wanted, or none",
				       gateway, via, digit);
		if (p->spec.is_l3s)
			return err_set(err, EINVAL,
				       "%s is \"%s\": in mode l3s the host routes, and it is auto or none",
				       gateway, via);
	}
	return read_addresses(p, address, config_device_get(c, device, address), family, err);
}

static int plan_make(struct object *o, const struct config *c, const char *device, struct ipvlan_plan *p,
		     struct err *err)
{
	const char *mode = config_device_get(c, device, "mode");
	struct ipvlan_spec *s = &p->spec;
	int r;

	*p = IPVLAN_PLAN_NULL;
	s->is_l3s = !mode || !strcmp(mode, "l3s");
	s->mtu = (unsigned)value_int(config_device_get(c, device, "mtu"), 0);
	s->index = nic_index(o, device);
	r = nic_parent_name(c, device, p->parent, err);
	if (r > 0)
		r = read_family(p, c, device, AF_INET, err);
	if (!r)
		r = read_family(p, c, device, AF_INET6, err);
	s->addresses = p->addresses;
	return r;
}

/* The only pointer into the plan itself. */
static const struct ipvlan_spec *plan_spec(struct ipvlan_plan *p)
{
	p->spec.parent = p->parent;
	return &p->spec;
}

struct asked {
	const struct ipvlan_plan *plan;
	const char *device;
};

/* Another NIC that the host answers for, or one of the same link, with the same address. */
static int check_other(const struct config *c, const char *other, const char *instance, void *arg,
		       struct err *err)
{
	static const char *const keys[] = {"ipv4.address", "ipv6.address"};
	const char *type = config_device_get(c, other, "nictype");
	const struct asked *mine = arg;

	if (!type || (strcmp(type, "ipvlan") != 0 && strcmp(type, "routed") != 0))
		return 0;
	for (size_t i = 0; i < mine->plan->spec.n_addresses * ARRAY_SIZE(keys); i++) {
		struct str rest = str_from(config_device_get(c, other, keys[i % 2])), piece;
		const struct ip *ip = &mine->plan->addresses[i / 2];
		struct ip its;

		while (rest.len && str_next(&rest, '\n', &piece)) {
			AUTO(buf_done) struct buf b = BUF_NULL;

			if (ip_parse(str_trim(piece), &its) < 0 || !ip_eq(&its, ip))
				continue;
			buf_ip(&b, ip);
			return nic_is_taken(keys[i % 2], mine->device, buf_cstr(&b), other, instance, NULL,
					    err);
		}
	}
	return 0;
}

int nic_ipvlan_check(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	__attribute__((cleanup(plan_done_auto))) struct ipvlan_plan p = IPVLAN_PLAN_NULL;
	struct asked mine = {&p, device};
	int r;

	if (config_device_get(effective, device, "network"))
		return err_set(err, EINVAL, "%s has network: nictype and parent don't go with it", device);
	r = nic_check_name(effective, device, err);
	if (!r)
		r = plan_make(o, effective, device, &p, err);
	return r < 0 || !p.spec.n_addresses ? r
					    : nic_each_other(o, effective, device, check_other, &mine, err);
}

/* ---- attach and detach */

static int ipvlan_op_detach(struct object *o, struct nic_live *l, bool *ret_gone, struct err *err)
{
	AUTO(fd) int netns = -EBADF;
	int r = nic_netns(o, &netns, err);

	if (r >= 0)
		r = ipvlan_detach(plan_spec(l->ipvlan), r > 0 ? netns : NETNS_OWN, err);
	if (r < 0)
		return r;
	*ret_gone = true;
	nic_parent_release(l->ipvlan->parent);
	return 0;
}

static int ipvlan_op_restore(struct object *o, const struct config *effective, struct nic_live *l,
			     struct err *err)
{
	(void)o;
	(void)effective;
	return ipvlan_restore(plan_spec(l->ipvlan), err);
}

static void ipvlan_op_done(struct nic_live *l)
{
	plan_done_auto(l->ipvlan);
	free(l->ipvlan);
}

static const struct nic_ops ipvlan_ops = {
    .detach = ipvlan_op_detach, .restore = ipvlan_op_restore, .done = ipvlan_op_done};

static void live_add(struct object *o, const char *device, struct ipvlan_plan *p)
{
	static const char none[IFNAMSIZ];
	struct nic_live *l = nic_live_add(o, device, &ipvlan_ops, none);

	l->ipvlan = xcalloc(1, sizeof(*l->ipvlan));
	*l->ipvlan = *p;
	*p = IPVLAN_PLAN_NULL;
}

int nic_ipvlan_attach(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	__attribute__((cleanup(plan_done_auto))) struct ipvlan_plan p = IPVLAN_PLAN_NULL;
	AUTO(fd) int netns = -EBADF;
	char name[IFNAMSIZ];
	int r;

	if (nic_live_find(o, device))
		return 0;
	r = nic_netns(o, &netns, err);
	if (r <= 0)
		return r;
	r = plan_make(o, effective, device, &p, err);
	if (!r)
		r = nic_inner_name(effective, device, netns, name, err);
	if (!r)
		r = nic_parent_hold(effective, device, err);
	if (r < 0)
		return r;
	r = ipvlan_attach(plan_spec(&p), name, netns, err);
	if (r < 0)
		nic_parent_release(p.parent);
	else
		live_add(o, device, &p);
	return r;
}

int nic_ipvlan_adopt(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	__attribute__((cleanup(plan_done_auto))) struct ipvlan_plan p = IPVLAN_PLAN_NULL;
	AUTO(fd) int netns = -EBADF;
	int r = plan_make(o, effective, device, &p, err);

	if (!r)
		r = nic_netns(o, &netns, err);
	if (r > 0)
		r = ipvlan_is_there(plan_spec(&p), netns, err);
	/* a change was under way, or the instance removed it */
	if (r == 0)
		return nic_ipvlan_attach(o, effective, device, err);
	if (r > 0)
		r = nic_parent_hold(effective, device, err);
	if (!r)
		r = ipvlan_restore(plan_spec(&p), err);
	live_add(o, device, &p);
	return r;
}

void nic_ipvlan_clear(struct object *o, const struct config *effective, const char *device)
{
	__attribute__((cleanup(plan_done_auto))) struct ipvlan_plan p = IPVLAN_PLAN_NULL;

	if (plan_make(o, effective, device, &p, NULL) == 0)
		ipvlan_clear(plan_spec(&p));
}
