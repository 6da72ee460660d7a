/* SPDX-License-Identifier: Apache-2.0 */
/* Routes: added, deleted, and which networks this host uses. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/auto.h"
#include "net/link-internal.h"
#include "net/link.h"
#include "net/netlink.h"

#define NETWORKS_MAX 65536

static void put_ip(struct nl_msg *m, uint16_t type, const struct ip *ip)
{
	nl_put(m, type, ip->bytes, ip_bits(ip) / 8);
}

static int route_change(int netns_fd, const struct route *route, bool add, struct err *err)
{
	int family = route->dst.ip.family, index = 0;
	struct ip_net dst = ip_net_base(&route->dst);
	struct nl_msg m = {0};
	struct rtmsg msg = {
	    .rtm_family = (unsigned char)family,
	    .rtm_dst_len = (unsigned char)dst.len,
	    .rtm_type = RTN_UNICAST,
	    .rtm_protocol = route->protocol ? route->protocol : RTPROT_STATIC,
	    .rtm_scope = RT_SCOPE_UNIVERSE,
	};
	uint32_t table = route->table ? route->table : RT_TABLE_MAIN;

	if (!ip_bits(&dst.ip) || (route->gateway.family && route->gateway.family != family) ||
	    (route->source.family && route->source.family != family))
		return err_set(err, EINVAL, "destination, gateway and source of a route are of one family");
	if (!route->link && !route->gateway.family)
		return err_set(err, EINVAL, "a route leads to a link or a gateway: neither was given");
	if (route->link) {
		index = link_index(netns_fd, route->link, err);
		if (index < 0)
			return index;
	}
	msg.rtm_table = table < 256 ? (unsigned char)table : RT_TABLE_UNSPEC;
	if (!add)
		msg.rtm_scope = RT_SCOPE_NOWHERE;
	else if (family == AF_INET && !route->gateway.family)
		msg.rtm_scope = RT_SCOPE_LINK;
	nl_begin(&m, add ? RTM_NEWROUTE : RTM_DELROUTE, add ? NLM_F_CREATE | NLM_F_EXCL : 0, &msg,
		 sizeof(msg));
	if (dst.len)
		put_ip(&m, RTA_DST, &dst.ip);
	if (route->gateway.family)
		put_ip(&m, RTA_GATEWAY, &route->gateway);
	if (route->source.family)
		put_ip(&m, RTA_PREFSRC, &route->source);
	if (index)
		nl_put_u32(&m, RTA_OIF, (uint32_t)index);
	if (route->metric)
		nl_put_u32(&m, RTA_PRIORITY, route->metric);
	nl_put_u32(&m, RTA_TABLE, table);
	return nl_request(&m, netns_fd, err);
}

int route_add(int netns_fd, const struct route *route, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL;
	int r = route_change(netns_fd, route, true, err);

	if (r == 0)
		return 0;
	buf_ip_net(&text, &route->dst);
	if (r == -EEXIST)
		return err_set(err, EEXIST, "there is a route to %s already", buf_cstr(&text));
	err_prefix(err, "no route to %s: ", buf_cstr(&text));
	return r;
}

int route_del(int netns_fd, const struct route *route, struct err *err)
{
	AUTO(buf_done) struct buf text = BUF_NULL;
	int r = route_change(netns_fd, route, false, err);

	if (r == 0)
		return 0;
	buf_ip_net(&text, &route->dst);
	if (r == -ESRCH)
		return err_set(err, ESRCH, "there is no such route to %s", buf_cstr(&text));
	err_prefix(err, "the route to %s can't be deleted: ", buf_cstr(&text));
	return r;
}

/* ---- networks in use */

static int list_add(struct ip_net_list *list, const struct ip_net *net)
{
	if (list->n == NETWORKS_MAX)
		return -E2BIG;
	if (!(list->n & (list->n - 1)))
		list->nets = xrealloc(list->nets, sizeof(*list->nets) * (list->n ? list->n * 2 : 1));
	list->nets[list->n++] = ip_net_base(net);
	return 0;
}

/* A default route, also in the halves that VPNs lay over it, and 2000::/3 */
static bool is_default(const struct ip_net *net)
{
	return net->len <= (net->ip.family == AF_INET ? 1 : 3);
}

static bool is_multicast(const struct ip *ip)
{
	return ip->family == AF_INET ? (ip->bytes[0] & 0xf0) == 0xe0 : ip->bytes[0] == 0xff;
}

