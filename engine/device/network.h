/* SPDX-License-Identifier: Apache-2.0 */
/* What a NIC needs of a managed network, from the network's effective config alone. */
#pragma once

#include "engine/base/ip.h"
#include "engine/model/host.h"

struct network_view {
	char bridge[16];      /* link */
	struct ip_net v4, v6; /* the bridge's; family 0: none */
	bool dhcp4, dhcp6, stateful6, has_dns;
	bool names_by_mac; /* dns.mode managed: no request may move a name */
	char domain[254];
	unsigned mtu;	 /* 0: the kernel's */
	bool is_managed; /* false: somebody else's bridge, only .bridge holds */
};

/** network_view_of() - by the name of a managed network. Return: 0; -ENOENT no such network; -EINVAL its
 * addresses don't read */
int network_view_of(struct host *h, const char *network, struct network_view *ret, struct err *err);
/** network_view_from() - the same from a config that need not be published. Return: 0; -EINVAL */
int network_view_from(const char *bridge, const struct config *c, struct network_view *ret, struct err *err);
/** network_run_dir(), network_lease_dir() - of its dnsmasq (net/dnsmasq.h); freed by the caller */
char *network_run_dir(struct host *h, const char *network);
char *network_lease_dir(struct host *h, const char *network);
