/* SPDX-License-Identifier: Apache-2.0 */
/* Routed and p2p NICs: guard, veth, settings, routes, in the order that leaves no gap. Everything but the
 * guard and the proxy entries belongs to the host's end of the veth, and goes with it. */
#include "net/direct.h"

#include <errno.h>
#include <string.h>

#include "engine/base/auto.h"
#include "net/guard.h"
#include "net/neighbour.h"
#include "net/sysctl.h"

static const struct direct_family *family_of(const struct direct_spec *spec, int family)
{
	return family == AF_INET ? &spec->v4 : &spec->v6;
}

static struct ip_net whole(const struct ip *ip)
{
	return (struct ip_net){.ip = *ip, .len = ip_bits(ip)};
}

static const int families[] = {AF_INET, AF_INET6};

/* ---- the host's end */

struct setting {
	int family;
	const char *key;
	int value;
};

static int set_all(const char *link, const struct setting *s, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		int r = sysctl_net_set(s[i].family, link, s[i].key, s[i].value, err);

		/* a kernel without IPv6, or with it switched off, has no such setting */
		if (r == -ENOENT && s[i].family == AF_INET6) {
			err_done(err);
			continue;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* While the link is down: no advertisement is heard before they are in force. */
static int settle_host(const struct direct_spec *spec, struct err *err)
{
	static const struct setting both[] = {
	    {AF_INET6, "accept_ra", 0},
	    {AF_INET6, "autoconf", 0},
	    {AF_INET6, "accept_redirects", 0},
	};
	const struct setting routed[] = {
	    {AF_INET, "rp_filter", 1},
	    {AF_INET, "accept_redirects", 0},
	    {AF_INET, "forwarding", spec->v4.n_addresses > 0},
	    {AF_INET6, "forwarding", spec->v6.n_addresses > 0},
	    {AF_INET6, "disable_ipv6", spec->v6.n_addresses == 0},
	};
	int r = set_all(spec->host_name, both, ARRAY_SIZE(both), err);

	return r < 0 || !spec->is_routed ? r : set_all(spec->host_name, routed, ARRAY_SIZE(routed), err);
}

static int set_gateways(const struct direct_spec *spec, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		const struct direct_family *f = family_of(spec, families[i]);
		struct ip_net host = whole(&f->host);
		int r = f->n_addresses ? address_add_sure(NETNS_OWN, spec->host_name, &host, err) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

/* Whether a route like this leads to our link already: then -EEXIST is no failure. */
static int add_route(const struct direct_spec *spec, struct route *route, bool may_exist, struct err *err)
{
	int r;

	route->link = spec->host_name;
	r = route_add(NETNS_OWN, route, err);
	if (r != -EEXIST || !may_exist)
		return r;
	err_done(err);
	return 0;
}

static int add_routes(const struct direct_spec *spec, bool may_exist, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		const struct direct_family *f = family_of(spec, families[i]);

		for (size_t a = 0; a < f->n_addresses; a++) {
			struct route route = {.dst = whole(&f->addresses[a])};
			int r = add_route(spec, &route, may_exist, err);

			route.table = f->table;
			if (!r && f->table)
				r = add_route(spec, &route, may_exist, err);
			if (r < 0)
				return r;
		}
	}
	for (size_t i = 0; i < spec->n_routes; i++) {
		const struct direct_family *f = family_of(spec, spec->routes[i].ip.family);
		struct route route = {.dst = spec->routes[i]};
		int r;

		if (f->n_addresses)
			route.gateway = f->addresses[0];
		r = add_route(spec, &route, may_exist, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- the instance's end */

static int set_up_inside(const struct direct_spec *spec, int netns_fd, struct err *err)
{
	const struct link_change up = {.set = LINK_STATE, .up = true};
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		const struct direct_family *f = family_of(spec, families[i]);

		for (size_t a = 0; a < f->n_addresses; a++) {
			struct ip_net net = whole(&f->addresses[a]);

			r = address_add_sure(netns_fd, spec->name, &net, err);
			if (r < 0)
				return r;
		}
	}
	r = link_set_in(netns_fd, spec->name, &up, err);
	for (size_t i = 0; i < ARRAY_SIZE(families) && !r; i++) {
		const struct direct_family *f = family_of(spec, families[i]);
		struct route gateway = {.dst = whole(&f->host), .link = spec->name};
		struct route route = {
		    .dst = {.ip = {.family = families[i]}}, .gateway = f->host, .link = spec->name};

		if (!f->n_addresses || f->no_default)
			continue;
		/* the gateway is in no network of the instance's */
		r = route_add(netns_fd, &gateway, err);
		if (!r)
			r = route_add(netns_fd, &route, err);
	}
	return r < 0 ? err_prefix(err, "inside the instance: ") : 0;
}

/* ---- the parent */

static int require(const char *link, int family, const char *key, struct err *err)
{
	int r = sysctl_net_get(family, link, key, err);

	if (r < 0)
		return r;
	if (r == 1)
		return 0;
	return err_set(err, EINVAL,
		       "net.ipv%d.conf.%s.%s is %d, and the host must forward and answer for the instance "
		       "there: sysctl -w net/ipv%d/conf/%s/%s=1",
		       family == AF_INET ? 4 : 6, link, key, r, family == AF_INET ? 4 : 6, link, key);
}

int direct_check_parent(const struct direct_spec *spec, struct err *err)
{
	struct link_info info;
	int r = link_get(NETNS_OWN, spec->parent, &info, err);

	if (!r && spec->v4.n_addresses)
		r = require(spec->parent, AF_INET, "forwarding", err);
	if (r || !spec->v6.n_addresses)
		return r;
	/* that of `all` is what the kernel looks at when it forwards, and for solicitations that aren't to a
	 * group (ip6_forward() in net/ipv6/ip6_output.c) */
	r = require("all", AF_INET6, "forwarding", err);
	if (!r)
		r = require(spec->parent, AF_INET6, "forwarding", err);
	if (!r)
		r = require("all", AF_INET6, "proxy_ndp", err);
	return r < 0 ? r : require(spec->parent, AF_INET6, "proxy_ndp", err);
}

static int set_proxies(const struct direct_spec *spec, bool on, struct err *err)
{
	int done = 0;

	for (size_t i = 0; i < ARRAY_SIZE(families) && spec->parent; i++) {
		const struct direct_family *f = family_of(spec, families[i]);

		for (size_t a = 0; a < f->n_addresses; a++) {
			int r = neighbour_proxy(spec->parent, &f->addresses[a], on, done < 0 ? NULL : err);

			if (r < 0 && on)
				return r;
			/* with the link its entries went */
			if (r == -ENODEV && !done) {
				err_done(err);
				return 0;
			}
			done = done < 0 ? done : r;
		}
	}
	return done;
}

/* ---- together */

static int attach(const struct direct_spec *spec, int netns_fd, unsigned mtu, struct err *err)
{
	const struct link_change up = {.set = LINK_STATE, .up = true};
	const struct veth_spec veth = {
	    .host_name = spec->host_name,
	    .peer_name = spec->name,
	    .peer_mac = spec->mac,
	    .peer_netns_fd = netns_fd,
	    .mtu = mtu,
	    .txqueuelen = spec->txqueuelen,
	};
	int r = veth_create(&veth, err);

	if (r < 0)
		return r;
	r = settle_host(spec, err);
	if (!r && spec->is_routed)
		r = set_gateways(spec, err);
	if (!r)
		r = link_set(spec->host_name, &up, err);
	if (!r)
		r = add_routes(spec, false, err);
	if (!r && spec->is_routed)
		r = set_up_inside(spec, netns_fd, err);
	/* last: from here on others send */
	if (!r) {
		r = set_proxies(spec, true, err);
		/* no sooner: those of another NIC with our address aren't ours to remove */
		if (r < 0)
			set_proxies(spec, false, NULL);
	}
	if (r < 0)
		link_delete(spec->host_name, NULL);
	return r;
}

int direct_attach(const struct direct_spec *spec, int netns_fd, struct err *err)
{
	struct link_info other, parent = {0};
	int r;

	if (!mac_is_unicast(spec->mac))
		return err_set(err, EINVAL, "NIC %s has no MAC address that a NIC can have", spec->name);
	if (link_get(NETNS_OWN, spec->host_name, &other, NULL) == 0)
		return err_set(err, EEXIST, "there is a link %s already", spec->host_name);
	if (spec->parent) {
		r = link_get(NETNS_OWN, spec->parent, &parent, err);
		if (r < 0)
			return r;
	}
	/* before the link: nothing comes from it unguarded */
	r = spec->is_routed ? guard_set(spec->host_name, err) : 0;
	if (r < 0)
		return r;
	r = attach(spec, netns_fd, spec->mtu ? spec->mtu : MIN(parent.mtu, 65535U), err);
	if (r < 0 && spec->is_routed)
		guard_clear(spec->host_name, NULL);
	return r;
}

/* No proxy entries of the spec's addresses but on that link. */
static int only_parent(const struct direct_spec *spec, const char *parent, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(families) && !r; i++) {
		const struct direct_family *f = family_of(spec, families[i]);

		r = neighbour_proxy_only(parent, f->addresses, f->n_addresses, err);
	}
	return r;
}

int direct_restore(const struct direct_spec *spec, struct err *err)
{
	int r = spec->is_routed ? guard_set(spec->host_name, err) : 0;

	if (!r)
		r = add_routes(spec, true, err);
	if (!r)
		r = set_proxies(spec, true, err);
	return r < 0 ? r : only_parent(spec, spec->parent, err);
}

/* Of the host's end: the gateways' addresses and the static routes, no more and no less. */
static int is_current(const struct direct_spec *spec, const struct link_list *links, int index, int family,
		      struct err *err)
{
	const struct direct_family *f = family_of(spec, family);
	struct ip_net_list found = {0};
	size_t want = f->n_addresses;
	bool has_host = !f->n_addresses, same;
	int r = route_on_link(spec->host_name, family, &found, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < links->n_addrs; i++)
		has_host |= links->addrs[i].index == index && ip_eq(&links->addrs[i].net.ip, &f->host);
	same = has_host;
	for (size_t i = 0; i < spec->n_routes; i++)
		want += spec->routes[i].ip.family == family;
	for (size_t i = 0; i < found.n && same; i++) {
		const struct ip_net *net = &found.nets[i];

		same = false;
		for (size_t a = 0; a < f->n_addresses; a++)
			same |= net->len == ip_bits(&net->ip) && ip_eq(&net->ip, &f->addresses[a]);
		for (size_t a = 0; a < spec->n_routes; a++)
			same |= net->len == spec->routes[a].len && ip_eq(&net->ip, &spec->routes[a].ip);
	}
	same &= found.n == want;
	free(found.nets);
	return same;
}

int direct_is_current(const struct direct_spec *spec, struct err *err)
{
	AUTO(link_list_done) struct link_list links = {0};
	struct link_info info;
	int r = link_get(NETNS_OWN, spec->host_name, &info, err);

	if (!r)
		r = link_list(NETNS_OWN, &links, err);
	if (r < 0)
		return r;
	r = is_current(spec, &links, info.index, AF_INET, err);
	return r <= 0 ? r : is_current(spec, &links, info.index, AF_INET6, err);
}

int direct_clear(const struct direct_spec *spec, struct err *err)
{
	int r = set_proxies(spec, false, err), guard;

	if (!spec->is_routed)
		return r;
	if (!r)
		r = only_parent(spec, NULL, err);
	guard = guard_clear(spec->host_name, r < 0 ? NULL : err);
	return r < 0 ? r : guard;
}

/* Of addresses that the link has routes to, whatever the spec says: a core may have died in the middle of a
 * change. */
static void clear_proxies(const struct direct_spec *spec, const struct ip_net_list *found)
{
	for (size_t i = 0; i < found->n; i++)
		if (found->nets[i].len == ip_bits(&found->nets[i].ip))
			neighbour_proxy(spec->parent, &found->nets[i].ip, false, NULL);
}

int direct_detach(const struct direct_spec *spec, struct err *err)
{
	struct ip_net_list found[ARRAY_SIZE(families)] = {{0}};
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(families) && spec->parent; i++)
		route_on_link(spec->host_name, families[i], &found[i], NULL);
	r = link_delete(spec->host_name, err);
	/* what may still send stays guarded */
	if (r == 0 || r == -ENODEV) {
		err_done(err);
		for (size_t i = 0; i < ARRAY_SIZE(families); i++)
			clear_proxies(spec, &found[i]);
		r = direct_clear(spec, err);
	}
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		free(found[i].nets);
	return r;
}
