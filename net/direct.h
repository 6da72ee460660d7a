/* SPDX-License-Identifier: Apache-2.0 */
/* NICs that are a veth between host and instance without a bridge: p2p, which is no more than that, and
 * routed, whose instance has addresses of its own that the host routes to it. */
#pragma once

#include "engine/base/err.h"
#include "engine/base/ip.h"
#include "net/link.h"

#include <linux/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of one protocol. */
struct direct_family {
	const struct ip *addresses; /* the instance's, routed NICs alone; borrowed */
	size_t n_addresses;
	struct ip host;	 /* of the host's end, the instance's gateway */
	bool no_default; /* the instance gets no default route */
	uint32_t table;	 /* routes to the addresses are in this one as well; 0: none */
};

/* All borrowed. */
struct direct_spec {
	char host_name[IFNAMSIZ];
	char name[IFNAMSIZ]; /* inside */
	struct mac mac;	     /* inside */
	unsigned mtu;	     /* 0: the parent's, or 1500 */
	unsigned txqueuelen; /* 0: the kernel's */
	bool is_routed;
	struct direct_family v4, v6;
	const struct ip_net *routes; /* to what is behind the instance, of both protocols */
	size_t n_routes;
	const char *parent; /* routed: on this link the host answers for the addresses; NULL: on none */
};

/**
 * direct_attach() - the veth with its peer in the instance's namespace, up
 * @netns_fd: the instance's network namespace. A routed NIC's peer is set up there and is up; that of a p2p
 * one is left down
 *
 * A routed NIC can't send with another's address at any moment. Its instance's router advertisements have no
 * effect on the host, nor have those of a p2p NIC. On failure all is undone.
 *
 * Return: 0; -ENODEV no parent; -EEXIST a name or a route is taken
 */
int direct_attach(const struct direct_spec *spec, int netns_fd, struct err *err);

/** direct_restore() - what others may have removed since: rules, routes, proxy entries. The link is there */
int direct_restore(const struct direct_spec *spec, struct err *err);

/** direct_is_current() - gateways and routes of the link are what @spec says. Return: 1, 0; -ENODEV no such
 * link
 */
int direct_is_current(const struct direct_spec *spec, struct err *err);

/** direct_detach() - the link, then direct_clear(). Return: 0; on failure the link may still be there */
int direct_detach(const struct direct_spec *spec, struct err *err);
/** direct_clear() - rules and proxy entries of one whose link is gone; what isn't there is no failure. Of the
 * spec host_name, is_routed, addresses and parent are looked at */
int direct_clear(const struct direct_spec *spec, struct err *err);

/** direct_check_parent() - it is there and lets its host answer for others. Return: 0; -ENODEV; -EINVAL with
 * the command that would set what is missing */
int direct_check_parent(const struct direct_spec *spec, struct err *err);
