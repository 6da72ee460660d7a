/* SPDX-License-Identifier: Apache-2.0 */
/* A managed bridge's part of the host's firewall: table `inet lxdfs`. */
#pragma once

#include "engine/base/err.h"
#include "engine/base/ip.h"

#include <stdbool.h>
#include <stddef.h>

struct nat_family {
	struct ip_net address; /* the bridge's, with its network's length; family 0: this protocol is off */
	bool firewall;	       /* ipvX.firewall: input and forward rules */
	bool routing;	       /* ipvX.routing: forward accept, else reject */
	bool nat;	       /* ipvX.nat */
	bool is_late;	       /* ipvX.nat.order=after: NAT of other tables comes first */
	struct ip snat;	       /* ipvX.nat.address; family 0: masquerade */
	bool dhcp;	       /* accept DHCP (DHCPv6) from the bridge */
};

struct nat_bridge {
	const char *name;
	struct nat_family v4, v6;
	bool dns; /* accept DNS from the bridge, drop it from elsewhere to the bridge's addresses */
};

/** nat_set() - make or replace the rules of a bridge, in one transaction. Return: 0; -EINVAL */
int nat_set(const struct nat_bridge *bridge, struct err *err);
/** nat_clear() - remove them; none there is no failure */
int nat_clear(const char *name, struct err *err);
/** nat_text() - the commands that nat_set() would run, for tests */
int nat_text(struct buf *b, const struct nat_bridge *bridge, struct err *err);
/** nat_teardown() - remove the table with everything in it */
int nat_teardown(struct err *err);
