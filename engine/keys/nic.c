/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of NICs on a bridge. What says on which network a NIC is, as whom it is known there and what it is
 * kept from is class `host`: its owner could otherwise pose as another instance. */
#include "engine/device/nic.h"
#include "engine/base/auto.h"
#include "engine/device/nic-acl.h"
#include "engine/device/nic-live.h"
#include "engine/keys/nic-rows.h"

const char *const nic_type_words[] = {"bridged", "routed", "p2p", "macvlan", "ipvlan", "physical", NULL};
const char *const acl_action_words[] = {"allow", "allow-stateless", "drop", "reject", NULL};
static const char *const none[] = {"none", NULL};

static const struct key rows[] = {
    NIC_HOST_NAME_ROW,
    {.name = "hwaddr",
     .type = &type_mac,
     .def_text = "a random one that is kept, 00:16:3e and three more bytes",
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text =
	 "MAC address. With security.mac_filtering it is the only one that the instance can send from, so "
	 "setting it decides whom the instance can be."},
    {.name = "ipv4.address",
     .type = &type_ip4,
     .choices = none,
     .def_text = "one of the network's DHCP ranges",
     .class = CLASS_HOST,
     .apply = nic_key_filter,
     .text =
	 "The address that DHCP gives this NIC, and with security.ipv4_filtering the only one that it can "
	 "use. `none`, for a NIC that is filtered, lets no IPv4 through."},
    {.name = "ipv4.routes",
     .type = &type_ip4_nets,
     .class = CLASS_HOST,
     .apply = nic_key_filter,
     .text = "Networks behind the instance: the host looks for their addresses on the bridge, and a filtered "
	     "NIC can "
	     "send from them."},
    {.name = "ipv4.routes.external",
     .type = &type_ip4_nets,
     .class = CLASS_HOST,
     .apply = nic_key_filter,
     .text = "The same as ipv4.routes, for networks that the outside routes to this host."},
    {.name = "ipv6.address",
     .type = &type_ip6,
     .choices = none,
     .def_text = "what the instance makes of the network's prefix",
     .class = CLASS_HOST,
     .apply = nic_key_filter,
     .text = "The address that DHCPv6 gives this NIC, and with security.ipv6_filtering the only one that it "
	     "can use. `none`, for a NIC that is filtered, lets no IPv6 through."},
    {.name = "ipv6.routes",
     .type = &type_ip6_nets,
     .class = CLASS_HOST,
     .apply = nic_key_filter,
     .text = "Networks behind the instance: the host looks for their addresses on the bridge, and a filtered "
	     "NIC can "
	     "send from them."},
    {.name = "ipv6.routes.external",
     .type = &type_ip6_nets,
     .class = CLASS_HOST,
     .apply = nic_key_filter,
     .text = "The same as ipv6.routes, for networks that the outside routes to this host."},
    NIC_LIMITS_ROWS,
    /* A bridge takes on the smallest MTU of its ports, unless it has been set one. */
    NIC_MTU_ROW(.def_text = "that of the bridge",
		.text =
		    "Largest packet. A smaller one than the bridge's may become that of the whole bridge."),
    NIC_NAME_ROW,
    {.name = "network",
     .type = &type_name,
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text = "The network of networks/ that the NIC is on. Either this, or `nictype` and `parent`."},
    NIC_NICTYPE_ROW,
    {.name = "parent",
     .type = &type_ifname,
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text =
	 "A bridge of the host's own, which lxdfs doesn't manage. There is no DHCP of lxdfs on it, so the "
	 "filters of addresses need ipv4.address and ipv6.address."},
    NIC_QUEUE_ROW,
    {.name = "security.acls",
     .type = &type_names,
     .class = CLASS_HOST,
     .apply = nic_key_acl,
     .text = "Access control lists of acls/ that hold for the NIC, one a line: for all IPv4 and IPv6 that it "
	     "sends and "
	     "receives, also from port to port of its bridge. What no rule of any of them matches meets the "
	     "defaults. With "
	     "lists no other frames than ARP, IPv4 and IPv6 pass."},
    {.name = "security.acls.default.egress.action",
     .type = &type_choice,
     .def = "reject",
     .choices = acl_action_words,
     .class = CLASS_HOST,
     .apply = nic_key_acl,
     .text = "What becomes of that which the instance sends and no rule matches, where the NIC has "
	     "security.acls."},
    {.name = "security.acls.default.egress.logged",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .apply = nic_key_acl,
     .text = "Whether the kernel logs it, ten packets a second at most."},
    {.name = "security.acls.default.ingress.action",
     .type = &type_choice,
     .def = "reject",
     .choices = acl_action_words,
     .class = CLASS_HOST,
     .apply = nic_key_acl,
     .text = "What becomes of that which is sent to the instance and no rule matches, where the NIC has "
	     "security.acls. `reject` is a `drop` there: a bridge can't answer for it."},
    {.name = "security.acls.default.ingress.logged",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .apply = nic_key_acl,
     .text = "Whether the kernel logs it, ten packets a second at most."},
    {.name = "security.ipv4_filtering",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .apply = nic_key_filter,
     .text = "Whether the instance can send IPv4 and ARP only as its own address. It switches on "
	     "security.mac_filtering too; where the NIC has no address, no IPv4 passes at all."},
    {.name = "security.ipv6_filtering",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .apply = nic_key_filter,
     .text =
	 "Whether the instance can send IPv6 and neighbour messages only as its own address, and no router "
	 "advertisements. It switches on security.mac_filtering too."},
    {.name = "security.mac_filtering",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .apply = nic_key_filter,
     .text =
	 "Whether the instance can send only from the NIC's own MAC address, and ask DHCP only for itself. "
	 "Bridged containers or virtual machines inside the instance have others, and lose this network. "
	 "Where "
	 "lxdfs serves DHCPv6, leases end with the NIC: what the instance gives back isn't heard."},
    {.name = "security.port_isolation",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .apply = nic_key_port,
     .text = "Whether the NIC reaches the host and what is behind it, but no other NIC of the bridge that is "
	     "isolated as well."},
    DEVICE_TYPE_ROW,
    {.name = "vlan",
     .type = &type_integer,
     .min = 1,
     .max = 4094,
     .choices = none,
     .def_text = "1, the bridge's own",
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text =
	 "VLAN that the NIC is in without seeing tags, or `none`. The host and its DHCP are in VLAN 1. Of a "
	 "managed network the bridge is told to tell VLANs apart; another must do so already. It doesn't go "
	 "with filters of addresses."},
    {.name = "vlan.tagged",
     .type = &type_vlans,
     .class = CLASS_HOST,
     .live = LIVE_REPLUG,
     .text =
	 "VLANs that the NIC is in with tags: numbers and ranges. It doesn't go with filters of addresses."},
};

const struct device_type device_nic_bridged = {
    .name = "nic-bridged",
    .type = "nic",
    .matches = nic_bridged_matches,
    .keys = {.name = "nic-bridged",
	     .text = "Keys of a NIC on a bridge: type=nic with network=NAME, or with nictype=bridged and "
		     "parent=BRIDGE.",
	     .keys = rows,
	     .n = ARRAY_SIZE(rows)},
    .check = nic_bridged_check,
    .attach = nic_bridged_attach,
    .detach = nic_unplug,
    .adopt = nic_bridged_adopt,
    .clear = nic_bridged_clear,
};
