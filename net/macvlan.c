/* SPDX-License-Identifier: Apache-2.0 */
/* Links that are one more MAC address on another. */
#include <errno.h>

#include "net/link-internal.h"
#include "net/link.h"
#include "net/netlink.h"

int macvlan_create(const struct macvlan_spec *spec, struct err *err)
{
	struct nl_msg m = {0};
	size_t info, data;
	int index = link_index(NETNS_OWN, spec->parent, err), r;

	if (index < 0)
		return index;
	r = link_begin_new(&m, spec->name, err);
	if (r < 0)
		return r;
	nl_put_u32(&m, IFLA_LINK, (uint32_t)index);
	nl_put(&m, IFLA_ADDRESS, spec->mac.b, sizeof(spec->mac.b));
	if (spec->mtu)
		nl_put_u32(&m, IFLA_MTU, spec->mtu);
	if (spec->netns_fd != NETNS_OWN)
		nl_put_u32(&m, IFLA_NET_NS_FD, (uint32_t)spec->netns_fd);
	info = nl_nest(&m, IFLA_LINKINFO);
	nl_put_text(&m, IFLA_INFO_KIND, "macvlan");
	data = nl_nest(&m, IFLA_INFO_DATA);
	nl_put_u32(&m, IFLA_MACVLAN_MODE, MACVLAN_MODE_BRIDGE);
	nl_nest_end(&m, data);
	nl_nest_end(&m, info);
	r = nl_request(&m, NETNS_OWN, err);
	if (r == -EEXIST)
		return err_set(err, EEXIST, "there is a link %s already in its namespace", spec->name);
	if (r == -EBUSY)
		return err_set(
		    err, EBUSY,
		    "%s can't have a macvlan: it is a port of a bridge or the like, and what comes in "
		    "there goes to that alone",
		    spec->parent);
	if (r == -EOPNOTSUPP)
		return err_set(err, EOPNOTSUPP,
			       "%s can't have a macvlan: this kernel has none (CONFIG_MACVLAN)",
			       spec->parent);
	if (r < 0)
		err_prefix(err, "macvlan %s of %s can't be made: ", spec->name, spec->parent);
	return r;
}
