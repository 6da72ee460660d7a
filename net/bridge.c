/* SPDX-License-Identifier: Apache-2.0 */
/* Bridges and flags of their ports. */
#include <errno.h>
#include <linux/if_bridge.h>
#include <string.h>

#include "net/link-internal.h"
#include "net/link.h"
#include "net/netlink.h"

int bridge_create(const struct bridge_spec *spec, struct err *err)
{
	struct link_change mtu = {.set = LINK_MTU, .mtu = spec->mtu};
	struct nl_msg m = {0};
	size_t nest;
	int r = link_begin_new(&m, spec->name, err);

	if (r < 0)
		return r;
	nl_put(&m, IFLA_ADDRESS, spec->mac.b, sizeof(spec->mac.b));
	nest = nl_nest(&m, IFLA_LINKINFO);
	nl_put_text(&m, IFLA_INFO_KIND, "bridge");
	nl_nest_end(&m, nest);
	r = nl_request(&m, NETNS_OWN, err);
	if (r == -EEXIST)
		return err_set(err, EEXIST, "there is a link %s already", spec->name);
	if (r < 0) {
		err_prefix(err, "bridge %s can't be made: ", spec->name);
		return r;
	}
	/* only a change after the creation keeps the bridge from following its ports (br_change_mtu) */
	if (spec->mtu)
		r = link_set(spec->name, &mtu, err);
	if (r < 0)
		link_delete(spec->name, NULL);
	return r;
}

/* Frames to 01:80:c2:00:00:0X, LLDP's among them, go to the host past the filter and teach the bridge the MAC
 * they come from, unless they are to be forwarded like any others. All but pause frames (1), which the bridge
 * drops and the kernel lets nobody forward. (br_handle_frame() in net/bridge/br_input.c) */
enum { PORT_FORWARDS = 0xfffd };

int bridge_port_set(const char *name, const struct bridge_port *port, struct err *err)
{
	struct nl_msg m = {0};
	const uint16_t forwards = PORT_FORWARDS;
	size_t info, data;
	int r = link_begin(&m, RTM_NEWLINK, name, err);

	if (r < 0)
		return r;
	info = nl_nest(&m, IFLA_LINKINFO);
	nl_put_text(&m, IFLA_INFO_SLAVE_KIND, "bridge");
	data = nl_nest(&m, IFLA_INFO_SLAVE_DATA);
	nl_put_u8(&m, IFLA_BRPORT_ISOLATED, port->isolated);
	nl_put_u8(&m, IFLA_BRPORT_MODE, port->hairpin);
	nl_put_u8(&m, IFLA_BRPORT_LEARNING, !port->no_learning);
	nl_put(&m, IFLA_BRPORT_GROUP_FWD_MASK, &forwards, sizeof(forwards));
	nl_nest_end(&m, data);
	nl_nest_end(&m, info);
	r = nl_request(&m, NETNS_OWN, err);
	if (r == -ENODEV)
		return err_set(err, ENODEV, "there is no link %s", name);
	if (r == -EOPNOTSUPP)
		return err_set(err, EOPNOTSUPP, "link %s is no port of a bridge", name);
	if (r < 0)
		err_prefix(err, "port %s can't be changed: ", name);
	return r;
}

static bool flag(const struct rtattr *a)
{
	return a && RTA_PAYLOAD(a) >= 1 && *(const unsigned char *)RTA_DATA(a);
}

static int visit_port(const struct nlmsghdr *h, void *arg, struct err *err)
{
	const struct rtattr *attrs[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1], *port[IFLA_BRPORT_MAX + 1];
	struct bridge_port *ret = arg;

	if (!link_attrs(h, attrs, info))
		return err_set(err, EBADMSG, "the kernel's answer about a link doesn't read");
	if (!nl_text_is(info[IFLA_INFO_SLAVE_KIND], "bridge") || !info[IFLA_INFO_SLAVE_DATA])
		return -EOPNOTSUPP;
	nl_attrs(RTA_DATA(info[IFLA_INFO_SLAVE_DATA]), RTA_PAYLOAD(info[IFLA_INFO_SLAVE_DATA]), port,
		 IFLA_BRPORT_MAX);
	ret->isolated = flag(port[IFLA_BRPORT_ISOLATED]);
	ret->hairpin = flag(port[IFLA_BRPORT_MODE]);
	ret->no_learning = !flag(port[IFLA_BRPORT_LEARNING]);
	return 0;
}

int bridge_port_get(const char *name, struct bridge_port *ret, struct err *err)
{
	struct bridge_port port = {0};
	int r = link_query(NETNS_OWN, name, visit_port, &port, err);

	if (r == -EOPNOTSUPP)
		return err_set(err, EOPNOTSUPP, "link %s is no port of a bridge", name);
	if (!r)
		*ret = port;
	return r;
}

