/* SPDX-License-Identifier: Apache-2.0 */
/* The host's part of mode l3s: a route for each address that leads away from the parent, without which the
 * kernel answers no ARP in its name (arp_process() in net/ipv4/arp.c), and the proxy entry itself. */
#include "net/ipvlan.h"

#include <errno.h>
#include <string.h>

#include "engine/base/auto.h"
#include "net/direct.h"
#include "net/link-internal.h"
#include "net/neighbour.h"
#include "net/netlink.h"

static struct ip_net whole(const struct ip *ip)
{
	return (struct ip_net){.ip = *ip, .len = ip_bits(ip)};
}

static const struct ipvlan_family *family_of(const struct ipvlan_spec *s, const struct ip *ip)
{
	return ip->family == AF_INET ? &s->v4 : &s->v6;
}

/* ---- the host */

static int add_route(const struct ip *ip, uint32_t table, struct err *err)
{
	const struct route route = {.dst = whole(ip), .link = "lo", .table = table};
	int r = route_add(NETNS_OWN, &route, err);

	if (r != -EEXIST)
		return r;
	err_done(err);
	return 0;
}

int ipvlan_restore(const struct ipvlan_spec *s, struct err *err)
{
	for (size_t i = 0; i < s->n_addresses && s->is_l3s; i++) {
		const struct ip *ip = &s->addresses[i];
		uint32_t table = family_of(s, ip)->table;
		int r = add_route(ip, 0, err);

		if (!r && table)
			r = add_route(ip, table, err);
		if (!r)
			r = neighbour_proxy(s->parent, ip, true, err);
		if (r < 0)
			return r;
	}
	return 0;
}

void ipvlan_clear(const struct ipvlan_spec *s)
{
	for (size_t i = 0; i < s->n_addresses && s->is_l3s; i++) {
		const struct ip *ip = &s->addresses[i];
		struct route route = {.dst = whole(ip), .link = "lo"};

		neighbour_proxy(s->parent, ip, false, NULL);
		route_del(NETNS_OWN, &route, NULL);
		route.table = family_of(s, ip)->table;
		if (route.table)
			route_del(NETNS_OWN, &route, NULL);
	}
}

/* ---- the instance */

static int make(const struct ipvlan_spec *s, const char *name, int netns_fd, struct err *err)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC, .ifi_index = s->index};
	const uint16_t mode = s->is_l3s ? IPVLAN_MODE_L3S : IPVLAN_MODE_L2;
	int parent = link_index(NETNS_OWN, s->parent, err);
	size_t nest, data;
	struct nl_msg m = {0};
	int r = parent < 0 ? parent : link_check_name(name, err);

	if (r < 0)
		return r;
	nl_begin(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof(info));
	nl_put_text(&m, IFLA_IFNAME, name);
	nl_put_u32(&m, IFLA_LINK, (uint32_t)parent);
	if (s->mtu)
		nl_put_u32(&m, IFLA_MTU, s->mtu);
	nl_put_u32(&m, IFLA_NET_NS_FD, (uint32_t)netns_fd);
	nest = nl_nest(&m, IFLA_LINKINFO);
	nl_put_text(&m, IFLA_INFO_KIND, "ipvlan");
	data = nl_nest(&m, IFLA_INFO_DATA);
	nl_put(&m, IFLA_IPVLAN_MODE, &mode, sizeof(mode));
	nl_nest_end(&m, data);
	nl_nest_end(&m, nest);
	r = nl_request(&m, NETNS_OWN, err);
	if (r == -EEXIST)
		return err_set(err, EEXIST, "there is a link %s already in its namespace", name);
	if (r == -EBUSY)
		return err_set(err, EBUSY,
			       "%s can't have an ipvlan: it is a port of a bridge or has a macvlan, and what "
			       "comes in there goes to that alone",
			       s->parent);
	if (r == -EOPNOTSUPP)
		return err_set(err, EOPNOTSUPP,
			       "%s can't have an ipvlan: this kernel has none (CONFIG_IPVLAN)", s->parent);
	return r < 0 ? err_prefix(err, "ipvlan %s of %s can't be made: ", name, s->parent) : 0;
}

static int add_addresses(const struct ipvlan_spec *s, const char *name, int netns_fd, struct err *err)
{
	for (size_t i = 0; i < s->n_addresses; i++) {
		struct ip_net net = whole(&s->addresses[i]);
		int r;

		/* what LXD takes an l2 address without a length for */
		if (!s->is_l3s)
			net.len = net.ip.family == AF_INET ? 24 : 64;
		r = address_add_sure(netns_fd, name, &net, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_default(const struct ipvlan_spec *s, const char *name, int netns_fd, int family,
		       struct err *err)
{
	const struct ipvlan_family *f = family == AF_INET ? &s->v4 : &s->v6;
	struct route route = {.dst = {.ip = {.family = family}}, .gateway = f->gateway, .link = name};
	bool has_address = false;

	for (size_t i = 0; i < s->n_addresses; i++)
		has_address |= s->addresses[i].family == family;
	if (!has_address || (s->is_l3s ? f->no_default : !f->gateway.family))
		return 0;
	return route_add(netns_fd, &route, err);
}

/* As of a routed NIC (net/direct.h): the host must forward there and answer for others. */
static int check_parent(const struct ipvlan_spec *s, struct err *err)
{
	struct direct_spec d = {.parent = s->parent};

	for (size_t i = 0; i < s->n_addresses; i++) {
		d.v4.n_addresses += s->addresses[i].family == AF_INET;
		d.v6.n_addresses += s->addresses[i].family == AF_INET6;
	}
	return s->is_l3s ? direct_check_parent(&d, err) : 0;
}

int ipvlan_attach(const struct ipvlan_spec *s, const char *name, int netns_fd, struct err *err)
{
	const struct link_change up = {.set = LINK_STATE, .up = true};
	int r = check_parent(s, err);

	if (!r)
		r = make(s, name, netns_fd, err);
	if (r < 0)
		return r;
	r = add_addresses(s, name, netns_fd, err);
	if (!r)
		r = link_set_in(netns_fd, name, &up, err);
	if (!r)
		r = add_default(s, name, netns_fd, AF_INET, err);
	if (!r)
		r = add_default(s, name, netns_fd, AF_INET6, err);
	if (!r) {
		r = ipvlan_restore(s, err);
		if (r < 0)
			ipvlan_clear(s);
	}
	if (r < 0)
		link_delete_in(netns_fd, name, NULL);
	return r;
}

static int find(const struct ipvlan_spec *s, int netns_fd, struct link_info *ret, struct err *err)
{
	int r = link_get_at(netns_fd, s->index, ret, err);

	if (r == -ENODEV) {
		err_done(err);
		return 0;
	}
	return r < 0 ? r : !strcmp(ret->kind, "ipvlan");
}

int ipvlan_is_there(const struct ipvlan_spec *s, int netns_fd, struct err *err)
{
	struct link_info info;

	return find(s, netns_fd, &info, err);
}

int ipvlan_detach(const struct ipvlan_spec *s, int netns_fd, struct err *err)
{
	struct link_info info;
	int r = netns_fd == NETNS_OWN ? 0 : find(s, netns_fd, &info, err);

	if (r > 0)
		r = link_delete_in(netns_fd, info.name, err);
	if (r < 0)
		return r;
	ipvlan_clear(s);
	return 0;
}
