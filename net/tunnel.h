/* SPDX-License-Identifier: Apache-2.0 */
/* Tunnels that are ports of a bridge: VXLAN and GRE, whose other ends are on other hosts. */
#pragma once

#include "engine/base/err.h"
#include "engine/base/ip.h"

#include <linux/if.h>
#include <stddef.h>

enum tunnel_kind {
	TUNNEL_VXLAN,
	TUNNEL_GRE, /* Ethernet in GRE */
};

struct tunnel {
	char name[IFNAMSIZ]; /* of its link */
	enum tunnel_kind kind;
	struct ip local, remote; /* family 0: none, of VXLAN alone */
	struct ip group;	 /* VXLAN without a remote end: where unknown ones are asked for */
	char link[IFNAMSIZ];	 /* "": of a group the one that the default route goes by */
	unsigned id, ttl;	 /* of VXLAN; ttl 0: the kernel's */
	unsigned port;		 /* of VXLAN; 0: the kernel's, 8472 */
};

/**
 * tunnels_bring() - the bridge has these as ports, and none besides that an earlier call made
 * @mac: of the bridge; @mtu: of the tunnels' links
 *
 * One that is there with the same settings stays as it is. Return: 0; -EEXIST a link that isn't ours has the
 * name; -EOPNOTSUPP the kernel has no such tunnels; -ENODEV; what the kernel says to the settings
 */
int tunnels_bring(const char *bridge, struct mac mac, unsigned mtu, const struct tunnel *list, size_t n,
		  struct err *err);
/** tunnels_clear() - all of a bridge, which may be gone */
void tunnels_clear(const char *bridge);
