/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of a bridged NIC to its description. Reads config alone: nothing here touches the kernel. */
#include "engine/device/nic-plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/auto.h"
#include "engine/base/parse.h"

/* FNV-1a with a last stir. The uuid is random, so this is: no secret, but no other instance's either. */
static uint64_t derive(const struct object *o, const char *device, const char *what)
{
	const char *parts[] = {o->uuid, "/", device, "/", what};
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		for (const char *p = parts[i]; *p; p++)
			h = (h ^ (unsigned char)*p) * 0x100000001b3;
	h = (h ^ (h >> 33)) * 0xff51afd7ed558ccd;
	h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53;
	return h ^ (h >> 33);
}

static const char *kept(const struct config *effective, const char *device, const char *what)
{
	AUTO(free) char *key = xasprintf("volatile.%s.%s", device, what);

	return config_get(effective, SECTION_CONFIG, key);
}

struct mac nic_mac(const struct object *o, const struct config *effective, const char *device)
{
	const char *text = config_device_get(effective, device, "hwaddr");
	struct mac m;
	uint64_t h;

	if (!text)
		text = kept(effective, device, "hwaddr");
	if (text && !mac_parse(str_from(text), &m) && mac_is_unicast(m))
		return m;
	h = derive(o, device, "hwaddr");
	return (struct mac){
	    {0x00, 0x16, 0x3e, (unsigned char)h, (unsigned char)(h >> 8), (unsigned char)(h >> 16)}};
}

bool nic_host_name(const struct object *o, const struct config *effective, const char *device,
		   char ret[IFNAMSIZ])
{
	const char *text = config_device_get(effective, device, "host_name");
	bool is_ours = !text;

	if (!text)
		text = kept(effective, device, "host_name");
	if (text && ifname_ok(str_from(text)))
		snprintf(ret, IFNAMSIZ, "%s", text);
	else
		snprintf(ret, IFNAMSIZ, "veth%08x", (unsigned)derive(o, device, "host_name"));
	return is_ours;
}

int nic_index(const struct object *o, const char *device)
{
	return (int)(1U << 29 | (derive(o, device, "index") & ((1U << 29) - 1)));
}

int ip_nets_of(const char *text, struct ip_net **ret, size_t *n, struct err *err)
{
	struct ip_net *list = NULL;
	size_t count = 0;

	for (const char *p = text ? text : ""; *p;) {
		size_t len = strcspn(p, ", \t\n");

		if (len) {
			list = xrealloc(list, (count + 1) * sizeof(*list));
			if (ip_net_parse((struct str){p, len}, &list[count]) < 0) {
				free(list);
				return err_set(
				    err, EINVAL,
				    "\"%.*s\" is no network: 10.1.0.0/16 or fd42:1::/64 would be one",
				    (int)len, p);
			}
			list[count] = ip_net_base(&list[count]);
			count++;
		}
		p += len + !!p[len];
	}
	*ret = list;
	*n = count;
	return 0;
}

static void nets_free(struct ip_net *list)
{
	free(list);
}
DEFINE_AUTO(struct ip_net *, nets_free);

void nic_allow(struct nic_plan *p, const struct ip_net *net)
{
	p->allowed = xrealloc(p->allowed, (p->n_allowed + 1) * sizeof(*p->allowed));
	p->allowed[p->n_allowed++] = *net;
	p->spec.allowed = p->allowed;
	p->spec.n_allowed = p->n_allowed;
}

static void allow_one(struct nic_plan *p, const struct ip *ip)
{
	nic_allow(p, &(struct ip_net){.ip = *ip, .len = ip_bits(ip)});
}

/* Networks routed to it: it may speak for them. */
static int add_routes(struct nic_plan *p, const struct config *c, const char *device, const char *key,
		      bool is_filtered, struct err *err)
{
	AUTO(nets_free) struct ip_net *nets = NULL;
	size_t n = 0;
	int r = ip_nets_of(config_device_get(c, device, key), &nets, &n, err);

	if (r < 0)
		return err_prefix(err, "%s: ", key);
	for (size_t i = 0; i < n; i++) {
		if (is_filtered)
			nic_allow(p, &nets[i]);
		p->routes = xrealloc(p->routes, (p->n_routes + 1) * sizeof(*p->routes));
		p->routes[p->n_routes++] = nets[i];
	}
	return 0;
}

/* The address that is set; @ret_none: none is wanted. Return: 1 set, 0 not set, or a failure */
static int static_address(const struct config *c, const char *device, const char *key, int family,
			  struct ip *ret, bool *ret_none, struct err *err)
{
	const char *text = config_device_get(c, device, key);

	*ret_none = text && !strcmp(text, "none");
	if (!text || !*text || *ret_none)
		return 0;
	if (ip_parse(str_from(text), ret) < 0 || ret->family != family)
		return err_set(err, EINVAL, "%s is \"%s\": an IPv%d address is wanted, or none", key, text,
			       family == AF_INET ? 4 : 6);
	return 1;
}

/* A name that no request can move needs an address that none can. DHCP is heard in VLAN 1 alone. */
static bool needs_name(const struct nic_plan *p)
{
	return p->view.names_by_mac && (!p->spec.vlans || p->vlans.untagged == 1);
}

static int plan_v4(struct nic_plan *p, const struct config *c, const char *device, struct err *err)
{
	bool is_filtered = p->spec.flags & FILTER_V4, none;
	int r = static_address(c, device, "ipv4.address", AF_INET, &p->v4, &none, err);

	if (r > 0 && is_filtered)
		allow_one(p, &p->v4);
	else if (r == 0 && (is_filtered || p->is_apart || needs_name(p)) && !none && p->network &&
		 p->view.dhcp4)
		p->wants_pin4 = true;
	if (r >= 0)
		r = add_routes(p, c, device, "ipv4.routes", is_filtered, err);
	return r < 0 ? r : add_routes(p, c, device, "ipv4.routes.external", is_filtered, err);
}