/* ---- VLANs */

static int visit_filtering(const struct nlmsghdr *h, void *arg, struct err *err)
{
	const struct rtattr *attrs[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1], *data[IFLA_BR_MAX + 1];

	(void)err;
	if (!link_attrs(h, attrs, info) || !nl_text_is(info[IFLA_INFO_KIND], "bridge") ||
	    !info[IFLA_INFO_DATA])
		return -ENODEV;
	nl_attrs(RTA_DATA(info[IFLA_INFO_DATA]), RTA_PAYLOAD(info[IFLA_INFO_DATA]), data, IFLA_BR_MAX);
	/* a kernel that can't leaves it out */
	*(int *)arg = !data[IFLA_BR_VLAN_FILTERING] ? -1 : flag(data[IFLA_BR_VLAN_FILTERING]);
	return 0;
}

static int no_vlans(const char *name, struct err *err)
{
	return err_set(err, EOPNOTSUPP,
		       "bridge %s can't tell VLANs apart: this kernel has no VLANs of bridges "
		       "(CONFIG_BRIDGE_VLAN_FILTERING)",
		       name);
}

int bridge_tell_vlans(const char *name, bool may_set, struct err *err)
{
	struct nl_msg m = {0};
	size_t info, data;
	int now = 0, r = link_query(NETNS_OWN, name, visit_filtering, &now, err);

	if (r < 0 || now > 0)
		return r;
	if (now < 0)
		return no_vlans(name, err);
	if (!may_set)
		return err_set(
		    err, EINVAL,
		    "bridge %s doesn't tell VLANs apart, and isn't lxdfs's to change: ip link set %s type "
		    "bridge vlan_filtering 1",
		    name, name);
	r = link_begin(&m, RTM_NEWLINK, name, err);
	if (r < 0)
		return r;
	info = nl_nest(&m, IFLA_LINKINFO);
	nl_put_text(&m, IFLA_INFO_KIND, "bridge");
	data = nl_nest(&m, IFLA_INFO_DATA);
	nl_put_u8(&m, IFLA_BR_VLAN_FILTERING, 1);
	nl_nest_end(&m, data);
	nl_nest_end(&m, info);
	r = nl_request(&m, NETNS_OWN, err);
	if (r == -EOPNOTSUPP)
		return no_vlans(name, err);
	if (r < 0)
		err_prefix(err, "bridge %s can't be told to look at VLANs: ", name);
	return r;
}

static void put_vlans(struct nl_msg *m, uint16_t first, uint16_t last, uint16_t flags)
{
	struct bridge_vlan_info info = {.flags = flags, .vid = first};

	if (first != last)
		info.flags |= BRIDGE_VLAN_INFO_RANGE_BEGIN;
	nl_put(m, IFLA_BRIDGE_VLAN_INFO, &info, sizeof(info));
	if (first == last)
		return;
	info = (struct bridge_vlan_info){.flags = flags | BRIDGE_VLAN_INFO_RANGE_END, .vid = last};
	nl_put(m, IFLA_BRIDGE_VLAN_INFO, &info, sizeof(info));
}

static size_t vlans_begin(struct nl_msg *m, uint16_t type, int index)
{
	struct ifinfomsg info = {.ifi_family = AF_BRIDGE, .ifi_index = index};

	nl_begin(m, type, 0, &info, sizeof(info));
	return nl_nest(m, IFLA_AF_SPEC);
}

int bridge_port_vlans(const char *name, const struct port_vlans *vlans, struct err *err)
{
	const uint16_t untagged = BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED;
	int index = link_index(NETNS_OWN, name, err), r;
	struct nl_msg m = {0};
	size_t nest;

	if (index < 0)
		return index;
	nest = vlans_begin(&m, RTM_DELLINK, index);
	put_vlans(&m, 1, 4094, 0);
	nl_nest_end(&m, nest);
	r = nl_request(&m, NETNS_OWN, err);
	if (!r && (vlans->untagged || vlans->n)) {
		nest = vlans_begin(&m, RTM_SETLINK, index);
		for (size_t i = 0; i < vlans->n; i++)
			put_vlans(&m, vlans->list[i].first, vlans->list[i].last, 0);
		/* last: it may be in the list as well */
		if (vlans->untagged)
			put_vlans(&m, vlans->untagged, vlans->untagged, untagged);
		nl_nest_end(&m, nest);
		r = nl_request(&m, NETNS_OWN, err);
	}
	if (r < 0)
		err_prefix(err, "port %s can't be put into its VLANs: ", name);
	return r;
}
