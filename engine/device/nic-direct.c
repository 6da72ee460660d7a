/* SPDX-License-Identifier: Apache-2.0 */
/* Routed and p2p NICs: from keys to net/direct.h, attached, found again, detached. Under the instance's
 * token. */
#include "engine/device/nic-direct.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/device/nic-each.h"
#include "engine/device/nic-live.h"
#include "engine/device/nic-parent.h"
#include "engine/device/nic-plan.h"
#include "engine/device/nic-shape.h"
#include "net/direct.h"
#include "net/neighbour.h"
#include "net/sysctl.h"

#define HOST4 "169.254.0.1"
#define HOST6 "fe80::1"

struct direct_plan {
	struct direct_spec spec; /* .name may be "": it is chosen when the NIC is attached */
	struct ip *addresses;	 /* of both protocols, IPv4 first */
	struct ip_net *routes;
	char parent[IFNAMSIZ];
	bool is_name_ours; /* the host's link has a name that only lxdfs gives */
	bool probes4, probes6;
};
#define DIRECT_PLAN_NULL ((struct direct_plan){0})

static void direct_plan_done(struct direct_plan *p)
{
	free(p->addresses);
	free(p->routes);
	*p = DIRECT_PLAN_NULL;
}

static void direct_plan_done_auto(struct direct_plan *p)
{
	direct_plan_done(p);
}

static bool has_nictype(const struct section *device, const char *type)
{
	const struct pair *p = section_pair(device, STR("nictype"));

	return p && !strcmp(p->value, type) && !section_pair(device, STR("network"));
}

bool nic_routed_matches(struct object *o, const struct section *device)
{
	(void)o;
	return has_nictype(device, "routed");
}

bool nic_p2p_matches(struct object *o, const struct section *device)
{
	(void)o;
	return has_nictype(device, "p2p");
}

/* ---- keys */

/* A list of one protocol's addresses behind those that are there. */
static int add_addresses(struct direct_plan *p, const char *text, const char *key, int family, size_t *n,
			 struct err *err)
{
	size_t before = p->spec.v4.n_addresses;

	*n = 0;
	for (const char *s = text ? text : ""; *s;) {
		size_t len = strcspn(s, ", \t\n");

		if (len) {
			struct ip ip;

			if (ip_parse((struct str){s, len}, &ip) < 0 || ip.family != family)
				return err_set(err, EINVAL, "%s: \"%.*s\" is no IPv%d address", key, (int)len,
					       s, family == AF_INET ? 4 : 6);
			p->addresses = xrealloc(p->addresses, (before + *n + 1) * sizeof(*p->addresses));
			p->addresses[before + (*n)++] = ip;
		}
		s += len + !!s[len];
	}
	return 0;
}

static int read_family(const struct config *c, const char *device, int family, struct direct_family *f,
		       struct err *err)
{
	bool is4 = family == AF_INET;
	const char *host = config_device_get(c, device, is4 ? "ipv4.host_address" : "ipv6.host_address");
	const char *gateway = config_device_get(c, device, is4 ? "ipv4.gateway" : "ipv6.gateway");
	const char *table = config_device_get(c, device, is4 ? "ipv4.host_table" : "ipv6.host_table");

	if (!host)
		host = is4 ? HOST4 : HOST6;
	if (ip_parse(str_from(host), &f->host) < 0 || f->host.family != family)
		return err_set(err, EINVAL, "ipv%d.host_address is \"%s\": an IPv%d address is wanted",
			       is4 ? 4 : 6, host, is4 ? 4 : 6);
	f->no_default = gateway && !strcmp(gateway, "none");
	f->table = (uint32_t)value_int(table, 0);
	return 0;
}

static int add_routes(struct direct_plan *p, const struct config *c, const char *device, const char *key,
		      struct err *err)
{
	struct ip_net *nets = NULL;
	size_t n = 0;
	int r = ip_nets_of(config_device_get(c, device, key), &nets, &n, err);