static int visit_route(const struct nlmsghdr *h, void *arg, struct err *err)
{
	const struct rtmsg *msg = NLMSG_DATA(h);
	const struct rtattr *attrs[RTA_MAX + 1];
	struct ip_net net = {0};
	uint32_t table;

	(void)err;
	if (h->nlmsg_type != RTM_NEWROUTE || h->nlmsg_len < NLMSG_LENGTH(sizeof(*msg)))
		return 0;
	nl_attrs(RTM_RTA(msg), RTM_PAYLOAD(h), attrs, RTA_MAX);
	net.ip.family = msg->rtm_family;
	net.len = msg->rtm_dst_len;
	if (!attrs[RTA_DST] || RTA_PAYLOAD(attrs[RTA_DST]) * 8 != ip_bits(&net.ip) ||
	    net.len > ip_bits(&net.ip))
		return 0;
	memcpy(net.ip.bytes, RTA_DATA(attrs[RTA_DST]), RTA_PAYLOAD(attrs[RTA_DST]));
	table = attrs[RTA_TABLE] ? nl_u32(attrs[RTA_TABLE]) : msg->rtm_table;
	if (is_default(&net) || is_multicast(&net.ip) || msg->rtm_type == RTN_BROADCAST ||
	    msg->rtm_flags & RTM_F_CLONED || (table == RT_TABLE_LOCAL && net.len == ip_bits(&net.ip)))
		return 0;
	return list_add(arg, &net);
}

struct on_link {
	int index;
	struct ip_net_list *list;
};

static int visit_on_link(const struct nlmsghdr *h, void *arg, struct err *err)
{
	const struct rtmsg *msg = NLMSG_DATA(h);
	const struct rtattr *attrs[RTA_MAX + 1];
	const struct on_link *on = arg;
	struct ip_net net = {0};
	size_t len;

	(void)err;
	if (h->nlmsg_type != RTM_NEWROUTE || h->nlmsg_len < NLMSG_LENGTH(sizeof(*msg)))
		return 0;
	nl_attrs(RTM_RTA(msg), RTM_PAYLOAD(h), attrs, RTA_MAX);
	net.ip.family = msg->rtm_family;
	net.len = msg->rtm_dst_len;
	len = ip_bits(&net.ip) / 8;
	if ((int)nl_u32(attrs[RTA_OIF]) != on->index || msg->rtm_protocol != RTPROT_STATIC ||
	    (attrs[RTA_TABLE] ? nl_u32(attrs[RTA_TABLE]) : msg->rtm_table) != RT_TABLE_MAIN ||
	    net.len > len * 8 || (attrs[RTA_DST] && RTA_PAYLOAD(attrs[RTA_DST]) != len))
		return 0;
	if (attrs[RTA_DST])
		memcpy(net.ip.bytes, RTA_DATA(attrs[RTA_DST]), len);
	return list_add(on->list, &net);
}

int route_on_link(const char *link, int family, struct ip_net_list *ret, struct err *err)
{
	struct rtmsg msg = {.rtm_family = (unsigned char)family};
	struct ip_net_list list = {0};
	struct on_link on = {link_index(NETNS_OWN, link, err), &list};
	int r = on.index < 0 ? on.index : -EINTR;

	for (int i = 0; i < 4 && r == -EINTR; i++) {
		struct nl_msg m = {0};

		list.n = 0;
		err_done(err);
		nl_begin(&m, RTM_GETROUTE, NLM_F_DUMP, &msg, sizeof(msg));
		r = nl_query(&m, NETNS_OWN, visit_on_link, &on, err);
	}
	if (r < 0) {
		free(list.nets);
		return r;
	}
	*ret = list;
	return 0;
}

int route_networks(int family, struct ip_net_list *ret, struct err *err)
{
	AUTO(link_list_done) struct link_list links = {0};
	struct rtmsg msg = {.rtm_family = (unsigned char)family};
	struct ip_net_list list = {0};
	int r = link_list(NETNS_OWN, &links, err);

	if (r < 0)
		return r;
	r = -EINTR;
	for (int i = 0; i < 4 && r == -EINTR; i++) {
		struct nl_msg m = {0};

		list.n = 0;
		err_done(err);
		nl_begin(&m, RTM_GETROUTE, NLM_F_DUMP, &msg, sizeof(msg));
		r = nl_query(&m, NETNS_OWN, visit_route, &list, err);
	}
	for (size_t i = 0; i < links.n_addrs && r == 0; i++)
		if (links.addrs[i].net.ip.family == family)
			r = list_add(&list, &links.addrs[i].net);
	if (r < 0 && r != -E2BIG) {
		free(list.nets);
		return r;
	}
	err_done(err);
	*ret = list;
	return 0;
}
