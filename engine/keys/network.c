/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of managed bridges: config/ below networks/NAME. Class `host` is what changes the host's own links,
 * addresses, routes or rules: a network that was given to others doesn't hand those out. */
#include "engine/kind/network.h"
#include "engine/base/auto.h"
#include "engine/keys/keys.h"
#include "engine/keys/nic-rows.h"

static const char *const auto_none[] = {"auto", "none", NULL};
static const char *const modes[] = {"standard", NULL};
static const char *const dns_modes[] = {"managed", "dynamic", "none", NULL};
static const char *const orders[] = {"before", "after", NULL};

#define ORDER_ROW(family)                                                                                    \
	{                                                                                                    \
		.name = family ".nat.order", .type = &type_choice, .def = "before", .choices = orders,       \
		.class = CLASS_HOST, .apply = network_apply,                                                 \
		.text = "Whether this network's rules for NAT are asked before those that others have at "   \
			"nftables' priority `srcnat`, or after them: the first that fits decides."           \
	}

static const struct key rows[] = {
    {.name = "bridge.external_interfaces",
     .type = &type_ifnames,
     .class = CLASS_HOST,
     .apply = network_apply,
     .text =
	 "Interfaces of the host that become ports of the bridge, so that instances are on their network. "
	 "An interface with addresses of its own stops using them, which can cut the host off."},
    {.name = "bridge.hwaddr",
     .type = &type_mac,
     .def_text = "a random one that is kept",
     .class = CLASS_HOST,
     .apply = network_apply,
     .text = "MAC address of the bridge. Instances that run keep the old one in their caches for a while."},
    {.name = "bridge.mode",
     .type = &type_choice,
     .def = "standard",
     .choices = modes,
     .class = CLASS_HOST,
     .text = "How the bridge works: `standard` is a bridge with a network of its own. The fan mode is not in "
	     "this release."},
    {.name = "bridge.mtu",
     .type = &type_integer,
     .def_text = "1500, or 1400 where there are tunnels",
     .min = 68,
     .max = 65535,
     .apply = network_apply,
     .text = "Largest packet on the bridge, also told to instances by DHCP and router advertisements. IPv6 "
	     "needs at least 1280."},
    {.name = "dns.domain",
     .type = &type_dns_name,
     .def = "lxd",
     .apply = network_apply,
     .text =
	 "Domain of the instances' names: foo is found as foo.lxd. It is answered on this network alone."},
    {.name = "dns.mode",
     .type = &type_choice,
     .def = "managed",
     .choices = dns_modes,
     .apply = network_apply,
     .text = "Who says how instances are called. `managed`: lxdfs, and no instance can take another's name. "
	     "`dynamic`: instances, in their DHCP requests, true or not. `none`: there is no DNS."},
    {.name = "dns.nameservers",
     .type = &type_ips,
     .def_text = "the bridge",
     .apply = network_apply,
     .text = "Name servers that instances are told by DHCP. Those don't know the instances' names."},
    {.name = "dns.search",
     .type = &type_dns_names,
     .def_text = "dns.domain",
     .apply = network_apply,
     .text = "Domains in which instances look for names without dots, the first one first."},
    {.name = "ipv4.address",
     .type = &type_ip4_net,
     .choices = auto_none,
     .def_text = "auto for a new network",
     .class = CLASS_HOST,
     .apply = network_apply,
     .text = "Address of the bridge with the length of its network. `auto` takes a free private network, and "
	     "the file then says which; `none` goes without IPv4. After a change instances get a new address "
	     "when they ask again."},
    {.name = "ipv4.dhcp",
     .type = &type_bool,
     .def = "true",
     .apply = network_apply,
     .text = "Whether instances get IPv4 addresses by DHCP."},
    {.name = "ipv4.dhcp.expiry",
     .type = &type_duration,
     .def = "1h",
     .min = 120,
     .max = UINT32_MAX,
     .apply = network_apply,
     .text = "How long a lease holds. After its half an instance asks again; a change here reaches it then."},
    {.name = "ipv4.dhcp.gateway",
     .type = &type_ip4,
     .def_text = "the bridge",
     .class = CLASS_HOST,
     .apply = network_apply,
     .text = "Gateway that instances are told. It must be on the bridge's network."},
    {.name = "ipv4.dhcp.ranges",
     .type = &type_ip4_ranges,
     .def_text = "all addresses of the network",
     .apply = network_apply,
     .text = "Addresses that DHCP gives out, a range a line: FIRST-LAST."},
    {.name = "ipv4.firewall",
     .type = &type_bool,
     .def = "true",
     .class = CLASS_HOST,
     .apply = network_apply,
     .text = "Whether lxdfs makes the rules that this network's DHCP, DNS and forwarding need. With `false` "
	     "they are left to the host's own firewall."},
    {.name = "ipv4.nat",
     .type = &type_bool,
     .def = "false",
     .def_text = "false; true is set on a new network whose address is auto",
     .class = CLASS_HOST,
     .apply = network_apply,
     .text = "Whether what goes out of this network has the host's address. Without, others need a route to "
	     "it."},
    {.name = "ipv4.nat.address",
     .type = &type_ip4,
     .def_text = "the address of the interface that the packet leaves by",
     .class = CLASS_HOST,
     .apply = network_apply,
     .text = "The address of the host that ipv4.nat uses."},
    ORDER_ROW("ipv4"),
    {.name = "ipv4.routes",
     .type = &type_ip4_nets,
     .class = CLASS_HOST,
     .apply = network_apply,
     .text = "Networks behind instances, which the host then reaches by way of the bridge, one a line."},
    {.name = "ipv4.routing",
     .type = &type_bool,
     .def = "true",
     .class = CLASS_HOST,
     .apply = network_apply,
     .text = "Whether the host forwards packets between this network and others. Switching it off leaves "
	     "instances among themselves and with the host; the host's ip_forward stays as it is."},
    {.name = "ipv6.accept_ra",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .apply = network_apply,
     .text = "Whether the host believes router advertisements that come from this network. With `true` any "
	     "instance can give the host addresses and routes, and so take its traffic."},
    {.name = "ipv6.address",
     .type = &type_ip6_net,
     .choices = auto_none,
     .def_text = "auto for a new network",
     .class = CLASS_HOST,
     .apply = network_apply,
     .text =
	 "Address of the bridge with the length of its network, a /64 where instances make their own "
	 "addresses. `auto` takes a random network of the kind that is never routed between sites; `none` "
	 "goes without IPv6."},
    {.name = "ipv6.dhcp",
     .type = &type_bool,
     .def = "true",
     .apply = network_apply,
     .text = "Whether instances get more than advertisements by DHCPv6: DNS servers, and with "
	     "ipv6.dhcp.stateful addresses."},
    {.name = "ipv6.dhcp.expiry",
     .type = &type_duration,
     .def = "1h",
     .min = 120,
     .max = UINT32_MAX,
     .apply = network_apply,
     .text = "How long a lease holds."},
    {.name = "ipv6.dhcp.ranges",
     .type = &type_ip6_ranges,
     .def_text = "all addresses of the network",
     .apply = network_apply,
     .text = "Addresses that stateful DHCPv6 gives out, a range a line: FIRST-LAST."},
    {.name = "ipv6.dhcp.stateful",
     .type = &type_bool,
     .def = "false",
     .apply = network_apply,
     .text =
	 "Whether DHCPv6 gives out the addresses. Otherwise instances make their own from what the bridge "
	 "advertises."},
    {.name = "ipv6.firewall",
     .type = &type_bool,
     .def = "true",
     .class = CLASS_HOST,
     .apply = network_apply,
     .text =
	 "Whether lxdfs makes the rules that this network's DHCPv6, DNS and forwarding need. With `false` "
	 "they are left to the host's own firewall."},
    {.name = "ipv6.nat",
     .type = &type_bool,
     .def = "false",
     .def_text = "false; true is set on a new network whose address is auto",
     .class = CLASS_HOST,
     .apply = network_apply,
     .text = "Whether what goes out of this network has the host's address."},
    {.name = "ipv6.nat.address",
     .type = &type_ip6,
     .def_text = "the address of the interface that the packet leaves by",
     .class = CLASS_HOST,
     .apply = network_apply,
     .text = "The address of the host that ipv6.nat uses."},
    ORDER_ROW("ipv6"),
    {.name = "ipv6.routes",
     .type = &type_ip6_nets,
     .class = CLASS_HOST,
     .apply = network_apply,
     .text = "Networks behind instances, which the host then reaches by way of the bridge, one a line."},
    {.name = "ipv6.routing",
     .type = &type_bool,
     .def = "true",
     .class = CLASS_HOST,
     .apply = network_apply,
     .text =
	 "Whether the host forwards packets between this network and others. Forwarding is switched on for "
	 "the whole host, which goes on to accept advertisements where it did."},
    {.name = "raw.dnsmasq",
     .type = &type_text,
     .class = CLASS_HOST,
     .apply = network_apply,
     .text =
	 "Lines that are added to the configuration of this network's dnsmasq, where dnsmasq itself reads "
	 "them without complaint. They can make it run programs and believe instances."},
    {.name = "security.acls",
     .type = &type_names,
     .class = CLASS_HOST,
     .apply = network_apply,
     .text = "Access control lists of acls/ that hold at the network's edge, one a line: for what goes "
	     "between its "
	     "instances and the host, or anything behind it, not for what they send one another. What no "
	     "rule of any of "
	     "them matches meets the defaults."},
    {.name = "security.acls.default.egress.action",
     .type = &type_choice,
     .def = "reject",
     .choices = acl_action_words,
     .class = CLASS_HOST,
     .apply = network_apply,
     .text = "What becomes of that which instances send and no rule matches, where the network has "
	     "security.acls."},
    {.name = "security.acls.default.egress.logged",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .apply = network_apply,
     .text = "Whether the kernel logs it, ten packets a second at most."},
    {.name = "security.acls.default.ingress.action",
     .type = &type_choice,
     .def = "reject",
     .choices = acl_action_words,
     .class = CLASS_HOST,
     .apply = network_apply,
     .text = "What becomes of that which is sent to instances and no rule matches, where the network has "
	     "security.acls."},
    {.name = "security.acls.default.ingress.logged",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .apply = network_apply,
     .text = "Whether the kernel logs it, ten packets a second at most."},
    {.name = "tunnel.*",
     .type = &type_string,
     .class = CLASS_HOST,
     .apply = network_apply,
     .text =
	 "A tunnel to bridges of other hosts: tunnel.NAME.protocol is vxlan or gre, .local and .remote its "
	 "ends. A vxlan without .remote finds others by .group (239.0.0.1), .interface (that of the default "
	 "route) and .ttl (1); its number is .id (1), its port .port (8472). It is made when it has what it "
	 "needs. Nothing is encrypted."},
    {.name = "user.*",
     .type = &type_text,
     .text = "Free for notes and for tools of your own. lxdfs keeps it and does nothing with it."},
    {.name = "volatile.*",
     .type = &type_string,
     .mode = 0440,
     .text = "What the daemon remembers of the network, such as the bridge's MAC address. Not to be set by "
	     "hand."},
};

const struct key_table keys_network_bridge = {
    .name = "network-bridge",
    .text = "Keys in config/ of a managed bridge.",
    .keys = rows,
    .n = ARRAY_SIZE(rows),
};