static int plan_v6(struct nic_plan *p, const struct config *c, const char *device, struct err *err)
{
	bool is_filtered = p->spec.flags & FILTER_V6, none;
	int r = static_address(c, device, "ipv6.address", AF_INET6, &p->v6, &none, err);

	if (r > 0 && is_filtered) {
		allow_one(p, &p->v6);
	} else if (r == 0 && !none && p->network && p->view.v6.ip.family && p->view.v6.len <= 64) {
		struct ip ip = ip_eui64(&p->view.v6, p->spec.mac);

		if (is_filtered)
			allow_one(p, &ip);
		if (p->view.stateful6 && (is_filtered || needs_name(p)))
			p->v6 = ip;
	}
	if (r >= 0)
		r = add_routes(p, c, device, "ipv6.routes", is_filtered, err);
	return r < 0 ? r : add_routes(p, c, device, "ipv6.routes.external", is_filtered, err);
}

static int plan_bridge(struct object *o, const struct config *c, const char *device, struct nic_plan *p,
		       struct err *err)
{
	const char *network = config_device_get(c, device, "network");
	const char *parent = config_device_get(c, device, "parent");
	int r;

	if (network) {
		r = network_view_of(o->host, network, &p->view, err);
		if (r == -ENOENT)
			return err_set(err, EINVAL,
				       "network is \"%s\": there is no such network, make it with mkdir "
				       "networks/%s",
				       network, network);
		if (r < 0)
			return r;
		p->network = xstrdup(network);
	} else {
		if (!parent)
			return err_set(err, EINVAL, "a nic needs network, or nictype=bridged and parent");
		if (!ifname_ok(str_from(parent)))
			return err_set(err, EINVAL, "parent is \"%s\": no link can have that name", parent);
		p->view = (struct network_view){0};
		snprintf(p->view.bridge, sizeof(p->view.bridge), "%s", parent);
	}
	p->spec.bridge = p->view.bridge;
	return 0;
}

/* "100, 200-299", one a line. */
static int plan_tagged(struct nic_plan *p, const char *text, struct err *err)
{
	struct str rest = str_from(text), piece;

	while (rest.len && str_next(&rest, '\n', &piece)) {
		uint64_t first, last;

		if (parse_range(str_trim(piece), 1, 4094, &first, &last) < 0)
			return err_set(err, EINVAL, "vlan.tagged: \"%.*s\" is no VLAN and no range of them",
				       STR_FMT(piece));
		p->tagged = xrealloc(p->tagged, (p->vlans.n + 1) * sizeof(*p->tagged));
		p->tagged[p->vlans.n++] = (struct vlan_range){(uint16_t)first, (uint16_t)last};
	}
	return 0;
}

/* Where the keys say nothing the port is where the bridge puts new ones, in VLAN 1. */
static int plan_vlans(struct nic_plan *p, const struct config *c, const char *device, struct err *err)
{
	const char *untagged = config_device_get(c, device, "vlan");
	const char *tagged = config_device_get(c, device, "vlan.tagged");
	int r = plan_tagged(p, tagged, err);

	if (r < 0 || (!untagged && !tagged))
		return r;
	p->vlans.untagged = (uint16_t)(untagged ? value_int(untagged, 0) : 1);
	p->vlans.list = p->tagged;
	p->spec.vlans = &p->vlans;
	p->spec.may_change_bridge = p->network != NULL;
	return 0;
}

int nic_plan_make(struct object *o, const struct config *effective, const char *device, struct nic_plan *p,
		  struct err *err)
{
	const char *name = config_device_get(effective, device, "name");
	struct nic_spec *s = &p->spec;
	int r;

	*p = NIC_PLAN_NULL;
	r = plan_bridge(o, effective, device, p, err);
	if (r < 0)
		return r;
	if (name)
		snprintf(s->name, sizeof(s->name), "%s", name);
	s->mac = nic_mac(o, effective, device);
	p->is_apart = p->view.has_dns && o->kind->number == KIND_INSTANCE && o->parent != o->host->project;
	p->is_name_ours = nic_host_name(o, effective, device, s->host_name);
	s->mtu = (unsigned)value_int(config_device_get(effective, device, "mtu"), p->view.mtu);
	s->txqueuelen = (unsigned)value_int(config_device_get(effective, device, "queue.tx.length"), 0);
	s->isolated = value_bool(config_device_get(effective, device, "security.port_isolation"));
	if (value_bool(config_device_get(effective, device, "security.mac_filtering")))
		s->flags |= FILTER_MAC;
	if (value_bool(config_device_get(effective, device, "security.ipv4_filtering")))
		s->flags |= FILTER_MAC | FILTER_V4;
	if (value_bool(config_device_get(effective, device, "security.ipv6_filtering")))
		s->flags |= FILTER_MAC | FILTER_V6;
	if (s->flags && p->network && (p->view.dhcp4 || p->view.v6.ip.family))
		s->flags |= FILTER_OWN_DHCP;
	r = plan_vlans(p, effective, device, err);
	if (!r)
		r = plan_v4(p, effective, device, err);
	return r < 0 ? r : plan_v6(p, effective, device, err);
}

void nic_plan_done(struct nic_plan *p)
{
	free(p->network);
	free(p->tagged);
	free(p->allowed);
	free(p->routes);
	*p = NIC_PLAN_NULL;
}
