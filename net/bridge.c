/* SPDX-License-Identifier: Apache-2.0 */
/* Bridges and flags of their ports. */
#include <errno.h>
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
