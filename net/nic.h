/* SPDX-License-Identifier: Apache-2.0 */
/* A bridged NIC of a running instance, from one plain description: one call to attach, detach, filter. */
#pragma once

#include "engine/base/err.h"
#include "engine/base/ip.h"
#include "net/filter.h"
#include "net/link.h"

#include <linux/if.h>
#include <stdbool.h>
#include <stddef.h>

struct nic_spec {
	char host_name[IFNAMSIZ]; /* "": nic_attach() fills in a random vethXXXXXXXX */
	char name[IFNAMSIZ];	  /* inside */
	struct mac mac;		  /* inside; must be set */
	const char *bridge;
	unsigned mtu;		      /* 0: the bridge's */
	unsigned txqueuelen;	      /* 0: the kernel's */
	unsigned flags;		      /* enum filter_flags */
	const struct ip_net *allowed; /* borrowed; see struct filter_port */
	size_t n_allowed;
	bool isolated; /* security.port_isolation */
	/* VLANs of the port; NULL: what the bridge gives to new ones. The bridge tells them apart, or is told
	 * to */
	const struct port_vlans *vlans;
	bool may_change_bridge; /* it is lxdfs's */
};

/**
 * nic_attach() - filter, veth with its peer in the instance's namespace, master, up; in this order
 * @spec:     host_name is filled in where it was empty
 * @netns_fd: the instance's network namespace; the peer is left down, as the instance is to set it up
 *
 * There is no moment in which an unfiltered frame can pass. On failure everything is undone.
 *
 * Return: 0; -ENODEV no such bridge; -EEXIST a name is taken, here or inside
 */
int nic_attach(struct nic_spec *spec, int netns_fd, struct err *err);

/** nic_detach() - link first, then its filter; what isn't there any more is no failure */
int nic_detach(const char *host_name, struct err *err);

/** nic_filter() - bring the filter to what @spec says, live and without a gap. Return: as filter_set() */
int nic_filter(const struct nic_spec *spec, struct err *err);
/** nic_filter_later() - of a NIC that an earlier process attached. Return: as filter_set_later() */
int nic_filter_later(const struct nic_spec *spec, struct err *err);
