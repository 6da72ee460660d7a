/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs of veth links. */
#include <errno.h>
#include <linux/veth.h>

#include "net/link-internal.h"
#include "net/link.h"
#include "net/netlink.h"

static void put_sizes(struct nl_msg *m, const struct veth_spec *spec)
{
	nl_put_u32(m, IFLA_MTU, spec->mtu ? spec->mtu : 1500);
	if (spec->txqueuelen)
		nl_put_u32(m, IFLA_TXQLEN, spec->txqueuelen);
}

int veth_create(const struct veth_spec *spec, struct err *err)
{
	struct ifinfomsg peer_info = {.ifi_family = AF_UNSPEC};
	struct nl_msg m = {0};
	size_t info, data, peer;
	int r;

	r = link_check_name(spec->peer_name, err);
	if (r < 0)
		return r;
	r = link_begin_new(&m, spec->host_name, err);
	if (r < 0)
		return r;
	put_sizes(&m, spec);
	info = nl_nest(&m, IFLA_LINKINFO);
	nl_put_text(&m, IFLA_INFO_KIND, "veth");
	data = nl_nest(&m, IFLA_INFO_DATA);
	peer = nl_nest(&m, VETH_INFO_PEER);
	nl_add(&m, &peer_info, sizeof(peer_info));
	nl_put_text(&m, IFLA_IFNAME, spec->peer_name);
	nl_put(&m, IFLA_ADDRESS, spec->peer_mac.b, sizeof(spec->peer_mac.b));
	put_sizes(&m, spec);
	if (spec->peer_netns_fd != NETNS_OWN)
		nl_put_u32(&m, IFLA_NET_NS_FD, (uint32_t)spec->peer_netns_fd);
	nl_nest_end(&m, peer);
	nl_nest_end(&m, data);
	nl_nest_end(&m, info);
	r = nl_request(&m, NETNS_OWN, err);
	if (r == -EEXIST && link_index(NETNS_OWN, spec->host_name, NULL) > 0)
		return err_set(err, EEXIST, "there is a link %s already", spec->host_name);
	if (r == -EEXIST)
		return err_set(err, EEXIST, "there is a link %s already in the namespace of the other end",
			       spec->peer_name);
	if (r < 0)
		err_prefix(err, "veth %s with %s at its other end can't be made: ", spec->host_name,
			   spec->peer_name);
	return r;
}