	if (r < 0)
		return err_prefix(err, "%s: ", key);
	if (n) {
		p->routes = xrealloc(p->routes, (p->spec.n_routes + n) * sizeof(*p->routes));
		memcpy(p->routes + p->spec.n_routes, nets, n * sizeof(*nets));
		p->spec.n_routes += n;
	}
	free(nets);
	return 0;
}

static bool read_flag(const struct config *c, const char *device, const char *key, bool otherwise)
{
	const char *value = config_device_get(c, device, key);

	return value ? value_bool(value) : otherwise;
}

static int read_routed(struct direct_plan *p, const struct config *c, const char *device, struct err *err)
{
	struct direct_spec *s = &p->spec;
	int r = add_addresses(p, config_device_get(c, device, "ipv4.address"), "ipv4.address", AF_INET,
			      &s->v4.n_addresses, err);

	if (!r)
		r = add_addresses(p, config_device_get(c, device, "ipv6.address"), "ipv6.address", AF_INET6,
				  &s->v6.n_addresses, err);
	if (!r)
		r = read_family(c, device, AF_INET, &s->v4, err);
	if (!r)
		r = read_family(c, device, AF_INET6, &s->v6, err);
	if (!r)
		r = nic_parent_name(c, device, p->parent, err);
	if (r < 0)
		return r;
	s->v4.addresses = p->addresses;
	s->v6.addresses = p->addresses ? p->addresses + s->v4.n_addresses : NULL;
	p->probes4 = read_flag(c, device, "ipv4.neighbor_probe", true);
	p->probes6 = read_flag(c, device, "ipv6.neighbor_probe", true);
	return 0;
}

/* Reads config alone. On success the spec's pointers are into @p, which stays where it is: see plan_settle().
 */
static int plan_make(struct object *o, const struct config *c, const char *device, struct direct_plan *p,
		     struct err *err)
{
	const char *name = config_device_get(c, device, "name");
	struct direct_spec *s = &p->spec;
	int r;

	*p = DIRECT_PLAN_NULL;
	if (name)
		snprintf(s->name, sizeof(s->name), "%s", name);
	s->mac = nic_mac(o, c, device);
	p->is_name_ours = nic_host_name(o, c, device, s->host_name);
	s->mtu = (unsigned)value_int(config_device_get(c, device, "mtu"), 0);
	s->txqueuelen = (unsigned)value_int(config_device_get(c, device, "queue.tx.length"), 0);
	s->is_routed = has_nictype(config_device(c, device), "routed");
	r = s->is_routed ? read_routed(p, c, device, err) : 0;
	if (!r && s->mtu && s->mtu < 1280 && s->v6.n_addresses)
		r = err_set(err, EINVAL, "mtu is %u: IPv6, of which ipv6.address is, needs 1280", s->mtu);
	if (!r)
		r = add_routes(p, c, device, "ipv4.routes", err);
	if (!r)
		r = add_routes(p, c, device, "ipv6.routes", err);
	s->routes = p->routes;
	return r;
}

/* The only pointer into the plan itself. */
static const struct direct_spec *plan_spec(struct direct_plan *p)
{
	p->spec.parent = p->parent[0] ? p->parent : NULL;
	return &p->spec;
}

/* ---- which can't be */

static bool is_own(const struct ip *ip)
{
	if (ip->family == AF_INET)
		return ip->bytes[0] != 0 && ip->bytes[0] != 127 && ip->bytes[0] < 224;
	return !IN6_IS_ADDR_UNSPECIFIED(&ip->v6) && !IN6_IS_ADDR_LOOPBACK(&ip->v6) &&
	       !IN6_IS_ADDR_MULTICAST(&ip->v6) && !IN6_IS_ADDR_LINKLOCAL(&ip->v6);
}

static int check_family(const struct direct_plan *p, const struct direct_family *f, int family,
			struct err *err)
{
	int digit = family == AF_INET ? 4 : 6;

