/* SPDX-License-Identifier: Apache-2.0 */
/* Links that are more addresses on another, with its MAC. In mode l3s the host's stack passes packets on, so
 * they meet its firewall, and the host answers for the addresses on the parent. */
#pragma once

#include "engine/base/err.h"
#include "engine/base/ip.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ipvlan_family {
	struct ip gateway; /* of mode l2; family 0: none */
	bool no_default;   /* of mode l3s: no default route, which leads to the link alone */
	uint32_t table;	   /* of the host, with routes to the addresses as well; 0: none */
};

/* All borrowed. */
struct ipvlan_spec {
	const char *parent;
	bool is_l3s;  /* else l2 */
	unsigned mtu; /* 0: the parent's */
	int index;    /* in its namespace, chosen by the caller: it is found by that */
	const struct ip *addresses;
	size_t n_addresses;
	struct ipvlan_family v4, v6;
};

/**
 * ipvlan_attach() - make it in a namespace, with addresses and routes, up; and what the host needs for it
 *
 * On failure all is undone. Return: 0; -EEXIST the name is taken; -ENODEV no parent; -EBUSY it has a macvlan
 * or is a port; -EOPNOTSUPP the kernel has none; -EINVAL the parent isn't set up, with the command
 */
int ipvlan_attach(const struct ipvlan_spec *spec, const char *name, int netns_fd, struct err *err);
/** ipvlan_is_there() - by its index. Return: 1, 0, or a failure */
int ipvlan_is_there(const struct ipvlan_spec *spec, int netns_fd, struct err *err);
/** ipvlan_detach() - the link, where the namespace still is (else NETNS_OWN), and ipvlan_clear() */
int ipvlan_detach(const struct ipvlan_spec *spec, int netns_fd, struct err *err);
/** ipvlan_restore(), ipvlan_clear() - routes and proxy entries of the host; what is so already is no failure
 */
int ipvlan_restore(const struct ipvlan_spec *spec, struct err *err);
void ipvlan_clear(const struct ipvlan_spec *spec);
