/* SPDX-License-Identifier: Apache-2.0 */
/* A bridged NIC worked out: from an effective config to what net/ takes. */
#pragma once

#include "engine/device/network.h"
#include "engine/device/owner.h"
#include "net/nic.h"

struct nic_plan {
	struct nic_spec spec; /* .name may be "": it is chosen when the NIC is attached */
	struct network_view view;
	char *network;	  /* managed; NULL: a bridge that isn't ours */
	struct ip v4, v6; /* what the hosts entry fixes; family 0: nothing */
	bool
	    wants_pin4; /* an address from DHCP, and no other may be used or named: v4 is still to be found */
	/* that there is no address for the filter is a failure, not a NIC that may use none: set by who is
	 * told of it */
	bool must_pin4;
	bool is_apart;	   /* of another project than default: its DNS name is NAME.PROJECT, by its address */
	bool is_lease4;	   /* it was found as what the NIC uses already */
	bool is_name_ours; /* spec.host_name is one that only lxdfs gives */
	struct port_vlans vlans; /* what spec.vlans points to where keys say something of it */
	struct vlan_range *tagged;
	struct ip_net *allowed, *routes;
	size_t n_allowed, n_routes;
};
#define NIC_PLAN_NULL ((struct nic_plan){0})

/**
 * nic_plan_make() - what a device's keys mean
 *
 * Return: 0; -EINVAL a key or its network; nic_plan_done() it in any case
 */
int nic_plan_make(struct object *o, const struct config *effective, const char *device, struct nic_plan *ret,
		  struct err *err);
void nic_plan_done(struct nic_plan *p);
static inline void nic_plan_done_auto(struct nic_plan *p)
{
	nic_plan_done(p);
}

/** nic_mac() - key hwaddr, else what was kept, else made of the instance's uuid: always the same */
struct mac nic_mac(const struct object *o, const struct config *effective, const char *device);
/** nic_host_name() - of the host's end, likewise. Return: whether no admin chose it */
bool nic_host_name(const struct object *o, const struct config *effective, const char *device,
		   char ret[IFNAMSIZ]);
/** nic_index() - for a link that is made inside and found again by it: far above what kernels count up to */
int nic_index(const struct object *o, const char *device);
/** nic_allow() - add to what it may use as source */
void nic_allow(struct nic_plan *p, const struct ip_net *net);
/** ip_nets_of() - "10.0.0.0/8, fd00::/8", separated by commas, spaces, newlines. Return: 0; -EINVAL */
int ip_nets_of(const char *text, struct ip_net **ret, size_t *n, struct err *err);