	for (size_t i = 0; i < f->n_addresses; i++) {
		AUTO(buf_done) struct buf b = BUF_NULL;

		buf_ip(&b, &f->addresses[i]);
		if (!is_own(&f->addresses[i]))
			return err_set(err, EINVAL,
				       "ipv%d.address is \"%s\": no address that can be routed to "
				       "an instance",
				       digit, buf_cstr(&b));
		if (ip_eq(&f->addresses[i], &f->host))
			return err_set(err, EINVAL,
				       "ipv%d.address is \"%s\": the host has that, as "
				       "ipv%d.host_address",
				       digit, buf_cstr(&b), digit);
	}
	for (size_t i = 0; i < p->spec.n_routes && p->spec.is_routed; i++)
		if (p->spec.routes[i].ip.family == family && !f->n_addresses)
			return err_set(err, EINVAL, "ipv%d.routes needs ipv%d.address, by which they lead",
				       digit, digit);
	return 0;
}

/* Another routed NIC, on whatever link, can't have the same address. */
struct asked {
	const struct direct_plan *plan;
	const char *device;
};

static int check_other(const struct config *c, const char *other, const char *instance, void *arg,
		       struct err *err)
{
	static const char *const keys[] = {"ipv4.address", "ipv6.address"};
	const struct asked *mine = arg;
	const struct direct_plan *p = mine->plan;
	size_t n = p->spec.v4.n_addresses + p->spec.v6.n_addresses;

	if (!has_nictype(config_device(c, other), "routed"))
		return 0;
	for (size_t k = 0; k < n * ARRAY_SIZE(keys); k++) {
		struct str rest = str_from(config_device_get(c, other, keys[k % 2])), piece;
		const struct ip *ip = &p->addresses[k / 2];
		struct ip its;

		while (rest.len && str_next(&rest, '\n', &piece)) {
			AUTO(buf_done) struct buf b = BUF_NULL;

			if (ip_parse(str_trim(piece), &its) < 0 || !ip_eq(&its, ip))
				continue;
			buf_ip(&b, ip);
			return nic_is_taken(keys[k % 2], mine->device, buf_cstr(&b), other, instance, NULL,
					    err);
		}
	}
	return 0;
}

static int check_others(struct object *o, const struct direct_plan *p, const struct config *c,
			const char *device, struct err *err)
{
	struct asked mine = {p, device};

	return p->addresses ? nic_each_other(o, c, device, check_other, &mine, err) : 0;
}

int nic_direct_check(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	__attribute__((cleanup(direct_plan_done_auto))) struct direct_plan p = DIRECT_PLAN_NULL;
	int r = nic_check_name(effective, device, err);

	if (!r)
		r = plan_make(o, effective, device, &p, err);
	if (!r)
		r = check_family(&p, &p.spec.v4, AF_INET, err);
	if (!r)
		r = check_family(&p, &p.spec.v6, AF_INET6, err);
	return r < 0 ? r : check_others(o, &p, effective, device, err);
}

/* ---- attach and detach */

static int direct_op_detach(struct object *o, struct nic_live *l, bool *ret_gone, struct err *err)
{
	int r = direct_detach(plan_spec(l->direct), err);

	(void)o;
	if (r < 0)
		return r;
	*ret_gone = true;
	nic_parent_release(l->direct->parent);
	return shape_clear(l->host_name, SHAPE_HOST, err);
}

static int direct_op_restore(struct object *o, const struct config *effective, struct nic_live *l,
			     struct err *err)
{
	int r = direct_restore(plan_spec(l->direct), err);

	(void)o;
	return r < 0 ? r : nic_shape_set(effective, l->device, l->host_name, SHAPE_HOST, err);
}

static void direct_op_done(struct nic_live *l)
{
	direct_plan_done(l->direct);
	free(l->direct);
}

static const struct nic_ops direct_ops = {
    .shape_at = SHAPE_HOST, .detach = direct_op_detach, .restore = direct_op_restore, .done = direct_op_done};

static void live_add(struct object *o, const char *device, struct direct_plan *p)
{
	struct nic_live *l = nic_live_add(o, device, &direct_ops, p->spec.host_name);

	l->direct = xcalloc(1, sizeof(*l->direct));
	*l->direct = *p;
	*p = DIRECT_PLAN_NULL;
}

