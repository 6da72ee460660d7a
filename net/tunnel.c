/* SPDX-License-Identifier: Apache-2.0 */
/* The MAC of a tunnel's link is made of its settings: so one of an earlier core is known as ours, and whether
 * it is as it should be, from the moment it is there. It never sends by itself. */
#include "net/tunnel.h"

#include <errno.h>
#include <linux/if_tunnel.h>
#include <string.h>

#include "engine/base/auto.h"
#include "net/link-internal.h"
#include "net/netlink.h"
#include "net/sysctl.h"

static const unsigned char our_vendor[] = {0x02, 0x16, 0x3e};

static const char *kind_of(const struct tunnel *t)
{
	if (t->kind == TUNNEL_VXLAN)
		return "vxlan";
	return t->remote.family == AF_INET6 ? "ip6gretap" : "gretap";
}

/* FNV-1a; the bridge's MAC makes it another one on each host. */
static struct mac make_mac(const struct tunnel *t, struct mac bridge)
{
	AUTO(buf_done) struct buf b = BUF_NULL;
	struct mac m = {{0}};
	uint32_t h = 0x811c9dc5;

	buf_mac(&b, bridge);
	buf_printf(&b, " %s %s %u %u %u ", t->name, t->link, t->id, t->ttl, t->port);
	buf_ip(&b, &t->local);
	buf_addc(&b, ' ');
	buf_ip(&b, &t->remote);
	buf_addc(&b, ' ');
	buf_ip(&b, &t->group);
	for (size_t i = 0; i < b.len; i++)
		h = (h ^ (unsigned char)b.ptr[i]) * 0x01000193;
	memcpy(m.b, our_vendor, sizeof(our_vendor));
	m.b[3] = (unsigned char)h;
	m.b[4] = (unsigned char)(h >> 8);
	m.b[5] = (unsigned char)((h >> 16) ^ (h >> 24));
	return m;
}

static bool is_ours(const struct link_info *l)
{
	return l->has_mac && !memcmp(l->mac.b, our_vendor, sizeof(our_vendor)) &&
	       (!strcmp(l->kind, "vxlan") || !strcmp(l->kind, "gretap") || !strcmp(l->kind, "ip6gretap"));
}

/* ---- making one */

static void put_ip(struct nl_msg *m, uint16_t type4, uint16_t type6, const struct ip *ip)
{
	if (ip->family)
		nl_put(m, ip->family == AF_INET ? type4 : type6, ip->bytes, ip_bits(ip) / 8);
}

static int visit_oif(const struct nlmsghdr *h, void *arg, struct err *err)
{
	const struct rtattr *attrs[RTA_MAX + 1];

	(void)err;
	if (h->nlmsg_type == RTM_NEWROUTE && h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct rtmsg))) {
		nl_attrs(RTM_RTA(NLMSG_DATA(h)), RTM_PAYLOAD(h), attrs, RTA_MAX);
		*(int *)arg = (int)nl_u32(attrs[RTA_OIF]);
	}
	return 0;
}

/* The link by which the host would send there. Return: more than 0; -ENODEV */
static int link_towards(const struct ip *ip, struct err *err)
{
	struct rtmsg msg = {.rtm_family = (unsigned char)ip->family,
			    .rtm_dst_len = (unsigned char)ip_bits(ip)};
	AUTO(buf_done) struct buf text = BUF_NULL;
	struct nl_msg m = {0};
	int index = 0;

	nl_begin(&m, RTM_GETROUTE, 0, &msg, sizeof(msg));
	nl_put(&m, RTA_DST, ip->bytes, ip_bits(ip) / 8);
	if (nl_query(&m, NETNS_OWN, visit_oif, &index, err) == 0 && index > 0)
		return index;
	buf_ip(&text, ip);
	return err_set(err, ENODEV, "no route of the host leads to the group %s: the link must be named",
		       buf_cstr(&text));
}

static int put_vxlan(struct nl_msg *m, const struct tunnel *t, struct err *err)
{
	int link = 0;

	if (t->link[0])
		link = link_index(NETNS_OWN, t->link, err);
	else if (!t->remote.family)
		link = link_towards(&t->group, err);
	if (link < 0)
		return link;
	nl_put_u32(m, IFLA_VXLAN_ID, t->id);
	if (link)
		nl_put_u32(m, IFLA_VXLAN_LINK, (uint32_t)link);
	put_ip(m, IFLA_VXLAN_LOCAL, IFLA_VXLAN_LOCAL6, &t->local);
	put_ip(m, IFLA_VXLAN_GROUP, IFLA_VXLAN_GROUP6, t->remote.family ? &t->remote : &t->group);
	if (t->ttl)
		nl_put_u8(m, IFLA_VXLAN_TTL, (uint8_t)t->ttl);
	if (t->port) {
		const uint16_t port = htons((uint16_t)t->port);

		nl_put(m, IFLA_VXLAN_PORT, &port, sizeof(port));
	}
	return 0;
}

