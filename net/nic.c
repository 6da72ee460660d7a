/* SPDX-License-Identifier: Apache-2.0 */
/* A bridged NIC: filter, veth, bridge port, in the order that leaves no gap. */
#include "net/nic.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "net/sysctl.h"

static struct filter_port port_of(const struct nic_spec *spec)
{
	return (struct filter_port){
	    .name = spec->host_name,
	    .mac = spec->mac,
	    .flags = spec->flags,
	    .allowed = spec->allowed,
	    .n_allowed = spec->n_allowed,
	};
}

int nic_filter(const struct nic_spec *spec, struct err *err)
{
	const struct filter_port port = port_of(spec);

	return filter_set(&port, 1, err);
}

int nic_filter_later(const struct nic_spec *spec, struct err *err)
{
	const struct filter_port port = port_of(spec);

	return filter_set_later(&port, err);
}

/* A port's frames are the bridge's: the host itself has no business with IPv6 on it. */
static int quiet_ipv6(const char *host_name, struct err *err)
{
	int r = sysctl_net_set(AF_INET6, host_name, "disable_ipv6", 1, err);

	/* a kernel without IPv6, or with it switched off, has no such setting */
	if (r == -ENOENT) {
		err_done(err);
		return 0;
	}
	return r;
}

/* attach(): from the veth on; the filter is there */
static int attach(const struct nic_spec *spec, int netns_fd, unsigned mtu, struct err *err)
{
	const struct bridge_port port = {.isolated = spec->isolated};
	const struct link_change join = {.set = LINK_MASTER, .master = spec->bridge};
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
	r = quiet_ipv6(spec->host_name, err);
	if (!r)
		r = link_set(spec->host_name, &join, err);
	/* in its VLANs and isolated before the first frame */
	if (!r && spec->vlans)
		r = bridge_port_vlans(spec->host_name, spec->vlans, err);
	if (!r)
		r = bridge_port_set(spec->host_name, &port, err);
	if (!r)
		r = link_set(spec->host_name, &up, err);
	if (r < 0)
		link_delete(spec->host_name, NULL);
	return r;
}

int nic_attach(struct nic_spec *spec, int netns_fd, struct err *err)
{
	struct link_info bridge, other;
	int r;

	if (!mac_is_unicast(spec->mac))
		return err_set(err, EINVAL, "NIC %s has no MAC address that a NIC can have", spec->name);
	r = link_get(NETNS_OWN, spec->bridge, &bridge, err);
	if (r < 0)
		return r;
	if (strcmp(bridge.kind, "bridge") != 0)
		return err_set(err, ENODEV, "link %s is no bridge%s%s", spec->bridge,
			       bridge.kind[0] ? ", but a " : "", bridge.kind);
	/* before the filter: that of a NIC that is there isn't touched */
	if (!spec->host_name[0])
		link_random_name(spec->host_name);
	else if (link_get(NETNS_OWN, spec->host_name, &other, NULL) == 0)
		return err_set(err, EEXIST, "there is a link %s already", spec->host_name);
	if (spec->vlans) {
		r = bridge_tell_vlans(spec->bridge, spec->may_change_bridge, err);
		if (r < 0)
			return r;
	}
	r = nic_filter(spec, err);
	if (r < 0)
		return r;
	r = attach(spec, netns_fd, spec->mtu ? spec->mtu : bridge.mtu, err);
	if (r < 0)
		filter_clear(spec->host_name, NULL);
	return r;
}

int nic_detach(const char *host_name, struct err *err)
{
	int r = link_delete(host_name, err);

	if (r < 0 && r != -ENODEV)
		return r;
	err_done(err);
	return filter_clear(host_name, err);
}