/* What an admin's link must have been set to, ours is. */
static int set_parent(const struct direct_plan *p, struct err *err)
{
	int r = 0;

	if (!vlan_is_ours(p->parent))
		return 0;
	if (p->spec.v4.n_addresses)
		r = sysctl_net_set(AF_INET, p->parent, "forwarding", 1, err);
	if (!r && p->spec.v6.n_addresses)
		r = sysctl_net_set(AF_INET6, p->parent, "forwarding", 1, err);
	if (!r && p->spec.v6.n_addresses)
		r = sysctl_net_set(AF_INET6, p->parent, "proxy_ndp", 1, err);
	return r;
}

static int probe(const struct direct_plan *p, struct err *err)
{
	size_t first = p->probes4 ? 0 : p->spec.v4.n_addresses;
	size_t end = p->spec.v4.n_addresses + (p->probes6 ? p->spec.v6.n_addresses : 0);

	return first < end ? neighbour_probe(p->parent, p->addresses + first, end - first, err) : 0;
}

static int attach_planned(const struct config *effective, const char *device, struct direct_plan *p,
			  int netns, struct err *err)
{
	int r = 0;

	if (!p->spec.name[0])
		r = nic_choose_name(effective, netns, p->spec.name, err);
	if (r < 0)
		return r;
	if (p->is_name_ours)
		nic_clear_leftover(p->spec.host_name);
	if (p->parent[0]) {
		r = nic_parent_hold(effective, device, err);
		if (r < 0)
			return r;
		r = set_parent(p, err);
		if (!r)
			r = direct_check_parent(plan_spec(p), err);
		if (!r)
			r = probe(p, err);
	}
	if (!r)
		r = direct_attach(plan_spec(p), netns, err);
	if (!r) {
		r = nic_shape_set(effective, device, p->spec.host_name, SHAPE_HOST, err);
		if (r < 0) {
			direct_detach(&p->spec, NULL);
			shape_clear(p->spec.host_name, SHAPE_HOST, NULL);
		}
	}
	if (r < 0)
		nic_parent_release(p->parent);
	return r;
}

int nic_direct_attach(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	__attribute__((cleanup(direct_plan_done_auto))) struct direct_plan p = DIRECT_PLAN_NULL;
	AUTO(fd) int netns = -EBADF;
	int r;

	if (nic_live_find(o, device))
		return 0;
	r = nic_netns(o, &netns, err);
	if (r <= 0)
		return r;
	r = plan_make(o, effective, device, &p, err);
	if (!r)
		r = attach_planned(effective, device, &p, netns, err);
	if (!r)
		live_add(o, device, &p);
	return r;
}

/* ---- found again by a new core */

int nic_direct_adopt(struct object *o, const struct config *effective, const char *device, struct err *err)
{
	__attribute__((cleanup(direct_plan_done_auto))) struct direct_plan p = DIRECT_PLAN_NULL;
	int r = plan_make(o, effective, device, &p, err);

	if (r < 0)
		return r;
	/* a change was under way, or somebody removed it */
	r = direct_is_current(plan_spec(&p), err);
	if (r == 0 || r == -ENODEV) {
		err_done(err);
		direct_detach(&p.spec, NULL);
		return nic_direct_attach(o, effective, device, err);
	}
	if (r > 0)
		r = p.parent[0] ? nic_parent_hold(effective, device, err) : 0;
	if (!r)
		r = direct_restore(&p.spec, err);
	if (!r)
		r = nic_shape_set(effective, device, p.spec.host_name, SHAPE_HOST, err);
	live_add(o, device, &p);
	return r;
}

void nic_direct_clear(struct object *o, const struct config *effective, const char *device)
{
	__attribute__((cleanup(direct_plan_done_auto))) struct direct_plan p = DIRECT_PLAN_NULL;

	if (plan_make(o, effective, device, &p, NULL) < 0)
		return;
	if (p.is_name_ours)
		nic_clear_leftover(p.spec.host_name);
	direct_clear(plan_spec(&p), NULL);
	shape_clear(p.spec.host_name, SHAPE_HOST, NULL);
}