static int create(const struct tunnel *t, struct mac mac, struct err *err)
{
	struct nl_msg m = {0};
	size_t info, data;
	int r = link_begin_new(&m, t->name, err);

	if (r < 0)
		return r;
	nl_put(&m, IFLA_ADDRESS, mac.b, sizeof(mac.b));
	info = nl_nest(&m, IFLA_LINKINFO);
	nl_put_text(&m, IFLA_INFO_KIND, kind_of(t));
	data = nl_nest(&m, IFLA_INFO_DATA);
	if (t->kind == TUNNEL_VXLAN) {
		r = put_vxlan(&m, t, err);
	} else {
		/* of both protocols */
		nl_put(&m, IFLA_GRE_LOCAL, t->local.bytes, ip_bits(&t->local) / 8);
		nl_put(&m, IFLA_GRE_REMOTE, t->remote.bytes, ip_bits(&t->remote) / 8);
	}
	nl_nest_end(&m, data);
	nl_nest_end(&m, info);
	if (r < 0) {
		buf_done(&m.buf);
		return r;
	}
	r = nl_request(&m, NETNS_OWN, err);
	if (r == -EOPNOTSUPP)
		return err_set(err, EOPNOTSUPP, "this kernel has no tunnels of kind %s", kind_of(t));
	return r;
}

/* A port's frames are the bridge's: the host itself has no business with IPv6 on it. */
static int settle(const struct tunnel *t, const char *bridge, unsigned mtu, struct err *err)
{
	const struct link_change c = {
	    .set = LINK_MTU | LINK_MASTER | LINK_STATE, .mtu = mtu, .master = bridge, .up = true};
	int r = sysctl_net_set(AF_INET6, t->name, "disable_ipv6", 1, err);

	if (r < 0 && r != -ENOENT)
		return r;
	err_done(err);
	return link_set(t->name, &c, err);
}

static int bring_one(const char *bridge, struct mac bridge_mac, unsigned mtu, const struct tunnel *t,
		     struct err *err)
{
	const struct mac mac = make_mac(t, bridge_mac);
	struct link_info there;
	int r = link_get(NETNS_OWN, t->name, &there, err);

	if (r == 0 && !is_ours(&there))
		return err_set(err, EEXIST, "there is a link %s already, which isn't lxdfs's", t->name);
	if (r == 0 && (strcmp(there.kind, kind_of(t)) != 0 || !mac_eq(there.mac, mac))) {
		link_delete(t->name, NULL);
		r = -ENODEV;
	}
	if (r < 0 && r != -ENODEV)
		return r;
	err_done(err);
	if (r == -ENODEV) {
		r = create(t, mac, err);
		if (r < 0)
			return r;
	}
	r = settle(t, bridge, mtu, err);
	if (r < 0)
		link_delete(t->name, NULL);
	return r;
}

/* ---- all of a bridge */

/* BRIDGE-NAME */
static bool is_named_for(const char *link, const char *bridge)
{
	size_t n = strlen(bridge);

	return !strncmp(link, bridge, n) && link[n] == '-';
}

static bool has(const struct tunnel *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i].name, name))
			return true;
	return false;
}

static int drop_others(const char *bridge, const struct tunnel *list, size_t n, struct err *err)
{
	AUTO(link_list_done) struct link_list links = {0};
	int r = link_list(NETNS_OWN, &links, err);

	for (size_t i = 0; i < links.n_links; i++) {
		const struct link_info *l = &links.links[i];

		if (is_named_for(l->name, bridge) && is_ours(l) && !has(list, n, l->name))
			link_delete(l->name, NULL);
	}
	return r;
}

int tunnels_bring(const char *bridge, struct mac mac, unsigned mtu, const struct tunnel *list, size_t n,
		  struct err *err)
{
	int r = drop_others(bridge, list, n, err);

	for (size_t i = 0; i < n && !r; i++) {
		r = bring_one(bridge, mac, mtu, &list[i], err);
		if (r < 0)
			err_prefix(err, "tunnel %s: ", list[i].name);
	}
	return r;
}

void tunnels_clear(const char *bridge)
{
	drop_others(bridge, NULL, 0, NULL);
}
